//! The table of all series, each with its values in the open window.

use std::rc::Rc;

use super::aggregate;
use crate::model::{Entry, Kind, Metric, Series, Statistics, Unit};

/// Every metric of which there was ever a value, in the order in which they appeared.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Collected>,
    /// Their places in the order of a summary: those of the whole first, then those of each container by
    /// its name.
    order: Vec<usize>,
    /// How many samples one window is expected to hold.
    samples: usize,
    /// Whether the statistics of sampled percents have all of the values.
    with_values: bool,
}

#[derive(Debug)]
struct Collected {
    metric: Rc<Metric>,
    /// Whether it has a value at each sample; otherwise it has a few a window.
    is_sampled: bool,
    values: Values,
    /// The last total of a counter in the window before, from which this one counts.
    carried: Option<f64>,
}

/// The values of a series in the open window, in the order of time.
#[derive(Debug)]
enum Values {
    /// Percent at each sample: four bytes each, since a day of them stays in memory, and 0 to 100
    /// needs no more.
    Percents(Vec<f32>),
    /// Of any size: a count of bytes does not fit into four bytes.
    Numbers(Vec<f64>),
}

impl Table {
    /// A table for windows of so many samples.
    pub fn new(samples: usize, with_values: bool) -> Self {
        Self { rows: Vec::new(), order: Vec::new(), samples, with_values }
    }

    /// How many samples one window is expected to hold.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The metric of a series of this table.
    pub fn metric(&self, series: Series) -> &Rc<Metric> {
        &self.rows[series.0].metric
    }

    /// The series of a metric with a value at each sample.
    pub fn sampled(&mut self, metric: &Metric) -> Series {
        self.series(metric, true)
    }

    /// The series of a metric with a value for each report.
    pub fn reported(&mut self, metric: &Metric) -> Series {
        self.series(metric, false)
    }

    fn series(&mut self, metric: &Metric, is_sampled: bool) -> Series {
        // Compared one by one: there are tens of series, and most who give values keep theirs.
        if let Some(known) = self.rows.iter().position(|row| *row.metric == *metric) {
            return Series(known);
        }
        let metric = Rc::new(metric.clone());
        let place = self.rows.len();
        // In a window in which a number has its first value it is not the last one for that.
        let rank = |metric: &Metric| metric.number().map_or(usize::MAX, |number| number as usize);
        let is_before = |other: &usize| {
            let other = &self.rows[*other].metric;
            (&other.dimensions, rank(other)) <= (&metric.dimensions, rank(&metric))
        };
        self.order.insert(self.order.partition_point(is_before), place);
        let values = match metric.unit {
            Unit::Percent if is_sampled => Values::Percents(Vec::new()),
            _ => Values::Numbers(Vec::new()),
        };
        self.rows.push(Collected { metric, is_sampled, values, carried: None });
        Series(place)
    }

    /// Adds a value to the open window.
    pub fn add(&mut self, series: Series, value: f64) {
        let row = &mut self.rows[series.0];
        match &mut row.values {
            Values::Percents(values) => {
                // A container has fewer values, as many as the endpoint gives.
                if values.capacity() == 0 && row.metric.dimensions.is_empty() {
                    // At once, so that no sample has to move the ones before it.
                    values.reserve_exact(self.samples);
                }
                values.push(value as f32);
            }
            Values::Numbers(values) => values.push(value),
        }
    }

    /// Notes the total of a counter before the first window, from which that one counts.
    pub fn begin(&mut self, series: Series, total: f64) {
        self.rows[series.0].carried = Some(total);
    }

    /// Whether a sample of the open window had a value.
    pub fn has_sample(&self) -> bool {
        self.rows.iter().any(|row| row.is_sampled && !row.values.is_empty())
    }

    /// What the values of the window that ends have become. `None` where no sample had a value. The
    /// table is then ready for the next window.
    pub fn reduce(&mut self) -> Option<Vec<Entry>> {
        if !self.has_sample() {
            // What a counter counts in such a window is left to the next one.
            self.rows.iter_mut().for_each(|row| row.values.clear());
            return None;
        }
        let mut entries = Vec::new();
        for place in &self.order {
            let row = &mut self.rows[*place];
            let statistics = row.reduce(self.with_values);
            let metric = row.metric.clone();
            entries.extend(statistics.map(|statistics| Entry { metric, statistics }));
        }
        Some(entries)
    }
}

impl Values {
    fn is_empty(&self) -> bool {
        match self {
            Self::Percents(values) => values.is_empty(),
            Self::Numbers(values) => values.is_empty(),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Percents(values) => values.clear(),
            Self::Numbers(values) => values.clear(),
        }
    }
}

impl Collected {
    fn reduce(&mut self, with_values: bool) -> Option<Statistics> {
        let statistics = match &mut self.values {
            Values::Percents(values) => {
                let statistics = aggregate::statistics(values);
                let counts = if with_values { aggregate::counts(values) } else { Vec::new() };
                statistics.map(|statistics| Statistics { values: counts, ..statistics })
            }
            Values::Numbers(values) => {
                if self.metric.kind == Kind::Counter {
                    count_from(&mut self.carried, values);
                }
                aggregate::statistics(values)
            }
        };
        self.values.clear();
        statistics
    }
}

/// Puts the last total of the window before in front of the totals of a counter, and keeps the last
/// of these for the next window.
fn count_from(carried: &mut Option<f64>, totals: &mut Vec<f64>) {
    let newest = totals.last().copied();
    totals.splice(..0, carried.take());
    *carried = newest;
    // One total alone says nothing: what it counted may be of long ago.
    if totals.len() < 2 || newest.is_none() {
        totals.clear();
    }
}
