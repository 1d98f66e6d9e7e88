//! The values of one period, reduced.

use std::rc::Rc;
use std::time::SystemTime;

use super::{Measured, Metric, Number, Statistics};

/// One window, reduced.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The window's start: a multiple of the period since the Unix epoch.
    pub start: SystemTime,
    /// Its end, in whole seconds; of one that was cut short the end of the second in which that was.
    pub end: SystemTime,
    /// What has a value in the window: of the whole first, then of each container by its name.
    pub entries: Vec<Entry>,
    /// What its samples were of when it was closed.
    pub measured: Rc<Measured>,
}

/// One metric of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub metric: Rc<Metric>,
    pub statistics: Statistics,
}

impl Summary {
    /// The statistics of a number, of the whole or of one of its containers.
    pub fn of(&self, number: Number, container: Option<&str>) -> Option<&Statistics> {
        let entry = self.entries.iter().find(|entry| entry.metric.is_of(number, container));
        entry.map(|entry| &entry.statistics)
    }

    /// What checks have found: the entries of each target of each check together, in their order.
    pub fn checks(&self) -> impl Iterator<Item = &[Entry]> {
        let together = self.entries.chunk_by(|one, next| {
            one.metric.dimensions == next.metric.dimensions
                && one.metric.published.is_some() == next.metric.published.is_some()
        });
        together.filter(|entries| entries[0].metric.published.is_some())
    }

    /// The names of the containers of which there is a value.
    pub fn containers(&self) -> Vec<&str> {
        let mut names: Vec<_> = self
            .entries
            .iter()
            .filter_map(|entry| entry.metric.container())
            .map(|n| &**n)
            .collect();
        names.dedup();
        names
    }
}
