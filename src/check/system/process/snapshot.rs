//! What is made of the processes of two runs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Findings;
use crate::sorted::map_of;

/// The processes that are meant, at one time.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// When, on the clock of [`Process::start`].
    pub at: Duration,
    /// Whether the proportional memory was to be read.
    pub is_proportional: bool,
    pub processes: Vec<Process>,
    /// The processes that would be meant, but have ended and wait for their parents.
    pub zombies: usize,
}

#[derive(Clone, Debug)]
pub struct Process {
    pub pid: u32,
    /// When it started: a pid that is used again has another.
    pub start: Duration,
    /// The same in seconds since 1970.
    pub start_of_clock: u64,
    pub name: String,
    /// What it has used since its start.
    pub cpu: Duration,
    pub resident: u64,
    pub proportional: Figure,
    pub threads: Figure,
    pub open_files: Figure,
}

/// A number, or why there is none.
pub type Figure = Result<u64, String>;

/// What the next run needs to know of a run.
#[derive(Debug)]
pub struct Baseline {
    at: Duration,
    /// The start and the CPU time of each, by pid.
    cpu: BTreeMap<u32, (Duration, Duration)>,
}

impl Snapshot {
    pub fn baseline(&self) -> Baseline {
        let cpu = |process: &Process| (process.pid, (process.start, process.cpu));
        Baseline { at: self.at, cpu: map_of(self.processes.iter().map(cpu)) }
    }

    fn sum(&self, figure: impl Fn(&Process) -> Figure) -> Figure {
        self.processes.iter().map(figure).sum()
    }
}

pub fn found(before: Option<&Baseline>, now: &Snapshot) -> Findings {
    let mut found = Findings::default();
    found.number("count", now.processes.len() as f64);
    match before.and_then(|before| cpu_percent(before, now)) {
        Some(percent) => found.number("cpu_percent", percent),
        None => found.absent("cpu_percent", "no time has passed since the run before"),
    }
    let resident: u64 = now.processes.iter().map(|process| process.resident).sum();
    found.number("memory_resident", resident as f64);
    let mut sum = |name, figure: fn(&Process) -> Figure| match now.sum(figure) {
        Ok(sum) => found.number(name, sum as f64),
        Err(reason) => found.absent(name, reason),
    };
    sum("threads", |process| process.threads.clone());
    sum("open_files", |process| process.open_files.clone());
    match now.processes.is_empty() && !now.is_proportional {
        // The sum over no process would be 0 bytes of what is never read.
        true => found.absent("memory_proportional", NOT_PROPORTIONAL),
        false => sum("memory_proportional", |process| process.proportional.clone()),
    }
    match now.processes.iter().min_by_key(|process| process.start) {
        Some(first) => {
            found.number("oldest_start", first.start_of_clock as f64);
            found.number("oldest_age", now.at.saturating_sub(first.start).as_secs_f64());
        }
        None => {
            for name in ["oldest_start", "oldest_age"] {
                found.absent(name, "there is no such process");
            }
        }
    }
    show(now, &mut found);
    found
}

/// CPU time since the run before in percent of the time that has passed, if any has.
fn cpu_percent(before: &Baseline, now: &Snapshot) -> Option<f64> {
    let passed = now.at.checked_sub(before.at).filter(|passed| !passed.is_zero())?;
    let used: Duration = now.processes.iter().map(|process| used(before, process)).sum();
    Some(100.0 * used.as_secs_f64() / passed.as_secs_f64())
}

/// What a process has used since the run before.
fn used(before: &Baseline, process: &Process) -> Duration {
    match before.cpu.get(&process.pid) {
        Some((start, cpu)) if *start == process.start => process.cpu.saturating_sub(*cpu),
        _ if process.start + RESOLUTION > before.at => process.cpu,
        // It was there and had another name or user then: it is not known how much of its time is older.
        _ => Duration::ZERO,
    }
}

/// Starts are rounded down to this.
const RESOLUTION: Duration = Duration::from_millis(10);

/// Pids, names and numbers: a command line may have secrets.
fn show(now: &Snapshot, found: &mut Findings) {
    for Process { pid, name, cpu, resident, start, .. } in now.processes.iter().take(SHOWN) {
        let age = now.at.saturating_sub(*start).as_secs_f64();
        let (cpu, name) = (cpu.as_secs_f64(), name.escape_debug());
        let text = format!("{name}: CPU {cpu:.2} s, resident {resident} bytes, age {age:.2} s");
        found.raw(format!("process {pid}"), text);
    }
    if now.processes.len() > SHOWN {
        let more = now.processes.len() - SHOWN;
        found.raw("processes", format_args!("and {more} more"));
    }
    if now.processes.is_empty() {
        found.raw("processes", "none");
    }
    if now.zombies > 0 {
        found.raw("zombies", format_args!("{}, which are not counted", now.zombies));
    }
}

/// Why there is no proportional memory.
pub const NOT_PROPORTIONAL: &str = "set proportional: yes in details to have it read";

/// A person looks at no more.
const SHOWN: usize = 8;
