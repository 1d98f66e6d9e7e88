//! Which container a process is in, from the texts of /proc/PID/cgroup and /proc/PID/mountinfo.
//!
//! Both can be read without any right. The paths in them are relative to the namespace of the reader:
//! a neighbour's begin with `/..` where the control groups are private.

use std::path::Path;

use crate::source::cgroup::{Group, mounted};

/// The texts of a process, and where its files are seen.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'text> {
    pub cgroup: &'text str,
    pub mountinfo: &'text str,
    /// Its root directory, such as `/proc/22/root`.
    pub root: &'text Path,
}

impl Texts<'_> {
    /// The group of the process's container that has a controller.
    pub fn group(&self, controller: &str) -> Option<Group> {
        let group = Group::find(controller, self.cgroup, self.mountinfo, self.root)?;
        // The other hierarchy of a hybrid system has other groups, often none but its root.
        group.has(controller, self.cgroup).then(|| group.of_neighbour())
    }

    /// The path of its container's group, which is the same for all processes of a container. `None`
    /// where no mount of the process holds its group.
    pub fn container(&self) -> Option<String> {
        CONTROLLERS.iter().find_map(|controller| Some(self.group(controller)?.path()))
    }

    /// Whether the process sees the group of a container, be it in that or not.
    pub fn shows(&self, container: &str) -> bool {
        CONTROLLERS.iter().any(|controller| {
            mounted(controller, self.cgroup, self.mountinfo).any(|root| root == container)
        })
    }
}

/// The path of a process's own group, from the text of /proc/PID/cgroup.
pub fn own_path(cgroup: &str) -> Option<&str> {
    CONTROLLERS.iter().find_map(|controller| Group::path_in(controller, cgroup))
}

/// Whether a path is a container's, or lies below: then it is a part of that container.
pub fn is_within(path: &str, container: &str) -> bool {
    let ((ups, names), (container_ups, container_names)) = (ups(path), ups(container));
    if container_names.is_empty() {
        // `/..` is the group above that of the reader, which has all that is no further up.
        return ups <= container_ups;
    }
    let below = names.strip_prefix(container_names);
    ups == container_ups && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How many groups a path leads up from that of the reader's namespace, and its names from there on.
fn ups(path: &str) -> (usize, &str) {
    let (mut ups, mut rest) = (0, path);
    while let Some(below) = rest.strip_prefix("/..")
        && (below.is_empty() || below.starts_with('/'))
    {
        (ups, rest) = (ups + 1, below);
    }
    (ups, rest.trim_end_matches('/'))
}

/// Those that a container is told by: the first that there is.
const CONTROLLERS: [&str; 2] = ["cpuacct", "memory"];

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    const V2: &str = "/sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw";

    /// The container of a process by its group and the root of its mount of version 2.
    fn v2(path: &str, mounted: &str) -> Option<String> {
        let cgroup = format!("0::{path}\n");
        let mountinfo =
            format!("104 90 0:4 / /proc rw - proc proc rw\n105 104 0:24 {mounted} {V2}\n");
        let root = Path::new("/nonexistent");
        Texts { cgroup: &cgroup, mountinfo: &mountinfo, root }.container()
    }

    #[test]
    fn the_container_is_what_its_mount_shows() {
        for (path, mounted, container) in [
            ("/../dind/docker/x", "/../dind", "/../dind"),
            ("/../dind/init", "/../dind", "/../dind"),
            ("/../app", "/../app", "/../app"),
            ("/../../pod2/app/sub", "/../../pod2/app", "/../../pod2/app"),
            ("/kubepods/pod1/dind/docker/x", "/kubepods/pod1/dind", "/kubepods/pod1/dind"),
        ] {
            assert_eq!(v2(path, mounted).as_deref(), Some(container), "{path} {mounted}");
        }
    }

    #[test]
    fn a_group_is_within_those_above_it() {
        for (path, container, expected) in [
            ("/../app", "/../app", true),
            ("/../app/sub", "/../app", true),
            ("/../app2", "/../app", false),
            ("/docker/x", "/", true),
            ("/", "/", true),
            ("/../app", "/", false),
            ("/../app", "/..", true),
            ("/", "/..", true),
            ("/docker/x", "/../..", true),
            ("/../../pod/app", "/..", false),
            ("/../../pod/app", "/../../pod", true),
            ("/../pod/app", "/../../pod", false),
            ("/..app", "/..", true),
        ] {
            assert_eq!(is_within(path, container), expected, "{path} {container}");
        }
    }

    #[test]
    fn a_mount_that_does_not_hold_the_group_shows_no_container() {
        for (path, mounted) in
            [("/../hostns", "/../../.."), ("/../app", "/../other"), ("/../app2", "/../app")]
        {
            assert_eq!(v2(path, mounted), None, "{path} {mounted}");
        }
    }

    #[test]
    fn of_the_hosts_hierarchy_the_container_is_the_processs_own_group() {
        let id = "9c40d7e21b6f83a5c7e8f01d2a4b69835e7c1d0f6a2b4e8d93c5f7a1b0e6d482";
        for (path, container) in [
            ("/kubepods/burstable/pod1/app".to_owned(), "/kubepods/burstable/pod1/app".to_owned()),
            ("/kubepods/pod1/app/sub".to_owned(), "/kubepods/pod1/app".to_owned()),
            (format!("/docker/{id}/init"), format!("/docker/{id}")),
            ("/plain".to_owned(), "/plain".to_owned()),
        ] {
            assert_eq!(v2(&path, "/"), Some(container), "{path}");
        }
    }

    #[test]
    fn in_version_1_it_is_told_by_the_controller_of_cpu_time() {
        let line = |number, mounted, point: &str, controllers| {
            format!(
                "{number} 90 0:3{number} {mounted} {point} ro - cgroup cgroup rw,{controllers}\n"
            )
        };
        let mountinfo = line(1, "/../app", "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct")
            + &line(2, "/../app", "/sys/fs/cgroup/memory", "memory");
        let cgroup = "2:memory:/../app\n1:cpu,cpuacct:/../app/sub\n0::/../app\n";
        let root = Path::new("/nonexistent");
        let texts = Texts { cgroup, mountinfo: &mountinfo, root };
        assert_eq!(texts.container().as_deref(), Some("/../app"));
        let memory = texts.group("memory").expect("it is mounted");
        assert_eq!(memory.own(), Path::new("/nonexistent/sys/fs/cgroup/memory"));
        // Without a mount of it, the memory tells.
        let mountinfo = line(2, "/../app", "/sys/fs/cgroup/memory", "memory");
        let texts = Texts { cgroup, mountinfo: &mountinfo, root };
        assert_eq!(texts.container().as_deref(), Some("/../app"));
        assert!(texts.group("cpuacct").is_none());
    }

    #[test]
    fn on_a_hybrid_system_the_other_hierarchy_tells_no_container() {
        let mountinfo = "1 90 0:41 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let root = Path::new("/nonexistent");
        let texts =
            Texts { cgroup: "3:memory:/../app\n2:cpuacct:/../app\n0::/\n", mountinfo, root };
        assert_eq!(texts.container(), None);
        let texts = Texts { cgroup: "2:cpuset:/\n0::/app\n", mountinfo, root };
        assert_eq!(texts.container().as_deref(), Some("/app"), "no other has the controller");
    }

    /// The root of a namespace has the path `/`, and so has that of the machine.
    #[test]
    fn the_root_of_a_private_namespace_is_a_container_with_all_groups_below() {
        let v1 = "1 90 0:31 / /cg ro - cgroup cgroup rw,cpuacct\n";
        let v2 = "1 90 0:31 / /cg ro - cgroup2 cgroup rw\n";
        for (file, cgroup, mountinfo, container) in [
            ("cg/tasks", "1:cpuacct:/init\n", v1, "/"),
            ("cg/cgroup.events", "0::/init\n", v2, "/"),
            ("cg/cpu.stat", "0::/init\n", v2, "/init"),
        ] {
            let tree = Tree::new(&format!("== {file}\n0\n"));
            let texts = Texts { cgroup, mountinfo, root: tree.root() };
            assert_eq!(texts.container().as_deref(), Some(container), "{file}");
            // Only the machine's own root has this file.
            tree.change("== cg/release_agent\n");
            let texts = Texts { cgroup, mountinfo, root: tree.root() };
            let container = if file == "cg/tasks" { "/init" } else { container };
            assert_eq!(texts.container().as_deref(), Some(container), "{file}");
        }
    }

    #[test]
    fn a_part_of_a_container_is_told_by_its_path() {
        for (path, container, expected) in [
            ("/../dind/docker/x", "/../dind", true),
            ("/../dind", "/../dind", true),
            ("/../dind2", "/../dind", false),
            ("/../app", "/../dind", false),
            ("/init", "/", true),
            ("/", "/", true),
            ("/../app", "/", false),
            ("/kubepods/pod1/app", "/kubepods/pod1/app/sub", false),
        ] {
            assert_eq!(is_within(path, container), expected, "{path} {container}");
        }
    }

    #[test]
    fn the_own_path_is_that_of_the_cpu_time() {
        let hybrid = "9:name=systemd:/\n4:memory:/m\n2:cpu,cpuacct:/c\n0::/u\n";
        for (cgroup, path) in [
            (hybrid, Some("/c")),
            ("4:memory:/m\n0::/u\n", Some("/u")),
            ("0::/../app\n", Some("/../app")),
            ("4:memory:/m\n", Some("/m")),
            ("9:name=systemd:/\n", None),
            ("", None),
        ] {
            assert_eq!(own_path(cgroup), path, "{cgroup:?}");
        }
    }
}
