//! Answers as people read them.

use serde_json::{Map, Value};

use super::collection::taken;
use super::request::Show;
use crate::client::Answer;
use crate::config::Output;
use crate::query::value as in_unit;
use crate::shown::{is_plain, shown};
use crate::sorted::sort_by_key;
use crate::store::utc;
use crate::verb::{Cell, Column};

/// What is printed of an answer.
pub struct Shown {
    pub text: Option<String>,
    /// Whether it says that something has failed.
    pub is_failed: bool,
}

/// An answer as it is asked for. Programs get what the agent has sent, word for word.
pub fn shown_as(show: &Show, answer: &Answer, output: Output) -> Shown {
    let body = answer.json();
    let is_failed = match show {
        Show::Flushed => body["failed"].as_u64().unwrap_or(0) > 0,
        // As with the command `check`.
        Show::Tried => body["status"] == "error",
        Show::Taken => body["rejected"].as_array().is_some_and(|all| !all.is_empty()),
        Show::Results => body.as_array().into_iter().flatten().any(|of| of["available"] == false),
        _ => false,
    };
    let raw = || String::from_utf8_lossy(&answer.body).into_owned();
    let text = match (output, show) {
        // An answer without a body has nothing to say to a program.
        (Output::Json, _) => (!answer.body.is_empty()).then(raw),
        (Output::Text, Show::Done(text)) => Some(shown(text)),
        (Output::Text, Show::Added) => Some(format!("{}: added", cell(&body["id"], Cell::Plain))),
        (Output::Text, Show::Results) => {
            let results = body.as_array().into_iter().flatten().map(result);
            Some(results.collect::<Vec<_>>().join("\n\n"))
        }
        (Output::Text, Show::Configured) => Some(configured(&body)),
        (Output::Text, Show::Tried) => Some(cell(&body["message"], Cell::Plain)),
        (Output::Text, Show::Taken) => Some(taken(&body)),
        (Output::Text, Show::Flushed) => Some(flushed(&body)),
        (Output::Text, Show::Fields) if body.is_null() => Some("done".to_owned()),
        (Output::Text, Show::Fields) => Some(whole(&body)),
        (Output::Text, Show::Whole) if body.is_null() => {
            Some(raw().lines().map(shown).collect::<Vec<_>>().join("\n"))
        }
        (Output::Text, Show::Whole) => Some(indented(&body)),
    };
    Shown { text, is_failed }
}

/// Items below their headings. Without columns, all that the items have, and their id in front.
pub fn table(values: &[Value], columns: &[Column]) -> String {
    if values.is_empty() {
        return "there is none".to_owned();
    }
    if columns.is_empty() {
        let objects = values.iter().filter_map(Value::as_object);
        let mut names: Vec<_> = objects.flat_map(Map::keys).map(String::as_str).collect();
        sort_by_key(&mut names, |name| (*name != "id", *name));
        names.dedup();
        let headings = names.iter().map(|name| shown(name)).collect();
        let row = |of: &Value| names.iter().map(|name| cell(&of[*name], of_name(name))).collect();
        return rows(headings, values.iter().map(row));
    }
    let headings = columns.iter().map(|(heading, ..)| (*heading).to_owned()).collect();
    let row = |of: &Value| {
        let cells = columns.iter().map(|(_, name, form)| match form {
            Cell::Value => measured(&of[*name], &of["unit"]),
            form => cell(&of[*name], *form),
        });
        cells.collect()
    };
    rows(headings, values.iter().map(row))
}

fn rows(headings: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<_> = [headings].into_iter().chain(rows).collect();
    let columns = rows.first().map_or(0, Vec::len);
    let length = |cell: &String| cell.chars().count();
    let widths = (0..columns).map(|column| rows.iter().map(|row| length(&row[column])).max());
    let widths: Vec<_> = widths.map(Option::unwrap_or_default).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The fields of an object, a line each; what is inside another one has a dot in its name.
pub fn whole(object: &Value) -> String {
    let mut fields = Vec::new();
    flatten("", object, &mut fields);
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(name, value): &(String, String)| format!("{name:<width$}  {value}");
    fields.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn flatten(before: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let dot = if before.is_empty() { "" } else { "." };
                flatten(&format!("{before}{dot}{name}"), value, fields);
            }
        }
        value => {
            let name = before.rsplit('.').next().unwrap_or(before);
            fields.push((shown(before), cell(value, of_name(name))));
        }
    }
}

/// How a field of this name is shown.
fn of_name(name: &str) -> Cell {
    if TIMES.contains(&name) { Cell::Time } else { Cell::Plain }
}

/// Names of fields that are times.
const TIMES: &[&str] = &["time", "timestamp", "since", "updated", "oldest"];

/// A value in one place of a table. What is not there is a hyphen.
pub fn cell(value: &Value, form: Cell) -> String {
    match (value, form) {
        (Value::Null, _) => "-".to_owned(),
        (Value::String(text), _) if text.is_empty() => "-".to_owned(),
        (Value::String(text), _) => shown(text),
        (Value::Bool(yes), _) => if *yes { "yes" } else { "no" }.to_owned(),
        (Value::Number(number), Cell::Time) => match number.as_i64() {
            Some(ms) => utc(ms),
            None => number.to_string(),
        },
        (Value::Number(number), Cell::Seconds) => {
            let seconds = number.as_f64().unwrap_or_default();
            format!("{} s", (seconds * 10.0).round() / 10.0)
        }
        (Value::Object(counts), Cell::Counts) => {
            let counts = counts.iter().filter(|(_, count)| **count != 0);
            let counts: Vec<_> = counts.map(|(name, count)| format!("{count} {name}")).collect();
            if counts.is_empty() { "none".to_owned() } else { shown(&counts.join(", ")) }
        }
        (other, _) => shown(&other.to_string()),
    }
}

/// A value in its unit. Many are shown by their mean.
fn measured(value: &Value, unit: &Value) -> String {
    let (number, before) = match value {
        Value::Object(many) => (many.get("mean").and_then(Value::as_f64), "mean "),
        value => (value.as_f64(), ""),
    };
    match number {
        Some(number) => {
            format!("{before}{}", in_unit(unit.as_str().unwrap_or_default(), number))
        }
        None => cell(value, Cell::Plain),
    }
}

/// A result of a check, with its metrics.
fn result(result: &Value) -> String {
    let state = if result["available"] == true { "available" } else { "unavailable" };
    let mut lines = vec![format!("{state}: {}", cell(&result["status"], Cell::Plain))];
    let metrics = result["metrics"].as_object();
    let width = metrics.into_iter().flat_map(Map::keys).map(|name| name.chars().count()).max();
    let width = width.unwrap_or(0);
    for (name, of) in metrics.into_iter().flatten() {
        let name = shown(name);
        lines.push(format!("{name:<width$}  {}", cell(&of["data"], Cell::Plain)));
    }
    lines.join("\n")
}

/// What has changed in the configuration, a line for each kind of change.
fn configured(body: &Value) -> String {
    let mut lines = vec![format!("generation {}", cell(&body["generation"], Cell::Plain))];
    let mut list = |of: &Value, words: &str| {
        let all = of.as_array().into_iter().flatten();
        let all: Vec<_> = all.map(|of| cell(of, Cell::Plain)).collect();
        if !all.is_empty() {
            lines.push(format!("{words}: {}", all.join(", ")));
        }
    };
    for name in ["added", "changed", "removed"] {
        list(&body[name], &format!("checks {name}"));
        for part in PARTS {
            list(&body[part][name], &format!("{part} {name}"));
        }
    }
    let stay = "stay as requests have changed them, although the files have others";
    list(&body["overridden"], &format!("checks that {stay}"));
    for part in PARTS {
        list(&body[part]["overridden"], &format!("{part} that {stay}"));
    }
    list(&body["needs_restart"], "needs a restart");
    if let Value::Object(undone) = &body["undone"] {
        let of = |name: &str, form| cell(undone.get(name).unwrap_or(&Value::Null), form);
        let (time, by) = (of("time", Cell::Time), of("by", Cell::Plain));
        lines.push(format!("undone: the reload of {time} by {by}"));
    }
    lines.push(format!("checks unchanged: {}", cell(&body["unchanged"], Cell::Plain)));
    if let Value::String(why) = &body["not_kept"] {
        lines.push(format!("not kept: {}", shown(why)));
    }
    lines.join("\n")
}

/// What a reload changes beside checks.
const PARTS: [&str; 5] = ["alarms", "thresholds", "notifications", "blacklist", "buffers"];

/// What was published and written, a line each.
fn flushed(body: &Value) -> String {
    let number = |name: &str| cell(&body[name], Cell::Plain);
    let mut lines =
        vec![format!("succeeded: {}, failed: {}", number("succeeded"), number("failed"))];
    for part in body["parts"].as_array().into_iter().flatten() {
        let outcome = if part["ok"] == true { "succeeded" } else { "failed" };
        let message = match &part["message"] {
            Value::String(text) if !text.is_empty() => format!(": {}", shown(text)),
            _ => String::new(),
        };
        lines.push(format!("{}: {outcome}{message}", cell(&part["name"], Cell::Plain)));
    }
    lines.join("\n")
}

/// JSON over several lines. It stays JSON: what would control a terminal is escaped as JSON has it.
fn indented(body: &Value) -> String {
    let pretty = serde_json::to_string_pretty(body).unwrap_or_default();
    let mut text = String::with_capacity(pretty.len());
    for c in pretty.chars() {
        if c == '\n' || is_plain(c) {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use serde_json::json;

    use super::*;

    fn text(show: &Show, body: &Value) -> (String, bool) {
        let answer =
            Answer { status: StatusCode::OK, body: body.to_string().into(), is_marked: true };
        let raw = shown_as(show, &answer, Output::Json).text.expect("a text");
        assert_eq!(raw, body.to_string());
        let shown = shown_as(show, &answer, Output::Text);
        (shown.text.expect("a text"), shown.is_failed)
    }

    #[test]
    fn a_table_has_columns_or_all_there_is() {
        let values = [
            json!({ "id": "b", "period": 0.5, "since": 1_795_939_200_000_i64, "ok": true }),
            json!({ "id": "a\u{1b}", "period": 60, "since": null, "note": { "x": [1] } }),
        ];
        let columns = [
            ("id", "id", Cell::Plain),
            ("period", "period", Cell::Seconds),
            ("last run", "since", Cell::Time),
        ];
        assert_eq!(
            table(&values, &columns),
            "id       period  last run\n\
             b        0.5 s   2026-11-29T08:00:00Z\n\
             a\\u{1b}  60 s    -"
        );
        assert_eq!(
            table(&values, &[]),
            "id       note       ok   period  since\n\
             b        -          yes  0.5     2026-11-29T08:00:00Z\n\
             a\\u{1b}  {\"x\":[1]}  -    60      -"
        );
        assert_eq!(table(&[], &columns), "there is none");
        let counts = |ok: u8, warning: u8| {
            cell(&json!({ "ok": ok, "warning": warning, "failure": 0 }), Cell::Counts)
        };
        assert_eq!([counts(2, 1), counts(0, 0)], ["2 ok, 1 warning", "none"]);
    }

    #[test]
    fn a_value_has_its_unit() {
        let of = |value: Value, unit: &str| measured(&value, &unit.into());
        assert_eq!(of(json!(6.935_789), "percent"), "6.94%");
        assert_eq!(of(json!({ "count": 2, "mean": 1536 }), "bytes"), "mean 1.5 KiB");
        assert_eq!(of(json!("a\u{1b}b"), ""), r"a\u{1b}b");
        assert_eq!(of(Value::Null, "bytes"), "-");
    }

    #[test]
    fn an_object_has_a_line_for_each_field() {
        let object = json!({ "id": "x", "details": { "target": "/" }, "metadata": {}, "since": 0 });
        assert_eq!(
            whole(&object),
            "details.target  /\nid              x\nmetadata        {}\nsince           1970-01-01T00:00:00Z"
        );
    }

    #[test]
    fn a_reload_says_what_has_changed() {
        let body = json!({
            "generation": 3, "added": ["a", "b\n"], "changed": [], "removed": ["c"], "unchanged": 4,
            "alarms": { "added": [], "changed": ["d"], "removed": [], "unchanged": 1 },
            "needs_restart": ["period"], "not_kept": "no room",
        });
        let expected = "generation 3\nchecks added: a, b\\n\nalarms changed: d\nchecks removed: c\n\
                        needs a restart: period\nchecks unchanged: 4\nnot kept: no room";
        assert_eq!(text(&Show::Configured, &body), (expected.to_owned(), false));
    }

    #[test]
    fn a_flush_that_failed_in_part_has_failed() {
        let mut body = json!({
            "succeeded": 1, "failed": 1,
            "parts": [
                { "name": "store", "ok": true, "message": "" },
                { "name": "cloudwatch", "ok": false, "message": "no route\nthere" },
            ],
        });
        let expected =
            "succeeded: 1, failed: 1\nstore: succeeded\ncloudwatch: failed: no route\\nthere";
        assert_eq!(text(&Show::Flushed, &body), (expected.to_owned(), true));
        body["failed"] = 0.into();
        assert!(!text(&Show::Flushed, &body).1);
    }

    #[test]
    fn what_is_indented_is_still_json() {
        let body = json!({ "a": "\u{202e}\u{1b}x\u{e0001}" });
        let (text, _) = text(&Show::Whole, &body);
        assert!(!text.contains(['\u{202e}', '\u{1b}', '\u{e0001}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), body);
    }
}
