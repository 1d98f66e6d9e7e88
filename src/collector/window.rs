//! The time of one window.
//!
//! Windows are aligned to the wall clock, so that each CloudWatch period holds one datapoint.
//! A sample belongs to the window that its own instant falls into, and so a wall-clock step
//! needs no case of its own: the next sample falls into another window, which closes the open
//! one. A step that stays inside the open window leaves it open, because closing it would give
//! two datapoints to one period.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A window that holds this many times the samples it should is closed, whatever the wall clock
/// says, so that a clock that stands still or is set back again and again cannot make it grow
/// without bound. Nothing is lost: the period then has two datapoints.
const OVERFULL: usize = 2;

/// A window that is open.
#[derive(Debug)]
pub struct Window {
    pub start: SystemTime,
    /// The start of the next one.
    end: SystemTime,
    /// How many samples it holds.
    pub count: usize,
}

impl Window {
    /// An empty window that a time falls into.
    pub fn at(now: SystemTime, period: Duration) -> Self {
        let start = window_start(now, period);
        Self { start, end: start + period, count: 0 }
    }

    /// Its end, or where it was cut short at this time, the end of that second.
    pub fn end_at(&self, cut: Option<SystemTime>) -> SystemTime {
        let Some(cut) = cut else { return self.end };
        let seconds = cut.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() + 1;
        (UNIX_EPOCH + Duration::from_secs(seconds)).clamp(self.start, self.end)
    }

    /// Whether a sample at this time belongs into it. One period is expected to hold `samples`.
    pub fn takes(&self, now: SystemTime, samples: usize) -> bool {
        // A clock before the epoch is as good as one that stands on it.
        let now = now.max(UNIX_EPOCH);
        self.start <= now && now < self.end && self.count < samples * OVERFULL
    }
}

/// The start of the window that `now` falls into: the last multiple of `period` since the epoch.
/// A clock that stands before the epoch is as good as one that stands on it.
pub fn window_start(now: SystemTime, period: Duration) -> SystemTime {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let period = period.as_secs().max(1);
    UNIX_EPOCH + Duration::from_secs(since_epoch - since_epoch % period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_start_on_multiples_of_the_period_since_the_epoch() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs_f64(seconds);
        let day = Duration::from_secs(86_400);
        assert_eq!(window_start(at(86_400.0 * 20_000.5), day), at(86_400.0 * 20_000.0));
        assert_eq!(window_start(at(14.9), Duration::from_secs(7)), at(14.0));
        assert_eq!(window_start(UNIX_EPOCH - Duration::from_secs(5), day), UNIX_EPOCH);
    }
}
