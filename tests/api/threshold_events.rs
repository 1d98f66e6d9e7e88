//! Changes of states of thresholds as events, and who is told of them.

use serde_json::{Value, json};
use support::server::wait_until;

use crate::Served;
use crate::events::Stream;
use crate::thresholds::{CONFIG, door};

const TOLD: &str = "\
notifications:
  log: {type: log}
  other: {type: log}
notification_plans:
  default: {critical_state: [log], warning_state: [log], ok_state: [log]}
  own: {critical_state: [other]}
";

const AJAR: &str = "/thresholds/ajar";

impl Served {
    /// The events of a threshold, the oldest first.
    fn events_of(&self, threshold: &str) -> Vec<Value> {
        let mut events =
            self.json("/events?limit=1000")["values"].as_array().expect("a list").clone();
        events.retain(|event| event["threshold_id"] == threshold);
        assert!(events.iter().all(|event| event["kind"] == "threshold"), "{events:?}");
        events
    }

    fn wait_for_events_of(&self, threshold: &str, count: usize) -> Vec<Value> {
        wait_until("its events", || self.events_of(threshold).len() >= count);
        self.events_of(threshold)
    }

    fn is_done(&self, method: &str, path: &str, body: &Value, status: u16) {
        let answer = self.send(method, path, "", body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
}

#[test]
fn each_change_is_an_event_and_told_by_the_plan() {
    let served = door(&format!("{CONFIG}{TOLD}"));
    served.wait_for_value("door/open");
    let mut stream = Stream::of(&served, "/events/stream", "");
    served.set("15");
    let of_stream =
        stream.find(|kind, event| kind == "threshold" && event["threshold_id"] == "ajar");
    let message = "door/open: 15 is above warning_max 10";
    for (field, expected) in [
        ("severity", json!("warning")),
        ("check_id", json!("door")),
        ("alarm_id", Value::Null),
        ("state", json!("WARNING")),
        ("previous_state", json!("OK")),
        ("message", json!(message)),
        (
            "details",
            json!({ "metric": "open", "value": 15.0, "label": "The door stands open", "notification_plan_id": null }),
        ),
    ] {
        assert_eq!(of_stream[field], expected, "{field}");
    }
    let line = served
        .agent
        .wait_for_log(&format!("notification log: threshold ajar is WARNING: {message}"));
    assert!(line.contains("WARN"), "{line}");
    served.set("25");
    served.agent.wait_for_log(
        "notification log: threshold ajar is FAILURE: door/open: 25 is above failure_max 20",
    );
    // That it was OK from the start is none; what is told again is none, either.
    served.is_done("PUT", AJAR, &json!({ "persist": true }), 204);
    served.agent.wait_for_log("threshold ajar: door/open is still FAILURE");
    let events = served.events_of("ajar");
    let states: Vec<_> = events.iter().map(|of| (&of["state"], &of["severity"])).collect();
    let expected = [(json!("WARNING"), json!("warning")), (json!("FAILURE"), json!("critical"))];
    assert_eq!(states, expected.each_ref().map(|(state, severity)| (state, severity)));
    assert_eq!(served.json(&format!("/events/{}", of_stream["id"])), of_stream);
}

#[test]
fn a_threshold_has_a_plan_of_its_own_and_suppressions_count() {
    let served = door(&format!("{CONFIG}{TOLD}"));
    served.wait_for_value("door/open");
    let none = json!({ "notification_plan_id": "none" });
    let answer = served.send("PUT", AJAR, "", &none);
    assert_eq!(answer.status, 400, "{answer:?}");
    served.is_done("PUT", AJAR, &json!({ "notification_plan_id": "own" }), 204);
    assert_eq!(served.json(AJAR)["notification_plan_id"], "own");
    let used = served.send("DELETE", "/notification_plans/own", "", &Value::Null);
    let message = "notification plan \"own\" is used: give threshold \"ajar\" another one";
    assert_eq!((used.status, &used.json()["message"]), (400, &json!(message)));
    served.set("25");
    served.agent.wait_for_log("notification other: threshold ajar is FAILURE");
    // Its plan tells nobody of OK.
    served.set("0");
    served.wait_for_events_of("ajar", 2);
    let suppression = json!({ "id": "night", "checks": ["door"] });
    served.is_done("POST", "/suppressions", &suppression, 201);
    served.set("25");
    served.agent.wait_for_log("threshold ajar: nobody is notified: suppression night is active");
    assert_eq!(served.events_of("ajar").len(), 3, "it is an event all the same");
    let logged = served.json("/suppression_logs")["values"][0].clone();
    assert_eq!(
        (&logged["threshold_id"], &logged["alarm_id"], &logged["notification_plan_id"]),
        (&json!("ajar"), &Value::Null, &json!("own"))
    );
    // One of an alarm is none of a threshold.
    served.is_done("PUT", "/suppressions/night", &json!({ "alarms": ["ajar"] }), 204);
    served.set("0");
    served.wait_for_events_of("ajar", 4);
    served.set("25");
    served.agent.wait_for_log_lines("notification other: threshold ajar is FAILURE", 2);
    let log = served.agent.terminate().stderr;
    assert!(!log.contains("notification log: threshold ajar"), "{log}");
}
