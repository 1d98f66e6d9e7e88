//! Blocks in a file, by the database redb: what is committed survives a kill and a loss of power.

use std::fs::File;
use std::io;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{
    Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError,
    WriteTransaction,
};

use super::Resolution;
use super::bytes::{Damaged, sealed, unsealed};
use super::file::open_file;
use super::head::{self, VERSION};
use super::header::Header;
use super::shelf::{BlockId, Failure, Merged, PageKey, Progress, View, Writing, word};
use super::texts::Note;
use super::unusable::{
    Unusable, failure, of_failure, of_storage, of_table, of_transaction, unusable,
};

/// A store in a file.
#[derive(Debug)]
pub struct Disk {
    pub(super) database: Database,
}

/// What is in the file beside blocks.
#[derive(Debug, Default)]
pub struct Found {
    /// The number of each series, and what it is.
    pub series: Vec<(u32, Vec<u8>)>,
    /// The latest points, which are not in a block yet, as they were written.
    pub recent: Vec<(u32, Vec<u8>)>,
    /// The texts of a series, by its number and that of a slot.
    pub texts: Vec<(u32, u16, Vec<u8>)>,
    /// How many of these are damaged.
    pub damaged: usize,
    pub progress: Progress,
    /// The last commit is damaged or incomplete: this is what the one before it left.
    pub is_behind: bool,
}

/// What a commit writes beside blocks.
#[derive(Debug, Default)]
pub struct Notes {
    pub series: Vec<(u32, Vec<u8>)>,
    /// The series that are no more.
    pub forgotten: Vec<u32>,
    /// Takes the place of the one of this number, if there is one.
    pub recent: Option<(u32, Vec<u8>)>,
    /// The lists of recent points that are in blocks now as a whole.
    pub done: Vec<u32>,
    /// Which parts of the others are.
    pub merged: Option<Merged>,
    /// The texts that have changed.
    pub texts: Vec<Note>,
}

impl Disk {
    /// Opens the store in a folder, which is made where it is missing, with the file in it.
    pub fn open(folder: &Path) -> Result<(Self, Found), Unusable> {
        Self::of(&open_file(folder)?)
    }

    /// Opens the store in a file. A damaged one stays as it is.
    pub fn of(file: &File) -> Result<(Self, Found), Unusable> {
        let before = Header::of(file);
        let opened = Self::checked(file);
        if let (Err(Unusable::Damaged), Some(before)) = (&opened, before) {
            // The database marks a file as open before it finds the damage. Without that mark it is as it was found; with
            // it no less is whole.
            let _ = before.restore(file);
        }
        let (disk, mut found) = opened?;
        found.is_behind = before.is_some_and(|before| before.is_behind(file));
        Ok((disk, found))
    }

    pub(super) fn checked(file: &File) -> Result<(Self, Found), Unusable> {
        let failed = |error: io::Error| Unusable::Failed(error.to_string());
        let backend = FileBackend::new(file.try_clone().map_err(failed)?).map_err(unusable)?;
        let mut builder = Database::builder();
        // A plain open of a file that was damaged may panic, now or later.
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        let disk = Self { database: builder.create_with_backend(backend).map_err(unusable)? };
        let mut found = disk.found()?;
        disk.forget_some(&mut found).map_err(of_failure)?;
        Ok((disk, found))
    }

    pub(super) fn found(&self) -> Result<Found, Unusable> {
        let view = self.view().map_err(of_failure)?;
        let Some(table) = &view.table else { return Ok(Found::default()) };
        if !(OLDEST_VERSION..=VERSION).contains(&view.version) {
            return Err(Unusable::Version(view.version));
        }
        let mut found = Found { progress: view.progress, ..Found::default() };
        for entry in table.range((SERIES, 0, 0)..).map_err(of_storage)? {
            let (key, value) = entry.map_err(of_storage)?;
            let key = key.value();
            match unsealed(&[word(key)], 0, value.value()) {
                Ok(content) if key.0 == SERIES => found.series.push((key.1, content.to_vec())),
                Ok(content) => found.texts.push((key.1, key.2, content.to_vec())),
                Err(Damaged) => found.damaged += 1,
            }
        }
        let transaction = self.database.begin_read().map_err(of_transaction)?;
        let table = transaction.open_table(RECENT).map_err(of_table)?;
        for entry in table.range::<u32>(..).map_err(of_storage)? {
            let (number, value) = entry.map_err(of_storage)?;
            match unsealed(&[of_list(number.value())], 0, value.value()) {
                Ok(content) => found.recent.push((number.value(), content.to_vec())),
                Err(Damaged) => found.damaged += 1,
            }
        }
        Ok(found)
    }

    /// The blocks as they are now.
    pub fn view(&self) -> Result<DiskView, Failure> {
        let transaction = self.database.begin_read().map_err(failure)?;
        let table = match transaction.open_table(PAGES) {
            Ok(table) => Some(table),
            // Nothing was written yet.
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(failure(error)),
        };
        let head = match &table {
            Some(table) => found_head(table)?,
            None => None,
        };
        let (version, progress) = head.unwrap_or((VERSION, Progress::default()));
        Ok(DiskView { table, progress, version })
    }

    /// Writes notes and blocks, all of it or nothing.
    pub fn write(
        &self,
        notes: &Notes,
        mut blocks: impl FnMut(&mut dyn Writing) -> Result<(), Failure>,
    ) -> Result<Progress, Failure> {
        self.write_with(notes, &mut blocks)
    }

    fn write_with(
        &self,
        notes: &Notes,
        blocks: &mut dyn FnMut(&mut dyn Writing) -> Result<(), Failure>,
    ) -> Result<Progress, Failure> {
        // Without quick repair, which would add a third to each commit: a file is checked as a whole whenever it is
        // opened.
        let transaction = self.database.begin_write().map_err(failure)?;
        let progress = write(&transaction, notes, blocks)?;
        transaction.commit().map_err(failure)?;
        Ok(progress)
    }
}

fn write(
    transaction: &WriteTransaction,
    notes: &Notes,
    blocks: &mut dyn FnMut(&mut dyn Writing) -> Result<(), Failure>,
) -> Result<Progress, Failure> {
    let table = transaction.open_table(PAGES).map_err(failure)?;
    let before = found_head(&table)?;
    let progress = before.map(|(_, progress)| progress).unwrap_or_default();
    let mut changes = Changes { table, progress };
    blocks(&mut changes)?;
    let Changes { mut table, mut progress } = changes;
    progress.merged = notes.merged.unwrap_or(progress.merged);
    for (number, content) in &notes.series {
        for key in [Some((SERIES, *number, 0)), copy_of(*number)].into_iter().flatten() {
            note(&mut table, key, content)?;
        }
    }
    for number in &notes.forgotten {
        for key in [Some((SERIES, *number, 0)), copy_of(*number)].into_iter().flatten() {
            table.remove(key).map_err(failure)?;
        }
    }
    for (number, slot, content) in &notes.texts {
        let key = (TEXTS, *number, *slot);
        match content {
            Some(content) => note(&mut table, key, content)?,
            None => drop(table.remove(key).map_err(failure)?),
        }
    }
    let mut recent = transaction.open_table(RECENT).map_err(failure)?;
    if let Some((number, content)) = &notes.recent {
        recent.insert(number, &*sealed(&[of_list(*number)], 0, content)).map_err(failure)?;
    }
    for number in &notes.done {
        recent.remove(number).map_err(failure)?;
    }
    if before == Some((VERSION, progress)) {
        return Ok(progress);
    }
    let content = head::encode(progress);
    // Without its key, as format 1 has it: so that version can tell that it does not read this.
    table.insert(HEAD, &*sealed(&[], 0, &content)).map_err(failure)?;
    Ok(progress)
}

fn note(table: &mut Table<PageKey, &[u8]>, key: PageKey, content: &[u8]) -> Result<(), Failure> {
    table.insert(key, &*sealed(&[word(key)], 0, content)).map_err(failure)?;
    Ok(())
}

/// The version of the format, and how far the blocks go.
fn found_head(
    table: &impl ReadableTable<PageKey, &'static [u8]>,
) -> Result<Option<(u64, Progress)>, Failure> {
    let Some(found) = table.get(HEAD).map_err(failure)? else { return Ok(None) };
    Ok(Some(head::decode(unsealed(&[], 0, found.value())?)?))
}

/// The blocks of a file at one instant.
pub struct DiskView {
    pub(super) table: Option<ReadOnlyTable<PageKey, &'static [u8]>>,
    progress: Progress,
    version: u64,
}

impl View for DiskView {
    fn page(&self, key: PageKey) -> Result<Option<Vec<u8>>, Failure> {
        self.table.as_ref().map_or(Ok(None), |table| page(table, key))
    }

    fn spans(&self, level: Resolution, from: u32, before: u32) -> Result<Vec<u32>, Failure> {
        self.table.as_ref().map_or(Ok(Vec::new()), |table| spans(table, level, from, before))
    }

    fn progress(&self) -> Progress {
        self.progress
    }
}

struct Changes<'a> {
    table: Table<'a, PageKey, &'static [u8]>,
    progress: Progress,
}

impl View for Changes<'_> {
    fn page(&self, key: PageKey) -> Result<Option<Vec<u8>>, Failure> {
        page(&self.table, key)
    }

    fn spans(&self, level: Resolution, from: u32, before: u32) -> Result<Vec<u32>, Failure> {
        spans(&self.table, level, from, before)
    }

    fn progress(&self) -> Progress {
        self.progress
    }
}

impl Writing for Changes<'_> {
    fn put(&mut self, key: PageKey, page: Vec<u8>) -> Result<(), Failure> {
        let old = self.table.insert(key, &*page).map_err(failure)?;
        let old = old.map_or(0, |old| old.value().len() as u64);
        self.progress.bytes = (self.progress.bytes + page.len() as u64).saturating_sub(old);
        Ok(())
    }

    fn remove(&mut self, block: BlockId) -> Result<(), Failure> {
        let mut removed = 0;
        let pages = block.page(0)..=block.page(u16::MAX);
        let count = |_, page: &[u8]| {
            removed += page.len() as u64;
            false
        };
        self.table.retain_in(pages, count).map_err(failure)?;
        self.progress.bytes = self.progress.bytes.saturating_sub(removed);
        Ok(())
    }

    fn progressed(&mut self, progress: Progress) {
        self.progress = Progress { bytes: self.progress.bytes, ..progress };
    }
}

fn page(
    table: &impl ReadableTable<PageKey, &'static [u8]>,
    key: PageKey,
) -> Result<Option<Vec<u8>>, Failure> {
    Ok(table.get(key).map_err(failure)?.map(|page| page.value().to_vec()))
}

fn spans(
    table: &impl ReadableTable<PageKey, &'static [u8]>,
    level: Resolution,
    from: u32,
    before: u32,
) -> Result<Vec<u32>, Failure> {
    let (mut all, mut next) = (Vec::new(), from);
    // From block to block, because a block has many pages.
    while next < before {
        let mut range = table.range(BlockId { level, span: next }.page(0)..).map_err(failure)?;
        let Some(found) = range.next() else { break };
        let (kind, span, _) = found.map_err(failure)?.0.value();
        if kind != level as u8 || span >= before {
            break;
        }
        all.push(span);
        next = span + 1;
    }
    Ok(all)
}

/// The pages of all blocks, and what is known of series.
const PAGES: TableDefinition<PageKey, &[u8]> = TableDefinition::new("pages");

/// The latest points. In a small table of their own, because a commit writes all pages on the way to what it changes.
const RECENT: TableDefinition<u32, &[u8]> = TableDefinition::new("recent");

// What is not in a block stands behind all blocks: its kind and its number.
pub const HEAD: PageKey = (100, 0, 0);
pub const SERIES: u8 = 101;
pub const TEXTS: u8 = 102;

/// The word for the seal of a list of the latest points, which is in a table of its own.
pub fn of_list(number: u32) -> u64 {
    word((200, number, 0))
}

/// Where it is noted once more what a series is: many are in one page, and without that a series is lost with all that it
/// has. Between the blocks of points and those of rollups, which is another page as soon as there are some. Numbers of
/// more digits, which only names that change without end reach, are noted once.
fn copy_of(number: u32) -> Option<PageKey> {
    Some((COPIES.0, COPIES.1, u16::try_from(number).ok()?))
}

/// The level and the span of these, in which no block is.
pub const COPIES: (u8, u32) = (Resolution::Full as u8, u32::MAX);

/// The oldest that is read.
const OLDEST_VERSION: u64 = 1;

/// Bytes of pages that redb keeps in memory: what a small commit touches. More would count as this process's own,
/// and the system caches the file anyway.
const CACHE: usize = 256 * 1024;

#[cfg(test)]
mod formats;
