//! The state that connections and the test share: what was seen, what to answer, who waits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::answer::Answer;
use crate::record::{Request, Seen};

pub(crate) struct Journal {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    seen: Seen,
    /// Indices into the requests, in the order in which they were taken.
    taken: Vec<usize>,
    next: VecDeque<Answer>,
    always: Answer,
    /// How often `release` was called: who waits does so for this to move.
    releases: u64,
    stopping: bool,
}

/// A request that was recorded.
pub(crate) struct Ticket {
    index: usize,
    /// Noted in the same moment as the request is recorded, so that a test which has seen the
    /// request cannot release it too early.
    releases: u64,
}

impl Ticket {
    /// How many requests came before it.
    pub fn number(&self) -> usize {
        self.index
    }
}

/// How the wait for a release ended.
pub(crate) enum Wait {
    Released,
    /// The server is being dropped.
    Stopping,
}

impl Journal {
    pub fn new() -> Self {
        let state = State {
            seen: Seen::default(),
            taken: Vec::new(),
            next: VecDeque::new(),
            always: Answer::Take,
            releases: 0,
            stopping: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    pub fn wait_until(
        &self,
        bound: Duration,
        what: &str,
        predicate: impl Fn(&Seen) -> bool,
    ) -> Seen {
        let (state, waited) = self
            .changed
            .wait_timeout_while(self.lock(), bound, |state| !predicate(&state.seen))
            .unwrap_or_else(PoisonError::into_inner);
        let seen = state.seen.clone();
        drop(state);
        if waited.timed_out() {
            panic!("waited {bound:?} in vain for {what}; seen: {seen:#?}");
        }
        seen
    }

    pub fn nth_taken(&self, n: usize) -> Request {
        let state = self
            .changed
            .wait_while(self.lock(), |state| state.taken.len() <= n)
            .unwrap_or_else(PoisonError::into_inner);
        state.seen.requests[state.taken[n]].clone()
    }

    pub fn answer_next(&self, answer: Answer) {
        self.lock().next.push_back(answer);
    }

    pub fn answer_always(&self, answer: Answer) {
        self.lock().always = answer;
    }

    /// Takes the answer for the next request off the queue.
    pub fn answer(&self) -> Answer {
        let mut state = self.lock();
        state.next.pop_front().unwrap_or_else(|| state.always.clone())
    }

    /// The answer where the queue is empty.
    pub fn lasting_answer(&self) -> Answer {
        self.lock().always.clone()
    }

    pub fn arrived(&self, request: Request) -> Ticket {
        self.change(|state| {
            state.seen.requests.push(request);
            Ticket { index: state.seen.requests.len() - 1, releases: state.releases }
        })
    }

    /// Takes the data; with a status if a reply is about to be sent.
    pub fn taken(&self, ticket: &Ticket, status: Option<u16>) {
        self.change(|state| {
            let request = &mut state.seen.requests[ticket.index];
            request.status = status;
            request.taken = true;
            state.seen.data.extend_from_slice(&request.data);
            state.taken.push(ticket.index);
        });
    }

    pub fn answered(&self, ticket: &Ticket, status: u16) {
        self.change(|state| state.seen.requests[ticket.index].status = Some(status));
    }

    pub fn release(&self) {
        self.change(|state| state.releases += 1);
    }

    pub fn wait_for_release(&self, ticket: &Ticket) -> Wait {
        let state = self
            .changed
            .wait_while(self.lock(), |state| state.releases == ticket.releases && !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        if state.stopping { Wait::Stopping } else { Wait::Released }
    }

    /// Whether nobody has released the request after this time.
    pub fn is_unreleased_after(&self, ticket: &Ticket, pause: Duration) -> bool {
        let waits = |state: &mut State| state.releases == ticket.releases && !state.stopping;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), pause, waits)
            .unwrap_or_else(PoisonError::into_inner);
        waits(&mut state)
    }

    pub fn stop(&self) {
        self.change(|state| state.stopping = true);
    }

    pub fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.changed.notify_all();
        outcome
    }

    /// A predicate of a test may panic under the lock. The state is whole all the same, and the
    /// server must still stop.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "waited 0ns in vain for the moon; seen: Seen")]
    fn a_wait_in_vain_says_for_what_and_what_was_seen() {
        Journal::new().wait_until(Duration::ZERO, "the moon", |_| false);
    }

    #[test]
    fn a_predicate_that_panics_does_not_break_the_journal() {
        let journal = Journal::new();
        let wait = || journal.wait_until(Duration::ZERO, "", |_| panic!("of the test"));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait));

        assert!(panicked.is_err());
        assert_eq!(journal.seen(), Seen::default());
    }

    #[test]
    fn queued_answers_come_first_and_once() {
        let journal = Journal::new();
        journal.answer_always(Answer::Hang);
        journal.answer_next(Answer::Reset);
        journal.answer_next(Answer::Hold);

        assert!(matches!(journal.answer(), Answer::Reset));
        assert!(matches!(journal.answer(), Answer::Hold));
        assert!(matches!(journal.answer(), Answer::Hang));
        assert!(matches!(journal.answer(), Answer::Hang));
    }
}
