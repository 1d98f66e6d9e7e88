//! A block: a directory of series, and behind it what each of them has. It is cut into pages of one size, because a
//! database keeps small pages well and large ones badly, and because reading one series must not read all.

use std::cmp::Ordering;

use super::Resolution;
use super::bytes::{Bytes, Damaged, SEAL, put, sealed, split, unsealed};
use super::shelf::{BlockId, Failure, View, Writing, word};

/// Builds a block. Series come in the order of their numbers.
#[derive(Debug, Default)]
pub struct Builder {
    directory: Vec<u8>,
    chunks: Vec<u8>,
    before: u32,
}

impl Builder {
    pub fn add(&mut self, series: u32, chunk: &[u8]) {
        put(&mut self.directory, u64::from(series - self.before));
        put(&mut self.directory, chunk.len() as u64);
        self.chunks.extend_from_slice(chunk);
        self.before = series;
    }

    /// Writes it in the place of the one that is there. Without any series there is none afterwards.
    pub fn write(self, shelf: &mut dyn Writing, id: BlockId) -> Result<(), Failure> {
        shelf.remove(id)?;
        if self.directory.is_empty() {
            return Ok(());
        }
        let mut begin = Vec::new();
        put(&mut begin, self.directory.len() as u64);
        begin.extend(self.directory);
        let (begin_length, length) = (begin.len(), begin.len() + self.chunks.len());
        // All pages bear the seal of the first one, so that pages of different times are told apart.
        let mut first = 0;
        for from in (0..length).step_by(CONTENT) {
            let number = u16::try_from(from / CONTENT).map_err(|_| {
                Failure::Failed("an hour has more data than one block can hold, 264 MB".to_owned())
            })?;
            // Page by page: the chunks of an hour of many series are megabytes.
            let range = [from, length.min(from + CONTENT)];
            let [first_byte, end] = range.map(|at| at.min(begin_length));
            let [first_chunk, end_chunk] = range.map(|at| at.saturating_sub(begin_length));
            let content = [&begin[first_byte..end], &self.chunks[first_chunk..end_chunk]].concat();
            let key = id.page(number);
            let page = sealed(&[word(key)], first, &content);
            if number == 0 {
                first = split(&page)?.1;
            }
            shelf.put(key, page)?;
        }
        Ok(())
    }
}

/// A block that is read series by series.
pub struct Block<'a> {
    view: &'a dyn View,
    id: BlockId,
    /// The seal of its first page.
    first: u32,
    directory: Vec<u8>,
    /// Where in the block the first chunk begins.
    chunks: usize,
    /// The content of the page that was read last: the next series begins in it.
    page: (u16, Vec<u8>),
    /// Where the series that was asked for last stands in the directory.
    place: Place,
}

#[derive(Clone, Copy, Default)]
struct Place {
    at: usize,
    /// The one before it, from which its number is counted.
    series: u32,
    /// Where its chunk begins.
    start: usize,
}

struct Entry {
    series: u32,
    start: usize,
    length: usize,
}

impl<'a> Block<'a> {
    /// `None` where there is none.
    pub fn open(view: &'a dyn View, id: BlockId) -> Result<Option<Self>, Failure> {
        let Some((page, first)) = content(view, id, 0, 0)? else { return Ok(None) };
        let (directory, place) = (Vec::new(), Place::default());
        let mut block = Self { view, id, first, directory, chunks: 0, page: (0, page), place };
        let mut first = Bytes(&block.page.1);
        let whole = first.0.len();
        let length = first.count()?;
        let start = whole - first.0.len();
        // A directory is never longer than all pages.
        if length > CONTENT * usize::from(u16::MAX) {
            return Err(Failure::Damaged);
        }
        block.chunks = start + length;
        block.directory = block.read(start, length)?;
        block.place = block.first();
        Ok(Some(block))
    }

    pub fn level(&self) -> Resolution {
        self.id.level
    }

    pub fn start_ms(&self) -> i64 {
        self.id.start_ms()
    }

    /// The series in it, in order.
    pub fn series(&self) -> Result<Vec<u32>, Damaged> {
        let (mut all, mut place) = (Vec::new(), self.first());
        while let Some((entry, next)) = self.entry(place)? {
            all.push(entry.series);
            place = next;
        }
        Ok(all)
    }

    /// How many pages it has.
    pub fn page_count(&self) -> Result<usize, Damaged> {
        let mut place = self.first();
        while let Some((_, next)) = self.entry(place)? {
            place = next;
        }
        Ok(place.start.div_ceil(CONTENT))
    }

    /// What one series has in it. Fastest where they are asked for in order.
    pub fn chunk(&mut self, wanted: u32) -> Result<Option<Vec<u8>>, Failure> {
        if wanted <= self.place.series {
            self.place = self.first();
        }
        while let Some((Entry { series, start, length }, next)) = self.entry(self.place)? {
            match series.cmp(&wanted) {
                Ordering::Less => self.place = next,
                Ordering::Equal => return self.read(start, length).map(Some),
                Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    fn first(&self) -> Place {
        Place { at: 0, series: 0, start: self.chunks }
    }

    /// What the directory says at a place, and the next place.
    fn entry(&self, place: Place) -> Result<Option<(Entry, Place)>, Damaged> {
        let mut bytes = Bytes(self.directory.get(place.at..).ok_or(Damaged)?);
        if bytes.0.is_empty() {
            return Ok(None);
        }
        let step = u32::try_from(bytes.whole()?).map_err(|_| Damaged)?;
        let series = place.series.checked_add(step).ok_or(Damaged)?;
        let length = bytes.count()?;
        let at = self.directory.len() - bytes.0.len();
        let end = place.start.checked_add(length).ok_or(Damaged)?;
        let entry = Entry { series, start: place.start, length };
        Ok(Some((entry, Place { at, series, start: end })))
    }

    /// Bytes of the block, from as many pages as they are in.
    fn read(&mut self, start: usize, length: usize) -> Result<Vec<u8>, Failure> {
        let (mut out, end) = (Vec::new(), start + length);
        let mut at = start;
        while at < end {
            let number = u16::try_from(at / CONTENT).map_err(|_| Failure::Damaged)?;
            if self.page.0 != number {
                // The first page has no other before it.
                let first = if number == 0 { 0 } else { self.first };
                let page = content(self.view, self.id, number, first)?;
                self.page = (number, page.ok_or(Failure::Damaged)?.0);
            }
            let content = &self.page.1;
            let from = at % CONTENT;
            let to = content.len().min(from + end - at);
            let part = content.get(from..to).filter(|part| !part.is_empty());
            out.extend_from_slice(part.ok_or(Failure::Damaged)?);
            at += to - from;
        }
        Ok(out)
    }
}

/// What a page has, if it is as it was written, and its seal.
fn content(
    view: &dyn View,
    id: BlockId,
    number: u16,
    first: u32,
) -> Result<Option<(Vec<u8>, u32)>, Failure> {
    let key = id.page(number);
    let Some(mut page) = view.page(key)? else { return Ok(None) };
    let length = unsealed(&[word(key)], first, &page)?.len();
    let seal = split(&page)?.1;
    page.truncate(length);
    Ok(Some((page, seal)))
}

/// Bytes of a page but its seal: with key and seal it fills a page of the database, which has 4,096.
const CONTENT: usize = 4030 - SEAL;

#[cfg(test)]
mod tests;
