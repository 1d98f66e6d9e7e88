//! What would be published: every metric with every set of dimensions and every container.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::Serialize;
use tokio::sync::mpsc::{Receiver, channel};

use super::{NO_FIGURES, Text, as_map};
use crate::collector::sink::HandOut;
use crate::config::{Dimension, Publish, Settings};
use crate::delivery::choice::Choice;
use crate::model::{Datum, Metric, Number, ReadError, Statistic, Summary, Value};
use crate::publisher::names::{name, unit};
use crate::publisher::otlp;

/// A metric as it would be sent.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    pub name: String,
    pub unit: Cow<'static, str>,
    /// `median`, `maximum`, `values`, `last`, `growth` or `set` (minimum, maximum, sum and count).
    pub statistic: &'static str,
    #[serde(serialize_with = "as_map")]
    pub dimensions: Vec<(Text, Text)>,
    /// What it is now; nothing for all values of a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// A number that was asked for and has no value.
#[derive(Debug, Serialize)]
pub struct Unavailable {
    pub name: &'static str,
    /// That it is of, if it is not of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Text>,
    pub reason: Text,
}

/// Where the summary of the one window goes.
pub fn hand_out() -> (Receiver<Rc<Summary>>, HandOut) {
    let (sender, summary) = channel(1);
    (summary, HandOut::to(vec![sender]))
}

/// The summary of the one window, without an entry where nothing could be measured.
pub fn summary(mut summary: Receiver<Rc<Summary>>) -> Rc<Summary> {
    let (start, end) = (UNIX_EPOCH, UNIX_EPOCH);
    let empty = Summary { start, end, entries: Vec::new(), measured: Rc::default() };
    summary.try_recv().unwrap_or_else(|_| Rc::new(empty))
}

/// All that would be sent of a summary.
pub fn all(settings: &Settings, summary: &Summary) -> Vec<Published> {
    if settings.publishing.publishers == [Publish::Otlp] {
        return by_otlp(settings, summary);
    }
    let sets = settings.identity.dimension_sets();
    let data = Choice::of(settings).data(summary, sets.len());
    data.into_iter().map(|datum| Published::of(&sets[datum.set], summary, datum)).collect()
}

/// The same by OTLP alone, which has names and units of its own.
fn by_otlp(settings: &Settings, summary: &Summary) -> Vec<Published> {
    let labels = otlp::labels(settings);
    let all = settings.identity.dimensions.iter().filter(|of| labels.contains(&of.name));
    let all: Vec<_> = all.collect();
    let choice = Choice { with_values: true, ..Choice::of(settings) };
    let shown = |datum: Datum| {
        let metric = &datum.entry(summary).metric;
        let (unit, factor) = otlp::names::unit(metric);
        let published = Published::of(&all, summary, datum);
        Published {
            name: otlp::names::name(metric, datum.statistic),
            unit: unit.into_owned().into(),
            value: published.value.map(|value| value * factor),
            ..published
        }
    };
    let (data, mut all) = (choice.data(summary, 1), Vec::new());
    for (at, datum) in data.iter().enumerate() {
        all.push(shown(*datum));
        let metric = &datum.entry(summary).metric;
        let is_sampled = metric.number().is_some_and(Number::has_distribution);
        let is_last = data.get(at + 1).is_none_or(|next| next.entry != datum.entry);
        // Each of many points has this name; there are none in a look of some seconds.
        if settings.publishing.otlp.sample_points && is_sampled && is_last {
            let name = otlp::names::name(metric, Statistic::Sample(0));
            all.push(Published { name, statistic: "sample", value: None, ..shown(*datum) });
        }
    }
    all
}

/// The numbers of the whole that were asked for and would not be sent, each with the reason.
pub fn unavailable(
    settings: &Settings,
    summary: &Summary,
    reason: impl Fn(Number) -> String,
) -> Vec<Unavailable> {
    let data = Choice::of(settings).data(summary, 1);
    let is_absent = |number: &Number| {
        let of_whole = data.iter().map(|datum| &datum.entry(summary).metric);
        let mut of_whole = of_whole.filter(|metric| metric.container().is_none());
        !of_whole.any(|metric| metric.number() == Some(*number))
    };
    let absent = settings.measuring.metrics.iter().filter(is_absent);
    let reason = |number| Text::from(&*reason(number));
    let unavailable = |number: Number| Unavailable {
        name: number.published(),
        container: None,
        reason: reason(number),
    };
    absent.map(unavailable).collect()
}

/// The same of the containers that run: of each number the failure, if it was one.
pub fn unavailable_of_containers(
    settings: &Settings,
    summary: &Summary,
    running: &[(Arc<str>, Number, Option<ReadError>)],
) -> Vec<Unavailable> {
    let data = Choice::of(settings).data(summary, 1);
    let is_absent = |name: &str, number: Number| {
        let mut metrics = data.iter().map(|datum| &datum.entry(summary).metric);
        let is_it = |container: &Rc<str>| **container == *name;
        !metrics.any(|of| of.number() == Some(number) && of.container().is_some_and(is_it))
    };
    let mut unavailable = Vec::new();
    for (name, number, failure) in running {
        if settings.measuring.metrics.contains(*number) && is_absent(name, *number) {
            // CPU has a value after two readings, and memory would have one after the first.
            let was_read = summary.of(Number::Cpu, Some(name)).is_some();
            let reason = match failure {
                Some(failure) => failure.to_string(),
                None if was_read => NOT_AMONG_STATISTICS.to_owned(),
                None => NO_FIGURES.to_owned(),
            };
            let (name, container) = (number.published(), Some(Text::from(&**name)));
            unavailable.push(Unavailable { name, container, reason: Text::from(&*reason) });
        }
    }
    unavailable
}

impl Published {
    /// A metric of a check, with its value if there is one.
    pub fn of_check(set: &[&Dimension], metric: &Metric, value: Option<f64>) -> Self {
        Self {
            name: name(metric, Statistic::Set).to_owned(),
            unit: unit(metric.published_unit()).into(),
            statistic: "set",
            dimensions: dimensions(set, metric),
            value,
        }
    }

    fn of(set: &[&Dimension], summary: &Summary, datum: Datum) -> Self {
        let metric = &datum.entry(summary).metric;
        Self {
            name: name(metric, datum.statistic).to_owned(),
            unit: unit(metric.published_unit()).into(),
            statistic: match datum.statistic {
                Statistic::Median => "median",
                Statistic::Maximum => "maximum",
                Statistic::Values => "values",
                Statistic::Last => "last",
                Statistic::Growth => "growth",
                Statistic::Set => "set",
                Statistic::Spread => "values",
                Statistic::Sample(_) => "sample",
            },
            dimensions: dimensions(set, metric),
            value: match datum.value(summary) {
                Value::One(value) => Some(value),
                Value::Set(range) => Some(range.sum / range.count as f64),
                Value::Many(_) | Value::Spread(_) => None,
            },
        }
    }
}

/// Those of all metrics, and its own.
fn dimensions(set: &[&Dimension], metric: &Metric) -> Vec<(Text, Text)> {
    let of_all = set.iter().map(|d| (&*d.name, &*d.value));
    let own = metric.dimensions.iter().map(|(name, value)| (&**name, &**value));
    of_all.chain(own).map(|(name, value)| (Text::from(name), Text::from(value))).collect()
}

/// The kernel may count no memory, and then the endpoint does not tell it.
const NOT_AMONG_STATISTICS: &str = "the statistics of the container do not have it";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Numbers;
    use crate::model::tests::{entry, sampled};
    use crate::publisher::cloudwatch::tests::settings;

    /// Name, container and reason of what is unavailable of these containers.
    fn unavailable(
        settings: &Settings,
        running: &[(&str, Number, Option<ReadError>)],
    ) -> Vec<String> {
        // There is memory of `app`, all of `web`, and CPU of `pi`.
        let of = |number, container| entry(number, Some(container), sampled(1, 1.0, 2.0));
        let whole = entry(Number::Cpu, None, sampled(1, 1.0, 2.0));
        let measured = [
            of(Number::Memory, "app"),
            of(Number::Cpu, "web"),
            of(Number::Memory, "web"),
            of(Number::Cpu, "pi"),
        ];
        let entries = std::iter::once(whole).chain(measured).collect();
        let running: Vec<_> = running
            .iter()
            .map(|(name, number, failure)| (Arc::from(*name), *number, failure.clone()))
            .collect();
        let all =
            unavailable_of_containers(settings, &crate::model::tests::summary(entries), &running);
        let brief = |of: Unavailable| {
            format!("{} of {}: {}", of.name, of.container.expect("its name"), of.reason)
        };
        all.into_iter().map(brief).collect()
    }

    #[test]
    fn what_a_container_has_no_value_of_is_listed_with_the_reason() {
        let mut settings = settings(60, &[]);
        let (cpu, memory) = (Number::Cpu, Number::Memory);
        let missing = || Some(ReadError::Missing("/task".into()));
        let running = [
            // One that has had a single reading, one that is complete, though a later reading failed,
            // one without any.
            ("app", cpu, None),
            ("app", memory, None),
            ("web", cpu, missing()),
            ("web", memory, None),
            ("job", cpu, None),
            ("job", memory, missing()),
            ("pi", cpu, None),
            ("pi", memory, None),
        ];
        assert_eq!(
            unavailable(&settings, &running),
            [
                "CPUUtilization of app: not measured yet",
                "CPUUtilization of job: not measured yet",
                "MemoryUtilization of job: /task not found",
                "MemoryUtilization of pi: the statistics of the container do not have it",
            ]
        );
        settings.measuring.metrics = Numbers::of(&[memory]);
        let only = unavailable(&settings, &running);
        assert!(only.iter().all(|of| of.starts_with("Memory")), "what was not asked for: {only:?}");
        assert_eq!(only.len(), 2, "{only:?}");
        assert_eq!(unavailable(&settings, &[]), [""; 0], "without --per-container");
    }
}
