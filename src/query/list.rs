//! The metrics of a history.

use serde_json::{Value, json};

use super::asked::Form;
use super::source::Metric;
use super::table::aligned;
use crate::model::Kind;
use crate::shown::shown;
use crate::store::export::cell;
use crate::store::utc;

/// All metrics, each with its unit, kind and newest point.
pub fn text(metrics: &[Metric], form: Form) -> String {
    match form {
        Form::Text if metrics.is_empty() => "the history has no metric yet".to_owned(),
        Form::Text => {
            let header = ["metric", "unit", "kind", "newest"].map(str::to_owned);
            let row = |of: &Metric| {
                let newest = of.newest_ms.map_or_else(|| "-".to_owned(), utc);
                let unit = if of.unit.is_empty() { "-" } else { &of.unit };
                vec![shown(&of.full_name()), shown(unit), kind(of).to_owned(), newest]
            };
            let rows: Vec<_> = [header.into()].into_iter().chain(metrics.iter().map(row)).collect();
            aligned(&rows)
        }
        Form::Json => {
            let values = metrics.iter().map(|of| {
                json!({
                    "check": of.check, "name": of.name, "unit": of.unit, "type": of.letter.to_string(),
                    "kind": Kind::of_total(of.is_counter).name(), "newest": of.newest_ms,
                })
            });
            json!({ "values": values.collect::<Vec<Value>>() }).to_string()
        }
        Form::Csv => {
            let line = |of: &Metric| {
                let newest = of.newest_ms.map(|ms| ms.to_string()).unwrap_or_default();
                let [check, name, unit] = [&of.check, &of.name, &of.unit].map(|text| cell(text));
                format!("{check},{name},{unit},{},{newest}", kind(of))
            };
            let header = "check,metric,unit,kind,newest_ms".to_owned();
            let lines = [header].into_iter().chain(metrics.iter().map(line));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// What values of a metric are, as people say it.
fn kind(of: &Metric) -> &'static str {
    if of.is_text() { "text" } else { Kind::of_total(of.is_counter).name() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::values::tests::metric;

    #[test]
    fn a_list_has_each_form() {
        let odd = Metric {
            check: "a,b".to_owned(),
            name: "c".to_owned(),
            unit: String::new(),
            letter: 'L',
            is_counter: true,
            newest_ms: None,
        };
        let all = [odd, metric()];
        assert_eq!(
            text(&all, Form::Text),
            "metric              unit     kind                newest\n\
             a,b/c                  -  counter                     -\n\
             utilization/cpu  percent    gauge  2026-11-29T08:05:00Z"
        );
        assert_eq!(
            text(&all, Form::Csv),
            "check,metric,unit,kind,newest_ms\n\"a,b\",c,,counter,\nutilization,cpu,percent,gauge,1795939500000"
        );
        assert_eq!(
            text(&all[..1], Form::Json),
            r#"{"values":[{"check":"a,b","kind":"counter","name":"c","newest":null,"type":"L","unit":""}]}"#
        );
        let told = Metric { letter: 's', is_counter: false, ..all[0].clone() };
        assert!(text(&[told], Form::Csv).ends_with(",c,,text,"));
        assert_eq!(text(&[], Form::Text), "the history has no metric yet");
    }
}
