//! The state of a metric, and when it changes.

use super::breach::Breach;
use super::{State, Threshold};

/// Where a metric stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Nothing until the first values gave one.
    pub state: Option<State>,
    /// Whether it is that of values that are missing.
    pub is_missing: bool,
    /// How many values in a row were bad enough for a warning, and for a failure.
    bad: [u8; 2],
    /// How many in a row were missing.
    pub missed: u32,
}

/// What came of one value, or of one that is missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    pub before: Option<State>,
    pub state: Option<State>,
    /// The bounds that the value does not keep.
    pub breach: Option<Breach>,
    /// Whether this is to be told.
    pub is_told: bool,
}

impl Taken {
    pub fn is_change(&self) -> bool {
        self.before != self.state
    }
}

impl Standing {
    /// Takes a value. One that is missing or no finite number changes nothing: it neither counts nor begins the
    /// count again, unless the threshold wants to know of it.
    ///
    /// A state becomes worse with the last of so many hits in a row, and better at once: with the value that is good
    /// enough, which the hysteresis decides about. Whoever was only close to a failure has a warning in between.
    pub fn take(&mut self, value: Option<f64>, of: &Threshold) -> Taken {
        let before = self.state;
        let Some(value) = value.filter(|value| value.is_finite()) else {
            let is_told = self.miss(of);
            return Taken { before, state: self.state, breach: None, is_told };
        };
        self.missed = 0;
        // Where it was missing, no value was that bad.
        let was_missing = std::mem::take(&mut self.is_missing);
        let reached = before.filter(|_| !was_missing);
        let breach = of.breach(value, reached);
        let is = breach.map_or(State::Ok, |breach| breach.state);
        let bounds = [State::Warning, State::Failure];
        for (bad, bound) in self.bad.iter_mut().zip(bounds) {
            *bad = if is >= bound { bad.saturating_add(1) } else { 0 };
        }
        let hit = bounds.into_iter().zip(self.bad).rev().find(|(_, bad)| *bad >= of.hits);
        let hit = hit.map_or(State::Ok, |(bound, _)| bound);
        self.state = match before {
            None if is > State::Ok && hit == State::Ok => None,
            None => Some(hit),
            Some(before) if is < before => Some(is),
            Some(before) => Some(before.max(hit)),
        };
        let is_told = match self.state {
            None => false,
            // Nobody has to be told that all is well from the start.
            Some(State::Ok) => before.is_some_and(|of| of != State::Ok) || of.persists_ok,
            state => state != before || of.persists && is > State::Ok,
        };
        Taken { before, state: self.state, breach, is_told }
    }

    /// Takes that a value is missing. Whether that is to be told.
    fn miss(&mut self, of: &Threshold) -> bool {
        self.missed = self.missed.saturating_add(1);
        let is_enough = self.missed >= u32::from(of.missing_after);
        let Some(state) = of.missing.state().filter(|_| is_enough) else { return false };
        // What is bad already does not become better by that.
        if self.state.is_some_and(|before| before >= state) {
            return of.persists;
        }
        (self.state, self.is_missing) = (Some(state), true);
        true
    }

    /// Counts anew, because another threshold is asked from now on.
    pub fn begin_anew(&mut self) {
        (self.bad, self.missed) = ([0, 0], 0);
    }
}
