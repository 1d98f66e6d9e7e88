//! The alarms of an agent: each result of a check is taken by its alarms, and what changes is told.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use log::{info, warn};
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::alarm::criteria::Evaluation;
use crate::alarm::observation::Observation;
use crate::alarm::state::{Change, Counting, Standing, State};
use crate::clock::milliseconds;
use crate::collector::Collector;
use crate::collector::sink::Sink;
use crate::logging::CHECKS;
use crate::model::Report;
use crate::shown::shown;

/// All alarms, and where each stands.
#[derive(Debug)]
pub struct Alarms {
    all: Vec<Watched>,
    /// When this process began, for times that are compared.
    start: Instant,
}

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
    before: Option<Observation>,
}

/// The alarms that others ask about.
pub type Shared = Rc<RefCell<Alarms>>;

/// Watches over these alarms, if there are any.
pub fn open(alarms: &[Alarm], collector: &mut Collector) -> Option<Shared> {
    if alarms.is_empty() {
        return None;
    }
    let alarms = Rc::new(RefCell::new(Alarms::of(alarms.to_vec())));
    collector.add_sink(Box::new(Watch(alarms.clone())));
    Some(alarms)
}

impl Alarms {
    fn of(alarms: Vec<Alarm>) -> Self {
        let watched = |alarm| Watched {
            alarm,
            standing: Standing::default(),
            status: String::new(),
            since: None,
            unknown: None,
            before: None,
        };
        Self { all: alarms.into_iter().map(watched).collect(), start: Instant::now() }
    }

    pub fn all(&self) -> &[Watched] {
        &self.all
    }

    fn take(&mut self, report: &Report) {
        let start = self.start;
        for watched in self.all.iter_mut().filter(|of| *of.alarm.check == *report.check) {
            if !watched.alarm.is_disabled {
                watched.take(report, start);
            }
        }
    }
}

impl Watched {
    fn take(&mut self, report: &Report, start: Instant) {
        let Self { alarm, standing, .. } = self;
        let now = Observation::of(report, start, |name| alarm.criteria.uses(name));
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
                return;
            }
        };
        self.unknown = None;
        let counting =
            Counting { results: alarm.criteria.consecutive_results, period: alarm.period };
        let change = standing.take(state, milliseconds(report.time), counting);
        if standing.state == Some(state) {
            self.status = status;
        }
        if let Some(change) = change {
            self.since = Some(report.time);
            self.tell(change);
        }
    }

    /// Says what has changed. Nobody has to be told that all is well from the start.
    fn tell(&self, Change { before, state }: Change) {
        let Alarm { id, check, .. } = &self.alarm;
        let (name, status) = (state.name(), shown(&self.status));
        match (before, state) {
            (None, State::Ok) => {}
            (_, State::Ok) => {
                info!(target: CHECKS, "alarm {id} of check {check} is OK again: {status}");
            }
            _ => warn!("alarm {id} of check {check} is {name}: {status}"),
        }
    }
}

/// Hands the results of checks to the alarms.
struct Watch(Shared);

impl Sink for Watch {
    fn report(&mut self, report: &Report) {
        self.0.borrow_mut().take(report);
    }
}
