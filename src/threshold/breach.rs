//! The bounds that a value does not keep, and how that is said.

use std::fmt;

use super::{Bounds, State, Threshold};

/// The bounds that a value does not keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breach {
    pub state: State,
    bounds: Bounds,
    is_inverted: bool,
    value: f64,
    /// The value keeps the bounds, but for this hysteresis.
    held_by: Option<f64>,
}

impl Threshold {
    /// The worst bounds that a finite value does not keep. A state that was reached is left only where the value is
    /// back by the hysteresis.
    pub fn breach(&self, value: f64, before: Option<State>) -> Option<Breach> {
        let of = [(State::Failure, self.failure), (State::Warning, self.warning)];
        of.into_iter().find_map(|(state, bounds)| {
            let breach =
                Breach { state, bounds, is_inverted: self.is_inverted, value, held_by: None };
            if bounds.are_broken_by(value, self.is_inverted, 0.0) {
                return Some(breach);
            }
            let is_held = self.hysteresis > 0.0
                && before.is_some_and(|before| before >= state)
                && bounds.are_broken_by(value, self.is_inverted, self.hysteresis);
            is_held.then_some(Breach { held_by: Some(self.hysteresis), ..breach })
        })
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, bounds, is_inverted, value, held_by } = self;
        let word = if *state == State::Failure { "failure" } else { "warning" };
        let min = bounds.min.map(|min| format!("{word}_min {}", shown(min)));
        let max = bounds.max.map(|max| format!("{word}_max {}", shown(max)));
        let is_low = bounds.min.is_some_and(|min| *value < min);
        let (one, other) = match (min, max) {
            (Some(min), max) => (min, max),
            (None, max) => (max.unwrap_or_default(), None),
        };
        let both = || [Some(one.clone()), other.clone()].into_iter().flatten().collect::<Vec<_>>();
        match (is_inverted, &other) {
            _ if held_by.is_some() => {
                let by = shown(held_by.unwrap_or_default());
                write!(f, "is not back by the hysteresis {by} from {}", both().join(" and "))
            }
            (true, Some(other)) => write!(f, "is between {one} and {other}"),
            (true, None) if bounds.min.is_some() => write!(f, "is not below {one}"),
            (true, None) => write!(f, "is not above {one}"),
            (false, _) if is_low => write!(f, "is below {one}"),
            (false, other) => write!(f, "is above {}", other.as_ref().unwrap_or(&one)),
        }
    }
}

/// A number with the digits that mean something to people.
pub fn shown(number: f64) -> String {
    if number == 0.0 || PLAIN.contains(&number.abs()) {
        let text = format!("{number:.4}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    format!("{number:e}")
}

/// Numbers that are written without an exponent.
const PLAIN: std::ops::Range<f64> = 1e-3..1e15;
