//! What is sent of a summary.

use super::{Entry, Statistic, Summary, Value};

/// One statistic of one entry of a summary, with one set of dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datum {
    /// Its place among the entries.
    pub entry: usize,
    pub statistic: Statistic,
    /// The place of its set among those of the settings.
    pub set: usize,
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
