//! `ctl` changes alarms, thresholds and who is told, hands in values, and raises events.

use serde_json::json;

use crate::Served;

#[test]
fn alarms_and_all_that_they_need_live_and_end_by_verbs_alone() {
    let served = Served::at_socket();
    let json = |path: &str, name: &str| served.json(path)[name].clone();
    let told = |arguments: &[&str]| served.told(arguments);
    assert_eq!(
        told(&["notifications", "add", r#"{"id": "note", "type": "log"}"#]),
        "note: added\n"
    );
    assert_eq!(told(&["notifications", "test", "note"]), "the test was sent\n");
    assert_eq!(told(&["plans", "add", r#"{"id": "day"}"#, "--why", "a test"]), "day: added\n");
    assert_eq!(told(&["plans", "change", "day", r#"ok_state=["note"]"#]), "day: changed\n");
    assert_eq!(json("/notification_plans/day", "ok_state"), json!(["note"]));
    served.folder.write("alarm.json", r#"{"id": "a/b", "check_id": "load", "disabled": true}"#);
    let file = served.folder.path("alarm.json");
    assert_eq!(told(&["alarms", "add", &file]), "a/b: added\n");
    let changes = ["notification_plan_id=day", "disabled=false", "metadata.team=web"];
    assert_eq!(told(&[&["alarms", "change", "a/b"], &changes[..]].concat()), "a/b: changed\n");
    let fields = told(&["alarms", "show", "a/b"]);
    assert!(fields.contains("\nmetadata.team "), "{fields}");
    assert!(told(&["alarms"]).contains("\na/b   load   no"), "{}", told(&["alarms"]));
    // What is used is not removed, and that is told.
    let refused = served.ctl(&["plans", "remove", "day"]).expect_code(1).stderr;
    assert!(refused.contains("answered 400: notification plan \"day\" is used: "), "{refused}");
    assert_eq!(told(&["alarms", "remove", "a/b", "high"]), "a/b: removed\nhigh: removed\n");
    assert_eq!(told(&["plans", "remove", "day"]), "day: removed\n");
    let table = told(&["notifications"]);
    assert!(table.lines().nth(1).is_some_and(|row| row.starts_with("note  log ")), "{table}");
    assert_eq!(told(&["notifications", "remove", "note"]), "note: removed\n");
    for (add, change, path) in [
        (
            ["thresholds", r#"{"id": "x", "check": "load", "failure_max": 5}"#],
            "hits=3",
            "/thresholds/x",
        ),
        (["suppressions", r#"{"id": "x"}"#], "checks=[\"load\"]", "/suppressions/x"),
    ] {
        let [verb, body] = add;
        assert_eq!(told(&[verb, "add", body]), "x: added\n");
        assert_eq!(told(&[verb, "change", "x", change]), "x: changed\n");
        let (key, value) = change.split_once('=').expect("a change");
        assert_eq!(json(path, key).to_string(), value);
        assert_eq!(told(&[verb, "remove", "x"]), "x: removed\n");
        assert_eq!(told(&[verb]), "there is none\n");
    }
    let ended = served.agent.terminate().expect_code(0);
    let said = "notification plan day was added through the API by joe: a test";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn values_events_and_runs_come_from_the_command_line() {
    let served = Served::at_socket();
    assert_eq!(served.told(&["values", "put", "push/a queue", "-7.5"]), "taken: 1\n");
    assert_eq!(served.json("/values/push/a%20queue")["value"], -7.5);
    let refused = served.ctl(&["values", "put", "load/1m", "1"]).expect_code(1);
    assert!(refused.stdout.starts_with("taken: 0\nrejected: "), "{refused:?}");
    assert_eq!(served.told(&["values", "drop", "push/*"]), "dropped  1\n");
    assert_eq!(served.get("/values/push/a%20queue").status, 404);
    let event = r#"{"message": "a deployment", "severity": "warning"}"#;
    assert!(served.told(&["events", "add", event]).ends_with(": added\n"));
    assert!(served.told(&["events", "--severity", "warning"]).contains("a deployment"));
    let result = served.told(&["run", r#"{"type": "agent.memory"}"#]);
    assert!(result.starts_with("available: ") && result.contains("\ntotal "), "{result}");
    assert_eq!(served.json("/entities/self/checks")["values"].as_array().map(Vec::len), Some(5));
    let flushed = served.told(&["flush", "console"]);
    assert!(flushed.starts_with("succeeded: 1, failed: 0\nconsole: succeeded"), "{flushed}");
    let unknown = served.ctl(&["flush", "emf"]).expect_code(1).stderr;
    assert!(unknown.contains("part \"emf\": expected one of console"), "{unknown}");
    // Nothing is sent of what is wrong.
    for (arguments, expected) in [
        (&["alarms", "add", "[1]"][..], "[1] cannot be read: "),
        (&["alarms", "add", "{"], "alarms add: expected an alarm as a JSON object: EOF "),
        (&["plans", "test", "x"], "plans \"test\": expected one of add JSON, "),
        (&["values", "put", "push/x"], "values put \"push/x\": expected CHECK/METRIC and a number"),
    ] {
        let wrong = served.ctl(arguments).expect_code(2).stderr;
        assert!(wrong.contains(expected), "{wrong}");
    }
}
