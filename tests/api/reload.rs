//! The configuration files read again, and what lasts over a restart.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::Agent;
use support::folder::{Folder, mode};
use support::server::wait_until;

use crate::client::Place;
use crate::{Served, previewing};

pub const CHECKS: &str = "/entities/self/checks";

pub const BEFORE: &str = "\
checks:
  a: {type: agent.load_average, period: 1}
  b: {type: agent.memory, period: 1}
  c:
    type: agent.cpu
    alarms:
      busy: {criteria: 'return new AlarmStatus(OK);'}
";

pub const AFTER: &str = "\
buffer: 30
checks:
  a: {type: agent.load_average, period: 1}
  b: {type: agent.memory, period: 2}
  d:
    type: agent.cpu
    alarms:
      busy: {criteria: 'return new AlarmStatus(WARNING);'}
      calm: {criteria: 'return new AlarmStatus(OK);'}
";

/// An agent with these files in its folder, at a socket there, with further options; its changes are kept.
fn started(folder: Folder, options: &[&str]) -> Served {
    let path = folder.path("api.sock");
    let mut command = previewing(&folder);
    command.args(["--api", &format!("unix:{path}"), "--state", &folder.path("state")]);
    Served::of(Agent::start(command.args(options)), Place::Unix(path), folder)
}

pub fn at(config: &str) -> Served {
    started(Folder::of(&[("agent.yaml", config)]), &[])
}

impl Served {
    /// The agent ends, and another one begins in the same folder.
    pub fn again(self) -> Self {
        let folder = self.ended();
        started(folder, &[])
    }

    fn ended(self) -> Folder {
        let Self { agent, folder, .. } = self;
        agent.terminate().expect_code(0);
        folder
    }

    pub fn write_config(&self, config: &str) {
        self.folder.write("agent.yaml", config);
    }

    pub fn post(&self, path: &str) -> (u16, Value) {
        let answer = self.send("POST", path, "", &Value::Null);
        (answer.status, answer.json())
    }

    fn ids(&self, collection: &str) -> Vec<String> {
        let list = self.json(&format!("/entities/self/{collection}"));
        let ids = list["values"].as_array().expect("a list").iter();
        ids.map(|of| of["id"].as_str().expect("an id").to_owned()).collect()
    }
}

#[test]
fn a_reload_changes_what_is_other_and_says_what_that_was() {
    let served = at(BEFORE);
    served.wait_for_value("a/1m");
    let before = served.json("/config");
    assert_eq!((&before["generation"], &before["kept"]), (&json!(1), &json!(true)));
    let (status, nothing) = served.post("/config/reload");
    assert_eq!(
        (status, &nothing["generation"], &nothing["unchanged"]),
        (200, &json!(1), &json!(3))
    );
    served.write_config(AFTER);
    let (status, answer) = served.post("/config/reload?_who=eve&_why=trying");
    assert_eq!(status, 200, "{answer}");
    let none = json!({
        "added": [], "changed": [], "removed": [], "unchanged": 0, "overridden": [],
    });
    let alarms = json!({
        "added": ["calm"], "changed": ["busy"], "removed": [], "unchanged": 0, "overridden": [],
    });
    let expected = json!({
        "generation": 2,
        "added": ["d"], "changed": ["b"], "removed": ["c"], "unchanged": 1, "overridden": [],
        "alarms": alarms, "thresholds": none, "notifications": none, "blacklist": none, "buffers": none,
        "needs_restart": ["buffer"], "undone": null, "tokens_changed": false, "not_kept": null,
    });
    assert_eq!(answer, expected);
    let line =
        served.agent.wait_for_log("the configuration was reloaded by the API by eve: trying");
    let told =
        "generation 2; checks: added d; changed b; removed c; alarms: added calm; changed busy";
    assert!(line.ends_with(told), "{line}");
    served
        .agent
        .wait_for_log("a restart is needed to put these options of the files in force: buffer");
    assert_eq!(served.ids("checks"), ["a", "b", "d", "utilization"]);
    let reloaded = served.json("/config");
    let agent = served.json("/agent");
    let same =
        ["generation", "hash", "kept"].map(|name| (agent[name].clone(), reloaded[name].clone()));
    assert!(same.iter().all(|(one, other)| one == other), "{agent} {reloaded}");
    assert_eq!(agent["pid"], served.agent.id());
    assert_ne!(before["hash"], reloaded["hash"]);
    assert_eq!(reloaded["last_reload"]["outcome"], expected);
    // An alarm of a check that is gone waits for it.
    let alarm = json!({ "id": "own", "check_id": "d", "criteria": "return new AlarmStatus(OK);" });
    assert_eq!(served.send("POST", "/entities/self/alarms", "", &alarm).status, 201);
    let after = served.json("/config");
    // And back, and forward again.
    let (status, back) = served.post("/config/undo");
    assert_eq!((status, &back["added"], &back["removed"]), (200, &json!(["c"]), &json!(["d"])));
    assert_eq!(served.json("/config")["hash"], before["hash"]);
    assert_eq!(served.ids("alarms"), ["busy"]);
    served.post("/config/undo");
    assert_eq!(served.json("/config")["hash"], after["hash"]);
    assert_eq!(served.ids("alarms"), ["busy", "calm", "own"]);
}

#[test]
fn what_changes_nothing_leaves_the_way_back() {
    let served = at(BEFORE);
    let before = served.json("/config");
    assert_eq!(served.post("/config/undo").0, 409);
    assert_eq!(served.json("/config")["last_reload"], Value::Null, "nothing was attempted");
    served.write_config(AFTER);
    served.agent.signal(Signal::HUP);
    served.agent.wait_for_log("the configuration was reloaded by SIGHUP: generation 2; ");
    let time = served.json("/config")["last_reload"]["time"].clone();
    // Once more without changes, and once with a mistake.
    let (status, same) = served.post("/config/reload");
    assert_eq!((status, &same["generation"], &same["unchanged"]), (200, &json!(2), &json!(3)));
    assert_eq!(same["needs_restart"], json!(["buffer"]), "it still does");
    served.write_config("checks:\n  a: {type: agent.cpuu}\n");
    assert_eq!(served.post("/config/reload").0, 422);
    assert_eq!(served.json("/config")["needs_restart"], json!(["buffer"]));
    let (status, back) = served.post("/config/undo?_who=eve");
    assert_eq!((status, &back["added"], &back["removed"]), (200, &json!(["c"]), &json!(["d"])));
    assert_eq!((&back["undone"]["by"], &back["needs_restart"]), (&json!("SIGHUP"), &json!([])));
    let undone = back["undone"]["time"].as_i64().expect("a time");
    assert!((undone - time.as_i64().expect("a time")).abs() < 60_000, "{undone} {time}");
    let line = served.agent.wait_for_log(" by SIGHUP was undone by the API by eve: generation 3; ");
    assert!(line.contains("] the reload of 2"), "{line}");
    assert_eq!(served.json("/config")["hash"], before["hash"]);
}

#[test]
fn a_reload_of_broken_files_tells_all_and_changes_nothing() {
    let served = at(BEFORE);
    let before = served.json("/config");
    served.write_config(
        "perod: 5\nchecks:\n  a: {type: agent.cpuu}\n  b: {type: agent.memory, period: x}\n",
    );
    let (status, answer) = served.post("/config/reload");
    assert_eq!((status, &answer["type"]), (422, &json!("invalidConfiguration")));
    let problems = answer["details"]["problems"].as_array().expect("a list");
    assert_eq!(problems.len(), 3, "{answer}");
    for (problem, part) in problems.iter().zip(["\"perod\"", "\"agent.cpuu\"", "period \"x\""]) {
        assert!(problem.as_str().is_some_and(|text| text.contains(part)), "{problem} {part}");
    }
    served.agent.wait_for_log("the configuration was not reloaded by the API: what was in force");
    assert_eq!(served.ids("checks"), ["a", "b", "c", "utilization"]);
    let after = served.json("/config");
    assert_eq!((&after["hash"], &after["generation"]), (&before["hash"], &before["generation"]));
    assert_eq!(after["last_reload"]["problems"], answer["details"]["problems"]);
    // A file that is gone, and too many metrics, are no other.
    fs::remove_file(served.folder.path("agent.yaml")).expect("it was there");
    assert_eq!(served.post("/config/reload").0, 422);
    let many: String = (0..102).map(|n| format!("  c{n}: {{type: agent.cpu}}\n")).collect();
    served.write_config(&format!("checks:\n{many}"));
    let (status, answer) = served.post("/config/reload");
    assert_eq!(status, 422);
    let told = answer["details"]["problems"][0].as_str().expect("a text");
    assert!(
        told.starts_with("the checks would publish 102 metrics, and 100 are allowed"),
        "{told}"
    );
    served.write_config(AFTER);
    assert_eq!(served.post("/config/reload").0, 200, "it works as soon as the files are right");
    assert_eq!(served.post("/config/reload?discard_changes=perhaps").0, 400);
}

#[test]
fn sighup_reads_the_files_again_and_ends_nothing() {
    let served = at(BEFORE);
    served.wait_for_value("a/1m");
    served.write_config(AFTER);
    served.agent.signal(Signal::HUP);
    served
        .agent
        .wait_for_log("the configuration was reloaded by SIGHUP: generation 2; checks: added d");
    served.write_config("checks: [");
    served.agent.signal(Signal::HUP);
    served.agent.wait_for_log("the configuration was not reloaded by SIGHUP");
    assert_eq!(served.ids("checks"), ["a", "b", "d", "utilization"]);
    served.ended();
}

#[test]
fn sighup_without_files_ends_the_agent() {
    let (folder, mut command) = (Folder::of(&[]), support::command());
    command.args(["--publish=console", "--period", "1", "--sample-interval", "0.1"]);
    command.args(["--api", &format!("unix:{}", folder.path("api.sock"))]).env("RUST_LOG", "info");
    let agent = Agent::start(&mut command);
    let served = Served::of(agent, Place::Unix(folder.path("api.sock")), folder);
    let (status, answer) = served.post("/config/reload");
    assert_eq!(status, 409, "{answer}");
    served.agent.signal(Signal::HUP);
    let ended = served.agent.wait().expect_code(0);
    assert!(ended.stderr.contains("stopped; windows="), "{}", ended.stderr);
}

#[test]
fn files_are_watched_where_that_is_asked_for() {
    let folder = Folder::of(&[("agent.yaml", BEFORE)]);
    let served = started(folder, &["--watch-config"]);
    served.write_config(AFTER);
    served.agent.wait_for_log("the configuration was reloaded by --watch-config: generation 2");
    served.write_config("checks: [");
    served.agent.wait_for_log("the configuration was not reloaded by --watch-config");
    // As Kubernetes does it: the new file comes under another name, and takes the place of the old one.
    fs::rename(served.folder.write("new.yaml", BEFORE), served.folder.path("agent.yaml"))
        .expect("it is renamed");
    served.agent.wait_for_log("the configuration was reloaded by --watch-config: generation 3");
    assert_eq!(served.ids("checks"), ["a", "b", "c", "utilization"]);
}

#[test]
fn what_was_changed_by_requests_is_there_after_a_restart() {
    let served = at(BEFORE);
    let added = json!({ "id": "x", "type": "remote.http", "period": 30,
        "details": { "url": "http://127.0.0.1:1/", "auth_user": "joe", "auth_password": "hunter2" } });
    assert_eq!(served.send("POST", CHECKS, "", &added).status, 201);
    served.send("PUT", &format!("{CHECKS}/a"), "", &json!({ "period": 7 }));
    served.send("DELETE", &format!("{CHECKS}/c"), "", &Value::Null);
    let alarm = json!({ "id": "low", "check_id": "b", "criteria": "return new AlarmStatus(OK);" });
    assert_eq!(served.send("POST", "/entities/self/alarms", "", &alarm).status, 201);
    let before = served.json("/config");
    assert_eq!(before["generation"], 5);
    let none = json!({ "set": [], "removed": [] });
    assert_eq!(
        before["changes"],
        json!({ "checks": { "set": ["a", "x"], "removed": ["c"] },
            "alarms": { "set": ["low"], "removed": ["busy"] },
            "buffers": {}, "blacklist": [], "thresholds": none,
            "notifications": none, "notification_plans": none, "suppressions": none })
    );
    let overlay = Path::new(&served.folder.path("state/overlay.json")).to_owned();
    assert_eq!(fs::metadata(&overlay).expect("it is there").permissions().mode() & 0o777, 0o600);
    let hook = json!({ "id": "hook", "type": "webhook",
        "details": { "url": "http://127.0.0.1:1/x", "secret": "of-the-hook" } });
    assert_eq!(served.send("POST", "/notifications", "", &hook).status, 201);
    let plan = json!({ "id": "default", "critical_state": "hook" });
    assert_eq!(served.send("POST", "/notification_plans", "", &plan).status, 201);
    let told = served.send("POST", "/events", "", &json!({ "message": "before" })).json();
    let before = served.json("/config");
    let served = served.again();
    let list = served.json(&format!("/events?after={}", told["id"].as_u64().expect("an id") - 1));
    assert_eq!(list["values"][0], told);
    assert_eq!(served.json("/notifications/hook")["details"]["secret"], "***");
    assert_eq!(served.json("/notification_plans/default")["critical_state"], json!(["hook"]));
    let after = served.json("/config");
    assert_eq!((&after["generation"], &after["hash"]), (&before["generation"], &before["hash"]));
    assert_eq!(served.ids("checks"), ["a", "b", "utilization", "x"]);
    assert_eq!(served.ids("alarms"), ["low"]);
    let sources =
        ["a", "b", "x"].map(|id| served.json(&format!("{CHECKS}/{id}"))["source"].clone());
    assert_eq!(sources, ["api", "file", "api"]);
    // The password is in no answer, and was not lost.
    let shown = served.json(&format!("{CHECKS}/x")).to_string();
    assert!(shown.contains(r#""auth_password":"***""#) && !shown.contains("hunter2"), "{shown}");
    assert!(fs::read_to_string(&overlay).expect("it is there").contains("hunter2"));
    // The files count again as soon as the changes are discarded, and an undo brings the changes back.
    let (status, answer) = served.post("/config/reload?discard_changes=true");
    assert_eq!(status, 200);
    let parts = ["added", "changed", "removed"].map(|name| answer[name].clone());
    assert_eq!(parts, [json!(["c"]), json!(["a"]), json!(["x"])]);
    served.post("/config/undo");
    assert_eq!(served.json("/config")["hash"], before["hash"]);
}

#[test]
fn broken_files_at_the_start_are_no_end_where_they_were_good_before() {
    let served = at(AFTER);
    served.wait_for_value("a/1m");
    wait_until("the files are kept", || {
        fs::read_to_string(served.folder.path("state/overlay.json")).is_ok()
    });
    let hash = served.json("/config")["hash"].clone();
    let folder = served.ended();
    folder.write("agent.yaml", "checks:\n  a: {type: agent.cpuu}\n");
    let served = started(folder, &[]);
    served.agent.wait_for_log("type \"agent.cpuu\": expected one of");
    served
        .agent
        .wait_for_log("the configuration files are broken, and those that were good last are");
    assert_eq!(served.json("/config")["hash"], hash);
    // They stay the good ones, however often it starts.
    let served = served.again();
    assert_eq!(served.json("/config")["hash"], hash);
    let (status, _) = served.post("/config/reload");
    assert_eq!(status, 422);
    served.write_config(BEFORE);
    assert_eq!(served.post("/config/reload").0, 200);
}

#[test]
fn a_state_folder_that_cannot_be_used_is_said_and_the_agent_goes_on() {
    let served = at(BEFORE);
    let add = |served: &Served, id: &str| {
        served.send("POST", CHECKS, "", &json!({ "id": id, "type": "agent.cpu" })).status
    };
    assert_eq!(add(&served, "x"), 201);
    // Two on one folder.
    let second = Folder::of(&[("agent.yaml", BEFORE)]);
    let path = second.path("api.sock");
    let mut command = previewing(&second);
    command.args(["--api", &format!("unix:{path}"), "--state", &served.folder.path("state")]);
    let second = Served::of(Agent::start(&mut command), Place::Unix(path), second);
    let line = second.agent.wait_for_log("another agent uses it");
    assert!(line.contains("are not kept"), "{line}");
    assert_eq!(add(&second, "y"), 201);
    assert_eq!(second.json("/config")["kept"], false);
    drop(second);
    // What cannot be read is put aside, and one broken part takes no other with it.
    let folder = served.ended();
    let overlay = folder.path("state/overlay.json");
    let text = fs::read_to_string(&overlay).expect("it is there");
    let broken = text.replace(r#""checks":{"#, r#""checks":{"old":{"type":"agent.gone"},"#);
    fs::write(&overlay, broken).expect("it is ours");
    let served = started(folder, &[]);
    served.agent.wait_for_log("check old of overlay.json is not used: type \"agent.gone\"");
    assert_eq!(served.ids("checks"), ["a", "b", "c", "utilization", "x"]);
    let folder = served.ended();
    fs::write(&overlay, "{").expect("it is ours");
    let served = started(folder, &[]);
    served.agent.wait_for_log("overlay.json in --state cannot be read: ");
    assert_eq!(served.ids("checks"), ["a", "b", "c", "utilization"]);
    assert!(fs::read_to_string(format!("{overlay}.damaged")).is_ok_and(|text| text == "{"));
    // All can write to it.
    let folder = served.ended();
    mode(folder.path("state"), 0o777);
    let served = started(folder, &[]);
    served.agent.wait_for_log("chmod o-w");
}

#[test]
fn a_change_that_cannot_be_written_is_in_force_and_answered_so() {
    let served = at(BEFORE);
    wait_until("the folder is open", || served.json("/config")["kept"] == true);
    // At one instant: the agent may be writing into it.
    let [state, away] = ["state", "away"].map(|name| served.folder.path(name));
    fs::rename(state, away).expect("it is there");
    let answer = served.send("POST", CHECKS, "", &json!({ "id": "x", "type": "agent.cpu" }));
    assert_eq!(answer.status, 500, "{answer:?}");
    let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    assert!(
        message.ends_with("the change is in force, and is lost when the agent ends"),
        "{message}"
    );
    assert_eq!(served.ids("checks"), ["a", "b", "c", "utilization", "x"]);
}

#[test]
fn where_nothing_is_kept_that_is_said_once() {
    let served = Served::at_socket();
    for id in ["x", "y"] {
        served.send("POST", CHECKS, "", &json!({ "id": id, "type": "agent.cpu" }));
    }
    served.agent.wait_for_log("check y was added through the API");
    let log = served.agent.log_so_far();
    let said =
        "what is changed through the API is lost when the agent ends, because there is no --state";
    assert_eq!(log.matches(said).count(), 1, "{log}");
    assert_eq!(served.json("/config")["kept"], false);
}
