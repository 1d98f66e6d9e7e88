//! The texts of metrics. A text is kept only when it differs from the one before. There are few, so memory has all of
//! them. A file has them as well: the texts of a series are divided into slots, and a commit writes the slots that have
//! changed.

use std::collections::BTreeSet;

use super::bytes::{Bytes, Damaged, put, put_text};

/// The texts of all series, in the order of their places.
#[derive(Debug, Default)]
pub struct Texts {
    all: Vec<(usize, Vec<Slot>)>,
    /// The sum of [`cost`] of all of them.
    bytes: usize,
    /// Empty slots, by place and number. The next commit removes them from the file.
    gone: Vec<(usize, u16)>,
    /// The empty slots that the current commit removes. They are kept until it succeeds.
    going: Vec<(usize, u16)>,
    /// The time of the oldest change of each series that has more than one, and the place of the series. When there is no
    /// room, the first of these changes is removed.
    oldest: BTreeSet<(i64, usize)>,
}

/// Some changes of one series, in the order of time. Empty slots are removed at once.
#[derive(Clone, Debug, Default, PartialEq)]
struct Slot {
    number: u16,
    changes: Vec<Change>,
    is_written: bool,
}

/// A text, and the time at which it was first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at_ms: i64,
    pub text: Box<str>,
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Kept,
    /// It equals the text before it.
    Same,
    /// There is a text with a later time.
    Late,
    /// There is no room for one more series.
    Full,
}

/// What a commit does with a slot: the number of the series, the number of the slot, and the bytes to write; `None`
/// removes the slot.
pub type Note = (u32, u16, Option<Vec<u8>>);

impl Texts {
    pub fn has(&self, place: usize) -> bool {
        self.find(place).is_ok()
    }

    /// The index of a series in `all`. The error is the index at which it would be inserted.
    fn find(&self, place: usize) -> Result<usize, usize> {
        self.all.binary_search_by_key(&place, |(place, _)| *place)
    }

    fn slots(&self, place: usize) -> &[Slot] {
        self.find(place).map_or(&[], |at| &self.all[at].1)
    }

    fn slots_mut(&mut self, place: usize) -> &mut [Slot] {
        match self.find(place) {
            Ok(at) => &mut self.all[at].1,
            Err(_) => &mut [],
        }
    }

    /// The changes of a series, in the order of time.
    pub fn of(&self, place: usize) -> impl DoubleEndedIterator<Item = &Change> {
        self.slots(place).iter().flat_map(|slot| &slot.changes)
    }

    /// Accepts a text. Texts after `end_ms` were written while the clock was ahead, and are removed.
    pub fn put(&mut self, place: usize, at_ms: i64, text: &str, end_ms: i64) -> Taken {
        let text = cut(text);
        while self.of(place).next_back().is_some_and(|last| last.at_ms > end_ms) {
            self.remove_last(place);
        }
        match self.of(place).next_back() {
            Some(last) if *last.text == *text => return Taken::Same,
            Some(last) if last.at_ms >= at_ms => return Taken::Late,
            _ => {}
        }
        self.append(place, Change { at_ms, text: text.into() });
        if self.of(place).count() > MOST_CHANGES {
            self.remove_first(place);
        }
        while self.bytes > MOST_BYTES {
            let Some((_, oldest)) = self.oldest.first().copied() else {
                self.remove_first(place);
                return Taken::Full;
            };
            self.remove_first(oldest);
        }
        Taken::Kept
    }

    /// The oldest change of a series, if it is not the only one.
    fn first_of_several(&self, place: usize) -> Option<(i64, usize)> {
        let slots = self.slots(place);
        let is_only = slots.len() == 1 && slots[0].changes.len() == 1;
        let first = slots.first()?.changes.first()?.at_ms;
        (!is_only).then_some((first, place))
    }

    /// Updates `oldest` after a series has changed. `before` is its entry from before the change.
    fn follow(&mut self, place: usize, before: Option<(i64, usize)>) {
        let now = self.first_of_several(place);
        if now != before {
            if let Some(before) = before {
                self.oldest.remove(&before);
            }
            self.oldest.extend(now);
        }
    }

    fn append(&mut self, place: usize, change: Change) {
        let before = self.first_of_several(place);
        self.bytes += cost(&change);
        let at = self.find(place).unwrap_or_else(|at| {
            self.all.insert(at, (place, Vec::new()));
            at
        });
        let slots = &mut self.all[at].1;
        let next = slots.last().map_or(0, |slot| slot.number.wrapping_add(1));
        match slots.last_mut() {
            Some(slot) if slot.changes.iter().map(cost).sum::<usize>() < FULL_SLOT => {
                slot.changes.push(change);
                slot.is_written = false;
            }
            _ => slots.push(Slot { number: next, changes: vec![change], is_written: false }),
        }
        self.follow(place, before);
    }

    fn remove_last(&mut self, place: usize) {
        let before = self.first_of_several(place);
        if let Some(slot) = self.slots_mut(place).last_mut() {
            slot.is_written = false;
            let removed = slot.changes.pop().as_ref().map_or(0, cost);
            self.bytes -= removed;
        }
        self.tidy(place);
        self.follow(place, before);
    }

    fn remove_first(&mut self, place: usize) {
        let before = self.first_of_several(place);
        let Some(slot) = self.slots_mut(place).first_mut() else { return };
        // The slot is not written again for that. So the file has this change until the slot is empty, and a start reads
        // it and removes it again.
        if !slot.changes.is_empty() {
            let removed = cost(&slot.changes.remove(0));
            self.bytes -= removed;
        }
        self.tidy(place);
        self.follow(place, before);
    }

    /// Removes the empty slots of a series.
    fn tidy(&mut self, place: usize) {
        let Ok(at) = self.find(place) else { return };
        let slots = &mut self.all[at].1;
        let gone = slots.extract_if(.., |slot| slot.changes.is_empty());
        self.gone.extend(gone.map(|slot| (place, slot.number)));
        if slots.is_empty() {
            self.all.remove(at);
        }
    }

    /// Removes changes that are older than this time. The newest of them stays, because its text was valid at that time;
    /// so each series keeps its current text.
    pub fn expire(&mut self, oldest_ms: i64) {
        let places: Vec<_> = self.all.iter().map(|(place, _)| *place).collect();
        for place in places {
            while self.of(place).nth(1).is_some_and(|next| next.at_ms <= oldest_ms) {
                self.remove_first(place);
            }
        }
    }

    /// What a commit writes: the slots that have changed, of the series that have a number.
    pub fn changed(&mut self, number: impl Fn(usize) -> Option<u32>) -> Vec<Note> {
        self.going.append(&mut self.gone);
        let gone = self.going.iter();
        let mut notes: Vec<Note> =
            gone.copied().filter_map(|(place, slot)| Some((number(place)?, slot, None))).collect();
        for (place, slots) in &mut self.all {
            let Some(number) = number(*place) else { continue };
            for slot in slots.iter_mut().filter(|slot| !slot.is_written) {
                slot.is_written = true;
                notes.push((number, slot.number, Some(encode(&slot.changes))));
            }
        }
        notes
    }

    /// The commit of [`changed`](Self::changed) has succeeded.
    pub fn written(&mut self) {
        self.going.clear();
    }

    /// The commit of [`changed`](Self::changed) has failed.
    pub fn not_written(&mut self) {
        self.gone.append(&mut self.going);
        self.all.iter_mut().flat_map(|(_, slots)| slots).for_each(|slot| slot.is_written = false);
    }

    /// Adds the slots that a file has of a series. Texts that are in memory already are newer.
    pub fn found(&mut self, place: usize, slots: Vec<(u16, Vec<Change>)>) {
        // The file still has the slots that were to be removed, and they are used again.
        self.gone.retain(|(of, _)| *of != place);
        let before = self.first_of_several(place);
        let newer: Vec<_> = self.of(place).cloned().collect();
        self.bytes -= newer.iter().map(cost).sum::<usize>();
        let mut found: Vec<Slot> = Vec::new();
        for (number, changes) in slots {
            let first_ms = |changes: &[Change]| changes.first().map(|change| change.at_ms);
            let at = found.partition_point(|of| first_ms(&of.changes) <= first_ms(&changes));
            found.insert(at, Slot { number, changes, is_written: true });
        }
        let mut slots = found;
        let mut last_ms = i64::MIN;
        for changes in slots.iter_mut().map(|slot| &mut slot.changes) {
            changes.retain(|change| {
                let before = last_ms;
                last_ms = before.max(change.at_ms);
                change.at_ms > before
            });
        }
        self.bytes += slots.iter().flat_map(|slot| &slot.changes).map(cost).sum::<usize>();
        match self.find(place) {
            Ok(at) => self.all[at].1 = slots,
            Err(at) => self.all.insert(at, (place, slots)),
        }
        self.tidy(place);
        self.follow(place, before);
        for Change { at_ms, text } in newer {
            self.put(place, at_ms, &text, i64::MAX);
        }
    }

    /// How many bytes a file needs for the texts of a series.
    pub fn bytes_of(&self, place: usize) -> usize {
        self.slots(place).iter().map(|slot| encode(&slot.changes).len()).sum()
    }
}

/// The bytes of a slot: for each change, the milliseconds since the change before, and the text.
fn encode(changes: &[Change]) -> Vec<u8> {
    let (mut out, mut before) = (Vec::new(), 0);
    for Change { at_ms, text } in changes {
        put(&mut out, at_ms.saturating_sub(before).max(0).unsigned_abs());
        put_text(&mut out, text);
        before = *at_ms;
    }
    out
}

/// What [`encode`] wrote.
pub fn decode(bytes: &[u8]) -> Result<Vec<Change>, Damaged> {
    let (mut bytes, mut at_ms, mut all) = (Bytes(bytes), 0_i64, Vec::new());
    while !bytes.0.is_empty() {
        let step = i64::try_from(bytes.whole()?).map_err(|_| Damaged)?;
        at_ms = at_ms.checked_add(step).ok_or(Damaged)?;
        all.push(Change { at_ms, text: bytes.text()?.into() });
    }
    Ok(all)
}

/// The part of a text that is kept.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// What a change counts in bytes: its text, and about what its record needs besides.
fn cost(change: &Change) -> usize {
    change.text.len() + 16
}

/// The most bytes of a text. A longer one is cut between two characters.
pub const LONGEST: usize = 256;

/// Changes of a series that are kept: the oldest go first.
const MOST_CHANGES: usize = 1000;

/// The most that all texts together may count. Beyond this, the oldest changes are removed, but never the current text of a
/// series.
const MOST_BYTES: usize = 256_000;

/// A slot that counts this much gets no further change, so that a commit writes only one page of the file for a change.
const FULL_SLOT: usize = 2000;

#[cfg(test)]
mod tests;
