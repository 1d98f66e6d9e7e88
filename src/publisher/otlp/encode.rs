//! How windows become the requests of OTLP.
//!
//! The numbers of fields are those of `opentelemetry/proto/collector/metrics/v1/metrics_service.proto` and of
//! `opentelemetry/proto/metrics/v1/metrics.proto`, version 1.

use std::time::{SystemTime, UNIX_EPOCH};

use super::names;
use super::totals::{Amount, Figure, Totals};
use super::wire::Writer;
use crate::config::Deltas;
use crate::model::{Datum, Kind, Statistic, Summary};
use crate::publisher::{Parcel, Size};

/// What is the same in all requests.
#[derive(Debug)]
pub struct Encoding {
    /// Name and value of each attribute that every point has beside those of its metric.
    pub of_all: Vec<(String, String)>,
    pub deltas: Deltas,
}

/// Points of one metric go together.
#[derive(PartialEq, Eq)]
struct Group {
    name: String,
    unit: String,
    form: Form,
}

/// What the points of a metric are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Gauge,
    Sum,
    Histogram,
}

/// A point, and what it is of.
struct Point {
    group: Group,
    bytes: Vec<u8>,
}

impl Encoding {
    /// A request with all points of these parcels, under the attributes of the resource.
    pub fn request(
        &self,
        resource: &[(String, String)],
        totals: &Totals,
        parcels: &[Parcel<'_>],
    ) -> Vec<u8> {
        let mut groups = Vec::<(Group, Writer)>::new();
        for Parcel { summary, data } in parcels {
            for Point { group, bytes } in
                data.iter().filter_map(|datum| self.point(totals, summary, *datum))
            {
                let place = groups.iter().position(|(of, _)| *of == group).unwrap_or_else(|| {
                    groups.push((group, Writer::default()));
                    groups.len() - 1
                });
                groups[place].1.bytes(1, &bytes);
            }
        }
        let mut request = Writer::default();
        request.message(1, |of_resource| {
            of_resource.message(1, |it| resource.iter().for_each(|pair| attribute(it, 1, pair)));
            of_resource.message(2, |of_scope| {
                of_scope.message(1, scope);
                for (group, points) in groups {
                    of_scope.message(2, |metric| self.metric(metric, &group, points));
                }
            });
        });
        request.into_bytes()
    }

    /// A bound on what a datum takes of a request.
    pub fn size(&self, totals: &Totals, summary: &Summary, datum: Datum) -> Size {
        match self.point(totals, summary, datum) {
            Some(Point { group, bytes }) => {
                let bytes = bytes.len() + group.name.len() + group.unit.len() + FRAMING;
                Size { data: 1, bytes }
            }
            None => Size::default(),
        }
    }

    fn metric(&self, metric: &mut Writer, group: &Group, points: Writer) {
        metric.text(1, &group.name);
        metric.text(3, &group.unit);
        let points = points.into_bytes();
        let temporality = |is_delta: bool| if is_delta { DELTA } else { CUMULATIVE };
        match group.form {
            Form::Gauge => metric.bytes(5, &points),
            Form::Sum => metric.message(7, |sum| {
                sum.raw(&points);
                sum.varint(2, temporality(self.deltas.sums));
                // It only grows.
                sum.varint(3, 1);
            }),
            Form::Histogram => metric.message(10, |histogram| {
                histogram.raw(&points);
                histogram.varint(2, temporality(self.deltas.histograms));
            }),
        }
    }

    /// The point of a datum. Nothing of what has no value.
    fn point(&self, totals: &Totals, summary: &Summary, datum: Datum) -> Option<Point> {
        let entry = datum.entry(summary);
        let (metric, statistics) = (&*entry.metric, &entry.statistics);
        let name = names::name(metric, datum.statistic);
        let (unit, factor) = names::unit(metric);
        let figure = || totals.of(summary, datum.entry);
        let (mut start, mut time) = (summary.start, summary.end);
        let is_sum = matches!(metric.kind, Kind::Counter | Kind::Count);
        let (form, value) = match datum.statistic {
            Statistic::Median => (Form::Gauge, Some(statistics.median)),
            Statistic::Maximum => (Form::Gauge, Some(statistics.max)),
            Statistic::Last => (Form::Gauge, Some(statistics.last)),
            Statistic::Sample(place) => {
                let (at, value) = statistics.samples.get(place)?;
                (start, time) = (*at, *at);
                (Form::Gauge, Some(*value))
            }
            Statistic::Set if !is_sum => (Form::Gauge, Some(statistics.last)),
            Statistic::Set | Statistic::Growth => (Form::Sum, None),
            Statistic::Values | Statistic::Spread => (Form::Histogram, None),
        };
        let mut point = Writer::default();
        let attributes = if form == Form::Histogram { 1 } else { 7 };
        self.of_all.iter().for_each(|pair| attribute(&mut point, attributes, pair));
        for (name, value) in &metric.dimensions {
            attribute(&mut point, attributes, &(name, value));
        }
        match (value, value.is_none().then(figure).flatten()) {
            (Some(value), _) => point.double(4, value * factor),
            (None, Some(Figure { start: since, amount })) => {
                start = since;
                match amount {
                    Amount::Sum(sum) => point.double(4, sum),
                    Amount::Histogram(fields) => point.raw(&fields),
                }
            }
            (None, None) => return None,
        }
        point.fixed64(2, nanoseconds(start));
        point.fixed64(3, nanoseconds(time));
        Some(Point {
            group: Group { name, unit: unit.into_owned(), form },
            bytes: point.into_bytes(),
        })
    }
}

/// A bound on the size of the attributes of a resource, and of what stands around the metrics.
pub fn resource_size(resource: &[(String, String)]) -> usize {
    let of_each = resource.iter().map(|(name, value)| name.len() + value.len() + FRAMING);
    of_each.sum::<usize>() + 4 * FRAMING
}

fn scope(scope: &mut Writer) {
    scope.text(1, env!("CARGO_PKG_NAME"));
    scope.text(2, env!("CARGO_PKG_VERSION"));
}

/// A pair of a name and a text.
fn attribute(to: &mut Writer, field: u32, (name, value): &(impl AsRef<str>, impl AsRef<str>)) {
    to.message(field, |pair| {
        pair.text(1, name.as_ref());
        pair.message(2, |any| any.text(1, value.as_ref()));
    });
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A bound on what stands around a point and its metric: tags, lengths, and what says how sums are meant.
const FRAMING: usize = 48;

const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;
