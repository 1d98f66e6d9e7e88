//! Checks in a file.

use std::time::Duration;

use super::*;
use crate::model::{Configured, Publication};

/// A file as it is known to users of other agents.
const KNOWN: &str = "\
type: agent.load_average
label: load
disabled: false
period: 30
timeout: 10
alarms:
  too-high:
    label: load is too high
    notification_plan_id: npTechnicalContactsEmail
    criteria: |
      if (metric[\"5m\"] > 90) { return new AlarmStatus(CRITICAL, \"#{5m} ${x}\"); }
      return new AlarmStatus(OK, \"fine\");
";

fn only(files: &Files) -> &Configured {
    assert_eq!((problems(files), files.checks.len()), (vec![], 1));
    &files.checks[0]
}

#[test]
fn a_file_of_a_folder_is_one_check_whose_id_is_its_name() {
    let files = check_file("load.yaml", KNOWN);
    let check = only(&files);
    assert_eq!((check.id.as_str(), check.label.as_str()), ("load", "load"));
    assert_eq!((check.kind.name, check.is_disabled), ("agent.load_average", false));
    assert_eq!((check.period, check.timeout), (Duration::from_secs(30), Duration::from_secs(10)));
    let headline =
        Publication::Some([("1m_per_core".into(), "LoadAverage1mPerCore".into())].into());
    assert_eq!(check.publish, headline);
    assert_eq!(files.warnings, [""; 0]);
    let [high] = &files.alarms[..] else { panic!("one alarm") };
    let plan = files.named_plans.iter().map(|of| (&*of.origin, &*of.id)).collect::<Vec<_>>();
    assert_eq!(
        plan,
        [("load.yaml:7:3: alarm too-high: notification_plan_id", "npTechnicalContactsEmail")]
    );
    assert_eq!((&*high.check, high.text.is_empty()), ("load", false));
}

#[test]
fn a_check_in_the_main_file_has_its_id_as_key_and_defaults() {
    let files = main_file(
        "checks:\n  load:\n    type: agent.load_average\n  fast:\n    type: agent.load_average\n    period: 1\n    disabled: yes\n",
    );
    assert_eq!(problems(&files), [""; 0]);
    let [load, fast] = &*files.checks else { panic!("two checks: {:?}", files.checks) };
    assert_eq!((load.id.as_str(), load.label.as_str(), load.is_disabled), ("load", "load", false));
    assert_eq!((load.period, load.timeout), (Duration::from_secs(60), Duration::from_secs(30)));
    assert_eq!((fast.period, fast.timeout), (Duration::from_secs(1), Duration::from_millis(500)));
    assert!(fast.is_disabled && fast.declared().is_empty());
}

#[test]
fn what_is_published_is_chosen_by_word_list_or_map() {
    let of = |publish: &str| {
        let files =
            check_file("x.yaml", &format!("type: agent.load_average\npublish: {publish}\n"));
        let names = only(&files).declared().into_iter().filter_map(|metric| metric.published);
        names.map(|name| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of("none"), [""; 0]);
    assert_eq!(of("[]"), [""; 0]);
    let all = ["LoadAverage1m", "LoadAverage5m", "LoadAverage15m", "LoadAverage1mPerCore"];
    assert_eq!(of("all"), all);
    assert_eq!(of("5m"), ["LoadAverage5m"]);
    assert_eq!(of("[5m, available]"), ["LoadAverage5m", "LoadAverageAvailable"]);
    assert_eq!(of("{5m: Load, 1m:}"), ["LoadAverage1m", "Load"]);
    assert_eq!(of(""), ["LoadAverage1mPerCore"]);
}

#[test]
fn mistakes_are_told_with_their_place_and_what_was_most_likely_meant() {
    for (text, expected) in [
        ("label: x", vec!["x.yaml:1:1: type is missing: expected one of agent."]),
        ("type: load_average", vec!["x.yaml:1:7: type \"load_average\": expected one of agent."]),
        (
            "type: agent.load_average\nperiode: 5",
            vec![
                "x.yaml:2:1: unknown key \"periode\": a check has type, label, disabled, period, timeout, details, publish, alarms, metadata; did you mean period?",
            ],
        ),
        (
            "type: agent.load_average\ndetails: {target: /}",
            vec!["x.yaml:2:11: unknown key \"target\": agent.load_average has no details"],
        ),
        (
            "type: agent.load_average\nperiod: 0\ntimeout: 2h",
            vec![
                "x.yaml:2:9: period \"0\": expected seconds from 1 to 1800, such as 30, 90s or 5m",
                "x.yaml:3:10: timeout \"2h\": expected seconds from 0.1 to 1800, such as 10, 500ms or 1m",
            ],
        ),
        (
            // Of a period that is wrong, nothing follows for the timeout.
            "type: agent.load_average\nperiod: 45m\ntimeout: 90",
            vec![
                "x.yaml:2:9: period \"45m\": expected seconds from 1 to 1800, such as 30, 90s or 5m",
            ],
        ),
        (
            "type: agent.load_average\nperiod: 30\ntimeout: 30",
            vec!["x.yaml:3:10: timeout \"30\": expected less than the period of 30 s"],
        ),
        (
            "type: agent.load_average\npublish: [6m]",
            vec![
                "x.yaml:2:11: publish \"6m\": expected none, all, or any of 1m, 5m, 15m, 1m_per_core, available",
            ],
        ),
        (
            "type: agent.load_average\npublish: {1m: A, 5m: A}",
            vec!["x.yaml:2:10: publish: two metrics would have the name A: give each its own"],
        ),
        (
            "type: agent.load_average\npublish: [1m, 1m]",
            vec!["x.yaml:2:15: publish \"1m\": expected each metric once"],
        ),
        (
            "type: agent.filesystem\ntarget: /",
            vec![
                "x.yaml:2:1: target is a detail: put it below details:",
                "x.yaml:1:1: details: target is missing",
            ],
        ),
        (
            "type:agent.load_average",
            vec![
                "x.yaml:1:1: check x: expected keys with values, such as period: 60, not \"type:agent.load_average\"; put a blank behind the colon",
            ],
        ),
        (
            "type: agent.load_average\npublish: {1m: ':a'}",
            vec!["x.yaml:2:15: publish \":a\": expected no colon at the start"],
        ),
        (
            "type: agent.load_average\ndisabled: perhaps",
            vec!["x.yaml:2:11: disabled \"perhaps\": expected true or false"],
        ),
        (
            "type: agent.load_average\nlabel: ''",
            vec!["x.yaml:2:8: label \"\": expected 1 to 255 characters, not 0"],
        ),
        (
            "type: \u{201c}agent.load_average\u{201d}",
            vec!["x.yaml:1:7: type \"\u{201c}agent.load_average\u{201d}\": expected one of "],
        ),
        (
            "type: agent.load_average\nalarms: {a: {criterion: x}}",
            vec![
                "x.yaml:2:14: unknown key \"criterion\": an alarm has label, notification_plan_id, criteria, disabled, publish, metadata; did you mean criteria?",
            ],
        ),
        (
            "type: agent.load_average\nalarms: {a: {criteria: \"if (metric['1m'] > 4) { return new AlarmStatus(CRITCAL); }\"}}",
            vec![
                "x.yaml:2:24: criteria: line 1, column 48: \"CRITCAL\": expected a state: OK, WARNING or CRITICAL; did you mean CRITICAL?",
            ],
        ),
        (
            "- agent.load_average",
            vec!["x.yaml:1:1: check x: expected keys with values, and this is a list"],
        ),
        (
            "type: agent.filesystem",
            vec![
                "x.yaml:1:1: details: target is missing: the mount point of the file system, such as target: /",
            ],
        ),
        (
            "type: agent.process\ndetails: {nmae: x}",
            vec![
                "x.yaml:2:11: unknown key \"nmae\": agent.process has name, command, user, proportional; did you mean name?",
                "x.yaml:2:10: details: expected at least one of name, command, user, such as name: nginx",
            ],
        ),
        ("type: agent.load_average\ntype: agent.load_average", vec!["x.yaml:2:1: "]),
        ("type: agent.load_average\n\tperiod: 5", vec!["x.yaml:2:1: "]),
    ] {
        let files = check_file("x.yaml", text);
        let problems = problems(&files);
        // Without an alarm that is wrong a check is still the same.
        assert_eq!(files.checks.len(), usize::from(text.contains("alarms")), "{text:?}");
        assert!(files.alarms.is_empty(), "{text:?}");
        assert_eq!(problems.len(), expected.len(), "{text:?}: {problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{text:?}: {problem}\n{expected}");
        }
    }
}

#[test]
fn an_id_is_a_value_of_a_dimension_and_there_once() {
    let long = "x".repeat(65);
    let files = main_file(&format!("checks: {{{long}: {{type: agent.load_average}}}}"));
    assert_eq!(
        problems(&files),
        [format!("agent.yaml:1:10: check {long:?}: expected 1 to 64 characters, not 65")]
    );
    let twice = [
        ("agent.yaml", Form::Main, "checks: {load: {type: agent.load_average}}"),
        ("d/load.yaml", Form::Check("load".into()), "type: agent.load_average"),
    ];
    let files = super::files(twice.into());
    assert_eq!(
        problems(&files),
        [
            "d/load.yaml:1:1: check load is set in agent.yaml:1:10, too: keep one of them, or give one of them another id"
        ]
    );
    assert_eq!(files.checks.len(), 1);
}

#[test]
fn one_check_as_a_main_file_says_where_it_belongs() {
    let files = main_file("type: agent.load_average\nperiod: 60\n");
    let expected = "agent.yaml:1:1: this is one check: put it below checks: and an id, or into a folder of checks";
    assert_eq!(problems(&files), [expected]);
}

#[test]
fn beside_a_command_a_broken_check_is_left_out_and_the_rest_goes_on() {
    let text = "namespace: a\nservice: b\nchecks:\n  good: {type: agent.load_average}\n  bad: {type: agent.lod}\n";
    let settings = settings(&["--", "true"], main_file(text)).expect("the command runs");
    assert_eq!(settings.checks.all.len(), 1);
    assert!(settings.errors[0].starts_with("agent.yaml:5:15: type \"agent.lod\": expected one of"));
    assert!(super::settings(&[], main_file(text)).is_err(), "without a command it does not start");
}

#[test]
fn a_dimension_of_the_user_leaves_room_for_those_of_checks() {
    let with = |args: &[&str]| {
        let files = main_file("checks: {load: {type: agent.load_average}}");
        settings(&[&["--namespace=a", "--service=b"], args].concat(), files)
    };
    assert!(with(&[]).is_ok());
    let error = with(&["--dimension=Check=x"]).expect_err("it is taken");
    let expected = "the dimension \"Check\": expected another name: checks have a dimension of it";
    assert_eq!(error.to_string(), expected);
    let many: Vec<_> = (0..28).map(|n| format!("--dimension=D{n}=x")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert!(with(&many[..27]).is_ok() && with(&many).is_err());
    // Beside a command the checks are left out, wherever the dimensions are typed.
    let settings = with(&["--dimension=Check=x", "--", "true"]).expect("the command runs");
    assert!(settings.checks.all.is_empty() && settings.errors == [expected]);
}

#[test]
fn in_emf_no_metric_has_the_name_of_another_member() {
    let with = |name: &str, args: &[&str]| {
        let text =
            format!("checks: {{load: {{type: agent.load_average, publish: {{1m: {name}}}}}}}");
        let args = [&["--namespace=a", "--service=b", "--dimension=Stage=x"], args].concat();
        settings(&args, main_file(&text))
    };
    for name in ["_aws", "Check", "Target", "ServiceName", "Stage"] {
        assert!(with(name, &[]).is_ok(), "{name}: CloudWatch tells them apart");
        let error = with(name, &["--publish=emf"]).expect_err("one of them would be lost");
        let expected = format!(
            "check load: publish {name:?}: expected a name that is not _aws or a dimension's, for --publish emf"
        );
        assert_eq!(error.to_string(), expected);
    }
    assert!(with("Load", &["--publish=emf"]).is_ok());
}

#[test]
fn variables_are_not_replaced_in_ids() {
    let files = main_file("checks: {'${ID}': {type: agent.load_average}}");
    let expected =
        "agent.yaml:1:10: check \"${ID}\": variables are replaced in values, and not in an id";
    assert_eq!(problems(&files), [expected]);
}

#[test]
fn a_check_at_the_wrong_depth_is_one_mistake_with_its_cure() {
    for (text, expected) in [
        (
            "checks:\n  load:\n  type: agent.load_average\n  period: 5\n",
            "x.yaml:3:3: type stands where an id is expected: indent type below the id of its check",
        ),
        (
            "load:\n  type: agent.load_average\n",
            "x.yaml:1:1: load is a check: put it below checks:, indented",
        ),
        (
            "checks:\n  - type: agent.load_average\n",
            "x.yaml:2:3: checks: expected each check below its id, such as root-disk:, and this is a list",
        ),
    ] {
        let files = main_file(text);
        let found: Vec<_> =
            problems(&files).iter().map(|text| text.replace("agent.yaml", "x.yaml")).collect();
        assert_eq!(found, [expected], "{text}");
    }
    // A check may have the name of a key.
    let files = main_file("checks:\n  label:\n    type: agent.load_average\n");
    assert_eq!((problems(&files), files.checks.len()), (vec![], 1));
}

#[test]
fn headers_may_be_a_map() {
    let of = |headers| {
        let text = format!(
            "checks: {{a: {{type: remote.http, details: {{url: 'http://h/', headers: {headers}}}}}}}\n"
        );
        let files = main_file(&text);
        assert!(problems(&files).is_empty(), "{:?}", problems(&files));
        files.checks[0].details.list("headers").to_vec()
    };
    assert_eq!(of("{Accept: text/html, X-A: b}"), ["Accept: text/html", "X-A: b"]);
    assert_eq!(of("['Accept: text/html']"), ["Accept: text/html"]);
}

#[test]
fn no_warning_shows_a_secret() {
    let text = "checks:\n  web:\n    type: remote.http\n    details:\n      url: http://h/\n      \
                auth_user: joe\n      auth_password: '\"hunter2\"'\n      \
                headers: [Authorization: Bearer hunter2, X-Key hunter2]\n";
    let files = main_file(text);
    let all = format!("{:?} {:?}", files.warnings, problems(&files));
    assert!(all.contains("auth_password; the quotes are a part of the value"), "{all}");
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn what_does_nothing_is_warned_of() {
    for (text, expected) in [
        ("# nothing\n", "agent.yaml: it is empty: it has no option and no check"),
        ("checks:\n", "agent.yaml:1:7: checks: there is no check below it"),
        (
            "checks: {a: {type: agent.filesystem, details: {target: \u{201c}/\u{201d}}}}\n",
            "agent.yaml:1:56: target \"\u{201c}/\u{201d}\"; the quotes are a part of the value: leave them out",
        ),
    ] {
        let files = main_file(text);
        assert_eq!((problems(&files), &*files.warnings), (vec![], &[expected.to_owned()][..]));
    }
}
