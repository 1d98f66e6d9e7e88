//! Whether it is the agent that answers to which a token may be sent.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;

use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};

use crate::api::{TOO_MANY_CONNECTIONS, X_AGENT};

/// What is known of the agent that a token was sent to. Whoever answers a new connection has to show the mark of that agent
/// before the token is sent over it. Whoever has seen the mark can show it as well.
#[derive(Clone, Debug, Default)]
pub struct Trust(Rc<RefCell<Vec<String>>>);

/// Why the token is not sent to who answers.
#[derive(Debug)]
pub enum Distrust {
    /// It does not show that it is an agent, but answers with this.
    Unmarked(StatusCode),
    /// It is an agent that has too many connections open.
    Full,
    /// It is another agent than before.
    Other,
}

impl Trust {
    /// Looks at who answers. The first one with a mark is taken as it is.
    pub fn meet<B>(&self, answer: &Response<B>) -> io::Result<()> {
        let Some(mark) = mark(answer.headers()) else {
            return Err(io::Error::other(Distrust::Unmarked(answer.status())));
        };
        // `HEAD /` needs no token and is answered beside any number of requests, so that only this is left.
        if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
            return Err(io::Error::other(Distrust::Full));
        }
        let marks = self.0.borrow();
        if !marks.is_empty() && !marks.contains(&mark) {
            return Err(io::Error::other(Distrust::Other));
        }
        drop(marks);
        self.take(answer.headers());
        Ok(())
    }

    /// Takes the mark of the agent that has taken the token: it has another one when it gets another id.
    pub fn take(&self, headers: &HeaderMap) {
        let mut marks = self.0.borrow_mut();
        let Some(mark) = mark(headers).filter(|mark| !marks.contains(mark)) else { return };
        marks.insert(0, mark);
        marks.truncate(MOST_MARKS);
    }
}

fn mark(headers: &HeaderMap) -> Option<String> {
    headers.get(X_AGENT)?.to_str().ok().map(str::to_owned)
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmarked(_) => f.write_str("does not say that it is an agent"),
            Self::Full => f.write_str(TOO_MANY_CONNECTIONS),
            Self::Other => f.write_str("another agent answers"),
        }
    }
}

impl std::error::Error for Distrust {}

/// The mark of an agent changes when its instance id becomes known: before, its id is the name of the host.
const MOST_MARKS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(mark: Option<&str>) -> Response<()> {
        let builder = Response::builder();
        let builder = mark.into_iter().fold(builder, |of, mark| of.header(X_AGENT, mark));
        builder.body(()).expect("an answer")
    }

    #[test]
    fn only_who_has_the_mark_is_met() {
        let trust = Trust::default();
        assert!(trust.meet(&answer(None)).is_err(), "not even the first without one");
        assert!(trust.meet(&answer(Some("a"))).is_ok());
        let shared = trust.clone();
        for other in [Some("b"), None] {
            assert!(shared.meet(&answer(other)).is_err());
        }
        // It has got another id while it ran.
        assert!(shared.meet(&answer(Some("a"))).is_ok());
        shared.take(answer(Some("c")).headers());
        assert!(trust.meet(&answer(Some("c"))).is_ok());
    }

    #[test]
    fn few_marks_are_kept() {
        let trust = Trust::default();
        for mark in ["1", "2", "3", "4", "5"] {
            trust.take(answer(Some(mark)).headers());
        }
        assert!(trust.meet(&answer(Some("1"))).is_err());
        assert!(trust.meet(&answer(Some("2"))).is_ok());
    }
}
