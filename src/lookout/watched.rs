//! One alarm and where it stands.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use log::{info, warn};
use serde_json::json;

use crate::alarm::Alarm;
use crate::alarm::criteria::Evaluation;
use crate::alarm::observation::Observation;
use crate::alarm::state::{Change, Counting, Standing, State};
use crate::clock::milliseconds;
use crate::event::{self, Event, Kind, Severity};
use crate::logging::CHECKS;
use crate::model::Metric;
use crate::shown::shown;
use crate::sorted::object_of;

/// An alarm and where it stands.
#[derive(Debug)]
pub struct Watched {
    pub alarm: Alarm,
    pub standing: Standing,
    /// The text that the last result gave with this state.
    pub status: String,
    /// When the state became what it is.
    pub since: Option<SystemTime>,
    /// Why the last result gave no state.
    pub unknown: Option<String>,
    /// The last result of the check that was available.
    pub(super) before: Option<Observation>,
    /// What it has been in the open window.
    pub(super) window: InWindow,
}

/// What an alarm has been since the last window was closed.
#[derive(Debug, Default)]
pub(super) struct InWindow {
    worst: Option<State>,
    /// Whether there was a result.
    has_result: bool,
    /// Until when, counted from the start of the process, the last result counts.
    counts_until: Duration,
}

impl Watched {
    pub fn of(alarm: Alarm) -> Self {
        Self {
            alarm,
            standing: Standing::default(),
            status: String::new(),
            since: None,
            unknown: None,
            before: None,
            window: InWindow::default(),
        }
    }

    pub fn is_on(&self) -> bool {
        !self.alarm.is_disabled
    }

    /// Takes one result of a check with this period. Whether its state has changed, of which these are told.
    pub fn take(
        &mut self,
        now: Observation,
        time: SystemTime,
        period: Duration,
        events: &event::Shared,
    ) -> bool {
        self.window.has_result = true;
        // A check that is disabled gives no results, and its last state says nothing for long.
        self.window.counts_until = now.since_start + 2 * period;
        let Self { alarm, standing, .. } = self;
        let evaluation = alarm.criteria.evaluate(&now, self.before.as_ref());
        if now.is_available {
            self.before = Some(now);
        }
        let (state, status) = match evaluation {
            Evaluation::Known { state, status } => (state, status),
            Evaluation::Unknown { reason } => {
                let is_new = self.unknown.as_ref() != Some(&reason);
                if is_new {
                    info!(target: CHECKS, "alarm {} of check {} is not evaluated: {}", alarm.id, alarm.check, shown(&reason));
                }
                self.unknown = Some(reason);
                return false;
            }
        };
        self.unknown = None;
        let counting = Counting { results: alarm.criteria.consecutive_results, period };
        let change = standing.take(state, milliseconds(time), counting);
        if standing.state == Some(state) {
            self.status = status;
        }
        self.window.worst = self.window.worst.max(standing.state);
        if let Some(change) = change {
            self.since = Some(time);
            if self.tell(change) {
                events.borrow_mut().raise(self.event(change, time));
            }
        }
        change.is_some()
    }

    /// The metric of its state, and the worst state that it had in the window that is closed now, so that none is
    /// missed that was short. Nothing where it is not published, or there was no result for long.
    pub fn closing(&mut self, since_start: Duration) -> Option<(Rc<Metric>, f64)> {
        let counts_until = self.window.counts_until;
        let next = InWindow { worst: self.standing.state, has_result: false, counts_until };
        let window = std::mem::replace(&mut self.window, next);
        let metric = self.alarm.published()?;
        let is_of_now = window.has_result || since_start <= window.counts_until;
        let state = window.worst.filter(|_| is_of_now)?;
        Some((Rc::new(metric), state.number()))
    }

    /// Says what has changed, if somebody is to be told of it. That all is well from the start is nothing new.
    fn tell(&self, Change { before, state }: Change) -> bool {
        let Alarm { id, check, .. } = &self.alarm;
        let (name, status) = (state.name(), shown(&self.status));
        match (before, state) {
            (None, State::Ok) => return false,
            (_, State::Ok) => {
                info!(target: CHECKS, "alarm {id} of check {check} is OK again: {status}");
            }
            _ => warn!("alarm {id} of check {check} is {name}: {status}"),
        }
        true
    }

    fn event(&self, Change { before, state }: Change, time: SystemTime) -> Event {
        let Alarm { id, check, label, notification_plan, .. } = &self.alarm;
        let severity = match state {
            State::Ok => Severity::Info,
            State::Warning => Severity::Warning,
            State::Critical => Severity::Critical,
        };
        let details = [("label", json!(label)), ("notification_plan_id", json!(notification_plan))];
        Event {
            time_ms: milliseconds(time),
            alarm: Some(id.clone()),
            state: Some(state.name().to_owned()),
            previous_state: before.map(|state| state.name().to_owned()),
            details: object_of(details.map(|(name, value)| (name.to_owned(), value))),
            ..Event::of(Kind::Alarm, severity, &*self.status).about(&**check)
        }
    }
}
