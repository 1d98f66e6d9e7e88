//! What criteria look at: one result of a check.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{AVAILABLE, Quantity, Report};

/// One result of a check, with the values that the criteria use.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When it was measured, on a clock that is never set: since an instant that is the same for all results
    /// that are compared.
    pub since_start: Duration,
    pub is_available: bool,
    /// What the check says of the result.
    pub status: String,
    /// By the whole name of the metric.
    pub values: HashMap<String, Quantity>,
}

impl Observation {
    /// Of a report. It copies only the values that `is_used` names, because a report may have thousands.
    pub fn of(report: &Report, start: Instant, is_used: impl Fn(&str) -> bool) -> Self {
        // The agent adds its own metric of this name only where that is published, and criteria must not
        // depend on what is published.
        let available = Quantity::Number(f64::from(u8::from(report.is_available)));
        let own = report.values.iter().filter(|(metric, _)| !metric.is_availability);
        let values = own.map(|(metric, value)| (metric.full_name(), value));
        let values = [(AVAILABLE.to_owned(), &available)].into_iter().chain(values);
        let used = values.filter(|(name, _)| is_used(name));
        Self {
            since_start: report.at.saturating_duration_since(start),
            is_available: report.is_available,
            status: report.status.clone(),
            values: used.map(|(name, value)| (name, value.clone())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::model::{Metric, Number, TARGET};

    fn metric(name: &'static str, target: Option<&str>, is_availability: bool) -> Rc<Metric> {
        let target = target.map(|target| (TARGET.into(), target.into()));
        let dimensions = target.into_iter().collect();
        let plain = Number::Cpu.of(None);
        Rc::new(Metric { name: name.into(), dimensions, is_availability, ..plain })
    }

    #[test]
    fn it_has_the_used_values_of_a_report_by_their_whole_names() {
        let start = Instant::now();
        let number = |value| Quantity::Number(value);
        let values = vec![
            (metric("used", Some("a.b"), false), number(1.0)),
            (metric("free", None, false), number(2.0)),
            (metric("mode", None, false), Quantity::Text("rw".to_owned())),
            (metric("available", None, true), number(7.0)),
        ];
        let at = start + Duration::from_secs(5);
        let report = Report { at, values, ..Report::of_window(Vec::new()) };
        let found = Observation::of(&report, start, |name| name != "free");
        let expected = [
            ("available".to_owned(), number(1.0)),
            ("a.b.used".to_owned(), number(1.0)),
            ("mode".to_owned(), Quantity::Text("rw".to_owned())),
        ];
        let expected = Observation {
            since_start: Duration::from_secs(5),
            is_available: true,
            status: "success".to_owned(),
            values: expected.into(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_metric_that_a_check_itself_calls_available_is_that_of_the_check() {
        let of_check = (metric("available", None, false), Quantity::Number(42.0));
        let report = Report { values: vec![of_check], ..Report::of_window(Vec::new()) };
        let found = Observation::of(&report, report.at, |_| true);
        assert_eq!(found.values["available"], Quantity::Number(42.0));
    }
}
