//! Adds up the counters of things that come and go, such as disks, so that the sum never goes back.

use super::Sampled;
use crate::model::{Number, Numbers, Raw, ReadError};

/// The counters of one thing; those that it has no use for are 0.
pub type Values = [u64; 4];

/// Counters of each thing, and their growth since the first reading.
#[derive(Debug, Default)]
pub struct Counters {
    things: Vec<Thing>,
    /// Which of the things is expected next: they mostly come in the same order.
    next: usize,
    sum: Values,
    /// Whether there was a reading.
    has_begun: bool,
}

#[derive(Debug)]
struct Thing {
    name: Box<str>,
    /// Whether it is part of the sum.
    is_counted: bool,
    /// Whether it is in the reading that is being made.
    is_there: bool,
    before: Values,
    now: Values,
}

impl Counters {
    /// Counts the first reading from 0, too: the things are no older than what is measured.
    pub fn count_from_zero(&mut self) {
        self.has_begun = true;
    }

    /// Begins a reading.
    pub fn begin(&mut self) {
        self.next = 0;
        for thing in &mut self.things {
            (thing.is_there, thing.now) = (false, Values::default());
        }
    }

    /// The counters of a thing in this reading, to be filled in. `is_counted` is asked once whether it is
    /// part of the sum.
    pub fn of(&mut self, name: &str, is_counted: &dyn Fn() -> bool) -> &mut Values {
        let is_next = self.things.get(self.next).is_some_and(|thing| &*thing.name == name);
        let known = is_next.then_some(self.next);
        let known = known.or_else(|| self.things.iter().position(|thing| &*thing.name == name));
        let place = known.unwrap_or_else(|| {
            let (is_counted, none) = (is_counted(), Values::default());
            let name = name.into();
            self.things.push(Thing { name, is_counted, is_there: true, before: none, now: none });
            self.things.len() - 1
        });
        self.next = place + 1;
        let thing = &mut self.things[place];
        thing.is_there = true;
        &mut thing.now
    }

    /// Ends the reading: by how much the counters have grown since the first one, those of things that are
    /// gone included. A thing that is new counts from 0, and so does one that went back: it was replaced.
    /// `None` where nothing of what was read counts.
    pub fn sum(&mut self) -> Option<Values> {
        self.things.retain(|thing| thing.is_there);
        let mut counted = self.things.iter_mut().filter(|thing| thing.is_counted).peekable();
        let counts = counted.peek().is_some();
        for thing in counted {
            let pairs = thing.before.iter().zip(thing.now).zip(&mut self.sum);
            for ((before, now), sum) in pairs.filter(|_| self.has_begun) {
                *sum = sum.saturating_add(now.checked_sub(*before).unwrap_or(now));
            }
            thing.before = thing.now;
        }
        self.has_begun = true;
        counts.then_some(self.sum)
    }

    /// Whether nothing was found yet.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// The sum of the last reading.
    pub fn so_far(&self) -> Values {
        self.sum
    }
}

/// Adds the totals of those of some numbers that were asked for; a number has the place of its counter.
pub fn add_totals(
    sums: &Result<Values, ReadError>,
    numbers: &[Number],
    asked: Numbers,
    sampled: &mut Sampled,
) {
    for (place, number) in numbers.iter().enumerate() {
        if asked.contains(*number) {
            sampled.push((
                *number,
                sums.as_ref().map(|sums| Raw::Total(sums[place] as f64)).map_err(ReadError::clone),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of readings of one counter each; a name in capitals does not count.
    fn sums(readings: &[&[(&str, u64)]]) -> Vec<Option<u64>> {
        let mut counters = Counters::default();
        let sum = |reading: &&[(&str, u64)]| {
            counters.begin();
            for (name, value) in *reading {
                *counters.of(name, &|| !name.contains('X')) = [*value, 0, 0, 0];
            }
            counters.sum().map(|[sum, ..]| sum)
        };
        readings.iter().map(sum).collect()
    }

    #[test]
    fn the_sum_is_the_growth_since_the_first_reading() {
        let readings: [&[_]; 3] =
            [&[("a", 100), ("b", 7)], &[("a", 101), ("b", 7)], &[("b", 9), ("a", 101)]];
        assert_eq!(sums(&readings), [Some(0), Some(1), Some(3)]);
    }

    #[test]
    fn what_is_gone_keeps_its_part_and_takes_nothing_of_the_others() {
        let readings: [&[_]; 3] = [&[("a", 1), ("b", 900)], &[("a", 2), ("b", 950)], &[("a", 5)]];
        assert_eq!(sums(&readings), [Some(0), Some(51), Some(54)]);
    }

    #[test]
    fn what_is_new_or_was_replaced_counts_from_0() {
        let readings: [&[_]; 3] = [&[("a", 50)], &[("a", 50), ("b", 4)], &[("a", 6), ("b", 4)]];
        assert_eq!(sums(&readings), [Some(0), Some(4), Some(10)]);
        let back: [&[_]; 3] = [&[("a", 50)], &[("b", 1)], &[("b", 1), ("a", 3)]];
        assert_eq!(sums(&back), [Some(0), Some(1), Some(4)], "as `a` was gone, it is another");
    }

    #[test]
    fn what_does_not_count_is_no_zero() {
        let readings: [&[_]; 4] = [&[("X", 5)], &[("X", 9)], &[("X", 9), ("a", 2)], &[]];
        assert_eq!(sums(&readings), [None, None, Some(2), None]);
    }
}
