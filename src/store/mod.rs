//! The history: every point of every metric for two days, and five rollups for up to five years.
//!
//! A point first lies in memory, in its hour ([`series`]), and beside that in the list of the latest points that
//! each commit writes ([`recent`]). Soon after an hour has ended its points go into a block, condensed as well, and
//! coarser blocks are made as their spans end ([`condense`]). A query takes from blocks what is complete there and
//! condenses the rest itself ([`reader`]), so no answer depends on whether that has been done.

mod block;
mod bytes;
mod chunk;
mod column;
mod condense;
mod disk;
pub mod keep;
mod reader;
mod recent;
mod resolution;
mod rollup;
mod series;
mod shelf;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use self::condense::{Job, Written};
use self::disk::{Disk, Found, Notes};
pub use self::disk::{Unusable, file_in};
use self::reader::Reader;
use self::recent::hour_of;
use self::resolution::HOUR_MS;
pub use self::resolution::Resolution;
use self::rollup::Rollup;
pub use self::series::Described;
use self::series::Series;
pub use self::shelf::Failure;
use self::shelf::{BlockId, Memory, Merged, Progress, View};

/// All that is kept.
#[derive(Debug)]
pub struct Store {
    shelf: Shelf,
    all: Vec<Series>,
    /// The place of each series, by check and metric.
    places: BTreeMap<Rc<str>, BTreeMap<Rc<str>, usize>>,
    next_number: u32,
    /// The points since the last commit. Only a file needs them.
    unsynced: Vec<(usize, i64, f64)>,
    /// Whether a commit failed, so that the next one has to write all points that are in no block.
    must_rewrite: bool,
    /// The lists of latest points in the file.
    recent: Vec<Listed>,
    /// Numbers are never used again: see [`Merged`].
    next_list: u32,
    open_points: usize,
    most_bytes: u64,
    /// Points of before were dropped for lack of room.
    dropped_ms: i64,
    counts: Counts,
}

/// Where the blocks are.
#[derive(Debug)]
enum Shelf {
    Memory(Memory),
    /// Nothing until it is open.
    Disk(PathBuf, Option<Arc<Disk>>),
}

/// A list of latest points in the file.
#[derive(Clone, Debug)]
struct Listed {
    number: u32,
    /// The last hour of which it has points.
    last_hour: u32,
    /// What it has, of the last one alone: as long as it is short, the next commit adds to it, because a page is
    /// written as a whole.
    bytes: Vec<u8>,
}

/// What became of points that are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They were older than the points that are kept, or too far ahead of the clock.
    pub rejected_times: u64,
    /// They were no finite numbers, or beyond [`LARGEST`].
    pub rejected_values: u64,
    /// There was no room for their series: see [`MOST_SERIES`].
    pub rejected_series: u64,
    /// There was no room for them, because they could not be written for long or the store is full.
    pub dropped: u64,
}

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

/// What a commit writes.
#[derive(Debug)]
pub struct Commit {
    notes: Notes,
    job: Job,
    /// The list of latest points in it.
    listed: Option<Listed>,
}

impl Commit {
    fn write(&self, disk: &Disk) -> Result<Progress, Failure> {
        disk.write(&self.notes, |blocks| condense::write(&self.job, blocks))
    }
}

impl Store {
    /// A store that ends with the process.
    pub fn in_memory(most_bytes: u64) -> Self {
        Self::on(Shelf::Memory(Memory::default()), most_bytes)
    }

    /// A store in a folder, which is opened later: points wait for that in memory.
    pub fn in_folder(folder: &Path, most_bytes: u64) -> Self {
        Self::on(Shelf::Disk(folder.to_owned(), None), most_bytes)
    }

    fn on(shelf: Shelf, most_bytes: u64) -> Self {
        Self {
            shelf,
            all: Vec::new(),
            places: BTreeMap::new(),
            next_number: 0,
            unsynced: Vec::new(),
            must_rewrite: false,
            recent: Vec::new(),
            next_list: 0,
            open_points: 0,
            most_bytes,
            dropped_ms: 0,
            counts: Counts::default(),
        }
    }

    /// Takes over what a file has.
    fn opened(&mut self, disk: Disk, found: Found) -> usize {
        let (mut damaged, Progress { merged, dropped_ms, .. }) = (found.damaged, found.progress);
        self.dropped_ms = dropped_ms;
        self.next_list = self.next_list.max(merged.before_list);
        let mut by_number = BTreeMap::new();
        for (number, bytes) in found.series {
            self.next_number = self.next_number.max(number + 1);
            match Described::decode(&bytes) {
                Ok(described) => {
                    let place = self.place_of(described);
                    let series = &mut self.all[place];
                    (series.number, series.is_written) = (Some(number), true);
                    by_number.insert(number, place);
                }
                Err(_) => damaged += 1,
            }
        }
        for (number, bytes) in found.recent {
            let mut last_hour = 0;
            for entry in recent::decode(&bytes) {
                let Ok((series, hour, points)) = entry else {
                    damaged += 1;
                    break;
                };
                if number < merged.before_list && hour < merged.before_hour {
                    continue;
                }
                last_hour = last_hour.max(hour);
                let Some(place) = by_number.get(&series) else { continue };
                for (at, value) in points.iter() {
                    self.add(*place, hour, at, value);
                }
            }
            self.recent.push(Listed { number, last_hour, bytes: Vec::new() });
            self.next_list = self.next_list.max(number + 1);
        }
        if let Shelf::Disk(_, open) = &mut self.shelf {
            *open = Some(Arc::new(disk));
        }
        damaged
    }

    /// Gives the file up, so that it can be opened anew. What is not in a block is kept in memory.
    fn close(&mut self) -> Option<Arc<Disk>> {
        self.recent.clear();
        self.not_committed();
        match &mut self.shelf {
            Shelf::Disk(_, open) => open.take(),
            Shelf::Memory(_) => None,
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The series of a metric, which is made where there is none. `None` where there is no room for one more.
    pub fn series(&mut self, described: Described) -> Option<usize> {
        let known = self.places.get(&described.check).and_then(|of| of.get(&described.name));
        match known.copied() {
            Some(place) => {
                let series = &mut self.all[place];
                if series.described != described {
                    // A check that was configured anew may have another unit.
                    (series.described, series.is_written) = (described, false);
                }
                Some(place)
            }
            None if self.all.len() < MOST_SERIES => Some(self.place_of(described)),
            None => {
                self.counts.rejected_series += 1;
                None
            }
        }
    }

    fn place_of(&mut self, described: Described) -> usize {
        let of_check = self.places.entry(described.check.clone()).or_default();
        let next = self.all.len();
        let place = *of_check.entry(described.name.clone()).or_insert(next);
        if place == next {
            self.all.push(Series::new(described));
        }
        place
    }

    /// Takes a point. One that cannot be kept is counted.
    pub fn put(&mut self, place: usize, at_ms: i64, value: f64, now_ms: i64) {
        if !value.is_finite() || value.abs() > LARGEST {
            self.counts.rejected_values += 1;
            return;
        }
        let oldest = Resolution::Full.kept_since(now_ms).max(self.dropped_ms).max(0);
        if at_ms < oldest || at_ms > now_ms + MOST_AHEAD_MS {
            self.counts.rejected_times += 1;
            return;
        }
        let (hour, at) = hour_of(at_ms);
        self.add(place, hour, at, value);
        if let Shelf::Disk(..) = self.shelf
            && !self.must_rewrite
        {
            self.unsynced.push((place, at_ms, value));
        }
        if self.open_points > MOST_OPEN_POINTS {
            self.drop_oldest_hour();
        }
    }

    fn add(&mut self, place: usize, hour: u32, at: u32, value: f64) {
        let series = &mut self.all[place];
        self.open_points += usize::from(series.put(hour, at, value));
        series.updated_ms = series.updated_ms.max(i64::from(hour) * HOUR_MS + i64::from(at));
    }

    /// A file cannot be written for long: memory has an end.
    fn drop_oldest_hour(&mut self) {
        let hours = self.all.iter().flat_map(|series| series.open.first());
        let Some(oldest) = hours.map(|(hour, _)| *hour).min() else { return };
        for series in &mut self.all {
            if series.open.first().is_some_and(|(hour, _)| *hour == oldest) {
                let count = series.open.remove(0).1.len();
                self.open_points -= count;
                self.counts.dropped += count as u64;
            }
        }
        self.unsynced.retain(|(_, at_ms, _)| hour_of(*at_ms).0 > oldest);
    }

    /// What a commit at this time writes. Nothing where there is nothing new. `trusts_clock` tells whether what the
    /// clock calls old may be removed.
    pub fn commit_at(&mut self, now_ms: i64, trusts_clock: bool) -> Option<Commit> {
        // Results of checks arrive a while after their time.
        let current = hour_of(now_ms - STRAGGLERS_MS).0;
        let is_early = self.open_points > EARLY_POINTS;
        let is_ended = |hour: u32| hour < current || is_early;
        let mut job = Job {
            closed_ms: i64::from(current) * HOUR_MS,
            now_ms: trusts_clock.then_some(now_ms),
            most_bytes: self.most_bytes,
            ..Job::default()
        };
        let is_memory = matches!(self.shelf, Shelf::Memory(_));
        for series in &mut self.all {
            let has_ended = series.open.iter().any(|(hour, _)| is_ended(*hour));
            if series.number.is_none() && (has_ended || !is_memory) && !series.open.is_empty() {
                series.number = Some(self.next_number);
                self.next_number += 1;
            }
            let Some(number) = series.number else { continue };
            for (hour, points) in series.open.iter().filter(|(hour, _)| is_ended(*hour)) {
                let is_counter = series.described.is_counter;
                let points = points.clone();
                job.hours.entry(*hour).or_default().push(Written {
                    series: number,
                    is_counter,
                    points,
                });
            }
        }
        job.hours.values_mut().for_each(|series| series.sort_by_key(|of| of.series));
        let (notes, listed) = match is_memory {
            true => (Notes::default(), None),
            false => self.notes(&job),
        };
        let has_news = !job.hours.is_empty() || notes.recent.is_some() || !notes.series.is_empty();
        has_news.then_some(Commit { notes, job, listed })
    }

    /// The latest points that stay out of blocks, and what series there are.
    fn notes(&mut self, job: &Job) -> (Notes, Option<Listed>) {
        let mut notes = Notes::default();
        for series in &mut self.all {
            if let (Some(number), false) = (series.number, series.is_written) {
                notes.series.push((number, series.described.encode()));
            }
        }
        let all = match self.must_rewrite {
            true => self.all_open(),
            false => std::mem::take(&mut self.unsynced),
        };
        let left =
            all.into_iter().filter(|(_, at_ms, _)| !job.hours.contains_key(&hour_of(*at_ms).0));
        let numbered = |(place, at_ms, value): (usize, i64, f64)| {
            Some((self.all[place].number?, at_ms, value))
        };
        let left: Vec<_> = left.filter_map(numbered).collect();
        let last_hour = left.iter().map(|(_, at_ms, _)| hour_of(*at_ms).0).max();
        let next = self.next_list;
        let listed = last_hour.map(|last_hour| {
            let new = recent::encode(left);
            match self.recent.last().filter(|_| job.hours.is_empty()) {
                Some(Listed { bytes, number, last_hour: before })
                    if !bytes.is_empty() && bytes.len() + new.len() <= FULL_LIST =>
                {
                    let (last_hour, bytes) = (last_hour.max(*before), [&**bytes, &*new].concat());
                    Listed { number: *number, last_hour, bytes }
                }
                _ => Listed { number: next, last_hour, bytes: new },
            }
        });
        notes.recent = listed.as_ref().map(|listed| (listed.number, listed.bytes.clone()));
        // All that ends by then is in a block now, also what came late.
        let first_open = self.all.iter().flat_map(|series| &series.open);
        let first_open =
            first_open.map(|(hour, _)| *hour).filter(|hour| !job.hours.contains_key(hour));
        let first_open = first_open.min().unwrap_or(u32::MAX);
        if let Some(last) = job.hours.keys().next_back() {
            let done = self.recent.iter().filter(|of| of.last_hour < first_open);
            notes.done = done.map(|of| of.number).collect();
            // All hours up to the last of these are in blocks; of the others, none is.
            notes.merged = Some(Merged { before_list: next, before_hour: last + 1 });
        }
        (notes, listed)
    }

    fn all_open(&self) -> Vec<(usize, i64, f64)> {
        let mut all = Vec::with_capacity(self.open_points);
        for (place, series) in self.all.iter().enumerate() {
            for (hour, points) in &series.open {
                let start = i64::from(*hour) * HOUR_MS;
                all.extend(points.iter().map(|(at, value)| (place, start + i64::from(at), value)));
            }
        }
        all
    }

    /// Opens the file at once, which may block. The error count is that of damaged parts.
    pub fn open(&mut self) -> Result<usize, Unusable> {
        let Shelf::Disk(folder, None) = &self.shelf else { return Ok(0) };
        let (disk, found) = Disk::open(folder)?;
        Ok(self.opened(disk, found))
    }

    /// Commits what is new at once, which may block.
    pub fn commit(&mut self, now_ms: i64) -> Result<(), Failure> {
        let Some(commit) = self.commit_at(now_ms, true) else { return Ok(()) };
        let written = match &mut self.shelf {
            Shelf::Memory(memory) => {
                condense::write(&commit.job, memory).map(|()| memory.progress())
            }
            Shelf::Disk(_, Some(disk)) => commit.write(disk),
            Shelf::Disk(_, None) => Err(Failure::Failed("it is not open".to_owned())),
        };
        match &written {
            Ok(progress) => self.committed(&commit, *progress),
            Err(_) => self.not_committed(),
        }
        written.map(drop)
    }

    /// A commit was made.
    fn committed(&mut self, commit: &Commit, progress: Progress) {
        let by_number: BTreeMap<u32, usize> = match commit.job.hours.is_empty() {
            true => BTreeMap::new(),
            false => {
                self.all.iter().enumerate().filter_map(|(at, of)| Some((of.number?, at))).collect()
            }
        };
        for (hour, written) in &commit.job.hours {
            for Written { series, points, .. } in written {
                let Some(place) = by_number.get(series) else { continue };
                self.open_points -= self.all[*place].written(*hour, points);
            }
        }
        if !commit.notes.series.is_empty() {
            // One that was described anew meanwhile is not written yet.
            for (number, bytes) in &commit.notes.series {
                let series = self.all.iter_mut().find(|series| series.number == Some(*number));
                if let Some(series) = series {
                    series.is_written = series.described.encode() == *bytes;
                }
            }
        }
        let is_old = |number| {
            commit.notes.done.contains(&number)
                || commit.listed.as_ref().is_some_and(|listed| listed.number == number)
        };
        self.recent.retain(|of| !is_old(of.number));
        if let Some(listed) = &commit.listed {
            self.next_list = self.next_list.max(listed.number + 1);
            self.recent.iter_mut().for_each(|of| of.bytes = Vec::new());
            self.recent.push(listed.clone());
        }
        self.must_rewrite = false;
        if progress.dropped_ms > self.dropped_ms {
            self.dropped_ms = progress.dropped_ms;
            let first = hour_of(progress.dropped_ms).0;
            while self.all.iter().any(|of| of.open.first().is_some_and(|(hour, _)| *hour < first)) {
                self.drop_oldest_hour();
            }
        }
    }

    /// A commit could not be made: the next one writes all that is in no block.
    fn not_committed(&mut self) {
        self.must_rewrite = true;
        self.unsynced.clear();
    }

    /// The checks of which something is known.
    pub fn checks(&self) -> impl Iterator<Item = &Rc<str>> {
        self.places.keys()
    }

    /// The metrics of a check, by name, each with the time of its newest point, where that is known.
    pub fn metrics(&self, check: &str) -> impl Iterator<Item = (&Described, Option<i64>)> {
        let of_check = self.places.get(check).into_iter().flat_map(|of| of.values());
        of_check.map(|place| {
            let series = &self.all[*place];
            (&series.described, Some(series.updated_ms).filter(|ms| *ms > 0))
        })
    }

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
    let damaged = Rc::new(Cell::new(0));
    // Before its first block it has no number, and no block has that one.
    let number = series.number.unwrap_or(u32::MAX);
    let reader = Reader { view, series: number, open: &series.open, damaged: damaged.clone() };
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
    Ok(Plot { points, next_ms, damaged: damaged.get() })
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

/// With more bytes than this a list of latest points gets no more.
const FULL_LIST: usize = 3_000;

/// A later result of a check is no longer taken.
const MOST_AHEAD_MS: i64 = 10 * 60_000;

/// So long after an hour has ended its points are written: those that come later open it again.
const STRAGGLERS_MS: i64 = 60_000;

/// Numbers beyond this are rejected: the square of one, of which a variance is made, has to be finite.
const LARGEST: f64 = 1e150;

/// Series that one store may have, so that names that change without end do not fill the memory: 150 bytes each,
/// and their points.
const MOST_SERIES: usize = 20_000;

/// With more points than this in memory their hours are written before they end.
const EARLY_POINTS: usize = 50_000;

/// With more than this the oldest hour is dropped, and counted: the file could not be written for that long.
const MOST_OPEN_POINTS: usize = 300_000;
