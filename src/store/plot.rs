//! Answers for one metric.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use super::reader::{OpenHours, Reader};
use super::rollup::{Rollup, Total};
use super::series::Series;
use super::shelf::{BlockId, Failure, View};
use super::{MOST_AHEAD_MS, Resolution, Store};

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
    /// Of a counter.
    pub total: Option<Total>,
}

/// Why there is no plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplottable {
    NoCheck,
    NoMetric,
    /// A text has no points.
    Text,
    /// A number has no texts.
    Number,
    Unread(Unread),
}

/// Why the blocks cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The store is not open yet, or no longer.
    Closed,
    Failed(Failure),
    /// The disk has not answered for so long.
    Silent(Duration),
    /// The system has no thread to read it.
    NoThread(String),
}

impl From<Unread> for Unplottable {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the history is not open: see the log for the reason"),
            Self::Failed(failure) => write!(f, "the history cannot be read: {failure}"),
            Self::Silent(time) => {
                write!(f, "the disk of the history has not answered for {time:?}")
            }
            Self::NoThread(why) => f.write_str(why),
        }
    }
}

/// A part of the history that is asked for: the buckets that begin within `[from, to)`, and the one that the range
/// begins in.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub resolution: Resolution,
    pub range_ms: [i64; 2],
    /// The most buckets.
    pub most: usize,
    /// The time from which it is counted how long a level is kept.
    pub now_ms: i64,
}

impl Store {
    /// The buckets of a part, read in this thread.
    pub fn plot(&self, name: [&str; 2], part: Part) -> Result<Plot, Unplottable> {
        let series = self.numbers(name)?;
        let of = (series.number, series.described.is_counter);
        Ok(self.with_view(|view| part.plot(view, of, &series.open))?)
    }

    /// A metric that has points.
    pub(super) fn numbers(&self, [check, metric]: [&str; 2]) -> Result<&Series, Unplottable> {
        let of_check = self.places.get(check).ok_or(Unplottable::NoCheck)?;
        let series = &self.all[*of_check.get(metric).ok_or(Unplottable::NoMetric)?];
        if series.described.is_text() {
            return Err(Unplottable::Text);
        }
        Ok(series)
    }
}

impl Part {
    /// Makes the plot of a series, of blocks and of the points that are in none yet. These have to be taken before the
    /// blocks are looked at: a point may be in both, but never in neither.
    pub(super) fn plot(
        self,
        view: &dyn View,
        (number, is_counter): (Option<u32>, bool),
        open: &OpenHours,
    ) -> Result<Plot, Failure> {
        let Self { resolution, range_ms: [from_ms, to_ms], most, now_ms } = self;
        // Before its first block it has no number, and no block has that one.
        let reader =
            Reader { view, series: number.unwrap_or(u32::MAX), open, damaged: Cell::new(0) };
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
            total: is_counter.then_some(of.total),
        };
        let (points, next_ms) = if resolution == Resolution::Full {
            let (points, next_ms) = reader.points(from_ms, to_ms, most)?;
            let rollups = points.into_iter().map(|(at, value)| (at, Rollup::of(value)));
            (rollups.map(bucket).collect(), next_ms)
        } else {
            let (rollups, next_ms) = reader.rollups(resolution, from_ms, to_ms, most)?;
            (rollups.into_iter().map(bucket).collect(), next_ms)
        };
        Ok(Plot { points, next_ms, damaged: reader.damaged.get() })
    }
}

/// The same of these blocks, and of the hour that is in none.
pub(super) fn reaches(view: &dyn View, open: Option<i64>) -> Result<[Option<i64>; 6], Failure> {
    let mut reached = [None; 6];
    let mut oldest = open;
    for (reached, level) in reached.iter_mut().zip(Resolution::ALL) {
        let first = view.spans(level, 0, u32::MAX)?.first().copied();
        let first = first.map(|span| BlockId { level, span }.start_ms());
        // What has no block yet is made of the finer level.
        oldest = oldest.into_iter().chain(first).min();
        *reached = oldest;
    }
    Ok(reached)
}
