//! Sees from reading to reading what has changed: limits, failures, the wall clock.

use std::fmt::Display;
use std::mem::discriminant;
use std::time::{Duration, SystemTime};

use log::{Level, info, log, warn};
use tokio::time::Instant;

use crate::model::{Limit, ReadError};

/// Says when a part of the readings can no longer be read, and when it can be again.
pub struct FailureWatch {
    part: String,
    /// The failure that was said last, while it lasts.
    failure: Option<ReadError>,
}

impl FailureWatch {
    pub fn of(part: impl Into<String>) -> Self {
        Self { part: part.into(), failure: None }
    }

    pub fn watch<R>(&mut self, reading: Option<Result<R, ReadError>>) -> Option<R> {
        let reading = reading?;
        let before = self.failure.as_ref().map(discriminant);
        match &reading {
            Err(error) if before != Some(discriminant(error)) => {
                let level = match error {
                    // One sample is lost, and the next is right; or there is nothing to lose.
                    ReadError::WentBack { .. } | ReadError::Absent(_) => Level::Warn,
                    _ => Level::Error,
                };
                log!(level, "{} unavailable: {error}", self.part);
                self.failure = Some(error.clone());
            }
            Ok(_) if before.is_some() => {
                info!("{} available again", self.part);
                self.failure = None;
            }
            _ => {}
        }
        reading.ok()
    }

    /// The failure, while it lasts.
    pub fn error(&self) -> Option<&ReadError> {
        self.failure.as_ref()
    }
}

/// Says what a part is in percent of, and when that changes.
pub struct LimitWatch<T> {
    part: String,
    limit: Option<Limit<T>>,
}

impl<T: Clone + Display + PartialEq> LimitWatch<T> {
    pub fn of(part: impl Into<String>) -> Self {
        Self { part: part.into(), limit: None }
    }

    /// Whether the limit is another than that of the reading before.
    pub fn watch(&mut self, limit: &Limit<T>) -> bool {
        let is_new = self.limit.as_ref() != Some(limit);
        if is_new {
            info!("{} limit: {limit}", self.part);
            self.limit = Some(limit.clone());
        }
        is_new
    }
}

/// Says when the wall clock was set, which makes a window short and a timestamp jump.
#[derive(Default)]
pub struct ClockWatch {
    last: Option<(Instant, SystemTime)>,
}

impl ClockWatch {
    pub fn watch(&mut self, instant: Instant, now: SystemTime) {
        let Some((last_instant, last_now)) = self.last.replace((instant, now)) else { return };
        let expected = last_now + instant.duration_since(last_instant);
        let (direction, step) = match now.duration_since(expected) {
            Ok(step) => ("forward", step),
            Err(error) => ("back", error.duration()),
        };
        if step >= MIN_CLOCK_STEP {
            warn!("the wall clock jumped {direction} {step:.1?}: clock set or system suspended");
        }
    }
}

/// A smaller difference between the wall clock and the monotonic one is not a step: NTP slews
/// by at most 0.05 %, which is 30 ms in the longest sample interval.
const MIN_CLOCK_STEP: Duration = Duration::from_millis(500);
