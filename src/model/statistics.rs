//! What is made of the values of one metric in a window.

use std::time::SystemTime;

use super::{Counted, Distribution};

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
    /// The values of a check, smallest first, where a publisher sends them one by one; else empty.
    pub numbers: Vec<f64>,
    /// Those of a distribution of a check, smallest first; else empty.
    pub spread: Vec<Counted>,
    /// By how much a counter of a check grew; else 0.
    pub grown: f64,
    /// Each sample with its time, in the order of time, where a publisher sends them one by one; else empty.
    pub samples: Vec<(SystemTime, f64)>,
}

impl Statistics {
    /// Those of nothing.
    pub fn of_none() -> Self {
        let [min, max, mean, m2, median, first, last] = [0.0; 7];
        Self {
            count: 0,
            min,
            max,
            mean,
            m2,
            median,
            first,
            last,
            values: Vec::new(),
            numbers: Vec::new(),
            spread: Vec::new(),
            grown: 0.0,
            samples: Vec::new(),
        }
    }

    /// Those of many values, of which the order is not known.
    pub fn of_many(many: &Distribution) -> Self {
        let (mean, spread) = (many.mean(), many.values());
        let square = |of: &Counted| of.count as f64 * (of.value - mean).powi(2);
        let half = many.count().div_ceil(2);
        let mut before = 0;
        let median = spread.iter().find(|of| {
            before = of.count.saturating_add(before);
            before >= half
        });
        let count = usize::try_from(many.count()).unwrap_or(usize::MAX);
        let (min, max) = (many.min(), many.max());
        let (m2, median) = (spread.iter().map(square).sum(), median.map_or(mean, |of| of.value));
        Self {
            count,
            min,
            max,
            mean,
            m2,
            median,
            first: mean,
            last: mean,
            spread,
            ..Self::of_none()
        }
    }

    /// Adds a value to those of a check. Their median is not known.
    pub fn add(&mut self, value: f64) {
        if self.count == 0 {
            (self.min, self.max, self.first) = (value, value, value);
            self.median = f64::NAN;
        }
        self.count = self.count.saturating_add(1);
        (self.min, self.max, self.last) = (self.min.min(value), self.max.max(value), value);
        // Welford's way, which loses nothing where the values are large and near to each other.
        let difference = value - self.mean;
        self.mean += difference / self.count as f64;
        self.m2 += difference * (value - self.mean);
    }

    /// How much a counter grew. One that went back was started again, and the difference says nothing.
    pub fn growth(&self) -> Option<f64> {
        Some(self.last - self.first).filter(|growth| *growth >= 0.0)
    }

    fn range(&self) -> Range<'_> {
        let Self { count, min, max, mean, ref numbers, .. } = *self;
        Range { min, max, sum: mean * count as f64, count, numbers }
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
    /// Smallest, largest, sum and count together, of which CloudWatch gives four statistics.
    Set,
    /// The values of a distribution of a check.
    Spread,
    /// One of the samples, by its place among them.
    Sample(usize),
}

/// A number, or all that were measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    One(f64),
    Many(&'a [ValueCount]),
    Set(Range<'a>),
    Spread(&'a [Counted]),
}

/// Values as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<'a> {
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    pub count: usize,
    /// Each of them, where a publisher sends them one by one; else empty.
    pub numbers: &'a [f64],
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
            Self::Set => return Value::Set(statistics.range()),
            Self::Spread => return Value::Spread(&statistics.spread),
            Self::Sample(place) => statistics.samples.get(place).map_or(f64::NAN, |of| of.1),
        })
    }
}
