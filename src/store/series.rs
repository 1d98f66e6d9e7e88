//! What the store knows of one series, and its points that are not in a block yet.

use std::rc::Rc;
use std::sync::Arc;

use super::bytes::{Bytes, Damaged, put, put_text};
use super::chunk::Points;
use crate::model::{Kind, Metric};

/// A metric of a check as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub check: Rc<str>,
    pub name: Rc<str>,
    pub unit: Rc<str>,
    /// `i`, `I`, `l` and `L` for whole numbers of 32 and 64 bits, signed and not; `D` for others, `s` for texts.
    pub letter: char,
    /// Whether it is a total, of which only the growth means anything.
    pub is_counter: bool,
}

impl Described {
    pub fn of(metric: &Metric, name: &str, is_text: bool) -> Self {
        Self {
            check: metric.check.as_ref().into(),
            name: name.into(),
            unit: metric.unit_name().into(),
            letter: metric.letter(is_text),
            is_counter: metric.kind == Kind::Counter,
        }
    }

    pub fn is_text(&self) -> bool {
        self.letter == 's'
    }

    /// As it is noted in a file. The first description of a series has the revision 0.
    pub fn encode(&self, revision: u64) -> Vec<u8> {
        let mut out = vec![u8::from(self.is_counter), self.letter as u8];
        [&self.check, &self.name, &self.unit].into_iter().for_each(|text| put_text(&mut out, text));
        if revision > 0 {
            put(&mut out, revision);
        }
        out
    }

    /// What a note says, and its revision.
    pub fn decode(bytes: &[u8]) -> Result<(Self, u64), Damaged> {
        let mut bytes = Bytes(bytes);
        let (is_counter, letter) = (bytes.byte()? == 1, bytes.byte()?.into());
        let mut text = || bytes.text().map(Rc::from);
        let (check, name, unit) = (text()?, text()?, text()?);
        let revision = if bytes.0.is_empty() { 0 } else { bytes.whole()? };
        Ok((Self { check, name, unit, letter, is_counter }, revision))
    }
}

/// One series.
#[derive(Debug)]
pub struct Series {
    pub described: Described,
    /// How often it was described anew: a damaged file may have notes of several times.
    pub revision: u64,
    /// Its number in blocks, once it has one.
    pub number: Option<u32>,
    /// Whether the file has what it is.
    pub is_written: bool,
    pub updated_ms: i64,
    /// Hours since 1970, in order.
    pub open: Vec<(u32, Arc<Points>)>,
}

impl Series {
    pub fn new(described: Described) -> Self {
        let (number, open) = (None, Vec::new());
        Self { described, revision: 0, number, is_written: false, updated_ms: 0, open }
    }

    /// Says anew what it is.
    pub fn describe(&mut self, described: Described) {
        self.described = described;
        self.revision += 1;
        self.is_written = false;
    }

    /// Takes over what a file says that it is. What was said since then is newer.
    pub fn found(&mut self, number: u32, described: &Described, revision: u64) {
        self.number = Some(number);
        self.is_written = self.described == *described;
        self.revision = revision + u64::from(!self.is_written);
    }

    /// Its note in a file.
    pub fn note(&self) -> Vec<u8> {
        self.described.encode(self.revision)
    }

    /// Adds a point to its hour. False where it replaced one.
    pub fn put(&mut self, hour: u32, at: u32, value: f64) -> bool {
        let place = match self.open.last() {
            Some((last, _)) if *last == hour => self.open.len() - 1,
            _ => match self.open.binary_search_by_key(&hour, |(hour, _)| *hour) {
                Ok(place) => place,
                Err(place) => {
                    self.open.insert(place, (hour, Arc::default()));
                    place
                }
            },
        };
        // While its hour is being written, it is copied first.
        Arc::make_mut(&mut self.open[place].1).put(at, value)
    }

    /// Whether there is a point of this millisecond of an hour.
    pub fn has(&self, hour: u32, at: u32) -> bool {
        let place = self.open.binary_search_by_key(&hour, |(hour, _)| *hour);
        place.is_ok_and(|place| self.open[place].1.has(at))
    }

    /// Removes the points of an hour that were written. How many it has less.
    pub fn written(&mut self, hour: u32, points: &Arc<Points>) -> usize {
        let place = self.open.binary_search_by_key(&hour, |(hour, _)| *hour);
        let Ok(place) = place else { return 0 };
        let open = &mut self.open[place].1;
        let before = open.len();
        let left = match Arc::ptr_eq(open, points) {
            true => Points::default(),
            false => open.without(points),
        };
        let after = left.len();
        match after {
            0 => drop(self.open.remove(place)),
            _ => *open = Arc::new(left),
        }
        before - after
    }
}
