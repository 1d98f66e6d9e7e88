//! The values of one period, reduced.

use std::rc::Rc;
use std::time::SystemTime;

use super::{Metric, Number};

/// One window, reduced.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The window's start: a multiple of the period since the Unix epoch.
    pub start: SystemTime,
    /// What has a value in the window: of the whole first, then of each container by its name.
    pub entries: Vec<Entry>,
}

/// One metric of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub metric: Rc<Metric>,
    pub statistics: Statistics,
}

/// The values of one metric in one window, in the unit of the metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    pub count: usize,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// The sum of the squares of the differences to the mean.
    pub m2: f64,
    /// The middle value; for an even count the mean of the two.
    pub median: f64,
    /// In the order of time. The first value of a counter is the last of the window before.
    pub first: f64,
    pub last: f64,
    /// How often each value was there, smallest first, where that was asked for; else empty.
    pub values: Vec<ValueCount>,
}

impl Statistics {
    /// How much a counter grew. One that went back was started again, and the difference says nothing.
    pub fn growth(&self) -> Option<f64> {
        Some(self.last - self.first).filter(|growth| *growth >= 0.0)
    }
}

/// How often a value was there. There are 10,001 different ones at most, however long the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueCount {
    /// In hundredths of a percent, rounded.
    pub hundredths: u16,
    pub count: u32,
}

impl ValueCount {
    /// The value in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }
}

impl Summary {
    /// The statistics of a number, of the whole or of one of its containers.
    pub fn of(&self, number: Number, container: Option<&str>) -> Option<&Statistics> {
        let entry = self.entries.iter().find(|entry| entry.metric.is_of(number, container));
        entry.map(|entry| &entry.statistics)
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
