//! The table of all series, each with its values in the open window.

use std::rc::Rc;

use super::aggregate;
use crate::model::{Entry, Kind, Metric, Series, Statistics};

/// Every metric of which there was ever a value, in the order in which they appeared.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Collected>,
    /// Their places in the order of a summary: those of the whole first, then those of each container by
    /// its name.
    order: Vec<usize>,
    /// How many samples one window is expected to hold.
    samples: usize,
    /// Whether the statistics of sampled values have all of the values.
    with_values: bool,
}

#[derive(Debug)]
struct Collected {
    metric: Rc<Metric>,
    values: Values,
}

/// The values of a series in the open window, in the order of time.
#[derive(Debug)]
enum Values {
    /// Percent at each sample: four bytes each, since a day of them stands in memory.
    Sampled(Vec<f32>),
    /// A few a window, of any size.
    Reported {
        values: Vec<f64>,
        /// The last total of a counter in the window before, from which this one counts.
        carried: Option<f64>,
    },
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

    /// The series of a metric with a value at each sample.
    pub fn sampled(&mut self, metric: Metric) -> Series {
        let values = Values::Sampled(Vec::new());
        self.series(metric, values)
    }

    /// The series of a metric with a value for each report.
    pub fn reported(&mut self, metric: Metric) -> Series {
        let values = Values::Reported { values: Vec::new(), carried: None };
        self.series(metric, values)
    }

    fn series(&mut self, metric: Metric, values: Values) -> Series {
        if let Some(known) = self.rows.iter().position(|row| *row.metric == metric) {
            return Series(known);
        }
        let place = self.rows.len();
        let is_before = |other: &usize| self.rows[*other].metric.dimensions <= metric.dimensions;
        self.order.insert(self.order.partition_point(is_before), place);
        self.rows.push(Collected { metric: Rc::new(metric), values });
        Series(place)
    }

    pub fn add_sample(&mut self, series: Series, value: f32) {
        let row = &mut self.rows[series.0];
        match &mut row.values {
            Values::Sampled(values) => {
                // A container has fewer values, as many as the endpoint gives.
                if values.capacity() == 0 && row.metric.dimensions.is_empty() {
                    // At once, so that no sample has to move the ones before it.
                    values.reserve_exact(self.samples);
                }
                values.push(value);
            }
            Values::Reported { values, .. } => values.push(f64::from(value)),
        }
    }

    pub fn add_report(&mut self, series: Series, value: f64) {
        match &mut self.rows[series.0].values {
            Values::Sampled(values) => values.push(value as f32),
            Values::Reported { values, .. } => values.push(value),
        }
    }

    /// Notes the total of a counter before the first window, from which that one counts.
    pub fn begin(&mut self, series: Series, total: f64) {
        if let Values::Reported { carried, .. } = &mut self.rows[series.0].values {
            *carried = Some(total);
        }
    }

    /// Whether a sample of the open window had a value.
    pub fn has_sample(&self) -> bool {
        let is_sampled =
            |row: &Collected| matches!(&row.values, Values::Sampled(values) if !values.is_empty());
        self.rows.iter().any(is_sampled)
    }

    /// What the values of the window that ends have become. `None` where no sample had a value. The
    /// table is then ready for the next window.
    pub fn reduce(&mut self) -> Option<Vec<Entry>> {
        if !self.has_sample() {
            // What a counter counts in such a window is left to the next one.
            self.rows.iter_mut().for_each(Collected::clear);
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

impl Collected {
    fn clear(&mut self) {
        match &mut self.values {
            Values::Sampled(values) => values.clear(),
            Values::Reported { values, .. } => values.clear(),
        }
    }

    fn reduce(&mut self, with_values: bool) -> Option<Statistics> {
        match &mut self.values {
            Values::Sampled(values) => {
                let mut statistics = aggregate::statistics(values);
                if let Some(statistics) = statistics.as_mut().filter(|_| with_values) {
                    statistics.values = aggregate::counts(values);
                }
                values.clear();
                statistics
            }
            Values::Reported { values, carried } => {
                let newest = values.last().copied();
                if self.metric.kind == Kind::Counter {
                    values.splice(..0, carried.take());
                    *carried = newest;
                    // One total alone says nothing: what it counted may be of long ago.
                    if values.len() < 2 || newest.is_none() {
                        values.clear();
                    }
                }
                let statistics = aggregate::statistics(values);
                values.clear();
                statistics
            }
        }
    }
}
