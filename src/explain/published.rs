//! What would be published: every metric with every set of dimensions and every container.

use std::rc::Rc;
use std::time::UNIX_EPOCH;

use serde::Serialize;
use tokio::sync::mpsc::{Receiver, channel};

use super::{Text, as_map};
use crate::collector::sink::HandOut;
use crate::config::{Dimension, Settings};
use crate::delivery::choice::Choice;
use crate::model::{CONTAINER_NAME, Datum, Number, Statistic, Summary, Value};
use crate::publisher::names::{name, unit};

/// A metric as it would be sent.
#[derive(Debug, Serialize)]
pub struct Published {
    pub name: String,
    pub unit: &'static str,
    /// `median`, `maximum`, `values`, `last` or `growth`.
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
    pub reason: Text,
}

/// Where the summary of the one window goes.
pub fn hand_out() -> (Receiver<Rc<Summary>>, HandOut) {
    let (sender, summary) = channel(1);
    (summary, HandOut::to(vec![sender]))
}

/// The summary of the one window, without an entry where nothing could be measured.
pub fn summary(mut summary: Receiver<Rc<Summary>>) -> Rc<Summary> {
    let empty = Summary { start: UNIX_EPOCH, entries: Vec::new() };
    summary.try_recv().unwrap_or_else(|_| Rc::new(empty))
}

/// All that would be sent of a summary.
pub fn all(settings: &Settings, summary: &Summary) -> Vec<Published> {
    let sets = settings.identity.dimension_sets();
    let data = Choice::of(settings).data(summary, sets.len());
    data.into_iter().map(|datum| Published::of(&sets[datum.set], summary, datum)).collect()
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
    absent.map(|number| Unavailable { name: number.published(), reason: reason(number) }).collect()
}

impl Published {
    fn of(set: &[&Dimension], summary: &Summary, datum: Datum) -> Self {
        let metric = &datum.entry(summary).metric;
        let dimensions = set.iter().map(|d| (&*d.name, &*d.value));
        let container = metric.container().map(|name| (CONTAINER_NAME, &**name));
        let dimensions = dimensions.chain(container);
        Self {
            name: name(metric, datum.statistic).to_owned(),
            unit: unit(metric.unit),
            statistic: match datum.statistic {
                Statistic::Median => "median",
                Statistic::Maximum => "maximum",
                Statistic::Values => "values",
                Statistic::Last => "last",
                Statistic::Growth => "growth",
            },
            dimensions: dimensions
                .map(|(name, value)| (Text::from(name), Text::from(value)))
                .collect(),
            value: match datum.value(summary) {
                Value::One(value) => Some(value),
                Value::Many(_) => None,
            },
        }
    }
}
