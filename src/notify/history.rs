//! Who was told of the newest changes, and how that went.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::event::Event;

/// The newest changes that had a plan, and were not suppressed.
#[derive(Debug, Default)]
pub struct History(VecDeque<Told>);

/// A change of an alarm, with all who were to be told of it.
#[derive(Clone, Debug)]
pub struct Told {
    pub event: Rc<Event>,
    /// The id of the plan that was for it.
    pub plan: String,
    pub results: Vec<Attempted>,
}

/// How one notification of a change went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    pub notification: String,
    /// What type it was.
    pub kind: &'static str,
    pub attempts: u32,
    pub outcome: Outcome,
}

/// What came of it so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It waits, or is tried again. The text is why it failed, if it did.
    Waits(Option<String>),
    Sent,
    /// It was given up, for this reason.
    Lost(String),
}

impl History {
    /// A change that is about to be told.
    pub fn begin(
        &mut self,
        event: &Rc<Event>,
        plan: &str,
        to: impl Iterator<Item = (String, &'static str)>,
    ) {
        let results = to.map(|(notification, kind)| Attempted {
            notification,
            kind,
            attempts: 0,
            outcome: Outcome::Waits(None),
        });
        let told = Told { event: event.clone(), plan: plan.to_owned(), results: results.collect() };
        self.0.truncate(MOST_TOLD - 1);
        self.0.push_front(told);
    }

    /// What came of an attempt to tell a notification of an event, or of waiting for one.
    pub fn note(&mut self, event: u64, notification: &str, outcome: Outcome, is_attempt: bool) {
        let Some(told) = self.0.iter_mut().find(|told| told.event.id == event) else { return };
        let is_it = |of: &&mut Attempted| {
            of.notification == notification && matches!(of.outcome, Outcome::Waits(_))
        };
        if let Some(result) = told.results.iter_mut().find(is_it) {
            result.attempts += u32::from(is_attempt);
            result.outcome = outcome;
        }
    }

    /// Those of an alarm, the newest first.
    pub fn of_alarm<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Told> {
        self.0.iter().filter(move |told| told.event.alarm.as_deref() == Some(id))
    }
}

/// So many changes are kept.
const MOST_TOLD: usize = 100;
