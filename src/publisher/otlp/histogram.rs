//! Exponential histograms, as the data model of OpenTelemetry has them.
//!
//! A bucket of index `i` has the values above `base^i` up to `base^(i+1)`, with `base = 2^(2^-scale)`. So every
//! value lies near the middle of its bucket: at scale 3 within 4.4 % of it. The scale is the finest with which all values
//! fit into [`MOST_BUCKETS`] buckets: it gets coarser as the values spread, and never finer again.
//!
//! <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>

use super::wire::Writer;

/// Any number of finite values.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    scale: i32,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    zeros: u64,
    positive: Buckets,
    negative: Buckets,
}

/// The buckets of one sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Buckets {
    /// The index of the first.
    offset: i32,
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            scale: FINEST,
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            zeros: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
        }
    }
}

impl Histogram {
    /// Adds a value that was there so many times. One that is not finite is left out.
    pub fn add(&mut self, value: f64, count: u64) {
        if count == 0 || !value.is_finite() {
            return;
        }
        self.count = self.count.saturating_add(count);
        self.sum = (self.sum + value * count as f64).clamp(f64::MIN, f64::MAX);
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
        if value == 0.0 {
            self.zeros = self.zeros.saturating_add(count);
            return;
        }
        let mut index = finest_index(value.abs()) >> (FINEST - self.scale);
        let buckets = if value > 0.0 { &self.positive } else { &self.negative };
        let coarser = buckets.coarser_by(index);
        if coarser > 0 {
            self.scale -= coarser;
            index >>= coarser;
            self.positive.coarsen(coarser);
            self.negative.coarsen(coarser);
        }
        let buckets = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        buckets.add(index, count);
    }

    /// The fields of a data point that are of its values; with the smallest and the largest one, where it
    /// `has_range`: since the start these say little.
    pub fn write(&self, point: &mut Writer, has_range: bool) {
        point.fixed64(4, self.count);
        point.double(5, self.sum);
        point.sint32(6, self.scale);
        if self.zeros > 0 {
            point.fixed64(7, self.zeros);
        }
        self.positive.write(point, 8);
        self.negative.write(point, 9);
        if has_range && self.count > 0 {
            point.double(12, self.min);
            point.double(13, self.max);
        }
    }
}

impl Buckets {
    /// By how much the scale has to be coarser for this index to have a bucket, too.
    fn coarser_by(&self, index: i32) -> i32 {
        let (mut low, mut high) = (index, index);
        if !self.counts.is_empty() {
            low = low.min(self.offset);
            high = high.max(self.offset + (self.counts.len() as i32 - 1));
        }
        let mut by = 0;
        while i64::from(high >> by) - i64::from(low >> by) >= MOST_BUCKETS {
            by += 1;
        }
        by
    }

    fn coarsen(&mut self, by: i32) {
        let old = std::mem::take(self);
        for (index, count) in (old.offset..).zip(old.counts) {
            if count > 0 {
                self.add(index >> by, count);
            }
        }
    }

    fn add(&mut self, index: i32, count: u64) {
        if self.counts.is_empty() {
            self.offset = index;
        }
        if index < self.offset {
            let missing = (self.offset - index) as usize;
            self.counts.splice(..0, std::iter::repeat_n(0, missing));
            self.offset = index;
        }
        let place = (index - self.offset) as usize;
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] = self.counts[place].saturating_add(count);
    }

    fn write(&self, point: &mut Writer, field: u32) {
        if !self.counts.is_empty() {
            point.message(field, |buckets| {
                buckets.sint32(1, self.offset);
                buckets.packed(2, self.counts.iter().copied());
            });
        }
    }
}

/// The index of a value above 0 at the finest scale. At a coarser one it is the same with as many bits less.
fn finest_index(value: f64) -> i32 {
    let buckets = f64::from(1 << FINEST);
    // A power of two is the upper bound of its bucket: its logarithm is exact.
    (value.log2() * buckets).ceil() as i32 - 1
}

/// By how much a value may differ from the middle of its bucket, as a part of it.
#[cfg(test)]
pub fn relative_error(scale: i32) -> f64 {
    let base = 2_f64.powf(2_f64.powi(-scale));
    (base - 1.0) / (base + 1.0)
}

/// A relative error of 0.14 %. The libraries of OpenTelemetry have 20; but VictoriaMetrics writes the bounds of a
/// bucket with four digits, and where these are the same it has no percentiles: memory that hardly changes.
/// Values in percent are rounded to hundredths anyway.
const FINEST: i32 = 8;

/// As those libraries have it. A percent that is rounded to hundredths, from 0.01 to 100, fits at a scale of 3,
/// with a relative error of 4.4 %.
const MOST_BUCKETS: i64 = 160;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.add(*value, 1));
        histogram
    }

    /// Whether a value lies between the bounds of a bucket, but for the rounding of these.
    fn is_in(value: f64, index: i32, scale: i32) -> bool {
        let bound = |index: i32| f64::from(index) * 2_f64.powi(-scale);
        let log = value.log2();
        bound(index) - 1e-9 < log && log <= bound(index + 1) + 1e-9
    }

    /// The buckets of some values at a scale, one by one.
    fn brute_force(values: &[f64], scale: i32) -> Vec<(i32, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        for value in values {
            let near = (value.log2() * 2_f64.powi(scale)).floor() as i32;
            // The bound belongs to the bucket below it.
            let index = (near - 2..near + 3).find(|index| {
                let upper = f64::from(index + 1) * 2_f64.powi(-scale);
                value.log2() <= upper
            });
            *counts.entry(index.expect("one of these")).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }

    fn buckets(of: &Buckets) -> Vec<(i32, u64)> {
        let all = (of.offset..).zip(of.counts.iter().copied());
        all.filter(|(_, count)| *count > 0).collect()
    }

    #[test]
    fn powers_of_two_are_the_upper_bounds_of_their_buckets() {
        for exponent in [-1022, -14, -1, 0, 1, 10, 1023] {
            let value = 2_f64.powi(exponent);
            assert_eq!(i64::from(finest_index(value)), (i64::from(exponent) << FINEST) - 1);
        }
        assert_eq!(finest_index(f64::from_bits(1)), -(1074 << FINEST) - 1);
        assert!(finest_index(f64::MAX) <= 1024 << FINEST);
    }

    #[test]
    fn four_digits_tell_the_bounds_of_a_bucket_apart() {
        for index in 0..(4 << FINEST) {
            let bound = |index: i32| 2_f64.powf(f64::from(index) / f64::from(1 << FINEST));
            assert_ne!(format!("{:.3e}", bound(index)), format!("{:.3e}", bound(index + 1)));
        }
        assert!(relative_error(FINEST) < 0.0014);
    }

    #[test]
    fn all_percents_in_hundredths_fit_with_an_error_of_four_percent() {
        let all: Vec<_> = (1..=10_000).map(|of| f64::from(of) / 10_000.0).collect();
        let histogram = of(&all);
        assert_eq!(histogram.scale, 3);
        assert!(relative_error(histogram.scale) < 0.044, "{}", relative_error(histogram.scale));
        assert_eq!(buckets(&histogram.positive), brute_force(&all, 3));
    }

    #[test]
    fn zeros_and_both_signs_have_their_own_counts() {
        let histogram = of(&[0.0, -0.0, 1.5, -1.5, -3.0, f64::NAN, f64::INFINITY]);
        assert_eq!((histogram.count, histogram.zeros, histogram.sum), (5, 2, -3.0));
        assert_eq!((histogram.min, histogram.max), (-3.0, 1.5));
        let of = |buckets: &Buckets| buckets.counts.iter().sum::<u64>();
        assert_eq!((of(&histogram.positive), of(&histogram.negative)), (1, 2));
    }

    #[test]
    fn the_smallest_and_the_largest_number_fit_together() {
        let histogram = of(&[f64::MIN_POSITIVE / 1e10, f64::MAX, 1.0, -f64::MAX, -5e-324]);
        for buckets in [&histogram.positive, &histogram.negative] {
            assert!(buckets.counts.len() as i64 <= MOST_BUCKETS, "{}", buckets.counts.len());
        }
        assert_eq!(histogram.scale, -4);
    }

    proptest! {
        #[test]
        fn it_is_what_counting_one_by_one_gives(
            values in proptest::collection::vec(1e-6..1e6_f64, 1..200),
            narrow in 0.0..1.0_f64,
        ) {
            // Some are near to each other, where the scale is fine.
            let values: Vec<_> = values.iter().map(|value| value.powf(narrow)).collect();
            let histogram = of(&values);
            prop_assert_eq!(histogram.count, values.len() as u64);
            prop_assert!(histogram.positive.counts.len() as i64 <= MOST_BUCKETS);
            for value in &values {
                let index = finest_index(*value) >> (FINEST - histogram.scale);
                prop_assert!(is_in(*value, index, histogram.scale), "{value} in {index}");
            }
            if histogram.scale <= 10 {
                prop_assert_eq!(
                    buckets(&histogram.positive),
                    brute_force(&values, histogram.scale)
                );
            }
        }

        #[test]
        fn the_order_of_values_does_not_matter(
            mut values in proptest::collection::vec(-100_i32..100, 1..60),
        ) {
            let histogram = |values: &[i32]| of(&values.iter().map(|of| f64::from(*of)).collect::<Vec<_>>());
            let one = histogram(&values);
            values.sort_unstable();
            prop_assert_eq!(histogram(&values), one);
        }
    }
}
