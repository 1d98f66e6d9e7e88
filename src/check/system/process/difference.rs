//! CPU time between two readings.

use std::collections::HashMap;
use std::time::Duration;

use super::reading::Reading;

/// CPU time that the processes of the later reading used since the earlier one, in percent of one CPU. `None`
/// where too little time has passed to tell.
pub fn cpu_percent(before: &Reading, now: &Reading) -> Option<f64> {
    let elapsed = now.at.saturating_duration_since(before.at);
    if elapsed < MIN_INTERVAL {
        return None;
    }
    // The same number may be that of another process by now, which started at another time.
    let earlier: HashMap<_, _> =
        before.processes.iter().map(|of| ((of.pid, of.start), of.cpu_ms)).collect();
    let used = now.processes.iter().map(|of| match earlier.get(&(of.pid, of.start)) {
        Some(then) => of.cpu_ms.saturating_sub(*then),
        None if of.started_after(before) => of.cpu_ms,
        // It was there, and did not fit then: what it used since is not known.
        None => 0,
    });
    Some(100.0 * used.sum::<u64>() as f64 / (elapsed.as_secs_f64() * 1000.0))
}

/// Over less than this, the kernel's ticks of 10 ms would be most of the result.
const MIN_INTERVAL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::reading::Process;
    use super::*;

    /// A reading so many seconds after the first, of processes by number, start and CPU time in ms.
    fn reading(first: Instant, seconds: u64, processes: &[(u32, u64, u64)]) -> Reading {
        let of = |&(pid, start, cpu_ms): &(u32, u64, u64)| Process {
            pid,
            start,
            cpu_ms,
            ..Process::default()
        };
        Reading {
            at: first + Duration::from_secs(seconds),
            time_s: seconds,
            // The machine has run for a hundred seconds at the first reading; starts are in ticks.
            uptime: 10_000 + seconds * 100,
            processes: processes.iter().map(of).collect(),
        }
    }

    #[test]
    fn each_process_counts_from_the_reading_before_or_from_its_start() {
        let first = Instant::now();
        let before = reading(first, 0, &[(1, 5, 1000), (2, 5, 500), (3, 5, 0)]);
        for (processes, expected) in [
            (&[(1, 5, 3000), (2, 5, 500), (3, 5, 0)][..], 20.0),
            // 2 has ended; what it used is not known.
            (&[(1, 5, 3000)], 20.0),
            // A new one, in the same tick as the reading before.
            (&[(1, 5, 1000), (4, 10_000, 1500)], 15.0),
            // The number of 2 is that of a new process.
            (&[(1, 5, 1000), (2, 10_400, 300)], 3.0),
            // It is older than the reading before, and did not fit then.
            (&[(1, 5, 1000), (5, 9_000, 70_000)], 0.0),
            // A counter that went back is no time.
            (&[(1, 5, 900)], 0.0),
            (&[], 0.0),
        ] {
            let now = reading(first, 10, processes);
            assert_eq!(cpu_percent(&before, &now), Some(expected), "{processes:?}");
        }
    }

    #[test]
    fn without_time_between_there_is_no_figure() {
        let first = Instant::now();
        let both = [0, 0].map(|seconds| reading(first, seconds, &[(1, 5, 1000)]));
        assert_eq!(cpu_percent(&both[0], &both[1]), None);
    }
}
