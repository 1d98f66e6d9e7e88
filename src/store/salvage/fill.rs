//! Writes the blocks and the latest points of a damaged file into a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use super::scan::Place;
use crate::sorted::{map_of, set_of, sort_by_key};
use crate::store::Resolution;
use crate::store::block::{Block, Builder};
use crate::store::chunk::{self, Points};
use crate::store::disk::{Disk, Notes};
use crate::store::recent;
use crate::store::resolution::HOUR_MS;
use crate::store::rollup::{Rollup, condense};
use crate::store::shelf::{BlockId, Failure, PageKey, Progress, View, Writing};

/// Fills a new file.
pub struct Filler<'a> {
    pub file: &'a File,
    pub disk: &'a Disk,
    /// The numbers of the series that are totals.
    pub counters: BTreeSet<u32>,
    pub head: Progress,
    pub is_given_up: &'a dyn Fn() -> bool,
}

/// The pages of one block that were written at one time.
struct Version<'a> {
    file: &'a File,
    pages: &'a [Place],
}

impl View for Version<'_> {
    fn page(&self, key: PageKey) -> Result<Option<Vec<u8>>, Failure> {
        let place = self.pages.binary_search_by_key(&key.2, |place| place.page).ok();
        Ok(place.and_then(|place| self.pages[place].bytes(self.file)))
    }

    fn spans(&self, _: Resolution, _: u32, _: u32) -> Result<Vec<u32>, Failure> {
        Ok(Vec::new())
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }
}

/// The chunk of each series of a block, with its rank: whether it is of the last commit, and how many points it has.
type Best = BTreeMap<u32, ((bool, u64), Vec<u8>)>;

impl Filler<'_> {
    /// Writes the blocks that were found. Returns those that may be incomplete.
    pub fn blocks(&self, found: &[Place], count: &mut usize) -> Result<BTreeSet<BlockId>, Failure> {
        let mut holed = BTreeSet::new();
        let of_blocks: Vec<_> = found
            .chunk_by(|one, other| (one.kind, one.span) == (other.kind, other.span))
            .filter_map(|pages| Some((id_of(pages.first()?)?, pages)))
            .filter(|(id, _)| self.is_kept(*id))
            .collect();
        for some in of_blocks.chunks(AT_ONCE) {
            self.disk.write(&Notes::default(), |blocks| {
                for (id, pages) in some {
                    self.go_on()?;
                    let (has_any, is_whole) = self.block(*id, pages, blocks)?;
                    if !is_whole {
                        holed.insert(*id);
                    }
                    *count += usize::from(has_any);
                }
                blocks.progressed(self.head);
                Ok(())
            })?;
        }
        Ok(holed)
    }

    /// Fails as soon as this is given up.
    fn go_on(&self) -> Result<(), Failure> {
        match (self.is_given_up)() {
            true => Err(Failure::Failed("it was given up".to_owned())),
            false => Ok(()),
        }
    }

    /// Writes one block. Returns whether any part of it was found, and whether the version of the last commit is complete.
    fn block(
        &self,
        id: BlockId,
        pages: &[Place],
        shelf: &mut dyn Writing,
    ) -> Result<(bool, bool), Failure> {
        // Pages of one version are neighbours in the list: they bear the seal of the same first page.
        let versions: Vec<_> = pages.chunk_by(|one, other| one.version == other.version).collect();
        let is_last = |version: &[Place]| version.first().is_some_and(|first| !first.is_old);
        for version in &versions {
            // No other version can be better, so its pages are copied as they are.
            let is_best = is_last(version) || versions.len() == 1;
            if is_best && self.copy(id, version, shelf)? {
                return Ok((true, is_last(version)));
            }
        }
        let (best, is_whole) = self.best(id, &versions)?;
        let has_any = !best.is_empty();
        let mut built = Builder::default();
        // This frees each chunk as soon as it is in the block.
        best.into_iter().for_each(|(series, (_, chunk))| built.add(series, &chunk));
        built.write(shelf, id)?;
        Ok((has_any, is_whole))
    }

    /// Copies the pages of a version. Returns false, and writes nothing, where one of them is missing.
    fn copy(&self, id: BlockId, pages: &[Place], shelf: &mut dyn Writing) -> Result<bool, Failure> {
        let view = Version { file: self.file, pages };
        let count = match Block::open(&view, id) {
            Ok(Some(block)) => block.page_count(),
            Ok(None) | Err(Failure::Damaged) => return Ok(false),
            Err(failure) => return Err(failure),
        };
        let Some(pages) = count.ok().and_then(|count| pages.get(..count)) else { return Ok(false) };
        // They are in order, and each is there once.
        if !pages.iter().enumerate().all(|(nth, place)| usize::from(place.page) == nth) {
            return Ok(false);
        }
        for place in pages {
            match place.bytes(self.file) {
                Some(bytes) => shelf.put(id.page(place.page), bytes)?,
                None => return shelf.remove(id).map(|()| false),
            }
        }
        Ok(true)
    }

    /// Whether a block was not removed for its age or for lack of room. Parts of a removed one may still be in the file.
    fn is_kept(&self, id: BlockId) -> bool {
        let is_dropped = id.level == Resolution::Full && id.start_ms() < self.head.dropped_ms;
        !is_dropped && id.end_ms() > id.level.kept_since(self.head.closed_ms) - 2 * HOUR_MS
    }

    /// The chunk of the highest rank of each series in all versions of a block, and whether the version of the last commit is
    /// complete.
    fn best(&self, id: BlockId, versions: &[&[Place]]) -> Result<(Best, bool), Failure> {
        let (mut best, mut is_whole) = (Best::new(), false);
        for pages in versions.iter().copied() {
            let view = Version { file: self.file, pages };
            let mut block = match Block::open(&view, id) {
                Ok(Some(block)) => block,
                Ok(None) | Err(Failure::Damaged) => continue,
                Err(failure) => return Err(failure),
            };
            let is_last = pages.first().is_some_and(|first| !first.is_old);
            let Ok(series) = block.series() else { continue };
            let mut has_all = true;
            for number in series {
                let chunk = match block.chunk(number) {
                    Err(Failure::Damaged) => None,
                    chunk => chunk?,
                };
                let count = chunk.as_ref().and_then(|chunk| count(id, chunk));
                has_all &= count.is_some();
                let Some((chunk, count)) = chunk.zip(count) else { continue };
                let rank = (is_last, count);
                if best.get(&number).is_none_or(|(other, _)| *other < rank) {
                    best.insert(number, (rank, chunk));
                }
            }
            is_whole |= is_last && has_all;
        }
        Ok((best, is_whole))
    }

    /// The end of the last block of the levels whose blocks are written only after their span has ended.
    pub fn closed_ms(&self) -> Result<i64, Failure> {
        let view = self.disk.view()?;
        let mut closed_ms = 0;
        for level in [Resolution::Min20, Resolution::Min60, Resolution::Min240, Resolution::Min1440]
        {
            let last = view.spans(level, 0, u32::MAX)?.pop();
            closed_ms =
                last.map_or(closed_ms, |span| closed_ms.max(BlockId { level, span }.end_ms()));
        }
        Ok(closed_ms)
    }

    /// Computes missing and incomplete blocks of rollups from the next finer level, as far back as that goes.
    pub fn remake(&self, holed: &BTreeSet<BlockId>) -> Result<(), Failure> {
        for level in Resolution::ALL.into_iter().skip(1) {
            let Some(finer) = level.finer() else { continue };
            let mut ids = set_of(holed.iter().copied().filter(|id| id.level == level));
            let view = self.disk.view()?;
            let known = set_of(view.spans(level, 0, u32::MAX)?);
            for span in view.spans(finer, 0, u32::MAX)? {
                let id = BlockId::at(level, BlockId { level: finer, span }.start_ms());
                let is_over = level == Resolution::Min5 || id.end_ms() <= self.head.closed_ms;
                if is_over && !known.contains(&id.span) {
                    ids.insert(id);
                }
            }
            drop(view);
            let ids: Vec<_> = ids.into_iter().collect();
            for some in ids.chunks(AT_ONCE) {
                self.disk.write(&Notes::default(), |blocks| {
                    some.iter().try_for_each(|id| {
                        self.go_on()?;
                        self.remake_one(*id, blocks)
                    })
                })?;
            }
        }
        let merged = Some(self.head.merged);
        let notes = Notes { merged, ..Notes::default() };
        self.disk.write(&notes, |blocks| {
            blocks.progressed(self.head);
            Ok(())
        })?;
        Ok(())
    }

    fn remake_one(&self, id: BlockId, shelf: &mut dyn Writing) -> Result<(), Failure> {
        let Some(finer) = id.level.finer() else { return Ok(()) };
        let mut built = Builder::default();
        {
            let [first, end] = [id.start_ms(), id.end_ms()].map(|at| BlockId::at(finer, at).span);
            let mut own: Vec<Block> = Block::open(shelf, id)?.into_iter().collect();
            let mut blocks = Vec::new();
            for span in shelf.spans(finer, first, end)? {
                blocks.extend(Block::open(shelf, BlockId { level: finer, span })?);
            }
            let mut series = BTreeSet::new();
            for block in own.iter().chain(&blocks) {
                series.extend(block.series()?);
            }
            for number in series {
                let made = condense(id.level, buckets(&mut blocks, number)?);
                let mut all = map_of(buckets(&mut own, number)?);
                for (start, rollup) in made {
                    let here = all.entry(start).or_insert(rollup);
                    if here.count < rollup.count {
                        *here = rollup;
                    }
                }
                let all: Vec<_> = all.into_iter().collect();
                let is_counter = self.counters.contains(&number);
                built.add(number, &chunk::encode(id.level, id.start_ms(), is_counter, &all));
            }
        }
        built.write(shelf, id)
    }

    /// Writes the points that are in no block yet, as one list. Returns how many there are.
    pub fn latest(&self, lists: &[Place], is_sure: bool) -> Result<usize, Failure> {
        let mut all: BTreeMap<u32, BTreeMap<u32, Points>> = BTreeMap::new();
        let (mut count, merged) = (0, self.head.merged);
        let mut last = merged.before_list;
        // Of a time that is there twice the later value counts. A list grows, so its longest version is the newest.
        let mut lists = lists.to_vec();
        sort_by_key(&mut lists, |place| (place.span, !place.is_old, place.length));
        for place in lists {
            let number = place.span;
            last = last.max(number);
            let Some(content) = place.content(self.file) else { continue };
            for (series, hour, points) in recent::decode(&content).map_while(Result::ok) {
                let is_merged = number < merged.before_list && hour < merged.before_hour;
                let is_dropped = i64::from(hour) * HOUR_MS < self.head.dropped_ms;
                if is_merged || is_dropped {
                    continue;
                }
                let known = all.entry(hour).or_default().entry(series).or_default();
                for (at, value) in points.iter() {
                    count += usize::from(known.put(at, value));
                }
            }
            // Without a head the lists of long ago are among them. Those hours are in blocks.
            while count > MOST_POINTS
                && all.len() > 1
                && let Some((_, oldest)) = all.pop_first()
            {
                count -= oldest.values().map(Points::len).sum::<usize>();
            }
        }
        let view = self.disk.view()?;
        let mut left = Vec::new();
        for (hour, mut of_hour) in all {
            self.go_on()?;
            if !is_sure {
                without_those_in_blocks(&view, hour, &mut of_hour)?;
            }
            let start = i64::from(hour) * HOUR_MS;
            for (series, points) in of_hour {
                left.extend(
                    points.iter().map(|(at, value)| (series, start + i64::from(at), value)),
                );
            }
        }
        drop(view);
        let count = left.len();
        if count > 0 {
            let recent = Some((last, recent::encode(left)));
            self.disk.write(&Notes { recent, ..Notes::default() }, |_| Ok(()))?;
        }
        Ok(count)
    }
}

/// Removes the points of an hour that are in its blocks already, so that none is counted twice.
fn without_those_in_blocks(
    view: &dyn View,
    hour: u32,
    of_hour: &mut BTreeMap<u32, Points>,
) -> Result<(), Failure> {
    let full = BlockId { level: Resolution::Full, span: hour };
    let min5 = BlockId::at(Resolution::Min5, full.start_ms());
    let mut stored: Vec<_> = Block::open(view, full)?.into_iter().collect();
    let mut condensed: Vec<_> = Block::open(view, min5)?.into_iter().collect();
    for (series, points) in of_hour {
        let stored = buckets(&mut stored, *series)?;
        let bucket = |at_ms| Resolution::Min5.bucket_start(at_ms);
        // How many points of each MIN5 bucket are not in the FULL block. Where there are some, it is not known whether they
        // are the ones of the list, and these are removed.
        let counts = buckets(&mut condensed, *series)?.into_iter();
        let mut unknown = map_of(counts.map(|(start, rollup)| (start, rollup.count)));
        for (at_ms, _) in &stored {
            if let Some(count) = unknown.get_mut(&bucket(*at_ms)) {
                *count = count.saturating_sub(1);
            }
        }
        let mut left = Points::default();
        for (at, value) in points.iter() {
            let at_ms = full.start_ms() + i64::from(at);
            let is_stored = stored.binary_search_by_key(&at_ms, |(at_ms, _)| *at_ms).is_ok();
            let is_unknown = unknown.get(&bucket(at_ms)).is_some_and(|count| *count > 0);
            if !is_stored && !is_unknown {
                left.put(at, value);
            }
        }
        *points = left;
    }
    Ok(())
}

/// The buckets of a series in these blocks. Each point of FULL is a bucket of one value.
fn buckets(blocks: &mut [Block], number: u32) -> Result<Vec<(i64, Rollup)>, Failure> {
    let mut all = Vec::new();
    for block in blocks {
        let (level, start) = (block.level(), block.start_ms());
        let Some(chunk) = block.chunk(number)? else { continue };
        if level == Resolution::Full {
            let points = Points::decode(&chunk)?;
            all.extend(points.iter().map(|(at, value)| (start + i64::from(at), Rollup::of(value))));
        } else {
            all.extend(chunk::decode(level, start, &chunk)?);
        }
    }
    Ok(all)
}

/// How many points a chunk has. `None` where it cannot be read.
fn count(id: BlockId, chunk: &[u8]) -> Option<u64> {
    if id.level == Resolution::Full {
        return Points::decode(chunk).ok().map(|points| points.len() as u64);
    }
    let buckets = chunk::decode(id.level, id.start_ms(), chunk).ok()?;
    Some(buckets.iter().map(|(_, rollup)| rollup.count).sum())
}

fn id_of(place: &Place) -> Option<BlockId> {
    let level = Resolution::ALL.into_iter().find(|level| *level as u8 == place.kind)?;
    Some(BlockId { level, span: place.span })
}

/// Blocks that are written in one commit.
const AT_ONCE: usize = 64;

/// Latest points that are taken over at most.
const MOST_POINTS: usize = 300_000;
