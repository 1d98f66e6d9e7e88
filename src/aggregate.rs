//! Reduces the values of a window to statistics.

use crate::model::Statistics;

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
    })
}

fn largest(values: &[f32]) -> f32 {
    values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_values_have_no_statistics() {
        assert_eq!(statistics(&mut []), None);
    }

    #[test]
    fn one_value_is_every_statistic() {
        let expected = Statistics { count: 1, median: 7.5, max: 7.5, min: 7.5, mean: 7.5 };
        assert_eq!(statistics(&mut [7.5]), Some(expected));
    }

    #[test]
    fn an_odd_count_has_its_middle_value_as_median() {
        let expected = Statistics { count: 5, median: 3.0, max: 100.0, min: 0.0, mean: 22.0 };
        assert_eq!(statistics(&mut [100.0, 1.0, 3.0, 0.0, 6.0]), Some(expected));
    }

    #[test]
    fn an_even_count_has_the_mean_of_its_two_middle_values_as_median() {
        let expected = Statistics { count: 4, median: 25.0, max: 80.0, min: 10.0, mean: 35.0 };
        assert_eq!(statistics(&mut [80.0, 10.0, 40.0, 10.0]), Some(expected));
    }

    #[test]
    fn equal_values_are_their_own_median() {
        let expected = Statistics { count: 4, median: 50.0, max: 50.0, min: 50.0, mean: 50.0 };
        assert_eq!(statistics(&mut [50.0; 4]), Some(expected));
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
