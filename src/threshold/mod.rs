//! Thresholds: bounds that the values of metrics are to keep, and the state of a metric that comes of them. All of it
//! is pure: the caller has the values, the clock, and the place where states are kept.

mod bounds;
mod breach;
mod configured;
mod matches;
mod standing;
#[cfg(test)]
mod tests;

pub use self::bounds::Bounds;
pub use self::breach::shown;
pub use self::configured::{Missing, Of, Threshold, by_rank};
pub use self::matches::{Matches, Named};
pub use self::standing::{Standing, Taken};

/// Where a metric stands. What is worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Ok,
    Warning,
    Failure,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Failure];

    /// As it is written in answers, in files and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Failure => "FAILURE",
        }
    }

    /// The state of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
