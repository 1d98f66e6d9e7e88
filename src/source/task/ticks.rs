//! Evens out the ticks in which the kernel counts CPU time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Cores;

/// CPU time at the latest instants, as many as the means need.
#[derive(Debug, Default)]
pub struct Ticks(VecDeque<(Instant, Duration)>);

impl Ticks {
    /// The mean instant and the mean CPU time of the latest readings. The difference of two such
    /// means covers all of those readings. So a sample covers enough time for one tick to matter
    /// little. With a limit of one core or more, that is one interval.
    pub fn even_out(&mut self, at: Instant, used: Duration, limit: Cores) -> (Instant, Duration) {
        let span = TICK.div_f64((MOST_TICK * limit.0).max(LEAST_CORES));
        self.0.push_back((at, used));
        while self.0.front().is_some_and(|(first, _)| at.duration_since(*first) > span) {
            self.0.pop_front();
        }
        let (first, _) = self.0[0];
        let count = self.0.len() as u32;
        let ages = self.0.iter().map(|(at, _)| at.duration_since(first));
        let used = self.0.iter().map(|(_, used)| *used);
        (first + ages.sum::<Duration>() / count, used.sum::<Duration>() / count)
    }
}

/// The kernel counts in USER_HZ (see `/proc/stat`).
const TICK: Duration = Duration::from_millis(10);

/// A sample covers so many readings that one tick is not much more than this part of the limit: with
/// 0.9 s between readings, three for a limit of 0.25 cores, two for 0.5 and one from there on. Then the
/// median of a minute is right within a point, and a peak of three seconds is still visible.
const MOST_TICK: f64 = 0.02;

/// A limit that is smaller than any of a task bounds how many readings are kept.
const LEAST_CORES: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;

    /// The CPU use of each sample of a task with so many cores, from what was used until each of
    /// these readings, which are 0.9 s apart.
    fn samples(limit: f64, used: &[u64]) -> Vec<u64> {
        let (mut ticks, start) = (Ticks::default(), Instant::now());
        let even = |(n, used): (usize, &u64)| {
            let at = start + Duration::from_millis(900) * n as u32;
            ticks.even_out(at, Duration::from_millis(*used), Cores(limit))
        };
        let even: Vec<_> = used.iter().enumerate().map(even).collect();
        let percent = |pair: &[(Instant, Duration)]| {
            let (elapsed, used) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            (100.0 * used.as_secs_f64() / elapsed.as_secs_f64()).round() as u64
        };
        even.windows(2).map(percent).collect()
    }

    #[test]
    fn a_sample_is_over_as_many_readings_as_the_limit_needs() {
        let used = [0, 90, 90, 90, 90, 90];
        assert_eq!(samples(1.0, &used), [10, 0, 0, 0, 0]);
        assert_eq!(samples(0.5, &used), [10, 5, 0, 0, 0]);
        // The first mean is that of one reading, the second that of two.
        assert_eq!(samples(0.25, &used), [10, 3, 3, 0, 0]);
        let used = [0, 0, 0, 90, 90, 90, 90];
        assert_eq!(samples(0.25, &used), [0, 0, 3, 3, 3, 0]);
    }

    #[test]
    fn nothing_is_lost_or_made_by_a_stall_or_a_reading_at_once() {
        let (mut ticks, start) = (Ticks::default(), Instant::now());
        for milliseconds in [0, 900, 1800, 1900, 60_000, 60_900, 60_901, 61_800] {
            let elapsed = Duration::from_millis(milliseconds);
            // A steady use stays one, whatever the readings.
            let (at, used) = ticks.even_out(start + elapsed, elapsed / 4, Cores(0.25));
            let mean = at.duration_since(start) / 4;
            assert!(mean.abs_diff(used) < Duration::from_micros(1), "{mean:?} {used:?}");
        }
    }

    #[test]
    fn no_limit_makes_it_keep_readings_without_end() {
        let (mut ticks, start) = (Ticks::default(), Instant::now());
        for second in 0..100 {
            let elapsed = Duration::from_secs(second);
            ticks.even_out(start + elapsed, elapsed, Cores(0.0));
        }
        assert_eq!(ticks.0.len(), 11);
    }
}
