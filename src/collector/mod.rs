//! Puts what is measured into windows, one for each series, and hands over what it becomes: each
//! value to the sinks, and each summary to the sinks and to the deliveries.

pub mod aggregate;
pub mod series;
pub mod sink;
pub mod window;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::error;
use tokio::time::Instant;

use self::series::Table;
use self::sink::{HandOut, HandedOut, Sink};
use self::window::Window;
use crate::clock::Shift;
use crate::config::{Publish, Settings, ValueForm};
use crate::model::{Measured, Metric, Quantity, Report, Series, Summary, Unavailable};

/// Owns the table of series and the open window.
pub struct Collector {
    period: Duration,
    table: Table,
    open: Option<Window>,
    hand_out: HandOut,
    sinks: Vec<Box<dyn Sink>>,
    measured: Rc<Measured>,
    /// Why values of checks are dropped, each said once of each check.
    said: BTreeSet<(String, &'static str)>,
    dropped_values: u64,
    /// How many dimensions one metric may have beside those of all metrics.
    most_dimensions: usize,
    /// How far the times of windows are moved.
    shift: Shift,
    /// Whether each sample is kept with its time.
    keeps_samples: bool,
    /// The time of the newest sample, as it is published.
    newest: SystemTime,
}

impl Collector {
    /// Windows as the settings want them, whose summaries go to `hand_out`.
    pub fn of(settings: &Settings, hand_out: HandOut) -> Self {
        let to = |publish| settings.publishing.publishers.contains(&publish);
        let is_distribution = settings.publishing.form == ValueForm::Distribution;
        let (with_values, with_numbers) = (is_distribution || to(Publish::Otlp), to(Publish::Emf));
        let table = Table::new(settings.measuring.samples_per_window(), with_values);
        let sets = settings.identity.number_of_sets().max(1);
        let most = settings.checks.max_metrics / sets;
        let mut table = table.keeping_numbers(with_numbers).with_most_checked(most);
        for check in &settings.checks.all {
            check.declared().iter().for_each(|metric| table.reserve(metric));
        }
        for metric in settings.checks.published_alarms() {
            table.reserve(&metric);
        }
        let identity = &settings.identity;
        let of_all = identity.dimensions.len() + identity.auto_dimensions.len();
        let most_dimensions = MOST_DIMENSIONS.saturating_sub(of_all);
        let keeps_samples = to(Publish::Otlp) && settings.publishing.otlp.sample_points;
        let new = Self::new(settings.measuring.period, table, hand_out);
        Self { most_dimensions, keeps_samples, ..new }
    }

    /// Windows of a period, whose summaries go to `hand_out`.
    pub fn new(period: Duration, table: Table, hand_out: HandOut) -> Self {
        Self {
            period,
            table,
            open: None,
            hand_out,
            sinks: Vec::new(),
            measured: Rc::default(),
            said: BTreeSet::new(),
            dropped_values: 0,
            most_dimensions: MOST_DIMENSIONS,
            shift: Shift::default(),
            keeps_samples: false,
            newest: UNIX_EPOCH,
        }
    }

    /// From now on a sink gets all that is collected.
    pub fn add_sink(&mut self, sink: Box<dyn Sink>) {
        self.sinks.push(sink);
    }

    /// How far the times of windows are moved, from now on.
    pub fn shift(&self) -> Shift {
        self.shift.clone()
    }

    /// How many metrics the checks publish, from now on.
    pub fn published(&self) -> Rc<Cell<usize>> {
        self.table.checked()
    }

    /// The series of a metric with a value at each sample.
    pub fn sampled(&mut self, metric: &Metric) -> Series {
        self.table.sampled(metric)
    }

    /// Whether a sample at this time would close the open window.
    pub fn would_close(&self, now: SystemTime) -> bool {
        let now = self.shift.of(now);
        self.open.as_ref().is_some_and(|open| !open.takes(now, self.table.samples()))
    }

    /// Whether the open window will be a summary.
    pub fn has_value(&self) -> bool {
        self.table.has_value()
    }

    /// Puts the values of one sample into the window that `now` falls into. That closes the window
    /// before.
    pub fn sample(&mut self, now: SystemTime, values: &[(Series, f64)]) {
        if self.would_close(now) {
            self.close();
        }
        let start = self.shift.of(now);
        self.open.get_or_insert_with(|| Window::at(start, self.period)).count += 1;
        self.newest = start;
        for (series, value) in values {
            self.table.add(*series, *value);
            if self.keeps_samples {
                self.table.keep(*series, start, *value);
            }
        }
        for sink in &mut self.sinks {
            sink.sample(now, values, &self.table);
        }
    }

    /// Hands over what is read for the next sample beside it, and is in no window.
    pub fn prompt(&mut self, values: &[(Rc<Metric>, f64)]) {
        for sink in &mut self.sinks {
            sink.prompt(values);
        }
    }

    /// From now on the samples are of this.
    pub fn measures(&mut self, measured: Measured) {
        self.measured = Rc::new(measured);
        for sink in &mut self.sinks {
            sink.measured(&self.measured);
        }
    }

    /// Whether somebody takes what is not measured.
    pub fn takes_unavailable(&self) -> bool {
        self.sinks.iter().any(|sink| sink.takes_unavailable())
    }

    /// From now on this is not measured.
    pub fn unavailable(&mut self, all: Vec<Unavailable>) {
        let all = all.into();
        for sink in self.sinks.iter_mut().filter(|sink| sink.takes_unavailable()) {
            sink.unavailable(&all);
        }
    }

    /// Puts the numbers that the source gives once a window into the open window. Before the first one it
    /// is only where counters begin.
    pub fn report(&mut self, report: &Report) {
        for (metric, value) in report.numbers() {
            let series = self.table.reported(metric);
            match self.open {
                Some(_) => self.table.add(series, value),
                None => self.table.begin(series, value),
            }
        }
        self.hand_over(report);
    }

    /// Puts what a check has found, as far as it is published, into the window that `now` falls into. That
    /// closes the window before. What cannot be published is counted.
    pub fn check(&mut self, now: SystemTime, report: &Report) {
        if self.would_close(now) {
            self.close();
        }
        let is_wanted = |metric: &Metric| metric.published.is_some() || metric.refused.is_some();
        let wanted = report.values.iter().filter(|(metric, _)| is_wanted(metric));
        self.put_all(now, report.at, &report.check, wanted);
        self.hand_over(report);
    }

    /// Puts values of a check into the open window. What is dropped of them is counted, and told once.
    fn put_all<'a>(
        &mut self,
        now: SystemTime,
        at: Instant,
        check: &str,
        values: impl Iterator<Item = &'a (Rc<Metric>, Quantity)>,
    ) {
        let mut dropped = BTreeMap::new();
        for (metric, value) in values {
            if let Err(why) = self.put(now, at, metric, value) {
                dropped.entry(why).or_insert((0, metric)).0 += 1;
            }
        }
        for (why, (count, first)) in dropped {
            self.dropped_values += count;
            if self.said.insert((check.to_owned(), why)) {
                let name = first.published.as_deref().unwrap_or(&first.name);
                error!("check {check}: {count} of its metrics are dropped, such as {name}: {why}");
            }
        }
    }

    /// Puts a value of a check into the open window. The error says why it is dropped.
    fn put(
        &mut self,
        now: SystemTime,
        at: Instant,
        metric: &Rc<Metric>,
        value: &Quantity,
    ) -> Result<(), &'static str> {
        let numbers = match value {
            Quantity::Number(value) => [*value, *value],
            Quantity::Many(values) => [values.min(), values.max()],
            Quantity::Text(_) => return Ok(()),
        };
        if let Some(why) = metric.refused {
            return Err(why);
        }
        if numbers.iter().any(|number| number.abs() > LARGEST) {
            return Err(TOO_LARGE);
        }
        if metric.dimensions.len() > self.most_dimensions {
            return Err(TOO_MANY_DIMENSIONS);
        }
        let start = self.shift.of(now);
        self.open.get_or_insert_with(|| Window::at(start, self.period));
        self.newest = start;
        if self.table.check(metric, at, value) { Ok(()) } else { Err(TOO_MANY_METRICS) }
    }

    fn hand_over(&mut self, report: &Report) {
        for sink in &mut self.sinks {
            sink.report(report);
        }
    }

    /// Closes the open window. One in which nothing was measured yields no summary.
    pub fn close(&mut self) {
        self.close_at(None);
    }

    /// The same where the window was cut short, with the time of the newest that is in it.
    fn close_at(&mut self, ended: Option<SystemTime>) {
        let Some(start) = self.open.as_ref().map(|open| open.start) else { return };
        let (at, added) = (Instant::now(), self.sinks.iter_mut().flat_map(|sink| sink.closing()));
        for (metric, value) in added.collect::<Vec<_>>() {
            let (check, value) = (metric.check.clone(), Quantity::Number(value));
            self.put_all(start, at, &check, [(metric, value)].iter());
        }
        let Some(window) = self.open.take() else { return };
        let Some(entries) = self.table.reduce() else { return };
        let (start, end) = (window.start, window.end_at(ended));
        let summary = Rc::new(Summary { start, end, entries, measured: self.measured.clone() });
        for sink in &mut self.sinks {
            sink.summary(&summary);
        }
        self.hand_out.summary(&summary);
    }

    /// Closes the open window, and tells what became of all of them.
    pub fn finish(mut self) -> HandedOut {
        self.close_at(Some(self.newest));
        HandedOut { dropped_values: self.dropped_values, ..self.hand_out.finish() }
    }
}

/// CloudWatch's limit for the dimensions of a metric.
const MOST_DIMENSIONS: usize = 30;

/// CloudWatch's limit for a value: 2^360.
pub const LARGEST: f64 = 2.348_542_582_773_833_3e108;

// Why a value of a check is dropped, with the cure.
pub const TOO_LARGE: &str = "CloudWatch takes no number above 2^360: correct what gives it";
pub const TOO_MANY_METRICS: &str =
    "--max-metrics allows no more: raise it, or publish fewer metrics";
const TOO_MANY_DIMENSIONS: &str =
    "CloudWatch takes 30 dimensions, and yours are among them: send fewer tags or labels";

#[cfg(test)]
mod tests;
