//! The first bytes of a file of redb, which say which commit is the last. They are as redb 4.6 has them, file format 3
//! (docs/design.md in its sources).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::file::file_in;
use crate::shown::shown;

/// The header of a file before it was opened.
#[derive(Clone, Copy)]
pub struct Header([u8; LENGTH]);

impl Header {
    /// `None` where the file is too short to have one.
    pub fn of(file: &File) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        file.read_exact_at(&mut bytes, 0).ok().map(|()| Self(bytes))
    }

    /// Writes it back, where it has changed.
    pub fn restore(&self, file: &File) -> io::Result<()> {
        match Self::of(file) {
            Some(now) if now.0 == self.0 => Ok(()),
            _ => file.write_all_at(&self.0, 0),
        }
    }

    /// Whether the database, which has opened the file since, has gone back by a commit. Opening makes a commit of its
    /// own, with the number that follows the one that it found whole: a commit that was lost has that number already,
    /// or a greater one.
    pub fn is_behind(&self, file: &File) -> bool {
        let last = self.last_commit();
        last > 0 && Self::of(file).is_some_and(|now| now.last_commit() <= last)
    }

    /// The number of the last commit. The first bit of a byte says in which of the two slots it is.
    fn last_commit(&self) -> u64 {
        let at = FIRST_SLOT + SLOT * usize::from(self.0[FLAGS] & 1) + NUMBER;
        self.0.get(at..).and_then(|from| from.first_chunk()).map_or(0, |at| u64::from_le_bytes(*at))
    }
}

/// What is said of a history whose file has gone back by a commit.
pub fn lost_commit(folder: &Path) -> String {
    let file = shown(&file_in(folder).display().to_string());
    format!(
        "the last write to {file} is damaged or incomplete: the history is as the write before left it, and the points \
         since then, of one --store-sync at most, are lost"
    )
}

/// Where the flags are.
const FLAGS: usize = 9;

/// Where the first slot begins, and how long each of both is.
const FIRST_SLOT: usize = 64;
const SLOT: usize = 128;

/// Where in a slot the number of its commit is.
const NUMBER: usize = 104;

const LENGTH: usize = FIRST_SLOT + 2 * SLOT;
