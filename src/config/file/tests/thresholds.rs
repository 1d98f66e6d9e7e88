//! Thresholds in a file.

use super::*;
use crate::config::{Settings, body_of_threshold, threshold_of_body};
use crate::threshold::{Bounds, Matches, Missing, Of, Threshold};

fn of_file(fields: &str) -> Files {
    main_file(&format!("thresholds:\n  t:\n    metric: m\n{fields}"))
}

#[test]
fn each_key_is_what_it_says() {
    let files = main_file(
        "thresholds:\n  full:\n    label: The disk\n    check: root\n    metric: used\n    target: /\n    warning_min: -1\n    \
         warning_max: 85.5\n    failure_min: -2\n    failure_max: 1e3\n    invert: no\n    percentage: total\n    of: median\n    \
         hits: 3\n    hysteresis: 0.5\n    persist: yes\n    persist_ok: on\n    missing: failure\n    missing_after: 4\n    \
         disabled: true\n    notification_plan_id: ops\nnotification_plans: {ops: {}}\n",
    );
    assert_eq!((problems(&files), &files.warnings[..]), (vec![], &[][..]));
    let set = |text: &str| Some(text.to_owned());
    let expected = Threshold {
        id: "full".to_owned(),
        label: "The disk".to_owned(),
        matches: Matches { check: set("root"), metric: set("used"), target: set("/") },
        warning: Bounds { min: Some(-1.0), max: Some(85.5) },
        failure: Bounds { min: Some(-2.0), max: Some(1000.0) },
        is_inverted: false,
        percentage: set("total"),
        of: Of::Median,
        hits: 3,
        hysteresis: 0.5,
        persists: true,
        persists_ok: true,
        missing: Missing::Failure,
        missing_after: 4,
        is_disabled: true,
        notification_plan: set("ops"),
    };
    assert_eq!(files.thresholds.len(), 1);
    assert_eq!(files.thresholds[0], expected);
    // What requests have of it is the same again.
    let again = threshold_of_body("full", &body_of_threshold(&expected)).expect("it is valid");
    assert_eq!(again.configured, expected);
    let least = of_file("    failure_max: 5\n    hits:\n    percentage: no\n");
    let failure = Bounds { min: None, max: Some(5.0) };
    let matches = Matches { metric: set("m"), ..Matches::default() };
    assert_eq!(least.thresholds, [Threshold { failure, matches, ..Threshold::of("t") }]);
    let again = threshold_of_body("t", &body_of_threshold(&least.thresholds[0]));
    assert_eq!(again.expect("it is valid").configured, least.thresholds[0]);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_all_of_it() {
    for (fields, expected) in [
        (
            "    WarningMax: 5\n    hit: 3\n    of: avg\n    hits: 1.5\n",
            &[
                "unknown key \"WarningMax\": a threshold has label, check, metric, target, warning_min, warning_max, \
                 failure_min, failure_max, invert, percentage, of, hits, hysteresis, persist, persist_ok, missing, \
                 missing_after, disabled, notification_plan_id; did you mean warning_max?",
                "5:5: unknown key \"hit\": ",
                "6:9: of \"avg\": expected one of value, rate, median, max",
                "7:11: hits \"1.5\": expected a whole number from 1 to 100",
            ][..],
        ),
        (
            "    failure_max: inf\n    hysteresis: NaN\n    missing_after: 0\n    persist: perhaps\n",
            &[
                "4:18: failure_max \"inf\": expected a number without a unit, such as 90, -1.5 or 1e9",
                "5:17: hysteresis \"NaN\": expected a number from 0 on, without a unit",
                "6:20: missing_after \"0\": expected a whole number from 1 to 100",
                "7:14: persist \"perhaps\": expected true or false",
            ],
        ),
        (
            "    failure_min: 2\n    failure_max: 1\n    warning_min: 0\n    warning_max: 3\n    hysteresis: 2\n",
            &[
                "7:5: threshold t: hysteresis 2: expected at most half of what is between warning_min 0 and warning_max 3",
                "4:5: threshold t: expected failure_min 2 not to be above failure_max 1",
            ],
        ),
        ("    label: {a: b}\n", &["4:12: label: expected one value, and this is a map"]),
        ("  effective: {metric: x}\n", &["4:3: threshold \"effective\": expected another id"]),
        ("  u: {failure_max: 3}\n", &["4:3: threshold u: expected check, metric or target"]),
        ("  u: 5\n", &["threshold u: expected keys with values", "threshold u: expected check"]),
    ] {
        let files = of_file(fields);
        let problems = problems(&files);
        let told = problems.iter().zip(expected);
        assert!(
            told.clone().count() > 0 && told.clone().all(|(of, expected)| of.contains(expected)),
            "{fields} {problems:?}"
        );
    }
    let text = "thresholds: {t: {metric: x, failure_max: 1}}";
    let files = files(vec![("a.yaml", Form::Main, text), ("b.yaml", Form::Main, text)]);
    let twice = "b.yaml:1:14: threshold t is set in a.yaml:1:14, too: keep one of them, or give one of them another id";
    assert_eq!((problems(&files), files.thresholds.len()), (vec![twice], 1));
    let many: String =
        (0..1001).map(|n| format!("  t{n}: {{metric: x, failure_max: 1}}\n")).collect();
    let files = main_file(&format!("thresholds:\n{many}"));
    assert_eq!(problems(&files), ["agent.yaml:1002:3: thresholds: expected at most 1000 of them"]);
}

#[test]
fn an_inverted_one_may_have_any_hysteresis_and_one_without_bounds_is_told() {
    let inverted = "    failure_min: 1\n    failure_max: 2\n    hysteresis: 50\n    invert: true\n";
    assert_eq!(problems(&of_file(inverted)), [""; 0]);
    let files = of_file("    hits: 2\n");
    let expected = "agent.yaml:2:3: threshold t has no bound: all values of its metrics are OK";
    assert_eq!((problems(&files), &*files.warnings), (vec![], &[expected.to_owned()][..]));
    assert_eq!(of_file("    missing: warning\n").warnings, [""; 0]);
}

#[test]
fn what_the_files_do_not_have_is_most_likely_mistyped() {
    let files = main_file(
        "checks:\n  root:\n    type: agent.filesystem\n    details: {target: /}\n    alarms:\n      full:\n        criteria: |\n          \
         if (metric['usd'] > 9) { return new AlarmStatus(CRITICAL, '#{free} of #{total}'); }\n  own: {type: agent.plugin, details: {file: x}}\n\
         thresholds:\n  a: {check: rot, metric: used, failure_max: 1}\n  b: {check: root, metric: usd, failure_max: 1}\n  \
         c: {check: own, metric: anything, failure_max: 1}\n  d: {check: utilization, metric: cpu, failure_max: 1}\n  \
         e: {check: root, metric: used, percentage: totl, failure_max: 1}\n  f: {check: root, metric: available, failure_min: 1}\n\
         suppressions:\n  now: {checks: [rot, root, utilization], alarms: [fll, full], notification_plans: [nobody]}\n",
    );
    let mut cli = Cli::parse(["agent".into(), "--dry-run".into()]).expect("it is right");
    cli.files = files;
    let settings = Settings::new(&cli).expect("it is valid");
    let told: Vec<_> =
        settings.warnings.iter().filter(|text| text.starts_with("threshold ")).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], "threshold a: the files have no check \"rot\"; did you mean root?");
    for (told, begin) in told[1..].iter().zip([
        "threshold b: agent.filesystem has no metric \"usd\"; did you mean used?: expected one of ",
        "threshold e: agent.filesystem has no metric \"totl\"; did you mean total?: expected one of ",
    ]) {
        assert!(told.starts_with(begin), "{told}");
    }
    let of = |what: &str| -> Vec<_> {
        let said = settings.warnings.iter().filter(|text| text.starts_with(what));
        said.map(|text| text.split(": expected one of").next().unwrap_or_default()).collect()
    };
    assert_eq!(
        of("alarm "),
        ["alarm full: agent.filesystem has no metric \"usd\"; did you mean used?"]
    );
    assert_eq!(
        of("suppression "),
        [
            "suppression now: the files have no check \"rot\"; did you mean root?",
            "suppression now: the files have no alarm \"fll\"; did you mean full?",
            "suppression now: the files have no notification plan \"nobody\"",
        ]
    );
}
