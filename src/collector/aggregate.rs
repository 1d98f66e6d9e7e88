//! Reduces the values of a window to statistics.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::{Statistics, ValueCount};

/// A number as a series keeps it.
pub trait Real: Copy + Into<f64> {
    fn total_cmp(&self, other: &Self) -> Ordering;
}

impl Real for f32 {
    fn total_cmp(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}

impl Real for f64 {
    fn total_cmp(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}

/// The statistics of `values`, which are in the order of time, or `None` where there are none.
/// Reorders the values.
///
/// The median is exact: for an even count it is the mean of the two middle values.
/// Takes time linear in the number of values.
pub fn statistics<V: Real>(values: &mut [V]) -> Option<Statistics> {
    let count = values.len();
    let (first, last) = ((*values.first()?).into(), (*values.last()?).into());
    let sum: f64 = values.iter().map(|value| (*value).into()).sum();
    let mean = sum / count as f64;
    let m2 = values.iter().map(|value| ((*value).into() - mean).powi(2)).sum();
    let (lower, upper_middle, _) = values.select_nth_unstable_by(count / 2, V::total_cmp);
    let upper_middle = (*upper_middle).into();
    let median = if count.is_multiple_of(2) {
        f64::midpoint(largest(lower), upper_middle)
    } else {
        upper_middle
    };
    let (min, max) = (smallest(values), largest(values));
    let of_all =
        Statistics { count, min, max, mean, m2, median, first, last, ..Statistics::of_none() };
    Some(of_all)
}

/// The values, smallest first.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// How often each value is there, rounded to a hundredth of a percent.
pub fn counts(values: &[f32]) -> Vec<ValueCount> {
    let mut counts = BTreeMap::<u16, u32>::new();
    for value in values {
        // Utilization is 0 to 100, so it fits; what does not is set to what does.
        *counts.entry((f64::from(*value) * 100.0).round() as u16).or_default() += 1;
    }
    counts.into_iter().map(|(hundredths, count)| ValueCount { hundredths, count }).collect()
}

fn largest(values: &[impl Real]) -> f64 {
    values.iter().map(|value| (*value).into()).fold(f64::NEG_INFINITY, f64::max)
}

fn smallest(values: &[impl Real]) -> f64 {
    values.iter().map(|value| (*value).into()).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Count, median, maximum, minimum and mean.
    fn reduced(values: &mut [f32]) -> Option<(usize, f64, f64, f64, f64)> {
        let Statistics { count, median, max, min, mean, .. } = statistics(values)?;
        Some((count, median, max, min, mean))
    }

    #[test]
    fn no_values_have_no_statistics() {
        assert_eq!(statistics::<f32>(&mut []), None);
    }

    #[test]
    fn one_value_is_every_statistic() {
        assert_eq!(reduced(&mut [7.5]), Some((1, 7.5, 7.5, 7.5, 7.5)));
    }

    #[test]
    fn an_odd_count_has_its_middle_value_as_median() {
        assert_eq!(reduced(&mut [100.0, 1.0, 3.0, 0.0, 6.0]), Some((5, 3.0, 100.0, 0.0, 22.0)));
    }

    #[test]
    fn an_even_count_has_the_mean_of_its_two_middle_values_as_median() {
        assert_eq!(reduced(&mut [80.0, 10.0, 40.0, 10.0]), Some((4, 25.0, 80.0, 10.0, 35.0)));
    }

    #[test]
    fn equal_values_are_their_own_median() {
        assert_eq!(reduced(&mut [50.0; 4]), Some((4, 50.0, 50.0, 50.0, 50.0)));
    }

    #[test]
    fn the_first_the_last_and_the_spread_are_kept() {
        let Statistics { first, last, m2, .. } =
            statistics(&mut [5.0_f64, 1.0, 9.0, 2.0, 3.0]).expect("five values");
        // The mean is 4; 1 + 9 + 25 + 4 + 1.
        assert_eq!((first, last, m2), (5.0, 3.0, 40.0));
    }

    #[test]
    fn a_distribution_counts_values_rounded_to_hundredths() {
        let pairs = |values: &[f32]| {
            let of = |value: ValueCount| (value.hundredths, value.count);
            counts(values).into_iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(pairs(&[]), []);
        let values = [99.999, 0.0, 12.344, 12.336, 0.004, 100.0, 0.0051];
        assert_eq!(pairs(&values), [(0, 2), (1, 1), (1234, 2), (10_000, 2)]);
        let day: Vec<f32> = (0..96_000).map(|n| n as f32 / 960.0).collect();
        let distribution = counts(&day);
        assert!(distribution.len() <= 10_001);
        assert_eq!(distribution.iter().map(|value| value.count).sum::<u32>(), 96_000);
    }

    #[test]
    fn a_day_of_samples_is_reduced_exactly() {
        let mut values: Vec<f32> =
            (0..=96_000_u32).map(|n| ((u64::from(n) * 7_919) % 96_001) as f32 / 960.0).collect();
        let reduced = statistics(&mut values).expect("96,001 values");
        assert_eq!((reduced.count, reduced.median), (96_001, 50.0));
        assert_eq!((reduced.min, reduced.max), (0.0, 100.0));
    }
}
