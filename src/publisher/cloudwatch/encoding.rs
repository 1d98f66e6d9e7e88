//! How summaries become PutMetricData's data.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StatisticSet};

use crate::config::{self, Identity, Settings};
use crate::model::{Counted, Datum, Range, Summary, Value, ValueCount, free_name};
use crate::publisher::names::{name, unit};
use crate::publisher::{Parcel, Size};

/// Encodes as the settings want it.
#[derive(Debug)]
pub struct Encoding {
    sets: Vec<Set>,
    /// Seconds. CloudWatch keeps data of periods under a minute only with a storage resolution of 1.
    storage_resolution: Option<i32>,
}

/// A set of dimensions that data are sent with.
#[derive(Debug)]
struct Set {
    dimensions: Vec<Dimension>,
    /// A bound on their size in a request.
    bytes: usize,
}

impl Encoding {
    pub fn new(settings: &Settings) -> Self {
        Self {
            sets: sets(&settings.identity),
            storage_resolution: (settings.measuring.period.as_secs() < 60).then_some(1),
        }
    }

    /// How many sets of dimensions there are.
    pub fn sets(&self) -> usize {
        self.sets.len()
    }

    /// The data of a request.
    pub fn request(&self, parcels: &[Parcel<'_>]) -> Vec<MetricDatum> {
        let of_parcel = |parcel: &Parcel<'_>| {
            let (summary, data) = (parcel.summary, parcel.data);
            data.iter().flat_map(|datum| self.encode(summary, *datum)).collect::<Vec<_>>()
        };
        parcels.iter().flat_map(of_parcel).collect()
    }

    /// A bound on the size of a datum's CBOR encoding, without making it.
    pub fn size(&self, summary: &Summary, datum: Datum) -> Size {
        let own = &datum.entry(summary).metric.dimensions;
        let own: usize = own.iter().map(|(name, value)| size_of_dimension(name, value)).sum();
        let (data, numbers) = match datum.value(summary) {
            Value::One(_) | Value::Set(_) => (1, 0),
            Value::Many(values) => (values.len().div_ceil(MOST_VALUES), 2 * values.len()),
            Value::Spread(values) => (values.len().div_ceil(MOST_VALUES), 2 * values.len()),
        };
        let each = DATUM_SIZE + self.sets[datum.set].bytes + own;
        Size { data, bytes: data * each + NUMBER_SIZE * numbers }
    }

    /// A datum; several where it has more values than fit into one.
    fn encode(&self, summary: &Summary, datum: Datum) -> Vec<MetricDatum> {
        let metric = &datum.entry(summary).metric;
        let of_all = &self.sets[datum.set].dimensions;
        let own = metric.dimensions.iter().map(|(name, value)| {
            let name = free_name(name, of_all.iter().filter_map(Dimension::name));
            Dimension::builder().name(name).value(&**value).build()
        });
        let dimensions = of_all.iter().cloned().chain(own);
        let encoded = MetricDatum::builder()
            .metric_name(name(metric, datum.statistic))
            .set_dimensions(Some(dimensions.collect()))
            .timestamp(DateTime::from(summary.start))
            .unit(StandardUnit::from(unit(metric.published_unit())))
            .set_storage_resolution(self.storage_resolution);
        let values = match datum.value(summary) {
            Value::One(value) => return vec![encoded.value(value).build()],
            Value::Set(Range { min, max, sum, count, .. }) => {
                let set = StatisticSet::builder().minimum(min).maximum(max).sum(sum);
                let set = set.sample_count(count as f64).build();
                return vec![encoded.statistic_values(set).build()];
            }
            Value::Spread(values) => {
                let of_values = |values: &[Counted]| {
                    let pairs = values.iter().map(|of| (of.value, of.count as f64));
                    let (values, counts) = pairs.unzip();
                    encoded.clone().set_values(Some(values)).set_counts(Some(counts)).build()
                };
                return values.chunks(MOST_VALUES).map(of_values).collect();
            }
            Value::Many(values) => values,
        };
        let of_values = |values: &[ValueCount]| {
            let (percents, counts) =
                values.iter().map(|value| (value.percent(), f64::from(value.count))).unzip();
            encoded.clone().set_values(Some(percents)).set_counts(Some(counts)).build()
        };
        values.chunks(MOST_VALUES).map(of_values).collect()
    }
}

fn sets(identity: &Identity) -> Vec<Set> {
    let mut sets = Vec::new();
    for set in identity.dimension_sets() {
        let bytes = set.iter().map(|d| size_of_dimension(&d.name, &d.value)).sum();
        let dimension =
            |d: &&config::Dimension| Dimension::builder().name(&d.name).value(&d.value).build();
        sets.push(Set { dimensions: set.iter().map(dimension).collect(), bytes });
    }
    sets
}

/// A bound on what a dimension takes.
fn size_of_dimension(name: &str, value: &str) -> usize {
    3 * FRAMING + name.len() + value.len()
}

/// The most that one request may have.
pub const MOST: Size = Size { data: MOST_DATA, bytes: REQUEST_SIZE - DATUM_SIZE };

/// PutMetricData takes this many data at once.
const MOST_DATA: usize = 1000;

/// A datum takes this many different values.
const MOST_VALUES: usize = 150;

/// PutMetricData takes requests of 1 MB. Whether that is before compression is not documented,
/// so it is taken as before.
const REQUEST_SIZE: usize = 1_000_000;

/// A bound on the CBOR encoding of a datum without its dimensions and values; measured: under 130
/// bytes. Also allowed once for what stands around the data, the namespace included.
const DATUM_SIZE: usize = 512;

/// A bound on what CBOR adds to a string or a dimension: heads and the keys `Name` and `Value`.
const FRAMING: usize = 16;

/// The CBOR encoding of a double.
const NUMBER_SIZE: usize = 9;
