//! What makes a container count as one, the task around it, and when limits are read anew.

use std::time::Duration;

use tokio::time::Instant;

use super::super::Limited;
use super::{Container, MemoryUse, fixture, open, read, relative};
use crate::model::{Bytes, Cores, Limit, Limits, Origin, ReadError};
use crate::source::Source;
use support::tree::Tree;

#[test]
fn any_limit_below_the_machine_makes_a_container() {
    let table = [
        (
            "v2-private-docker",
            "0.25 cores (sys/fs/cgroup/cpu.max) and 536870912 bytes = 512 MiB (sys/fs/cgroup/memory.max)",
        ),
        ("v2-private-cpuset", "5 cores (sys/fs/cgroup/cpuset.cpus.effective)"),
        ("v2-private-kubernetes", "1073741824 bytes = 1 GiB (sys/fs/cgroup/memory.max)"),
        ("v1-ecs-al2", "536870912 bytes = 512 MiB (sys/fs/cgroup/memory/memory.stat)"),
        ("v1-host-docker-cpuset", "2 cores (sys/fs/cgroup/cpuset/cpuset.effective_cpus)"),
    ];
    for (name, limits) in table {
        let tree = fixture(name);
        assert_eq!(limited(&tree).as_deref(), Ok(limits), "{name}");
    }
}

#[test]
fn no_limit_below_the_machine_makes_no_container() {
    for name in [
        "v2-host-session",
        "v2-host-root",
        "v2-host-memory-high",
        "v2-private-ecs-al2023",
        "v1-host-root",
        "v1-host-docker-systemd",
        "hybrid-host-systemd",
    ] {
        assert_eq!(limited(&fixture(name)), Err("no limit".to_owned()), "{name}");
    }
}

#[test]
fn a_limit_as_large_as_the_machine_makes_a_container_and_a_larger_one_does_not() {
    // lxcfs shows a container its own limit as the machine's memory.
    let tree = fixture("v2-private-docker");
    let cpu = "4 cores (sys/fs/cgroup/cpu.max)";
    tree.change("== sys/fs/cgroup/cpu.max\n400000 100000\n");
    tree.change("== sys/fs/cgroup/memory.max\n8401195008\n");
    let memory = "8401195008 bytes = 7.82 GiB (sys/fs/cgroup/memory.max)";
    assert_eq!(limited(&tree), Ok(format!("{cpu} and {memory}")));
    tree.change("== sys/fs/cgroup/memory.max\n8401195009\n");
    assert_eq!(limited(&tree).as_deref(), Ok(cpu));
    tree.change("== sys/fs/cgroup/cpu.max\n400001 100000\n");
    assert_eq!(limited(&tree), Err("no limit".to_owned()));
}

#[test]
fn usage_that_cannot_be_read_does_not_hide_a_limit() {
    let tree = fixture("v2-private-docker");
    let limits = "0.25 cores (sys/fs/cgroup/cpu.max) and 536870912 bytes = 512 MiB (sys/fs/cgroup/memory.max)";
    tree.change("== sys/fs/cgroup/cpu.stat (missing)");
    assert_eq!(limited(&tree).as_deref(), Ok(limits));
    tree.change("== sys/fs/cgroup/memory.stat\nanon 1\n");
    assert_eq!(limited(&tree).as_deref(), Ok(limits), "the machine's figures are not its own");
    tree.change("== sys/fs/cgroup/memory.max\ngarbage\n== sys/fs/cgroup/cpu.max\nmax 100000\n");
    let unknown = "unknown: sys/fs/cgroup/cpu.stat not found";
    assert_eq!(limited(&tree), Err(unknown.to_owned()));
}

#[test]
fn a_kernel_with_its_memory_controller_off_limits_no_memory() {
    let tree = fixture("v2-host-session");
    let [above, own] = ["user.slice/user-1000.slice", "user.slice/user-1000.slice/session-3.scope"];
    for (group, files) in [
        ("user.slice", &["max", "high"][..]),
        (above, &["max", "high"]),
        (own, &["max", "high", "current", "stat"]),
    ] {
        for file in files {
            tree.change(&format!("== sys/fs/cgroup/{group}/memory.{file} (missing)"));
        }
    }
    let unknown = format!("unknown: sys/fs/cgroup/{own}/memory.current not found");
    assert_eq!(limited(&tree), Err(unknown.clone()), "nothing tells that it is off");
    let controllers = |names| format!("== sys/fs/cgroup/{own}/cgroup.controllers\n{names}\n");
    tree.change(&controllers("cpu memory pids"));
    assert_eq!(limited(&tree), Err(unknown));
    for names in ["cpuset cpu io pids", ""] {
        tree.change(&controllers(names));
        assert_eq!(limited(&tree), Err("no limit".to_owned()), "{names:?}");
    }
    tree.change(&format!("== sys/fs/cgroup/{own}/cpu.max\n50000 100000\n"));
    assert_eq!(limited(&tree), Ok(format!("0.5 cores (sys/fs/cgroup/{own}/cpu.max)")));
    // Of a group that cannot be read at all a limit is not known.
    tree.change(&format!("== sys/fs/cgroup/{own}/cpu.max\nmax 100000\n"));
    tree.change(&format!("== sys/fs/cgroup/{own}/cpu.stat (missing)"));
    assert!(limited(&tree).is_err_and(|error| error.starts_with("unknown: ")));
}

#[test]
fn a_group_that_is_not_found_is_not_one_without_limits() {
    for (change, error) in [
        ("== proc/self/cgroup (missing)", "proc/self/cgroup not found"),
        ("== proc/self/cgroup\n", "proc/self/cgroup has no group with the cpu controller"),
        (
            "== proc/self/mountinfo\n",
            "proc/self/mountinfo has no mount of this process's control group",
        ),
    ] {
        let tree = fixture("v2-private-docker");
        tree.change(change);
        assert_eq!(limited(&tree), Err(format!("not found: {error}")), "{change}");
    }
}

/// The limits of the container, or what else is known of them.
fn limited(tree: &Tree) -> Result<String, String> {
    let text = |error: ReadError| relative(&error.to_string(), tree);
    match open(tree).limited_by() {
        Limited::By(limits) => Ok(relative(&limits, tree)),
        Limited::ByNothing => Err("no limit".to_owned()),
        Limited::Unknown(error) => Err(format!("unknown: {}", text(error))),
        Limited::NotFound(error) => Err(format!("not found: {}", text(error))),
    }
}

fn task(cores: f64, bytes: u64) -> Limits {
    let origin = Origin::Call("task");
    Limits {
        cpu: Some(Limit { amount: Cores(cores), origin: origin.clone() }),
        memory: Some(Limit { amount: Bytes(bytes), origin }),
    }
}

#[test]
fn the_task_around_a_container_binds_where_it_is_tighter() {
    let tree = fixture("v1-fargate-1.4");
    let mut container = open(&tree).within(task(0.25, 536_870_911));
    let (cpu, memory) = read(&mut container, &tree);
    assert_eq!(cpu, "2.718281828s of 0.25 cores (task)");
    assert_eq!(memory, "64331776 of 536870911 bytes (task)");
    let mut container = open(&tree).within(task(4.0, 1 << 40));
    let (cpu, memory) = read(&mut container, &tree);
    assert_eq!(cpu, "2.718281828s of 2 cores (sys/devices/system/cpu/online)");
    assert_eq!(memory, "64331776 of 536870912 bytes (sys/fs/cgroup/memory/memory.stat)");
}

#[test]
fn usage_is_read_each_time() {
    let tree = fixture("v2-private-docker");
    let mut container = open(&tree);
    read(&mut container, &tree);
    tree.change("== sys/fs/cgroup/cpu.stat\nusage_usec 61500000\n");
    tree.change("== sys/fs/cgroup/memory.current\n349946112\n");
    let (cpu, memory) = read(&mut container, &tree);
    assert_eq!(cpu, "61.5s of 0.25 cores (sys/fs/cgroup/cpu.max)");
    assert_eq!(memory, "244187392 of 536870912 bytes (sys/fs/cgroup/memory.max)");
}

#[test]
fn a_changed_limit_is_seen_when_the_old_one_is_no_longer_good() {
    let old = (Cores(0.25), Bytes(512 << 20));
    let new = (Cores(0.5), Bytes(256 << 20));
    // Seconds between the readings, and at which of them the new limits are seen.
    for (every, seen) in [(0.1, 150), (0.9, 17), (5.0, 3), (15.0, 1), (60.0, 1)] {
        let tree = fixture("v2-private-docker");
        let (mut container, start) = (open(&tree), Instant::now());
        for n in 0..=seen {
            let reading =
                container.read(start + Duration::from_millis(n * (every * 1000.0) as u64));
            let (cpu, memory) = (reading.cpu.expect("news"), reading.memory.expect("news"));
            let limits = cpu.expect("readable").limit.amount;
            let limits = (limits, memory.expect("readable").limit.amount);
            assert_eq!(limits, if n < seen { old } else { new }, "{n}, every {every} s");
            tree.change("== sys/fs/cgroup/cpu.max\n50000 100000\n");
            tree.change("== sys/fs/cgroup/memory.max\n268435456\n");
        }
    }
}

#[test]
fn a_limit_that_could_not_be_read_is_read_at_the_next_reading() {
    let tree = fixture("v2-private-docker");
    tree.change("== sys/fs/cgroup/cpu.max\n");
    let mut container = open(&tree);
    let (cpu, _) = read(&mut container, &tree);
    assert_eq!(cpu, "sys/fs/cgroup/cpu.max has no quota and period");
    tree.change("== sys/fs/cgroup/cpu.max\n25000 100000\n");
    let (cpu, _) = read(&mut container, &tree);
    assert_eq!(cpu, "61.412008s of 0.25 cores (sys/fs/cgroup/cpu.max)");
}

#[test]
fn the_working_set_is_all_but_inactive_file_pages() {
    for (name, used) in [
        ("v2-private-docker", 176_545_792),
        ("v1-host-docker-cgroupfs", 80_060_416),
        ("v1-host-centos-7", 262_144_000),
        ("v1-host-root", 1_607_467_008),
        ("hybrid-memory-on-v2", 59_105_280),
    ] {
        let tree = fixture(name);
        let mut container = Container::open(tree.root(), MemoryUse::WorkingSet);
        let reading = container.read(Instant::now()).memory;
        let memory = reading.expect("a container always has news").expect("memory is readable");
        assert_eq!(memory.used, Bytes(used), "{name}");
    }
}
