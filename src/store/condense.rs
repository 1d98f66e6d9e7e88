//! Writes points into blocks, and keeps the blocks of all levels complete, in age and in size within their limits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Resolution;
use super::block::{Block, Builder};
use super::chunk::{self, Points};
use super::recent::hour_of;
use super::resolution::HOUR_MS;
use super::rollup::{Rollup, condense, merged};
use super::shelf::{BlockId, Failure, Progress, Writing};
use crate::sorted::set_of;

/// What is to be written, and the limits.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Hours since 1970, each with the points of its series in the order of their numbers.
    pub hours: BTreeMap<u32, Vec<Written>>,
    /// The start of the hour that is not over. Spans that end by then, and no later than the last of these hours, are
    /// complete with this: a clock that was ahead for a while closes nothing.
    pub current_ms: i64,
    /// What is older than this allows is removed. `None` where the clock cannot be trusted at present.
    pub now_ms: Option<i64>,
    /// Most bytes of all pages.
    pub most_bytes: u64,
}

/// The points of one series in one hour.
#[derive(Clone, Debug)]
pub struct Written {
    pub series: u32,
    pub is_counter: bool,
    pub points: Arc<Points>,
}

/// Does it. After an error nothing of it may be kept.
pub fn write(job: &Job, shelf: &mut dyn Writing) -> Result<(), Failure> {
    let before = shelf.progress();
    for (hour, series) in &job.hours {
        // Of an hour that was dropped for lack of room these points alone would be taken for all.
        if i64::from(*hour) * HOUR_MS >= before.dropped_ms {
            write_hour(*hour, series, shelf)?;
        }
    }
    let written = job.hours.keys().next_back().map_or(0, |hour| i64::from(hour + 1) * HOUR_MS);
    let closed_ms = before.closed_ms.max(job.current_ms.min(written));
    shelf.progressed(Progress { closed_ms, ..before });
    for level in [Resolution::Min20, Resolution::Min60, Resolution::Min240, Resolution::Min1440] {
        for id in incomplete(level, job, before.closed_ms, closed_ms, shelf)? {
            roll_up(id, shelf)?;
        }
    }
    if let Some(now_ms) = job.now_ms {
        expire(now_ms, shelf)?;
    }
    drop_oldest(job.most_bytes, job.current_ms, shelf)
}

/// Adds points to the block of an hour, and condenses those series anew.
fn write_hour(hour: u32, written: &[Written], shelf: &mut dyn Writing) -> Result<(), Failure> {
    let full = BlockId { level: Resolution::Full, span: hour };
    let hour_ms = full.start_ms();
    let min5 = BlockId::at(Resolution::Min5, hour_ms);
    let (mut points, mut rollups) = (Builder::default(), Builder::default());
    {
        let mut old = [readable(Block::open(shelf, full))?, readable(Block::open(shelf, min5))?];
        let mut series = set_of(written.iter().map(|of| of.series));
        for block in old.iter().flatten() {
            series.extend(block.series().unwrap_or_default());
        }
        for number in series {
            let chunk = |block: &mut Option<Block>| match block {
                Some(block) => readable(block.chunk(number)),
                None => Ok(None),
            };
            let [old_points, old_rollups] = &mut old;
            let (stored, condensed) = (chunk(old_points)?, chunk(old_rollups)?);
            let Ok(place) = written.binary_search_by_key(&number, |of| of.series) else {
                stored.iter().for_each(|chunk| points.add(number, chunk));
                condensed.iter().for_each(|chunk| rollups.add(number, chunk));
                continue;
            };
            let Written { is_counter, points: new, .. } = &written[place];
            let stored = stored.and_then(|chunk| Points::decode(&chunk).ok());
            let span_ms = min5.start_ms();
            let old = condensed.and_then(|chunk| chunk::decode(min5.level, span_ms, &chunk).ok());
            let mut buckets = old.unwrap_or_default();
            let of_hour: Vec<_> =
                buckets.extract_if(.., |(start, _)| hour_of(*start).0 == hour).collect();
            let stored = stored.unwrap_or_default();
            let mut chunk = Vec::new();
            stored.clone().with(new).encode(&mut chunk);
            points.add(number, &chunk);
            buckets.extend(grown(of_hour, &stored, Some(new), hour_ms));
            buckets.sort_by_key(|(start, _)| *start);
            rollups.add(number, &chunk::encode(min5.level, span_ms, *is_counter, &buckets));
        }
    }
    points.write(shelf, full)?;
    rollups.write(shelf, min5)
}

/// The buckets of an hour after new points came. They are made of its points, where these are there; without some of
/// the points that they were made of, what is new is added to them.
pub fn grown(
    buckets: Vec<(i64, Rollup)>,
    stored: &Points,
    new: Option<&Points>,
    hour_ms: i64,
) -> Vec<(i64, Rollup)> {
    let counted: u64 = buckets.iter().map(|(_, of)| of.count).sum();
    let has_all = stored.len() as u64 >= counted;
    match new {
        Some(new) if has_all => stored.clone().with(new).condensed(hour_ms),
        None if has_all => stored.condensed(hour_ms),
        Some(new) => merged(buckets, new.condensed(hour_ms)),
        None => buckets,
    }
}

/// What is damaged is as if it was not there: it must not keep what is new from being written.
fn readable<T>(result: Result<Option<T>, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Err(Failure::Damaged) => Ok(None),
        result => result,
    }
}

/// The spans of a level that end by now and have no block, or have one without what was written.
fn incomplete(
    level: Resolution,
    job: &Job,
    from_ms: i64,
    to_ms: i64,
    shelf: &dyn Writing,
) -> Result<BTreeSet<BlockId>, Failure> {
    let hours = job.hours.keys().map(|hour| i64::from(*hour) * HOUR_MS);
    let mut found = set_of(hours.map(|start| BlockId::at(level, start)));
    if let Some(finer) = level.finer() {
        // Only where there is something: a clock may have been wrong by years.
        let first = BlockId::at(finer, BlockId::at(level, from_ms).start_ms());
        let end = BlockId::at(finer, to_ms + finer.span_ms() - 1);
        let spans = shelf.spans(finer, first.span, end.span)?;
        let of_finer = |span| BlockId::at(level, BlockId { level: finer, span }.start_ms());
        found.extend(spans.into_iter().map(of_finer).filter(|id| id.end_ms() > from_ms));
    }
    // What lies before was dropped as a whole or in part: what is left of it stays as it is.
    let dropped_ms = shelf.progress().dropped_ms;
    found.retain(|id| id.end_ms() <= to_ms && id.end_ms() > dropped_ms);
    Ok(found)
}

/// Makes a block from the blocks of the next finer level.
fn roll_up(id: BlockId, shelf: &mut dyn Writing) -> Result<(), Failure> {
    let Some(finer) = id.level.finer() else { return Ok(()) };
    let (first, end) = (BlockId::at(finer, id.start_ms()), BlockId::at(finer, id.end_ms()));
    let mut built = Builder::default();
    {
        let spans = shelf.spans(finer, first.span, end.span)?;
        let mut blocks = Vec::with_capacity(spans.len());
        for span in spans {
            blocks.extend(readable(Block::open(shelf, BlockId { level: finer, span }))?);
        }
        let mut series = BTreeSet::new();
        for block in &blocks {
            series.extend(block.series().unwrap_or_default());
        }
        for number in series {
            let (mut buckets, mut is_counter) = (Vec::new(), false);
            for block in &mut blocks {
                let Some(chunk) = readable(block.chunk(number))? else { continue };
                is_counter |= chunk::is_counter(&chunk);
                buckets.extend(chunk::decode(finer, block.start_ms(), &chunk).unwrap_or_default());
            }
            let buckets = condense(id.level, buckets);
            built.add(number, &chunk::encode(id.level, id.start_ms(), is_counter, &buckets));
        }
    }
    built.write(shelf, id)
}

/// Removes the blocks of which nothing is kept any more.
fn expire(now_ms: i64, shelf: &mut dyn Writing) -> Result<(), Failure> {
    for level in Resolution::ALL {
        // Points that came late may wait for the end of an hour, and what they belong to has to be there then.
        let waiting = if level == Resolution::Full { 2 * HOUR_MS } else { 0 };
        // A bucket is kept until its last moment is too old.
        let oldest = (level.kept_since(now_ms) - waiting).max(0);
        let end = BlockId::at(level, oldest.min(needed_ms(level, shelf.progress().closed_ms)));
        for span in shelf.spans(level, 0, end.span)? {
            shelf.remove(BlockId { level, span })?;
        }
    }
    Ok(())
}

/// From when on the blocks of a level are needed: the span of the next coarser level that is not over is made of them.
fn needed_ms(level: Resolution, closed_ms: i64) -> i64 {
    match level.coarser().filter(|_| level != Resolution::Full) {
        Some(coarser) => BlockId::at(coarser, closed_ms).start_ms(),
        None => closed_ms,
    }
}

/// Removes the oldest blocks of the finest level until the others have room, then those of the next.
fn drop_oldest(most_bytes: u64, current_ms: i64, shelf: &mut dyn Writing) -> Result<(), Failure> {
    // What is not complete yet is made of the next finer level. Where that alone has no room, it goes all the same.
    for keeps_parts in [true, false] {
        for level in Resolution::ALL {
            if shelf.progress().bytes <= most_bytes {
                return Ok(());
            }
            let closed_ms = shelf.progress().closed_ms.min(current_ms);
            let keep_ms = if keeps_parts { needed_ms(level, closed_ms) } else { closed_ms };
            for span in shelf.spans(level, 0, BlockId::at(level, keep_ms).span)? {
                let id = BlockId { level, span };
                shelf.remove(id)?;
                if level == Resolution::Full {
                    let progress = shelf.progress();
                    shelf.progressed(Progress { dropped_ms: id.end_ms(), ..progress });
                }
                if shelf.progress().bytes <= most_bytes {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
