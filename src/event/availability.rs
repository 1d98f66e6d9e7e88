//! Which checks are available: an event for each that no longer is, and for each that is again.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::{Event, Kind, Severity, Shared};
use crate::collector::sink::Sink;
use crate::model::Report;

/// Looks at the results of checks.
pub struct Availability {
    events: Shared,
    unavailable: BTreeSet<Rc<str>>,
}

impl Availability {
    pub fn of(events: Shared) -> Self {
        Self { events, unavailable: BTreeSet::new() }
    }
}

impl Sink for Availability {
    fn report(&mut self, report: &Report) {
        let Report { check, is_available, status, .. } = report;
        let event = match is_available {
            false if !self.unavailable.contains(check) => {
                if self.unavailable.len() >= MOST {
                    // Of checks that are no more.
                    self.unavailable.clear();
                }
                self.unavailable.insert(check.clone());
                let message = format!("check {check} is unavailable: {status}");
                states(Event::of(Kind::Check, Severity::Warning, message), [AVAILABLE, UNAVAILABLE])
            }
            true if self.unavailable.remove(check) => {
                let message = format!("check {check} is available again");
                states(Event::of(Kind::Check, Severity::Info, message), [UNAVAILABLE, AVAILABLE])
            }
            _ => return,
        };
        self.events.borrow_mut().raise(event.about(&**check));
    }
}

fn states(event: Event, [before, now]: [&str; 2]) -> Event {
    Event { previous_state: Some(before.to_owned()), state: Some(now.to_owned()), ..event }
}

const AVAILABLE: &str = "available";
const UNAVAILABLE: &str = "unavailable";

/// More checks than an agent has. Where so many ids were unavailable, those that still are raise a second event.
const MOST: usize = 10_000;
