//! One check that is configured: it runs, and its findings become a report.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::phase::Phase;
use super::request::Refused;
use crate::model::{
    AVAILABLE, Check, Configured, Dimensions, Discovered, Finding, Findings, Kind, Metric,
    Quantity, Report, Roots, SUCCESS, Unit, cut_status,
};

/// Runs a check when it is due, for as long as it is polled and its registry holds the other end of the
/// orders.
pub struct Instance {
    trial: Trial,
    phase: Phase,
    orders: mpsc::Receiver<Order>,
    /// Of a number of its own, which tells it from one of the same id that was removed.
    reports: mpsc::Sender<(u64, Rc<Report>)>,
    number: u64,
}

/// What an instance is told to do.
pub enum Order {
    Run(oneshot::Sender<Result<Rc<Report>, Refused>>),
    /// Other settings for the same type and details.
    Change(Rc<Configured>, Phase),
}

impl Instance {
    pub fn new(
        trial: Trial,
        phase: Phase,
        orders: mpsc::Receiver<Order>,
        reports: mpsc::Sender<(u64, Rc<Report>)>,
        number: u64,
    ) -> Self {
        Self { trial, phase, orders, reports, number }
    }

    pub async fn run(mut self) {
        let mut due = self.phase.next(Instant::now());
        loop {
            let is_enabled = !self.trial.configured.is_disabled;
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Run(reply)) => {
                        let report = self.run_once().await;
                        // Who asked may be gone.
                        let _ = reply.send(Ok(report));
                    }
                    Some(Order::Change(configured, phase)) => {
                        self.trial.change(configured);
                        // In the same phase, what was due stays due.
                        if std::mem::replace(&mut self.phase, phase) != phase {
                            due = phase.next(Instant::now());
                        }
                    }
                    None => return,
                },
                // Before what may never have an end: what is sent without a pause.
                () = sleep_until(due), if is_enabled => {
                    drop(self.run_once().await);
                    due = self.phase.next_after(due, Instant::now());
                }
                never = self.trial.check.wait(), if is_enabled => match never {},
            }
        }
    }

    async fn run_once(&mut self) -> Rc<Report> {
        let report = Rc::new(self.trial.run().await.report);
        // The registry takes reports as fast as they come, and ends all instances when it ends.
        let _ = self.reports.send((self.number, report.clone())).await;
        report
    }
}

/// A check and how its findings are called.
pub struct Trial {
    configured: Rc<Configured>,
    check: Box<dyn Check>,
    id: Rc<str>,
    /// The metrics of earlier runs.
    metrics: BTreeMap<Key, Rc<Metric>>,
}

/// Dimensions and name of a metric.
type Key = (Dimensions, Cow<'static, str>);

/// What came of a run.
pub struct Ran {
    pub report: Report,
    /// The declared metrics without a value, each with the reason.
    pub absent: Vec<(&'static str, String)>,
    /// What the values were made of.
    pub raw: Vec<(String, String)>,
}

impl Trial {
    /// Opens the check. It has not read anything yet.
    pub fn of(configured: Rc<Configured>, roots: &Roots) -> Self {
        let check = configured.open(roots);
        let id = Rc::from(&*configured.id);
        Self { configured, check, id, metrics: BTreeMap::new() }
    }

    fn change(&mut self, configured: Rc<Configured>) {
        if self.configured.publish != configured.publish {
            // Their names in CloudWatch may be others.
            self.metrics.clear();
        }
        self.configured = configured;
    }

    /// Runs it once, no longer than its timeout.
    pub async fn run(&mut self) -> Ran {
        let (start, limit) = (Instant::now(), self.configured.timeout);
        let found = timeout(limit, self.check.run()).await;
        let found = found.unwrap_or_else(|_| {
            let awaited = self.check.awaited();
            let awaited = awaited.map(|of| format!(" while waiting for {of}")).unwrap_or_default();
            Err(format!("timed out after {} s{awaited}", limit.as_secs_f64()))
        });
        let (at, time) = (Instant::now(), SystemTime::now());
        let is_available = found.is_ok();
        let (found, status) = match found {
            Ok(mut found) => {
                let status = found.status.take().unwrap_or_else(|| SUCCESS.to_owned());
                (found, status)
            }
            Err(why) => (Findings::default(), why),
        };
        let Findings { values, mut absent, raw, .. } = found;
        let mut reported = Vec::with_capacity(values.len() + 1);
        for value in values {
            match value.quantity {
                Quantity::Number(number) if !number.is_finite() => {
                    absent.extend(self.declared(&value).map(|name| (name, NO_NUMBER.to_owned())));
                }
                _ => {
                    let metric = self.metric(&value);
                    reported.push((metric, value.quantity));
                }
            }
        }
        if self.configured.published_name(AVAILABLE).is_some() {
            let quantity = Quantity::Number(f64::from(u8::from(is_available)));
            let discovered = Discovered { unit: Unit::Count, unit_word: None, kind: Kind::Gauge };
            let (name, discovered) = (AVAILABLE.into(), Some(discovered));
            let value = Finding { name, dimensions: Vec::new(), discovered, quantity };
            reported.push((self.metric(&value), value.quantity));
        }
        let (check, took, status) = (self.id.clone(), start.elapsed(), cut_status(status));
        let report = Report { check, time, at, took, is_available, status, values: reported };
        Ran { report, absent, raw }
    }

    fn declared(&self, value: &Finding) -> Option<&'static str> {
        self.configured.kind.metric(&value.name).map(|declared| declared.name)
    }

    fn metric(&mut self, Finding { name, dimensions, discovered, .. }: &Finding) -> Rc<Metric> {
        let key = (dimensions.clone(), name.clone());
        if let Some(known) = self.metrics.get(&key) {
            return known.clone();
        }
        let none = Discovered { unit: Unit::None, unit_word: None, kind: Kind::Gauge };
        let declared = self.configured.kind.metric(name);
        let declared =
            declared.map(|of| Discovered { unit: of.unit, kind: of.kind, ..none.clone() });
        let found = declared.or_else(|| discovered.clone()).unwrap_or(none);
        let metric = Rc::new(self.configured.metric(name.clone(), dimensions, found));
        self.metrics.insert(key, metric.clone());
        metric
    }
}

/// Why a value that is infinite or not a number is left out.
const NO_NUMBER: &str = "the value is not a finite number";
