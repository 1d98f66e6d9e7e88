//! The newest value of each metric. It is kept only where there is an API.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::news::News;
use crate::collector::series::{Table, a_second};
use crate::model::{
    Kind, Measured, Metric, PUSHED, Quantity, Report, Series, UTILIZATION, Unavailable,
};

/// The newest values of all checks.
#[derive(Debug, Default)]
pub struct Latest {
    checks: BTreeMap<Rc<str>, Outcome>,
    /// What was handed to checks, as it was handed in.
    pushed: BTreeMap<String, BTreeMap<String, Newest>>,
    /// What is sampled, at the place of its series.
    sampled: Vec<Option<Newest>>,
    /// When the newest sample was taken.
    pub sampled_at: Option<Instant>,
    /// How many samples and windows there were.
    pub samples: u64,
    pub windows: u64,
    /// What the samples are of.
    pub measured: Rc<Measured>,
    /// What was asked for of the samples and is not measured.
    pub unavailable: Rc<[Unavailable]>,
    /// The same as it comes.
    pub news: News,
}

/// The result of the newest run of a check, and the values of the newest one that gave any.
#[derive(Debug)]
pub struct Outcome {
    pub time: SystemTime,
    pub took: Duration,
    pub is_available: bool,
    /// The time of the first run of those that ended like this one, without another between them.
    pub since: SystemTime,
    values: BTreeMap<String, Newest>,
}

/// The newest value of a metric.
#[derive(Clone, Debug)]
pub struct Newest {
    pub metric: Rc<Metric>,
    pub quantity: Quantity,
    pub time: SystemTime,
    pub at: Instant,
    /// How much a counter has grown in a second; nothing where that is not known.
    pub rate: Option<f64>,
    before: Option<(Instant, f64)>,
}

impl Latest {
    /// The outcome of a check, if it has run.
    pub fn outcome(&self, check: &str) -> Option<&Outcome> {
        self.checks.get(check)
    }

    /// The values of a check, by the whole names of the metrics.
    pub fn values(&self, check: &str) -> BTreeMap<String, Newest> {
        let mut values =
            self.checks.get(check).map(|outcome| outcome.values.clone()).unwrap_or_default();
        if check == UTILIZATION {
            // Of a container that has ended nothing comes any more.
            let sampled = self.sampled.iter().flatten().filter(|newest| newest.is_known());
            values.extend(sampled.map(|newest| (newest.metric.full_name(), newest.clone())));
        }
        let pushed = self.pushed.get(check).into_iter().flatten();
        let pushed = pushed.filter(|(_, newest)| newest.is_known());
        values.extend(pushed.map(|(name, newest)| (name.clone(), newest.clone())));
        values
    }

    /// The whole names of the metrics of a check that have values, in any order. With many metrics this takes a
    /// fraction of the time that [`values`](Self::values) takes.
    pub fn names(&self, check: &str) -> Vec<String> {
        let values = self.checks.get(check).map(|outcome| &outcome.values);
        let mut names: Vec<_> = values.into_iter().flat_map(BTreeMap::keys).cloned().collect();
        let is_other = |name: &str| values.is_none_or(|values| !values.contains_key(name));
        if check == UTILIZATION {
            let sampled = self.sampled.iter().flatten().filter(|newest| newest.is_known());
            let sampled = sampled.map(|newest| newest.metric.full_name());
            names.extend(sampled.filter(|name| is_other(name)));
        }
        let pushed = self.pushed.get(check).into_iter().flatten();
        let pushed = pushed.filter(|(name, newest)| newest.is_known() && is_other(name));
        names.extend(pushed.map(|(name, _)| name.clone()));
        names
    }

    /// The value of one metric of a check.
    pub fn value(&self, check: &str, name: &str) -> Option<Newest> {
        let pushed = self.pushed.get(check).and_then(|values| values.get(name));
        if let Some(pushed) = pushed.filter(|newest| newest.is_known()) {
            return Some(pushed.clone());
        }
        if check == UTILIZATION {
            let mut sampled = self.sampled.iter().flatten().filter(|newest| newest.is_known());
            if let Some(found) = sampled.find(|newest| newest.metric.full_name() == name) {
                return Some(found.clone());
            }
        }
        self.checks.get(check)?.values.get(name).cloned()
    }

    /// Takes a value that was handed to a check, where it is newer than the one that is known.
    /// `now` is the same instant on both clocks.
    pub fn push(
        &mut self,
        metric: &Rc<Metric>,
        value: f64,
        time: SystemTime,
        now: (SystemTime, Instant),
    ) {
        let age = now.0.duration_since(time).unwrap_or_default();
        let at = now.1.checked_sub(age).unwrap_or(now.1);
        let of_check = self.pushed.entry(metric.check.clone().into_owned()).or_default();
        let name = metric.full_name();
        let known = of_check.get(&name).filter(|known| known.metric.kind == metric.kind);
        if known.is_some_and(|known| known.time > time) {
            return;
        }
        if known.is_none() && of_check.len() >= MOST_PUSHED {
            return;
        }
        let mut before = known.and_then(|known| known.before);
        let before_it = known.and_then(|known| known.rate);
        let rate = match metric.kind {
            // Over no time it stays what it was.
            Kind::Counter => a_second(&mut before, at, value).or(before_it),
            _ => None,
        };
        let (metric, quantity) = (metric.clone(), Quantity::Number(value));
        of_check.insert(name, Newest { metric, quantity, time, at, rate, before });
    }

    /// Drops the values whose `CHECK/METRIC` is meant, and says how many there were.
    pub fn drop_values(&mut self, is_meant: impl Fn(&str) -> bool) -> usize {
        let is_of = |check: &str, name: &str| is_meant(&format!("{check}/{name}"));
        let mut names = BTreeSet::new();
        for place in &mut self.sampled {
            let name = place.as_ref().map(|newest| newest.metric.full_name());
            if let Some(name) = name.filter(|name| is_of(UTILIZATION, name)) {
                *place = None;
                names.insert((UTILIZATION.to_owned(), name));
            }
        }
        let of_checks = self.checks.iter_mut().map(|(id, of)| (&**id, &mut of.values));
        let pushed = self.pushed.iter_mut().map(|(id, values)| (&**id, values));
        for (id, values) in of_checks.chain(pushed) {
            values.retain(|name, _| {
                let stays = !is_of(id, name);
                if !stays {
                    names.insert((id.to_owned(), name.clone()));
                }
                stays
            });
        }
        names.len()
    }

    /// Forgets the checks that are no more.
    pub fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.checks.retain(|check, _| is_kept(check));
        self.pushed.retain(|check, _| is_kept(check));
    }

    pub(super) fn report(&mut self, report: &Report) {
        self.news.report(report);
        let known = self.checks.remove(&report.check);
        let same = known.as_ref().filter(|known| known.is_available == report.is_available);
        let since = same.map_or(report.time, |same| same.since);
        let mut before = known.map(|outcome| outcome.values).unwrap_or_default();
        let mut values = BTreeMap::new();
        if let Some(pushed) = self.pushed.get_mut(&*report.check) {
            pushed.retain(|_, newest| newest.is_known());
        }
        // What was handed in is there already, each value by itself.
        let own = report.values.iter().filter(|(metric, _)| metric.form != PUSHED);
        for (metric, quantity) in own {
            let name = metric.full_name();
            let known = before.remove(&name).filter(|known| known.metric.kind == metric.kind);
            // A check that was opened anew has other metrics, and may count something else.
            let is_same =
                |known: &Newest| Rc::ptr_eq(&known.metric, metric) || *report.check == *UTILIZATION;
            let mut earlier = known.filter(is_same).and_then(|known| known.before);
            let rate = match quantity.number() {
                Some(total) if metric.kind == Kind::Counter => {
                    a_second(&mut earlier, report.at, total)
                }
                _ => None,
            };
            let (metric, quantity) = (metric.clone(), quantity.clone());
            let (time, at) = (report.time, report.at);
            values.insert(name, Newest { metric, quantity, time, at, rate, before: earlier });
        }
        if !report.is_available {
            // What it gave last is still the newest that is known, but for whether it is available.
            before.extend(values);
            values = before;
        }
        let Report { time, took, is_available, .. } = *report;
        let outcome = Outcome { time, took, is_available, since, values };
        self.checks.insert(report.check.clone(), outcome);
    }

    pub(super) fn sample(&mut self, time: SystemTime, values: &[(Series, f64)], table: &Table) {
        self.news.sample(time, values, table);
        let at = Instant::now();
        (self.sampled_at, self.samples) = (Some(at), self.samples + 1);
        for (series, value) in values {
            if self.sampled.len() <= series.0 {
                self.sampled.resize_with(series.0 + 1, || None);
            }
            let metric = table.metric(*series);
            let quantity = Quantity::Number(*value);
            match &mut self.sampled[series.0] {
                // As with all samples but the first few.
                Some(known) if Rc::ptr_eq(&known.metric, metric) => {
                    (known.quantity, known.time, known.at) = (quantity, time, at);
                }
                place => {
                    let (metric, rate, before) = (metric.clone(), None, None);
                    *place = Some(Newest { metric, quantity, time, at, rate, before });
                }
            }
        }
    }
}

impl Newest {
    /// Whether it is not of something that is no more.
    fn is_known(&self) -> bool {
        self.at.elapsed() < FORGOTTEN
    }
}

/// A value of one check that was sampled or handed in and is older is of something that is no more.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// Values that were handed to one check: as many as it may have series.
const MOST_PUSHED: usize = 20_000;

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::model::{Number, SUCCESS, Unit};

    /// A report of a check now.
    pub fn report(check: &str, values: &[(&Rc<Metric>, Quantity)]) -> Report {
        Report {
            check: check.into(),
            time: SystemTime::UNIX_EPOCH,
            at: Instant::now(),
            period: Duration::from_secs(60),
            took: Duration::from_millis(5),
            is_available: true,
            status: SUCCESS.to_owned(),
            absent: Vec::new(),
            values: values
                .iter()
                .map(|(metric, value)| ((*metric).clone(), value.clone()))
                .collect(),
        }
    }

    pub fn metric(check: &str, name: &str, kind: Kind) -> Rc<Metric> {
        let (check, name) = (check.to_owned().into(), name.to_owned().into());
        Rc::new(Metric { check, name, kind, unit: Unit::Bytes, ..Number::Cpu.of(None) })
    }

    fn number(value: f64) -> Quantity {
        Quantity::Number(value)
    }

    #[tokio::test(start_paused = true)]
    async fn a_counter_has_a_rate_that_is_never_negative() {
        let (mut latest, total) = (Latest::default(), metric("disk", "rx", Kind::Counter));
        let mut rates = Vec::new();
        for value in [100.0, 160.0, 160.0, 20.0] {
            latest.report(&report("disk", &[(&total, number(value))]));
            rates.push(latest.values("disk")["rx"].rate);
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert_eq!(rates, [None, Some(6.0), Some(0.0), Some(2.0)]);
        // The same name of a check that was opened anew.
        latest.report(&report("disk", &[(&metric("disk", "rx", Kind::Counter), number(90.0))]));
        assert_eq!(latest.values("disk")["rx"].rate, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_without_a_result_leaves_the_values_and_a_metric_that_is_gone_is_gone() {
        let mut latest = Latest::default();
        let [a, b] = ["a", "b"].map(|name| metric("x", name, Kind::Gauge));
        latest.report(&report("x", &[(&a, number(1.0)), (&b, Quantity::Text("on".into()))]));
        assert_eq!(latest.values("x")["b"].quantity, Quantity::Text("on".into()));
        let failed = Report { is_available: false, status: "no".into(), ..report("x", &[]) };
        latest.report(&failed);
        assert_eq!(latest.values("x").len(), 2);
        assert!(latest.outcome("x").is_some_and(|outcome| !outcome.is_available));
        latest.report(&report("x", &[(&a, number(2.0))]));
        assert_eq!(latest.values("x").keys().collect::<Vec<_>>(), ["a"]);
        let since = |latest: &Latest| latest.outcome("x").map(|outcome| outcome.since);
        let began = since(&latest);
        latest.report(&Report { time: SystemTime::now(), ..report("x", &[(&a, number(3.0))]) });
        assert_eq!(since(&latest), began, "the first of two that ended alike");
        latest.report(&Report { time: SystemTime::now(), ..failed });
        assert!(since(&latest) > began);
        latest.keep(|id| id != "x");
        assert!(latest.outcome("x").is_none() && latest.values("x").is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_is_sampled_has_its_name_in_front() {
        let mut table = Table::new(1, false);
        let whole = table.sampled(&Number::Cpu.of(None));
        let one = table.sampled(&Number::Memory.of(Some(&"web".into())));
        let mut latest = Latest::default();
        latest.sample(SystemTime::UNIX_EPOCH, &[(whole, 1.0), (one, 2.0)], &table);
        latest.sample(SystemTime::UNIX_EPOCH, &[(whole, 3.0)], &table);
        let values = latest.values(UTILIZATION);
        let values: Vec<_> = values.iter().map(|(name, of)| (&**name, &of.quantity)).collect();
        assert_eq!(values, [("cpu", &number(3.0)), ("web.memory", &number(2.0))]);
        assert_eq!(latest.samples, 2);
        tokio::time::advance(FORGOTTEN).await;
        latest.sample(SystemTime::UNIX_EPOCH, &[(whole, 4.0)], &table);
        assert_eq!(latest.values(UTILIZATION).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_handed_in_is_there_at_once_as_it_was_and_runs_do_not_change_it() {
        let mut latest = Latest::default();
        let own = |name, kind| Metric { form: PUSHED, ..(*metric("push", name, kind)).clone() };
        let (gauge, counter) = (Rc::new(own("g", Kind::Gauge)), Rc::new(own("c", Kind::Counter)));
        let start = SystemTime::now();
        let mut rates = Vec::new();
        for (now, ago, value) in [(0, 0, 100.0), (10, 0, 160.0), (20, 15, 1.0), (30, 0, 30.0)] {
            let now = start + Duration::from_secs(now);
            let (time, now) = (now - Duration::from_secs(ago), (now, Instant::now()));
            latest.push(&counter, value, time, now);
            latest.push(&gauge, value, time, now);
            let newest = latest.value("push", "c").expect("it was handed in");
            rates.push((newest.quantity.number(), newest.rate));
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        // The third one is older than the one that is there.
        let expected = [
            (Some(100.0), None),
            (Some(160.0), Some(6.0)),
            (Some(160.0), Some(6.0)),
            (Some(30.0), Some(1.5)),
        ];
        assert_eq!(rates, expected);
        let many = Rc::new(Metric { kind: Kind::Distribution, ..(*gauge).clone() });
        latest.report(&report("push", &[(&many, number(7.0))]));
        assert_eq!(latest.value("push", "g").map(|of| of.quantity), Some(number(30.0)));
        assert!(latest.outcome("push").is_some_and(|outcome| outcome.is_available));
        tokio::time::advance(FORGOTTEN).await;
        assert!(latest.values("push").is_empty() && latest.value("push", "g").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn values_are_dropped_by_check_and_metric_and_come_back_with_the_next_one() {
        let mut table = Table::new(1, false);
        let cpu = table.sampled(&Number::Cpu.of(None));
        let (mut latest, start) = (Latest::default(), SystemTime::UNIX_EPOCH);
        latest.sample(SystemTime::UNIX_EPOCH, &[(cpu, 1.0)], &table);
        let [a, b] = ["a", "b"].map(|name| metric("x", name, Kind::Gauge));
        latest.report(&report("x", &[(&a, number(1.0)), (&b, number(2.0))]));
        let pushed =
            Rc::new(Metric { form: PUSHED, ..(*metric("push", "a", Kind::Gauge)).clone() });
        latest.push(&pushed, 1.0, start, (start, Instant::now()));
        assert_eq!(latest.drop_values(|name| name.ends_with("/a")), 2);
        assert_eq!(latest.drop_values(|name| name.ends_with("/a")), 0);
        assert_eq!(latest.values("x").keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(latest.drop_values(|name| name == "utilization/cpu"), 1);
        assert!(latest.values(UTILIZATION).is_empty() && latest.values("push").is_empty());
        latest.sample(SystemTime::UNIX_EPOCH, &[(cpu, 3.0)], &table);
        latest.push(&pushed, 2.0, start, (start, Instant::now()));
        assert_eq!(latest.values(UTILIZATION)["cpu"].quantity, number(3.0));
        assert_eq!(latest.values("push")["a"].quantity, number(2.0));
    }
}
