//! What is collected, as thresholds take it.

use std::rc::Rc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::judged::{Come, Feed};
use super::{Shared, Thresholds};
use crate::collector::series::Table;
use crate::collector::sink::Sink;
use crate::model::{AVAILABLE, Entry, Metric, Number, Report, Series, Summary, UTILIZATION};

/// Hands what is collected to the thresholds.
pub struct Watch(pub Shared);

impl Sink for Watch {
    fn sample(&mut self, at: SystemTime, values: &[(Series, f64)], table: &Table) {
        let mut all = self.0.borrow_mut();
        if !all.is_concerned(UTILIZATION) {
            return;
        }
        let now = Instant::now();
        let come = |(series, value): &(Series, f64)| Come {
            metric: table.metric(*series),
            values: [*value; 2],
            at: now,
        };
        let prompted = std::mem::take(&mut all.prompted);
        let prompt =
            prompted.iter().map(|(metric, value)| Come { metric, values: [*value; 2], at: now });
        let values: Vec<_> = values.iter().map(come).chain(prompt).collect();
        all.ran.insert(UTILIZATION.into());
        all.take(Feed::Sample, &values, at);
        all.miss(Feed::Sample, Some(UTILIZATION), at);
    }

    fn prompt(&mut self, values: &[(Rc<Metric>, f64)]) {
        self.0.borrow_mut().prompted = values.to_vec();
    }

    fn report(&mut self, report: &Report) {
        let mut all = self.0.borrow_mut();
        if !all.is_concerned(&report.check) {
            return;
        }
        let available = all.availability(report);
        let available = available.iter().map(|(metric, value)| (metric, *value));
        // What is read at each sample is compared there.
        let prompt = all.prompt.get();
        let is_prompt = |of: &Metric| of.number().is_some_and(|number| prompt.contains(number));
        let own = report.numbers();
        let own = own.filter(|(metric, _)| !metric.is_availability && !is_prompt(metric));
        let come = |(metric, value)| Come { metric, values: [value; 2], at: report.at };
        let values: Vec<_> = available.chain(own).map(come).collect();
        all.ran.insert(report.check.clone());
        all.take(Feed::Report, &values, report.time);
        all.expect(&report.check);
        all.miss(Feed::Report, Some(&report.check), report.time);
    }

    fn summary(&mut self, summary: &Rc<Summary>) {
        let mut all = self.0.borrow_mut();
        if !all.is_begun || !all.ranked.iter().any(|of| of.of.is_of_windows()) {
            return;
        }
        let (at, time) = (Instant::now(), SystemTime::now());
        let entries = summary.entries.iter();
        let wanted = entries.filter(|of| !of.metric.is_availability || all.names_availability);
        let come = wanted.map(|Entry { metric, statistics }| Come {
            metric,
            values: [statistics.median, statistics.max],
            at,
        });
        let values: Vec<_> = come.collect();
        all.take(Feed::Window, &values, time);
        all.miss(Feed::Window, None, time);
        all.ran.clear();
    }
}

impl Thresholds {
    /// Whether the check is available, as a metric of its own, where a threshold is of that.
    fn availability(&self, report: &Report) -> Option<(Rc<Metric>, f64)> {
        let has_own =
            report.values.iter().any(|(of, _)| of.name == AVAILABLE && !of.is_availability);
        if !self.names_availability || has_own || *report.check == *UTILIZATION {
            return None;
        }
        let (check, name) = (report.check.to_string().into(), AVAILABLE.into());
        let metric = Metric { check, name, dimensions: Vec::new(), ..Number::Cpu.of(None) };
        Some((Rc::new(metric), f64::from(u8::from(report.is_available))))
    }
}
