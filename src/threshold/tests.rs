//! Values one after another, and the states that come of them.

mod properties;

use super::*;

/// `failure_max` 90 and `warning_max` 80, with what a test changes of that.
fn threshold(change: impl FnOnce(&mut Threshold)) -> Threshold {
    let mut of = Threshold::of("t");
    (of.warning.max, of.failure.max) = (Some(80.0), Some(90.0));
    change(&mut of);
    of
}

/// The letter of the state after each value, and a `!` behind it where that is told. A value `NaN` is missing.
fn states(of: &Threshold, values: &[f64]) -> String {
    let mut standing = Standing::default();
    let taken = values.iter().map(|value| {
        let taken = standing.take(Some(*value).filter(|value| !value.is_nan()), of);
        let letter = taken.state.map_or("-", |state| &state.name()[..1]);
        format!("{letter}{}", if taken.is_told { "!" } else { "" })
    });
    taken.collect::<Vec<_>>().join(" ")
}

const GONE: f64 = f64::NAN;

#[test]
fn each_change_is_told_once_and_the_first_ok_is_not() {
    let of = threshold(|_| {});
    let expected = "O O W! W F! F W! O! O F! O!";
    assert_eq!(
        states(&of, &[1.0, 80.0, 80.1, 90.0, 90.1, 95.0, 85.0, 80.0, 1.0, 99.0, 1.0]),
        expected
    );
    assert_eq!(states(&of, &[85.0, 85.0]), "W! W");
}

#[test]
fn with_three_hits_it_is_the_third_bad_value_in_a_row() {
    let of = threshold(|of| of.hits = 3);
    assert_eq!(states(&of, &[1.0, 99.0, 99.0, 99.0, 99.0]), "O O O F! F");
    assert_eq!(states(&of, &[99.0, 99.0, 99.0]), "- - F!");
    // A good value begins the count again, and makes the state good at once.
    assert_eq!(states(&of, &[1.0, 99.0, 99.0, 1.0, 99.0, 99.0, 99.0, 1.0]), "O O O O O O F! O!");
    // Who is bad in turns for a warning and for a failure is so for a warning.
    assert_eq!(states(&of, &[1.0, 85.0, 99.0, 85.0, 99.0, 99.0, 99.0]), "O O O W! W W F!");
    assert_eq!(states(&of, &[1.0, 99.0, 99.0, 99.0, 85.0, 99.0, 99.0, 99.0]), "O O O F! W! W W F!");
}

#[test]
fn a_hysteresis_holds_a_state_and_loses_no_change_between_warning_and_failure() {
    let of = threshold(|of| of.hysteresis = 5.0);
    // Up at the bound, down when it is back by 5.
    assert_eq!(states(&of, &[81.0, 76.0, 75.1, 75.0]), "W! W W O!");
    assert_eq!(states(&of, &[91.0, 86.0, 85.1, 85.0, 91.0]), "F! F F W! F!");
    // From a failure to what is good only but for the hysteresis of the warning.
    assert_eq!(states(&of, &[91.0, 76.0, 75.0]), "F! W! O!");
    // Below the bound nothing is held that was not reached.
    assert_eq!(states(&of, &[76.0, 85.0, 86.0, 89.0, 70.0]), "O W! W W O!");
    let low = Threshold {
        failure: Bounds { min: Some(10.0), max: None },
        hysteresis: 2.0,
        ..Threshold::of("t")
    };
    assert_eq!(states(&low, &[10.0, 9.9, 11.9, 12.0]), "O F! F O!");
}

#[test]
fn what_is_inverted_is_bad_between_its_bounds() {
    let mut of = Threshold { is_inverted: true, ..Threshold::of("t") };
    of.failure = Bounds { min: Some(10.0), max: Some(20.0) };
    assert_eq!(states(&of, &[9.9, 10.0, 15.0, 20.0, 20.1]), "O F! F F O!");
    of.hysteresis = 1.0;
    assert_eq!(states(&of, &[20.0, 20.9, 21.0, 9.5, 10.0, 9.1, 9.0]), "F! F O! O F! F O!");
    of.failure = Bounds { min: Some(10.0), max: None };
    of.hysteresis = 0.0;
    assert_eq!(states(&of, &[9.0, 10.0, 1e9, 9.9]), "O F! F O!");
    of.failure = Bounds { min: None, max: Some(10.0) };
    assert_eq!(states(&of, &[11.0, 10.0, -1e9, 10.1]), "O F! F O!");
    of.failure = Bounds::default();
    assert_eq!(states(&of, &[11.0]), "O");
}

#[test]
fn what_persists_is_told_with_each_bad_value_and_with_each_good_one_if_that_is_wanted() {
    let of = threshold(|of| of.persists = true);
    assert_eq!(states(&of, &[1.0, 85.0, 85.0, 99.0, 99.0, 1.0, 1.0]), "O W! W! F! F! O! O");
    let of = threshold(|of| (of.persists, of.hits) = (true, 2));
    assert_eq!(states(&of, &[99.0, 99.0, 99.0, 1.0]), "- F! F! O!");
    let of = threshold(|of| of.persists_ok = true);
    assert_eq!(states(&of, &[1.0, 1.0, 99.0, 99.0, 1.0]), "O! O! F! F O!");
}

#[test]
fn what_is_missing_or_no_number_is_never_ok() {
    let of = threshold(|_| {});
    assert_eq!(states(&of, &[GONE, GONE, f64::INFINITY, 1.0, GONE]), "- - - O O");
    assert_eq!(states(&of, &[99.0, GONE, GONE, GONE, f64::NEG_INFINITY, 1.0]), "F! F F F F O!");
    // It neither counts as a hit nor begins the count again.
    let of = threshold(|of| of.hits = 3);
    assert_eq!(states(&of, &[1.0, 99.0, GONE, 99.0, GONE, 99.0]), "O O O O O F!");
}

#[test]
fn what_is_missing_for_too_long_is_a_state_where_that_is_wanted() {
    let of = threshold(|of| (of.missing, of.missing_after) = (Missing::Failure, 3));
    assert_eq!(
        states(&of, &[1.0, GONE, GONE, 1.0, GONE, GONE, GONE, GONE, 1.0]),
        "O O O O O O F! F O!"
    );
    assert_eq!(states(&of, &[GONE, GONE, GONE, 85.0]), "- - F! W!");
    // No value was that bad, so no hysteresis holds it.
    let of = threshold(|of| (of.missing, of.hysteresis) = (Missing::Failure, 50.0));
    assert_eq!(states(&of, &[1.0, GONE, GONE, 75.0]), "O O F! O!");
    // A failure does not become a warning because nothing is known of it.
    let of = threshold(|of| of.missing = Missing::Warning);
    assert_eq!(states(&of, &[99.0, GONE, GONE, GONE]), "F! F F F");
    assert_eq!(states(&of, &[1.0, GONE, GONE, GONE]), "O O W! W");
    let of = threshold(|of| (of.missing, of.persists) = (Missing::Warning, true));
    assert_eq!(states(&of, &[1.0, GONE, GONE, GONE]), "O O W! W!");
}

#[test]
fn a_text_says_which_bound_it_is() {
    let said = |of: &Threshold, value: f64, before: Option<State>| {
        of.breach(value, before).map(|breach| breach.to_string()).unwrap_or_default()
    };
    let mut of = threshold(|of| (of.warning.min, of.hysteresis) = (Some(0.5), 5.0));
    assert_eq!(said(&of, 91.0, None), "is above failure_max 90");
    assert_eq!(said(&of, 81.0, None), "is above warning_max 80");
    assert_eq!(said(&of, 0.0, None), "is below warning_min 0.5");
    assert_eq!(said(&of, 1.0, None), "");
    let failed = Some(State::Failure);
    assert_eq!(said(&of, 88.0, failed), "is not back by the hysteresis 5 from failure_max 90");
    let expected = "is not back by the hysteresis 5 from warning_min 0.5 and warning_max 80";
    assert_eq!(said(&of, 78.0, failed), expected);
    of.is_inverted = true;
    assert_eq!(said(&of, 91.0, None), "");
    assert_eq!(said(&of, 90.0, None), "is not above failure_max 90");
    of.failure = Bounds { min: Some(95.0), max: None };
    assert_eq!(said(&of, 95.0, None), "is not below failure_min 95");
    assert_eq!(said(&of, 80.0, None), "is between warning_min 0.5 and warning_max 80");
    for (number, expected) in
        [(0.0, "0"), (1.0 / 3.0, "0.3333"), (-12.5, "-12.5"), (1e-9, "1e-9"), (1e20, "1e20")]
    {
        assert_eq!(shown(number), expected);
    }
}

#[test]
fn the_one_that_says_most_of_a_metric_wins() {
    let of = |id: &str, check: &str, metric: &str, target: &str| {
        let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (check, metric, target) = (set(check), set(metric), set(target));
        Threshold { matches: Matches { check, metric, target }, ..Threshold::of(id) }
    };
    let mut all = [
        of("g", "", "", "eth0"),
        of("f", "", "rx", ""),
        of("e", "net", "", ""),
        of("d", "", "rx", "eth0"),
        of("c", "net", "", "eth0"),
        of("b", "net", "rx", ""),
        of("a2", "net", "rx", "eth0"),
        of("a1", "net", "rx", "eth0"),
    ];
    all.sort_by(by_rank);
    let ids = |metric: Named<'_>| -> String {
        let fitting = all.iter().filter(|of| of.matches.is_of(metric));
        fitting.map(|of| of.id.as_str()).collect::<Vec<_>>().join(" ")
    };
    let named = |check, metric, target| Named { check, metric, target };
    assert_eq!(ids(named("net", "rx", Some("eth0"))), "a1 a2 b c d e f g");
    assert_eq!(ids(named("net", "rx", None)), "b e f");
    assert_eq!(ids(named("net", "tx", Some("eth0"))), "c e g");
    assert_eq!(ids(named("other", "rx", Some("eth"))), "f");
    // Exactly, and not only in part.
    assert_eq!(ids(named("net2", "rxx", None)), "");
}

#[test]
fn what_is_only_said_of_a_threshold_is_no_other_question() {
    let of = threshold(|_| {});
    let said = threshold(|of| (of.label, of.persists, of.persists_ok) = ("x".into(), true, true));
    assert!(of.is_same_question(&said) && of != said);
    assert!(!of.is_same_question(&threshold(|of| of.hits = 2)));
    assert!(!of.is_same_question(&threshold(|of| of.failure.max = None)));
}
