//! `processes`: what runs. Never what it was started with: arguments and environment hold secrets.

use std::path::Path;

use serde_json::{Value, json};
use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::{HostInfo, Unavailable};
use crate::model::Roots;
use crate::sorted::sort_by_key;
#[cfg(target_os = "linux")]
use crate::source::kernel_file;

pub const TYPE: HostInfo = HostInfo {
    name: "processes",
    about: "The processes that this one sees, without their arguments; times in milliseconds, memory in bytes",
    fields: &[
        "pid",
        "exe_name",
        "exe_cwd",
        "exe_root",
        "time_start_time",
        "time_user",
        "time_sys",
        "time_total",
        "state_name",
        "state_ppid",
        "state_priority",
        "state_nice",
        "state_threads",
        "memory_size",
        "memory_resident",
        "memory_share",
        "memory_minor_faults",
        "memory_major_faults",
        "memory_page_faults",
    ],
    gather,
};

fn gather(roots: &Roots) -> Result<Value, Unavailable> {
    let system = System::new();
    let failed = |error| Unavailable::Failed(format!("the processes: {error}"));
    let mut system = system.map_err(failed)?;
    let once = UpdateKind::OnlyIfNotSet;
    let kind = ProcessRefreshKind::nothing().with_exe(once).with_cwd(once).with_root(once);
    // sysinfo lists each thread as a process beside the one that it is of, unless it is told not to.
    let kind = kind.with_memory().with_cpu().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    let mut processes: Vec<_> = system.processes().values().collect();
    sort_by_key(&mut processes, |process| process.pid());
    if processes.is_empty() {
        let text = "no process can be seen: /proc is not mounted, or cannot be read";
        return Err(Unavailable::Failed(text.to_owned()));
    }
    // What has ended by now is left out.
    let record = |process: &&Process| record(process, &roots.proc);
    Ok(processes.iter().filter_map(record).collect())
}

fn record(process: &Process, proc: &Path) -> Option<Value> {
    let more = More::read(proc, process.pid().as_u32())?;
    let path = |path: Option<&Path>| path.map(|path| path.display().to_string());
    // What belongs to the kernel, or to somebody else, has no path here: in brackets, as in ps.
    let name = || format!("[{}]", process.name().to_string_lossy());
    Some(json!({
        "pid": process.pid().as_u32(),
        "exe_name": path(process.exe()).unwrap_or_else(name),
        "exe_cwd": path(process.cwd()),
        "exe_root": path(process.root()),
        "time_start_time": process.start_time().saturating_mul(1000),
        "time_user": more.user,
        "time_sys": more.system,
        "time_total": more.total().unwrap_or_else(|| process.accumulated_cpu_time()),
        "state_name": process.status().to_string().to_lowercase(),
        "state_ppid": process.parent().map(|parent| parent.as_u32()),
        "state_priority": more.priority,
        "state_nice": more.nice,
        "state_threads": more.threads,
        "memory_size": process.virtual_memory(),
        "memory_resident": process.memory(),
        "memory_share": more.share,
        "memory_minor_faults": more.minor_faults,
        "memory_major_faults": more.major_faults,
        "memory_page_faults": more.faults(),
    }))
}

/// What sysinfo lacks, where the system tells it.
#[derive(Debug, Default, PartialEq, Eq)]
struct More {
    /// Milliseconds.
    user: Option<u64>,
    system: Option<u64>,
    priority: Option<i64>,
    nice: Option<i64>,
    threads: Option<u64>,
    /// Bytes of what is resident and of a file or shared.
    share: Option<u64>,
    minor_faults: Option<u64>,
    major_faults: Option<u64>,
}

impl More {
    /// `None` where there is no such process any more.
    #[cfg(target_os = "linux")]
    fn read(proc: &Path, pid: u32) -> Option<Self> {
        let folder = proc.join(pid.to_string());
        // Its name may be any bytes.
        let [stat, memory] = ["stat", "statm"].map(|name| kernel_file::bytes(&folder.join(name)));
        let [stat, memory] = [stat.ok()?, memory.unwrap_or_default()];
        Some(Self::parse(&String::from_utf8_lossy(&stat), &String::from_utf8_lossy(&memory)))
    }

    #[cfg(not(target_os = "linux"))]
    fn read(_: &Path, _: u32) -> Option<Self> {
        Some(Self::default())
    }

    /// proc_pid_stat(5) and proc_pid_statm(5).
    #[cfg(target_os = "linux")]
    fn parse(stat: &str, statm: &str) -> Self {
        // The name before them is in brackets, and may have brackets and blanks in it.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<_> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at - STATE)?.parse::<i64>().ok();
        let count = |at: usize| number(at).and_then(|number| u64::try_from(number).ok());
        let ticks = rustix::param::clock_ticks_per_second();
        let time = |at: usize| count(at)?.saturating_mul(1000).checked_div(ticks);
        let share = statm.split_ascii_whitespace().nth(2).and_then(|pages| pages.parse().ok());
        let bytes = |pages: u64| pages.saturating_mul(rustix::param::page_size() as u64);
        Self {
            user: time(14),
            system: time(15),
            priority: number(18),
            nice: number(19),
            threads: count(20),
            share: share.map(bytes),
            minor_faults: count(10),
            major_faults: count(12),
        }
    }

    fn total(&self) -> Option<u64> {
        self.user?.checked_add(self.system?)
    }

    fn faults(&self) -> Option<u64> {
        self.minor_faults?.checked_add(self.major_faults?)
    }
}

/// The number of the first field after the name.
#[cfg(target_os = "linux")]
const STATE: usize = 3;

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    #[test]
    fn a_name_may_have_brackets_and_blanks() {
        let tree = Tree::new("== proc/7/statm\n100 50 20 1 0 30 0\n");
        let proc = tree.root().join("proc");
        for name in ["sh", "a) R 9 (b", ") S 1 2 3 4", ""] {
            tree.change(&format!(
                "== proc/7/stat\n7 ({name}) S 1 7 7 0 -1 4194304 110 999 12 888 250 31 5 6 20 -5 3 0 9876 \
                 4096000 50 18446744073709551615 0\n"
            ));
            let expected = More {
                user: Some(2500),
                system: Some(310),
                priority: Some(20),
                nice: Some(-5),
                threads: Some(3),
                share: Some(20 * rustix::param::page_size() as u64),
                minor_faults: Some(110),
                major_faults: Some(12),
            };
            let more = More::read(&proc, 7).expect("it is there");
            assert_eq!(more, expected, "{name}");
            assert_eq!((more.total(), more.faults()), (Some(2810), Some(122)));
        }
    }

    #[test]
    fn one_that_has_ended_is_none_and_what_is_cut_short_is_absent() {
        let tree = Tree::new("== proc/7/stat\n7 (sh) S 1 7 7 0 -1 4194304 110 999 x\n");
        let proc = tree.root().join("proc");
        assert_eq!(More::read(&proc, 8), None);
        let more = More::read(&proc, 7).expect("it is there");
        assert_eq!(more, More { minor_faults: Some(110), ..More::default() });
        assert_eq!((more.total(), more.faults()), (None, None));
    }
}
