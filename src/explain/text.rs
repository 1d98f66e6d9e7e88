//! Writes an explanation for people.

use std::fmt::Display;

use super::{Explanation, Part, Text, Value};

/// A paragraph for each question that it answers.
pub fn render(explanation: &Explanation) -> String {
    let mut lines = vec![format!("scope: {}, because {}", explanation.scope, explanation.reason)];
    for part in &explanation.parts {
        lines.push(String::new());
        lines.extend(render_part(part));
    }
    lines.push(String::new());
    lines.push(format!("namespace: {}", explanation.namespace));
    lines.push(format!("metrics: {}", explanation.metrics.join(", ")));
    let dimension = |(name, value): &(Text, Text)| format!("{name}={value}");
    let dimensions: Vec<_> = explanation.dimensions.iter().map(dimension).collect();
    lines.push(format!("dimensions: {}", dimensions.join(", ")));
    lines.push(String::new());
    lines.extend(explanation.publisher.iter().map(|(name, fact)| format!("{name}: {fact}")));
    lines.join("\n")
}

fn render_part(part: &Part) -> Vec<String> {
    let mut lines = vec![part.part.to_owned()];
    for Value { origin, name, value, error } in &part.values {
        let value = value.map(|value| value.to_string());
        let unknown = || match error {
            Some(error) => format!("unknown: {error}"),
            None => "unknown: no reason is known".to_owned(),
        };
        lines.push(format!("  {origin}: {name} = {}", value.unwrap_or_else(unknown)));
    }
    let mut line = |name: &str, text: Option<&dyn Display>| {
        lines.extend(text.map(|text| format!("  {name}{text}")));
    };
    fn text<T: Display>(text: &Option<T>) -> Option<&dyn Display> {
        text.as_ref().map(|text| text as &dyn Display)
    }
    let limit = part.limit.as_ref().zip(part.limit_origin.as_ref());
    line("used = ", text(&part.used));
    line("     = ", text(&part.used_now));
    line("limit = ", text(&limit.map(|(limit, origin)| format!("{limit}, by {origin}"))));
    line("", text(&part.percent));
    line("", text(&part.error));
    lines.extend(part.notes.iter().map(|note| format!("  note: {note}")));
    lines
}
