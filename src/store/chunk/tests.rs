use proptest::prelude::*;

use super::*;

fn points(of: &[(u32, f64)]) -> Points {
    let mut points = Points::default();
    of.iter().for_each(|(at, value)| {
        points.put(*at, *value);
    });
    points
}

fn of(points: &Points) -> Vec<(u32, f64)> {
    points.iter().collect()
}

#[test]
fn points_are_in_order_and_the_same_millisecond_is_replaced() {
    let points = points(&[(2000, 1.0), (900, 2.0), (3000, 3.0), (2000, 4.0)]);
    assert_eq!(of(&points), [(900, 2.0), (2000, 4.0), (3000, 3.0)]);
}

#[test]
fn points_without_others_are_those_that_are_new_or_changed() {
    let all = points(&[(1, 1.0), (2, 2.0), (3, 3.0)]);
    assert_eq!(of(&all.without(&points(&[(1, 1.0), (2, 5.0)]))), [(2, 2.0), (3, 3.0)]);
    assert_eq!(of(&points(&[(1, 1.0)]).with(&points(&[(1, 2.0), (0, 0.5)]))), [(0, 0.5), (1, 2.0)]);
}

#[test]
fn an_hour_of_percents_at_every_sample_takes_less_than_three_bytes_a_point() {
    let mut hour = Points::default();
    for at in 0..4000u32 {
        hour.put(at * 900 + at % 2, f64::from(at * 7919 % 1_000_000) / 1e4);
    }
    let mut out = Vec::new();
    hour.encode(&mut out);
    assert!(out.len() < 4000 * 3, "{}", out.len());
    assert_eq!(Points::decode(&out), Ok(hour));
}

#[test]
fn buckets_come_back_and_those_of_a_counter_with_their_totals() {
    let start = 1_795_842_000_000;
    let points = points(&[(0, 10.0), (1000, 30.0), (900_000, 5.0), (3_599_999, 7.0)]);
    let buckets = points.condensed(start);
    let starts: Vec<_> = buckets.iter().map(|(at, of)| (at - start, of.count)).collect();
    assert_eq!(starts, [(0, 2), (900_000, 1), (3_300_000, 1)]);
    let counter = encode(Resolution::Min5, start, true, &buckets);
    assert!(is_counter(&counter));
    assert_eq!(decode(Resolution::Min5, start, &counter), Ok(buckets.clone()));
    let gauge = encode(Resolution::Min5, start, false, &buckets);
    assert!(!is_counter(&gauge) && gauge.len() < counter.len());
    let decoded = decode(Resolution::Min5, start, &gauge).unwrap();
    let plain = |(at, of): &(i64, Rollup)| (*at, of.count, of.average, of.m2, of.min, of.max);
    assert_eq!(
        decoded.iter().map(plain).collect::<Vec<_>>(),
        buckets.iter().map(plain).collect::<Vec<_>>()
    );
}

proptest! {
    #[test]
    fn any_points_come_back(
        of in prop::collection::btree_map(0u32..3_600_000, -1e150f64..1e150, 0..200),
    ) {
        let mut points = Points::default();
        of.into_iter().for_each(|(at, value)| { points.put(at, value); });
        let mut out = Vec::new();
        points.encode(&mut out);
        prop_assert_eq!(Points::decode(&out), Ok(points));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Points::decode(&bytes);
        let _ = decode(Resolution::Min60, 0, &bytes);
    }
}

/// A few bytes that ask for millions of buckets get none.
#[test]
fn a_chunk_has_no_more_buckets_than_its_span() {
    let decoded = |count: u64| {
        let mut bytes = Vec::new();
        put(&mut bytes, count << 1);
        // Each column is one value that all have: their place, how many values they are of, and four numbers.
        for value in [0, 1] {
            put_wholes(&mut bytes, &[value; 2]);
        }
        (0..4).for_each(|_| put_floats(&mut bytes, &[1.0; 2]));
        decode(Resolution::Min5, 0, &bytes).map(|of| of.len())
    };
    // But for their number these bytes are as they should be.
    assert_eq!((decoded(2), decoded(48)), (Ok(2), Ok(48)));
    for count in [49, 3_600_000, u64::MAX >> 1] {
        assert_eq!(decoded(count), Err(Damaged), "{count}");
    }
}
