//! What a reading costs, and what it does not grow with: `cargo bench --bench reading`.
//!
//! The files are fixtures in a temporary directory, so the kernel's own work of writing them is not
//! in the figures.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cloudwatch_metrics_agent::{Container, Host, MemoryUse, Pod, Source, stats};
use divan::Bencher;
use tokio::time::Instant;

fn main() {
    divan::main();
}

/// The machine, with that many CPUs.
#[divan::bench(args = [1, 16, 64, 256])]
fn host(bencher: Bencher, cpus: usize) {
    let root = machine(&format!("host-{cpus}"), cpus);
    let mut host = Host::at(&root.join("proc"), &root.join("sys"));
    bencher.bench_local(|| host.read(Instant::now()));
}

/// A container of cgroup version 2, that many groups deep.
#[divan::bench(args = [1, 16])]
fn container(bencher: Bencher, depth: usize) {
    let root = machine(&format!("container-{depth}"), 4);
    let path: String = (0..depth).map(|level| format!("/level{level}")).collect();
    write(&root, "proc/self/cgroup", &format!("0::{path}\n"));
    write(&root, "proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    let mut group = PathBuf::from("sys/fs/cgroup");
    for level in Path::new(path.trim_start_matches('/')) {
        group.push(level);
        write(&root, group.join("cpu.max"), "50000 100000\n");
        write(&root, group.join("memory.max"), "536870912\n");
    }
    self::group(&root, &group);
    let mut container = Container::open(&root, MemoryUse::Used);
    bencher.bench_local(|| container.read(Instant::now()));
}

/// A pod of that many containers beside the agent's, and that many processes in all.
#[divan::bench(args = [(2, 20), (10, 200), (100, 2000)])]
fn pod(bencher: Bencher, (containers, processes): (usize, usize)) {
    let name = format!("pod-{containers}");
    let _ = fs::remove_dir_all(Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name));
    let root = machine(&name, 4);
    for pid in 1..=processes {
        let container = pid % (containers + 1);
        let path = if container == 0 { "/".to_owned() } else { format!("/../{container}") };
        let process = format!("proc/{pid}");
        write(&root, format!("{process}/cgroup"), &format!("0::{path}\n"));
        let mounts = format!("30 24 0:26 {path} /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
        write(&root, format!("{process}/mountinfo"), &mounts);
        let link = root.join(format!("{process}/root"));
        symlink(format!("../../containers/{container}"), link).expect("the folder is new");
    }
    for container in 0..=containers {
        let root = if container == 0 {
            root.clone()
        } else {
            root.join(format!("containers/{container}"))
        };
        group(&root, Path::new("sys/fs/cgroup"));
    }
    symlink((containers + 1).to_string(), root.join("proc/self")).expect("the folder is new");
    let mut pod = Pod::at(&root, MemoryUse::Used);
    let reading = pod.read(Instant::now());
    let cpu = reading.cpu.and_then(Result::ok).expect("each container can be read");
    assert_eq!(cpu.used.as_micros(), 123_456_789 * (containers as u128 + 1));
    bencher.bench_local(|| pod.read(Instant::now()));
}

/// The files of a group.
fn group(root: &Path, group: &Path) {
    write(root, group.join("cpu.max"), "50000 100000\n");
    write(root, group.join("memory.max"), "536870912\n");
    write(root, group.join("cpu.stat"), "usage_usec 123456789\nuser_usec 1\nsystem_usec 1\n");
    write(root, group.join("memory.current"), "104857600\n");
    let names = ["anon", "file", "kernel", "shmem", "inactive_file", "slab_reclaimable"];
    let stat: String = names.iter().map(|name| format!("{name} 4194304\n")).collect();
    write(root, group.join("memory.stat"), &stat);
}

/// The statistics of a task of that many containers, which come every few seconds.
#[divan::bench(args = [1, 10, 100])]
fn task_statistics(bencher: Bencher, containers: usize) {
    let one = r#"{"read": "2026-11-22T00:00:00.123456789Z", "preread": "2026-11-21T23:59:59Z",
        "cpu_stats": {"cpu_usage": {"total_usage": 123456789}, "online_cpus": 2},
        "memory_stats": {"usage": 104857600, "stats": {"active_file": 1, "inactive_file": 2},
        "limit": 536870912}, "networks": {"eth1": {"rx_bytes": 1, "tx_bytes": 2}}}"#;
    let all: Vec<_> = (0..containers).map(|id| format!("\"container{id}\": {one}")).collect();
    let body = format!("{{{}}}", all.join(", "));
    bencher.bench_local(|| stats::parse(body.as_bytes(), MemoryUse::Used));
}

/// A directory with the files of a machine.
fn machine(name: &str, cpus: usize) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut stat = "cpu  500 0 500 900000 100 0 10 5 0 0\n".to_owned();
    for cpu in 0..cpus {
        writeln!(stat, "cpu{cpu} 5 0 5 9000 1 0 0 0 0 0").expect("a string takes text");
    }
    stat.push_str(&format!("intr 1{}\nctxt 1\n", " 0".repeat(4096)));
    write(&root, "proc/stat", &stat);
    write(&root, "sys/devices/system/cpu/online", &format!("0-{}\n", cpus - 1));
    let names = ["MemTotal", "MemFree", "Buffers", "Cached", "Shmem", "SReclaimable"];
    let meminfo: String = names.iter().map(|name| format!("{name}: 4096 kB\n")).collect();
    write(&root, "proc/meminfo", &meminfo);
    root
}

fn write(root: &Path, file: impl AsRef<Path>, text: &str) {
    let path = root.join(file);
    let folder = path.parent().expect("files have a folder");
    fs::create_dir_all(folder).expect("the target directory is writable");
    fs::write(path, text).expect("the target directory is writable");
}
