//! Whether a history is whole: each page as it was written, each chunk readable, and each rollup what the next finer
//! level gives, as far back as that reaches.

use std::collections::{BTreeMap, BTreeSet};

use super::block::Block;
use super::bytes::{split, unsealed};
use super::chunk::{self, Points};
use super::disk::{COPIES, DiskView};
use super::moment::utc;
use super::resolution::HOUR_MS;
use super::rollup::{Rollup, condense};
use super::shelf::{BlockId, Failure, View, word};
use super::{Described, Resolution, Store};
use crate::sorted::{map_of, set_of, sort_by_key};

/// What a history has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// In the order of their names.
    pub series: Vec<Held>,
    /// Bytes of all pages.
    pub bytes: u64,
    /// What is damaged, a sentence each; of very many the first ones.
    pub damaged: Vec<String>,
    /// How many there are.
    pub damaged_count: usize,
}

/// What is there of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub described: Described,
    /// The finest level first.
    pub levels: [Amount; 6],
}

/// Points of a series, or buckets of a rollup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub count: u64,
    /// The first and the last, where there is one.
    pub reach_ms: Option<[i64; 2]>,
    /// In blocks.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, starts: impl IntoIterator<Item = i64>, bytes: usize) {
        for at_ms in starts {
            let [first, last] = self.reach_ms.unwrap_or([at_ms; 2]);
            self.reach_ms = Some([first.min(at_ms), last.max(at_ms)]);
            self.count += 1;
        }
        self.bytes += bytes as u64;
    }
}

impl Store {
    /// Reads all of it. `damaged` are the notes that could not be read when it was opened. Fails where the file cannot
    /// be read at all.
    pub fn verify(&self, damaged: usize) -> Result<Verified, Failure> {
        let view = self.disk_view()?;
        let mut verifier = Verifier::of(self, &view)?;
        if damaged > 0 {
            verifier
                .note(format!("notes about metrics and the latest points, unreadable: {damaged}"));
        }
        verifier.pages()?;
        for level in Resolution::ALL {
            verifier.level(level)?;
        }
        let mut found = verifier.found;
        let name = |held: &Held| (held.described.check.clone(), held.described.name.clone());
        sort_by_key(&mut found.series, name);
        Ok(found)
    }
}

struct Verifier<'a> {
    store: &'a Store,
    view: &'a DiskView,
    /// The place of each series by its number in blocks.
    by_number: BTreeMap<u32, usize>,
    /// Since when each level has all that it had.
    since_ms: [i64; 6],
    found: Verified,
}

impl<'a> Verifier<'a> {
    fn of(store: &'a Store, view: &'a DiskView) -> Result<Self, Failure> {
        let mut since_ms = [i64::MAX; 6];
        for (since, level) in since_ms.iter_mut().zip(Resolution::ALL) {
            let first = view.spans(level, 0, u32::MAX)?.first().copied();
            *since = first.map_or(i64::MAX, |span| BlockId { level, span }.start_ms());
        }
        since_ms[0] = since_ms[0].max(view.progress().dropped_ms);
        let mut found = Verified::default();
        let mut by_number = BTreeMap::new();
        for (place, series) in store.all.iter().enumerate() {
            by_number.extend(series.number.map(|number| (number, place)));
            let mut levels = [Amount::default(); 6];
            levels[0].add(store.texts.of(place).map(|of| of.at_ms), store.texts.bytes_of(place));
            found.series.push(Held { described: series.described.clone(), levels });
        }
        Ok(Self { store, view, by_number, since_ms, found })
    }

    fn note(&mut self, text: String) {
        self.found.damaged_count += 1;
        if self.found.damaged.len() < MOST_SAID {
            self.found.damaged.push(text);
        }
    }

    /// Compares each page with its seal, and all of them with the sum that is kept of them.
    fn pages(&mut self) -> Result<(), Failure> {
        let (mut bytes, mut broken, mut first) = (0, Vec::new(), 0);
        self.view.each_page(|key, content| {
            let (kind, span, page) = key;
            let level = Resolution::ALL.into_iter().find(|level| *level as u8 == kind);
            let level = level.filter(|_| (kind, span) != COPIES);
            if level.is_some() {
                bytes += content.len() as u64;
            }
            let before = if page == 0 { 0 } else { first };
            if page == 0 {
                first = split(content).map_or(0, |(_, seal)| seal);
            }
            if unsealed(&[word(key)], before, content).is_err() {
                broken.extend(level.map(|level| (BlockId { level, span }, page)));
            }
        })?;
        for (id, page) in broken {
            self.note(format!("{}: page {page} is not as it was written", named(id)));
        }
        let said = self.view.progress().bytes;
        if said != bytes {
            self.note(format!("all pages together have {bytes} bytes, and {said} were noted"));
        }
        self.found.bytes = bytes;
        Ok(())
    }

    /// Reads all blocks of a level.
    fn level(&mut self, level: Resolution) -> Result<(), Failure> {
        let mut spans = set_of(self.view.spans(level, 0, u32::MAX)?);
        if let Some(finer) = level.finer() {
            // A block that should be there is not among them.
            let finer_spans = self.view.spans(finer, 0, u32::MAX)?;
            let ids = finer_spans.into_iter().map(|span| BlockId { level: finer, span });
            let ids = ids.map(|id| BlockId::at(level, id.start_ms()));
            let closed_ms = self.view.progress().closed_ms;
            spans.extend(ids.filter(|id| id.end_ms() <= closed_ms).map(|id| id.span));
        }
        if level == Resolution::Full {
            // These are in no block yet.
            spans.extend(self.store.all.iter().flat_map(|of| &of.open).map(|(hour, _)| *hour));
        }
        for span in spans {
            self.block(BlockId { level, span })?;
        }
        Ok(())
    }

    /// Reads one block, series by series, beside those that it is made of.
    fn block(&mut self, id: BlockId) -> Result<(), Failure> {
        let mut block = match Block::open(self.view, id) {
            Err(Failure::Damaged) => {
                self.note(format!("{}: its directory is unreadable", named(id)));
                return Ok(());
            }
            block => block?,
        };
        let mut is_compared = true;
        let mut finer = Vec::new();
        if let Some(level) = id.level.finer() {
            let [first, end] = [id.start_ms(), id.end_ms()].map(|at| BlockId::at(level, at).span);
            for span in self.view.spans(level, first, end)? {
                match Block::open(self.view, BlockId { level, span }) {
                    // That is said where its own turn is.
                    Err(Failure::Damaged) => is_compared = false,
                    block => finer.extend(block?),
                }
            }
        }
        let mut numbers = BTreeSet::new();
        for block in block.iter().chain(&finer) {
            match block.series() {
                Ok(series) => numbers.extend(series),
                Err(_) => is_compared = false,
            }
        }
        if id.level == Resolution::Full {
            let open = self.store.all.iter().filter(|of| of.open.iter().any(|at| at.0 == id.span));
            numbers.extend(open.filter_map(|of| of.number));
        }
        for number in numbers {
            let Some(stored) = self.chunk(id, block.as_mut(), number)? else { continue };
            if !is_compared || id.level == Resolution::Full {
                continue;
            }
            let (mut made_of, mut is_readable) = (Vec::new(), true);
            for block in &mut finer {
                match read(block, number) {
                    Ok(Some((_, buckets))) => made_of.extend(buckets),
                    Ok(None) => {}
                    Err(Failure::Damaged) => is_readable = false,
                    Err(failure) => return Err(failure),
                }
            }
            if is_readable {
                self.compare(id, number, &stored, condense(id.level, made_of));
            }
        }
        Ok(())
    }

    /// What a block has of a series, counted. `None` where it is damaged.
    fn chunk(
        &mut self,
        id: BlockId,
        block: Option<&mut Block>,
        number: u32,
    ) -> Result<Option<Vec<(i64, Rollup)>>, Failure> {
        let place = self.by_number.get(&number).copied();
        let mut stored = match block.map_or(Ok(None), |block| read(block, number)) {
            Err(Failure::Damaged) => {
                self.note(format!("{}: {} is unreadable", named(id), self.name(number)));
                return Ok(None);
            }
            stored => stored?.unwrap_or_default(),
        };
        let Some(place) = place else {
            self.note(format!("{}: series {number} has no name", named(id)));
            return Ok(Some(stored.1));
        };
        if id.level == Resolution::Full {
            let open = self.store.all[place].open.iter().find(|(hour, _)| *hour == id.span);
            if let Some((hour, open)) = open {
                let start = i64::from(*hour) * HOUR_MS;
                let known = set_of(stored.1.iter().map(|(at, _)| *at));
                let open =
                    open.iter().map(|(at, value)| (start + i64::from(at), Rollup::of(value)));
                stored.1.extend(open.filter(|(at, _)| !known.contains(at)));
            }
        }
        let starts = stored.1.iter().map(|(start, _)| *start);
        self.found.series[place].levels[id.level as usize].add(starts, stored.0);
        Ok(Some(stored.1))
    }

    fn compare(
        &mut self,
        id: BlockId,
        number: u32,
        stored: &[(i64, Rollup)],
        made: Vec<(i64, Rollup)>,
    ) {
        let Some(finer) = id.level.finer() else { return };
        let since_ms = self.since_ms[finer as usize];
        let stored = map_of(stored.iter().copied());
        let made = map_of(made);
        let starts = set_of(stored.keys().chain(made.keys()).copied());
        let mut compared = starts.into_iter().filter(|start| *start >= since_ms);
        let difference = compared.find_map(|start| {
            let what = difference(stored.get(&start), made.get(&start))?;
            let (level, name, at) = (id.level.name(), self.name(number), utc(start));
            Some(format!("{level} {name} at {at}: {what}"))
        });
        if let Some(difference) = difference {
            self.note(format!("{difference} in {}", finer.name()));
        }
    }

    fn name(&self, number: u32) -> String {
        let place = self.by_number.get(&number);
        place.map_or_else(
            || format!("series {number}"),
            |place| {
                let Described { check, name, .. } = &self.store.all[*place].described;
                format!("{check}/{name}")
            },
        )
    }
}

/// Bytes and buckets of a series in a block; a point is a bucket of its own.
type Stored = (usize, Vec<(i64, Rollup)>);

/// What a block has of a series.
fn read(block: &mut Block, number: u32) -> Result<Option<Stored>, Failure> {
    let (level, start) = (block.level(), block.start_ms());
    let Some(chunk) = block.chunk(number)? else { return Ok(None) };
    let buckets = match level {
        Resolution::Full => {
            let points = Points::decode(&chunk)?;
            points.iter().map(|(at, value)| (start + i64::from(at), Rollup::of(value))).collect()
        }
        _ => chunk::decode(level, start, &chunk)?,
    };
    Ok(Some((chunk.len(), buckets)))
}

/// In what a bucket differs from that which its finer level gives.
fn difference(stored: Option<&Rollup>, made: Option<&Rollup>) -> Option<String> {
    let (stored, made) = match (stored, made) {
        (Some(stored), Some(made)) => (stored, made),
        (Some(_), None) => return Some("has points, but none".to_owned()),
        (None, _) => return Some("is missing, although there are points".to_owned()),
    };
    if stored.count != made.count {
        return Some(format!("has {} points, but {}", stored.count, made.count));
    }
    // Whatever is a sum of others may be rounded in another way, and a variance has seven digits.
    let size = stored.min.abs().max(stored.max.abs());
    let spread = (stored.max - stored.min).powi(2);
    let values = [
        ("the minimum", stored.min, made.min, 0.0),
        ("the maximum", stored.max, made.max, 0.0),
        ("the average", stored.average, made.average, size * 1e-9),
        ("the variance", stored.variance(), made.variance(), spread * 1e-6),
    ];
    let is_off = |(_, stored, made, most): &(&str, f64, f64, f64)| (stored - made).abs() > *most;
    let (what, stored, made, _) = values.into_iter().find(is_off)?;
    Some(format!("{what} is {stored}, but {made}"))
}

fn named(id: BlockId) -> String {
    format!("{} from {}", id.level.name(), utc(id.start_ms()))
}

/// Sentences about damage that are kept: a history whose levels differ may have a million of them.
const MOST_SAID: usize = 100;

#[cfg(test)]
pub mod tests;
