//! What decides about the state of an alarm: a small language of conditions and states.

mod expression;
mod lexer;
mod mistake;
mod parser;
mod pattern;
mod status;
mod words;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use self::expression::{Condition, Name, Results};
use self::mistake::Mistake;
pub use self::mistake::ParseError;
use self::parser::Parser;
use self::status::Status;
use super::observation::Observation;
use super::state::State;

/// Criteria that can be evaluated. They look at nothing but the results that they are given.
#[derive(Clone, Debug)]
pub struct Criteria {
    /// So many results in a row change the state: 1 to 5.
    pub consecutive_results: u8,
    /// The first whose condition holds decides.
    conditionals: Vec<Conditional>,
    /// Where none holds.
    otherwise: Outcome,
    /// The metrics whose values are needed.
    names: HashSet<Name>,
}

/// `if (condition) { return … }`
#[derive(Clone, Debug)]
struct Conditional {
    condition: Condition,
    outcome: Outcome,
}

/// `return new AlarmStatus(…)`
#[derive(Clone, Debug)]
struct Outcome {
    state: State,
    status: Status,
}

/// What criteria say of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluation {
    Known {
        state: State,
        /// At most 128 characters, or the status of the check.
        status: String,
    },
    /// Nothing, and so the state stays what it is: a value that is needed is not there.
    Unknown {
        /// A sentence.
        reason: String,
    },
}

impl Criteria {
    /// Criteria as they are written.
    ///
    /// # Errors
    /// The first mistake in the order of the text.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let parsed = within_length(text).and_then(|()| Parser::new(text).parse());
        let mut criteria = parsed.map_err(|mistake| ParseError::of(text, mistake))?;
        criteria.names = criteria.used();
        Ok(criteria)
    }

    /// Where an alarm has no criteria: OK while the check is available, with what the check says.
    pub fn of_availability() -> Self {
        let otherwise = Outcome { state: State::Ok, status: Status::OfCheck };
        Self { otherwise, ..Self::without_statements() }
    }

    /// Whether they need the value of a metric of this name.
    pub fn uses(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The metrics whose values they need.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Whether they need the value of a metric whose name fits.
    pub fn uses_any(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.names.iter().any(|name| fits(name))
    }

    /// What they say of a result. `before` is the last one that was available, for `rate` and `previous`.
    pub fn evaluate(&self, now: &Observation, before: Option<&Observation>) -> Evaluation {
        if !now.is_available {
            let (state, status) = (State::Critical, now.status.clone());
            return Evaluation::Known { state, status };
        }
        let results = Results { now, before };
        for Conditional { condition, outcome } in &self.conditionals {
            match condition.holds(results) {
                Ok(true) => return outcome.of(now),
                Ok(false) => {}
                // It might have held, so what follows is not what decides.
                Err(reason) => return Evaluation::Unknown { reason },
            }
        }
        self.otherwise.of(now)
    }

    /// As they are before the first statement is read.
    fn without_statements() -> Self {
        Self {
            consecutive_results: 1,
            conditionals: Vec::new(),
            otherwise: Outcome { state: State::Ok, status: Status::OfDefault },
            names: HashSet::new(),
        }
    }

    fn used(&self) -> HashSet<Name> {
        let mut names = HashSet::new();
        for conditional in &self.conditionals {
            conditional.condition.names(&mut |name| {
                names.insert(name.clone());
            });
        }
        let outcomes = self.conditionals.iter().map(|of| &of.outcome).chain([&self.otherwise]);
        names.extend(outcomes.flat_map(|of| of.status.names()).map(Name::from));
        names
    }
}

impl Outcome {
    fn of(&self, now: &Observation) -> Evaluation {
        Evaluation::Known { state: self.state, status: self.status.filled(now) }
    }
}

/// It looks no further than the limit, so that a text of any length is refused at once.
fn within_length(text: &str) -> Result<(), Mistake> {
    if text.is_empty() {
        let message = "the criteria are empty: expected 1 to 16384 characters; without criteria, \
                       availability decides";
        return Err(Mistake { at: 0..0, message: message.to_owned() });
    }
    let Some((end, first)) = text.char_indices().nth(MOST_CHARACTERS) else { return Ok(()) };
    let message = "the criteria are too long: expected at most 16384 characters".to_owned();
    Err(Mistake { at: end..end + first.len_utf8(), message })
}

/// Characters of criteria.
const MOST_CHARACTERS: usize = 16_384;
