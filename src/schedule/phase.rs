//! When a check runs.

use std::time::Duration;

use tokio::time::Instant;

/// Instants that are one period apart. They do not depend on how long a run takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    first: Instant,
    period: Duration,
}

impl Phase {
    /// The first instant is within one period from `now` on, by a `chance` from 0 to 1.
    pub fn of(now: Instant, period: Duration, chance: f64) -> Self {
        Self { first: now + period.mul_f64(chance.clamp(0.0, 1.0)), period }
    }

    /// The first of the instants from `now` on. Those that were missed are not made up for.
    pub fn next(&self, now: Instant) -> Instant {
        let Some(since) = now.checked_duration_since(self.first) else { return self.first };
        let passed = since.as_nanos().div_ceil(self.period.as_nanos().max(1));
        // A period is at least a second, so there are fewer of them than fit for longer than machines run.
        self.first + self.period * u32::try_from(passed).unwrap_or(u32::MAX)
    }

    /// The first of the instants after this one of them.
    pub fn next_after(&self, due: Instant, now: Instant) -> Instant {
        self.next(now.max(due + Duration::from_nanos(1)))
    }
}
