//! Alarms that are changed while the agent runs, of CPU and memory too, and that stand where they stood after a restart.

use std::fs;

use serde_json::{Value, json};
use support::Agent;
use support::folder::Folder;
use support::server::wait_until;

use crate::client::Place;
use crate::{Served, previewing};

const ALARMS: &str = "/entities/self/alarms";

fn criteria(condition: &str) -> String {
    format!("if ({condition}) {{ return new AlarmStatus(CRITICAL, 'cpu is #{{cpu}}'); }}")
}

#[test]
fn an_alarm_lives_and_ends_by_requests_alone() {
    let served = Served::at_socket();
    let body = json!({ "check_id": "load", "label": "mine", "criteria": criteria("metric['1m'] >= 0"),
        "metadata": { "team": "web" } });
    let created = served.send("POST", &format!("/v1.0/me{ALARMS}"), "", &body);
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.header("x-object-id").expect("an id").to_owned();
    assert!(id.starts_with("al") && id.len() == 10, "{id}");
    let path = format!("{ALARMS}/{id}");
    assert_eq!(created.header("location"), Some(&*format!("/v1.0/me{path}")));
    wait_until("it is evaluated", || served.json(&path)["state"] == "CRITICAL");
    let alarm = served.json(&path);
    assert_eq!((&alarm["label"], &alarm["source"]), (&json!("mine"), &json!("api")));
    // What is only said of it changes nothing of where it stands; other criteria begin anew.
    let answer = served.send("PUT", &path, "", &json!({ "label": "yours", "metadata": null }));
    assert_eq!(answer.status, 204, "{answer:?}");
    let alarm = served.json(&path);
    assert_eq!((&alarm["label"], &alarm["metadata"]), (&json!("yours"), &json!({})));
    assert_eq!(alarm["state"], "CRITICAL");
    let stale = format!("if-match: {}\r\n", answer.header("etag").expect("a tag"));
    let other = json!({ "criteria": criteria("metric['1m'] < 0") });
    assert_eq!(served.send("PUT", &path, &stale, &other).status, 204);
    assert_eq!(served.send("PUT", &path, &stale, &other).status, 412);
    wait_until("it is evaluated", || served.json(&path)["state"] == "OK");
    // One of the files is changed and removed in the same way.
    served.send("PUT", &format!("{ALARMS}/high"), "", &json!({ "disabled": true }));
    assert_eq!(served.json(&format!("{ALARMS}/high"))["source"], "api");
    assert_eq!(served.send("DELETE", &path, "", &Value::Null).status, 204);
    assert_eq!(served.get(&path).status, 404);
    assert_eq!(served.send("DELETE", &path, "", &Value::Null).status, 404);
    // Those of a check go with it.
    served.send("DELETE", "/entities/self/checks/load", "", &Value::Null);
    assert_eq!(served.json(ALARMS)["values"], json!([]));
}

#[test]
fn an_alarm_without_criteria_is_changed_and_outlives_a_restart() {
    let config = "checks:\n  load: {type: agent.load_average, period: 1}\n";
    let served = start(Folder::of(&[("agent.yaml", config)]));
    let body = json!({ "id": "up", "check_id": "load" });
    assert_eq!(served.send("POST", ALARMS, "", &body).status, 201);
    let path = format!("{ALARMS}/up");
    let read = served.get(&path);
    let tag = read.header("etag").expect("a tag").to_owned();
    // Sent back as it was read, it is the same.
    let sent = served.send("PUT", &path, &format!("if-match: {tag}\r\n"), &read.json());
    assert_eq!((sent.status, sent.header("etag")), (204, Some(&*tag)), "{sent:?}");
    assert_eq!(served.send("PUT", &path, "", &json!({ "label": "mine" })).status, 204);
    assert_ne!(served.get(&path).header("etag"), Some(&*tag));
    wait_until("it is evaluated", || served.json(&path)["state"] == "OK");
    let Served { agent, folder, .. } = served;
    agent.terminate().expect_code(0);
    let served = start(folder);
    wait_until("the state is there", || served.get(&path).status == 200);
    let alarm = served.json(&path);
    assert_eq!((&alarm["label"], &alarm["criteria"]), (&json!("mine"), &json!("")));
    // With criteria, and without them again.
    served.send("PUT", &path, "", &json!({ "criteria": criteria("metric['1m'] >= 0") }));
    wait_until("it is evaluated", || served.json(&path)["state"] == "CRITICAL");
    assert_eq!(served.send("PUT", &path, "", &json!({ "criteria": null })).status, 204);
    assert_eq!(served.json(&path)["criteria"], "");
    assert_eq!(served.send("PUT", &path, "", &json!({ "criteria": "if (" })).status, 400);
}

fn start(folder: Folder) -> Served {
    let path = folder.path("api.sock");
    let mut command = previewing(&folder);
    command.args(["--api", &format!("unix:{path}"), "--state", &folder.path("state")]);
    Served::of(Agent::start(&mut command), Place::Unix(path), folder)
}

#[test]
fn what_is_wrong_with_an_alarm_is_told_and_nothing_changes() {
    let served = Served::at_socket();
    let refused = |method: &str, path: &str, body: Value| {
        let answer = served.send(method, path, "", &body);
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    let (status, message) = refused("POST", ALARMS, json!({ "id": "x" }));
    assert_eq!((status, &*message), (400, "check_id is missing: expected the id of a check"));
    let (status, message) = refused("POST", ALARMS, json!({ "check_id": "none" }));
    assert_eq!((status, &*message), (400, "check_id \"none\": there is no such check"));
    let broken = json!({ "check_id": "load", "criteria": "if (metric['1m'] > ) {}" });
    let answer = served.send("POST", ALARMS, "", &broken).json();
    assert_eq!(
        (&answer["type"], &answer["details"]["error_column"]),
        (&json!("alarmParseError"), &json!(20))
    );
    let (status, message) =
        refused("PUT", &format!("{ALARMS}/high"), json!({ "disabled": "perhaps" }));
    assert_eq!(status, 400, "{message}");
    assert!(message.starts_with("disabled \"perhaps\": expected"), "{message}");
    assert_eq!(refused("PUT", &format!("{ALARMS}/none"), json!({})).0, 404);
    assert_eq!(refused("POST", ALARMS, json!({ "id": "high", "check_id": "load" })).0, 409);
    assert_eq!(served.json(ALARMS)["metadata"]["count"], 1);
}

#[test]
fn cpu_and_memory_have_alarms_and_they_stand_where_they_stood_after_a_restart() {
    let config = format!(
        "checks:\n  utilization:\n    alarms:\n      any: {{criteria: \"{}\"}}\n",
        criteria("metric['memory'] >= 0")
    );
    let served = start(Folder::of(&[("agent.yaml", &config)]));
    let line = served.agent.wait_for_log("alarm any of check utilization is CRITICAL: cpu is ");
    assert!(line.contains("WARN"), "{line}");
    let body = json!({ "id": "busy", "check_id": "utilization", "criteria": criteria("metric['cpu'] >= 0") });
    assert_eq!(served.send("POST", ALARMS, "", &body).status, 201);
    served.agent.wait_for_log("alarm busy of check utilization is CRITICAL");
    let since = served.json(&format!("{ALARMS}/any"))["since"].clone();
    let Served { agent, folder, .. } = served;
    agent.terminate().expect_code(0);
    let kept = fs::read_to_string(folder.path("state/alarms.json")).expect("it is kept");
    assert!(kept.contains(r#""state":"CRITICAL""#), "{kept}");
    let served = start(folder);
    wait_until("the state is there", || {
        served.json(&format!("{ALARMS}/any"))["state"] == "CRITICAL"
    });
    assert_eq!(served.json(&format!("{ALARMS}/any"))["since"], since);
    let log = served.agent.log_so_far();
    assert!(!log.contains("is CRITICAL"), "nothing has changed: {log}");
}
