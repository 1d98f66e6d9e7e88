//! Takes out of a damaged file what is whole, and fills a new one with it.
//!
//! The whole file is read page by page, whether the database would find the page or not. What bears the seal of its key
//! is as it was written. Of a key that is there several times, because a database leaves old pages in the file, the one
//! of the last commit is taken where that is known, and else the one with the most points.

mod fill;
mod scan;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;

use self::fill::Filler;
use self::scan::{LIST, Place};
use super::Described;
use super::disk::{Disk, HEAD, Notes, SERIES, TEXTS};
use super::head::{self, VERSION};
use super::shelf::{Failure, Progress};
use super::texts::{self, Change};
use super::unusable::{Unusable, of_failure};

/// What was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    pub metrics: usize,
    pub blocks: usize,
    /// Points that are in no block yet.
    pub points: usize,
    /// Changes of texts.
    pub texts: usize,
}

impl fmt::Display for Salvaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metrics, blocks, points, texts } = self;
        write!(f, "{blocks} blocks and {points} latest points of {metrics} metrics")?;
        if *texts > 0 { write!(f, ", and {texts} texts") } else { Ok(()) }
    }
}

/// Fills an empty store with what is whole in a file. Ends early as soon as `is_given_up`.
pub fn salvage(
    file: &File,
    disk: &Disk,
    is_given_up: &dyn Fn() -> bool,
) -> Result<Salvaged, Unusable> {
    let found =
        scan::scan(file, is_given_up).map_err(|error| Unusable::Failed(error.to_string()))?;
    let of_kind = |kind| {
        let first = found.partition_point(|place| place.kind < kind);
        &found[first..first + found[first..].partition_point(|place| place.kind == kind)]
    };
    let (head, is_sure) = newest_head(file, of_kind(HEAD.0))?;
    let filler = Filler { file, disk, counters: BTreeSet::new(), head, is_given_up };
    fill(filler, &found, of_kind, is_sure).map_err(of_failure)
}

fn fill<'a>(
    mut filler: Filler,
    found: &'a [Place],
    of_kind: impl Fn(u8) -> &'a [Place],
    is_sure: bool,
) -> Result<Salvaged, Failure> {
    let Filler { file, disk, .. } = filler;
    let mut salvaged = Salvaged::default();
    let mut notes = Notes::default();
    for (number, content) in newest_series(file, of_kind(SERIES)) {
        if let Ok((described, _)) = Described::decode(&content) {
            filler.counters.extend(described.is_counter.then_some(number));
            notes.series.push((number, content));
            salvaged.metrics += 1;
        }
    }
    for (place, content, changes) in newest_texts(file, of_kind(TEXTS)) {
        salvaged.texts += changes.len();
        notes.texts.push((place.span, place.page, Some(content)));
    }
    disk.write(&notes, |_| Ok(()))?;
    drop(notes);
    let holed = filler.blocks(found, &mut salvaged.blocks)?;
    // What has no head any more is complete at least as far as a rollup of a day says.
    filler.head.closed_ms = filler.head.closed_ms.max(filler.closed_ms()?);
    filler.remake(&holed)?;
    salvaged.points = filler.latest(of_kind(LIST), is_sure)?;
    Ok(salvaged)
}

/// How far the blocks go: what the last commit says, or else the latest that there is; and whether it is the last.
fn newest_head(file: &File, places: &[Place]) -> Result<(Progress, bool), Unusable> {
    let (mut newest, mut is_sure) = (Progress::default(), false);
    for place in places {
        let head = place.content(file).and_then(|content| head::decode(&content).ok());
        let Some((version, progress)) = head else { continue };
        // What else a newer version writes is not known here.
        if version > VERSION {
            return Err(Unusable::Version(version));
        }
        let order = |of: &Progress| (of.closed_ms, of.merged.before_list, of.dropped_ms);
        if !place.is_old || !is_sure && order(&progress) >= order(&newest) {
            newest = progress;
        }
        is_sure |= !place.is_old;
    }
    Ok((newest, is_sure))
}

/// Of the versions of each slot of texts the one of the last commit, or else the one with the latest change. Slots lose
/// old changes, so it is not the longest.
fn newest_texts<'a>(
    file: &File,
    places: &'a [Place],
) -> impl Iterator<Item = (&'a Place, Vec<u8>, Vec<Change>)> {
    by_key(places).filter_map(|of| {
        let read = of.iter().filter_map(|place| {
            let content = place.content(file)?;
            let changes = texts::decode(&content).ok()?;
            Some((place, content, changes))
        });
        read.max_by_key(|(place, _, changes)| {
            (!place.is_old, changes.last().map(|last| last.at_ms), changes.len())
        })
    })
}

/// Of the notes about each series the one of the last commit, or else the one of the latest revision, with its number.
fn newest_series(file: &File, places: &[Place]) -> impl Iterator<Item = (u32, Vec<u8>)> {
    by_key(places).filter_map(|of| {
        let read = of.iter().filter_map(|place| {
            let content = place.content(file)?;
            let (_, revision) = Described::decode(&content).ok()?;
            Some(((!place.is_old, revision), content))
        });
        // Mostly there is one of the last commit, and nothing else has to be read.
        let (_, content) = match of.iter().find(|place| !place.is_old) {
            Some(last) => ((true, 0), last.content(file)?),
            None => read.max_by_key(|(order, _)| *order)?,
        };
        Some((of.first()?.span, content))
    })
}

/// All that there is of each key.
fn by_key(places: &[Place]) -> impl Iterator<Item = &[Place]> {
    places.chunk_by(|one, other| (one.span, one.page) == (other.span, other.page))
}
