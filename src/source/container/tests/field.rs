//! Containers and machines from public reports, under tests/fixtures/field; those that a report
//! describes name it in their first line. What is right is the definition of docs/metrics.md, reckoned by hand.

use std::time::Duration;

use tokio::time::Instant;

use super::super::Limited;
use super::{Container, MemoryUse, fixture, fixture_in, open, relative};
use crate::model::{ReadError, Reading};
use crate::sampler::cpu_utilization;
use crate::source::Source;
use crate::source::host::Host;
use support::tree::Tree;

fn field(name: &str) -> Tree {
    fixture_in("field", name)
}

fn host(tree: &Tree) -> Host {
    Host::at(&tree.root().join("proc"), &tree.root().join("sys"))
}

/// Cores and memory in percent of a reading; in place of a part that is absent, the error.
fn told(reading: Reading, tree: &Tree) -> (String, String) {
    let text = |part: Result<String, ReadError>| {
        relative(&part.unwrap_or_else(|error| error.to_string()), tree)
    };
    let cpu = reading.cpu.expect("there is always news");
    let memory = reading.memory.expect("there is always news");
    let memory = memory.and_then(|memory| memory.percent());
    (
        text(cpu.map(|cpu| cpu.limit.amount.to_string())),
        text(memory.map(|percent| format!("{percent:.2}%"))),
    )
}

fn check(reading: Reading, tree: &Tree, cpu: &str, memory: &str, name: &str) {
    assert_eq!(told(reading, tree), (cpu.to_owned(), memory.to_owned()), "{name}");
}

#[test]
fn machines() {
    const NO_ACCOUNT: &str =
        "proc/stat has no line `cpu` with at least four counters, not all zero";
    for (name, cpu, memory) in [
        ("lambda-no-cpu-sysfs", "2 cores", "29.67%"),
        ("lxcfs-120", "1 cores", "17.09%"),
        ("lxcfs-222", "1 cores", "40.23%"),
        ("lxcfs-301", "1 cores", "40.23%"),
        ("gvisor", NO_ACCOUNT, "2.42%"),
        ("lxcfs-406", "1 cores", "6.92%"),
        ("openvz", "1 cores", "17.35%"),
        ("linux-2.6.18", "1 cores", "31.17%"),
        (
            "lxcfs-30-blank",
            "1 cores",
            "proc/meminfo has no MemTotal, MemFree, Cached and Shmem in kB",
        ),
        ("zfs", "4 cores", "32.55%"),
        ("fargate", "2 cores", "14.55%"),
        (
            "fargate-without-shmem",
            "2 cores",
            "proc/meminfo has no MemTotal, MemFree, Cached and Shmem in kB",
        ),
        ("huge-pages", "96 cores", "93.81%"),
    ] {
        let tree = field(name);
        check(host(&tree).read(Instant::now()), &tree, cpu, memory, name);
    }
}

#[test]
fn a_busy_core_of_one_is_all_of_it_whatever_sys_says() {
    let tree = field("lxcfs-301");
    let (mut host, start) = (host(&tree), Instant::now());
    let mut read = |second: u32| {
        let user = 1000 + second * 100;
        let columns = format!("{user} 0 500 90000 10 0 5 0 0 0");
        tree.change(&format!("== proc/stat\ncpu  {columns}\ncpu0 {columns}\n"));
        let reading = host.read(start + Duration::from_secs(u64::from(second)));
        reading.cpu.expect("there is always news").expect("it can be read")
    };
    let (before, next) = (read(0), read(1));
    assert_eq!(cpu_utilization(&before, &next).ok(), Some(Some(100.0)));
}

#[test]
fn the_cache_of_zfs_is_the_hosts_where_lxcfs_shows_the_containers_memory() {
    let tree = field("zfs");
    let mount = "100 90 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw,allow_other\n";
    tree.change(&format!("== proc/self/mountinfo\n{mount}"));
    check(host(&tree).read(Instant::now()), &tree, "4 cores", "90.23%", "lxcfs");
    // More than is in use cannot be this machine's either.
    let tree = field("zfs");
    tree.change("== proc/spl/kstat/zfs/arcstats\nsize 4 99999999999\nc_min 4 1\n");
    check(host(&tree).read(Instant::now()), &tree, "4 cores", "90.23%", "too large");
}

#[test]
fn containers() {
    for (name, delta, cpu, memory) in [
        ("lxcfs-222-cgroup", "", "1 cores", "27.73%"),
        ("dind-first", "", "2 cores", "87.56%"),
        ("dind-first", "dind-later", "2 cores", "87.56%"),
        ("pod", "", "4 cores", "60.00%"),
    ] {
        let tree = field(name);
        tree.change(&delta_of(delta));
        check(open(&tree).read(Instant::now()), &tree, cpu, memory, name);
    }
    for (name, delta, cpu, memory) in [
        ("v2-private-docker", "cpu-max-of-three", "0.5 cores", "26.86%"),
        ("v2-private-docker", "cpu-max-of-three-without-quota", "4 cores", "26.86%"),
        ("v1-host-docker-cgroupfs", "linux-3.10", "0.25 cores", "68.36%"),
    ] {
        let tree = fixture(name);
        tree.change(&delta_of(delta));
        check(open(&tree).read(Instant::now()), &tree, cpu, memory, name);
    }
}

fn delta_of(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/field");
    if name.is_empty() {
        return String::new();
    }
    std::fs::read_to_string(folder.join(name).with_added_extension("delta")).expect("a fixture")
}

#[test]
fn the_cpu_time_is_that_of_the_container_and_not_of_a_group_in_it() {
    for delta in ["", "dind-later"] {
        let tree = field("dind-first");
        tree.change(&delta_of(delta));
        let cpu = open(&tree).read(Instant::now()).cpu.expect("news").expect("it can be read");
        assert_eq!(cpu.used, Duration::from_secs(500), "{delta}");
    }
}

#[test]
fn what_auto_takes() {
    let limited = |name: &str| match open(&field(name)).limited_by() {
        Limited::By(_) => "container",
        Limited::ByNothing => "host",
        Limited::Unknown(_) => "unknown",
        Limited::NotFound(_) => "not found",
    };
    for (name, expected) in [
        ("lxcfs-222-cgroup", "container"),
        ("dind-first", "container"),
        ("pod", "container"),
        ("gvisor", "not found"),
        ("lambda-no-cpu-sysfs", "not found"),
    ] {
        assert_eq!(limited(name), expected, "{name}");
    }
}

#[test]
fn a_group_above_that_is_nearer_to_its_limit_is_told() {
    let notes = |tree: &Tree| {
        let mut container = Container::open(tree.root(), MemoryUse::Used);
        container.read(Instant::now());
        let evidence = container.explain().pop().expect("memory");
        evidence.notes.iter().map(|note| relative(note, tree)).collect::<Vec<_>>()
    };
    let tree = field("pod");
    let pod = "sys/fs/cgroup/kubepods.slice/pod1.slice";
    let expected = format!(
        "a parent control group is nearer to its limit: 95.62% of 524288000 bytes ({pod}/memory.max) (this group: 60.00%)"
    );
    assert_eq!(notes(&tree), [expected]);
    // Page cache could be given back, so it is no danger.
    tree.change(&format!(
        "== {pod}/memory.stat\nfile 200000000\nshmem 0\nslab_reclaimable 0\ninactive_file 0\n"
    ));
    assert_eq!(notes(&tree), [""; 0]);
}
