//! What a configuration costs at CloudWatch, before it does.

mod prices;

use std::fmt;

use self::prices::{CALL, LOG_GIGABYTE, METRIC_MONTH, SOURCE};
use crate::config::{Publish, Publishing, Settings, ValueForm};
use crate::publisher::Choice;

/// What one agent makes in a month in which it runs all the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Each name with each set of dimensions. Containers that are measured by themselves are not
    /// among them, because nobody knows yet how many there are.
    pub metrics: usize,
    pub calls: f64,
    pub log_bytes: f64,
}

impl Cost {
    /// What the settings cost. Publishers that send the same metrics make them once.
    pub fn of(settings: &Settings) -> Self {
        let to = |publish| settings.publishing.publishers.contains(&publish);
        let (by_calls, by_log) = (to(Publish::CloudWatch), to(Publish::Emf));
        let names = Choice::new(settings).names().len();
        let windows = MONTH_SECONDS / settings.measuring.period.as_secs_f64();
        Self {
            metrics: if by_calls || by_log { names * settings.identity.set_count() } else { 0 },
            calls: if by_calls { windows } else { 0.0 },
            log_bytes: if by_log { windows * line_bytes(settings, names) } else { 0.0 },
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

/// About how long a line of Embedded Metric Format is, with what CloudWatch Logs adds to an event.
fn line_bytes(settings: &Settings, names: usize) -> f64 {
    let values = match settings.publishing.form {
        ValueForm::MedianMax => names,
        ValueForm::Distribution => names * settings.measuring.samples_per_window(),
    };
    let dimensions =
        settings.identity.dimensions.iter().map(|d| 2 * d.name.len() + d.value.len() + 8);
    let dimensions: usize = dimensions.sum();
    (LINE_BYTES + dimensions + NAME_BYTES * names + VALUE_BYTES * values) as f64
}

/// What it costs, and the same with other settings.
#[derive(Debug)]
pub struct Comparison {
    chosen: Cost,
    alternatives: Vec<(&'static str, Cost)>,
}

impl Comparison {
    pub fn of(settings: &Settings) -> Self {
        let with = |publish, form| {
            let publishing =
                Publishing { publishers: vec![publish], form, ..settings.publishing.clone() };
            Cost::of(&Settings { publishing, ..settings.clone() })
        };
        let all = [
            (Publish::CloudWatch, ValueForm::MedianMax, "--statistics median-max"),
            (Publish::CloudWatch, ValueForm::Distribution, "--statistics distribution"),
            (Publish::Emf, ValueForm::MedianMax, "--publish emf"),
            (Publish::Emf, ValueForm::Distribution, "--publish emf --statistics distribution"),
        ];
        let others = all.into_iter().filter(|(publish, statistics, _)| {
            settings.publishing.publishers != [*publish] || settings.publishing.form != *statistics
        });
        let alternatives =
            others.map(|(publish, statistics, name)| (name, with(publish, statistics)));
        Self { chosen: Cost::of(settings), alternatives: alternatives.collect() }
    }

    /// Says it in the log.
    pub fn say(&self) {
        log::info!("cost: {self}");
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { metrics, calls, log_bytes } = self.chosen;
        let dollars = self.chosen.dollars(1.0);
        write!(f, "about ${dollars:.2} a month: {metrics} metrics")?;
        if calls > 0.0 {
            write!(f, ", {calls:.0} calls of PutMetricData")?;
        }
        if log_bytes > 0.0 {
            write!(f, ", {:.1} MB of logs", log_bytes / 1e6)?;
        }
        write!(f, " ({SOURCE}); it would be")?;
        for (place, (name, cost)) in self.alternatives.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma} ${:.2} with {name}", cost.dollars(1.0))?;
        }
        Ok(())
    }
}

/// A month as AWS reckons it: 730 hours.
const MONTH_SECONDS: f64 = 730.0 * 3600.0;

/// An empty line, its timestamp and braces, and the 26 bytes that CloudWatch Logs adds to an event.
const LINE_BYTES: usize = 160;

/// A metric's definition and the name of its member.
const NAME_BYTES: usize = 80;

/// A number in JSON.
const VALUE_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::cloudwatch::tests::settings;

    fn cents(dollars: f64) -> i64 {
        (dollars * 100.0).round() as i64
    }

    #[test]
    fn four_metrics_a_minute_are_metrics_and_calls() {
        let cost = Cost::of(&settings(60, &[]));
        assert_eq!((cost.metrics, cost.calls, cost.log_bytes), (4, 43_800.0, 0.0));
        assert_eq!(cents(cost.dollars(1.0)), 120 + 44);
    }

    #[test]
    fn a_distribution_is_half_of_the_metrics() {
        let mut settings = settings(60, &[]);
        settings.publishing.form = ValueForm::Distribution;
        assert_eq!(cents(Cost::of(&settings).dollars(1.0)), 60 + 44);
    }

    #[test]
    fn logs_cost_by_their_size_and_metrics_that_go_both_ways_are_there_once() {
        let mut emf = settings(60, &[]);
        emf.publishing.publishers = vec![Publish::Emf];
        let cost = Cost::of(&emf);
        assert_eq!((cost.metrics, cost.calls), (4, 0.0));
        assert!((20e6..30e6).contains(&cost.log_bytes), "{cost:?}");
        assert_eq!(cents(cost.dollars(1.0)), 120 + 1);
        let mut both = emf;
        both.publishing.publishers.push(Publish::CloudWatch);
        assert_eq!(Cost::of(&both).metrics, 4);
    }

    #[test]
    fn the_console_costs_nothing() {
        let mut console = settings(60, &[]);
        console.publishing.publishers = vec![Publish::Console];
        assert_eq!(Cost::of(&console).dollars(1.0), 0.0);
    }

    #[test]
    fn each_set_of_dimensions_makes_metrics_of_its_own() {
        let mut settings = settings(60, &[("Stage", "prod")]);
        settings.identity.sets = vec![vec!["ServiceName".into()], vec!["Stage".into()]];
        assert_eq!(Cost::of(&settings).metrics, 8);
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
        let text = Comparison::of(&settings(60, &[])).to_string();
        assert_eq!(
            text,
            "about $1.64 a month: 4 metrics, 43800 calls of PutMetricData (list price of us-east-1, \
             September 2026); it would be $1.04 with --statistics distribution, $1.21 with \
             --publish emf, $0.63 with --publish emf --statistics distribution"
        );
    }
}
