//! What the log of an agent says.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cell::PERIOD;

/// In the line of each sample.
pub const SAMPLE: &str = "] Sample {";

/// In the last line, before its counts.
const STOPPED: &str = "stopped; ";

/// The names of the metrics of each part.
const CPU: [&str; 2] = ["CPUUtilization", "MaxCPUUtilization"];
const MEMORY: [&str; 2] = ["MemoryUtilization", "MaxMemoryUtilization"];

/// What a gauge of OTLP is called in CloudWatch.
pub fn name_of_otlp(name: &str) -> Option<&'static str> {
    match name.strip_prefix("cloudwatch_metrics_agent.")? {
        "cpu.utilization.median" => Some(CPU[0]),
        "cpu.utilization.max" => Some(CPU[1]),
        "memory.utilization.median" => Some(MEMORY[0]),
        "memory.utilization.max" => Some(MEMORY[1]),
        _ => None,
    }
}

/// One datum: the start of its window, in seconds since the epoch, and its name.
pub type Datum = (u64, String);

/// All data that were measured.
#[derive(Debug, Default)]
pub struct Measured {
    pub surely: BTreeSet<Datum>,
    /// Also what lies so near a boundary that its line of the log does not tell the window.
    pub perhaps: BTreeSet<Datum>,
    /// The windows in the order in which they were.
    pub order: Vec<u64>,
}

impl Measured {
    pub fn windows(data: &BTreeSet<Datum>) -> BTreeSet<u64> {
        data.iter().map(|(window, _)| *window).collect()
    }
}

/// The counts of the last line. What a line does not have is not said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub windows: u64,
    pub delivered: u64,
    pub dropped: u64,
    pub undelivered: u64,
    pub rejected: Option<u64>,
    pub rejected_metrics: Option<u64>,
}

/// The counts of the last line, and the cause that it tells. The one place that knows its form.
pub fn stopped(log: &str) -> Option<(Counts, Option<&str>)> {
    let (_, line) = log.lines().rev().find_map(|line| line.split_once(STOPPED))?;
    let (fields, cause) = match line.split_once(": ") {
        Some((fields, cause)) => (fields, Some(cause)),
        None => (line, None),
    };
    let field = |name: &str| -> Option<u64> {
        let mut pairs = fields.split_whitespace().filter_map(|word| word.split_once('='));
        pairs.find(|(key, _)| *key == name)?.1.parse().ok()
    };
    let counts = Counts {
        windows: field("windows")?,
        delivered: field("delivered")?,
        dropped: field("dropped")?,
        undelivered: field("undelivered")?,
        rejected: field("rejected"),
        rejected_metrics: field("rejected_metrics"),
    };
    Some((counts, cause))
}

impl Counts {
    /// Whether each window is counted once: a rejected one by itself or among the dropped.
    pub fn add_up(&self) -> bool {
        let apart = self.windows.checked_sub(self.delivered + self.dropped + self.undelivered);
        apart == Some(0) || apart == self.rejected
    }
}

/// The times of all samples.
pub fn sample_times(log: &str) -> Vec<SystemTime> {
    log.lines().filter(|line| line.contains(SAMPLE)).filter_map(time).collect()
}

/// What the samples in the log must have become.
pub fn measured(log: &str) -> Measured {
    let mut measured = Measured::default();
    for line in log.lines().filter(|line| line.contains(SAMPLE)) {
        let Some(time) = time(line) else { continue };
        let mut names: Vec<&str> = Vec::new();
        names.extend(CPU.into_iter().filter(|_| line.contains("cpu: Some")));
        names.extend(MEMORY.into_iter().filter(|_| line.contains("memory: Some")));
        let (window, before) = (window_of(time), window_of(time - LATE_LINE));
        if !measured.order.contains(&window) {
            measured.order.push(window);
        }
        for name in names {
            measured.perhaps.insert((window, name.to_owned()));
            measured.perhaps.insert((before, name.to_owned()));
            if window == before {
                measured.surely.insert((window, name.to_owned()));
            }
        }
    }
    measured
}

/// The window of the sample that a line tells.
pub fn sampled(line: &str) -> Option<u64> {
    Some(window_of(time(line)?))
}

pub fn window_of(time: SystemTime) -> u64 {
    let seconds = time.duration_since(UNIX_EPOCH).expect("after the epoch").as_secs();
    seconds - seconds % PERIOD.as_secs()
}

/// The time at the head of a line.
fn time(line: &str) -> Option<SystemTime> {
    let time = line.strip_prefix('[')?.split(' ').next()?;
    humantime::parse_rfc3339(time).ok()
}

/// The line of a sample comes after the wall clock was read for it; by more than this only on a
/// machine that is very busy.
const LATE_LINE: Duration = Duration::from_millis(50);

/// What the console printed for each window.
pub fn printed(stdout: &str) -> Vec<Datum> {
    let mut data = Vec::new();
    for line in stdout.lines() {
        let mut words = line.split_whitespace();
        let Some(Ok(start)) = words.next().map(humantime::parse_rfc3339) else { continue };
        let pairs = words.filter_map(|word| word.split_once('='));
        let present = pairs
            .filter(|(name, value)| (CPU.contains(name) || MEMORY.contains(name)) && *value != "-");
        data.extend(present.map(|(name, _)| (window_of(start), name.to_owned())));
    }
    data
}
