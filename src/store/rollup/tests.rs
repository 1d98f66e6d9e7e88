use proptest::prelude::*;

use super::*;

fn all(values: &[f64]) -> Option<Rollup> {
    let rollups = values.iter().map(|value| Rollup::of(*value));
    rollups.reduce(|mut all, next| {
        all.merge(&next);
        all
    })
}

/// So many equal values.
fn equal(value: f64, count: u64) -> Rollup {
    let total = Total { first: value, last: value, growth: 0.0 };
    Rollup { count, average: value, m2: 0.0, min: value, max: value, total }
}

fn number(text: &str) -> f64 {
    text.trim_matches(['(', ')']).parse().expect("a number")
}

/// The rollup of a case: `raw 1,2,3`, `merge 7 x1234, 11 x2565` of so many equal values, `merge (3) with (0,0)`, or `empty`.
fn of_case(case: &str) -> Option<Rollup> {
    let numbers = |text: &str| text.split(',').map(number).collect::<Vec<_>>();
    match case.split_once(' ') {
        None => all(&[]),
        Some(("raw", values)) => all(&numbers(values)),
        Some((_, parts)) => {
            let parts: Vec<_> = match parts.split_once(" with ") {
                Some((left, right)) => {
                    [left, right].iter().filter_map(|part| all(&numbers(part))).collect()
                }
                None => {
                    let part = |part: &str| {
                        part.trim().split_once(" x").map(|(value, count)| {
                            equal(number(value), count.parse().expect("a count"))
                        })
                    };
                    parts.split(',').filter_map(part).collect()
                }
            };
            parts.into_iter().reduce(|mut all, next| {
                all.merge(&next);
                all
            })
        }
    }
}

#[test]
fn values_and_merges_give_what_the_cases_say() {
    let text = include_str!("../../../tests/fixtures/plot/rollup_math.tsv");
    let mut seen = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [case, count, average, variance, min, max, sum] =
            line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("{line:?}")
        };
        seen += 1;
        let Some(rollup) = of_case(case) else {
            assert_eq!((case, count), ("empty", "0"), "{line:?}");
            continue;
        };
        let count: u64 = count.parse().expect("a count");
        assert_eq!(
            (rollup.count, rollup.min, rollup.max),
            (count, number(min), number(max)),
            "{line:?}"
        );
        // The file has 15 digits.
        let near = |found: f64, expected: &str| {
            (found - number(expected)).abs() <= number(expected).abs() * 1e-14
        };
        assert!(near(rollup.average, average), "{line:?}: {rollup:?}");
        assert!(near(rollup.variance(), variance), "{line:?}: {rollup:?}");
        assert!(near(rollup.average * count as f64, sum), "{line:?}: {rollup:?}");
    }
    assert_eq!(seen, 10);
}

#[test]
fn the_extremes_of_whole_numbers_and_others_are_those_of_all() {
    for (values, min, max) in [
        ([123.45, 122.0], 122.0, 123.45),
        ([123.45, 124.0], 123.45, 124.0),
        ([123.0, 122.45], 122.45, 123.0),
        // None is taken for 0, which is larger.
        ([-5.0, -7.5], -7.5, -5.0),
    ] {
        let of = |values: &[f64]| all(values).map(|of| (of.min, of.max));
        assert_eq!(of(&values), Some((min, max)));
        assert_eq!(of(&[values[1], values[0]]), Some((min, max)));
    }
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
