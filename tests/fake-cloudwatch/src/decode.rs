//! From the bytes of a body to a `PutMetricData`, valid or not.

use std::io::Read;
use std::time::{Duration, SystemTime};

use ciborium::Value;
use flate2::read::GzDecoder;

use crate::fault::Fault;
use crate::http::MAX_BODY;
use crate::record::{Datum, StatisticSet};

/// A request as it was sent: None is what was not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PutMetricData {
    pub received: SystemTime,
    /// After gzip.
    pub bytes: usize,
    pub namespace: Option<String>,
    pub data: Vec<SentDatum>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SentDatum {
    pub name: Option<String>,
    pub dimensions: Vec<SentDimension>,
    pub timestamp: Option<SystemTime>,
    pub value: Option<f64>,
    pub values: Option<Vec<f64>>,
    pub counts: Option<Vec<f64>>,
    /// As many of its members as were sent, in the order of [`StatisticSet`].
    pub set: Option<[Option<f64>; 4]>,
    pub unit: Option<String>,
    pub storage_resolution: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SentDimension {
    pub name: Option<String>,
    pub value: Option<String>,
}

impl PutMetricData {
    pub fn namespace(&self) -> String {
        self.namespace.clone().unwrap_or_default()
    }

    pub fn data(&self) -> Vec<Datum> {
        let datum = |sent: &SentDatum| {
            let values: Vec<f64> = match &sent.values {
                Some(values) => values.clone(),
                None => sent.value.into_iter().collect(),
            };
            let dimension = |dimension: &SentDimension| {
                let (name, value) = (&dimension.name, &dimension.value);
                (name.clone().unwrap_or_default(), value.clone().unwrap_or_default())
            };
            Datum {
                namespace: self.namespace(),
                name: sent.name.clone().unwrap_or_default(),
                dimensions: sent.dimensions.iter().map(dimension).collect(),
                timestamp: sent.timestamp.unwrap_or(self.received),
                counts: sent.counts.clone().unwrap_or_else(|| vec![1.0; values.len()]),
                values,
                set: sent.set.map(|set| {
                    let [sample_count, sum, minimum, maximum] = set.map(Option::unwrap_or_default);
                    StatisticSet { sample_count, sum, minimum, maximum }
                }),
                unit: sent.unit.clone(),
                storage_resolution: sent.storage_resolution,
            }
        };
        self.data.iter().map(datum).collect()
    }
}

/// Undoes the content encoding of a body.
pub(crate) fn content(body: Vec<u8>, encoding: Option<&str>) -> Result<Vec<u8>, Fault> {
    match encoding {
        None => Ok(body),
        Some("gzip") => {
            let mut content = Vec::new();
            GzDecoder::new(&body[..])
                .take(MAX_BODY as u64)
                .read_to_end(&mut content)
                .map_err(|error| Fault::malformed(format!("bad gzip: {error}")))?;
            if content.len() == MAX_BODY {
                return Err(Fault::too_large("far more than 1 MB after gzip"));
            }
            Ok(content)
        }
        Some(other) => Err(Fault::malformed(format!("content-encoding {other}"))),
    }
}

/// Reads a whole body. Members that it does not know are left out, as the service does.
pub(crate) fn put_metric_data(
    content: &[u8],
    received: SystemTime,
) -> Result<PutMetricData, Fault> {
    let mut rest = content;
    let value: Value = ciborium::from_reader(&mut rest)
        .map_err(|error| Fault::serialization(format!("bad CBOR: {error}")))?;
    if !rest.is_empty() {
        return Err(Fault::serialization("bytes after the end of the CBOR"));
    }
    let mut put =
        PutMetricData { received, bytes: content.len(), namespace: None, data: Vec::new() };
    members(value, |name, value| {
        match name {
            "Namespace" => put.namespace = Some(text(value)?),
            "MetricData" => put.data = list(value, datum)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(put)
}

fn datum(value: Value) -> Result<SentDatum, Fault> {
    let mut datum = SentDatum::default();
    members(value, |name, value| {
        match name {
            "MetricName" => datum.name = Some(text(value)?),
            "Dimensions" => datum.dimensions = list(value, dimension)?,
            "Timestamp" => datum.timestamp = Some(timestamp(value)?),
            "Value" => datum.value = Some(number(value)?),
            "Values" => datum.values = Some(list(value, number)?),
            "Counts" => datum.counts = Some(list(value, number)?),
            "StatisticValues" => datum.set = Some(set(value)?),
            "Unit" => datum.unit = Some(text(value)?),
            "StorageResolution" => datum.storage_resolution = Some(integer(value)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(datum)
}

fn set(value: Value) -> Result<[Option<f64>; 4], Fault> {
    let mut set = [None; 4];
    members(value, |name, value| {
        let names = ["SampleCount", "Sum", "Minimum", "Maximum"];
        if let Some(place) = names.iter().position(|known| *known == name) {
            set[place] = Some(number(value)?);
        }
        Ok(())
    })?;
    Ok(set)
}

fn dimension(value: Value) -> Result<SentDimension, Fault> {
    let mut dimension = SentDimension::default();
    members(value, |name, value| {
        match name {
            "Name" => dimension.name = Some(text(value)?),
            "Value" => dimension.value = Some(text(value)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(dimension)
}

/// Null is a member that was not sent.
fn members(
    value: Value,
    mut member: impl FnMut(&str, Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let entries = value.into_map().map_err(|value| expected("a map", &value))?;
    for (key, value) in entries {
        if !value.is_null() {
            member(&text(key)?, value)?;
        }
    }
    Ok(())
}

fn list<T>(value: Value, item: impl Fn(Value) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let items = value.into_array().map_err(|value| expected("a list", &value))?;
    items.into_iter().map(item).collect()
}

fn text(value: Value) -> Result<String, Fault> {
    value.into_text().map_err(|value| expected("text", &value))
}

fn integer(value: Value) -> Result<i64, Fault> {
    let integer = value.as_integer().and_then(|integer| integer.try_into().ok());
    integer.ok_or_else(|| expected("an integer", &value))
}

/// Integers are shorter on the wire, and serializers may use them where they lose nothing.
fn number(value: Value) -> Result<f64, Fault> {
    match value {
        Value::Float(number) => Ok(number),
        Value::Integer(number) => Ok(i128::from(number) as f64),
        other => Err(expected("a number", &other)),
    }
}

/// Seconds since 1970 under tag 1, rounded to the milliseconds that Smithy timestamps carry.
fn timestamp(value: Value) -> Result<SystemTime, Fault> {
    let Value::Tag(1, seconds) = value else {
        return Err(expected("a timestamp (tag 1)", &value));
    };
    let milliseconds = (number(*seconds)? * 1000.0).round();
    let distance = Duration::from_millis(milliseconds.abs() as u64);
    let time = if milliseconds < 0.0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.filter(|_| milliseconds.is_finite())
        .ok_or_else(|| Fault::serialization("a timestamp beyond all clocks"))
}

fn expected(what: &str, found: &Value) -> Fault {
    Fault::serialization(format!("expected {what}, found {found:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rounded_to_milliseconds() {
        let seconds = |seconds: f64| timestamp(Value::Tag(1, Box::new(seconds.into())));
        let milliseconds = Duration::from_millis;
        assert_eq!(seconds(1.0004), Ok(SystemTime::UNIX_EPOCH + milliseconds(1000)));
        assert_eq!(seconds(1.0006), Ok(SystemTime::UNIX_EPOCH + milliseconds(1001)));
        assert_eq!(seconds(-1.5), Ok(SystemTime::UNIX_EPOCH - milliseconds(1500)));
    }

    #[test]
    fn timestamps_are_finite() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let fault = Fault::serialization("a timestamp beyond all clocks");
            assert_eq!(timestamp(Value::Tag(1, Box::new(bad.into()))), Err(fault));
        }
    }
}
