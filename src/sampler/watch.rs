//! Sees from reading to reading what has changed: limits, failures, the wall clock, events.

use std::fmt::Display;
use std::mem::{Discriminant, discriminant};
use std::time::{Duration, SystemTime};

use log::{Level, info, log, warn};
use tokio::time::Instant;

use crate::model::{Events, Limit, ReadError, Summary, Throttling};

/// Says when a part of the readings can no longer be read, and when it can be again.
pub struct FailureWatch {
    part: String,
    /// The kind of the failure that was said last, while it lasts.
    failure: Option<Discriminant<ReadError>>,
}

impl FailureWatch {
    pub fn of(part: impl Into<String>) -> Self {
        Self { part: part.into(), failure: None }
    }

    pub fn watch<R>(&mut self, reading: Option<Result<R, ReadError>>) -> Option<R> {
        let reading = reading?;
        let failure = reading.as_ref().err().map(discriminant);
        let before = std::mem::replace(&mut self.failure, failure);
        match &reading {
            Err(error) if before != failure => {
                let level = match error {
                    // One sample is lost, and the next is right.
                    ReadError::WentBack { .. } => Level::Warn,
                    _ => Level::Error,
                };
                log!(level, "{} is absent from now on: {error}", self.part);
            }
            Ok(_) if before.is_some() => info!("{} can be read again", self.part),
            _ => {}
        }
        reading.ok()
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

    pub fn watch(&mut self, limit: &Limit<T>) {
        if self.limit.as_ref() != Some(limit) {
            info!("{} is in percent of {limit}", self.part);
            self.limit = Some(limit.clone());
        }
    }

    /// What the part is in percent of, as it was read last.
    pub fn limit(&self) -> Option<&Limit<T>> {
        self.limit.as_ref()
    }
}

/// Counts the events of each window.
pub struct EventWatch {
    throttling: FailureWatch,
    oom_kills: FailureWatch,
    /// The counters when the window before was closed.
    before: (Option<Throttling>, Option<u64>),
}

impl EventWatch {
    /// Events count from here on.
    pub fn new(events: Events) -> Self {
        let (throttling, oom_kills) =
            (FailureWatch::of("throttling"), FailureWatch::of("OOM kills"));
        let mut watch = Self { throttling, oom_kills, before: (None, None) };
        watch.before = watch.read(events);
        watch
    }

    /// Puts its events into the summary of a window that has just been closed. A counter that went
    /// back was restarted, and the difference says nothing.
    pub fn complete(&mut self, summary: &mut Summary, events: Events) {
        let now = self.read(events);
        let before = std::mem::replace(&mut self.before, now);
        summary.throttling = before.0.zip(now.0).and_then(|(before, now)| throttled(before, now));
        summary.oom_kills = before.1.zip(now.1).and_then(|(before, now)| now.checked_sub(before));
    }

    fn read(&mut self, events: Events) -> (Option<Throttling>, Option<u64>) {
        (self.throttling.watch(events.throttling), self.oom_kills.watch(events.oom_kills))
    }
}

/// Percent of the periods between two readings in which the quota was used up. Where there were
/// none, as in an idle container or one without a quota, none was.
fn throttled(before: Throttling, now: Throttling) -> Option<f64> {
    let periods = now.periods.checked_sub(before.periods)?;
    let throttled = now.throttled.checked_sub(before.throttled)?;
    Some(if periods == 0 { 0.0 } else { 100.0 * throttled as f64 / periods as f64 }.min(100.0))
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
            warn!("the wall clock went {direction} by {step:.1?}: it was set, or the system slept");
        }
    }
}

/// A smaller difference between the wall clock and the monotonic one is not a step: NTP slews
/// by at most 0.05 %, which is 30 ms in the longest sample interval.
const MIN_CLOCK_STEP: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn events(periods: u64, throttled: u64, oom_kills: u64) -> Events {
        let throttling = Some(Ok(Throttling { periods, throttled }));
        Events { throttling, oom_kills: Some(Ok(oom_kills)) }
    }

    fn complete(watch: &mut EventWatch, events: Events) -> (Option<f64>, Option<u64>) {
        let mut summary = Summary::empty(UNIX_EPOCH);
        watch.complete(&mut summary, events);
        (summary.throttling, summary.oom_kills)
    }

    #[test]
    fn each_window_counts_its_own_events() {
        let mut watch = EventWatch::new(events(1000, 900, 5));
        assert_eq!(complete(&mut watch, events(1600, 1050, 5)), (Some(25.0), Some(0)));
        assert_eq!(complete(&mut watch, events(1600, 1050, 7)), (Some(0.0), Some(2)));
        assert_eq!(complete(&mut watch, events(1700, 1150, 7)), (Some(100.0), Some(0)));
    }

    #[test]
    fn a_counter_that_goes_back_is_absent_once() {
        let mut watch = EventWatch::new(events(1000, 900, 5));
        assert_eq!(complete(&mut watch, events(10, 5, 1)), (None, None));
        assert_eq!(complete(&mut watch, events(20, 10, 1)), (Some(50.0), Some(0)));
    }

    #[test]
    fn what_is_not_known_is_absent_and_not_zero() {
        let mut watch = EventWatch::new(Events::default());
        assert_eq!(complete(&mut watch, Events::default()), (None, None));
        let missing = || Some(Err(ReadError::Missing("cpu.stat".into())));
        let failing = Events { throttling: missing(), oom_kills: None };
        assert_eq!(complete(&mut watch, failing), (None, None));
    }
}
