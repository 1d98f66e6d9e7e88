//! Which of several limits binds, in each version and namespace.

use std::fs;

use super::{fixture, read_once};
use crate::source::cgroup::Version::{self, V1, V2};
use support::tree::Tree;

/// Fixtures without limits whose group has another around it that can be seen. Each with the
/// version of its files, and the path of the group.
const NESTED: [(&str, Version, &str); 5] = [
    ("v2-host-memory-high", V2, r"system.slice/system-foo\x2dbar.slice/foo-bar@1.service"),
    ("v1-host-systemd", V1, "system.slice/foo.service"),
    ("v1-private-systemd", V1, "system.slice/agent.service"),
    ("hybrid-host-systemd", V1, "system.slice/foo.service"),
    ("hybrid-private-systemd", V1, "system.slice/agent.service"),
];

struct Nested {
    fixture: &'static str,
    version: Version,
    group: &'static str,
    tree: Tree,
}

fn nested() -> impl Iterator<Item = Nested> {
    let open = |(name, version, group)| {
        let tree = fixture(name);
        Nested { fixture: name, version, group, tree }
    };
    NESTED.into_iter().map(open)
}

impl Nested {
    fn parent(&self) -> &'static str {
        self.group.rsplit_once('/').expect("it is nested").0
    }

    /// Sets a group's quota, in milliseconds of 100, and gives its file.
    fn set_quota(&self, group: &str, milliseconds: u32) -> String {
        let (file, period) = match self.version {
            V1 => (format!("sys/fs/cgroup/cpu,cpuacct/{group}/cpu.cfs_quota_us"), ""),
            V2 => (format!("sys/fs/cgroup/{group}/cpu.max"), " 100000"),
        };
        self.tree.change(&format!("== {file}\n{milliseconds}000{period}\n"));
        file
    }

    /// Sets a group's memory limit, and gives the file that tells of it: for version 1, where the
    /// kernel shows a group the smallest of all around it, the own group's memory.stat.
    fn set_memory(&self, group: &str, bytes: u64) -> String {
        if self.version == V2 {
            let file = format!("sys/fs/cgroup/{group}/memory.max");
            self.tree.change(&format!("== {file}\n{bytes}\n"));
            return file;
        }
        let file = format!("sys/fs/cgroup/memory/{}/memory.stat", self.group);
        let text = fs::read_to_string(self.tree.root().join(&file)).expect("it is in the fixture");
        let limit = |line: &str| line.strip_prefix("hierarchical_memory_limit ")?.parse().ok();
        let before: u64 = text.lines().find_map(limit).expect("it is in the fixture");
        let line = |bytes| format!("hierarchical_memory_limit {bytes}\n");
        let text = text.replace(&line(before), &line(before.min(bytes)));
        self.tree.change(&format!("== {file}\n{text}"));
        file
    }

    /// Sets the CPUs of the group, or in version 1 of the cpuset that it is in, and gives the file.
    fn set_cpuset(&self, list: &str) -> String {
        let file = match self.version {
            V1 => "sys/fs/cgroup/cpuset/cpuset.effective_cpus".to_owned(),
            V2 => format!("sys/fs/cgroup/{}/cpuset.cpus.effective", self.group),
        };
        self.tree.change(&format!("== {file}\n{list}\n"));
        file
    }

    /// Checks the limits and the files that they stand in.
    fn check(&self, cpu: (&str, &str), memory: (&str, &str)) {
        let limit = |reading: String| reading.split_once(" of ").map(|of| of.1.to_owned());
        let read = read_once(&self.tree);
        let expected = |(amount, file)| Some(format!("{amount} ({file})"));
        assert_eq!(limit(read.0), expected(cpu), "{}", self.fixture);
        assert_eq!(limit(read.1), expected(memory), "{}", self.fixture);
    }
}

const ONLINE: (&str, &str) = ("4 cores", "sys/devices/system/cpu/online");
const MACHINE: (&str, &str) = ("8401195008 bytes", "proc/meminfo");

#[test]
fn the_groups_own_limit_binds() {
    for nested in nested() {
        let cpu = nested.set_quota(nested.group, 25);
        let memory = nested.set_memory(nested.group, 268_435_456);
        nested.check(("0.25 cores", &cpu), ("268435456 bytes", &memory));
    }
}

#[test]
fn a_limit_of_the_parent_alone_binds() {
    for nested in nested() {
        let cpu = nested.set_quota(nested.parent(), 50);
        let memory = nested.set_memory(nested.parent(), 536_870_912);
        nested.check(("0.5 cores", &cpu), ("536870912 bytes", &memory));
    }
}

#[test]
fn a_tighter_limit_of_the_parent_wins() {
    for nested in nested() {
        nested.set_quota(nested.group, 200);
        nested.set_memory(nested.group, 1_073_741_824);
        let cpu = nested.set_quota(nested.parent(), 50);
        let memory = nested.set_memory(nested.parent(), 536_870_912);
        nested.check(("0.5 cores", &cpu), ("536870912 bytes", &memory));
    }
}

#[test]
fn a_looser_limit_of_the_parent_does_not_matter() {
    for nested in nested() {
        nested.set_quota(nested.parent(), 150);
        nested.set_memory(nested.parent(), 536_870_912);
        let cpu = nested.set_quota(nested.group, 50);
        let memory = nested.set_memory(nested.group, 268_435_456);
        nested.check(("0.5 cores", &cpu), ("268435456 bytes", &memory));
    }
}

#[test]
fn without_limits_the_machine_binds() {
    for nested in nested() {
        nested.check(ONLINE, MACHINE);
    }
}

#[test]
fn a_cpuset_alone_limits_the_cpu() {
    for nested in nested() {
        let file = nested.set_cpuset("0,2-3");
        nested.check(("3 cores", &file), MACHINE);
    }
}

#[test]
fn the_quota_binds_when_the_cpuset_is_larger() {
    for nested in nested() {
        nested.set_cpuset("1-2");
        let file = nested.set_quota(nested.group, 150);
        nested.check(("1.5 cores", &file), MACHINE);
    }
}

#[test]
fn the_cpuset_binds_when_the_quota_is_larger() {
    for nested in nested() {
        nested.set_quota(nested.parent(), 150);
        let file = nested.set_cpuset("2");
        nested.check(("1 cores", &file), MACHINE);
    }
}

#[test]
fn the_online_cpus_bind_when_the_quota_is_larger() {
    for nested in nested() {
        nested.set_quota(nested.group, 600);
        nested.check(ONLINE, MACHINE);
    }
}

#[test]
fn the_machines_memory_binds_when_the_limit_is_larger() {
    for nested in nested() {
        nested.set_memory(nested.group, 17_179_869_184);
        nested.check(ONLINE, MACHINE);
    }
}

#[test]
fn soft_limits_are_no_limits() {
    for nested in nested() {
        let file = match nested.version {
            V1 => format!("memory/{}/memory.soft_limit_in_bytes", nested.group),
            V2 => format!("{}/memory.high", nested.group),
        };
        nested.tree.change(&format!("== sys/fs/cgroup/{file}\n134217728\n"));
        nested.check(ONLINE, MACHINE);
    }
}

#[test]
fn cpus_may_be_listed_with_gaps() {
    let tree = fixture("v2-private-cpuset");
    tree.change("== sys/devices/system/cpu/online\n0-1,4\n");
    assert_eq!(read_once(&tree).0, "512.999001s of 3 cores (sys/devices/system/cpu/online)");
}

#[test]
fn an_empty_cpuset_is_that_of_the_nearest_group_that_has_one() {
    let tree = fixture("v2-host-session");
    let shell = "sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope";
    tree.change(&format!("== {shell}/cpuset.cpus.effective\n\n"));
    tree.change("== sys/fs/cgroup/user.slice/cpuset.cpus.effective\n0-5\n");
    let origin = "sys/fs/cgroup/user.slice/cpuset.cpus.effective";
    assert_eq!(read_once(&tree).0, format!("3611.040777s of 6 cores ({origin})"));
}

#[test]
fn an_older_kernel_has_only_the_configured_cpuset() {
    let tree = fixture("v1-host-docker-cpuset");
    tree.change("== sys/fs/cgroup/cpuset/cpuset.effective_cpus (missing)");
    let origin = "sys/fs/cgroup/cpuset/cpuset.cpus";
    assert_eq!(read_once(&tree).0, format!("3.333333333s of 2 cores ({origin})"));
}
