//! Estimates what a configuration will cost at CloudWatch.

mod prices;

use std::fmt;
use std::rc::Rc;

use serde::Serialize;

use self::prices::{CALL, LOG_GIGABYTE, METRIC_MONTH, SOURCE};
use crate::collector::sink::Sink;
use crate::config::{Publish, Settings, ValueForm};
use crate::delivery::choice::Choice;
use crate::logging::COST;
use crate::model::{Number, Summary, ValueCount};
use crate::publisher::emf;

/// What one agent makes in a month in which it runs all the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Each name with each set of dimensions, of the whole and of each container.
    pub metrics: usize,
    pub calls: f64,
    pub log_bytes: f64,
}

impl Cost {
    /// What it costs to publish windows like this one with so many sets of dimensions. Publishers that
    /// send the same metrics make them once.
    pub fn of(settings: &Settings, summary: &Summary, sets: usize) -> Self {
        let publishing = &settings.publishing;
        Self::with(settings, summary, sets, &publishing.publishers, publishing.form)
    }

    /// The same with other publishers, or another form.
    fn with(
        settings: &Settings,
        summary: &Summary,
        sets: usize,
        publishers: &[Publish],
        form: ValueForm,
    ) -> Self {
        let to = |publish| publishers.contains(&publish);
        let (by_calls, by_log) = (to(Publish::CloudWatch), to(Publish::Emf));
        let choice = Choice { form, ..Choice::of(settings) };
        let whole = whole_window(settings, summary, form);
        let data = choice.data(&whole, 1);
        let names = data.len();
        let windows = MONTH_SECONDS / settings.measuring.period.as_secs_f64();
        Self {
            metrics: if by_calls || by_log { names * sets } else { 0 },
            // Without a metric nothing is sent.
            calls: if by_calls && names > 0 { windows } else { 0.0 },
            log_bytes: if by_log {
                windows * emf::log_bytes(settings, &whole, &data) as f64
            } else {
                0.0
            },
        }
    }

    /// US dollars a month at list price, for so many agents, each with metrics of its own.
    pub fn dollars(self, agents: f64) -> f64 {
        let calls = CALL * self.calls;
        let logs = LOG_GIGABYTE * self.log_bytes / 1e9;
        metric_dollars(self.metrics as f64 * agents) + agents * (calls + logs)
    }
}

/// The tiers, one after the other.
fn metric_dollars(metrics: f64) -> f64 {
    let mut dollars = 0.0;
    let mut from = 0.0;
    for (to, price) in METRIC_MONTH {
        dollars += (metrics.min(to) - from).max(0.0) * price;
        from = to;
    }
    dollars
}

/// The window as it would be with all of its samples, if all of its values are sent: it may have been
/// shorter, and it has no values where they are not sent. Each value is taken for another, so that this
/// is the most that they can be.
fn whole_window(settings: &Settings, summary: &Summary, form: ValueForm) -> Summary {
    let mut whole = summary.clone();
    if form == ValueForm::Distribution {
        let samples = settings.measuring.samples_per_window();
        let different = samples.min(10_001);
        let count = |place| samples / different + usize::from(place < samples % different);
        let value = |place| ValueCount { hundredths: place as u16, count: count(place) as u32 };
        for entry in &mut whole.entries {
            if entry.metric.number().is_some_and(Number::is_sampled) {
                entry.statistics.values = (0..different).map(value).collect();
            }
        }
    }
    whole
}

/// What it costs, and the same with other settings.
#[derive(Debug, Serialize)]
pub struct Comparison {
    dollars_a_month: f64,
    metrics: usize,
    calls_a_month: f64,
    log_bytes_a_month: f64,
    alternatives: Vec<Alternative>,
    /// What prices these are.
    source: &'static str,
}

/// Other options, and what it would cost with them.
#[derive(Debug, Serialize)]
struct Alternative {
    options: &'static str,
    dollars_a_month: f64,
}

impl Comparison {
    pub fn of(settings: &Settings, summary: &Summary, sets: usize) -> Self {
        let publishing = &settings.publishing;
        let all = [
            (Publish::CloudWatch, ValueForm::MedianMax, "--statistics median-max"),
            (Publish::CloudWatch, ValueForm::Distribution, "--statistics distribution"),
            (Publish::Emf, ValueForm::MedianMax, "--publish emf"),
            (Publish::Emf, ValueForm::Distribution, "--publish emf --statistics distribution"),
        ];
        let others = all.into_iter().filter(|(publish, form, _)| {
            publishing.publishers != [*publish] || publishing.form != *form
        });
        let alternatives = others.map(|(publish, form, options)| {
            let cost = Cost::with(settings, summary, sets, &[publish], form);
            Alternative { options, dollars_a_month: cost.dollars(1.0) }
        });
        let chosen = Cost::of(settings, summary, sets);
        Self {
            dollars_a_month: chosen.dollars(1.0),
            metrics: chosen.metrics,
            calls_a_month: chosen.calls,
            log_bytes_a_month: chosen.log_bytes,
            alternatives: alternatives.collect(),
            source: SOURCE,
        }
    }
}

/// Says in the log what it costs, with the second window: the first one may have begun too late to have
/// a value of everything.
pub struct SayCost {
    settings: Settings,
    windows: u32,
}

impl SayCost {
    pub fn of(settings: &Settings) -> Self {
        Self { settings: settings.clone(), windows: 0 }
    }
}

impl Sink for SayCost {
    fn summary(&mut self, summary: &Rc<Summary>) {
        self.windows = self.windows.saturating_add(1);
        if self.windows == 2 {
            let sets = self.settings.identity.set_count();
            log::info!(target: COST, "cost: {}", Comparison::of(&self.settings, summary, sets));
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, metrics) = (self.dollars_a_month, self.metrics);
        let (calls, log_bytes) = (self.calls_a_month, self.log_bytes_a_month);
        write!(f, "about ${dollars:.2} a month: {metrics} metrics")?;
        if calls > 0.0 {
            write!(f, ", {calls:.0} PutMetricData calls")?;
        }
        if log_bytes > 0.0 {
            write!(f, ", {:.1} MB of logs", log_bytes / 1e6)?;
        }
        write!(f, " ({SOURCE}); it would be")?;
        for (place, other) in self.alternatives.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma} ${:.2} with {}", other.dollars_a_month, other.options)?;
        }
        Ok(())
    }
}

/// A month as AWS reckons it: 730 hours.
const MONTH_SECONDS: f64 = 730.0 * 3600.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{entry, sampled, summary};
    use crate::publisher::cloudwatch::tests::settings;

    /// What CPU and memory of the whole cost.
    fn of(settings: &Settings) -> Cost {
        Cost::of(settings, &window(), settings.identity.set_count())
    }

    fn window() -> Summary {
        let of = |number| entry(number, None, sampled(67, 1.0, 2.0));
        summary([Number::Cpu, Number::Memory].map(of).into())
    }

    fn cents(dollars: f64) -> i64 {
        (dollars * 100.0).round() as i64
    }

    #[test]
    fn four_metrics_a_minute_are_metrics_and_calls() {
        let cost = of(&settings(60, &[]));
        assert_eq!((cost.metrics, cost.calls, cost.log_bytes), (4, 43_800.0, 0.0));
        assert_eq!(cents(cost.dollars(1.0)), 120 + 44);
    }

    #[test]
    fn a_distribution_is_half_of_the_metrics() {
        let mut settings = settings(60, &[]);
        settings.publishing.form = ValueForm::Distribution;
        assert_eq!(cents(of(&settings).dollars(1.0)), 60 + 44);
    }

    #[test]
    fn logs_cost_by_their_size_and_metrics_that_go_both_ways_are_there_once() {
        let mut emf = settings(60, &[]);
        emf.publishing.publishers = vec![Publish::Emf];
        let cost = of(&emf);
        assert_eq!((cost.metrics, cost.calls), (4, 0.0));
        assert!((20e6..30e6).contains(&cost.log_bytes), "{cost:?}");
        assert_eq!(cents(cost.dollars(1.0)), 120 + 1);
        let mut both = emf;
        both.publishing.publishers.push(Publish::CloudWatch);
        assert_eq!(of(&both).metrics, 4);
    }

    #[test]
    fn the_lines_of_each_container_are_paid_for() {
        let of = |container| entry(Number::Cpu, container, sampled(67, 1.0, 2.0));
        for form in [ValueForm::MedianMax, ValueForm::Distribution] {
            let mut emf = settings(60, &[]);
            emf.publishing.publishers = vec![Publish::Emf];
            emf.publishing.form = form;
            let bytes = |entries: Vec<_>| Cost::of(&emf, &summary(entries), 1).log_bytes / 43_800.0;
            let one = bytes(vec![of(None)]);
            let three = bytes(vec![of(None), of(Some("app")), of(Some("web"))]);
            // A line of a container names one dimension more, twice and with its value.
            let dimension = 2.0 * "\"ContainerName\",".len() as f64 + "\"app\",".len() as f64;
            assert_eq!(three, 3.0 * one + 2.0 * dimension, "{form:?}");
        }
    }

    #[test]
    fn the_console_costs_nothing() {
        let mut console = settings(60, &[]);
        console.publishing.publishers = vec![Publish::Console];
        assert_eq!(of(&console).dollars(1.0), 0.0);
    }

    #[test]
    fn each_set_of_dimensions_makes_metrics_of_its_own() {
        let mut settings = settings(60, &[("Stage", "prod")]);
        settings.identity.sets = vec![vec!["ServiceName".into()], vec!["Stage".into()]];
        assert_eq!(of(&settings).metrics, 8);
    }

    #[test]
    fn what_is_measured_of_containers_is_paid_for_and_what_has_no_value_is_not() {
        let of = |container| entry(Number::Cpu, container, sampled(67, 1.0, 2.0));
        let window = summary(vec![of(None), of(Some("app")), of(Some("web"))]);
        let mut settings = settings(60, &[]);
        settings.measuring.metrics = crate::model::Numbers::of(Number::ALL);
        assert_eq!(Cost::of(&settings, &window, 2).metrics, 12);
    }

    #[test]
    fn many_metrics_are_cheaper() {
        let cost = Cost { metrics: 4, calls: 0.0, log_bytes: 0.0 };
        assert_eq!(cents(cost.dollars(100.0)), 100 * 120);
        // 10,000 at 0.30 and 30,000 at 0.10.
        assert_eq!(cents(cost.dollars(10_000.0)), 300_000 + 300_000);
    }

    #[test]
    fn it_is_said_beside_the_alternatives() {
        let text = Comparison::of(&settings(60, &[]), &window(), 1).to_string();
        assert_eq!(
            text,
            "about $1.64 a month: 4 metrics, 43800 PutMetricData calls (list price of us-east-1, \
             September 2026); it would be $1.04 with --statistics distribution, $1.21 with \
             --publish emf, $0.62 with --publish emf --statistics distribution"
        );
    }
}
