//! Values at random, against a model that looks at all that was before each value anew.

use proptest::prelude::*;

use super::*;
use crate::properties::repeatable;

/// Whether a value is bad for these bounds, as they are described: below the least or above the greatest, or, where
/// that is inverted, not; and with a hysteresis also as long as a value that near would be.
fn is_bad(bounds: Bounds, is_inverted: bool, value: i32, by: i32) -> bool {
    let whole = |bound: Option<f64>| bound.map(|bound| bound as i32);
    let (min, max) = (whole(bounds.min), whole(bounds.max));
    if min.is_none() && max.is_none() {
        return false;
    }
    let is_outside =
        |value: i32| min.is_some_and(|min| value < min) || max.is_some_and(|max| value > max);
    // Any whole number that near is bad. The bounds themselves are so where that is inverted, and else are not.
    let near = (by - i32::from(is_inverted)).max(0);
    (value - near..=value + near).any(|near| is_outside(near) != is_inverted)
}

/// The state after each of these values.
fn model(of: &Threshold, values: &[Option<i32>]) -> Vec<Option<State>> {
    let (mut states, mut levels) = (Vec::<Option<State>>::new(), Vec::new());
    for (place, value) in values.iter().enumerate() {
        let before = states.last().copied().flatten();
        let missed =
            |values: &[Option<i32>]| values.iter().rev().take_while(|of| of.is_none()).count();
        let Some(value) = value else {
            let is_enough = missed(&values[..=place]) >= usize::from(of.missing_after);
            states.push(before.max(of.missing.state().filter(|_| is_enough)));
            continue;
        };
        // What it was after the last value: if it is another one, it is that of what was missing.
        let known = place - missed(&values[..place]);
        let known = known.checked_sub(1).and_then(|last| states[last]);
        let held = before.filter(|_| known == before);
        let is = |state: State, bounds: Bounds| {
            let by = if held >= Some(state) { of.hysteresis as i32 } else { 0 };
            is_bad(bounds, of.is_inverted, *value, by)
        };
        let level = match () {
            () if is(State::Failure, of.failure) => State::Failure,
            () if is(State::Warning, of.warning) => State::Warning,
            () => State::Ok,
        };
        levels.push(level);
        let reached = |state: &State| {
            let last = levels.iter().rev().take(usize::from(of.hits));
            levels.len() >= usize::from(of.hits) && last.min().is_some_and(|least| least >= state)
        };
        let hit = [State::Failure, State::Warning].into_iter().find(reached);
        states.push(match before {
            _ if level == State::Ok => Some(State::Ok),
            Some(before) if level < before => Some(level),
            before => before.max(hit),
        });
    }
    states
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let bound = || prop::option::of(-6_i32..7);
    (bound(), bound()).prop_map(|(one, other)| {
        let (min, max) = match (one, other) {
            (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
            other => other,
        };
        Bounds { min: min.map(f64::from), max: max.map(f64::from) }
    })
}

fn of_any() -> impl Strategy<Value = Threshold> {
    let missing = prop::sample::select(&Missing::ALL[..]);
    let all = (bounds(), bounds(), any::<bool>(), 1_u8..4, 0_u8..4, missing, 1_u8..4);
    all.prop_map(|(warning, failure, is_inverted, hits, hysteresis, missing, missing_after)| {
        let hysteresis = f64::from(hysteresis);
        Threshold {
            warning,
            failure,
            is_inverted,
            hits,
            hysteresis,
            missing,
            missing_after,
            ..Threshold::of("t")
        }
    })
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn it_stands_where_the_model_says(
        of in of_any(),
        values in prop::collection::vec(prop::option::weighted(0.8, -8_i32..9), 0..30),
    ) {
        let mut standing = Standing::default();
        let expected = model(&of, &values);
        for (value, expected) in values.iter().zip(&expected) {
            let before = standing.state;
            let taken = standing.take(value.map(f64::from), &of);
            prop_assert_eq!(taken.state, *expected, "{:?} {:?}", &of, &values);
            prop_assert_eq!((taken.before, taken.state), (before, standing.state));
            // What has changed is told, but for a first OK; all else is not.
            let is_news = taken.is_change() && (before, taken.state) != (None, Some(State::Ok));
            prop_assert_eq!(taken.is_told, is_news);
        }
    }
}
