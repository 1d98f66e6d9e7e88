//! Alarms of a configuration file, with results of a check that the test decides about.

use std::fs;

use serde_json::{Value, json};
use support::folder::{Folder, mode};
use support::server::wait_until;
use support::{Agent, command};

use crate::Served;
use crate::client::Place;

pub const CONFIG: &str = "\
checks:
  door:
    type: agent.plugin
    period: 1
    details: {file: door.sh}
    alarms:
      ajar:
        label: The door stands open
        criteria: |
          :set consecutiveCount=2
          if (metric['open'] > 3) { return new AlarmStatus(CRITICAL, 'open by #{open}'); }
          if (metric['open'] > 1) { return new AlarmStatus(WARNING, 'a bit open'); }
          return new AlarmStatus(OK, 'closed');
      there: {}
      lost:
        criteria: if (metric['key'] == 1) { return new AlarmStatus(CRITICAL); }
      off:
        disabled: true
        criteria: return new AlarmStatus(CRITICAL);
";

/// An agent with this check, whose value is that of the file `value`.
fn door() -> Served {
    door_of(CONFIG, &[])
}

/// The same with another configuration file and these variables.
pub fn door_of(config: &str, variables: &[(&str, &str)]) -> Served {
    let folder = Folder::of(&[("agent.yaml", config), ("value", "0")]);
    let value = folder.path("value");
    let script = format!("#!/bin/sh\necho status ok\necho metric open int32 $(cat {value})\n");
    mode(folder.write("door.sh", script), 0o755);
    let mut command = command();
    command.args(["--publish=console", "--period", "1", "--sample-interval", "0.1"]);
    command.args(["--config", &folder.path("agent.yaml"), "--plugins", &folder.whole()]);
    let socket = folder.path("api.sock");
    command.args(["--api", &format!("unix:{socket}")]).env("RUST_LOG", "info");
    command.envs(variables.iter().copied());
    Served::of(Agent::start(&mut command), Place::Unix(socket), folder)
}

impl Served {
    fn alarm(&self, id: &str) -> Value {
        self.json(&format!("/entities/self/alarms/{id}"))
    }

    /// What the check of the door finds from now on.
    pub fn set_door(&self, value: &str) {
        fs::write(self.folder.path("value"), value).expect("it is ours");
    }

    pub fn wait_for_state(&self, id: &str, state: &Value) {
        wait_until("the state", || self.alarm(id)["state"] == *state);
    }
}

#[test]
fn an_alarm_follows_its_check_and_what_is_unknown_changes_nothing() {
    let served = door();
    let set = |value: &str| served.set_door(value);
    served.wait_for_state("ajar", &json!("OK"));
    let alarm = served.alarm("ajar");
    assert_eq!(
        (&alarm["label"], &alarm["check_id"]),
        (&json!("The door stands open"), &json!("door"))
    );
    assert_eq!(alarm["status"], "closed");
    set("5");
    let line = served.agent.wait_for_log("alarm ajar of check door is CRITICAL: open by 5");
    assert!(line.contains("WARN"), "{line}");
    assert!(served.alarm("ajar")["since"].as_i64() > alarm["since"].as_i64());
    set("2");
    served.agent.wait_for_log("alarm ajar of check door is WARNING: a bit open");
    set("0");
    let line = served.agent.wait_for_log("alarm ajar of check door is OK again: closed");
    assert!(line.contains("INFO"), "{line}");
    // Without criteria the check alone decides, and so it does with a check that gives nothing.
    served.wait_for_state("there", &json!("OK"));
    set("nothing");
    served.agent.wait_for_log("alarm there of check door is CRITICAL: ");
    served.agent.wait_for_log("alarm ajar of check door is CRITICAL: ");
    let lost = served.alarm("lost");
    assert_eq!(served.alarm("off")["state"], Value::Null);
    let list = served.json("/entities/self/alarms?limit=2");
    assert_eq!(list["metadata"]["next_marker"], "off");
    let log = served.agent.log_so_far();
    let not_evaluated = "alarm lost of check door is not evaluated: metric \"key\" is missing";
    assert_eq!(log.matches(not_evaluated).count(), 1, "{log}");
    assert_eq!(lost["unknown"], Value::Null, "{lost}");
    assert_eq!(served.get("/entities/self/alarms/none").status, 404);
}

#[test]
fn criteria_are_tried_with_results_that_are_sent() {
    let served = door();
    let tried = |body: &Value| served.send("POST", "/entities/self/test-alarm", "", body);
    let result = |ms: i64, bytes: &str| {
        json!({ "timestamp": ms, "available": true, "status": "ok", "monitoring_zone_id": null,
            "metrics": { "rx": { "type": "l", "data": bytes } } })
    };
    let criteria = "if (rate(metric['rx']) > 10) { return new AlarmStatus(WARNING, 'fast'); }";
    let data = [result(1000, "0"), result(2000, "11"), result(3000, "12")];
    let answer = tried(&json!({ "criteria": criteria, "check_data": data })).json();
    let states: Vec<_> =
        answer.as_array().expect("an array").iter().map(|of| &of["state"]).collect();
    assert_eq!(states, [&Value::Null, &json!("WARNING"), &json!("OK")], "{answer}");
    assert_eq!(answer[0]["status"], "metric \"rx\" has no previous value");
    assert_eq!(answer[1]["computed_state"], "WARNING");
    let gone = json!({ "timestamp": 1, "available": false, "status": "gone", "metrics": {} });
    let answer = tried(&json!({ "check_data": [gone] })).json();
    assert_eq!((&answer[0]["state"], &answer[0]["status"]), (&json!("CRITICAL"), &json!("gone")));
    let wrong = tried(&json!({ "criteria": "return new AlarmStatus(CRITCAL);", "check_data": [] }));
    let body: Value = serde_json::from_str(wrong.text()).expect("JSON");
    assert_eq!((wrong.status, &body["type"]), (400, &json!("alarmParseError")));
    let details = &body["details"];
    assert_eq!((&details["error_line"], &details["error_column"]), (&json!(1), &json!(24)));
    assert_eq!(details["error_token"], "CRITCAL");
    for body in
        [json!({}), json!({ "check_data": [{}] }), json!({ "check_data": [], "criteria": 5 })]
    {
        assert_eq!(tried(&body).error(), (400, "badRequest".to_owned()), "{body}");
    }
}
