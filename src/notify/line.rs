//! What waits to be sent to one notification, in the order in which it happened.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::event::Event;

/// The events that wait for one notification, and what became of the others.
#[derive(Debug, Default)]
pub struct Line {
    waiting: RefCell<VecDeque<Rc<Event>>>,
    /// Whether somebody works at it.
    is_worked_at: Cell<bool>,
    /// Whether one is being sent.
    is_sending: Cell<bool>,
    /// Whether the last try failed.
    is_failing: Cell<bool>,
    counts: RefCell<Counts>,
}

/// What became of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub sent: u64,
    /// Those that were given up.
    pub failed: u64,
    /// Those that were dropped because too many waited.
    pub dropped: u64,
    /// How many wait, the one included that is being sent.
    pub waiting: usize,
    /// Why the last try failed, if it did.
    pub error: Option<String>,
}

impl Line {
    /// Adds one at the end, and gives the oldest back if it was dropped for it.
    pub fn add(&self, event: Rc<Event>) -> Option<Rc<Event>> {
        let mut waiting = self.waiting.borrow_mut();
        let is_full = waiting.len() >= MOST_WAITING;
        let dropped = if is_full { waiting.pop_front() } else { None };
        self.counts.borrow_mut().dropped += u64::from(dropped.is_some());
        waiting.push_back(event);
        dropped
    }

    /// Whether nobody works at it so far. Who asks begins.
    pub fn begin(&self) -> bool {
        !self.is_worked_at.replace(true)
    }

    /// The next one; where there is none, the work is over.
    pub fn next(&self) -> Option<Rc<Event>> {
        let next = self.waiting.borrow_mut().pop_front();
        self.is_worked_at.set(next.is_some());
        self.is_sending.set(next.is_some());
        next
    }

    /// The one that [`next`](Self::next) gave is sent or lost.
    pub fn is_done(&self) {
        self.is_sending.set(false);
    }

    pub fn waiting(&self) -> usize {
        self.waiting.borrow().len() + usize::from(self.is_sending.get())
    }

    /// Takes out all that wait.
    pub fn clear(&self) -> VecDeque<Rc<Event>> {
        self.waiting.take()
    }

    /// One was sent. Whether the try before it failed.
    pub fn has_sent(&self) -> bool {
        let mut counts = self.counts.borrow_mut();
        counts.sent += 1;
        counts.error = None;
        self.is_failing.replace(false)
    }

    /// A try has failed. Whether it is the first one in a row.
    pub fn begins_to_fail(&self, cause: &str) -> bool {
        self.counts.borrow_mut().error = Some(cause.to_owned());
        !self.is_failing.replace(true)
    }

    /// One was given up.
    pub fn has_lost(&self) {
        self.counts.borrow_mut().failed += 1;
    }

    pub fn counts(&self) -> Counts {
        Counts { waiting: self.waiting(), ..self.counts.borrow().clone() }
    }
}

/// How many may wait for one notification. At one more, the oldest is dropped and counted.
const MOST_WAITING: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Kind, Severity};

    #[test]
    fn a_line_that_is_full_drops_its_oldest() {
        let line = Line::default();
        let event = |id| Rc::new(Event { id, ..Event::of(Kind::Alarm, Severity::Info, "x") });
        assert!((1..=100).all(|id| line.add(event(id)).is_none()));
        let dropped = [101, 102].map(|id| line.add(event(id)).map(|event| event.id));
        assert_eq!(dropped, [Some(1), Some(2)]);
        assert!(line.begin() && !line.begin());
        assert_eq!(line.next().map(|event| event.id), Some(3));
        let counts = line.counts();
        assert_eq!((counts.dropped, counts.waiting), (2, 100));
        line.is_done();
        assert_eq!(line.clear().len(), 99);
        assert!(line.next().is_none() && line.begin());
        assert_eq!(line.counts().waiting, 0);
    }
}
