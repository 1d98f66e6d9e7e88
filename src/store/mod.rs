//! The history: every point of every metric for two days, and five rollups for up to five years.
//!
//! A point first lies in memory, in its hour ([`series`]), and beside that in the list of the latest points that
//! each commit writes ([`recent`]). Soon after an hour has ended its points go into a block, condensed as well, and
//! coarser blocks are made as their spans end ([`condense`]). A query takes from blocks what is complete there and
//! condenses the rest itself ([`reader`]), so no answer depends on whether that has been done.

pub mod aside;
mod block;
mod bytes;
mod chunk;
mod column;
mod commit;
mod condense;
mod disk;
mod existing;
pub mod export;
mod file;
mod forget;
mod head;
mod header;
pub mod keep;
mod moment;
mod plot;
mod prune;
mod reader;
mod recent;
mod replace;
mod resolution;
mod rollup;
mod salvage;
mod series;
mod shelf;
#[cfg(test)]
mod tests;
mod texts;
mod told;
mod unusable;
pub mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Semaphore;

use self::chunk::Points;
use self::commit::Commit;
use self::disk::{Disk, Found};
pub use self::existing::{Opened, Unopened};
pub use self::file::file_in;
pub use self::moment::utc;
pub use self::plot::{Bucket, Part, Plot, Unplottable, Unread};
use self::recent::hour_of;
pub use self::replace::{Replaced, open_unless_damaged};
use self::resolution::HOUR_MS;
pub use self::resolution::Resolution;
pub use self::rollup::Total;
pub use self::series::Described;
use self::series::Series;
pub use self::shelf::Failure;
use self::shelf::{Memory, Progress, View};
pub use self::texts::Change;
use self::texts::Texts;
pub use self::unusable::Unusable;

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
    /// With more points than this in memory their hours are written before they end.
    early_points: usize,
    most_bytes: u64,
    /// Points before this time were dropped for lack of room.
    dropped_ms: i64,
    counts: Counts,
    texts: Texts,
    /// The threads that may read the file at once.
    readers: Arc<Semaphore>,
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

/// Points that are not kept.
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
            early_points: EARLY_POINTS,
            most_bytes,
            dropped_ms: 0,
            counts: Counts::default(),
            texts: Texts::default(),
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// Opens the file at once, which may block. Returns how many parts of it are damaged.
    pub fn open(&mut self) -> Result<usize, Unusable> {
        let Shelf::Disk(folder, None) = &self.shelf else { return Ok(0) };
        let (disk, found) = Disk::open(folder)?;
        Ok(self.opened(disk, found))
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
                Ok((described, revision)) => {
                    let place = self.place_of(described.clone());
                    self.all[place].found(number, &described, revision);
                    by_number.insert(number, place);
                }
                Err(_) => damaged += 1,
            }
        }
        damaged += self.found_texts(&found.texts, &by_number);
        // Of a time that is there twice the later value counts.
        let mut latest: BTreeMap<(usize, u32), Points> = BTreeMap::new();
        for (number, bytes) in found.recent {
            let mut last_hour = 0;
            for entry in recent::decode(&bytes) {
                let Ok((series, hour, points)) = entry else {
                    damaged += 1;
                    break;
                };
                let is_merged = number < merged.before_list && hour < merged.before_hour;
                if is_merged || i64::from(hour) * HOUR_MS < dropped_ms {
                    continue;
                }
                last_hour = last_hour.max(hour);
                let Some(place) = by_number.get(&series) else { continue };
                let all = latest.entry((*place, hour)).or_default();
                for (at, value) in points.iter() {
                    all.put(at, value);
                }
            }
            self.recent.push(Listed { number, last_hour, bytes: Vec::new() });
            self.next_list = self.next_list.max(number + 1);
        }
        for ((place, hour), points) in latest {
            for (at, value) in points.iter() {
                // What came since is newer.
                if !self.all[place].has(hour, at) {
                    self.add(place, hour, at, value);
                }
            }
        }
        if let Shelf::Disk(_, open) = &mut self.shelf {
            *open = Some(Arc::new(disk));
        }
        damaged
    }

    /// Gives the file up, so that it can be opened anew. What is not in a block is kept in memory.
    fn close(&mut self) -> Option<Arc<Disk>> {
        let Shelf::Disk(_, open) = &mut self.shelf else { return None };
        let disk = open.take();
        // Another file may have other numbers.
        for series in &mut self.all {
            (series.number, series.is_written) = (None, false);
        }
        (self.next_number, self.next_list) = (0, 0);
        self.recent.clear();
        self.not_committed();
        disk
    }

    /// Looks at the blocks as they are now, in this thread.
    fn with_view<T>(
        &self,
        look: impl FnOnce(&dyn View) -> Result<T, Failure>,
    ) -> Result<T, Unread> {
        match &self.shelf {
            Shelf::Memory(memory) => Ok(look(memory)?),
            Shelf::Disk(_, None) => Err(Unread::Closed),
            Shelf::Disk(_, Some(disk)) => Ok(look(&disk.view()?)?),
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
                // A text once in a while does not make a text of a number.
                let has_points = series.updated_ms > 0 || series.number.is_some();
                let is_number = has_points && !series.described.is_text();
                if series.described != described && !(described.is_text() && is_number) {
                    // A check that was configured anew may have another unit.
                    series.describe(described);
                }
                Some(place)
            }
            None if self.all.len() < MOST_SERIES && described.name.len() <= LONGEST_NAME => {
                Some(self.place_of(described))
            }
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
            if self.unsynced.len() > MOST_UNSYNCED {
                self.not_committed();
            }
        }
        if self.open_points > MOST_OPEN_POINTS {
            self.drop_oldest_hour();
        }
    }

    /// When the oldest hour begins that is in no block yet.
    fn oldest_open_ms(&self) -> Option<i64> {
        let hours = self.all.iter().flat_map(|series| series.open.first());
        hours.map(|(hour, _)| i64::from(*hour) * HOUR_MS).min()
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
}

/// A later result of a check is no longer taken.
const MOST_AHEAD_MS: i64 = 10 * 60_000;

/// Numbers beyond this are rejected: the square of one, of which a variance is made, has to be finite.
const LARGEST: f64 = 1e150;

/// Series that one store may have, so that names that change without end do not fill the memory: 300 bytes each with
/// a name of usual length, and their points.
pub const MOST_SERIES: usize = 20_000;

/// Bytes of the name of a metric. One with a longer name is not kept.
const LONGEST_NAME: usize = 1024;

/// Threads that read the file at once. A disk that does not answer holds these, and further questions wait.
const READERS: usize = 2;

/// The usual `early_points`.
const EARLY_POINTS: usize = 50_000;

/// With more new points than this, which happens where a file cannot be opened, they are no longer listed apart.
const MOST_UNSYNCED: usize = 50_000;

/// With more than this the oldest hour is dropped, and counted: the file could not be written for that long.
const MOST_OPEN_POINTS: usize = 300_000;
