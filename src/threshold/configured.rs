//! A threshold as it is configured.

use std::cmp::Ordering;

use super::{Bounds, Matches, State};

/// A threshold as it is configured, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    pub id: String,
    /// Its name for people; the id where none is given.
    pub label: String,
    /// The metrics that it is of.
    pub matches: Matches,
    pub warning: Bounds,
    pub failure: Bounds,
    /// Whether the values between the bounds are the bad ones.
    pub is_inverted: bool,
    /// The metric of the same check and target that values are taken in percent of.
    pub percentage: Option<String>,
    pub of: Of,
    /// So many bad values in a row make a state worse: at least 1.
    pub hits: u8,
    /// How far a value has to be back within a bound before the state is better: not negative.
    pub hysteresis: f64,
    /// Whether each bad value is told, and each good one.
    pub persists: bool,
    pub persists_ok: bool,
    pub missing: Missing,
    /// What is missing so many times in a row counts as missing: at least 1.
    pub missing_after: u8,
    pub is_disabled: bool,
    /// The plan of those who are told of a change.
    pub notification_plan: Option<String>,
}

/// What is compared with the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Of {
    /// Each value, as the check gives it.
    #[default]
    Value,
    /// Its growth in a second.
    Rate,
    /// The median of each window that is published.
    Median,
    /// The maximum of the same.
    Max,
}

/// What a metric is that gives no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Unknown: its state stays.
    #[default]
    Ignore,
    Warning,
    Failure,
}

impl Threshold {
    /// One that matches nothing so far, and finds all values good.
    pub fn of(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            label: id.to_owned(),
            matches: Matches::default(),
            warning: Bounds::default(),
            failure: Bounds::default(),
            is_inverted: false,
            percentage: None,
            of: Of::Value,
            hits: 1,
            hysteresis: 0.0,
            persists: false,
            persists_ok: false,
            missing: Missing::Ignore,
            missing_after: DEFAULT_MISSING_AFTER,
            is_disabled: false,
            notification_plan: None,
        }
    }

    pub fn has_bounds(&self) -> bool {
        let bounds = [self.warning, self.failure];
        bounds.iter().any(|of| of.min.is_some() || of.max.is_some())
    }

    /// Whether another one finds the same of each value, so that what was counted by one counts for the other.
    pub fn is_same_question(&self, other: &Self) -> bool {
        let said = Self {
            label: self.label.clone(),
            persists: self.persists,
            persists_ok: self.persists_ok,
            notification_plan: self.notification_plan.clone(),
            ..other.clone()
        };
        *self == said
    }
}

impl Of {
    pub const ALL: [Self; 4] = [Self::Value, Self::Rate, Self::Median, Self::Max];

    /// As it is written in files and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Rate => "rate",
            Self::Median => "median",
            Self::Max => "max",
        }
    }

    /// Whether it comes once a window.
    pub fn is_of_windows(self) -> bool {
        matches!(self, Self::Median | Self::Max)
    }

    /// How a text about a value begins.
    pub fn article(self) -> &'static str {
        match self {
            Self::Value => "",
            Self::Rate => "a rate of ",
            Self::Median => "a median of ",
            Self::Max => "a maximum of ",
        }
    }
}

impl Missing {
    pub const ALL: [Self; 3] = [Self::Ignore, Self::Warning, Self::Failure];

    /// As it is written in files and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }

    /// The state of what is missing, if that is one.
    pub fn state(self) -> Option<State> {
        match self {
            Self::Ignore => None,
            Self::Warning => Some(State::Warning),
            Self::Failure => Some(State::Failure),
        }
    }
}

/// The order in which thresholds win: the most specific first, and of equals the first by its id.
pub fn by_rank(one: &Threshold, other: &Threshold) -> Ordering {
    other.matches.rank().cmp(&one.matches.rank()).then_with(|| one.id.cmp(&other.id))
}

/// One value may be late.
pub const DEFAULT_MISSING_AFTER: u8 = 2;
