use super::*;

/// The fields of each line that is no comment.
fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect())
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a number")
}

#[test]
fn a_number_of_points_chooses_the_nearest_level() {
    let text = include_str!("../../../tests/fixtures/plot/points_to_resolution.tsv");
    for line in lines(text) {
        let [_, range, points, expected, _] = line[..] else { panic!("{line:?}") };
        let nearest = Resolution::nearest(number(points), number(range));
        assert_eq!(nearest.name(), expected, "{line:?}");
    }
    assert_eq!(lines(text).count(), 29);
}

#[test]
fn the_first_number_of_points_of_each_level_for_some_ranges() {
    use Resolution::{Full, Min5, Min20, Min60, Min240, Min1440};
    let day = 86_400_000;
    for (range, firsts) in [
        (
            2 * day,
            &[(Min1440, 0), (Min240, 7), (Min60, 30), (Min20, 96), (Min5, 360), (Full, 3168)][..],
        ),
        (day / 24, &[(Min1440, 0), (Min60, 1), (Min20, 2), (Min5, 8), (Full, 66)]),
        (day, &[(Min1440, 0), (Min240, 4), (Min60, 15), (Min20, 48), (Min5, 180), (Full, 1584)]),
        (
            7 * day,
            &[(Min1440, 0), (Min240, 25), (Min60, 105), (Min20, 336), (Min5, 1260), (Full, 11088)],
        ),
        (
            30 * day,
            &[
                (Min1440, 0),
                (Min240, 105),
                (Min60, 450),
                (Min20, 1440),
                (Min5, 5400),
                (Full, 47520),
            ],
        ),
    ] {
        let mut found = Vec::new();
        for points in 0..50_000 {
            let level = Resolution::nearest(points, range);
            if found.last().is_none_or(|(last, _)| *last != level) {
                found.push((level, points));
            }
        }
        assert_eq!(found, firsts, "{range}");
    }
}

#[test]
fn any_number_of_points_and_any_range_is_fine() {
    assert_eq!(Resolution::nearest(u128::MAX, i64::MAX), Resolution::Full);
    assert_eq!(Resolution::nearest(u128::MAX, 1), Resolution::Full);
    assert_eq!(Resolution::nearest(0, i64::MAX), Resolution::Min1440);
    assert_eq!(Resolution::nearest(0, 0), Resolution::Full);
    assert_eq!(Resolution::choose(u128::MAX, i64::MIN, i64::MAX, 0), Resolution::Min1440);
}

#[test]
fn buckets_are_aligned_to_1970() {
    let text = include_str!("../../../tests/fixtures/plot/bucket_start.tsv");
    for line in lines(text) {
        let [name, time, start] = line[..] else { panic!("{line:?}") };
        let level = Resolution::of_name(name).expect("a level");
        assert_eq!(level.bucket_start(number(time)), number::<i64>(start), "{line:?}");
    }
    assert_eq!(lines(text).count(), 16);
    assert_eq!(Resolution::Full.bucket_start(1234), 1234);
    assert_eq!(Resolution::Min5.bucket_start(-1), -300_000);
    assert_eq!(Resolution::Min20.bucket_start(2_399_999), 1_200_000);
    assert_eq!(Resolution::Min240.bucket_start(28_799_999), 14_400_000);
}

/// Those of an upstream whose ranges include `to` have one more where `to` begins a bucket.
#[test]
fn a_range_has_as_many_buckets_as_begin_before_its_end() {
    let text = include_str!("../../../tests/fixtures/plot/range_counts.tsv");
    for line in lines(text) {
        let [from, to, name, count, _] = line[..] else { panic!("{line:?}") };
        let level = Resolution::of_name(name).expect("a level");
        let (from, to): (i64, i64) = (number(from), number(to));
        // A point a minute.
        let length = level.length_ms().unwrap_or(60_000);
        let buckets = (to - level.bucket_start(from) + length - 1) / length;
        assert_eq!(buckets, number::<i64>(count), "{line:?}");
    }
    assert_eq!(lines(text).count(), 11);
}

#[test]
fn a_level_that_does_not_reach_back_is_not_chosen() {
    let (day, now) = (86_400_000, 1_795_843_899_102);
    let choose = |days: i64, points| {
        Resolution::choose(points, now - days * day, now - days * day + day, now).name()
    };
    assert_eq!(choose(2, u128::MAX), "FULL");
    assert_eq!(choose(3, u128::MAX), "MIN5");
    assert_eq!(choose(10, u128::MAX), "MIN5");
    assert_eq!(choose(11, u128::MAX), "MIN20");
    assert_eq!(choose(21, u128::MAX), "MIN60");
    assert_eq!(choose(156, u128::MAX), "MIN240");
    assert_eq!(choose(302, u128::MAX), "MIN1440");
    assert_eq!(choose(4000, u128::MAX), "MIN1440");
    assert_eq!(choose(156, 0), "MIN1440");
}

#[test]
fn each_level_is_kept_a_bucket_of_the_next_one_longer_than_its_name_says() {
    let kept = Resolution::ALL.map(|of| -of.kept_since(0) / 60_000);
    let day = 1440;
    let expected = [
        2 * day + 5,
        10 * day + 20,
        20 * day + 60,
        155 * day + 240,
        300 * day + day,
        1826 * day + day,
    ];
    assert_eq!(kept, expected);
    assert_eq!(Resolution::Full.kept_since(i64::MIN), i64::MIN);
}

#[test]
fn a_name_is_found_in_any_case() {
    for of in Resolution::ALL {
        assert_eq!(Resolution::of_name(&of.name().to_lowercase()), Some(of));
    }
    assert_eq!(Resolution::of_name("MIN1"), None);
}
