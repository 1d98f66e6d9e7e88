//! What becomes of the points of a bucket.

use super::Resolution;
use crate::model::growth;

/// Points of one series, condensed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rollup {
    /// At least 1.
    pub count: u64,
    pub average: f64,
    /// The sum of the squares of the distances from the average.
    pub m2: f64,
    pub min: f64,
    pub max: f64,
    /// Of a counter; of a gauge nobody asks for them.
    pub total: Total,
}

/// What is needed for a rate across a bucket of a counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Total {
    pub first: f64,
    pub last: f64,
    /// How much it grew from the first to the last.
    pub growth: f64,
}

impl Total {
    /// That of one value.
    pub fn of(value: f64) -> Self {
        Self { first: value, last: value, growth: 0.0 }
    }
}

impl Rollup {
    pub fn of(value: f64) -> Self {
        let total = Total::of(value);
        Self { count: 1, average: value, m2: 0.0, min: value, max: value, total }
    }

    /// The population variance.
    pub fn variance(&self) -> f64 {
        self.m2 / self.count as f64
    }

    /// Adds those that follow: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing
    /// Sample Variances" (1979). A difference of large squares would have no correct digit left.
    pub fn merge(&mut self, later: &Self) {
        let (left, right) = (self.count as f64, later.count as f64);
        let both = left + right;
        let distance = later.average - self.average;
        self.average += distance * (right / both);
        self.m2 += later.m2 + distance * distance * (left * right / both);
        self.count += later.count;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        // Rounding must not move an average out of what it is the average of.
        self.average = self.average.clamp(self.min, self.max);
        self.total.growth += growth(self.total.last, later.total.first) + later.total.growth;
        self.total.last = later.total.last;
    }
}

/// Puts what follows into the buckets of a level, in the order of time.
pub fn condense(
    level: Resolution,
    finer: impl IntoIterator<Item = (i64, Rollup)>,
) -> Vec<(i64, Rollup)> {
    let mut buckets: Vec<(i64, Rollup)> = Vec::new();
    for (at_ms, rollup) in finer {
        let start = level.bucket_start(at_ms);
        match buckets.last_mut() {
            Some((open, bucket)) if *open == start => bucket.merge(&rollup),
            _ => buckets.push((start, rollup)),
        }
    }
    buckets
}

/// Buckets of one level and others of it, in the order of time. Those of the same time become one.
pub fn merged(mut buckets: Vec<(i64, Rollup)>, others: Vec<(i64, Rollup)>) -> Vec<(i64, Rollup)> {
    for (start, other) in others {
        match buckets.binary_search_by_key(&start, |(start, _)| *start) {
            Ok(place) => buckets[place].1.merge(&other),
            Err(place) => buckets.insert(place, (start, other)),
        }
    }
    buckets
}

#[cfg(test)]
mod tests;
