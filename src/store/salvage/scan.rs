//! What is whole in a file, page by page: each value of a leaf that bears the seal of its key.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::tree::{LEAF, PAGE, Tree, u16_at, u32_at};
use crate::store::Resolution;
use crate::store::bytes::{seal, split};
use crate::store::disk::{COPIES, HEAD, SERIES, TEXTS, of_list};
use crate::store::head;
use crate::store::shelf::{PageKey, word};

/// Where something is that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The level of a block, or what else it is.
    pub kind: u8,
    /// The span of a block, or the number of a series or a list.
    pub span: u32,
    /// Of a page of a block the seal of its first page: those of one time have the same.
    pub version: u32,
    pub page: u16,
    /// Whether it is not of the last commit, as far as that is known.
    pub is_old: bool,
    pub at: u64,
    pub length: u32,
}

impl Place {
    /// The bytes there, without their seal.
    pub fn content(&self, file: &File) -> Option<Vec<u8>> {
        let mut all = self.bytes(file)?;
        all.truncate(split(&all).ok()?.0.len());
        Some(all)
    }

    /// The bytes there. Nothing where the disk no longer gives them.
    pub fn bytes(&self, file: &File) -> Option<Vec<u8>> {
        let mut all = vec![0; self.length as usize];
        file.read_exact_at(&mut all, self.at).ok().map(|()| all)
    }
}

/// All that is whole, each once, in the order of keys, and of versions of blocks.
pub fn scan(file: &File, is_given_up: &dyn Fn() -> bool) -> io::Result<Vec<Place>> {
    let length = file.metadata()?.len();
    let tree = Tree::of(file, length);
    let (mut found, mut page) = (Vec::new(), vec![0; PAGE]);
    // Large leaves are read once more, and bytes that only look like some are not read without end.
    let mut left = length.saturating_add(MOST_LEAF as u64);
    for number in 0..length.div_ceil(PAGE as u64) {
        if number % 256 == 0 && is_given_up() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let at = number * PAGE as u64;
        // The last one may be cut off.
        let here = usize::try_from(length - at).unwrap_or(PAGE).min(PAGE);
        page.resize(here, 0);
        // A page that the disk does not give is as lost as one that has changed.
        let is_read = file.read_exact_at(&mut page, at).is_ok();
        if !is_read || page.first() != Some(&LEAF) || found.len() > MOST_FOUND {
            continue;
        }
        let count = usize::from(u16_at(&page, 2));
        let end = count.checked_sub(1).map_or(0, |last| u32_at(&page, 4 + 4 * last) as usize);
        let is_large = end > PAGE && end <= MOST_LEAF && end as u64 <= left.min(length - at);
        if is_large {
            left -= end as u64;
            page.resize(end, 0);
            if file.read_exact_at(&mut page, at).is_err() {
                continue;
            }
        }
        let is_old = !tree.is_used(number);
        leaf(&page, |(kind, span, page), version, place, length| {
            let (at, length) = (at + place as u64, length as u32);
            found.push(Place { kind, span, version, page, is_old, at, length });
        });
    }
    found.sort_unstable();
    found.dedup_by_key(|place| {
        // Notes have no versions: which is the one to take is seen later.
        let Place { kind, span, version, page, at, .. } = *place;
        (kind, span, version, page, if kind >= HEAD.0 { at } else { 0 })
    });
    Ok(found)
}

/// Each value of a leaf that is whole: its key, its version, its place and its length. A leaf has the ends of its values,
/// its keys, which are 7 bytes in the table of pages and 4 in the others, and the values.
fn leaf(page: &[u8], mut of: impl FnMut(PageKey, u32, usize, usize)) {
    let count = usize::from(u16_at(page, 2));
    for width in [7, 4] {
        let (keys, values) = (4 + 4 * count, 4 + (4 + width) * count);
        let mut start = values;
        for nth in 0..count {
            let end = u32_at(page, 4 + 4 * nth) as usize;
            let from = std::mem::replace(&mut start, end);
            let Some(value) = page.get(from..end) else { break };
            let key = page.get(keys + width * nth..).unwrap_or_default();
            if let Some((key, version)) = whole(&key[..width.min(key.len())], value) {
                of(key, version, from, value.len());
            }
        }
    }
}

/// The key of a value that bears its seal, and its version.
fn whole(key: &[u8], value: &[u8]) -> Option<(PageKey, u32)> {
    let (content, end) = split(value).ok()?;
    match *key {
        [kind, a, b, c, d, e, f] => {
            let key = (kind, u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]));
            if key == HEAD {
                let is_head = seal(&[], content) == end && head::decode(content).is_ok();
                return is_head.then_some((key, 0));
            }
            let is_page = Resolution::ALL.into_iter().any(|level| level as u8 == kind);
            let first = seal(&[word(key)], content) ^ end;
            if (kind, key.1) == COPIES {
                return (first == 0).then_some(((SERIES, key.2.into(), 0), 0));
            }
            match (is_page, key.2) {
                (true, 0) => (first == 0).then_some((key, end)),
                // Whether there is a first page of this seal is seen later.
                (true, _) => Some((key, first)),
                (false, _) => ([SERIES, TEXTS].contains(&kind) && first == 0).then_some((key, 0)),
            }
        }
        [a, b, c, d] => {
            let number = u32::from_le_bytes([a, b, c, d]);
            let is_list = seal(&[of_list(number)], content) == end;
            is_list.then_some(((LIST, number, 0), 0))
        }
        _ => None,
    }
}

/// The kind of a list of the latest points.
pub const LIST: u8 = 200;

/// The largest leaf that is read: a list of 300,000 points, which is the most, has less.
const MOST_LEAF: usize = 8 << 20;

/// Values that are found at most, 32 bytes each: those of 8 GB.
const MOST_FOUND: usize = 2_000_000;
