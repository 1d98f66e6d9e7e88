//! What data are called in CloudWatch, on the console and in the log.

use crate::model::{Datum, Metric, Number, Statistic, Summary, Unit};

/// The name of a statistic of a metric.
pub fn name(metric: &Metric, statistic: Statistic) -> &str {
    metric.number().map_or(&*metric.name, |number| name_of(number, statistic))
}

/// The name of a statistic of a number.
pub fn name_of(number: Number, statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Maximum => number.maximum().unwrap_or_else(|| number.published()),
        _ => number.published(),
    }
}

/// A datum by its name and, where it is of one, its container.
pub fn label(summary: &Summary, datum: Datum) -> String {
    let metric = &datum.entry(summary).metric;
    let name = name(metric, datum.statistic);
    match metric.container() {
        Some(container) => format!("{name} of {container}"),
        None => name.to_owned(),
    }
}

/// CloudWatch's word for a unit.
pub fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "Percent",
        Unit::Count => "Count",
        Unit::BytesPerSecond => "Bytes/Second",
        Unit::CountPerSecond => "Count/Second",
    }
}
