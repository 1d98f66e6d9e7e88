//! Where blocks lie: in memory or in a file. A block is what all series have in one span of one level, in pages.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use super::Resolution;
use super::bytes::Damaged;

/// Which block: its level and the number of its span since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockId {
    pub level: Resolution,
    pub span: u32,
}

impl BlockId {
    /// The block that a time is in.
    pub fn at(level: Resolution, ms: i64) -> Self {
        let span = u32::try_from(ms.div_euclid(level.span_ms())).unwrap_or_default();
        Self { level, span }
    }

    pub fn start_ms(self) -> i64 {
        i64::from(self.span) * self.level.span_ms()
    }

    pub fn end_ms(self) -> i64 {
        self.start_ms() + self.level.span_ms()
    }

    /// The key of one of its pages: pages of one block are neighbours, and blocks of a level are in the order of
    /// time.
    pub fn page(self, page: u16) -> PageKey {
        (self.level as u8, self.span, page)
    }
}

pub type PageKey = (u8, u32, u16);

/// The same as a word for a seal.
pub fn word((kind, span, page): PageKey) -> u64 {
    u64::from(kind) << 48 | u64::from(span) << 16 | u64::from(page)
}

/// The blocks as they are at one instant.
pub trait View {
    fn page(&self, key: PageKey) -> Result<Option<Vec<u8>>, Failure>;

    /// The spans of a level that have a block, from one on and before another.
    fn spans(&self, level: Resolution, from: u32, before: u32) -> Result<Vec<u32>, Failure>;

    fn progress(&self) -> Progress;
}

/// The same while they are changed. All changes become visible at once, or none.
pub trait Writing: View {
    fn put(&mut self, key: PageKey, page: Vec<u8>) -> Result<(), Failure>;
    fn remove(&mut self, block: BlockId) -> Result<(), Failure>;
    fn progressed(&mut self, progress: Progress);
}

/// How far the blocks go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Every span that ends by then has its blocks, at every level.
    pub closed_ms: i64,
    /// Points before this time were dropped for lack of room.
    pub dropped_ms: i64,
    /// Bytes of all pages.
    pub bytes: u64,
    pub merged: Merged,
}

/// Which of the latest points are in blocks already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Those that are in a list before this one and of an hour before the next.
    pub before_list: u32,
    pub before_hour: u32,
}

/// Why the store cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Damaged,
    /// What the system or the database said.
    Failed(String),
}

impl From<Damaged> for Failure {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("a part of it is damaged"),
            Self::Failed(text) => f.write_str(text),
        }
    }
}

impl Error for Failure {}

/// Blocks that end with the process.
#[derive(Debug, Default)]
pub struct Memory {
    pages: BTreeMap<PageKey, Box<[u8]>>,
    progress: Progress,
}

impl View for Memory {
    fn page(&self, key: PageKey) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.pages.get(&key).map(|page| page.to_vec()))
    }

    fn spans(&self, level: Resolution, from: u32, before: u32) -> Result<Vec<u32>, Failure> {
        let level = level as u8;
        let pages = self.pages.range((level, from, 0)..(level, before.max(from), 0));
        let first = pages.filter(|((_, _, page), _)| *page == 0);
        Ok(first.map(|((_, span, _), _)| *span).collect())
    }

    fn progress(&self) -> Progress {
        self.progress
    }
}

impl Writing for Memory {
    fn put(&mut self, key: PageKey, page: Vec<u8>) -> Result<(), Failure> {
        self.progress.bytes += page.len() as u64;
        let old = self.pages.insert(key, page.into());
        self.progress.bytes -= old.map_or(0, |old| old.len() as u64);
        Ok(())
    }

    fn remove(&mut self, block: BlockId) -> Result<(), Failure> {
        let pages = self.pages.range(block.page(0)..=block.page(u16::MAX));
        let keys: Vec<_> = pages.map(|(key, _)| *key).collect();
        for key in keys {
            let old = self.pages.remove(&key);
            self.progress.bytes -= old.map_or(0, |old| old.len() as u64);
        }
        Ok(())
    }

    fn progressed(&mut self, progress: Progress) {
        self.progress = Progress { bytes: self.progress.bytes, ..progress };
    }
}
