//! How summaries become PutMetricData's data.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};

use crate::config::{self, Settings};
use crate::model::{Summary, ValueCount};
use crate::publisher::metrics::{CONTAINER_NAME, Choice, Datum, Unit, Value};

/// Encodes as the settings want it.
#[derive(Debug)]
pub struct Encoding {
    choice: Choice,
    /// Each datum is sent once for each of these.
    dimension_sets: Vec<Vec<Dimension>>,
    /// Seconds; CloudWatch keeps periods under a minute only where it is told that they are.
    storage_resolution: Option<i32>,
}

impl Encoding {
    pub fn new(settings: &Settings) -> Self {
        let dimension =
            |d: &config::Dimension| Dimension::builder().name(&d.name).value(&d.value).build();
        let set = |set: Vec<&config::Dimension>| set.into_iter().map(dimension).collect();
        Self {
            choice: Choice::new(settings),
            dimension_sets: settings.identity.dimension_sets().into_iter().map(set).collect(),
            storage_resolution: (settings.measuring.period.as_secs() < 60).then_some(1),
        }
    }

    /// The data of one summary: those of the whole, then those of each container.
    pub fn data(&self, summary: &Summary) -> Vec<MetricDatum> {
        let start = DateTime::from(summary.start);
        let data = self.choice.data(summary);
        let each = data.iter().flat_map(|datum| {
            self.dimension_sets.iter().flat_map(move |set| self.of_set(start, datum, set))
        });
        each.collect()
    }

    /// How many of the oldest summaries surely fit into one request.
    pub fn batch(&self, backlog: &[Summary]) -> usize {
        let mut room = Room::default();
        backlog
            .iter()
            .take_while(|summary| self.data(summary).iter().all(|d| room.takes(d)))
            .count()
    }

    /// How many of the data of a summary, from a place among them on, surely fit into one request.
    pub fn part(&self, summary: &Summary, from: usize) -> usize {
        let mut room = Room::default();
        // One that does not fit is the service's to reject.
        self.data(summary).iter().skip(from).take_while(|datum| room.takes(datum)).count().max(1)
    }

    /// A datum with one set of dimensions; several data where it has more values than fit into one.
    fn of_set(&self, start: DateTime, datum: &Datum, dimensions: &[Dimension]) -> Vec<MetricDatum> {
        let container = datum.container.as_ref();
        let container =
            container.map(|name| Dimension::builder().name(CONTAINER_NAME).value(&**name).build());
        let encoded = MetricDatum::builder()
            .metric_name(datum.name)
            .set_dimensions(Some(dimensions.iter().cloned().chain(container).collect()))
            .timestamp(start)
            .unit(match datum.unit {
                Unit::Percent => StandardUnit::Percent,
                Unit::Count => StandardUnit::Count,
            })
            .set_storage_resolution(self.storage_resolution);
        let values = match &datum.value {
            Value::One(value) => return vec![encoded.value(*value).build()],
            Value::Distribution(values) => values,
        };
        let of_values = |values: &[ValueCount]| {
            let (percents, counts) =
                values.iter().map(|value| (value.percent(), f64::from(value.count))).unzip();
            encoded.clone().set_values(Some(percents)).set_counts(Some(counts)).build()
        };
        values.chunks(MOST_VALUES).map(of_values).collect()
    }
}

/// What of a request is taken.
#[derive(Default)]
struct Room {
    data: usize,
    bytes: usize,
}

impl Room {
    /// Takes room for a datum, if there is as much.
    fn takes(&mut self, datum: &MetricDatum) -> bool {
        self.data += 1;
        self.bytes += size_of_datum(datum);
        self.data <= MOST_DATA && DATUM_SIZE + self.bytes <= REQUEST_SIZE
    }
}

/// A bound on the size of the datum's CBOR encoding.
fn size_of_datum(datum: &MetricDatum) -> usize {
    let text = |text: Option<&str>| text.map_or(0, str::len) + FRAMING;
    let dimension = |d: &Dimension| FRAMING + text(d.name()) + text(d.value());
    let numbers = NUMBER_SIZE * (datum.values().len() + datum.counts().len());
    DATUM_SIZE + numbers + datum.dimensions().iter().map(dimension).sum::<usize>()
}

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
