//! The limits of the real service, from the API reference of PutMetricData, MetricDatum and
//! Dimension. One bad datum fails the whole request.

use std::collections::HashSet;
use std::time::Duration;

use crate::decode::{PutMetricData, SentDatum, SentDimension};
use crate::fault::Fault;

/// The error that CloudWatch would give, for the first thing that is wrong.
pub(crate) fn check(put: &PutMetricData) -> Result<(), Fault> {
    if put.bytes > MAX_BYTES {
        let message = format!("{} bytes are more than the limit of 1 MB", put.bytes);
        return Err(Fault::too_large(message));
    }
    check_namespace(put.namespace.as_deref())?;
    if put.data.is_empty() {
        return Err(Fault::missing("MetricData"));
    }
    check_size("MetricData", put.data.len(), MAX_DATA)?;
    for (index, datum) in put.data.iter().enumerate() {
        // The service counts from 1.
        let place = format!("MetricData.member.{}", index + 1);
        check_name(&place, datum)?;
        check_dimensions(&place, &datum.dimensions)?;
        check_values(&place, datum)?;
        check_unit(&place, datum)?;
        check_resolution(&place, datum)?;
        check_timestamp(&place, datum, put)?;
    }
    Ok(())
}

fn check_namespace(namespace: Option<&str>) -> Result<(), Fault> {
    let namespace = namespace.ok_or_else(|| Fault::missing("Namespace"))?;
    check_length("Namespace", namespace, MAX_NAME)?;
    let reserved = namespace.starts_with(':') || namespace.starts_with("AWS/");
    if reserved || !is_printable_ascii(namespace) {
        return Err(invalid("Namespace", namespace));
    }
    Ok(())
}

fn check_name(place: &str, datum: &SentDatum) -> Result<(), Fault> {
    let place = format!("{place}.MetricName");
    let name = datum.name.as_deref().ok_or_else(|| Fault::missing(&place))?;
    check_length(&place, name, MAX_NAME)
}

fn check_dimensions(place: &str, dimensions: &[SentDimension]) -> Result<(), Fault> {
    check_size(&format!("{place}.Dimensions"), dimensions.len(), MAX_DIMENSIONS)?;
    let mut names = HashSet::new();
    for (index, dimension) in dimensions.iter().enumerate() {
        let place = format!("{place}.Dimensions.member.{}", index + 1);
        let name = dimension_text(&format!("{place}.Name"), &dimension.name, MAX_NAME)?;
        if name.starts_with(':') {
            return Err(invalid(&format!("{place}.Name"), name));
        }
        if !names.insert(name) {
            let message = format!("The parameter {place}.Name repeats the dimension {name}.");
            return Err(Fault::invalid_value(message));
        }
        dimension_text(&format!("{place}.Value"), &dimension.value, MAX_DIMENSION_VALUE)?;
    }
    Ok(())
}

fn dimension_text<'a>(place: &str, text: &'a Option<String>, max: usize) -> Result<&'a str, Fault> {
    let text = text.as_deref().ok_or_else(|| Fault::missing(place))?;
    check_length(place, text, max)?;
    if text.trim().is_empty() || !is_printable_ascii(text) {
        return Err(invalid(place, text));
    }
    Ok(text)
}

/// A set has all of its members, and stands alone.
fn check_set(place: &str, set: [Option<f64>; 4], datum: &SentDatum) -> Result<(), Fault> {
    if datum.value.is_some() || datum.values.is_some() || datum.counts.is_some() {
        let both =
            format!("{place}.StatisticValues and {place}.Value, {place}.Values or {place}.Counts");
        let message = format!("The parameters {both} are mutually exclusive.");
        return Err(Fault::combination(message));
    }
    let place = format!("{place}.StatisticValues");
    let names = ["SampleCount", "Sum", "Minimum", "Maximum"];
    for (name, member) in names.into_iter().zip(set) {
        let number = member.ok_or_else(|| Fault::missing(&format!("{place}.{name}")))?;
        check_number(&place, name, number)?;
    }
    let [count, sum, minimum, maximum] = set.map(Option::unwrap_or_default);
    // Undocumented; but other sets can only be a bug of the sender. A sum is rounded.
    let rounding = 1e-9 * sum.abs() + 1e-9;
    let is_possible = minimum <= maximum
        && minimum * count <= sum + rounding
        && sum <= maximum * count + rounding;
    if count <= 0.0 || !is_possible {
        return Err(invalid(&place, format!("{set:?}")));
    }
    Ok(())
}

fn check_values(place: &str, datum: &SentDatum) -> Result<(), Fault> {
    if let Some(set) = datum.set {
        return check_set(place, set, datum);
    }
    let values = match (datum.value, &datum.values) {
        (Some(value), None) if datum.counts.is_none() => {
            return check_number(place, "Value", value);
        }
        (None, Some(values)) if !values.is_empty() => values,
        (None, _) => return Err(Fault::missing(&format!("{place}.Value"))),
        (Some(_), _) => {
            let both = format!("{place}.Value and {place}.Values or {place}.Counts");
            let message = format!("The parameters {both} are mutually exclusive.");
            return Err(Fault::combination(message));
        }
    };
    check_size(&format!("{place}.Values"), values.len(), MAX_VALUES)?;
    for value in values {
        check_number(place, "Values", *value)?;
    }
    let Some(counts) = &datum.counts else {
        return Ok(());
    };
    if counts.len() != values.len() {
        let both = format!("{place}.Values and {place}.Counts");
        let message = format!("The parameters {both} must be of the same length.");
        return Err(Fault::invalid_value(message));
    }
    for count in counts {
        check_number(place, "Counts", *count)?;
        // Undocumented; but a count of none or less can only be a bug of the sender.
        if *count <= 0.0 {
            return Err(invalid(&format!("{place}.Counts"), count));
        }
    }
    Ok(())
}

fn check_number(place: &str, member: &str, number: f64) -> Result<(), Fault> {
    // False for what is not a number, too.
    if number.abs() <= MAX_MAGNITUDE {
        return Ok(());
    }
    Err(invalid(&format!("{place}.{member}"), number))
}

fn check_unit(place: &str, datum: &SentDatum) -> Result<(), Fault> {
    match datum.unit.as_deref() {
        Some(unit) if !UNITS.contains(&unit) => Err(invalid(&format!("{place}.Unit"), unit)),
        _ => Ok(()),
    }
}

fn check_resolution(place: &str, datum: &SentDatum) -> Result<(), Fault> {
    match datum.storage_resolution {
        None | Some(1 | 60) => Ok(()),
        Some(other) => Err(invalid(&format!("{place}.StorageResolution"), other)),
    }
}

fn check_timestamp(place: &str, datum: &SentDatum, put: &PutMetricData) -> Result<(), Fault> {
    let Some(timestamp) = datum.timestamp else {
        return Ok(());
    };
    if timestamp < put.received - MAX_AGE || timestamp > put.received + MAX_LEAD {
        let message = format!(
            "The parameter {place}.Timestamp must be no more than two weeks in the past and no \
             more than two hours in the future."
        );
        return Err(Fault::invalid_value(message));
    }
    Ok(())
}

fn check_size(place: &str, size: usize, max: usize) -> Result<(), Fault> {
    if size > max {
        let message = format!("The collection {place} must not have a size greater than {max}.");
        return Err(Fault::invalid_value(message));
    }
    Ok(())
}

fn check_length(place: &str, text: &str, max: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if length == 0 || length > max {
        let message = format!("The parameter {place} must be 1 to {max} characters, not {length}.");
        return Err(Fault::invalid_value(message));
    }
    Ok(())
}

fn invalid(place: &str, value: impl std::fmt::Display) -> Fault {
    Fault::invalid_value(format!("The value {value} for parameter {place} is invalid."))
}

fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// "1 MB". The narrower reading, and of what is left after gzip: who keeps to this is safe.
const MAX_BYTES: usize = 1_000_000;
const MAX_DATA: usize = 1000;
/// Of a namespace, a metric and a dimension.
const MAX_NAME: usize = 255;
const MAX_DIMENSIONS: usize = 30;
const MAX_DIMENSION_VALUE: usize = 1024;
const MAX_VALUES: usize = 150;
/// 2^360: the bits of an `f64` with that exponent and nothing behind the point.
const MAX_MAGNITUDE: f64 = f64::from_bits((1023 + 360) << 52);
const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const MAX_LEAD: Duration = Duration::from_secs(2 * 60 * 60);

#[rustfmt::skip]
const UNITS: [&str; 27] = [
    "Seconds", "Microseconds", "Milliseconds",
    "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
    "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits",
    "Percent", "Count",
    "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
    "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second",
    "Count/Second", "None",
];

#[cfg(test)]
mod tests;
