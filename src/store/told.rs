//! The texts of metrics: how the store accepts them, reads them from a file, and answers for a range.

use std::collections::BTreeMap;

use super::texts::{self, Change, Taken};
use super::{MOST_AHEAD_MS, Resolution, Store, Unplottable};

impl Store {
    /// Accepts the text of a metric. It is kept where it differs from the last one. A metric of numbers keeps no text.
    pub fn put_text(&mut self, place: usize, at_ms: i64, text: &str, now_ms: i64) {
        if !self.all[place].described.is_text() {
            return;
        }
        let end_ms = now_ms + MOST_AHEAD_MS;
        let oldest = Resolution::Full.kept_since(now_ms).max(0);
        if at_ms < oldest || at_ms > end_ms {
            self.counts.rejected_times += 1;
            return;
        }
        match self.texts.put(place, at_ms, text, end_ms) {
            Taken::Late => self.counts.rejected_times += 1,
            Taken::Full => self.counts.dropped += 1,
            Taken::Kept | Taken::Same => {
                let series = &mut self.all[place];
                series.updated_ms = series.updated_ms.max(at_ms);
            }
        }
    }

    /// Adds the texts that a file has. Returns how many slots of them cannot be read.
    pub(super) fn found_texts(
        &mut self,
        found: &[(u32, u16, Vec<u8>)],
        by_number: &BTreeMap<u32, usize>,
    ) -> usize {
        let mut damaged = 0;
        for of_series in found.chunk_by(|one, other| one.0 == other.0) {
            // The note that says which metric this is cannot be read. It is already counted as damaged.
            let Some(place) = by_number.get(&of_series[0].0).copied() else { continue };
            let mut slots = Vec::new();
            for (_, slot, bytes) in of_series {
                match texts::decode(bytes) {
                    Ok(changes) => slots.push((*slot, changes)),
                    Err(_) => damaged += 1,
                }
            }
            self.texts.found(place, slots);
            let last = self.texts.of(place).next_back().map_or(0, |last| last.at_ms);
            let series = &mut self.all[place];
            series.updated_ms = series.updated_ms.max(last);
        }
        damaged
    }

    /// The text that a metric had at the start of a range, and its changes within the range.
    pub fn texts(
        &self,
        [check, metric]: [&str; 2],
        [from_ms, to_ms]: [i64; 2],
    ) -> Result<Vec<Change>, Unplottable> {
        let of_check = self.places.get(check).ok_or(Unplottable::NoCheck)?;
        let place = *of_check.get(metric).ok_or(Unplottable::NoMetric)?;
        if !self.all[place].described.is_text() {
            return Err(Unplottable::Number);
        }
        let before = self.texts.of(place).take_while(|change| change.at_ms <= from_ms).last();
        let within = self.texts.of(place);
        let within = within.filter(|change| change.at_ms > from_ms && change.at_ms < to_ms);
        Ok(before.into_iter().chain(within).cloned().collect())
    }
}
