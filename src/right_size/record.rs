//! What is kept of a run while it lasts: a few kilobytes, however long that is.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::RightSize;
use super::histogram::Histogram;
use crate::collector::series::Table;
use crate::collector::sink::Sink;
use crate::model::{Limits, Measured, Metric, Number, Series, Totals};

/// The samples of the whole in one scope, and the counters at its begin and end.
#[derive(Debug, Default)]
pub struct Record {
    pub scope: &'static str,
    pub limits: Limits,
    /// Whether the limits were others before: percents of the one and of the other say nothing together.
    pub has_other_limits: bool,
    pub cpu: Histogram,
    /// The highest percent.
    pub memory_max: Option<f64>,
    pub memory_count: u64,
    /// When the first and the last sample were taken.
    time: Option<(Instant, Instant)>,
    /// How long something else was measured before.
    pub left_out: Duration,
    pub begin: Option<Totals>,
    pub end: Option<Totals>,
    series: [Option<Series>; 2],
    /// Whether the report becomes metrics of the last window, too.
    is_published: bool,
}

/// A record that the sampler, the collector and who reports share.
#[derive(Clone, Debug, Default)]
pub struct Shared(pub Rc<RefCell<Record>>);

impl Record {
    /// For how long it was measured.
    pub fn lasted(&self) -> Duration {
        self.time.map(|(first, last)| last.duration_since(first)).unwrap_or_default()
    }

    fn sample(&mut self, at: Instant, values: &[(Series, f64)], table: &Table) {
        self.time = Some((self.time.map_or(at, |(first, _)| first), at));
        for (series, value) in values {
            match self.place(*series, table) {
                Some(0) => self.cpu.add(*value),
                Some(_) => {
                    self.memory_max = Some(self.memory_max.map_or(*value, |max| max.max(*value)));
                    self.memory_count += 1;
                }
                None => {}
            }
        }
    }

    /// Whether a series is CPU or memory of the whole. Both are looked for by name once.
    fn place(&mut self, series: Series, table: &Table) -> Option<usize> {
        let numbers = [Number::Cpu, Number::Memory];
        for (known, number) in self.series.iter_mut().zip(numbers) {
            if known.is_none() && table.metric(series).is_of(number, None) {
                *known = Some(series);
            }
        }
        self.series.iter().position(|known| *known == Some(series))
    }

    fn measured(&mut self, measured: &Measured) {
        if !self.scope.is_empty() && self.scope != measured.scope {
            let left_out = self.left_out + self.lasted();
            let (series, is_published) = (self.series, self.is_published);
            *self = Self { series, left_out, is_published, ..Self::default() };
        }
        self.scope = measured.scope;
        let [before, now] = [&self.limits, &measured.limits];
        let cpu = [before, now].map(|limits| limits.cpu.as_ref().map(|of| of.amount));
        let memory = [before, now].map(|limits| limits.memory.as_ref().map(|of| of.amount));
        // A limit that becomes known was there before.
        self.has_other_limits |= cpu[0].is_some() && cpu[0] != cpu[1];
        self.has_other_limits |= memory[0].is_some() && memory[0] != memory[1];
        self.limits = measured.limits.clone();
    }
}

impl Shared {
    /// The record of a run that begins.
    pub fn new(is_published: bool) -> Self {
        Self(Rc::new(RefCell::new(Record { is_published, ..Record::default() })))
    }

    /// Takes the counters at the begin, as soon as there is a value of what is measured now.
    pub fn begin(&self, totals: impl FnOnce() -> Totals) {
        let mut record = self.0.borrow_mut();
        if record.begin.is_none() && record.memory_count + record.cpu.count() > 0 {
            record.begin = Some(totals());
        }
    }

    /// Takes the counters at the end.
    pub fn end(&self, totals: Totals) {
        self.0.borrow_mut().end = Some(totals);
    }
}

impl Sink for Shared {
    fn sample(&mut self, _: SystemTime, values: &[(Series, f64)], table: &Table) {
        self.0.borrow_mut().sample(Instant::now(), values, table);
    }

    fn measured(&mut self, measured: &Rc<Measured>) {
        self.0.borrow_mut().measured(measured);
    }

    fn closing(&mut self) -> Vec<(Rc<Metric>, f64)> {
        let record = self.0.borrow();
        // Before the last window the counters at the end are not known.
        let is_last = record.is_published && record.end.is_some();
        drop(record);
        if is_last { RightSize::of(self).metrics() } else { Vec::new() }
    }
}
