//! What a check finds, what that is made of, and what of it would be published.

use std::fmt;
use std::rc::Rc;

use futures_util::future::join_all;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::Text;
use super::published::Published;
use crate::config::Settings;
use crate::model::{Configured, Entry, Metric, Quantity, Report, Roots, Statistics, Unit, figure};
use crate::schedule::{Ran, Trial};
use crate::shown::shown_lines;

/// One check as it runs now.
#[derive(Debug, Serialize)]
pub struct ExplainedCheck {
    pub id: Text,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub available: bool,
    pub status: Text,
    /// Each with its value, and where that comes from.
    pub metrics: Vec<ExplainedMetric>,
    /// The files and raw values.
    pub raw: Vec<RawText>,
}

#[derive(Debug, Serialize)]
pub struct ExplainedMetric {
    pub name: Text,
    pub unit: Text,
    /// Nothing where there is none, and then the reason.
    pub value: Option<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// File and formula.
    pub source: &'static str,
}

/// A value: as a number or text for programs, and with its unit for people.
#[derive(Debug)]
pub struct Shown {
    value: Json,
    for_people: Text,
}

impl Shown {
    fn of(unit: Unit, value: &Quantity) -> Self {
        let for_people = Text::from(&*figure::of(unit, value));
        let value = match value {
            Quantity::Number(value) => Json::from(*value),
            Quantity::Text(text) => Json::from(&**text),
            Quantity::Many(values) => Json::from(values.mean()),
        };
        Self { value, for_people }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.for_people.fmt(f)
    }
}

#[derive(Debug, Serialize)]
pub struct RawText {
    pub origin: Text,
    pub value: Text,
    /// The same for people.
    #[serde(skip)]
    lines: String,
}

/// Runs each check that is not disabled once, all of them at the same time. The metrics have the states of alarms, too.
pub async fn all(settings: &Settings) -> (Vec<ExplainedCheck>, Vec<Published>, Vec<Entry>) {
    let enabled = settings.checks.all.iter().filter(|check| !check.is_disabled);
    let roots = &Roots { plugins: settings.checks.plugins.clone(), ..Roots::default() };
    let runs = enabled.map(|configured| async move {
        let ran = Trial::of(Rc::new(configured.clone()), roots).run().await;
        let published = published(settings, configured, &ran.report);
        let found = discovered(settings, configured, &ran.report);
        (ExplainedCheck::of(configured, ran), published, found)
    });
    let (mut checks, mut all, mut discovered) = (Vec::new(), Vec::new(), Vec::new());
    for (check, published, found) in join_all(runs).await {
        checks.push(check);
        all.extend(published);
        discovered.extend(found);
    }
    let sets = settings.identity.dimension_sets();
    for state in settings.checks.published_alarms() {
        all.extend(sets.iter().map(|set| Published::of_check(set, &state, None)));
    }
    (checks, all, discovered)
}

/// The published metrics that the type does not declare, as entries of a window: they cost as much.
fn discovered(settings: &Settings, configured: &Configured, report: &Report) -> Vec<Entry> {
    let declared = configured.declared();
    let runs = settings.measuring.period.as_secs_f64() / configured.period.as_secs_f64();
    let found = report.values.iter().filter(|(metric, _)| metric.published.is_some());
    let found = found.filter(|(metric, _)| !declared.contains(metric));
    let entry = |(metric, _): &(Rc<Metric>, _)| {
        let mut statistics = Statistics::of_none();
        statistics.count = runs.ceil() as usize;
        Entry { metric: metric.clone(), statistics }
    };
    found.map(entry).collect()
}

/// The metrics that would be published, with each set of dimensions, and the value of those that have one
/// after one run.
fn published(settings: &Settings, configured: &Configured, report: &Report) -> Vec<Published> {
    let mut metrics = configured.declared();
    let found = report.numbers().filter(|(metric, _)| metric.published.is_some());
    let found: Vec<_> = found.collect();
    for (metric, _) in &found {
        if !metrics.contains(metric) {
            metrics.push(Metric::clone(metric));
        }
    }
    let sets = settings.identity.dimension_sets();
    let of_metric = metrics.iter().flat_map(|metric| {
        let value = found.iter().find(|(of, _)| ***of == *metric);
        let value =
            value.filter(|_| metric.published_unit() == metric.unit).map(|(_, value)| *value);
        sets.iter().map(move |set| Published::of_check(set, metric, value))
    });
    of_metric.collect()
}

impl ExplainedCheck {
    fn of(configured: &Configured, Ran { report, raw }: Ran) -> Self {
        let kind = configured.kind;
        let source = |name: &str| kind.metric(name).map_or("", |declared| declared.source);
        let found = report.values.iter().map(|(metric, value)| ExplainedMetric {
            name: Text::from(&*metric.name),
            unit: Text::from(metric.unit_name()),
            value: Some(Shown::of(metric.unit, value)),
            reason: None,
            source: source(&metric.name),
        });
        let absent = report.absent.iter().map(|(name, reason)| ExplainedMetric {
            name: Text::from(*name),
            unit: Text::from(kind.metric(name).map_or("", |declared| declared.unit.name())),
            value: None,
            reason: Some(Text::from(&**reason)),
            source: source(name),
        });
        let raw = raw.iter().map(|(origin, value)| RawText {
            origin: Text::from(&**origin),
            value: Text::from(&**value),
            lines: shown_lines(value, 4),
        });
        Self {
            id: Text::from(&*configured.id),
            kind: kind.name,
            available: report.is_available,
            status: Text::from(&*report.status),
            metrics: found.chain(absent).collect(),
            raw: raw.collect(),
        }
    }

    /// The same for people, a line each.
    pub fn lines(&self) -> Vec<String> {
        let state = if self.available { "available" } else { "unavailable" };
        let mut lines =
            vec![format!("check {} ({}): {state}: {}", self.id, self.kind, self.status)];
        for ExplainedMetric { name, value, reason, source, .. } in &self.metrics {
            lines.push(match (value, reason) {
                (Some(value), _) if source.is_empty() => format!("  {name} = {value}"),
                (Some(value), _) => format!("  {name} = {value} ({source})"),
                (None, Some(reason)) => format!("  {name}: unavailable: {reason}"),
                (None, None) => format!("  {name}: unavailable"),
            });
        }
        lines.extend(self.raw.iter().map(|raw| format!("  {}: {}", raw.origin, raw.lines)));
        lines
    }
}
