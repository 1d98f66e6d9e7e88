//! The state of an alarm, and when it changes.

use std::time::Duration;

#[cfg(test)]
mod tests;

/// What an alarm says of a check. What is worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Ok,
    Warning,
    Critical,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Critical];

    /// As it is written in criteria, answers and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }

    /// As it is published: 0, 1 or 2.
    pub fn number(self) -> f64 {
        f64::from(self as u8)
    }

    /// The state of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How many results change the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// So many results in a row have to give the new state: at least 1.
    pub results: u8,
    /// The period of the check.
    pub period: Duration,
}

impl Counting {
    /// How old the first of these results may be when the last one comes. Half as much again as they take
    /// when none is missing, so that one late result is no reason to begin again.
    fn span_ms(self) -> i64 {
        let period_ms = i64::try_from(self.period.as_millis()).unwrap_or(i64::MAX);
        period_ms.saturating_mul(3 * i64::from(self.results)) / 2
    }
}

/// Where an alarm stands. It is kept over a restart as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Nothing until the first results gave one.
    pub state: Option<State>,
    /// The state that the last results gave, where that is another one.
    pub next: Option<Next>,
}

/// A state that is not reached yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    pub state: State,
    /// When the results in a row were that gave it, in milliseconds since 1970, the oldest first. The clock on
    /// the wall is the only one that goes on over a restart.
    pub times_ms: Vec<i64>,
}

/// The state became another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Nothing where this is the first state.
    pub before: Option<State>,
    pub state: State,
}

impl Standing {
    /// Takes the state that one result gave. Of a result that gave none nothing is to be taken: it neither
    /// counts nor begins the count again.
    ///
    /// The first state is OK at once, because nobody has to be told of it. Another one needs its results in a
    /// row, as ever.
    pub fn take(&mut self, state: State, time_ms: i64, counting: Counting) -> Option<Change> {
        let next = self.next.take().filter(|next| next.state == state);
        if self.state == Some(state) {
            return None;
        }
        let mut times_ms = next.map(|next| next.times_ms).unwrap_or_default();
        times_ms.push(time_ms);
        let span_ms = counting.span_ms();
        times_ms.retain(|of_ms| time_ms.saturating_sub(*of_ms) <= span_ms);
        let is_first_ok = self.state.is_none() && state == State::Ok;
        if times_ms.len() < usize::from(counting.results) && !is_first_ok {
            self.next = Some(Next { state, times_ms });
            return None;
        }
        let before = self.state.replace(state);
        Some(Change { before, state })
    }
}
