//! Whether there is nothing in the container but the agent.

use std::fs;
use std::path::Path;

use super::texts;
use crate::source::cgroup::Group;
use crate::source::kernel_file::bytes;

/// Whether this process is the only one in its container. Not known counts as no.
pub fn is_alone(root: &Path) -> bool {
    let own = fs::read_link(root.join("proc/self")).ok();
    let own = own.as_ref().and_then(|own| own.to_str());
    let [Ok(cgroup), Ok(mountinfo)] = texts(root) else { return false };
    let find = |controller| Group::find(controller, &cgroup, &mountinfo, root);
    let group = find("memory").or_else(|| find("cpuacct")).map(Group::of_container);
    own.zip(group).is_some_and(|(own, group)| holds_only(group.own(), own))
}

/// Whether a group and those below it have no other process. Those of other PID namespaces are 0.
fn holds_only(directory: &Path, process: &str) -> bool {
    let Ok(processes) = bytes(&directory.join("cgroup.procs")) else { return false };
    let processes = String::from_utf8_lossy(&processes);
    let Ok(below) = fs::read_dir(directory) else { return false };
    let mut below = below.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    processes.lines().all(|line| line == process) && below.all(|path| holds_only(&path, process))
}

/// What to do about it.
pub const WARNING: &str = "only this agent is in its container, so it measures itself: to measure the \
    containers beside it, let them share a PID namespace and set --scope pod; to measure a service in this \
    container, start it with the agent: -- COMMAND; to measure the machine, set --scope host";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use support::tree::Tree;

    /// A container in a private namespace with these processes, and some in a group below.
    fn of(processes: &str, below: &str) -> bool {
        let tree = Tree::new(&format!(
            "== proc/7/cgroup\n0::/\n\
             == proc/7/mountinfo\n1 0 0:24 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n\
             == sys/fs/cgroup/cgroup.events\npopulated 1\n\
             == sys/fs/cgroup/cgroup.procs\n{processes}\
             == sys/fs/cgroup/below/cgroup.procs\n{below}"
        ));
        symlink("7", tree.root().join("proc/self")).expect("a new name");
        is_alone(tree.root())
    }

    #[test]
    fn it_is_alone_where_no_other_process_is_in_the_container() {
        for (processes, below, expected) in [
            ("7\n", "", true),
            ("1\n7\n", "", false),
            ("7\n", "8\n", false),
            ("", "7\n", true),
            // One that came in from another namespace.
            ("0\n7\n", "", false),
        ] {
            assert_eq!(of(processes, below), expected, "{processes:?} {below:?}");
        }
        let tree = Tree::new("== proc/7/cgroup\n0::/\n");
        assert!(!is_alone(tree.root()), "nothing is known");
    }
}
