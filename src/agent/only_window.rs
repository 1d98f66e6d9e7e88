//! The one window of `--once`.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::collector::window::window_start;

/// The next whole window.
#[derive(Clone, Copy)]
pub struct OnlyWindow {
    start: SystemTime,
    period: Duration,
    pub begin: Instant,
    /// Just before the next one begins, so that the last reading is of this one.
    pub end: Instant,
}

impl OnlyWindow {
    pub fn of(period: Duration) -> Self {
        let now = SystemTime::now();
        let start = window_start(now, period) + period;
        let begin = Instant::now() + start.duration_since(now).unwrap_or_default();
        Self { start, period, begin, end: begin + period - JUST_BEFORE }
    }

    /// The time, within the only window if there is one: a process that was suspended or whose clock was
    /// set would else begin another.
    pub fn time_in(window: Option<Self>) -> SystemTime {
        let now = SystemTime::now();
        window.map_or(now, |of| now.clamp(of.start, of.start + of.period - JUST_BEFORE))
    }
}

/// As long as a timer of the runtime may be late, and a reading may take.
const JUST_BEFORE: Duration = Duration::from_millis(20);
