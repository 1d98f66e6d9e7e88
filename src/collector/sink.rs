//! Who gets what is collected.

use std::rc::Rc;
use std::time::SystemTime;

use log::error;
use tokio::sync::mpsc::Sender;

use super::series::Table;
use crate::model::{Measured, Metric, Report, Series, Summary, Unavailable};

/// Takes what is collected as it comes: it never waits and never fails. What it cannot take it counts.
pub trait Sink {
    /// The values of one sample; none where nothing could be measured. The table knows the metric of
    /// each series.
    fn sample(&mut self, _at: SystemTime, _values: &[(Series, f64)], _table: &Table) {}

    /// What is else read once a window, read for the sample that comes next. Only where somebody wants it.
    fn prompt(&mut self, _values: &[(Rc<Metric>, f64)]) {}

    /// What the samples are of, when that changes.
    fn measured(&mut self, _measured: &Rc<Measured>) {}

    /// Whether it takes what is not measured: for who does not, no reasons are made.
    fn takes_unavailable(&self) -> bool {
        false
    }

    /// What was asked for and is not measured, when that changes. Only where it takes that.
    fn unavailable(&mut self, _all: &Rc<[Unavailable]>) {}

    /// The result of one run of a check.
    fn report(&mut self, _report: &Report) {}

    /// What it adds to the window that is about to be closed: metrics that are published, with their values.
    fn closing(&mut self) -> Vec<(Rc<Metric>, f64)> {
        Vec::new()
    }

    /// A window that was closed.
    fn summary(&mut self, _summary: &Rc<Summary>) {}
}

/// Hands the summary of each window to all deliveries.
pub struct HandOut {
    deliveries: Vec<Sender<Rc<Summary>>>,
    handed_out: HandedOut,
}

/// What became of the windows that were closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandedOut {
    pub windows: u64,
    /// For each delivery those that could not even be queued, because it had stalled.
    pub dropped: Vec<u64>,
    /// The values of checks that are in none of the windows, because they cannot be published.
    pub dropped_values: u64,
}

impl HandOut {
    pub fn to(deliveries: Vec<Sender<Rc<Summary>>>) -> Self {
        let dropped = vec![0; deliveries.len()];
        Self { deliveries, handed_out: HandedOut { dropped, ..HandedOut::default() } }
    }

    pub(super) fn summary(&mut self, summary: &Rc<Summary>) {
        self.handed_out.windows += 1;
        for (delivery, dropped) in self.deliveries.iter().zip(&mut self.handed_out.dropped) {
            if delivery.try_send(summary.clone()).is_err() {
                *dropped += 1;
                error!("dropped a window, {dropped} so far: the delivery has stalled");
            }
        }
    }

    pub(super) fn finish(self) -> HandedOut {
        self.handed_out
    }
}
