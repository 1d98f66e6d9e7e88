//! Reduces the values of a window to statistics.

use std::collections::BTreeMap;

use crate::model::{Statistics, ValueCount};

/// The statistics of `values`, or `None` where there are none. Reorders the values.
///
/// The median is exact: for an even count it is the mean of the two middle values.
/// Takes time linear in the number of values.
pub fn statistics(values: &mut [f32]) -> Option<Statistics> {
    let count = values.len();
    if count == 0 {
        return None;
    }
    let sum: f64 = values.iter().copied().map(f64::from).sum();
    let (lower, upper_middle, _) = values.select_nth_unstable_by(count / 2, f32::total_cmp);
    let upper_middle = f64::from(*upper_middle);
    let median = if count.is_multiple_of(2) {
        f64::midpoint(f64::from(largest(lower)), upper_middle)
    } else {
        upper_middle
    };
    Some(Statistics {
        count,
        median,
        max: f64::from(largest(values)),
        min: f64::from(values.iter().copied().fold(f32::INFINITY, f32::min)),
        mean: sum / count as f64,
        distribution: Vec::new(),
    })
}

/// How often each value is there, rounded to a hundredth of a percent.
pub fn distribution(values: &[f32]) -> Vec<ValueCount> {
    let mut counts = BTreeMap::<u16, u32>::new();
    for value in values {
        // Utilization is 0 to 100, so it fits; what does not is set to what does.
        *counts.entry((f64::from(*value) * 100.0).round() as u16).or_default() += 1;
    }
    counts.into_iter().map(|(hundredths, count)| ValueCount { hundredths, count }).collect()
}

fn largest(values: &[f32]) -> f32 {
    values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(count: usize, median: f64, max: f64, min: f64, mean: f64) -> Option<Statistics> {
        Some(Statistics { count, median, max, min, mean, distribution: Vec::new() })
    }

    #[test]
    fn no_values_have_no_statistics() {
        assert_eq!(statistics(&mut []), None);
    }

    #[test]
    fn one_value_is_every_statistic() {
        assert_eq!(statistics(&mut [7.5]), reduced(1, 7.5, 7.5, 7.5, 7.5));
    }

    #[test]
    fn an_odd_count_has_its_middle_value_as_median() {
        let expected = reduced(5, 3.0, 100.0, 0.0, 22.0);
        assert_eq!(statistics(&mut [100.0, 1.0, 3.0, 0.0, 6.0]), expected);
    }

    #[test]
    fn an_even_count_has_the_mean_of_its_two_middle_values_as_median() {
        let expected = reduced(4, 25.0, 80.0, 10.0, 35.0);
        assert_eq!(statistics(&mut [80.0, 10.0, 40.0, 10.0]), expected);
    }

    #[test]
    fn equal_values_are_their_own_median() {
        assert_eq!(statistics(&mut [50.0; 4]), reduced(4, 50.0, 50.0, 50.0, 50.0));
    }

    #[test]
    fn a_distribution_counts_values_rounded_to_hundredths() {
        let counts = |values: &[f32]| {
            let of = |value: ValueCount| (value.hundredths, value.count);
            distribution(values).into_iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(counts(&[]), []);
        let values = [99.999, 0.0, 12.344, 12.336, 0.004, 100.0, 0.0051];
        assert_eq!(counts(&values), [(0, 2), (1, 1), (1234, 2), (10_000, 2)]);
        let day: Vec<f32> = (0..96_000).map(|n| n as f32 / 960.0).collect();
        let distribution = distribution(&day);
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
