//! Prints CloudWatch Embedded Metric Format on standard output, of which CloudWatch Logs makes
//! metrics: no credentials, no TLS, no calls. For containers whose standard output goes there.
//!
//! Format and limits: "Specification: Embedded metric format", Amazon CloudWatch user guide.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use serde_json::{Map, Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::names::{name, unit};
use super::stdout::{PRINTED, Printer};
use super::{Accepted, Explaining, Fact, Parcel, Publisher, Sending, Terms};
use crate::config::{Dimension, Publish, Settings};
use crate::model::{Counted, Datum, Metric, Range, Summary, Value, ValueCount, free_name};

/// The publisher behind `--publish emf`.
#[derive(Debug)]
pub struct Emf {
    namespace: String,
    dimensions: Vec<Dimension>,
    /// The names of each set of dimensions.
    sets: Vec<Vec<String>>,
    /// Seconds; without it a minute.
    storage_resolution: Option<u8>,
    printer: Printer,
}

impl Emf {
    pub fn new(settings: &Settings) -> Self {
        let names = |set: Vec<&Dimension>| set.into_iter().map(|d| d.name.clone()).collect();
        Self {
            // Settings that publish have one.
            namespace: settings.identity.namespace.clone().unwrap_or_default(),
            dimensions: settings.identity.dimensions.clone(),
            sets: settings.identity.dimension_sets().into_iter().map(names).collect(),
            storage_resolution: (settings.measuring.period.as_secs() < 60).then_some(1),
            printer: Printer::default(),
        }
    }

    /// The lines of a summary: one for the whole and one for each container; more where a
    /// distribution has more values than an array takes.
    fn lines(&self, Parcel { summary, data }: &Parcel<'_>) -> Vec<String> {
        let since_epoch = summary.start.duration_since(UNIX_EPOCH).unwrap_or_default();
        let metric = |datum: &Datum| &datum.entry(summary).metric;
        let lines = of_each(summary, data).flat_map(|data| {
            let arrays: Vec<_> = data.iter().map(|datum| arrays(datum.value(summary))).collect();
            let lines = arrays.iter().map(Vec::len).max().unwrap_or(0);
            let own = self.own_dimensions(summary, data);
            let line = |place: usize| {
                let present = data.iter().zip(&arrays);
                let present = present.filter_map(|(datum, arrays)| {
                    let name = self.member(name(metric(datum), datum.statistic));
                    Some((name, metric(datum), arrays.get(place)?))
                });
                self.line(since_epoch.as_millis(), &own, present).to_string()
            };
            (0..lines).map(line).collect::<Vec<_>>()
        });
        lines.collect()
    }

    /// The name of a metric, which is not that of a dimension of all: a check may discover any.
    fn member<'n>(&self, metric: &'n str) -> Cow<'n, str> {
        free_name(metric, self.names_of_all())
    }

    fn names_of_all(&self) -> impl Iterator<Item = &str> {
        self.dimensions.iter().map(|dimension| &*dimension.name).chain([METADATA])
    }

    /// The dimensions that some data have beside those of all, under names that all of their lines have: a
    /// dimension and a metric are members of the same object.
    fn own_dimensions<'s>(
        &self,
        summary: &'s Summary,
        data: &[Datum],
    ) -> Vec<(Cow<'s, str>, &'s str)> {
        let metric = |datum: &Datum| &datum.entry(summary).metric;
        let named = data.iter().map(|datum| self.member(name(metric(datum), datum.statistic)));
        let named: Vec<_> = named.collect();
        let taken = || named.iter().map(|name| &**name).chain(self.names_of_all());
        let own = metric(&data[0]).dimensions.iter();
        let own = own.map(|(name, value)| (free_name(name, taken()), &**value));
        own.collect()
    }

    fn line<'a>(
        &self,
        milliseconds: u128,
        own: &[(Cow<'_, str>, &str)],
        data: impl Iterator<Item = (Cow<'a, str>, &'a Rc<Metric>, &'a Json)>,
    ) -> Json {
        let (mut definitions, mut members) = (Vec::new(), Map::new());
        for (name, metric, value) in data {
            let mut definition = json!({ "Name": name, "Unit": unit(metric.published_unit()) });
            if let Some(seconds) = self.storage_resolution {
                definition["StorageResolution"] = seconds.into();
            }
            definitions.push(definition);
            members.insert(name.into_owned(), value.clone());
        }
        let mut sets = self.sets.clone();
        for dimension in &self.dimensions {
            members.insert(dimension.name.clone(), dimension.value.clone().into());
        }
        for (name, value) in own {
            sets.iter_mut().for_each(|set| set.push(name.to_string()));
            members.insert(name.to_string(), (*value).into());
        }
        let directive =
            json!({ "Namespace": self.namespace, "Dimensions": sets, "Metrics": definitions });
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        let metadata = json!({ "Timestamp": milliseconds, "CloudWatchMetrics": [directive] });
        members.insert(METADATA.to_owned(), metadata);
        Json::Object(members)
    }
}

/// The data of the whole, of each container and of each check: each of them has lines of its own.
fn of_each<'a>(summary: &'a Summary, data: &'a [Datum]) -> impl Iterator<Item = &'a [Datum]> {
    let own = |datum: &Datum| &datum.entry(summary).metric.dimensions;
    data.chunk_by(move |one, next| own(one) == own(next))
}

/// About how many bytes CloudWatch Logs takes in for the lines of a window. The arrays of a distribution
/// are not made for it, as they may hold as many numbers as there were samples.
pub fn log_bytes(settings: &Settings, summary: &Summary, data: &[Datum]) -> usize {
    let emf = Emf::new(settings);
    let since_epoch = summary.start.duration_since(UNIX_EPOCH).unwrap_or_default();
    let bytes = of_each(summary, data).map(|data| {
        let (mut values, mut most, mut all) = (Vec::new(), 1, 0);
        for datum in data {
            values.push(match datum.value(summary) {
                Value::One(value) => json!(value),
                Value::Set(Range { count, .. }) => {
                    (most, all) = (most.max(count), all + count);
                    json!([])
                }
                Value::Spread(values) => {
                    let (count, numbers) = match count(values) {
                        count if count > MOST_REPEATED => (values.len(), 2 * values.len()),
                        count => (count as usize, count as usize),
                    };
                    (most, all) = (most.max(count), all + numbers);
                    json!([])
                }
                Value::Many(values) => {
                    let count = values.iter().map(|value| value.count as usize).sum();
                    (most, all) = (most.max(count), all + count);
                    json!([])
                }
            });
        }
        let metrics = data.iter().map(|datum| (datum.statistic, &datum.entry(summary).metric));
        let named = metrics.zip(&values);
        let named =
            named.map(|((statistic, of), value)| (emf.member(name(of, statistic)), of, value));
        let own = emf.own_dimensions(summary, data);
        let line = emf.line(since_epoch.as_millis(), &own, named).to_string().len();
        most.div_ceil(MOST_VALUES) * (line + EVENT_BYTES) + all * ARRAY_VALUE_BYTES
    });
    bytes.sum()
}

/// A datum as JSON: a number, or arrays of at most as many numbers as one may have. The format has no
/// counts, so an array has a value as often as it was measured.
fn arrays(value: Value<'_>) -> Vec<Json> {
    match value {
        Value::One(value) => vec![json!(value)],
        Value::Set(Range { numbers, .. }) => arrays_of(numbers),
        Value::Spread(values) if count(values) > MOST_REPEATED => {
            values.chunks(MOST_VALUES).map(counted).collect()
        }
        Value::Spread(values) => {
            let repeated = |of: &Counted| std::iter::repeat_n(of.value, of.count as usize);
            arrays_of(&values.iter().flat_map(repeated).collect::<Vec<_>>())
        }
        Value::Many(values) => {
            let repeated =
                |value: &ValueCount| std::iter::repeat_n(value.percent(), value.count as usize);
            let all: Vec<_> = values.iter().flat_map(repeated).collect();
            arrays_of(&all)
        }
    }
}

/// Values with how often each was there. The specification does not have this form; agents of Amazon write it
/// for histograms (awsemfexporter of the OpenTelemetry collector, pull request 22626), for CloudWatch to read.
fn counted(values: &[Counted]) -> Json {
    let numbers: Vec<_> = values.iter().map(|of| of.value).collect();
    let counts: Vec<_> = values.iter().map(|of| of.count).collect();
    let sum: f64 = values.iter().map(|of| of.value * of.count as f64).sum();
    json!({
        "Values": numbers,
        "Counts": counts,
        // They are in order.
        "Min": numbers.first(),
        "Max": numbers.last(),
        "Count": count(values),
        "Sum": sum,
    })
}

fn count(values: &[Counted]) -> u64 {
    values.iter().fold(0, |sum, of| sum.saturating_add(of.count))
}

fn arrays_of(values: &[f64]) -> Vec<Json> {
    values.chunks(MOST_VALUES).map(|values| json!(values)).collect()
}

impl Publisher for Emf {
    fn name(&self) -> &'static str {
        Publish::Emf.name()
    }

    fn terms(&self) -> Terms {
        PRINTED
    }

    fn send<'a>(
        &'a mut self,
        parcels: &'a [Parcel<'a>],
        _hurry: &'a CancellationToken,
    ) -> Sending<'a> {
        Box::pin(async move {
            for parcel in parcels {
                self.printer.print(parcel.summary.start, &self.lines(parcel)).await?;
            }
            Ok(Accepted::default())
        })
    }

    fn explain(&self, _connecting: bool) -> Explaining<'_> {
        let output = "Embedded Metric Format: JSON lines on standard output, for CloudWatch Logs";
        Box::pin(async move { vec![Fact::known("output", output)] })
    }
}

/// The member that says what the others are.
const METADATA: &str = "_aws";

/// A metric takes this many values in a line.
const MOST_VALUES: usize = 100;

/// Values of a distribution that are written one by one, which are ten lines. Of more each different one is
/// written with its count: millions would be as many numbers.
const MOST_REPEATED: u64 = 1_000;

/// CloudWatch Logs counts this many bytes for an event beside its text.
const EVENT_BYTES: usize = 26;

/// A percent with two decimals in an array, and the comma.
const ARRAY_VALUE_BYTES: usize = 6;

#[cfg(test)]
mod tests;
