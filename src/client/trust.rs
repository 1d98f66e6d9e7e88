//! Whether the agent that has the token still answers.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;

use hyper::header::HeaderMap;

use crate::api::X_AGENT;

/// What is known of the agent that a token was sent to. After each break somebody else may answer, and has to show the mark of
/// that agent before the token is sent. Whoever has seen the mark can show it as well.
#[derive(Clone, Debug, Default)]
pub struct Trust(Rc<Known>);

#[derive(Debug, Default)]
struct Known {
    marks: RefCell<Vec<String>>,
    is_met: Cell<bool>,
}

/// Somebody else answers.
#[derive(Debug)]
pub struct Stranger;

impl Trust {
    /// Whether the mark has to be seen first.
    pub fn is_open(&self) -> bool {
        !self.0.is_met.get()
    }

    /// From now on somebody else may answer.
    pub fn end(&self) {
        self.0.is_met.set(false);
    }

    /// Looks at who answers. The first one is taken as it is.
    pub fn meet(&self, headers: &HeaderMap) -> io::Result<()> {
        let is_first = self.0.marks.borrow().is_empty();
        let is_known = mark(headers).is_some_and(|mark| self.0.marks.borrow().contains(&mark));
        if !is_first && !is_known {
            return Err(io::Error::other(Stranger));
        }
        self.0.is_met.set(true);
        self.take(headers);
        Ok(())
    }

    /// Takes the mark of the agent that has taken the token: it has another one when it gets another id.
    pub fn take(&self, headers: &HeaderMap) {
        let mut marks = self.0.marks.borrow_mut();
        let Some(mark) = mark(headers).filter(|mark| !marks.contains(mark)) else { return };
        marks.insert(0, mark);
        marks.truncate(MOST_MARKS);
    }
}

fn mark(headers: &HeaderMap) -> Option<String> {
    headers.get(X_AGENT)?.to_str().ok().map(str::to_owned)
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another agent answers")
    }
}

impl std::error::Error for Stranger {}

/// The mark of an agent changes when its instance id becomes known: before, its id is the name of the host.
const MOST_MARKS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(mark: Option<&'static str>) -> HeaderMap {
        let mark = mark.map(|mark| (X_AGENT, mark.parse().expect("a header")));
        mark.into_iter().collect()
    }

    #[test]
    fn after_a_break_only_who_has_the_mark_is_met() {
        let trust = Trust::default();
        assert!(trust.is_open() && trust.meet(&headers(Some("a"))).is_ok());
        let shared = trust.clone();
        assert!(!shared.is_open());
        trust.end();
        for other in [Some("b"), None] {
            assert!(shared.meet(&headers(other)).is_err() && shared.is_open());
        }
        // It has got another id while it ran.
        assert!(shared.meet(&headers(Some("a"))).is_ok());
        shared.take(&headers(Some("c")));
        shared.end();
        assert!(trust.meet(&headers(Some("c"))).is_ok() && !shared.is_open());
    }

    #[test]
    fn who_has_no_mark_at_first_is_met_as_well_and_few_marks_are_kept() {
        let trust = Trust::default();
        assert!(trust.meet(&headers(None)).is_ok() && !trust.is_open());
        for mark in ["1", "2", "3", "4", "5"] {
            trust.take(&headers(Some(mark)));
        }
        trust.end();
        assert!(trust.meet(&headers(Some("1"))).is_err());
        assert!(trust.meet(&headers(Some("2"))).is_ok());
    }
}
