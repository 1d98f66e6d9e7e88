//! Metrics by OTLP over HTTP, as CloudWatch takes them at `/v1/metrics`: decoded as far as tests look at them.
//!
//! The numbers of fields are those of `opentelemetry/proto/metrics/v1/metrics.proto`, version 1.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::fault::Fault;
use crate::http::{Head, Reply};
use crate::record::Datum;

const TYPE: &str = "application/x-protobuf";

pub(crate) fn is_otlp(head: &Head) -> bool {
    head.method == "POST" && head.path == "/v1/metrics" && head.header("content-type") == Some(TYPE)
}

/// The points of a request: the value of a gauge or sum, the mean and the count of a histogram. Attributes of the
/// resource are no dimensions.
pub(crate) fn points(request: &[u8]) -> Result<Vec<Datum>, Fault> {
    let mut data = Vec::new();
    for resource in fields(request)?.messages(1) {
        for scope in fields(resource)?.messages(2) {
            for metric in fields(scope)?.messages(2) {
                let metric = fields(metric)?;
                let (name, unit) = (metric.text(1)?, metric.text(3)?);
                for (kind, of_attributes) in KINDS {
                    let points =
                        metric.messages(kind).map(|of| Ok(fields(of)?.messages(1).collect()));
                    for point in points.collect::<Result<Vec<Vec<_>>, Fault>>()?.concat() {
                        let (point, is_many) = (fields(point)?, kind == HISTOGRAM);
                        data.push(datum(&point, is_many, of_attributes, &name, &unit)?);
                    }
                }
            }
        }
    }
    Ok(data)
}

fn datum(
    point: &Fields,
    is_many: bool,
    attributes: u64,
    name: &str,
    unit: &str,
) -> Result<Datum, Fault> {
    let nanoseconds =
        point.number(3).ok_or_else(|| Fault::serialization(format!("{name} has no time")))?;
    let (value, count) = if is_many {
        let count = point.number(4).unwrap_or(0) as f64;
        (point.number(5).map_or(0.0, f64::from_bits) / count.max(1.0), count)
    } else {
        let value = point.number(4).map(f64::from_bits);
        (value.ok_or_else(|| Fault::serialization(format!("{name} has no value")))?, 1.0)
    };
    let pair = |pair: &[u8]| {
        let pair = fields(pair)?;
        let value = pair.messages(2).next().map_or(Ok(Fields::default()), fields)?;
        Ok((pair.text(1)?, value.text(1)?))
    };
    Ok(Datum {
        namespace: String::new(),
        name: name.to_owned(),
        dimensions: point.messages(attributes).map(pair).collect::<Result<_, _>>()?,
        timestamp: UNIX_EPOCH + Duration::from_nanos(nanoseconds),
        values: vec![value],
        counts: vec![count],
        set: None,
        unit: Some(unit.to_owned()),
        storage_resolution: None,
    })
}

/// The error that CloudWatch would give, for the first thing that is wrong.
pub(crate) fn check(data: &[Datum], bytes: usize, received: SystemTime) -> Result<(), Fault> {
    if bytes > MAX_BYTES {
        return Err(Fault::too_large(format!("{bytes} bytes are more than 1 MB")));
    }
    if data.len() > MAX_POINTS {
        let message = format!("{} points are more than {MAX_POINTS}", data.len());
        return Err(Fault::invalid_value(message));
    }
    for Datum { name, timestamp, .. } in data {
        if *timestamp > received + MAX_AHEAD || *timestamp < received - MAX_AGE {
            return Err(Fault::invalid_value(format!("the time of {name} is out of range")));
        }
    }
    Ok(())
}

/// 200, with `partial_success` where something was refused.
pub(crate) fn success(refused: u8, message: &str) -> Reply {
    let mut body = Vec::new();
    if refused > 0 {
        let length = message.len().try_into().expect("a short message");
        let mut partial = vec![0x08, refused, 0x12, length];
        partial.extend(message.as_bytes());
        body.extend([0x0a, partial.len().try_into().expect("a short message")]);
        body.extend(partial);
    }
    Reply::new(200, TYPE, body)
}

/// An error of the service in the form that this protocol has.
pub(crate) fn failure(fault: &Fault) -> Reply {
    // Texts of ASCII are quoted as in JSON.
    let body = format!("{{\"__type\": {:?}, \"message\": {:?}}}", fault.code, fault.message);
    Reply::new(fault.status, "application/json", body.into_bytes())
}

/// A message, field by field.
#[derive(Default)]
struct Fields<'a>(Vec<(u64, Field<'a>)>);

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    fn messages(&self, field: u64) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |(number, value)| match value {
            Field::Bytes(bytes) if *number == field => Some(*bytes),
            _ => None,
        })
    }

    fn text(&self, field: u64) -> Result<String, Fault> {
        let bytes = self.messages(field).last().unwrap_or_default();
        let text = std::str::from_utf8(bytes);
        Ok(text.map_err(|_| Fault::serialization("a text that is not UTF-8"))?.to_owned())
    }

    fn number(&self, field: u64) -> Option<u64> {
        let mut numbers = self.0.iter().rev().filter(|(number, _)| *number == field);
        numbers.find_map(|(_, value)| match value {
            Field::Number(value) => Some(*value),
            Field::Bytes(_) => None,
        })
    }
}

fn fields(mut message: &[u8]) -> Result<Fields<'_>, Fault> {
    let cut = || Fault::serialization("a message that is cut short");
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message).ok_or_else(cut)?;
        let value = match tag & 7 {
            0 => Field::Number(varint(&mut message).ok_or_else(cut)?),
            1 => {
                let (bytes, rest) = message.split_first_chunk().ok_or_else(cut)?;
                message = rest;
                Field::Number(u64::from_le_bytes(*bytes))
            }
            2 => {
                let length = varint(&mut message).and_then(|length| length.try_into().ok());
                let (bytes, rest) =
                    length.and_then(|length| message.split_at_checked(length)).ok_or_else(cut)?;
                message = rest;
                Field::Bytes(bytes)
            }
            other => return Err(Fault::serialization(format!("a field of type {other}"))),
        };
        found.push((tag >> 3, value));
    }
    Ok(Fields(found))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

const HISTOGRAM: u64 = 10;

/// The field of each kind of metric, and that of the attributes of its points: gauge, sum, exponential histogram.
const KINDS: [(u64, u64); 3] = [(5, 7), (7, 7), (HISTOGRAM, 1)];

/// Of a request that is not packed.
const MAX_BYTES: usize = 1_000_000;

const MAX_POINTS: usize = 1000;

const MAX_AHEAD: Duration = Duration::from_secs(600);

const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of the type of texts and messages.
    fn field(number: u8, of: &[u8]) -> Vec<u8> {
        let length = of.len().try_into().expect("a short message");
        [&[number << 3 | 2, length], of].concat()
    }

    /// A request with one point of this kind, of a metric `a` with the unit `1`.
    fn request(kind: u8, point: &[u8]) -> Vec<u8> {
        let metric = [field(1, b"a"), field(3, b"1"), field(kind, &field(1, point))].concat();
        field(1, &field(2, &field(2, &metric)))
    }

    fn fixed(number: u8, value: u64) -> Vec<u8> {
        [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
    }

    #[test]
    fn a_gauge_has_its_value_its_time_and_its_attributes() {
        let attribute = [field(1, b"Stage"), field(2, &field(1, b"beta"))].concat();
        let time = fixed(3, 7_500_000_000);
        let point = [field(7, &attribute), fixed(4, 0.25_f64.to_bits()), time].concat();
        let data = points(&request(5, &point)).expect("it is whole");
        let [datum] = &data[..] else { panic!("one point: {data:?}") };
        assert_eq!((datum.name.as_str(), datum.values[0], datum.counts[0]), ("a", 0.25, 1.0));
        assert_eq!(datum.timestamp, UNIX_EPOCH + Duration::from_millis(7500));
        assert_eq!(datum.dimensions, [("Stage".to_owned(), "beta".to_owned())]);
        assert!(check(&data, 100, datum.timestamp).is_ok());
        let late = check(&data, 100, datum.timestamp + MAX_AGE + Duration::from_secs(1));
        assert_eq!(late.map_err(|fault| fault.status), Err(400));
    }

    #[test]
    fn a_histogram_has_its_mean_and_its_count() {
        let point = [fixed(4, 4), fixed(5, 2.0_f64.to_bits()), fixed(3, 1)].concat();
        let data = points(&request(10, &point)).expect("it is whole");
        assert_eq!((data[0].values[0], data[0].counts[0]), (0.5, 4.0));
    }

    #[test]
    fn what_is_cut_short_or_has_no_value_is_an_error() {
        let whole = request(5, &[fixed(4, 0), fixed(3, 1)].concat());
        assert!(points(&whole).is_ok());
        assert!(points(&whole[..whole.len() - 1]).is_err());
        assert!(points(&request(5, &fixed(3, 1))).is_err());
        assert!(points(&[]).is_ok_and(|data| data.is_empty()));
    }

    #[test]
    fn a_partial_success_has_its_count_and_its_reason() {
        assert_eq!(success(2, "why").body, [0x0a, 7, 0x08, 2, 0x12, 3, b'w', b'h', b'y']);
        assert!(success(0, "why").body.is_empty());
    }
}
