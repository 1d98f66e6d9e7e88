//! The changes of a text, in each form. A text has no rollups, and no chart.

use serde_json::json;

use super::asked::Form;
use super::source::Metric;
use super::table::aligned;
use crate::shown::shown;
use crate::store::export::cell;
use crate::store::{Change, Resolution, utc};

/// What is printed of a text: since when each value is there.
pub fn text(metric: &Metric, changes: &[Change], range_ms: [i64; 2], form: Form) -> String {
    match form {
        Form::Text => {
            let title = shown(&metric.full_name());
            if changes.is_empty() {
                return format!("{title}, text: no values in this range");
            }
            let header = ["since", "value"].map(str::to_owned).to_vec();
            let row = |of: &Change| vec![utc(of.at_ms), shown(&of.text)];
            let rows: Vec<_> = [header].into_iter().chain(changes.iter().map(row)).collect();
            let plural = if changes.len() == 1 { "" } else { "s" };
            format!("{title}, text, {} value{plural}\n\n{}", changes.len(), aligned(&rows))
        }
        Form::Json => {
            let value =
                |of: &Change| json!({ "timestamp": of.at_ms, "numPoints": 1, "text": of.text });
            let values: Vec<_> = changes.iter().map(value).collect();
            let Metric { check, name, unit, letter, .. } = metric;
            let [from_ms, to_ms] = range_ms;
            json!({
                "check": check, "metric": name, "unit": unit, "type": letter.to_string(), "kind": "gauge",
                "resolution": Resolution::Full.name(), "from": from_ms, "to": to_ms, "values": values,
            })
            .to_string()
        }
        Form::Csv => {
            let line = |of: &Change| format!("{},{}", of.at_ms, cell(&of.text));
            let header = "timestamp_ms,text".to_owned();
            [header].into_iter().chain(changes.iter().map(line)).collect::<Vec<_>>().join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::values::tests::{RANGE_MS, metric};

    #[test]
    fn a_text_has_each_form() {
        let metric = Metric { letter: 's', name: "mount".into(), unit: String::new(), ..metric() };
        let change = |at_ms, text: &str| Change { at_ms, text: text.into() };
        let all = [change(1_795_939_200_000, "rw"), change(1_795_939_500_007, "ro,\x1b")];
        let of = |changes, form| text(&metric, changes, RANGE_MS, form);
        assert_eq!(
            of(&all, Form::Text),
            "utilization/mount, text, 2 values\n\n\
             since                         value\n\
             2026-11-29T08:00:00Z             rw\n\
             2026-11-29T08:05:00.007Z  ro,\\u{1b}"
        );
        assert_eq!(of(&[], Form::Text), "utilization/mount, text: no values in this range");
        assert_eq!(
            of(&all, Form::Csv),
            "timestamp_ms,text\n1795939200000,rw\n1795939500007,\"ro,\x1b\""
        );
        assert_eq!(
            of(&all[..1], Form::Json),
            r#"{"check":"utilization","from":1795939200000,"kind":"gauge","metric":"mount","resolution":"FULL","to":1795939800000,"type":"s","unit":"","values":[{"numPoints":1,"text":"rw","timestamp":1795939200000}]}"#
        );
    }
}
