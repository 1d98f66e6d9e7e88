//! Many values of one metric in little memory.

use std::collections::BTreeMap;

/// Values in buckets, each 2 % wider than the one before. Smallest, largest, sum and count are exact; any
/// other value differs by less than 2 % from the one that stands for it, which is the mean of its bucket.
///
/// Ch. Masson, J. Rim, H. Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
/// guarantees", VLDB 2019, has the idea.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    buckets: BTreeMap<i32, Bucket>,
    min: f64,
    max: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bucket {
    count: u64,
    sum: f64,
}

/// A value, and how often it was there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counted {
    pub value: f64,
    pub count: u64,
}

impl Distribution {
    /// Adds a finite value that was there so many times.
    pub fn add(&mut self, value: f64, count: u64) {
        if count > 0 && value.is_finite() {
            let sum = total(0.0, value * count as f64);
            self.put(place(value), Bucket { count, sum }, value, value);
        }
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Self) {
        for (place, bucket) in &other.buckets {
            self.put(*place, *bucket, other.min, other.max);
        }
    }

    fn put(&mut self, place: i32, bucket: Bucket, min: f64, max: f64) {
        let is_first = self.buckets.is_empty();
        self.min = if is_first { min } else { self.min.min(min) };
        self.max = if is_first { max } else { self.max.max(max) };
        let known = self.buckets.entry(place).or_default();
        known.count = known.count.saturating_add(bucket.count);
        known.sum = total(known.sum, bucket.sum);
        if self.buckets.len() > MOST_BUCKETS {
            // The smallest ones lose their difference: what is slow or large is of more interest.
            let lowest = self.buckets.pop_first();
            if let (Some((_, lowest)), Some(mut next)) = (lowest, self.buckets.first_entry()) {
                let next = next.get_mut();
                next.count = next.count.saturating_add(lowest.count);
                next.sum = total(next.sum, lowest.sum);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    pub fn count(&self) -> u64 {
        self.buckets.values().fold(0, |sum, bucket| sum.saturating_add(bucket.count))
    }

    pub fn min(&self) -> f64 {
        self.min
    }

    pub fn max(&self) -> f64 {
        self.max
    }

    /// Not finite without values.
    pub fn mean(&self) -> f64 {
        let sum = self.buckets.values().fold(0.0, |sum, bucket| total(sum, bucket.sum));
        sum / self.count() as f64
    }

    /// The values, smallest first. The smallest and the largest one stand by themselves.
    pub fn values(&self) -> Vec<Counted> {
        let mut buckets: Vec<_> = self.buckets.values().copied().collect();
        if let Some(last) = buckets.last_mut() {
            last.count -= 1;
            last.sum -= self.max;
        }
        let has_min = self.count() > 1;
        if let Some(first) = buckets.first_mut().filter(|_| has_min) {
            first.count -= 1;
            first.sum -= self.min;
        }
        let between = buckets.iter().filter(|bucket| bucket.count > 0).map(|bucket| {
            // What rounding makes of it stays between the two.
            let value = (bucket.sum / bucket.count as f64).clamp(self.min, self.max);
            Counted { value, count: bucket.count }
        });
        let min = has_min.then_some(Counted { value: self.min, count: 1 });
        let max = (!self.is_empty()).then_some(Counted { value: self.max, count: 1 });
        let mut values: Vec<Counted> = min.into_iter().chain(between).chain(max).collect();
        values.dedup_by(|next, one| {
            let is_same = next.value == one.value;
            if is_same {
                one.count = one.count.saturating_add(next.count);
            }
            is_same
        });
        values
    }
}

/// The sum of two finite numbers, or the largest number: an infinite sum would have no mean.
fn total(one: f64, other: f64) -> f64 {
    (one + other).clamp(f64::MIN, f64::MAX)
}

/// The place of the bucket of a value.
fn place(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    // Between -35,800 and 35,800 for all finite numbers.
    let own = (value.abs().ln() / WIDTH.ln()).ceil() as i32;
    let own = own + OFFSET;
    if value > 0.0 { own } else { -own }
}

/// How much wider a bucket is than the one before.
const WIDTH: f64 = 1.02;

/// Makes the places of positive values positive.
const OFFSET: i32 = 40_000;

/// From the smallest to the largest of these is a factor of 10^8; some 20 kB.
const MOST_BUCKETS: usize = 1_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Statistics;
    use super::*;

    fn of(values: &[f64]) -> Distribution {
        let mut distribution = Distribution::default();
        values.iter().for_each(|value| distribution.add(*value, 1));
        distribution
    }

    #[test]
    fn one_value_stands_once_and_two_stand_by_themselves() {
        assert_eq!(Distribution::default().values(), []);
        assert_eq!(of(&[5.0]).values(), [Counted { value: 5.0, count: 1 }]);
        let expected = [Counted { value: -1.0, count: 1 }, Counted { value: 0.0, count: 1 }];
        assert_eq!(of(&[0.0, -1.0]).values(), expected);
    }

    #[test]
    fn a_sampled_value_counts_as_often_as_it_stands_for() {
        let mut distribution = of(&[1.0]);
        distribution.add(3.0, 9);
        assert_eq!((distribution.count(), distribution.mean()), (10, 2.8));
        distribution.add(f64::NAN, 1);
        distribution.add(7.0, 0);
        assert_eq!((distribution.count(), distribution.max()), (10, 3.0));
    }

    #[test]
    fn its_memory_has_a_bound_and_the_large_values_stay_exact() {
        let all: Vec<_> =
            (-300..300).flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(power))).collect();
        let distribution = of(&all);
        let values = distribution.values();
        assert!(values.len() <= MOST_BUCKETS + 2, "{}", values.len());
        assert_eq!(values.iter().map(|of| of.count).sum::<u64>(), all.len() as u64);
        let (first, last) = (all[0], all[all.len() - 1]);
        assert_eq!((distribution.min(), distribution.max()), (first, last));
    }

    #[test]
    fn counts_and_sums_that_are_too_large_stay_as_large_as_they_can_be() {
        let mut distribution = of(&[1.0]);
        for value in [1.0, 1.0, 2.0, 1e308, 1e308] {
            distribution.add(value, u64::MAX);
        }
        assert_eq!(distribution.count(), u64::MAX);
        assert!(distribution.mean().is_finite());
        let values = distribution.values();
        assert!(values.iter().all(|of| of.value.is_finite()), "{values:?}");
        let of_all = Statistics::of_many(&distribution);
        assert!(of_all.median.is_finite() && of_all.mean.is_finite(), "{of_all:?}");
    }

    proptest! {
        #[test]
        fn sum_and_count_are_exact_and_each_value_is_within_two_percent(
            values in proptest::collection::vec(prop_oneof![-1e6..1e6, 0.0..1.0, Just(0.0)], 1..300),
            split in 0..300_usize,
        ) {
            let (left, right) = values.split_at(split.min(values.len()));
            let mut merged = of(left);
            merged.merge(&of(right));
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let found = merged.values();
            prop_assert!(found.is_sorted_by(|a, b| a.value <= b.value), "{found:?}");
            let all = found.iter().flat_map(|of| std::iter::repeat_n(of.value, of.count as usize));
            let all: Vec<_> = all.collect();
            prop_assert_eq!(all.len(), sorted.len());
            for (found, exact) in all.iter().zip(&sorted) {
                prop_assert!((found - exact).abs() <= 0.021 * exact.abs() + 1e-9, "{found} {exact}");
            }
            let sum: f64 = sorted.iter().sum();
            let tolerance = 1e-9 * sorted.iter().map(|value| value.abs()).sum::<f64>();
            prop_assert!((merged.mean() * merged.count() as f64 - sum).abs() <= tolerance);
            prop_assert_eq!((all[0], all[all.len() - 1]), (sorted[0], sorted[sorted.len() - 1]));
        }
    }
}
