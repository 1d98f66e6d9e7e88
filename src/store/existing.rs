//! Opens a history for a command. Nothing is made where there is none, as the agent would.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::block::Block;
use super::chunk::{self, Points};
use super::disk::{Disk, DiskView};
use super::file::open_in;
use super::header::lost_commit;
use super::shelf::{BlockId, Failure, PageKey, View};
use super::unusable::{Unusable, failure};
use super::{Resolution, Shelf, Store};
use crate::shown::shown;
use redb::ReadableTable;

/// A history that is open in this process alone.
#[derive(Debug)]
pub struct Opened {
    pub store: Store,
    /// How many of its notes, which are what is not in blocks, could not be read.
    pub damaged: usize,
}

/// Why a history cannot be opened, as a sentence.
#[derive(Debug, PartialEq, Eq)]
pub enum Unopened {
    /// Another process has it open.
    Taken(String),
    /// What is whole in it can be taken over into a new one.
    Damaged(String),
    Other(String),
}

impl Store {
    /// Opens the history in a folder, and makes none.
    pub fn existing(folder: &Path) -> Result<Opened, Unopened> {
        let name = shown(&folder.display().to_string());
        let none = |why: &str| {
            Unopened::Other(format!(
                "no history in {name}: {why}; name the folder that the agent has in --store"
            ))
        };
        let cannot = |error: &io::Error| {
            let cure = match error.kind() {
                io::ErrorKind::PermissionDenied => "; run this as the user that the agent has",
                io::ErrorKind::ReadOnlyFilesystem => {
                    "; copy the folder to where files can be written"
                }
                _ => "",
            };
            Unopened::Other(format!("the history in {name} cannot be opened: {error}{cure}"))
        };
        let unusable = |unusable| match unusable {
            Unusable::Taken => {
                Unopened::Taken(format!("the history in {name} is open in another process"))
            }
            Unusable::Version(version) => Unopened::Other(format!(
                "the history in {name} has format {version}, which this version does not read: use the \
                 version that wrote it"
            )),
            Unusable::Damaged => Unopened::Damaged(format!(
                "the history in {name} is damaged and cannot be read: restore a backup, or make a new one of what is \
                 whole in it by store salvage, as an agent does at its start"
            )),
            Unusable::Failed(text) | Unusable::Unreplaced(text) => {
                Unopened::Other(format!("the history in {name} cannot be opened: {text}"))
            }
        };
        let file = match open_in(folder, false).map_err(unusable)? {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let why = match folder.is_dir() {
                    true => "the folder has no file history.redb",
                    false => "there is no such folder",
                };
                return Err(none(why));
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(none("it is a file and no folder"));
            }
            Err(error) => return Err(cannot(&error)),
        };
        // The database would make a new history in it.
        if file.metadata().map_err(|error| cannot(&error))?.len() == 0 {
            return Err(none("its file history.redb is empty"));
        }
        let (disk, found) = Disk::of(&file).map_err(unusable)?;
        if found.is_behind {
            // Each of the commands says so, and only once: from now on the write before it is the last one.
            let _ = writeln!(io::stderr(), "{}", lost_commit(folder));
        }
        let mut store = Self::in_folder(folder, u64::MAX);
        let damaged = store.opened(disk, found);
        Ok(Opened { store, damaged })
    }

    /// Closes its file.
    pub fn end(mut self) {
        drop(self.close());
    }

    /// The time of its newest point, and at least the end of the last complete hour: a history that no agent writes to
    /// has what it had then.
    pub fn newest_ms(&self) -> Result<i64, Failure> {
        let view = self.disk_view()?;
        let closed_ms = view.progress().closed_ms;
        let mut newest_ms = self.all.iter().map(|of| of.updated_ms).fold(closed_ms, i64::max);
        // Blocks are also written before their hour is over, where there are many points.
        for level in [Resolution::Full, Resolution::Min5] {
            let last = view.spans(level, 0, u32::MAX)?.pop().map(|span| BlockId { level, span });
            if let Some(id) = last.filter(|id| id.end_ms() > newest_ms) {
                newest_ms = newest_ms.max(last_of(&view, id)?);
            }
        }
        Ok(newest_ms)
    }

    pub(super) fn disk(&self) -> Result<&Arc<Disk>, Failure> {
        match &self.shelf {
            Shelf::Disk(_, Some(disk)) => Ok(disk),
            _ => Err(Failure::Failed("it is not open".to_owned())),
        }
    }

    pub(super) fn disk_view(&self) -> Result<DiskView, Failure> {
        self.disk()?.view()
    }
}

/// The last time that a block has. What is damaged in it has none.
fn last_of(view: &DiskView, id: BlockId) -> Result<i64, Failure> {
    let mut last_ms = 0;
    let mut block = match Block::open(view, id) {
        Err(Failure::Damaged) | Ok(None) => return Ok(last_ms),
        Ok(Some(block)) => block,
        Err(failure) => return Err(failure),
    };
    for series in block.series().unwrap_or_default() {
        let chunk = match block.chunk(series) {
            Err(Failure::Damaged) => continue,
            chunk => chunk?.unwrap_or_default(),
        };
        let last = match id.level {
            Resolution::Full => Points::decode(&chunk)
                .ok()
                .and_then(|points| points.iter().last())
                .map(|(at, _)| id.start_ms() + i64::from(at)),
            level => chunk::decode(level, id.start_ms(), &chunk)
                .ok()
                .and_then(|buckets| buckets.last().map(|(start, _)| *start)),
        };
        last_ms = last_ms.max(last.unwrap_or(0));
    }
    Ok(last_ms)
}

impl DiskView {
    /// Each page of the file with its key, in the order of the keys.
    pub fn each_page(&self, mut of: impl FnMut(PageKey, &[u8])) -> Result<(), Failure> {
        let Some(table) = &self.table else { return Ok(()) };
        for entry in table.iter().map_err(failure)? {
            let (key, page) = entry.map_err(failure)?;
            of(key.value(), page.value());
        }
        Ok(())
    }
}
