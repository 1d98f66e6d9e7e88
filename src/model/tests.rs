//! Summaries as tests need them.

use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use super::{CHECK, Entry, Kind, Metric, Number, Statistics, Summary, TARGET, Unit, ValueCount};

/// The start of [`summary`]: 2026-11-18T11:07:00Z.
pub const START: Duration = Duration::from_secs(1_795_000_020);

pub fn summary(entries: Vec<Entry>) -> Summary {
    let start = UNIX_EPOCH + START;
    Summary { start, end: start + Duration::from_secs(60), entries, measured: Rc::default() }
}

/// A number of the whole, or of a container.
pub fn entry(number: Number, container: Option<&str>, statistics: Statistics) -> Entry {
    let container = container.map(Rc::from);
    Entry { metric: Rc::new(number.of(container.as_ref())), statistics }
}

/// Samples of a median and a maximum.
pub fn sampled(count: usize, median: f64, max: f64) -> Statistics {
    let (first, last) = (median, median);
    Statistics { count, max, mean: 1.0, median, first, last, ..Statistics::of_none() }
}

/// The same with all of its values: hundredths of a percent, and how often each was there.
pub fn with_values(mut statistics: Statistics, values: &[(u16, u32)]) -> Statistics {
    let value = |&(hundredths, count): &(u16, u32)| ValueCount { hundredths, count };
    statistics.values = values.iter().map(value).collect();
    statistics
}

/// A number that was reported, from which a counter counts, and the newest.
pub fn reported(first: f64, last: f64) -> Statistics {
    Statistics { first, last, ..sampled(2, last, last) }
}

/// What a check of this id found of one thing or of this target, under this name in CloudWatch: numbers of
/// which each is kept.
pub fn checked(id: &str, target: Option<&str>, name: &str, unit: Unit, numbers: &[f64]) -> Entry {
    let target = target.map(|target| (TARGET.into(), target.into()));
    let dimensions = [(CHECK.into(), id.into())].into_iter().chain(target).collect();
    let published = Some(name.into());
    let (check, name, kind) = (id.to_owned().into(), name.to_lowercase().into(), Kind::Gauge);
    let of_check = Number::Cpu.of(None);
    let metric = Metric { check, name, unit, kind, dimensions, published, ..of_check };
    let (count, sum) = (numbers.len(), numbers.iter().sum::<f64>());
    let statistics = Statistics {
        count,
        min: numbers.iter().copied().fold(f64::INFINITY, f64::min),
        max: numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        mean: sum / count as f64,
        last: numbers.last().copied().unwrap_or_default(),
        numbers: numbers.to_vec(),
        ..sampled(count, 0.0, 0.0)
    };
    Entry { metric: Rc::new(metric), statistics }
}
