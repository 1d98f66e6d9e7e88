use super::State::{Critical, Ok, Warning};
use super::*;

const PERIOD_MS: i64 = 60_000;

fn counting(results: u8) -> Counting {
    Counting { results, period: Duration::from_secs(60) }
}

/// The state after each of the results, which come one period apart.
fn states(first: Option<State>, results: u8, given: &[State]) -> Vec<Option<State>> {
    let mut standing = Standing { state: first, next: None };
    let after = given.iter().zip(0..).map(|(state, place)| {
        let before = standing.state;
        let change = standing.take(*state, place * PERIOD_MS, counting(results));
        let expected = (before != standing.state).then_some(*state);
        assert_eq!(change, expected.map(|state| Change { before, state }));
        standing.state
    });
    after.collect()
}

#[test]
fn a_state_changes_after_so_many_equal_results_in_a_row() {
    let (ok, critical) = (Some(Ok), Some(Critical));
    assert_eq!(states(ok, 1, &[Critical, Ok]), [critical, ok]);
    assert_eq!(states(ok, 3, &[Critical; 3]), [ok, ok, critical]);
    let broken = [Critical, Critical, Ok, Critical, Critical];
    assert_eq!(states(ok, 3, &broken), [ok; 5]);
    // The way back takes as many.
    assert_eq!(states(critical, 3, &[Ok; 3]), [critical, critical, ok]);
    assert_eq!(states(ok, 5, &[Critical; 5]), [ok, ok, ok, ok, critical]);
}

#[test]
fn a_different_state_begins_its_own_count() {
    let given = [Critical, Critical, Warning, Warning, Warning];
    let ok = Some(Ok);
    assert_eq!(states(ok, 3, &given), [ok, ok, ok, ok, Some(Warning)]);
    let alternating = [Critical, Warning].repeat(10);
    assert_eq!(states(ok, 2, &alternating), [ok; 20]);
}

#[test]
fn the_first_state_is_ok_at_once_and_another_one_after_its_results() {
    assert_eq!(states(None, 3, &[Ok]), [Some(Ok)]);
    assert_eq!(states(None, 3, &[Critical; 3]), [None, None, Some(Critical)]);
    assert_eq!(states(None, 3, &[Critical, Critical, Ok]), [None, None, Some(Ok)]);
    assert_eq!(states(None, 1, &[Warning]), [Some(Warning)]);
}

/// What the first results in a row are worth when the last one comes so many milliseconds after them.
fn changes_when_last_comes_at(last_ms: i64) -> bool {
    let mut standing = Standing { state: Some(Ok), next: None };
    for time_ms in [0, PERIOD_MS] {
        assert_eq!(standing.take(Critical, time_ms, counting(3)), None);
    }
    standing.take(Critical, last_ms, counting(3)).is_some()
}

#[test]
fn results_older_than_one_and_a_half_times_their_periods_do_not_count() {
    // 1.5 × 3 × 60 s.
    assert!(changes_when_last_comes_at(270_000));
    assert!(!changes_when_last_comes_at(270_001));
}

#[test]
fn a_clock_that_is_set_back_counts_on_and_one_that_is_set_ahead_begins_again() {
    assert!(changes_when_last_comes_at(-3_600_000));
    let mut standing = Standing { state: Some(Ok), next: None };
    for (time_ms, changes) in [(0, false), (3_600_000, false), (3_660_000, true)] {
        let change = standing.take(Critical, time_ms, counting(2));
        assert_eq!(change.is_some(), changes, "{time_ms}");
    }
}

#[test]
fn no_time_and_no_period_is_too_large() {
    assert!(changes_when_last_comes_at(i64::MIN));
    assert!(!changes_when_last_comes_at(i64::MAX));
    let mut standing = Standing { state: Some(Ok), next: None };
    let longest = Counting { results: 5, period: Duration::MAX };
    assert_eq!(standing.take(Critical, i64::MIN, longest), None);
    assert_eq!(standing.take(Critical, i64::MAX, longest), None);
}

#[test]
fn what_was_kept_goes_on_after_a_restart() {
    let mut standing = Standing { state: Some(Critical), next: None };
    standing.take(Ok, 0, counting(2));
    let kept = standing.clone();
    let next = Next { state: Ok, times_ms: vec![0] };
    assert_eq!(kept, Standing { state: Some(Critical), next: Some(next) });
    let mut restored = kept;
    let change = restored.take(Ok, PERIOD_MS, counting(2));
    assert_eq!(change, Some(Change { before: Some(Critical), state: Ok }));
    assert_eq!(restored, Standing { state: Some(Ok), next: None });
}

#[test]
fn fewer_results_that_are_enough_now_change_the_state_with_the_next_one() {
    let mut standing = Standing { state: Some(Ok), next: None };
    for time_ms in [0, 1, 2] {
        standing.take(Critical, time_ms, counting(5));
    }
    assert!(standing.take(Critical, 3, counting(2)).is_some());
}

#[test]
fn each_state_has_a_name_of_its_own() {
    for state in State::ALL {
        assert_eq!(State::of(state.name()), Some(state));
    }
    assert_eq!(State::of("ok"), None);
}
