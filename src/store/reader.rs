//! Reads what one series has at a level: from blocks as far as they are complete, and else from the next finer level,
//! down to the points that are not in a block yet. So every level is complete at all times.

use std::cell::Cell;
use std::sync::Arc;

use super::Resolution;
use super::block::Block;
use super::chunk::{self, Points};
use super::condense::grown;
use super::resolution::HOUR_MS;
use super::rollup::{Rollup, condense};
use super::shelf::{BlockId, Failure, View};

/// Points of one series that are not in a block yet, hour by hour in the order of time. A late point opens its hour
/// again.
pub type OpenHours = [(u32, Arc<Points>)];

/// What begins at each time, and the time of the next that is left out.
pub type Page<T> = (Vec<(i64, T)>, Option<i64>);

/// One series, at one instant.
pub struct Reader<'a> {
    pub view: &'a dyn View,
    pub series: u32,
    pub open: &'a OpenHours,
    /// How many blocks could not be read because they are damaged.
    pub damaged: Cell<usize>,
}

impl Reader<'_> {
    /// Points of [from, to), in the order of time, and the time of the next one where there are more than `most`.
    pub fn points(&self, from_ms: i64, to_ms: i64, most: usize) -> Result<Page<f64>, Failure> {
        let mut all = Vec::new();
        for id in blocks(Resolution::Full, from_ms, to_ms) {
            let start = id.start_ms();
            let stored = self.stored_points(id)?;
            let hour = match self.open_points(id) {
                Some(open) => stored.with(open),
                None => stored,
            };
            let points = hour.iter().map(|(at, value)| (start + i64::from(at), value));
            for point in points.filter(|(at, _)| (from_ms..to_ms).contains(at)) {
                if all.len() == most {
                    return Ok((all, Some(point.0)));
                }
                all.push(point);
            }
        }
        Ok((all, None))
    }

    /// The same of the buckets of a rollup. `from_ms` is the start of one.
    pub fn rollups(
        &self,
        level: Resolution,
        from_ms: i64,
        to_ms: i64,
        most: usize,
    ) -> Result<Page<Rollup>, Failure> {
        let mut all = Vec::new();
        for id in blocks(level, from_ms, to_ms) {
            let (from, to) = (from_ms.max(id.start_ms()), to_ms.min(id.end_ms()));
            let mut span = self.span(id, from, to)?;
            if all.len() + span.len() > most {
                let next = span[most - all.len()].0;
                span.truncate(most - all.len());
                all.append(&mut span);
                return Ok((all, Some(next)));
            }
            all.append(&mut span);
        }
        Ok((all, None))
    }

    /// The buckets of a span that begin within [from, to).
    fn span(&self, id: BlockId, from_ms: i64, to_ms: i64) -> Result<Vec<(i64, Rollup)>, Failure> {
        let is_wanted = |(start, _): &(i64, Rollup)| (from_ms..to_ms).contains(start);
        let Some(finer) = id.level.finer().filter(|finer| *finer != Resolution::Full) else {
            return self.finest(id, from_ms, to_ms);
        };
        if self.is_complete(id.start_ms(), id.end_ms())
            // What is damaged is made of the finer level, as far as that reaches.
            && let Some(stored) = self.rollups_in(id)?
        {
            return Ok(stored.into_iter().filter(is_wanted).collect());
        }
        // The last bucket is wanted as a whole, although the range may end within it.
        let last = id.level.bucket_start(to_ms - 1);
        let to_ms = (last + id.level.length_ms().unwrap_or(1)).min(id.end_ms());
        let (buckets, _) = self.rollups(finer, from_ms, to_ms, usize::MAX)?;
        Ok(condense(id.level, buckets))
    }

    /// The same of the finest rollup, hour by hour.
    fn finest(&self, id: BlockId, from_ms: i64, to_ms: i64) -> Result<Vec<(i64, Rollup)>, Failure> {
        let stored = self.rollups_in(id)?;
        let mut all = Vec::new();
        for hour in blocks(Resolution::Full, from_ms, to_ms) {
            let (start, end) = (hour.start_ms(), hour.end_ms());
            let (from, to) = (from_ms.max(start), to_ms.min(end));
            let is_wanted = |(start, _): &(i64, Rollup)| (from..to).contains(start);
            match &stored {
                Some(stored) if self.is_complete(start, end) => {
                    all.extend(stored.iter().filter(|of| is_wanted(of)));
                }
                _ => {
                    let is_of_hour = |(at, _): &&(i64, Rollup)| (start..end).contains(at);
                    let of_hour = stored.iter().flatten().filter(is_of_hour).copied().collect();
                    let points = self.stored_points(hour)?;
                    let made = grown(of_hour, &points, self.open_points(hour), start);
                    all.extend(made.into_iter().filter(is_wanted));
                }
            }
        }
        Ok(all)
    }

    /// What the block of a span has. Nothing where it is damaged.
    fn rollups_in(&self, id: BlockId) -> Result<Option<Vec<(i64, Rollup)>>, Failure> {
        let chunk = match self.stored(id) {
            Ok(None) => return Ok(Some(Vec::new())),
            Ok(Some(chunk)) => chunk,
            Err(Failure::Damaged) => {
                self.note_damage();
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        let rollups = chunk::decode(id.level, id.start_ms(), &chunk);
        if rollups.is_err() {
            self.note_damage();
        }
        Ok(rollups.ok())
    }

    /// Whether all that there is of a time is in blocks.
    fn is_complete(&self, start_ms: i64, end_ms: i64) -> bool {
        let is_in_it = |hour: u32| (start_ms..end_ms).contains(&(i64::from(hour) * HOUR_MS));
        let is_open = |hour: u32| is_in_it(hour) && self.is_kept(hour);
        let closed = self.view.progress().closed_ms;
        end_ms <= closed && !self.open.iter().any(|(hour, _)| is_open(*hour))
    }

    /// The points of an hour that are in its block.
    fn stored_points(&self, id: BlockId) -> Result<Points, Failure> {
        let stored = match self.stored(id).and_then(|chunk| match chunk {
            Some(chunk) => Ok(Some(Points::decode(&chunk)?)),
            None => Ok(None),
        }) {
            Err(Failure::Damaged) => {
                self.note_damage();
                None
            }
            stored => stored?,
        };
        Ok(stored.unwrap_or_default())
    }

    /// Those that are in no block yet.
    fn open_points(&self, id: BlockId) -> Option<&Points> {
        let of_hour = self.open.iter().find(|(hour, _)| *hour == id.span && self.is_kept(*hour));
        of_hour.map(|(_, points)| &**points)
    }

    /// Whether an hour was not dropped for lack of room: the rollups have what was in it already.
    fn is_kept(&self, hour: u32) -> bool {
        i64::from(hour) * HOUR_MS >= self.view.progress().dropped_ms
    }

    fn stored(&self, id: BlockId) -> Result<Option<Vec<u8>>, Failure> {
        match Block::open(self.view, id)? {
            Some(mut block) => block.chunk(self.series),
            None => Ok(None),
        }
    }

    fn note_damage(&self) {
        self.damaged.set(self.damaged.get() + 1);
    }
}

/// The blocks of a level that may have something of a range.
fn blocks(level: Resolution, from_ms: i64, to_ms: i64) -> impl Iterator<Item = BlockId> {
    let (first, last) = (BlockId::at(level, from_ms), BlockId::at(level, to_ms - 1));
    (first.span..=last.span).map(move |span| BlockId { level, span })
}
