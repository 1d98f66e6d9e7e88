//! What would be published: every metric with every set of dimensions and every container.

use std::rc::Rc;
use std::time::UNIX_EPOCH;

use serde::Serialize;
use tokio::sync::mpsc::{Receiver, channel};

use super::{Text, as_map};
use crate::collector::sink::HandOut;
use crate::config::{Identity, Settings};
use crate::delivery::choice::Choice;
use crate::model::{CONTAINER_NAME, Datum, Number, Statistic, Summary, Value};
use crate::publisher::names::{name, unit};

/// A metric as it would be sent.
#[derive(Debug, Serialize)]
pub struct Published {
    pub name: &'static str,
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

/// Where the summaries go that are made while somebody waits for the explanation.
pub fn hand_out() -> (Receiver<Rc<Summary>>, HandOut) {
    let (sender, summaries) = channel(MOST_WINDOWS);
    (summaries, HandOut::to(vec![sender]))
}

/// The newest of the summaries.
pub fn newest(mut summaries: Receiver<Rc<Summary>>) -> Rc<Summary> {
    let mut newest = Rc::new(Summary { start: UNIX_EPOCH, entries: Vec::new() });
    while let Ok(summary) = summaries.try_recv() {
        newest = summary;
    }
    newest
}

/// All that would be sent of a summary.
pub fn all(settings: &Settings, summary: &Summary) -> Vec<Published> {
    let sets = settings.identity.dimension_sets().len();
    let data = Choice::of(settings).data(summary, sets);
    data.into_iter().map(|datum| Published::of(&settings.identity, summary, datum)).collect()
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
    fn of(identity: &Identity, summary: &Summary, datum: Datum) -> Self {
        let metric = &datum.entry(summary).metric;
        let set = identity.dimension_sets().swap_remove(datum.set);
        let dimensions = set.iter().map(|d| (&*d.name, &*d.value));
        let container = metric.container().map(|name| (CONTAINER_NAME, &**name));
        let dimensions = dimensions.chain(container);
        Self {
            name: name(metric, datum.statistic),
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

/// All of it is one window.
const MOST_WINDOWS: usize = 1;
