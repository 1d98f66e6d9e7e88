//! Which metrics a threshold is of.

use crate::model::AVAILABLE;

/// The metrics that a threshold is of: those that have each of what is set, character by character.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// The id of a check.
    pub check: Option<String>,
    /// The name of a metric, without its target.
    pub metric: Option<String>,
    pub target: Option<String>,
}

/// A metric, as thresholds name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    pub check: &'a str,
    pub metric: &'a str,
    pub target: Option<&'a str>,
}

impl Matches {
    /// Whether it is of this metric. Whether a check is available has to be named: bounds of all else are none of that.
    pub fn is_of(&self, of: Named<'_>) -> bool {
        let fits = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| is == Some(wanted))
        };
        fits(&self.check, Some(of.check))
            && fits(&self.metric, Some(of.metric))
            && fits(&self.target, of.target)
            && (of.metric != AVAILABLE || self.metric.is_some())
    }

    /// Whether it may be of metrics of this check.
    pub fn may_be_of(&self, check: &str) -> bool {
        self.check.as_ref().is_none_or(|wanted| wanted == check)
    }

    pub fn is_of_all(&self) -> bool {
        self.check.is_none() && self.metric.is_none() && self.target.is_none()
    }

    /// How much is set of a metric: what is greater wins. More wins over less, and a check over a metric over a target.
    pub fn rank(&self) -> (usize, [bool; 3]) {
        let is_set = [self.check.is_some(), self.metric.is_some(), self.target.is_some()];
        (is_set.iter().filter(|is_set| **is_set).count(), is_set)
    }
}
