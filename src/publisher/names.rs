//! The names of data in CloudWatch, on the console and in the log.

use crate::model::{Datum, Metric, Number, Statistic, Summary, Unit};

/// The name of a statistic of a metric.
pub fn name(metric: &Metric, statistic: Statistic) -> &str {
    match (metric.number(), &metric.published) {
        (Some(number), _) => name_of(number, statistic),
        (None, Some(published)) => published,
        (None, None) => &metric.name,
    }
}

/// The name of a statistic of a number.
pub fn name_of(number: Number, statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Maximum => number.maximum().unwrap_or_else(|| number.published()),
        _ => number.published(),
    }
}

/// A datum by its name and, where it is of one, its container or check and target.
pub fn label(summary: &Summary, datum: Datum) -> String {
    let metric = &datum.entry(summary).metric;
    let of = metric.dimensions.iter().map(|(_, value)| format!(" of {value}"));
    format!("{}{}", name(metric, datum.statistic), of.collect::<String>())
}

/// CloudWatch's word for a unit.
pub fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "Percent",
        Unit::Count => "Count",
        Unit::BytesPerSecond => "Bytes/Second",
        Unit::CountPerSecond => "Count/Second",
        Unit::Bytes => "Bytes",
        Unit::Kilobytes => "Kilobytes",
        Unit::Megabytes => "Megabytes",
        Unit::Seconds => "Seconds",
        Unit::Milliseconds => "Milliseconds",
        // It has no word for these.
        Unit::Pages | Unit::PagesPerSecond | Unit::MillisecondsPerSecond | Unit::None => "None",
    }
}
