//! Writes an explanation for people.

use super::{Explanation, Part, Value};

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
    let dimension = |(name, value): &(String, String)| format!("{name}={value}");
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
        let unknown = || format!("unknown: {}", error.as_deref().unwrap_or("no reason is known"));
        lines.push(format!("  {origin}: {name} = {}", value.unwrap_or_else(unknown)));
    }
    let mut line = |name: &str, text: &Option<String>| {
        lines.extend(text.as_ref().map(|text| format!("  {name}{text}")));
    };
    line("used = ", &part.used);
    line("     = ", &part.used_now);
    line(
        "limit = ",
        &part.limit.as_ref().zip(part.limit_origin.as_ref()).map(|(l, o)| format!("{l}, by {o}")),
    );
    line("", &part.percent);
    line("", &part.error);
    lines.extend(part.notes.iter().map(|note| format!("  note: {note}")));
    lines
}
