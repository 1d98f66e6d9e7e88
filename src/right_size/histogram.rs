//! All values of a run, counted in steps: its memory does not grow with the run.

/// How often each percent was measured.
#[derive(Debug)]
pub struct Histogram {
    counts: Box<[u32; STEPS]>,
    count: u64,
    max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; STEPS]), count: 0, max: 0.0 }
    }
}

impl Histogram {
    /// Counts a value, 0 to 100.
    pub fn add(&mut self, percent: f64) {
        let step = (percent.clamp(0.0, 100.0) / STEP).round() as usize;
        // Not even with the shortest sample interval is this full before years have passed.
        self.counts[step] = self.counts[step].saturating_add(1);
        self.count += 1;
        self.max = self.max.max(percent);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The highest value, exactly. `None` where there is no value.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// The lowest value that is not exceeded by so many percent of the values (the nearest rank), to half a step.
    pub fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut counted = 0;
        let step = self.counts.iter().position(|count| {
            counted += u64::from(*count);
            counted >= rank
        });
        Some((step? as f64 * STEP).min(self.max))
    }
}

/// Percent; half of it is the error of a percentile.
pub const STEP: f64 = 0.1;
const STEPS: usize = 1001;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The nearest rank in all of the values.
    fn by_sorting(values: &[f64], percent: u64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() as f64 * percent as f64 / 100.0).ceil() as usize;
        sorted[rank.max(1) - 1]
    }

    fn histogram(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.add(*value));
        histogram
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_all_values_to_half_a_step(
            values in prop::collection::vec(0.0..=100.0, 1..400),
            percent in 0_u64..=100,
        ) {
            let told = histogram(&values).percentile(percent).expect("there are values");
            let right = by_sorting(&values, percent);
            prop_assert!((told - right).abs() <= STEP / 2.0 + 1e-9, "{told} where it is {right}");
            let max = values.iter().copied().fold(0.0, f64::max);
            prop_assert_eq!(histogram(&values).max(), Some(max));
        }
    }

    #[test]
    fn of_hundred_values_the_ninety_fifth_is_p95_and_of_one_all_are_that_one() {
        let hundred: Vec<_> = (1..=100).map(f64::from).collect();
        let all = histogram(&hundred);
        assert_eq!((all.percentile(50), all.percentile(95)), (Some(50.0), Some(95.0)));
        // The middle of its step, 33.4, would be above the highest.
        let one = histogram(&[33.36]);
        assert_eq!((one.percentile(50), one.percentile(95)), (Some(33.36), Some(33.36)));
        assert_eq!((one.count(), one.max()), (1, Some(33.36)));
    }

    #[test]
    fn without_a_value_there_is_no_percentile_and_not_zero() {
        let none = Histogram::default();
        assert_eq!((none.count(), none.percentile(95), none.max()), (0, None, None));
        assert_eq!(histogram(&[0.0]).percentile(95), Some(0.0));
        assert_eq!(histogram(&[100.0]).percentile(95), Some(100.0));
    }
}
