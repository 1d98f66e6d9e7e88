//! Which group's usage is compared with a limit: of those that a container runtime, systemd or
//! Docker-in-Docker have put the process into.

use std::fmt::Write;

use super::{fixture, open, read, read_once};
use crate::model::{Number, Numbers};
use crate::source::Source;
use support::tree::Tree;

const ID: &str = "9c40d7e21b6f83a5c7e8f01d2a4b69835e7c1d0f6a2b4e8d93c5f7a1b0e6d482";

/// A group of version 2: its path, CPU seconds, cores of its quota, MiB in use, MiB of its limit. 0
/// for no limit; without MiB in use the controllers are off.
type Group<'a> = (&'a str, u64, u64, u64, u64);

/// A machine of 16 cores and 64 GiB with these groups, and the process in the last.
fn machine(groups: &[Group]) -> Tree {
    let last = groups.last().expect("a group").0.replace("ID", ID);
    let mut text = format!(
        "== proc/self/cgroup\n0::/{last}\n== proc/self/mountinfo\n\
         5 4 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n\
         == sys/devices/system/cpu/online\n0-15\n== proc/meminfo\nMemTotal: 67108864 kB\n"
    );
    for (path, cpu, cores, used, limit) in groups {
        let directory = format!("sys/fs/cgroup/{}", path.replace("ID", ID));
        let or_max = |number: u64| match number {
            0 => "max".to_owned(),
            number => number.to_string(),
        };
        write!(text, "== {directory}/cpu.stat\nusage_usec {cpu}000000\n").expect("a text");
        if *used > 0 {
            let (quota, limit) = (or_max(cores * 100_000), or_max(limit << 20));
            let used = used << 20;
            write!(
                text,
                "== {directory}/cpu.max\n{quota} 100000\n== {directory}/memory.max\n{limit}\n\
                 == {directory}/memory.current\n{used}\n== {directory}/memory.stat\nfile 0\nshmem 0\n\
                 slab_reclaimable 0\ninactive_file 0\n"
            )
            .expect("a text");
        }
    }
    Tree::new(&text)
}

/// What is read: seconds of cores, and MiB of MiB.
fn check(groups: &[Group], cpu: &str, memory: &str, what: &str) {
    let tree = machine(groups);
    let number = |text: &str, part: usize| {
        text.split(" of ").nth(part).and_then(|part| part.split(' ').next()).map(str::to_owned)
    };
    let (read_cpu, read_memory) = read_once(&tree);
    let mebibytes = |part| {
        let bytes = number(&read_memory, part).and_then(|number| number.parse::<u64>().ok());
        bytes.map(|bytes| bytes >> 20)
    };
    let read_cpu = number(&read_cpu, 0).zip(number(&read_cpu, 1));
    let read_cpu = read_cpu.map(|(used, cores)| format!("{used} of {cores}"));
    let read_memory = mebibytes(0).zip(mebibytes(1)).map(|(used, of)| format!("{used} of {of}"));
    assert_eq!((read_cpu.as_deref(), read_memory.as_deref()), (Some(cpu), Some(memory)), "{what}");
}

#[test]
fn a_plain_group_is_compared_with_the_limit_that_is_met_first() {
    let user = ("user.slice", 900, 0, 9000, 0);
    check(
        &[
            user,
            ("user.slice/app.slice", 300, 2, 700, 1024),
            ("user.slice/app.slice/a.service", 5, 0, 60, 0),
        ],
        "300s of 2",
        "700 of 1024",
        "the limit is the slice's, and so is the usage",
    );
    check(
        &[
            user,
            ("user.slice/app.slice", 300, 4, 700, 4096),
            ("user.slice/app.slice/a.service", 5, 1, 60, 128),
        ],
        "5s of 1",
        "60 of 128",
        "the service's own limit is smaller",
    );
    check(
        &[
            user,
            ("user.slice/app.slice", 300, 1, 700, 4096),
            ("user.slice/app.slice/a.service", 5, 0, 60, 128),
        ],
        "300s of 1",
        "60 of 128",
        "each part by itself",
    );
    check(
        &[
            user,
            ("user.slice/app.slice", 300, 2, 700, 512),
            ("user.slice/app.slice/a.service", 5, 2, 60, 512),
        ],
        "300s of 2",
        "700 of 512",
        "of equal limits the outer one is met first",
    );
    check(
        &[
            user,
            ("user.slice/app.slice", 300, 0, 700, 0),
            ("user.slice/app.slice/a.service", 5, 0, 60, 0),
        ],
        "5s of 16",
        "60 of 65536",
        "without a limit the own group",
    );
}

#[test]
fn a_controller_that_is_off_below_is_read_above() {
    check(
        &[("app", 300, 2, 700, 1024), ("app/worker", 5, 0, 0, 0)],
        "300s of 2",
        "700 of 1024",
        "as a service whose processes are in groups below",
    );
    check(
        &[("app", 300, 0, 700, 0), ("app/worker", 5, 0, 0, 0)],
        "5s of 16",
        "700 of 65536",
        "CPU time is counted everywhere",
    );
}

#[test]
fn a_container_is_read_as_a_whole_from_a_group_in_it() {
    for container in ["docker/ID", "machine.slice/libpod-ID.scope", "kubepods/burstable/podu-1/app"]
    {
        let inside = format!("{container}/init");
        check(
            &[(container, 300, 2, 700, 1024), (&inside, 5, 0, 60, 0)],
            "300s of 2",
            "700 of 1024",
            container,
        );
        check(
            &[(container, 300, 2, 700, 1024), (&inside, 5, 1, 60, 128)],
            "300s of 2",
            "700 of 1024",
            "a limit within the container is none of it",
        );
    }
}

#[test]
fn a_container_is_compared_with_the_limit_of_its_pod_by_its_own_usage() {
    let pod = "kubepods.slice/kubepods-pod9.slice";
    let (app, inside) =
        (format!("{pod}/cri-containerd-ID.scope"), format!("{pod}/cri-containerd-ID.scope/x"));
    check(
        &[(pod, 900, 2, 900, 1024), (&app, 300, 0, 300, 0)],
        "300s of 2",
        "300 of 1024",
        "a pod holds other containers as well",
    );
    check(
        &[(pod, 900, 2, 900, 1024), (&app, 300, 4, 300, 0), (&inside, 5, 0, 20, 0)],
        "300s of 2",
        "300 of 1024",
        "from a group in the container",
    );
    check(
        &[("batch.slice", 900, 2, 900, 1024), ("batch.slice/docker-ID.scope", 300, 0, 300, 0)],
        "300s of 2",
        "300 of 1024",
        "a slice holds other containers as well",
    );
}

#[test]
fn in_a_private_namespace_nothing_is_read_below_its_root() {
    let systemd = [
        ("", 300, 0, 700, 0),
        ("system.slice", 50, 0, 90, 0),
        ("system.slice/agent.service", 5, 1, 9, 64),
    ];
    check(&systemd, "300s of 16", "700 of 65536", "LXC without a limit");
    let limited = [("", 300, 2, 700, 1024), systemd[1], systemd[2]];
    check(&limited, "300s of 2", "700 of 1024", "LXC with a limit");
}

#[test]
fn kills_are_counted_in_one_group_whichever_binds_later() {
    let limited = [("app", 300, 0, 700, 1024), ("app/worker", 5, 0, 60, 0)];
    let unlimited = [("app", 300, 0, 700, 0), ("app/worker", 5, 0, 60, 512)];
    for (groups, kills) in [(limited, 7.0), (unlimited, 0.0)] {
        let tree = machine(&groups);
        for (group, kills) in [("app", 7), ("app/worker", 0)] {
            tree.change(&format!("== sys/fs/cgroup/{group}/memory.events\noom_kill {kills}\n"));
        }
        let numbers = Numbers::of(&[Number::OomKills]);
        let (mut container, start) = (open(&tree).reporting(numbers), tokio::time::Instant::now());
        let mut told = |second| {
            let told = container
                .window_readings()
                .remove(0)
                .value
                .expect("asked for")
                .expect("it is told");
            container.read(start + std::time::Duration::from_secs(second));
            told
        };
        assert_eq!(told(0), kills, "before anything was read");
        assert_eq!(told(1), kills, "after");
        for (group, limit) in [("app", 2048), ("app/worker", 1024)] {
            let limit = limit << 20;
            tree.change(&format!("== sys/fs/cgroup/{group}/memory.max\n{limit}\n"));
        }
        told(20);
        tree.change("== sys/fs/cgroup/app/memory.max\n900000000\n");
        told(40);
        assert_eq!(told(60), kills, "other groups have bound since");
    }
}

#[test]
fn another_group_that_binds_later_opens_another_account() {
    let tree = machine(&[("app", 300, 0, 700, 0), ("app/worker", 5, 0, 60, 0)]);
    let (mut container, start) = (open(&tree), tokio::time::Instant::now());
    let mut account = |second| {
        let at = start + std::time::Duration::from_secs(second);
        let reading = container.read(at);
        reading.cpu.expect("news").expect("it can be read").account
    };
    let before = account(0);
    tree.change("== sys/fs/cgroup/app/cpu.max\n200000 100000\n");
    let accounts: Vec<_> = (1..40).map(&mut account).collect();
    let unchanged = accounts.iter().filter(|next| **next == before).count();
    assert_eq!(unchanged, 14, "until it is read anew");
    assert!(accounts[14..].iter().all(|next| *next == accounts[38]));
    assert!(read(&mut container, &tree).0.starts_with("300s of 2 cores"));
}

/// A tree of version 1, in which `total_…` counts the groups below.
fn v1(own_limit: &str, parent: &str) -> Tree {
    let tree = fixture("v1-host-systemd");
    let stat = |limit: &str| {
        format!(
            "total_cache 0\ntotal_shmem 0\ntotal_inactive_file 0\nhierarchical_memory_limit {limit}\n"
        )
    };
    let memory = "sys/fs/cgroup/memory/system.slice";
    let none = "9223372036854771712";
    for (group, hierarchical, set, used) in
        [("/foo.service", own_limit, own_limit, 50_000_000), ("", parent, parent, 400_000_000)]
    {
        let hierarchical = match hierarchical.parse::<u64>().expect("a number") {
            own if own > parent.parse().expect("a number") => parent.to_owned(),
            own => own.to_string(),
        };
        tree.change(&format!(
            "== {memory}{group}/memory.stat\n{}== {memory}{group}/memory.limit_in_bytes\n{set}\n\
             == {memory}{group}/memory.usage_in_bytes\n{used}\n",
            stat(&hierarchical)
        ));
    }
    tree.change(&format!("== sys/fs/cgroup/memory/memory.stat\n{}", stat(none)));
    tree
}

#[test]
fn in_version_1_the_group_above_that_has_the_limit_is_read() {
    let none = "9223372036854771712";
    let memory = |tree: &Tree| read_once(tree).1;
    assert!(memory(&v1(none, "536870912")).starts_with("400000000 of 536870912 "));
    assert!(memory(&v1("268435456", "536870912")).starts_with("50000000 of 268435456 "));
    assert!(memory(&v1("536870912", "536870912")).starts_with("400000000 of 536870912 "));
    assert!(memory(&v1(none, none)).starts_with("50000000 of 8401195008 bytes (proc/meminfo"));
}

#[test]
fn in_version_1_a_limit_of_a_group_that_cannot_be_seen_is_told() {
    let notes = |change: &str| {
        let tree = fixture("v1-fargate-1.4");
        tree.change(change);
        let mut container = open(&tree);
        assert!(read(&mut container, &tree).1.starts_with("64331776 of 536870912 bytes"));
        let evidence = container.explain().pop().expect("memory");
        evidence.notes
    };
    let file = "sys/fs/cgroup/memory/memory.limit_in_bytes";
    let hidden = "the limit is set on a parent control group that is not visible here; the usage is of this group";
    assert_eq!(notes(&format!("== {file}\n9223372036854771712\n")), [hidden]);
    assert_eq!(notes(&format!("== {file}\n536870912\n")), [""; 0]);
}
