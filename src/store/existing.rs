//! Opens a history for a command. Nothing is made where there is none, as the agent would.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::disk::{Disk, DiskView, file_in};
use super::shelf::{Failure, PageKey, View};
use super::unusable::{Unusable, failure};
use super::{Shelf, Store};
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
        let file = match open(folder) {
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
        let (disk, found) = Disk::of(file).map_err(|unusable| match unusable {
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
            Unusable::Failed(text) => {
                Unopened::Other(format!("the history in {name} cannot be opened: {text}"))
            }
        })?;
        let mut store = Self::in_folder(folder, u64::MAX);
        let damaged = store.opened(disk, found);
        Ok(Opened { store, damaged })
    }

    /// Closes its file.
    pub fn end(mut self) {
        drop(self.close());
    }

    /// The time of its newest point as far as it is known, and at least the end of the last complete hour: a history
    /// that no agent writes to has what it had then.
    pub fn newest_ms(&self) -> Result<i64, Failure> {
        let closed_ms = self.disk_view()?.progress().closed_ms;
        Ok(self.all.iter().map(|series| series.updated_ms).fold(closed_ms, i64::max))
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

fn open(folder: &Path) -> io::Result<File> {
    // Opening it writes: what a kill has left is put in order first.
    OpenOptions::new().read(true).write(true).open(file_in(folder))
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
