//! The texts of metrics, each kept when it is another than before. There are few, so all of them are in memory, and in a
//! file as well: those of a series in slots, of which a commit writes the ones that have changed.

use std::collections::BTreeSet;

use super::bytes::{Bytes, Damaged, put, put_text};

/// The texts of all series, in the order of their places.
#[derive(Debug, Default)]
pub struct Texts {
    all: Vec<(usize, Vec<Slot>)>,
    /// What they count, see [`cost`].
    bytes: usize,
    /// Slots that have nothing more, by place and number.
    gone: Vec<(usize, u16)>,
    /// The oldest change of each series that has several, and its place: what goes first where there is no more room.
    oldest: BTreeSet<(i64, usize)>,
}

/// Some changes of one series, in the order of time. A series that has slots has no empty one.
#[derive(Clone, Debug, Default, PartialEq)]
struct Slot {
    number: u16,
    changes: Vec<Change>,
    is_written: bool,
}

/// A text, and since when it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at_ms: i64,
    pub text: Box<str>,
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Kept,
    /// It is the one that was there before.
    Same,
    /// A later one is there already.
    Late,
    /// There is no room for one more series.
    Full,
}

/// A slot of the series of a number as it is written, or nothing where it is to be removed.
pub type Note = (u32, u16, Option<Vec<u8>>);

impl Texts {
    pub fn has(&self, place: usize) -> bool {
        self.find(place).is_ok()
    }

    /// Where a series is among those that have texts, or where it would be.
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

    /// Takes a text. What is after `end_ms` comes of a clock that was ahead, and goes.
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

    /// Follows a change of a series, whose oldest change was this before.
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
        // Until it is empty the file has it still, and it is removed again after a start.
        if !slot.changes.is_empty() {
            let removed = cost(&slot.changes.remove(0));
            self.bytes -= removed;
        }
        self.tidy(place);
        self.follow(place, before);
    }

    /// Removes the slots of a series that have nothing more.
    fn tidy(&mut self, place: usize) {
        let Ok(at) = self.find(place) else { return };
        let slots = &mut self.all[at].1;
        let gone = slots.extract_if(.., |slot| slot.changes.is_empty());
        self.gone.extend(gone.map(|slot| (place, slot.number)));
        if slots.is_empty() {
            self.all.remove(at);
        }
    }

    /// Removes what is older, but not the text that each series has now, nor the one that was there at that time.
    pub fn expire(&mut self, oldest_ms: i64) {
        let places: Vec<_> = self.all.iter().map(|(place, _)| *place).collect();
        for place in places {
            while self.of(place).nth(1).is_some_and(|next| next.at_ms <= oldest_ms) {
                self.remove_first(place);
            }
        }
    }

    /// What is to be written of those that have a number.
    pub fn changed(&mut self, number: impl Fn(usize) -> Option<u32>) -> Vec<Note> {
        let gone = std::mem::take(&mut self.gone).into_iter();
        let mut notes: Vec<Note> =
            gone.filter_map(|(place, slot)| Some((number(place)?, slot, None))).collect();
        for (place, slots) in &mut self.all {
            let Some(number) = number(*place) else { continue };
            for slot in slots.iter_mut().filter(|slot| !slot.is_written) {
                slot.is_written = true;
                notes.push((number, slot.number, Some(encode(&slot.changes))));
            }
        }
        notes
    }

    /// What was to be written was not.
    pub fn not_written(&mut self) {
        self.all.iter_mut().flat_map(|(_, slots)| slots).for_each(|slot| slot.is_written = false);
    }

    /// Takes over the slots of a series from a file. What came since is newer.
    pub fn found(&mut self, place: usize, slots: Vec<(u16, Vec<Change>)>) {
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

    /// Bytes of the texts of a series as a file has them.
    pub fn bytes_of(&self, place: usize) -> usize {
        self.slots(place).iter().map(|slot| encode(&slot.changes).len()).sum()
    }
}

/// A slot as it is written: of each change the time since the one before, and the text.
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

/// As much of a text as is kept.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// Bytes that a change counts: its text and what stands around it.
fn cost(change: &Change) -> usize {
    change.text.len() + 16
}

/// Bytes of a text that are kept. It is cut at a character.
pub const LONGEST: usize = 256;

/// Changes of a series that are kept: the oldest go first.
const MOST_CHANGES: usize = 1000;

/// What all texts together may count. Of more the oldest go first, but not the text that a series has now.
const MOST_BYTES: usize = 256_000;

/// A slot that counts more gets no more, so that a commit writes one page of the file for a change.
const FULL_SLOT: usize = 2000;

#[cfg(test)]
mod tests;
