//! Writes an explanation for people.

use std::fmt::Display;

use super::part::{Explained, Figure, PartLimit};
use super::published::Unavailable;
use super::{Explanation, FactShown, Text};
use crate::config::NO_NAME;
use crate::model::{Part, amount};

/// A paragraph for each question that it answers.
pub fn render(explanation: &Explanation) -> String {
    let mut lines = verdict(explanation);
    lines.push(String::new());
    lines.push(format!("scope: {}, because {}", explanation.scope, explanation.reason));
    for part in &explanation.parts {
        lines.push(String::new());
        lines.extend(render_part(part));
    }
    lines.push(String::new());
    lines.push(format!("namespace: {}", explanation.namespace.as_deref().unwrap_or(NO_NAME)));
    let settings = explanation.settings.iter();
    lines.extend(settings.map(|(name, value)| format!("{}: {value}", name.replace('_', " "))));
    lines.push("metrics:".to_owned());
    for metric in &explanation.metrics {
        let dimensions = metric.dimensions.iter().map(|(name, value)| format!("{name}={value}"));
        let dimensions = dimensions.collect::<Vec<_>>().join(" ");
        let value = metric.value.map(|value| format!(" = {value:.2}")).unwrap_or_default();
        lines.push(format!("  {} ({}) {dimensions}{value}", metric.name, metric.unit));
    }
    for (name, formula) in &explanation.formulas {
        lines.push(format!("  {name} = {formula}"));
    }
    for Unavailable { name, container, reason } in &explanation.unavailable {
        let of = container.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        lines.push(format!("  {name}{of}: unavailable: {reason}"));
    }
    for check in &explanation.checks {
        lines.push(String::new());
        lines.extend(check.lines());
    }
    for publisher in &explanation.publishers {
        lines.push(String::new());
        lines.push(format!("publisher: {}", publisher.name));
        let facts = publisher.facts.iter();
        lines.extend(facts.map(|(name, fact)| format!("{}: {}", name.replace('_', " "), of(fact))));
    }
    lines.push(String::new());
    lines.push(match &explanation.cost {
        Some(cost) => format!("cost: {cost}"),
        None => "cost: unknown, because nothing was measured".to_owned(),
    });
    lines.join("\n")
}

/// Whether it could publish, or what is missing.
fn verdict(explanation: &Explanation) -> Vec<String> {
    let mut lines = if explanation.ready {
        let names: Vec<_> = explanation.publishers.iter().map(|of| of.name).collect();
        let count = explanation.metrics.len();
        vec![format!("ready: {count} metrics a period would go to {}", names.join(" and "))]
    } else {
        let missing = explanation.missing.iter().map(|what| format!("  {what}"));
        ["not ready; missing:".to_owned()].into_iter().chain(missing).collect()
    };
    lines.extend(explanation.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines
}

fn of(FactShown { value, note }: &FactShown) -> String {
    match (value, note) {
        (Some(value), Some(note)) => format!("{value} ({note})"),
        (Some(text), None) | (None, Some(text)) => text.to_string(),
        (None, None) => "unknown".to_owned(),
    }
}

fn render_part(part: &Explained) -> Vec<String> {
    let mut lines = vec![part.part.to_string()];
    for Figure { origin, name, value, error } in &part.values {
        let value = value.map(|value| value.to_string());
        let unknown = || match error {
            Some(error) => format!("unavailable: {error}"),
            None => "unavailable, reason unknown".to_owned(),
        };
        lines.push(format!("  {origin}: {name} = {}", value.unwrap_or_else(unknown)));
    }
    let mut line = |name: &str, text: Option<&dyn Display>| {
        lines.extend(text.map(|text| format!("  {name}{text}")));
    };
    fn text<T: Display>(text: &Option<T>) -> Option<&dyn Display> {
        text.as_ref().map(|text| text as &dyn Display)
    }
    let limit = part.limit.as_ref();
    let limit = limit.map(|PartLimit { amount, unit, origin, .. }| match part.part {
        Part::Cpu => format!("{amount} {unit} ({origin})"),
        Part::Memory => format!("{amount} {unit} = {} ({origin})", amount::size(*amount)),
    });
    line("used = ", text(&part.used));
    line("     = ", text(&part.used_now));
    line("limit = ", text(&limit));
    line("", text(&part.calculation));
    line("unavailable: ", text(&part.error));
    lines.extend(part.notes.iter().map(|note: &Text| format!("  note: {note}")));
    lines
}
