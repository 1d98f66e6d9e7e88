//! Sees from reading to reading what has changed: limits, failures, the wall clock.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use log::{error, info, warn};
use tokio::time::Instant;

use crate::model::{Limit, ReadError, Unavailable};

/// Says when a part of the readings can no longer be read, and when it can be again.
pub struct FailureWatch {
    part: String,
    /// The newest failure, while it lasts.
    failure: Option<ReadError>,
    /// The failures since the last value that the log has, but for the figures in them. Two that take turns at each sample
    /// would fill it.
    said: Vec<ReadError>,
    /// When the first of the failures came that there were without a value between them.
    since: Option<SystemTime>,
    /// Whether there is no such number here, and that was not said yet.
    is_unsaid: bool,
    /// Whether the failure is another than the last time that was asked.
    has_changed: bool,
}

impl FailureWatch {
    pub fn of(part: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            failure: None,
            said: Vec::new(),
            since: None,
            is_unsaid: false,
            // Nobody has been told of it.
            has_changed: true,
        }
    }

    pub fn watch<R>(&mut self, reading: Option<Result<R, ReadError>>) -> Option<R> {
        let reading = reading?;
        match &reading {
            Err(error) if self.failure.as_ref().is_some_and(|before| before.is_like(error)) => {
                self.failure = Some(error.clone());
            }
            // Another failure is news.
            Err(error) => {
                let is_said = self.said.iter().any(|said| said.is_like(error));
                self.is_unsaid = false;
                match error {
                    _ if is_said => {}
                    // It is said together with the others that have the same reason.
                    ReadError::Absent(_) => self.is_unsaid = true,
                    // One sample is lost, and the next is right.
                    ReadError::WentBack { .. } => warn!("{} unavailable: {error}", self.part),
                    _ => error!("{} unavailable: {error}", self.part),
                }
                if !is_said && self.said.len() < MOST_SAID {
                    self.said.push(error.clone());
                }
                self.failure = Some(error.clone());
                self.since.get_or_insert_with(SystemTime::now);
                self.has_changed = true;
            }
            Ok(_) if self.failure.take().is_some() => {
                (self.since, self.has_changed) = (None, true);
                self.said.clear();
                info!("{} available again", self.part);
            }
            _ => {}
        }
        reading.ok()
    }

    /// The part, where there is no such number here and that was not said yet, with the reason.
    pub fn take_unsaid(&mut self) -> Option<(String, String)> {
        let is_unsaid = std::mem::take(&mut self.is_unsaid);
        let reason = self.failure.as_ref().filter(|_| is_unsaid)?;
        Some((self.part.clone(), reason.to_string()))
    }

    /// Whether the failure is another than the last time that was asked.
    pub fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// What there is to say of this metric while it has no value. Of a counter that was set back the next sample has one.
    pub fn unavailable(&self, metric: impl FnOnce() -> String) -> Option<Unavailable> {
        let failure = self.failure.as_ref();
        let failure = failure.filter(|failure| !matches!(failure, ReadError::WentBack { .. }))?;
        // What there is none of here was not there before, either.
        let since = self.since.filter(|_| !matches!(failure, ReadError::Absent(_)));
        Some(Unavailable { metric: metric(), reason: failure.to_string(), since })
    }

    /// The failure, while it lasts.
    pub fn failure(&self) -> Option<&ReadError> {
        self.failure.as_ref()
    }
}

/// More different failures of one number without a value between them are not to be expected, and would be said again.
const MOST_SAID: usize = 8;

/// One sentence for all parts that are absent for the same reason: there may be dozens.
pub fn by_reason(absent: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let mut by_reason: Vec<(String, Vec<String>)> = Vec::new();
    for (part, reason) in absent {
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, parts)) => parts.push(part),
            None => by_reason.push((reason, vec![part])),
        }
    }
    let sentence =
        |(reason, parts): (_, Vec<_>)| format!("{} unavailable: {reason}", parts.join(", "));
    by_reason.into_iter().map(sentence).collect()
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
            info!("{} limit: {limit:#}", self.part);
            self.limit = Some(limit.clone());
        }
        is_new
    }

    /// The newest limit.
    pub fn limit(&self) -> Option<&Limit<T>> {
        self.limit.as_ref()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_absent_for_the_same_reason_are_said_together_and_once() {
        let mut watches = ["swap", "CPU pressure", "memory pressure"].map(FailureWatch::of);
        let reasons = ["no swap", "no PSI", "no PSI"].map(ReadError::absent);
        let mut said = || {
            for (watch, reason) in watches.iter_mut().zip(&reasons) {
                watch.watch::<()>(Some(Err(reason.clone())));
            }
            by_reason(watches.iter_mut().filter_map(FailureWatch::take_unsaid))
        };
        let expected =
            ["swap unavailable: no swap", "CPU pressure, memory pressure unavailable: no PSI"];
        assert_eq!(said(), expected);
        assert_eq!(said(), [""; 0]);
    }

    #[test]
    fn reasons_that_take_turns_are_said_once_until_there_is_a_value() {
        let mut watch = FailureWatch::of("swap");
        let mut said = |reason: Option<&str>| {
            let reading = reason.map_or(Ok(()), |reason| Err(ReadError::absent(reason)));
            watch.watch(Some(reading));
            let told = watch.unavailable(String::new).map(|told| told.reason);
            assert_eq!(told.as_deref(), reason, "the newest one");
            watch.take_unsaid().map(|(_, reason)| reason)
        };
        for _ in 0..2 {
            assert_eq!(said(Some("no swap")).as_deref(), Some("no swap"));
            assert_eq!(said(Some("no file")).as_deref(), Some("no file"));
            for reason in ["no swap", "no file", "no file", "no swap"] {
                assert_eq!(said(Some(reason)), None, "{reason}");
            }
            assert_eq!(said(None), None);
        }
    }

    #[test]
    fn the_newest_reason_is_told_and_is_news_once_where_more_than_its_figures_is_new() {
        let mut watch = FailureWatch::of("CPU");
        let mut fail = |reason: &str| {
            watch.watch::<()>(Some(Err(ReadError::unusable(reason))));
            let told = watch.unavailable(String::new).expect("it fails");
            (watch.take_change(), told.reason, told.since)
        };
        let (is_news, reason, since) = fail("2.7 s exceed the limit");
        assert_eq!((is_news, &*reason), (true, "2.7 s exceed the limit"));
        assert!(since.is_some());
        for (reason, is_news) in [
            ("2.9 s exceed the limit", false),
            ("the limit is zero", true),
            ("the limit is zero", false),
            ("2.9 s exceed the limit", true),
        ] {
            assert_eq!(fail(reason), (is_news, reason.to_owned(), since));
        }
        // The same kind of failure of another file.
        for (path, is_news) in [("a", true), ("a", false), ("b", true)] {
            watch.watch::<()>(Some(Err(ReadError::Missing(path.into()))));
            let told = watch.unavailable(String::new).expect("it fails").reason;
            assert_eq!((watch.take_change(), told), (is_news, format!("{path} not found")));
        }
    }
}
