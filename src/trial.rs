//! `check`: runs one check once and prints what came of it.

use std::rc::Rc;

use serde_json::{Value as Json, json};

use crate::clock::milliseconds;
use crate::config::Output;
use crate::model::{
    CheckType, Configured, Declared, Kind, Metric, Quantity, Report, Roots, figure,
};
use crate::schedule::{Ran, Trial};
use crate::shown::{shown, shown_lines};

/// What is to be printed, and whether there was a result.
pub struct Printed {
    pub text: String,
    pub is_available: bool,
}

/// Runs a check once. For people, an explanation has of each metric where it comes from.
pub async fn run(
    configured: &Configured,
    roots: &Roots,
    output: Output,
    is_explained: bool,
) -> Printed {
    let ran = Trial::of(Rc::new(configured.clone()), roots).run().await;
    let text = match output {
        Output::Text if is_explained => explained(configured, &ran),
        Output::Text => text(configured, &ran),
        Output::Json => object(configured, &ran).to_string(),
    };
    Printed { text, is_available: ran.report.is_available }
}

/// The same with sources, formulas and raw values.
fn explained(configured: &Configured, ran: &Ran) -> String {
    let mut lines = vec![text(configured, ran)];
    let found = ran.report.values.iter().map(|(metric, _)| &*metric.name);
    let names: Vec<_> = found.chain(ran.report.absent.iter().map(|(name, _)| *name)).collect();
    let declared = configured.kind.metrics.iter().filter(|of| names.contains(&of.name));
    lines.push(String::new());
    lines.extend(declared.map(|of| format!("{} = {}", of.name, of.source)));
    lines.push(String::new());
    lines.extend(
        ran.raw
            .iter()
            .map(|(origin, value)| format!("{}: {}", shown(origin), shown_lines(value, 2))),
    );
    lines.join("\n").trim_end().to_owned()
}

fn text(configured: &Configured, Ran { report, .. }: &Ran) -> String {
    let state = if report.is_available { "available" } else { "unavailable" };
    let (id, kind) = (shown(&configured.id), configured.kind);
    let of_type =
        if configured.id == kind.name { String::new() } else { format!(" ({})", kind.name) };
    let took = report.took.as_secs_f64() * 1e3;
    let mut lines =
        vec![format!("{id}{of_type}: {state}: {}; took {took:.1} ms", shown(&report.status))];
    let rows: Vec<_> = report.values.iter().map(|(metric, value)| row(metric, value)).collect();
    let width = |column: fn(&[String; 2]) -> &String| {
        rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0)
    };
    let (names, values) = (width(|row| &row[0]), width(|row| &row[1]));
    if !rows.is_empty() {
        lines.push(String::new());
    }
    for [name, value] in &rows {
        lines.push(format!("{name:<names$}  {value:>values$}").trim_end().to_owned());
    }
    for (name, reason) in &report.absent {
        lines.push(format!("{name:<names$}  unavailable: {}", shown(reason)));
    }
    lines.join("\n")
}

/// Name, and value with its unit.
fn row(metric: &Metric, value: &Quantity) -> [String; 2] {
    let value = match &metric.unit_word {
        Some(unit) => format!("{} {unit}", figure::of(metric.unit, value)),
        None => figure::of(metric.unit, value),
    };
    [shown(&metric.full_name()), shown(&value)]
}

fn object(configured: &Configured, Ran { report, .. }: &Ran) -> Json {
    let Report { time, took, is_available, status, absent, .. } = report;
    let metrics = report.values.iter().map(|(metric, value)| {
        let name = metric.full_name();
        let (value, form) = match value {
            Quantity::Number(value) => (json!(value), metric.form),
            Quantity::Text(text) => (json!(text), "string"),
            Quantity::Many(of) => {
                let (count, min, max, mean) = (of.count(), of.min(), of.max(), of.mean());
                (json!({ "count": count, "min": min, "max": max, "mean": mean }), "distribution")
            }
        };
        let (unit, kind) = (metric.unit_name(), metric.kind.name());
        json!({ "name": name, "value": value, "unit": unit, "type": form, "kind": kind })
    });
    // Without a value, but with the reason.
    let absent = absent.iter().map(|(name, reason)| {
        let declared = configured.kind.metric(name);
        let unit = declared.map_or("", |of| of.unit.name());
        let kind = declared.map_or(Kind::Gauge, |of| of.kind);
        let form = form(declared);
        json!({ "name": name, "value": null, "unit": unit, "type": form, "kind": kind.name(), "reason": reason })
    });
    json!({
        "check": configured.id,
        "type": configured.kind.name,
        "available": is_available,
        "status": status,
        "timestamp": milliseconds(*time),
        "duration_ms": took.as_secs_f64() * 1e3,
        "metrics": metrics.chain(absent).collect::<Vec<_>>(),
    })
}

fn form(declared: Option<&Declared>) -> &'static str {
    if declared.is_some_and(|of| of.is_text) { "string" } else { "double" }
}

/// All types with their details and metrics.
pub fn list(table: &[&'static CheckType], output: Output) -> String {
    match output {
        Output::Text => table.iter().map(|kind| described(kind)).collect::<Vec<_>>().join("\n\n"),
        Output::Json => {
            let kinds = table.iter().map(|kind| {
                let settings = kind.settings.iter().map(|setting| {
                    let (name, about) = (setting.name, setting.about);
                    json!({ "name": name, "description": about, "optional": !setting.is_required })
                });
                let metrics = kind.metrics.iter().map(|metric| {
                    let (name, unit, kind) = (metric.name, metric.unit.name(), metric.kind.name());
                    let form = form(Some(metric));
                    json!({ "name": name, "unit": unit, "type": form, "kind": kind })
                });
                let settings: Vec<_> = settings.collect();
                let metrics: Vec<_> = metrics.collect();
                json!({ "type": kind.name, "description": kind.about, "details": settings, "metrics": metrics })
            });
            Json::from(kinds.collect::<Vec<_>>()).to_string()
        }
    }
}

fn described(kind: &CheckType) -> String {
    let mut lines = vec![format!("{}: {}", kind.name, kind.about)];
    lines.extend(kind.settings.iter().map(|setting| {
        let needed = if setting.is_required { "required" } else { "optional" };
        format!("  {}={} ({needed}): {}", setting.name, setting.example, setting.about)
    }));
    let names = kind.metrics.iter().map(|metric| {
        let unit = match (metric.is_text, metric.unit.name()) {
            (true, _) => " (text)".to_owned(),
            (false, "") => String::new(),
            (false, unit) => format!(" ({unit})"),
        };
        format!("{}{unit}", metric.name)
    });
    let names: Vec<_> = names.collect();
    if !names.is_empty() {
        lines.push(format!("  metrics: {}", names.join(", ")));
    }
    lines.join("\n")
}

/// What a check of a type can be pointed at here.
pub fn targets(kind: &CheckType, roots: &Roots, output: Output) -> Result<String, String> {
    let Some(targets) = kind.targets else {
        return Err(format!("{} has no targets", kind.name));
    };
    let targets = targets(roots)?;
    Ok(match output {
        Output::Text if targets.is_empty() => format!("{}: there is no target here", kind.name),
        Output::Text => {
            let line = |of: &crate::model::Target| match of.id == of.label {
                true => shown(&of.id),
                false => format!("{}  {}", shown(&of.id), shown(&of.label)),
            };
            targets.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Output::Json => {
            let values = targets.iter().map(|of| json!({ "id": of.id, "label": of.label }));
            json!({ "values": values.collect::<Vec<_>>() }).to_string()
        }
    })
}
