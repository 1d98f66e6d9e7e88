//! What is sent of a summary.

use super::{Entry, Statistics, Summary, ValueCount};

/// One statistic of one entry of a summary, with one set of dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datum {
    /// Its place among the entries.
    pub entry: usize,
    pub statistic: Statistic,
    /// The place of its set among those of the settings.
    pub set: usize,
}

/// What is sent of the values of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    Median,
    Maximum,
    /// All values, with how often each was there.
    Values,
    /// The newest value.
    Last,
    /// By how much a counter grew.
    Growth,
}

/// A number, or all that were measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    One(f64),
    Many(&'a [ValueCount]),
}

impl Datum {
    /// The entry that it is of.
    pub fn entry(self, summary: &Summary) -> &Entry {
        &summary.entries[self.entry]
    }

    /// Its value. A number that is none is not finite.
    pub fn value(self, summary: &Summary) -> Value<'_> {
        self.statistic.of(&self.entry(summary).statistics)
    }
}

impl Statistic {
    /// What it is of some values. A number that is none is not finite.
    pub fn of(self, statistics: &Statistics) -> Value<'_> {
        Value::One(match self {
            Self::Median => statistics.median,
            Self::Maximum => statistics.max,
            Self::Values => return Value::Many(&statistics.values),
            Self::Last => statistics.last,
            Self::Growth => statistics.growth().unwrap_or(f64::NAN),
        })
    }
}
