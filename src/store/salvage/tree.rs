//! Which pages of a file of redb are in use, as far as the way to them is whole: those are of the last commit, all others
//! are of earlier ones. It takes the format of redb 4.6, file format 3 (docs/design.md in its sources). Nothing here is
//! believed any further than to prefer what it leads to: what a page has is under seals of this program.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes of a page of the database. Larger ones begin at multiples of that, too.
pub const PAGE: usize = 4096;

/// The types of pages.
pub const LEAF: u8 = 1;
const BRANCH: u8 = 2;

/// The pages in use.
pub struct Tree<'a> {
    file: &'a File,
    /// A bit a page.
    used: Vec<u8>,
    header_pages: u64,
    region_pages: u64,
}

impl<'a> Tree<'a> {
    /// Goes from the head of the file to all leaves of the tables.
    pub fn of(file: &'a File, length: u64) -> Self {
        let pages = usize::try_from(length / PAGE as u64).unwrap_or(0);
        let used = vec![0; pages.min(MOST_PAGES).div_ceil(8)];
        let mut tree = Self { file, used, header_pages: 0, region_pages: 0 };
        if let Some(head) = tree.page(0).filter(|head| head.starts_with(&MAGIC)) {
            tree.header_pages = u64::from(u32_at(&head, 16));
            tree.region_pages = u64::from(u32_at(&head, 20));
            // The first bit of this byte says which of the two slots is the last commit.
            let slot = 64 + 128 * usize::from(head[9] & 1);
            if head[slot] == FORMAT && head[slot + 1] != 0 {
                tree.tables(u64_at(&head, slot + 8));
            }
        }
        tree
    }

    pub fn is_used(&self, page: u64) -> bool {
        let byte = usize::try_from(page / 8).ok().and_then(|at| self.used.get(at));
        byte.is_some_and(|byte| byte >> (page % 8) & 1 == 1)
    }

    /// The tables that this page names. There are two, so one page has them.
    fn tables(&mut self, number: u64) {
        let Some(page) = self.place(number).and_then(|at| self.page(at)) else { return };
        let count = usize::from(u16_at(&page, 2));
        if page[0] != LEAF || count > MOST_TABLES {
            return;
        }
        let end = |nth: usize| u32_at(&page, 4 + 4 * nth) as usize;
        for nth in 0..count {
            let key_start = if nth == 0 { 4 + 8 * count } else { end(nth - 1) };
            // The ends of values come behind those of keys, and the first value behind the last key.
            let value = end(count + nth - 1);
            let name = page.get(key_start..end(nth)).unwrap_or_default();
            let Some(value) = page.get(value..).filter(|value| value.len() > 18) else { continue };
            let width = match name {
                b"pages" => 7,
                b"recent" => 4,
                _ => continue,
            };
            if value[9] != 0 {
                self.walk(u64_at(value, 10), width, [&[], &[]], 0);
            }
        }
    }

    /// Marks the leaves below a page whose keys are after the first of these and up to the second.
    fn walk(&mut self, number: u64, width: usize, [after, to]: [&[u8]; 2], depth: usize) {
        let Some(at) = self.place(number).filter(|_| depth < DEEPEST) else { return };
        let Some(page) = self.page(at) else { return };
        let count = usize::from(u16_at(&page, 2));
        let keys = match page[0] {
            LEAF => 4 + 4 * count,
            BRANCH => 8 + 24 * (count + 1),
            _ => return,
        };
        let Some(keys) = page.get(keys..keys + width * count) else { return };
        let key = |nth: usize| keys.get(nth * width..(nth + 1) * width).unwrap_or_default();
        // A wrong way leads to keys that do not belong there.
        let is_within = |key: &[u8]| {
            (after.is_empty() || order(after) < order(key))
                && (to.is_empty() || order(key) <= order(to))
        };
        let is_plausible = count > 0 && is_within(key(0)) && is_within(key(count - 1));
        if !is_plausible {
            return;
        }
        if page[0] == LEAF {
            let byte = usize::try_from(at / 8).ok().and_then(|byte| self.used.get_mut(byte));
            byte.into_iter().for_each(|byte| *byte |= 1 << (at % 8));
            return;
        }
        for nth in 0..=count {
            let child = u64_at(&page, 8 + 16 * (count + 1) + 8 * nth);
            let after = if nth == 0 { after } else { key(nth - 1) };
            let to = if nth == count { to } else { key(nth) };
            self.walk(child, width, [after, to], depth + 1);
        }
    }

    /// Where a page is, in pages from the start of the file: its number has its place in its region, the region and its
    /// size.
    fn place(&self, number: u64) -> Option<u64> {
        let size = number >> 59;
        let (index, region) = (number & (0xf_ffff >> size), number >> 20 & 0xf_ffff);
        let region = region.checked_mul(self.header_pages + self.region_pages)?;
        1_u64.checked_add(region)?.checked_add(self.header_pages)?.checked_add(index << size)
    }

    /// The first bytes of a page. Nothing where the file is shorter, or the disk does not give it.
    fn page(&self, at: u64) -> Option<Vec<u8>> {
        let mut page = vec![0; PAGE];
        self.file.read_exact_at(&mut page, at.checked_mul(PAGE as u64)?).ok().map(|()| page)
    }
}

/// A key as a number: those of both tables are whole numbers, the lowest byte of each first.
fn order(key: &[u8]) -> u64 {
    match *key {
        [kind, a, b, c, d, e, f] => {
            let span = u64::from(u32::from_le_bytes([a, b, c, d]));
            u64::from(kind) << 48 | span << 16 | u64::from(u16::from_le_bytes([e, f]))
        }
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
        _ => 0,
    }
}

fn bytes<const COUNT: usize>(page: &[u8], at: usize) -> [u8; COUNT] {
    page.get(at..).and_then(|from| from.first_chunk()).copied().unwrap_or([0; COUNT])
}

pub fn u16_at(page: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes(page, at))
}

pub fn u32_at(page: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes(page, at))
}

fn u64_at(page: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(page, at))
}

/// The first bytes of each file of redb.
const MAGIC: [u8; 9] = *b"redb\x1a\x0a\xa9\x0d\x0a";

/// The format of the file that is known here. Of another nothing is called in use.
const FORMAT: u8 = 3;

const MOST_TABLES: usize = 16;

/// More levels than a tree has: 100 branches a page make a file of 4 GB five levels deep.
const DEEPEST: usize = 12;

/// With more pages than this, 64 GB, which of those behind are in use is not known.
const MOST_PAGES: usize = 1 << 24;
