//! Machines and containers from public reports: the real binary with their /proc and /sys in place of
//! this machine's. The trees are those of tests/fixtures/field; what is right stands in the report or
//! was reckoned by hand.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use support::run;
use support::tree::Tree;

/// What `explain` says where /proc and /sys are those of a tree, with a delta over it.
fn explain(name: &str, delta: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let text = ["field", "containers"].into_iter().find_map(|folder| {
        fs::read_to_string(root.join(folder).join(name).with_added_extension("tree")).ok()
    });
    let tree = Tree::new(&text.expect("the fixture is in its folder"));
    if !delta.is_empty() {
        let delta = root.join("field").join(delta).with_added_extension("delta");
        tree.change(&fs::read_to_string(delta).expect("the fixture is in its folder"));
    }
    // Some have no /sys at all.
    tree.change("== sys/\n");
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        inside.arg("--map-root-user");
    }
    inside
        .args([
            "sh",
            "-e",
            "-c",
            "mount --bind $0/proc /proc; mount --bind $0/sys /sys; exec \"$@\"",
        ])
        .arg(tree.root())
        .arg(support::binary())
        .args(["explain", "--namespace", "Test", "--service", "Foo", "--dry-run"])
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin");
    // Where this cannot be done here, the reason is in the message.
    let ended = run(&mut inside).expect_code(0);
    ended.stdout + &ended.stderr
}

/// Checks that each of the lines is said.
fn check(name: &str, delta: &str, lines: &[&str]) {
    let text = explain(name, delta, &["--sample-interval", "0.1"]);
    for line in lines {
        assert!(text.lines().any(|said| said.contains(line)), "{name}: {line:?} is not in\n{text}");
    }
}

const HOST: &str = "scope: host, because its control group was not found";
const CONTAINER: &str = "scope: container, because its control group is limited to ";

#[test]
fn machines() {
    for (name, lines) in [
        ("lambda-no-cpu-sysfs", &[HOST, "limit = 2 cores (/proc/stat)", " = 29.67%"][..]),
        (
            "lxcfs-120",
            &[HOST, " = 17.09%", "SReclaimable ignored: larger than Slab, which includes it"],
        ),
        ("lxcfs-222", &[HOST, " = 40.23%", "Shmem ignored: larger than Cached"]),
        ("lxcfs-301", &[HOST, "limit = 1 cores (/proc/stat)", " = 40.23%"]),
        (
            "gvisor",
            &[
                HOST,
                "WARN",
                "control group not found, measuring the machine: /proc/self/cgroup not found",
                " = 2.42%",
                "unavailable: /proc/stat has no line `cpu` with at least four counters, not all zero",
            ],
        ),
        ("lxcfs-406", &["limit = 1 cores", " = 6.92%"]),
        ("openvz", &[" = 17.35%"]),
        ("linux-2.6.18", &[" = 31.17%"]),
        (
            "lxcfs-30-blank",
            &["unavailable: /proc/meminfo has no MemTotal, MemFree, Cached and Shmem"],
        ),
        ("zfs", &[" = 32.55%", "/proc/spl/kstat/zfs/arcstats: c_min = 524288000"]),
        ("fargate-without-shmem", &["unavailable: /proc/meminfo has no", "limit = 2 cores"]),
        ("huge-pages", &[" = 93.81%", "limit = 96 cores"]),
    ] {
        check(name, "", lines);
    }
}

#[test]
fn containers() {
    check("lxcfs-222-cgroup", "", &[CONTAINER, " = 27.73%"]);
    for delta in ["", "dind-later"] {
        let lines = [CONTAINER, "limit = 2 cores", "usage_usec = 500000000", " = 87.56%"];
        check("dind-first", delta, &lines);
    }
    check(
        "pod",
        "",
        &[
            CONTAINER,
            " = 60.00%",
            "WARN",
            "memory: a parent control group is nearer to its limit: 95.6",
        ],
    );
    check("v2-private-docker", "cpu-max-of-three", &["limit = 0.5 cores (/sys/fs/cgroup/cpu.max)"]);
    check("v2-private-docker", "cpu-max-of-three-without-quota", &["limit = 4 cores"]);
    check("v1-host-docker-cgroupfs", "linux-3.10", &[CONTAINER, "limit = 0.25 cores", " = 68.36%"]);
}
