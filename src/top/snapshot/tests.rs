//! Answers of agents that are odd, hostile, or in trouble.

use serde_json::json;

use super::*;
use crate::terminal::history::History;
use crate::top::head::gauges;
use crate::top::list::{Sorted, lines, summary};

fn answers(values: &Json) -> Answers {
    let list = |name: &str| values[name].as_array().cloned().unwrap_or_default();
    Answers {
        time: json!({ "timestamp": 1_000_000 }),
        agent: values["agent"].clone(),
        checks: list("checks"),
        runs: list("runs"),
        values: list("values"),
        alarms: list("alarms"),
        thresholds: list("thresholds"),
        suppressions: list("suppressions"),
        publishers: list("publishers"),
    }
}

#[test]
fn an_agent_of_another_version_is_shown_as_far_as_it_is_understood() {
    let odd = json!({
        "checks": [{}, 7, null], "runs": [{}], "values": [{}, { "type": "D" }], "alarms": [{}],
        "thresholds": [{ "not_ok": 5 }], "publishers": [{}],
    });
    for answers in [answers(&json!({})), answers(&odd)] {
        let snapshot = Snapshot::of(&answers);
        assert!(!summary(&snapshot).is_empty() && snapshot.alarms.is_empty());
        assert_eq!(snapshot.agent.sample_interval, 0.9);
        lines(&snapshot, Sorted::default(), 1);
    }
}

#[test]
fn long_lists_are_read_less_often() {
    let seconds = |checks: usize, values: usize| {
        let value = |place| json!({ "check": "c0", "metric": format!("m{place}"), "type": "D", "value": 1 });
        let snapshot = Snapshot::of(&answers(&json!({
            "checks": (0..checks).map(|place| json!({ "id": format!("c{place}") })).collect::<Vec<_>>(),
            "values": (0..values).map(value).collect::<Vec<_>>(),
        })));
        snapshot.pause().as_secs()
    };
    let found = [(0, 0), (5, 30), (1, 499), (600, 0), (1, 2000), (2000, 20_000)];
    assert_eq!(found.map(|(checks, values)| seconds(checks, values)), [2, 2, 4, 4, 10, 10]);
}

#[test]
fn what_others_wrote_controls_no_terminal() {
    let evil = "a\u{1b}[2J\n\u{202e}b";
    let snapshot = Snapshot::of(&answers(&json!({
        "agent": { "service": evil, "measured": { "scope": evil } },
        "checks": [{ "id": evil, "type": evil }],
        "runs": [{ "check": evil, "available": false, "status": evil }],
        "alarms": [{ "id": evil, "check_id": evil, "state": evil, "status": evil }],
        "publishers": [{ "publisher": evil, "failing_since": 5, "failure": evil }],
        "values": [{ "check": UTILIZATION, "metric": format!("{evil}.cpu"), "type": "D", "value": 5 }],
    })));
    let lines = lines(&snapshot, Sorted::default(), 200);
    let pieces: Vec<_> = lines.iter().flat_map(|line| &line.pieces).collect();
    assert_eq!(lines.iter().filter(|line| line.id.is_some()).count(), 4);
    let is_plain = |c: char| c == ' ' || c == '…' || c.is_ascii_graphic();
    assert!(pieces.iter().all(|piece| piece.text.chars().all(is_plain)), "{pieces:?}");
}

#[test]
fn thresholds_count_as_alarms_and_what_is_disabled_does_not() {
    let snapshot = Snapshot::of(&answers(&json!({
        "alarms": [
            { "id": "a", "check_id": "c", "state": "WARNING", "since": 940_000 },
            { "id": "b", "check_id": "c", "state": "CRITICAL", "disabled": true },
            { "id": "d", "check_id": "c", "state": "OK" },
            { "id": "e", "check_id": "c", "state": null },
        ],
        "thresholds": [{ "not_ok": [
            { "check": "load", "metric": "1m", "state": "failure" },
            { "check": "load", "metric": "5m", "state": null },
        ] }],
    })));
    let bad: Vec<_> = snapshot.alarms.iter().map(|of| (&*of.id, &*of.state)).collect();
    assert_eq!(bad, [("a", "WARNING"), ("1m", "FAILURE")]);
    assert_eq!((snapshot.all_alarms, snapshot.ago(940_000)), (4, 60));
}

#[test]
fn what_is_unknown_or_was_never_evaluated_is_not_ok() {
    let said = |of: Json| summary(&Snapshot::of(&answers(&of))).remove(0).text;
    let ok = json!({ "id": "a", "state": "OK", "unknown": null });
    let counts = |ok: u64, unknown: u64| json!({ "counts": { "ok": ok, "warning": 0, "failure": 0, "unknown": unknown } });
    for (alarms, thresholds, expected) in [
        (json!([ok]), json!([counts(2, 0)]), "alarms: 2 OK"),
        (json!([ok, { "id": "b", "state": null }]), json!([]), "alarms: 1 OK, 1 unknown"),
        (
            json!([{ "id": "b", "state": "OK", "unknown": "no value" }]),
            json!([]),
            "alarms: 0 OK, 1 unknown",
        ),
        (json!([ok]), json!([counts(1, 1)]), "alarms: 1 OK, 1 unknown"),
        // No metric that it is for.
        (json!([ok]), json!([counts(0, 0)]), "alarms: 1 OK, 1 unknown"),
        (json!([{ "id": "b", "state": null, "disabled": true }]), json!([]), "no alarms"),
    ] {
        let text = said(json!({ "alarms": alarms, "thresholds": thresholds }));
        assert_eq!(text, expected, "{alarms} {thresholds}");
    }
}

#[test]
fn publishers_that_fail_stand_first_and_are_seen_in_eighty_columns() {
    let publisher = |name: &str, since: Json| json!({ "publisher": name, "delivered": 5, "failing_since": since });
    let snapshot = Snapshot::of(&answers(&json!({
        "alarms": [{ "id": "a", "state": "WARNING" }],
        "checks": [{ "id": "c" }],
        "runs": [{ "check": "c", "available": false }],
        "publishers": [publisher("console", Json::Null), publisher("cloudwatch", Json::Null), publisher("otlp", json!(5))],
    })));
    let whole: String = summary(&snapshot).into_iter().map(|piece| piece.text).collect();
    assert!(
        whole.ends_with("publishers: otlp failing, console works, cloudwatch works"),
        "{whole}"
    );
    let rows = gauges(&snapshot, &History::new(Duration::from_secs(1)), 0, (10, 79), false);
    let expected =
        "alarms: 1 not OK  checks: 1 of 1 unavailable  publishers: otlp failing, consol…";
    assert_eq!(rows.last().map(|row| &**row), Some(expected));
}

#[test]
fn what_is_silenced_says_until_when() {
    let silenced = |of: Json, ends: &[Json]| {
        let suppression =
            |(place, end): (usize, &Json)| json!({ "id": format!("s{place}"), "end_time": end });
        let snapshot = Snapshot::of(&answers(&json!({
            "alarms": [{ "id": "a", "check_id": "c", "state": "WARNING", "status": "slow", "active_suppressions": of }],
            "checks": [{ "id": "load", "active_suppressions": of }],
            "thresholds": [{ "not_ok": [{ "check": "load", "metric": "1m", "state": "failure" }] }],
            "suppressions": ends.iter().enumerate().map(suppression).collect::<Vec<_>>(),
        })));
        let [alarm, threshold] = &snapshot.alarms[..] else { panic!("both are there") };
        assert_eq!(alarm.silenced, threshold.silenced);
        alarm.said()
    };
    // 1970-01-01 00:16:40 is now.
    assert_eq!(silenced(json!([]), &[json!(1_100_000)]), "slow");
    assert_eq!(silenced(json!(["s0"]), &[json!(4_000_000)]), "silenced until 01:06 UTC: slow");
    assert_eq!(
        silenced(json!(["s0"]), &[json!(86_400_000)]),
        "silenced until 1970-01-02 00:00 UTC: slow"
    );
    let two = [json!(1_100_000), json!(4_000_000)];
    assert_eq!(silenced(json!(["s0", "s1"]), &two), "silenced until 01:06 UTC: slow");
    assert_eq!(silenced(json!(["s0", "s1"]), &[two[0].clone(), json!(null)]), "silenced: slow");
    assert_eq!(silenced(json!(["gone"]), &two), "silenced: slow");
}

#[test]
fn what_a_type_publishes_stands_first_in_the_row_of_its_check() {
    let value = |metric: &str| json!({ "check": "load", "metric": metric, "type": "n", "value": 1, "unit": "" });
    let row = |kind: &str| {
        let snapshot = Snapshot::of(&answers(&json!({
            "checks": [{ "id": "load", "type": kind }],
            "runs": [{ "check": "load", "available": true }],
            "values": [value("15m"), value("1m"), value("1m_per_core")],
        })));
        let lines = lines(&snapshot, Sorted::default(), 200);
        let names = lines[1].pieces.iter().map(|piece| piece.text.trim().to_owned());
        names
            .skip(3)
            .map(|text| text.split(' ').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(row("agent.load_average"), ["1m_per_core", "15m", "1m"]);
    assert_eq!(row("of another version"), ["15m", "1m", "1m_per_core"]);
}

#[test]
fn ages_go_on_while_nothing_is_heard() {
    let mut snapshot = Snapshot::of(&answers(&json!({})));
    assert_eq!(snapshot.ago(940_000), 60);
    snapshot.passed = 5.5;
    assert_eq!(snapshot.ago(940_000), 65);
}
