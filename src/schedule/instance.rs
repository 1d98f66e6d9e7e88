//! One check that is configured: it runs, and its findings become a report.

use std::rc::Rc;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::known::Known;
use super::phase::Phase;
use super::request::Refused;
use crate::model::{
    Check, Configured, Finding, Findings, Mailbox, Quantity, Report, Roots, SUCCESS, cut_status,
};
use crate::shown::without_passwords;

/// Runs a check when it is due, for as long as it is polled and its registry holds the other end of the
/// orders.
pub struct Instance {
    trial: Trial,
    phase: Phase,
    /// When it runs next.
    due: Instant,
    orders: mpsc::Receiver<Order>,
    /// Of a number of its own, which tells it from one of the same id that was removed.
    reports: mpsc::Sender<(u64, Rc<Report>)>,
    number: u64,
    /// Cancelled as the agent ends.
    end: CancellationToken,
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
        due: Instant,
        orders: mpsc::Receiver<Order>,
        reports: mpsc::Sender<(u64, Rc<Report>)>,
        number: u64,
        end: CancellationToken,
    ) -> Self {
        Self { trial, phase, due, orders, reports, number, end }
    }

    pub async fn run(mut self) {
        loop {
            let is_enabled = !self.trial.configured.is_disabled;
            tokio::select! {
                biased;
                () = self.end.cancelled() => {
                    if is_enabled && let Some(report) = self.trial.last() {
                        self.hand_over(report).await;
                    }
                    return;
                }
                order = self.orders.recv() => match order {
                    // Who has given up believes that it was not run.
                    Some(Order::Run(reply)) if reply.is_closed() => {}
                    Some(Order::Run(reply)) => {
                        let report = self.run_once().await;
                        // Who asked may be gone.
                        let _ = reply.send(Ok(report));
                    }
                    Some(Order::Change(configured, phase)) => {
                        self.trial.change(configured);
                        // In the same phase, what was due stays due.
                        if std::mem::replace(&mut self.phase, phase) != phase {
                            self.due = phase.next(Instant::now());
                        }
                    }
                    None => return,
                },
                // Before what may never have an end: what is sent without a pause.
                () = sleep_until(self.due), if is_enabled => {
                    drop(self.run_once().await);
                    self.due = self.phase.next_after(self.due, Instant::now());
                }
                never = self.trial.check.wait(), if is_enabled => match never {},
            }
        }
    }

    async fn run_once(&mut self) -> Rc<Report> {
        let report = self.trial.run().await.report;
        self.hand_over(report).await
    }

    async fn hand_over(&mut self, mut report: Report) -> Rc<Report> {
        if !report.is_available {
            report.values.retain(|(metric, _)| metric.is_availability);
        }
        let report = Rc::new(report);
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
    known: Known,
}

/// What came of a run.
pub struct Ran {
    pub report: Report,
    /// What the values were made of.
    pub raw: Vec<(String, String)>,
}

impl Trial {
    /// Opens the check. It has not read anything yet.
    pub fn of(configured: Rc<Configured>, roots: &Roots) -> Self {
        let check = configured.open(roots);
        let (id, known) = (Rc::from(&*configured.id), Known::of(&configured));
        Self { configured, check, id, known }
    }

    /// Where the check takes what others have measured.
    pub fn mailbox(&self) -> Option<Rc<dyn Mailbox>> {
        self.check.mailbox()
    }

    fn change(&mut self, configured: Rc<Configured>) {
        if self.configured.publish != configured.publish {
            // Their names in CloudWatch may be others.
            self.known = Known::of(&configured);
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
        self.ran(start, found)
    }

    /// What came since the last run, as the agent ends.
    fn last(&mut self) -> Option<Report> {
        let start = Instant::now();
        let found = self.check.last()?;
        Some(self.ran(start, Ok(found)).report)
    }

    fn ran(&mut self, start: Instant, found: Result<Findings, String>) -> Ran {
        let at = Instant::now();
        let is_available = found.as_ref().is_ok_and(|found| !found.is_unavailable);
        let (found, status) = match found {
            Ok(mut found) => {
                let status = found.status.take().unwrap_or_else(|| SUCCESS.to_owned());
                (found, status)
            }
            Err(why) => (Findings::default(), why),
        };
        let Findings { values, mut absent, raw, time, .. } = found;
        let time = time.unwrap_or_else(SystemTime::now);
        let mut reported = Vec::with_capacity(values.len() + 1);
        for value in values {
            match value.quantity {
                Quantity::Number(number) if !number.is_finite() => {
                    absent.extend(self.declared(&value).map(|name| (name, NO_NUMBER.to_owned())));
                }
                _ => {
                    let metric = self.known.metric(&self.configured, &value);
                    reported.push((metric, value.quantity));
                }
            }
        }
        if let Some(metric) = self.known.availability() {
            reported.push((metric, Quantity::Number(f64::from(u8::from(is_available)))));
        }
        self.known.end_run();
        // A host may be given as `user:password@host`, and errors name it.
        let status = cut_status(without_passwords(&status).into_owned());
        for (_, reason) in &mut absent {
            *reason = cut_status(without_passwords(reason).into_owned());
        }
        let (check, took) = (self.id.clone(), start.elapsed());
        let period = self.configured.period;
        let report = Report {
            check,
            time,
            at,
            period,
            took,
            is_available,
            status,
            absent,
            values: reported,
        };
        Ran { report, raw }
    }

    fn declared(&self, value: &Finding) -> Option<&'static str> {
        self.configured.kind.metric(&value.name).map(|declared| declared.name)
    }
}

/// Why a value that is infinite or not a number is left out.
const NO_NUMBER: &str = "the value is not a finite number";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Publication;
    use crate::schedule::tests::{FINDING, finding, found};

    /// Name, name in CloudWatch and value of all, of a check that publishes so.
    async fn published(publish: Publication) -> Vec<(String, Option<String>, f64)> {
        let finds = |_: u32| {
            let available = Finding { dimensions: Vec::new(), ..found("available", "") };
            // The names that the type gives to its own.
            let of_type = ["FindingRuns", "FindingAvailable"];
            let of_type = of_type.map(|name| Finding { dimensions: Vec::new(), ..found(name, "") });
            let number = |number| Quantity::Number(number);
            let runs = Finding {
                discovered: None,
                quantity: number(7.0),
                dimensions: Vec::new(),
                ..found("runs", "")
            };
            let available = Finding { quantity: number(5.0), ..available };
            [available, runs].into_iter().chain(of_type).collect()
        };
        let check = Configured { publish, ..finding(finds) };
        let report = Trial::of(Rc::new(check), &Roots::default()).run().await.report;
        let brief = |(metric, value): (Rc<crate::model::Metric>, Quantity)| {
            assert!(metric.published.is_none() || metric.refused.is_none());
            let published = metric.published.as_deref().map(str::to_owned);
            (metric.name.to_string(), published, value.number().expect("a number"))
        };
        report.values.into_iter().map(brief).collect()
    }

    #[tokio::test]
    async fn what_a_check_calls_as_the_agent_calls_its_own_is_never_mixed_with_that() {
        let one = |name: &str, published: Option<&str>, value| {
            (name.to_owned(), published.map(str::to_owned), value)
        };
        let own = one("runs", Some("FindingRuns"), 7.0);
        let expected = [
            one("available", None, 5.0),
            own.clone(),
            one("FindingRuns", None, 1.0),
            one("FindingAvailable", Some("FindingAvailable"), 1.0),
        ];
        assert_eq!(published(Publication::All).await, expected);
        let names = ["available", "runs", "FindingAvailable"];
        let names = names.map(|name| (name.to_owned(), FINDING.published_name(name)));
        let expected = [
            one("available", None, 5.0),
            own,
            one("FindingRuns", None, 1.0),
            one("FindingAvailable", None, 1.0),
            one("available", Some("FindingAvailable"), 1.0),
        ];
        assert_eq!(published(Publication::Some(names.into())).await, expected);
    }

    #[tokio::test]
    async fn names_that_are_the_same_in_cloudwatch_are_published_once_and_the_others_say_why() {
        let finds = |_: u32| {
            let names = [("a", "é"), ("a", "è"), ("b", "x"), ("ö", "y"), ("ä", "y"), ("c", " ")];
            names.map(|(name, process)| found(name, process)).into()
        };
        let mut trial = Trial::of(Rc::new(finding(finds)), &Roots::default());
        for _ in 0..3 {
            let report = trial.run().await.report;
            let fit = report.values.iter().map(|(metric, _)| {
                let of = metric.dimensions.last().map(|(_, value)| &**value);
                (metric.published.as_deref(), of.unwrap_or_default(), metric.refused.is_some())
            });
            let expected = [
                (Some("a"), "_", false),
                (None, "_", true),
                (Some("b"), "x", false),
                (Some("_"), "y", false),
                (None, "y", true),
                (None, " ", true),
            ];
            assert_eq!(fit.collect::<Vec<_>>(), expected);
        }
    }

    #[tokio::test]
    async fn a_check_that_finds_others_in_each_run_needs_no_more_memory_in_time() {
        let finds = |run: u32| vec![found(&format!("job{run}"), "a"), found("lasting", "a")];
        let mut trial = Trial::of(Rc::new(finding(finds)), &Roots::default());
        let mut last = None;
        for run in 0..1000 {
            let ran = trial.run().await;
            let lasting = ran.report.values[1].0.clone();
            assert!(last.is_none_or(|last| Rc::ptr_eq(&last, &lasting)));
            last = Some(lasting);
            assert!(trial.known.len() < 10, "{} after {run} runs", trial.known.len());
        }
    }
}
