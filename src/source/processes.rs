//! How many processes there are, threads included, and how many there may be.

use std::path::{Path, PathBuf};

use super::OnceAWindow;
use super::cgroup::Group;
use super::kernel_file::{optional, required};
use crate::model::{Number, Numbers, ReadError};

/// Where they are counted, and where limits stand.
#[derive(Debug)]
pub struct Processes {
    counted: PathBuf,
    count: fn(&str) -> Option<u64>,
    limits: Vec<PathBuf>,
    numbers: Numbers,
    advice: &'static str,
}

impl Processes {
    /// Those of the machine, if any of their numbers was asked for: /proc/loadavg (proc_loadavg(5)).
    pub fn of_machine(proc: &Path, numbers: Numbers) -> Option<Self> {
        let limits = ["sys/kernel/threads-max", "sys/kernel/pid_max"];
        let limits = limits.map(|name| proc.join(name)).into();
        Self::new(proc.join("loadavg"), loadavg, limits, numbers, "there is no count of processes")
    }

    /// Those of a control group and of the groups below it. Its limit is the smallest of its own and those
    /// of the groups above it that can be seen.
    pub fn of_group(group: &Group, numbers: Numbers) -> Option<Self> {
        let limits = group.directories().map(|directory| directory.join("pids.max")).collect();
        Self::new(group.own().join("pids.current"), number, limits, numbers, ADVICE)
    }

    fn new(
        counted: PathBuf,
        count: fn(&str) -> Option<u64>,
        limits: Vec<PathBuf>,
        numbers: Numbers,
        advice: &'static str,
    ) -> Option<Self> {
        let numbers = numbers.among(NUMBERS);
        (!numbers.is_empty()).then_some(Self { counted, count, limits, numbers, advice })
    }

    /// Adds what there is now.
    pub fn read(&self, readings: &mut OnceAWindow) {
        let count = self.count();
        if self.numbers.contains(Number::Processes) {
            readings.push((Number::Processes, count.clone().map(|count| count as f64)));
        }
        if self.numbers.contains(Number::ProcessUtilization) {
            readings
                .push((Number::ProcessUtilization, count.and_then(|count| self.percent(count))));
        }
    }

    fn count(&self) -> Result<u64, ReadError> {
        let text = required(&self.counted).map_err(|error| error.because(self.advice))?;
        let (path, expected) = (self.counted.clone(), "number of processes");
        (self.count)(&text).ok_or(ReadError::Malformed { path, expected })
    }

    fn percent(&self, count: u64) -> Result<f64, ReadError> {
        let mut smallest = None;
        for path in &self.limits {
            let Some(text) = optional(path)? else { continue };
            let expected = "number of processes or max";
            let limit =
                limit(&text).ok_or(ReadError::Malformed { path: path.clone(), expected })?;
            smallest = smallest.into_iter().chain(limit).min();
        }
        let Some(limit) = smallest else {
            let names: Vec<_> = self.limits.iter().map(|path| path.display().to_string()).collect();
            return Err(ReadError::absent(format!(
                "no limit of processes in {}",
                names.join(" or ")
            )));
        };
        // A group may be over a limit that was lowered, and 0 keeps it from starting any more.
        Ok(if count >= limit { 100.0 } else { 100.0 * count as f64 / limit as f64 })
    }
}

/// A number alone.
pub fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The limit of `pids.max`, or of a setting of the kernel; within, `None` for `max`.
pub fn limit(text: &str) -> Option<Option<u64>> {
    if text.trim() == "max" { Some(None) } else { number(text).map(Some) }
}

/// All processes and threads, from the text of /proc/loadavg: the number after the slash.
pub fn loadavg(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

pub const NUMBERS: &[Number] = &[Number::Processes, Number::ProcessUtilization];

const ADVICE: &str =
    "the pids controller is off for this group, or it is that of the whole machine";

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    #[test]
    fn max_is_no_limit_and_not_garbage() {
        assert_eq!(
            (limit("max\n"), limit("100\n"), limit("0\n")),
            (Some(None), Some(Some(100)), Some(Some(0)))
        );
        for text in ["", "\n", "-1\n", "1.5\n", "maximum\n", "1 2\n"] {
            assert_eq!(limit(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_load_average_tells_all_processes() {
        assert_eq!(loadavg("0.69 0.56 0.45 1/88 12397\n"), Some(88));
        assert_eq!(loadavg("12.00 9.10 4.45 23/14044 4194303\n"), Some(14_044));
        for text in ["", "0.69 0.56 0.45\n", "0.69 0.56 0.45 1 12397\n", "0.6 0.5 0.4 1/x 1\n"] {
            assert_eq!(loadavg(text), None, "{text:?}");
        }
    }

    /// Count and percent of a machine, with the paths relative.
    fn read(tree: &Tree) -> Vec<Result<f64, String>> {
        let mut readings = Vec::new();
        let processes = Processes::of_machine(tree.root(), Numbers::of(NUMBERS));
        processes.expect("asked for").read(&mut readings);
        let text = |error: ReadError| {
            error.to_string().replace(&format!("{}/", tree.root().display()), "")
        };
        readings.into_iter().map(|(_, value)| value.map_err(text)).collect()
    }

    #[test]
    fn of_a_machine_the_smaller_limit_counts() {
        let tree = Tree::new("== loadavg\n0.00 0.00 0.00 1/160 9\n");
        let none = "no limit of processes in sys/kernel/threads-max or sys/kernel/pid_max";
        assert_eq!(read(&tree), [Ok(160.0), Err(none.to_owned())]);
        tree.change("== sys/kernel/threads-max\n1600\n");
        assert_eq!(read(&tree), [Ok(160.0), Ok(10.0)]);
        tree.change("== sys/kernel/pid_max\n320\n");
        assert_eq!(read(&tree), [Ok(160.0), Ok(50.0)]);
        tree.change("== sys/kernel/pid_max\n100\n");
        assert_eq!(read(&tree), [Ok(160.0), Ok(100.0)], "it was lowered");
        tree.change("== loadavg\n?\n");
        let malformed = || Err("loadavg has no number of processes".to_owned());
        assert_eq!(read(&tree), [malformed(), malformed()]);
    }

    #[test]
    fn only_what_was_asked_for_is_given() {
        let of = |number: Number| {
            let mut readings = Vec::new();
            if let Some(processes) =
                Processes::of_machine(Path::new("/proc"), Numbers::of(&[number]))
            {
                processes.read(&mut readings);
            }
            readings.into_iter().map(|(number, _)| number).collect::<Vec<_>>()
        };
        assert_eq!(of(Number::Processes), [Number::Processes]);
        assert_eq!(of(Number::ProcessUtilization), [Number::ProcessUtilization]);
        assert_eq!(of(Number::Cpu), []);
    }
}
