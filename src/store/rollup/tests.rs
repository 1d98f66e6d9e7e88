use proptest::prelude::*;

use super::*;

fn all(values: &[f64]) -> Option<Rollup> {
    let rollups = values.iter().map(|value| Rollup::of(*value));
    rollups.reduce(|mut all, next| {
        all.merge(&next);
        all
    })
}

fn assert_near(found: f64, expected: f64, scale: f64) {
    assert!((found - expected).abs() <= scale * 1e-13, "{found} is not {expected}");
}

#[test]
fn values_become_count_average_variance_and_extremes() {
    // Values; count, average, population variance, minimum, maximum.
    let cases: [(&[f64], [f64; 5]); 7] = [
        (&[10.0, 20.0, 30.0, 40.0, 50.0], [5.0, 30.0, 200.0, 10.0, 50.0]),
        (&[10.0], [1.0, 10.0, 0.0, 10.0, 10.0]),
        (&[10.0, 20.0], [2.0, 15.0, 25.0, 10.0, 20.0]),
        (&[10.0, 20.0, 30.0], [3.0, 20.0, 66.666_666_666_666_7, 10.0, 30.0]),
        (&[2.0, 4.0, 4.0], [3.0, 3.333_333_333_333_33, 0.888_888_888_888_889, 2.0, 4.0]),
        (&[0.0; 4], [4.0, 0.0, 0.0, 0.0, 0.0]),
        (&[3.5], [1.0, 3.5, 0.0, 3.5, 3.5]),
    ];
    for (values, [count, average, variance, min, max]) in cases {
        let rollup = all(values).unwrap();
        assert_eq!((rollup.count as f64, rollup.min, rollup.max), (count, min, max));
        assert_near(rollup.average, average, 100.0);
        assert_near(rollup.variance(), variance, 1000.0);
    }
}

#[test]
fn merging_weighs_by_count() {
    let of = |value, count| {
        let total = Total { first: value, last: value, growth: 0.0 };
        Rollup { count, average: value, m2: 0.0, min: value, max: value, total }
    };
    let mut rollup = of(7.0, 1234);
    rollup.merge(&of(11.0, 2565));
    rollup.merge(&of(17.0, 767));
    assert_eq!((rollup.count, rollup.min, rollup.max), (4566, 7.0, 17.0));
    assert_near(rollup.average, 10.926_850_635_129_2, 10.0);
    assert_near(rollup.variance(), 10.366_090_256_709, 10.0);
    // 3 and (0, 0).
    let mut rollup = of(3.0, 1);
    rollup.merge(&of(0.0, 2));
    assert_eq!((rollup.count, rollup.average, rollup.min, rollup.max), (3, 1.0, 0.0, 3.0));
    assert_near(rollup.variance(), 2.0, 1.0);
}

#[test]
fn small_differences_of_large_numbers_are_not_lost() {
    let rollup = all(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]).unwrap();
    assert_eq!((rollup.count, rollup.average, rollup.variance()), (4, 1_000_000_010.0, 22.5));
}

#[test]
fn a_counter_that_was_started_again_has_counted_from_zero() {
    let mut all = Rollup::of(100.0);
    for total in [150.0, 20.0, 25.0, 5.0] {
        all.merge(&Rollup::of(total));
    }
    assert_eq!(all.total, Total { first: 100.0, last: 5.0, growth: 50.0 + 20.0 + 5.0 + 5.0 });
}

#[test]
fn negative_numbers_have_their_own_extremes() {
    let rollup = all(&[-5.0, -7.5]).unwrap();
    assert_eq!((rollup.min, rollup.max, rollup.average), (-7.5, -5.0, -6.25));
}

proptest! {
    #[test]
    fn any_way_of_splitting_gives_the_same(
        values in prop::collection::vec(-1e6f64..1e6, 2..200),
        place in any::<prop::sample::Index>(),
    ) {
        let (left, right) = values.split_at(1 + place.index(values.len() - 1));
        let mut split = all(left).unwrap();
        split.merge(&all(right).unwrap());
        let whole = all(&values).unwrap();
        prop_assert_eq!((split.count, split.min, split.max), (whole.count, whole.min, whole.max));
        prop_assert!((split.average - whole.average).abs() < 1e-9);
        prop_assert!((split.variance() - whole.variance()).abs() <= 1e-12 * whole.variance().max(1.0));
        prop_assert_eq!((split.total.first, split.total.last), (whole.total.first, whole.total.last));
        prop_assert!((split.total.growth - whole.total.growth).abs() < 1e-6);
    }
}
