//! Thresholds of configuration files and of requests, with a check whose value the test decides about.

use std::fs;

use serde_json::{Value, json};
use support::Agent;
use support::folder::{Folder, mode};
use support::server::wait_until;

use crate::client::Place;
use crate::{Served, previewing};

pub const CONFIG: &str = "\
checks:
  door:
    type: agent.plugin
    period: 1
    details: {file: door.sh}
thresholds:
  ajar:
    label: The door stands open
    check: door
    metric: open
    warning_max: 10
    failure_max: 20
    hysteresis: 5
  any:
    metric: open
    failure_max: 1000
  quick:
    check: utilization
    metric: memory
    failure_min: 0
    failure_max: 0
    hits: 2
";

/// An agent with such a file and what its folder has of one before. The value of the check is that of the file `value`.
fn started(folder: Folder) -> Served {
    let path = folder.path("api.sock");
    let mut command = previewing(&folder);
    command.args(["--api", &format!("unix:{path}"), "--state", &folder.path("state")]);
    command.args(["--plugins", &folder.whole()]);
    Served::of(Agent::start(&mut command), Place::Unix(path), folder)
}

pub fn door(config: &str) -> Served {
    let folder = Folder::of(&[("agent.yaml", config), ("value", "0")]);
    let value = folder.path("value");
    let script = format!("#!/bin/sh\necho status ok\necho \"metric open int32 $(cat {value})\"\n");
    mode(folder.write("door.sh", script), 0o755);
    started(folder)
}

impl Served {
    pub fn set(&self, value: &str) {
        fs::write(self.folder.path("value"), value).expect("it is ours");
    }

    fn of_door(&self) -> Value {
        self.json("/thresholds/effective?metric=door/open")
    }

    fn wait_for_door(&self, state: &str) {
        wait_until("the state", || self.of_door()["state"] == state);
    }
}

#[test]
fn a_metric_goes_from_ok_to_warning_to_failure_and_back_and_each_is_told_once() {
    let served = door(CONFIG);
    served.wait_for_door("OK");
    let of = served.of_door();
    assert_eq!((&of["threshold"], &of["thresholds"]), (&json!("ajar"), &json!(["ajar", "any"])));
    assert_eq!(
        (&of["value"], &of["status"], &of["unknown"]),
        (&json!(0), &json!("0"), &Value::Null)
    );
    served.set("15");
    let line = served
        .agent
        .wait_for_log("threshold ajar: door/open is WARNING: 15 is above warning_max 10");
    assert!(line.contains("WARN"), "{line}");
    let object = served.json("/thresholds/ajar");
    assert_eq!(object["counts"], json!({ "ok": 0, "warning": 1, "failure": 0, "unknown": 0 }));
    let shown = &object["not_ok"][0];
    assert_eq!((&shown["check"], &shown["metric"]), (&json!("door"), &json!("open")), "{object}");
    assert_eq!((&shown["state"], &shown["value"]), (&json!("WARNING"), &json!(15)));
    served.set("25");
    served.agent.wait_for_log("threshold ajar: door/open is FAILURE: 25 is above failure_max 20");
    // Held by the hysteresis, which is told with a state and is none of its own.
    served.set("16");
    wait_until("it is taken", || served.of_door()["value"] == 16);
    let of = served.of_door();
    assert_eq!(of["state"], "FAILURE", "{of}");
    assert_eq!(of["status"], "16 is not back by the hysteresis 5 from failure_max 20");
    served.set("15");
    served.wait_for_door("WARNING");
    served.set("5");
    let line = served.agent.wait_for_log("threshold ajar: door/open is OK again: 5");
    assert!(line.contains("INFO"), "{line}");
    let log = served.agent.log_so_far();
    assert_eq!(log.matches("threshold ajar: door/open is ").count(), 4, "{log}");
    // What is no value is unknown, and the state stays.
    served.set("nothing");
    wait_until("it is unknown", || served.of_door()["unknown"] == "there was no value");
    assert_eq!(served.of_door()["state"], "OK");
    assert_eq!(served.json("/thresholds/ajar")["counts"]["unknown"], 1);
    served.agent.wait_for_log("threshold ajar: door/open is not evaluated: there was no value");
    // CPU and memory are compared with each sample.
    served.agent.wait_for_log("threshold quick: utilization/memory is FAILURE: ");
}

#[test]
fn what_was_not_ok_is_so_after_a_restart_and_is_not_told_again() {
    let served = door(CONFIG);
    served.set("25");
    served.agent.wait_for_log("threshold ajar: door/open is FAILURE: 25");
    let body =
        json!({ "id": "own", "check": "door", "metric": "open", "target": "x", "failure_max": 1 });
    assert_eq!(served.send("POST", "/thresholds", "", &body).status, 201);
    assert_eq!(served.send("DELETE", "/thresholds/quick", "", &Value::Null).status, 204);
    let (before, config) = (served.of_door(), served.json("/config"));
    let again = |served: Served, value: &str| {
        let Served { agent, folder, .. } = served;
        agent.terminate().expect_code(0);
        fs::write(folder.path("value"), value).expect("it is ours");
        let served = started(folder);
        wait_until("a value", || !served.of_door()["value"].is_null());
        served
    };
    let served = again(served, "25");
    let after = served.of_door();
    assert_eq!((&after["state"], &after["since"]), (&before["state"], &before["since"]));
    let log = served.agent.log_so_far();
    assert!(!log.contains("door/open is "), "nothing has changed: {log}");
    // What was changed is there, too, and is no other configuration.
    assert_eq!(served.json("/config")["hash"], config["hash"]);
    assert_eq!(served.json("/thresholds/own")["source"], "api");
    assert_eq!(served.get("/thresholds/quick").status, 404);
    let changes = &served.json("/config")["changes"]["thresholds"];
    assert_eq!(changes, &json!({ "set": ["own"], "removed": ["quick"] }));
    // Good again while nobody looked: the first value tells.
    let served = again(served, "0");
    served.agent.wait_for_log("threshold ajar: door/open is OK again: 0");
}

#[test]
fn a_reload_changes_thresholds_with_the_checks_and_says_how_many() {
    let served = door(CONFIG);
    served.set("15");
    served.wait_for_door("WARNING");
    let other = CONFIG
        .replace("warning_max: 10", "warning_max: 16")
        .replace("  quick:", "  slow:")
        .replace("    label: The door stands open\n", "");
    served.folder.write("agent.yaml", &other);
    let answer = served.send("POST", "/config/reload", "", &Value::Null).json();
    let expected = json!({ "added": ["slow"], "changed": ["ajar"], "removed": ["quick"], "unchanged": 1, "overridden": [] });
    assert_eq!((&answer["thresholds"], &answer["generation"]), (&expected, &json!(2)));
    served.agent.wait_for_log("thresholds: added slow; changed ajar; removed quick");
    // 15 is good now, but nearer than the hysteresis of 5.
    wait_until("it is taken", || {
        let status = served.of_door()["status"].clone();
        status == "15 is not back by the hysteresis 5 from warning_max 16"
    });
    assert_eq!(served.of_door()["state"], "WARNING");
    assert_eq!(served.json("/thresholds/ajar")["label"], "ajar");
    // Broken ones change nothing, and all that is wrong is told with its place.
    served
        .folder
        .write("agent.yaml", CONFIG.replace("failure_max: 20", "faliure_max: 20\n    hits: 0"));
    let answer = served.send("POST", "/config/reload", "", &Value::Null);
    assert_eq!(answer.status, 422);
    let problems = answer.json()["details"]["problems"].clone();
    let problems: Vec<_> =
        problems.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].contains("agent.yaml:12:5: unknown key \"faliure_max\": a threshold has "),
        "{problems:?}"
    );
    assert!(problems[0].ends_with("; did you mean failure_max?"), "{problems:?}");
    assert!(
        problems[1]
            .ends_with("agent.yaml:13:11: hits \"0\": expected a whole number from 1 to 100"),
        "{problems:?}"
    );
    assert_eq!(served.json("/thresholds/slow")["source"], "file");
    let undone = served.send("POST", "/config/undo", "", &Value::Null).json();
    assert_eq!(undone["thresholds"]["added"], json!(["quick"]));
}

#[test]
fn a_threshold_lives_and_ends_by_requests_alone() {
    let served = door(
        "checks:\n  door:\n    type: agent.plugin\n    period: 1\n    details: {file: door.sh}\n",
    );
    served.set("5");
    let body = json!({ "metric": "open", "failure_max": 3, "percentage": null });
    let created = served.send("POST", "/v1.0/me/thresholds?_who=eve", "", &body);
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.header("x-object-id").expect("an id").to_owned();
    assert!(id.starts_with("th") && id.len() == 10, "{id}");
    let path = format!("/thresholds/{id}");
    assert_eq!(created.header("location"), Some(&*format!("/v1.0/me{path}")));
    served.agent.wait_for_log(&format!("threshold {id} was added through the API by eve"));
    served.wait_for_door("FAILURE");
    // A more specific one takes over, and what is only said of one is no change of that.
    let more = json!({ "id": "more", "check": "door", "metric": "open", "failure_max": 6 });
    assert_eq!(served.send("POST", "/thresholds", "", &more).status, 201);
    assert_eq!(served.send("POST", "/thresholds", "", &more).status, 409);
    served.wait_for_door("OK");
    served.agent.wait_for_log("threshold more: door/open is OK again: 5");
    let tag = served.get("/thresholds/more").header("etag").expect("a tag").to_owned();
    let mut object = served.json("/thresholds/more");
    (object["failure_max"], object["missing"]) = (json!(4), json!("warning"));
    let stale = format!("if-match: {tag}\r\n");
    let changed = served.send("PUT", "/thresholds/more", &stale, &object);
    assert_eq!(changed.status, 204, "{changed:?}");
    assert_ne!(changed.header("etag"), Some(&*tag));
    for method in ["PUT", "DELETE"] {
        assert_eq!(served.send(method, "/thresholds/more", &stale, &object).status, 412);
    }
    served.wait_for_door("FAILURE");
    served.set("nothing");
    wait_until("it is unknown", || !served.of_door()["unknown"].is_null());
    served.set("1");
    served.wait_for_door("OK");
    let null = json!({ "missing": null, "failure_max": null, "missing_after": 5 });
    assert_eq!(served.send("PUT", "/thresholds/more", "", &null).status, 204);
    let object = served.json("/thresholds/more");
    assert_eq!((&object["missing"], &object["failure_max"]), (&json!("ignore"), &Value::Null));
    let line = served.agent.wait_for_log("threshold more, as a request has it: ");
    assert!(
        line.ends_with("threshold more has no bound: all values of its metrics are OK"),
        "{line}"
    );
    let list = served.json("/thresholds?limit=1");
    assert_eq!(
        (&list["values"][0]["id"], &list["metadata"]["next_marker"]),
        (&json!("more"), &json!(id))
    );
    for path in [&*path, "/thresholds/more"] {
        assert_eq!(served.send("DELETE", path, "", &Value::Null).status, 204);
        assert_eq!(served.send("DELETE", path, "", &Value::Null).status, 404);
    }
    let of = served.of_door();
    assert_eq!(
        (&of["threshold"], &of["state"], &of["thresholds"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
}

#[test]
fn what_is_wrong_with_a_threshold_is_told_and_nothing_changes() {
    let served = door(CONFIG);
    let refused = |method: &str, path: &str, body: Value| {
        let answer = served.send(method, path, "", &body);
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    for (body, expected) in [
        (json!({}), "expected check, metric or target"),
        (
            json!({ "metric": "a", "warnig_max": 1 }),
            "unknown key \"warnig_max\": a threshold has label, ",
        ),
        (
            json!({ "metric": "a", "warning_max": "much" }),
            "warning_max \"much\": expected a number without a unit",
        ),
        (json!({ "metric": "a", "warning_max": "90%" }), "expected a number without a unit"),
        (
            json!({ "metric": "a", "warning_min": 2, "warning_max": 1 }),
            "expected warning_min 2 not to be above warning_max 1",
        ),
        (
            json!({ "metric": "a", "warning_min": 1, "warning_max": 2, "hysteresis": 1 }),
            "expected at most half of what is between",
        ),
        (
            json!({ "metric": "a", "percentage": true }),
            "expected the name of the metric that values are taken in percent of",
        ),
        (json!({ "metric": "a", "hysteresis": -1 }), "expected a number from 0 on"),
        (json!({ "metric": "a", "of": "mean" }), "expected one of value, rate, median, max"),
        (json!({ "metric": "a", "missing": "failed" }), "expected one of ignore, warning, failure"),
        (
            json!({ "metric": "", "hits": 101 }),
            "hits \"101\": expected a whole number from 1 to 100; metric \"\": expected 1 to 512 characters, not 0",
        ),
        (json!({ "metric": ["a"] }), "metric: expected one value, and this is a list"),
        (json!({ "id": "effective", "metric": "a" }), "expected another id"),
        (json!({ "id": 5, "metric": "a" }), "id: expected a text, not 5"),
    ] {
        let (status, message) = refused("POST", "/thresholds", body.clone());
        assert_eq!(status, 400, "{body} {message}");
        assert!(message.contains(expected), "{body} {message}");
    }
    assert_eq!(refused("PUT", "/thresholds/ajar", json!({ "hits": "some" })).0, 400);
    assert_eq!(refused("PUT", "/thresholds/none", json!({})).0, 404);
    for query in ["", "?metric=door", "?metric="] {
        let (status, message) = refused("GET", &format!("/thresholds/effective{query}"), json!({}));
        assert_eq!((status, message.starts_with("metric: expected CHECK/METRIC")), (400, true));
    }
    assert_eq!(served.json("/thresholds")["metadata"]["count"], 3);
    assert_eq!(served.json("/config")["generation"], 1);
}

#[test]
fn a_target_may_be_named_or_stand_in_the_whole_name() {
    let config = "\
checks:
  door:
    type: agent.plugin
    period: 1
    details: {file: door.sh}
thresholds:
  all: {metric: locked, failure_max: 5}
  front: {target: front, metric: locked, failure_max: 9}
";
    let served = door(config);
    served.set("1\nmetric front.locked int32 7\nmetric back.locked int32 7");
    let effective = |of: &str| served.json(&format!("/thresholds/effective?metric=door/{of}"));
    wait_until("a state", || effective("front.locked")["state"] == "OK");
    let whole = effective("front.locked");
    assert_eq!((&whole["threshold"], &whole["target"]), (&json!("front"), &json!("front")));
    assert_eq!(whole["thresholds"], json!(["front", "all"]));
    assert_eq!(effective("locked&target=front"), whole);
    let back = effective("locked&target=back");
    assert_eq!((&back["threshold"], &back["state"]), (&json!("all"), &json!("FAILURE")));
    assert_eq!(back["metric"], "back.locked");
    let none = effective("locked&target=side");
    assert_eq!((&none["threshold"], &none["state"]), (&json!("all"), &Value::Null));
    let counts = &served.json("/thresholds/all")["counts"];
    assert_eq!(counts, &json!({ "ok": 0, "warning": 0, "failure": 1, "unknown": 0 }));
}
