//! One metric and where it stands.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::SystemTime;

use log::{info, warn};
use serde_json::json;
use tokio::time::Instant;

use super::key::Key;
use crate::clock::milliseconds;
use crate::event::{self, Event, Kind as EventKind, Severity};
use crate::logging::CHECKS;
use crate::model::{Kind, Metric, UTILIZATION};
use crate::shown::shown;
use crate::sorted::object_of;
use crate::threshold::{self, Named, Of, Standing, State, Taken, Threshold};

/// A metric that a threshold is of, and where it stands.
#[derive(Debug)]
pub struct Judged {
    /// The one that wins.
    pub threshold: Rc<Threshold>,
    /// Its name without its target, which stands by itself.
    pub name: String,
    pub target: Option<String>,
    pub standing: Standing,
    /// What was compared with the bounds last.
    pub value: Option<f64>,
    /// What the last value was, in words.
    pub status: String,
    /// When the state became what it is.
    pub since: Option<SystemTime>,
    /// Why nothing was compared last.
    pub unknown: Option<String>,
    /// In which of them its values come.
    pub(super) feed: Feed,
    /// In which one of these there was a value last.
    pub(super) turn: u64,
    /// Whether it never had a value, and is here because one was wanted.
    pub(super) is_expected: bool,
    before: Option<Before>,
    /// How many times in a row nothing could be compared.
    in_vain: u32,
}

/// What brings values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Each sample of CPU and memory.
    Sample,
    /// Each result of a check, and what the source gives once a window.
    Report,
    /// Each window that is closed.
    Window,
}

/// The value before, of which rates are.
#[derive(Debug)]
struct Before {
    metric: Rc<Metric>,
    at: Instant,
    value: f64,
    /// The same of the metric that it is in percent of.
    base: Option<f64>,
}

/// A value that came. Of a window they are two: its median and its maximum. All others are the same twice.
pub struct Come<'a> {
    pub metric: &'a Rc<Metric>,
    pub values: [f64; 2],
    pub at: Instant,
}

/// The one of them that a threshold wants.
fn wanted(of: Of, [value, max]: [f64; 2]) -> f64 {
    if of == Of::Max { max } else { value }
}

impl Judged {
    pub fn of(threshold: Rc<Threshold>, name: &str, target: Option<String>, feed: Feed) -> Self {
        let is_of_windows = threshold.of.is_of_windows();
        let feed = if is_of_windows { Feed::Window } else { feed };
        Self {
            unknown: is_of_windows.then(|| NO_WINDOW.to_owned()),
            threshold,
            name: name.to_owned(),
            target,
            standing: Standing::default(),
            value: None,
            status: String::new(),
            since: None,
            feed,
            turn: 0,
            is_expected: false,
            before: None,
            in_vain: 0,
        }
    }

    /// Another threshold wins from now on, or the same one asks something else. The state stays until a value gives
    /// another one.
    pub fn turn_to(&mut self, threshold: Rc<Threshold>) {
        if !self.threshold.is_same_question(&threshold) {
            self.standing.begin_anew();
            self.before = None;
        }
        self.threshold = threshold;
    }

    pub fn named<'a>(&'a self, key: &'a Key) -> Named<'a> {
        Named { check: &key.check, metric: &self.name, target: self.target.as_deref() }
    }

    /// Stands where another one stood that turns out to be this one.
    pub fn follow(&mut self, other: Self) {
        (self.standing, self.since, self.status) = (other.standing, other.since, other.status);
    }

    /// Whether nothing is lost when it is forgotten: it comes back with its next value.
    pub fn is_forgettable(&self) -> bool {
        let is_well = self.standing.state.is_none_or(|state| state == State::Ok);
        is_well && self.in_vain >= FORGOTTEN_AFTER && self.threshold.missing.state().is_none()
    }

    /// Takes a value that came, or nothing. Whether its state has changed, of which these are told.
    pub fn take(
        &mut self,
        key: &Key,
        come: Option<(&Come<'_>, Option<&Bases<'_>>)>,
        time: SystemTime,
        events: &event::Shared,
    ) -> bool {
        let number = match come {
            Some((come, bases)) => self.number(come, bases),
            None => Err(NO_VALUE.to_owned()),
        };
        let number = number.and_then(|number| match number.is_finite() {
            true => Ok(number),
            false => Err("the value is not a finite number".to_owned()),
        });
        let threshold = self.threshold.clone();
        let taken = self.standing.take(number.as_ref().ok().copied(), &threshold);
        match number {
            Ok(number) => {
                (self.value, self.unknown, self.in_vain) = (Some(number), None, 0);
                self.is_expected = false;
                self.status = text(&threshold, number, &taken);
            }
            Err(reason) => {
                self.value = None;
                self.in_vain = self.in_vain.saturating_add(1);
                // The first value has no rate, and once is no matter. Windows may be closed between two runs.
                if self.in_vain == 2 && self.feed != Feed::Window {
                    info!(target: CHECKS, "threshold {}: {} is not evaluated: {reason}", shown(&threshold.id), shown(&key.shown()));
                }
                if self.standing.is_missing {
                    self.status = format!("{reason}, {} times in a row", self.standing.missed);
                }
                self.unknown = Some(reason);
            }
        }
        if taken.is_change() {
            self.since = Some(time);
        }
        if taken.is_told {
            tell(&threshold, key, &taken, &self.status);
            // What stays as it is and is told again is no event: it would drive out all others.
            if taken.is_change() {
                events.borrow_mut().raise(self.event(key, &taken, time));
            }
        }
        taken.is_change()
    }

    fn event(&self, key: &Key, taken: &Taken, time: SystemTime) -> Event {
        let Threshold { id, label, notification_plan, .. } = &*self.threshold;
        let severity = match taken.state {
            None | Some(State::Ok) => Severity::Info,
            Some(State::Warning) => Severity::Warning,
            Some(State::Failure) => Severity::Critical,
        };
        let details = [
            ("metric", json!(*key.name)),
            ("value", json!(self.value)),
            ("label", json!(label)),
            ("notification_plan_id", json!(notification_plan)),
        ];
        let name = |state: State| state.name().to_owned();
        let message = format!("{}: {}", key.shown(), self.status);
        Event {
            time_ms: milliseconds(time),
            threshold: Some(id.clone()),
            state: taken.state.map(name),
            previous_state: taken.before.map(name),
            details: object_of(details.map(|(name, value)| (name.to_owned(), value))),
            ..Event::of(EventKind::Threshold, severity, message).about(&*key.check)
        }
    }

    /// What is compared with the bounds.
    fn number(&mut self, come: &Come<'_>, bases: Option<&Bases<'_>>) -> Result<f64, String> {
        let Threshold { of, percentage, .. } = &*self.threshold;
        let (metric, at, value) = (come.metric, come.at, wanted(*of, come.values));
        let base = match percentage {
            Some(name) => {
                let base = bases.and_then(|bases| bases.find(name, self.target.as_ref()));
                let missing = || format!("the metric {name:?} of its check is missing");
                Some(wanted(*of, base.ok_or_else(missing)?))
            }
            None => None,
        };
        if *of != Of::Rate {
            return in_percent(value, base);
        }
        let next = Before { metric: metric.clone(), at, value, base };
        let before = self.before.replace(next);
        // A check that was opened anew may count something else.
        let is_same = |of: &Before| Rc::ptr_eq(&of.metric, metric) || metric.check == UTILIZATION;
        let before = before.filter(is_same);
        let before = before.ok_or("there is no value before it that it has a rate to")?;
        let passed = at.saturating_duration_since(before.at).as_secs_f64();
        if passed <= 0.0 {
            return Err("no time has passed since the value before".to_owned());
        }
        let rate = |is: f64, was: f64| {
            let has_fallen = is < was && metric.kind == Kind::Counter;
            match has_fallen {
                true => Err("the counter fell, so it began again".to_owned()),
                false => Ok((is - was) / passed),
            }
        };
        let base = match (base, before.base) {
            (Some(is), Some(was)) => Some(rate(is, was)?),
            _ => None,
        };
        in_percent(rate(value, before.value)?, base)
    }
}

fn in_percent(value: f64, base: Option<f64>) -> Result<f64, String> {
    match base {
        None => Ok(value),
        Some(0.0) => Err("it is to be in percent of 0".to_owned()),
        Some(base) => Ok(value / base * 100.0),
    }
}

/// What a value is, and which bounds it does not keep.
fn text(of: &Threshold, number: f64, taken: &Taken) -> String {
    let percent = of.percentage.as_ref().map(|name| format!(" % of {name}")).unwrap_or_default();
    let breach = taken.breach.map(|breach| format!(" {breach}")).unwrap_or_default();
    format!("{}{}{percent}{breach}", of.of.article(), threshold::shown(number))
}

/// Says what has changed, and what is to be said again.
fn tell(of: &Threshold, key: &Key, taken: &Taken, status: &str) {
    let (id, metric, status) = (shown(&of.id), shown(&key.shown()), shown(status));
    match taken.state {
        None => {}
        Some(State::Ok) if taken.is_change() => {
            info!(target: CHECKS, "threshold {id}: {metric} is OK again: {status}");
        }
        Some(State::Ok) => info!(target: CHECKS, "threshold {id}: {metric} is OK: {status}"),
        Some(state) if taken.is_change() => {
            warn!("threshold {id}: {metric} is {}: {status}", state.name());
        }
        Some(state) => warn!("threshold {id}: {metric} is still {}: {status}", state.name()),
    }
}

/// The metrics that others are in percent of, with their values, by their names and targets.
#[derive(Default)]
pub struct Bases<'a>(BTreeMap<(&'a str, Option<String>), [f64; 2]>);

impl<'a> Bases<'a> {
    pub fn add(&mut self, come: &Come<'a>) {
        self.0.insert((&come.metric.name, come.metric.of_what()), come.values);
    }

    /// That of the same target, or of the whole check where the target has none.
    pub fn find(&self, name: &'a str, target: Option<&String>) -> Option<[f64; 2]> {
        let of = |target: Option<&String>| self.0.get(&(name, target.cloned()));
        of(target).or_else(|| of(None)).copied()
    }
}

const NO_VALUE: &str = "there was no value";

const NO_WINDOW: &str = "there was no window with it: only what is published has windows";

/// So many runs without a value: whoever looks has seen that it is gone.
const FORGOTTEN_AFTER: u32 = 100;
