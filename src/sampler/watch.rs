//! Sees from reading to reading what has changed: limits, failures, the wall clock.

use std::fmt::Display;
use std::mem::discriminant;
use std::time::{Duration, SystemTime};

use log::{Level, info, log, warn};
use tokio::time::Instant;

use crate::collector::Collector;
use crate::model::{Limit, Number, Numbers, ReadError, Report, Reported};

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
            // One of another kind is news.
            Err(error) if before != Some(discriminant(error)) => {
                let level = match error {
                    // One sample is lost, and the next is right.
                    ReadError::WentBack { .. } => Level::Warn,
                    _ => Level::Error,
                };
                log!(level, "{} unavailable: {error}", self.part);
                self.failure = Some(error.clone());
            }
            Ok(_) if self.failure.take().is_some() => info!("{} available again", self.part),
            _ => {}
        }
        reading.ok()
    }

    /// Why it cannot be read, while that is so.
    pub fn failure(&self) -> Option<&ReadError> {
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

/// Makes reports of the numbers that are read once a window, and says which of them cannot be read.
pub struct ReportWatch {
    /// The numbers that were asked for.
    asked: Vec<Number>,
    failures: Vec<(Number, FailureWatch)>,
    missing: Vec<(Number, String)>,
    /// Whether it was said which numbers cannot be measured here.
    is_said: bool,
}

impl ReportWatch {
    pub fn new(asked: Numbers) -> Self {
        let asked = asked.iter().filter(|number| !number.is_sampled()).collect();
        Self { asked, failures: Vec::new(), missing: Vec::new(), is_said: false }
    }

    /// The report of those numbers that have a value, and why the source does not have the others.
    pub fn watch(
        &mut self,
        reported: Reported,
        unreported: Option<&str>,
        collector: &mut Collector,
    ) -> Report {
        self.missing.clear();
        for number in &self.asked {
            let is_reported = reported.iter().any(|(offered, _)| offered == number);
            if let Some(reason) = unreported.filter(|_| !is_reported) {
                self.missing.push((*number, reason.to_owned()));
            }
        }
        let mut report = Report::default();
        for (number, value) in reported {
            if let Some(Err(error)) = &value {
                self.missing.push((number, error.to_string()));
            }
            let series = collector.reported(number.of(None));
            let value = self.failure_of(number).watch(value);
            report.values.extend(value.map(|value| (series, value)));
        }
        report
    }

    /// Says once which of the numbers that were asked for cannot be measured here. What can and has
    /// failed, the log has already.
    pub fn say_missing(&mut self) {
        if self.is_said {
            return;
        }
        for (number, reason) in &self.missing {
            if !self.failures.iter().any(|(offered, _)| offered == number) {
                warn!("{} unavailable: {reason}", number.published());
                self.is_said = true;
            }
        }
    }

    /// The numbers that were asked for and had no value in the newest report, each with the reason.
    pub fn missing(&self) -> &[(Number, String)] {
        &self.missing
    }

    fn failure_of(&mut self, number: Number) -> &mut FailureWatch {
        let known = self.failures.iter().position(|(known, _)| *known == number);
        let place = known.unwrap_or_else(|| {
            self.failures.push((number, FailureWatch::of(number.label())));
            self.failures.len() - 1
        });
        &mut self.failures[place].1
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
