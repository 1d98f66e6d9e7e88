//! What one series has in one span of one level, as bytes.

use super::Resolution;
use super::bytes::{Bytes, Damaged, put};
use super::column::{floats, put_floats, put_wholes, wholes};
use super::rollup::{Rollup, Total, condense};

/// The points of one series within an hour, in the order of time, each millisecond at most once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Milliseconds since the hour began.
    times: Vec<u32>,
    values: Vec<f64>,
}

impl Points {
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, f64)> {
        self.times.iter().copied().zip(self.values.iter().copied())
    }

    /// Adds a point. One of the same millisecond is replaced: false.
    pub fn put(&mut self, at: u32, value: f64) -> bool {
        if self.times.last().is_none_or(|last| *last < at) {
            self.times.push(at);
            self.values.push(value);
            return true;
        }
        match self.times.binary_search(&at) {
            Ok(place) => {
                self.values[place] = value;
                false
            }
            Err(place) => {
                self.times.insert(place, at);
                self.values.insert(place, value);
                true
            }
        }
    }

    pub fn has(&self, at: u32) -> bool {
        self.times.binary_search(&at).is_ok()
    }

    /// These, with others added that replace those of the same millisecond.
    pub fn with(mut self, newer: &Self) -> Self {
        for (at, value) in newer.iter() {
            self.put(at, value);
        }
        self
    }

    /// These, but those that others have with the same value.
    pub fn without(&self, others: &Self) -> Self {
        let mut left = Self::default();
        for (at, value) in self.iter() {
            let place = others.times.binary_search(&at);
            if !place.is_ok_and(|place| others.values[place].to_bits() == value.to_bits()) {
                left.put(at, value);
            }
        }
        left
    }

    /// The buckets of the finest rollup. `hour_ms` is when the hour began.
    pub fn condensed(&self, hour_ms: i64) -> Vec<(i64, Rollup)> {
        let of = |(at, value): (u32, f64)| (hour_ms + i64::from(at), Rollup::of(value));
        condense(Resolution::Min5, self.iter().map(of))
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut before = 0;
        let step = |at: &u32| i64::from(*at - std::mem::replace(&mut before, *at));
        let steps: Vec<i64> = self.times.iter().map(step).collect();
        put(out, steps.len() as u64);
        // The first is where in the hour it begins, the others are of one size.
        put(out, steps.first().map_or(0, |first| first.unsigned_abs()));
        put_wholes(out, steps.get(1..).unwrap_or_default());
        put_floats(out, &self.values);
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut bytes = Bytes(bytes);
        let count = bytes.count()?;
        let first = bytes.whole()?;
        let mut at = u32::try_from(first).map_err(|_| Damaged)?;
        let steps = wholes(&mut bytes, count.saturating_sub(1))?;
        let mut times = Vec::with_capacity(steps.len() + 1);
        times.extend((count > 0).then_some(at));
        for step in steps {
            let step = u32::try_from(step).map_err(|_| Damaged)?;
            at = at.checked_add(step).ok_or(Damaged)?;
            times.push(at);
        }
        Ok(Self { values: floats(&mut bytes, count)?, times })
    }
}

/// The buckets of one series within a span that begins at `span_ms`.
pub fn encode(
    level: Resolution,
    span_ms: i64,
    is_counter: bool,
    buckets: &[(i64, Rollup)],
) -> Vec<u8> {
    let mut out = Vec::new();
    let length = level.length_ms().unwrap_or(1);
    put(&mut out, (buckets.len() as u64) << 1 | u64::from(is_counter));
    let places: Vec<i64> = buckets.iter().map(|(start, _)| (start - span_ms) / length).collect();
    put_wholes(&mut out, &places);
    let counts: Vec<i64> = buckets.iter().map(|(_, rollup)| rollup.count as i64).collect();
    put_wholes(&mut out, &counts);
    let mut column = |of: fn(&Rollup) -> f64| {
        let values: Vec<f64> = buckets.iter().map(|(_, rollup)| of(rollup)).collect();
        put_floats(&mut out, &values);
    };
    column(|of| of.average);
    column(|of| short(of.m2));
    column(|of| of.min);
    column(|of| of.max);
    if is_counter {
        column(|of| of.total.first);
        column(|of| of.total.last);
        column(|of| of.total.growth);
    }
    out
}

/// Whether the buckets are of a counter.
pub fn is_counter(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 1 == 1)
}

/// What [`encode`] wrote, each bucket with its start.
pub fn decode(
    level: Resolution,
    span_ms: i64,
    bytes: &[u8],
) -> Result<Vec<(i64, Rollup)>, Damaged> {
    let mut bytes = Bytes(bytes);
    let head = bytes.count()?;
    let (count, is_counter) = (head >> 1, head & 1 == 1);
    let length = level.length_ms().unwrap_or(1);
    // What is damaged must not ask for all memory.
    if count as i64 > level.span_ms() / length {
        return Err(Damaged);
    }
    let places = wholes(&mut bytes, count)?;
    let counts = wholes(&mut bytes, count)?;
    let mut columns: [Vec<f64>; 7] = Default::default();
    let used = if is_counter { 7 } else { 4 };
    for column in &mut columns[..used] {
        *column = floats(&mut bytes, count)?;
    }
    let [average, m2, min, max, first, last, growth] = &columns;
    let bucket = |(place, (at, count)): (usize, (&i64, &i64))| {
        let total = match is_counter {
            true => Total { first: first[place], last: last[place], growth: growth[place] },
            false => Total { first: average[place], last: average[place], growth: 0.0 },
        };
        let count = u64::try_from(*count).ok().filter(|count| *count > 0).ok_or(Damaged)?;
        let (average, m2, min, max) = (average[place], m2[place], min[place], max[place]);
        let start = at.checked_mul(length).and_then(|ms| ms.checked_add(span_ms)).ok_or(Damaged)?;
        Ok((start, Rollup { count, average, m2, min, max, total }))
    };
    places.iter().zip(&counts).enumerate().map(bucket).collect()
}

/// A sum of squares with seven digits, which is half as long: a deviation of 1 % is known to a millionth of it. One
/// that such a number cannot hold keeps all digits.
fn short(m2: f64) -> f64 {
    let half = m2 as f32;
    if half.is_normal() { half.into() } else { m2 }
}

#[cfg(test)]
mod tests;
