//! What a container is called, without asking anybody.

/// The name that Kubernetes gives a container, from the text of /proc/PID/mountinfo. The kubelet mounts
/// a file into each, `…/pods/POD/containers/NAME/8 HEX DIGITS`, whose place inside and whose own folder
/// can be set otherwise.
pub fn of_kubernetes(mountinfo: &str) -> Option<&str> {
    sources(mountinfo).find_map(|source| {
        let mut names = source.rsplit('/');
        let (file, name, containers) = (names.next()?, names.next()?, names.next()?);
        let (pod, pods) = (names.next()?, names.next()?);
        let is_it = file.len() == 8 && is_hex(file) && containers == "containers" && pods == "pods";
        (is_it && !pod.is_empty() && !name.is_empty()).then_some(name)
    })
}

/// The id that a runtime gives a container: 64 hexadecimal digits in the name of its group or, of
/// Docker, in what is mounted as its `/etc/hostname`; on Fargate that of the task and ten digits.
pub fn id<'text>(group: &'text str, mountinfo: &'text str) -> Option<&'text str> {
    let last = group.rsplit('/').next().unwrap_or_default();
    let of_docker = || {
        sources(mountinfo).find_map(|source| {
            let (folders, file) = source.rsplit_once('/')?;
            let (above, id) = folders.rsplit_once('/')?;
            let is_it = file == "hostname" && above.ends_with("/containers");
            (is_it && is_id(id)).then_some(id)
        })
    };
    let digits = last.split(|letter: char| !letter.is_ascii_hexdigit()).find(|run| is_id(run));
    digits.or_else(|| is_id_on_fargate(last).then_some(last)).or_else(of_docker)
}

/// The name of a container that has none: the beginning of its id as Docker shows it, or what its
/// group is called.
pub fn short<'text>(id: Option<&'text str>, group: &'text str) -> &'text str {
    match id {
        // The beginning of one on Fargate is the task's, and so the same for all.
        Some(id) if is_id(id) => &id[..SHORT],
        Some(id) => id,
        None => group.rsplit('/').find(|name| !matches!(*name, "" | "..")).unwrap_or(NAMELESS),
    }
}

/// What is mounted, of each mount, in the file system that it is on.
fn sources(mountinfo: &str) -> impl Iterator<Item = &str> {
    mountinfo.lines().filter_map(|line| line.split(' ').nth(3))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|letter| letter.is_ascii_hexdigit())
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

fn is_id_on_fargate(text: &str) -> bool {
    text.split_once('-').is_some_and(|(task, number)| {
        let is_number = number.bytes().all(|letter| letter.is_ascii_digit());
        task.len() == 32 && is_hex(task) && !number.is_empty() && is_number
    })
}

/// As many digits of an id as Docker shows.
const SHORT: usize = 12;

/// A container whose group has no name that can be seen from here: the agent's own, in a private
/// namespace, of a runtime that leaves no other trace.
const NAMELESS: &str = "own";

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9c40d7e21b6f83a5c7e8f01d2a4b69835e7c1d0f6a2b4e8d93c5f7a1b0e6d482";
    const POD: &str = "99ee3a64-645b-4699-9384-5a3875d78b41";

    #[test]
    fn the_kubelets_mount_names_the_container() {
        let line = |source: &str, target: &str| {
            format!(
                "1 2 0:9 / / rw - overlay o rw\n3 4 259:1 {source} {target} rw,relatime - ext4 /dev/root rw\n"
            )
        };
        for (source, target, name) in [
            (
                format!("/var/lib/kubelet/pods/{POD}/containers/app/3a9f01bc"),
                "/dev/termination-log",
                Some("app"),
            ),
            (format!("/pods/{POD}/containers/my-app/0000abcd"), "/tmp/log", Some("my-app")),
            (
                format!("/minikube/lib/kubelet/pods/{POD}/containers/istio-proxy/12345678"),
                "/dev/termination-log",
                Some("istio-proxy"),
            ),
            (format!("/var/lib/kubelet/pods/{POD}/etc-hosts"), "/etc/hosts", None),
            (format!("/pods/{POD}/volumes/app/3a9f01bc"), "/dev/termination-log", None),
            (format!("/pods/{POD}/containers/app/3a9f01"), "/dev/termination-log", None),
            (format!("/pods/{POD}/containers/app/3a9f01xy"), "/dev/termination-log", None),
            ("/containers/app/3a9f01bc".to_owned(), "/dev/termination-log", None),
        ] {
            assert_eq!(of_kubernetes(&line(&source, target)), name, "{source}");
        }
    }

    #[test]
    fn the_id_stands_in_the_group_or_in_a_mount() {
        let hostname =
            format!("7 4 259:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw");
        for (group, mountinfo, id_expected) in [
            (format!("/docker/{ID}"), "", Some(ID)),
            (format!("/../{ID}"), "", Some(ID)),
            (format!("/../docker-{ID}.scope"), "", Some(ID)),
            (format!("/../cri-containerd-{ID}.scope"), "", Some(ID)),
            ("/".to_owned(), hostname.as_str(), Some(ID)),
            ("/../app".to_owned(), "", None),
            (format!("/../{}", &ID[..12]), "", None),
            ("/".to_owned(), "7 4 259:1 /containers/x/hostname /etc/hostname rw", None),
        ] {
            assert_eq!(id(&group, mountinfo), id_expected, "{group}");
        }
        let fargate =
            "/ecs/5d0f2a7be4c94e0c8d7a9b1f3c6e2a40/5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-1740082371";
        assert_eq!(id(fargate, ""), Some("5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-1740082371"));
    }

    #[test]
    fn without_a_name_it_is_the_beginning_of_the_id() {
        let fargate = "5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-1740082371";
        for (id, group, name) in [
            (Some(ID), "/docker/x", "9c40d7e21b6f"),
            (Some(fargate), "/ecs/x", fargate),
            (None, "/../dind", "dind"),
            (None, "/../..", "own"),
            (None, "/", "own"),
        ] {
            assert_eq!(short(id, group), name, "{id:?} {group}");
        }
    }
}
