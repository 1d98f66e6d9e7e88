//! Pods in copies of /proc: what stands below `containers/NAME` is the root of a container, in which its
//! control group of version 2 is mounted.

mod changes;
mod containers;
mod others;
mod places;
mod window;

use std::cell::Cell;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tokio::time::Instant;

use super::Pod;
use crate::config::MemoryUse;
use crate::source::Source;
use support::tree::Tree;

/// A copy of /proc in which process 7 is the agent, in a container of 0.25 cores and 64 MiB that has used
/// 1 s and 4 MiB.
struct Machine {
    tree: Tree,
    start: Instant,
    /// Seconds since then.
    now: Cell<f64>,
}

impl Machine {
    fn new() -> Self {
        let machine = Self::alone();
        machine.container("app", 5.0, 30);
        machine.process(22, "/../app", "/../app", "app");
        machine
    }

    fn alone() -> Self {
        let own = format!("{}{}", Self::process_text(7, "0::/\n", &v2("/"), "agent"), MACHINE);
        let group = group("sys/fs/cgroup", 1.0, 4, "25000", "67108864");
        let tree = Tree::new(&(own + &group));
        symlink("7", tree.root().join("proc/self")).expect("a new name");
        Self { tree, start: Instant::now(), now: Cell::new(0.0) }
    }

    fn pod(&self) -> Pod {
        Pod::at(self.tree.root(), MemoryUse::Used)
    }

    /// A container with 0.5 cores and 128 MiB that has used so many seconds and MiB.
    fn container(&self, name: &str, seconds: f64, mebibytes: u64) {
        self.limited(name, seconds, mebibytes, ("50000", "134217728"));
    }

    fn limited(&self, name: &str, seconds: f64, mebibytes: u64, limits: (&str, &str)) {
        let directory = format!("containers/{name}/sys/fs/cgroup");
        self.tree.change(&group(&directory, seconds, mebibytes, limits.0, limits.1));
    }

    /// A process in a group, whose mount shows what is below `mounted`, in the root of a container.
    fn process(&self, pid: u32, path: &str, mounted: &str, container: &str) {
        let cgroup = format!("0::{path}\n");
        self.tree.change(&Self::process_text(pid, &cgroup, &v2(mounted), container));
        let root = self.tree.root().join(format!("proc/{pid}/root"));
        symlink(format!("../../containers/{container}"), root).expect("a new name");
    }

    fn process_text(pid: u32, cgroup: &str, mountinfo: &str, program: &str) -> String {
        format!(
            "== proc/{pid}/cgroup\n{cgroup}== proc/{pid}/mountinfo\n{mountinfo}== proc/{pid}/comm\n{program}\n"
        )
    }

    fn end(&self, pid: u32) {
        let process = self.tree.root().join(format!("proc/{pid}"));
        std::fs::remove_dir_all(process).expect("it was there");
    }

    fn later(&self, seconds: f64) -> Instant {
        self.now.set(self.now.get() + seconds);
        self.start + Duration::from_secs_f64(self.now.get())
    }

    /// Milliseconds of CPU time and MiB, 0.9 s after the reading before, or the errors.
    fn read(&self, pod: &mut Pod) -> (Result<u128, String>, Result<u64, String>) {
        let reading = pod.read(self.later(0.9));
        let cpu = reading.cpu.expect("a pod always has news");
        let memory = reading.memory.expect("a pod always has news");
        let text = |error: crate::model::ReadError| {
            error.to_string().replace(&format!("{}/", self.tree.root().display()), "")
        };
        let cpu = cpu.map(|cpu| cpu.used.as_millis());
        (cpu.map_err(text), memory.map(|memory| memory.used.0 >> 20).map_err(text))
    }
}

fn v2(mounted: &str) -> String {
    format!("105 104 0:24 {mounted} /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n")
}

fn group(directory: &str, seconds: f64, mebibytes: u64, quota: &str, limit: &str) -> String {
    let (microseconds, bytes) = ((seconds * 1e6) as u64, mebibytes << 20);
    format!(
        "== {directory}/cpu.stat\nusage_usec {microseconds}\nnr_periods 0\nnr_throttled 0\n\
         == {directory}/cpu.max\n{quota} 100000\n== {directory}/memory.max\n{limit}\n\
         == {directory}/memory.current\n{bytes}\n\
         == {directory}/memory.stat\nfile 0\nshmem 0\nslab_reclaimable 0\ninactive_file 0\n\
         == {directory}/memory.events\noom_kill 0\n== {directory}/cgroup.events\npopulated 1\n"
    )
}

/// 4 cores and 8 GiB.
const MACHINE: &str = "== sys/devices/system/cpu/online\n0-3\n== proc/meminfo\nMemTotal: 8388608 kB\n\
    == proc/stat\ncpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\ncpu2 1 2 3 4\ncpu3 1 2 3 4\n";
