//! Forgets the series of which nothing is left, so that names that change in time leave room for others.

use std::collections::BTreeSet;

use super::block::Block;
use super::disk::{Disk, Found, Notes};
use super::recent;
use super::shelf::{BlockId, Failure, View};
use super::{MOST_SERIES, Resolution};

impl Disk {
    /// Does so where many are known: it reads the directories of all blocks.
    pub fn forget_some(&self, found: &mut Found) -> Result<(), Failure> {
        if found.series.len() > MOST_SERIES / 2 { self.forget(found) } else { Ok(()) }
    }

    /// Removes each series that neither a block nor a list of the latest points has.
    pub fn forget(&self, found: &mut Found) -> Result<(), Failure> {
        let mut used = BTreeSet::new();
        for (_, bytes) in &found.recent {
            let known = recent::decode(bytes).map_while(Result::ok);
            used.extend(known.map(|(series, ..)| series));
        }
        used.extend(found.texts.iter().map(|(number, ..)| *number));
        // A number is not used again, so that what a damaged file has of it is always of one series.
        used.extend(found.series.iter().map(|(number, _)| *number).max());
        let view = self.view()?;
        for level in Resolution::ALL {
            for span in view.spans(level, 0, u32::MAX)? {
                let block = match Block::open(&view, BlockId { level, span }) {
                    Err(Failure::Damaged) => None,
                    block => block?,
                };
                used.extend(block.iter().flat_map(|of| of.series().unwrap_or_default()));
            }
        }
        drop(view);
        let forgotten = found.series.extract_if(.., |(number, _)| !used.contains(number));
        let forgotten: Vec<_> = forgotten.map(|(number, _)| number).collect();
        if forgotten.is_empty() {
            return Ok(());
        }
        let notes = Notes { forgotten, ..Notes::default() };
        self.write(&notes, |_| Ok(())).map(drop)
    }
}
