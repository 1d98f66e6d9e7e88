//! Answers for one metric.

use std::cell::Cell;

use super::reader::Reader;
use super::rollup::Rollup;
use super::series::Series;
use super::shelf::{BlockId, Failure, View};
use super::{MOST_AHEAD_MS, Resolution, Shelf, Store};

/// A part of the history of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// In the order of time.
    pub points: Vec<Bucket>,
    /// Where the first one begins that is not among them, although it is in the range.
    pub next_ms: Option<i64>,
    /// How many blocks are missing because they are damaged.
    pub damaged: usize,
}

/// A point of a plot: the points of a bucket, or one alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    pub start_ms: i64,
    pub count: u64,
    pub average: f64,
    /// Of the population.
    pub variance: f64,
    pub min: f64,
    pub max: f64,
}

/// Why there is no plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplottable {
    NoCheck,
    NoMetric,
    Text,
    /// The store is not open yet, or no longer.
    Closed,
    Failed(Failure),
}

impl Store {
    /// The buckets of a range, at most so many: those that begin within [from, to), and the one that `from_ms` is
    /// in.
    pub fn plot(
        &self,
        [check, metric]: [&str; 2],
        resolution: Resolution,
        [from_ms, to_ms]: [i64; 2],
        most: usize,
        now_ms: i64,
    ) -> Result<Plot, Unplottable> {
        let of_check = self.places.get(check).ok_or(Unplottable::NoCheck)?;
        let series = &self.all[*of_check.get(metric).ok_or(Unplottable::NoMetric)?];
        if series.described.is_text() {
            return Err(Unplottable::Text);
        }
        match &self.shelf {
            Shelf::Memory(memory) => {
                plot(memory, series, resolution, [from_ms, to_ms], most, now_ms)
            }
            Shelf::Disk(_, None) => Err(Unplottable::Closed),
            Shelf::Disk(_, Some(disk)) => {
                let view = disk.view().map_err(Unplottable::Failed)?;
                plot(&view, series, resolution, [from_ms, to_ms], most, now_ms)
            }
        }
    }

    /// How far back each level reaches: when its oldest block begins.
    pub fn reaches(&self) -> Result<[Option<i64>; 6], Failure> {
        match &self.shelf {
            Shelf::Memory(memory) => reaches(memory),
            Shelf::Disk(_, None) => Ok([None; 6]),
            Shelf::Disk(_, Some(disk)) => reaches(&disk.view()?),
        }
    }
}

fn plot(
    view: &dyn View,
    series: &Series,
    resolution: Resolution,
    [from_ms, to_ms]: [i64; 2],
    most: usize,
    now_ms: i64,
) -> Result<Plot, Unplottable> {
    // Before its first block it has no number, and no block has that one.
    let number = series.number.unwrap_or(u32::MAX);
    let reader = Reader { view, series: number, open: &series.open, damaged: Cell::new(0) };
    // What was dropped for lack of room is gone as a whole, also where single points of it came again.
    let dropped = Some(view.progress().dropped_ms).filter(|_| resolution == Resolution::Full);
    let kept = resolution.kept_since(now_ms).max(dropped.unwrap_or(0)).max(0);
    let from_ms = resolution.bucket_start(from_ms.max(kept));
    let to_ms = to_ms.min(now_ms + MOST_AHEAD_MS + 1);
    if to_ms <= from_ms {
        return Ok(Plot { points: Vec::new(), next_ms: None, damaged: 0 });
    }
    let bucket = |(start_ms, of): (i64, Rollup)| Bucket {
        start_ms,
        count: of.count,
        average: of.average,
        variance: of.variance(),
        min: of.min,
        max: of.max,
    };
    let (points, next_ms) = if resolution == Resolution::Full {
        let (points, next_ms) = reader.points(from_ms, to_ms, most).map_err(Unplottable::Failed)?;
        let rollups = points.into_iter().map(|(at, value)| (at, Rollup::of(value)));
        (rollups.map(bucket).collect(), next_ms)
    } else {
        let rollups = reader.rollups(resolution, from_ms, to_ms, most);
        let (rollups, next_ms) = rollups.map_err(Unplottable::Failed)?;
        (rollups.into_iter().map(bucket).collect(), next_ms)
    };
    Ok(Plot { points, next_ms, damaged: reader.damaged.get() })
}

fn reaches(view: &dyn View) -> Result<[Option<i64>; 6], Failure> {
    let mut reached = [None; 6];
    let mut oldest: Option<i64> = None;
    for (reached, level) in reached.iter_mut().zip(Resolution::ALL) {
        let first = view.spans(level, 0, u32::MAX)?.first().copied();
        let first = first.map(|span| BlockId { level, span }.start_ms());
        // What has no block yet is made of the finer level.
        oldest = oldest.into_iter().chain(first).min();
        *reached = oldest;
    }
    Ok(reached)
}
