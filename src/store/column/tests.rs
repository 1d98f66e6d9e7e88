use proptest::prelude::*;

use super::*;

fn round_trip(values: &[f64]) -> (usize, Vec<f64>) {
    let mut out = Vec::new();
    put_floats(&mut out, values);
    (out.len(), floats(&mut Bytes(&out), values.len()).unwrap())
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn equal_numbers_take_no_room() {
    let (length, values) = round_trip(&[99.5; 4000]);
    assert_eq!((length, values), (4, vec![99.5; 4000]));
}

#[test]
fn percents_of_four_digits_take_two_and_a_half_bytes() {
    let percents: Vec<f64> =
        (0u64..4000).map(|at| (at * 7_919_317 % 1_000_001) as f64 / 10_000.0).collect();
    let (length, values) = round_trip(&percents);
    assert_eq!(values, percents);
    assert_eq!(length, 10_004);
}

#[test]
fn numbers_beyond_all_forms_come_back_too() {
    let odd =
        [0.1 + 0.2, -0.0, 0.0, f64::MIN_POSITIVE, 5e-324, 1e150, -1e150, 1.0 / 3.0, 1e17, 3.5];
    assert_eq!(bits(&round_trip(&odd).1), bits(&odd));
    // The second needs more digits than the first, and with these the first is no longer exact.
    let mixed = [9_007_199_254_740_991.0, 0.000_000_001];
    assert_eq!(bits(&round_trip(&mixed).1), bits(&mixed));
}

#[test]
fn what_is_damaged_is_no_number_and_asks_for_no_memory() {
    for bytes in [
        &[][..],
        &[0],
        &[77, 1],
        &[0, ABOVE, 0, 65],
        &[0, ABOVE, 0, 64, 1],
        &[0, BYTES, 200],
        &[HALF, 1, 2],
    ] {
        assert_eq!(floats(&mut Bytes(bytes), 3), Err(Damaged), "{bytes:?}");
    }
    assert_eq!(wholes(&mut Bytes(&[SAME, 2]), usize::MAX), Err(Damaged));
    assert_eq!(wholes(&mut Bytes(&[ABOVE, 0, 0]), usize::MAX), Err(Damaged));
}

proptest! {
    #[test]
    fn whole_numbers_come_back(values in prop::collection::vec(any::<i64>(), 0..100)) {
        let mut out = Vec::new();
        put_wholes(&mut out, &values);
        let mut bytes = Bytes(&out);
        prop_assert_eq!(wholes(&mut bytes, values.len()), Ok(values));
        prop_assert!(bytes.0.is_empty());
    }

    #[test]
    fn near_whole_numbers_come_back(
        start in any::<i32>(),
        steps in prop::collection::vec(-100i64..1000, 0..100),
    ) {
        let mut at = i64::from(start);
        let values: Vec<i64> = steps.iter().map(|step| { at += step; at }).collect();
        let mut out = Vec::new();
        put_wholes(&mut out, &values);
        prop_assert_eq!(wholes(&mut Bytes(&out), values.len()), Ok(values));
    }

    #[test]
    fn numbers_come_back_bit_by_bit(values in prop::collection::vec(any::<f64>(), 0..60)) {
        prop_assert_eq!(bits(&round_trip(&values).1), bits(&values));
    }

    #[test]
    fn decimal_numbers_come_back_bit_by_bit(
        values in prop::collection::vec((-1_000_000i64..1_000_000, 0usize..7), 0..60),
    ) {
        let values: Vec<f64> =
            values.into_iter().map(|(whole, digits)| whole as f64 / SCALES[digits]).collect();
        prop_assert_eq!(bits(&round_trip(&values).1), bits(&values));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        count in 0usize..1000,
    ) {
        let _ = floats(&mut Bytes(&bytes), count);
    }
}
