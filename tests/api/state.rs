//! The folder of `--state` where its files are damaged, its disk hangs, or another version has written it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Map, Value, json};
use support::folder::{Folder, mode};
use support::server::wait_until;
use support::{Agent, run};

use crate::client::Place;
use crate::{Served, previewing};

const CHECKS: &str = "/entities/self/checks";

const CONFIG: &str = "checks:\n  a: {type: agent.load_average, period: 1}\n";

const BROKEN: &str = "checks:\n  a: {type: agent.cpuu}\n";

fn command(folder: &Folder) -> Command {
    let mut command = previewing(folder);
    command.args(["--api", &format!("unix:{}", folder.path("api.sock"))]);
    command.args(["--state", &folder.path("state")]);
    command
}

fn started(folder: Folder) -> Served {
    let path = folder.path("api.sock");
    Served::of(Agent::start(&mut command(&folder)), Place::Unix(path), folder)
}

/// A folder whose state has these files.
fn with_state(files: &[(&str, &[u8])]) -> Folder {
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    fs::create_dir(folder.path("state")).expect("a folder");
    for (name, text) in files {
        folder.write(&format!("state/{name}"), text);
    }
    folder
}

fn ended(served: Served) -> Folder {
    let Served { agent, folder, .. } = served;
    agent.terminate().expect_code(0);
    folder
}

fn add(served: &Served, id: &str) -> (u16, String) {
    let body = json!({ "id": id, "type": "agent.push" });
    let answer = served.send("POST", CHECKS, "", &body);
    (answer.status, answer.text().to_owned())
}

fn overlay(folder: &Folder) -> Value {
    let text = fs::read(folder.path("state/overlay.json")).expect("it is there");
    serde_json::from_slice(&text).expect("it is JSON")
}

fn fifo(path: &str) {
    let made = Command::new("mkfifo").arg(path).status().expect("coreutils has mkfifo");
    assert!(made.success(), "{made}");
}

#[test]
fn files_that_cannot_be_read_are_put_aside_and_not_destroyed() {
    let torn: &[u8] = b"{\"version\":1,\"checks\":{\"x\xff";
    let old: &[u8] = b"{";
    let folder =
        with_state(&[("overlay.json", torn), ("overlay.json.damaged", old), ("alarms.json", torn)]);
    let large = fs::File::create(folder.path("state/events.jsonl")).expect("a file");
    large.set_len(20 << 20).expect("it takes no room");
    let served = started(folder);
    served.agent.wait_for_log("overlay.json is renamed to overlay.json.damaged.2");
    served.agent.wait_for_log("alarms.json is renamed to alarms.json.damaged");
    let line = served.agent.wait_for_log("earlier events are not listed; events.jsonl is renamed");
    assert!(line.contains("events.jsonl has more than 16777216 bytes"), "{line}");
    assert_eq!(add(&served, "y").0, 201);
    let folder = ended(served);
    let bytes = |name: &str| fs::read(folder.path(&format!("state/{name}"))).expect("it is there");
    assert_eq!(bytes("overlay.json.damaged.2"), torn);
    assert_eq!(
        (bytes("overlay.json.damaged"), bytes("alarms.json.damaged")),
        (old.into(), torn.into())
    );
    assert_eq!(bytes("events.jsonl.damaged").len(), 20 << 20);
    assert_eq!(overlay(&folder)["checks"]["y"]["type"], "agent.push");
}

#[test]
fn where_a_file_cannot_be_put_aside_nothing_is_written_over_it() {
    let mut files = vec![("overlay.json".to_owned(), "mine".to_owned())];
    files.push(("overlay.json.damaged".to_owned(), "1".to_owned()));
    files.extend((2..=9).map(|n| (format!("overlay.json.damaged.{n}"), n.to_string())));
    let files: Vec<_> = files.iter().map(|(name, text)| (&**name, text.as_bytes())).collect();
    let served = started(with_state(&files));
    served.agent.wait_for_log("overlay.json cannot be renamed, so nothing is written over it");
    let (status, body) = add(&served, "y");
    assert_eq!(status, 500, "{body}");
    assert!(
        body.contains("nothing is written over overlay.json, which could not be read"),
        "{body}"
    );
    assert_eq!(served.json("/config")["kept"], false);
    let folder = ended(served);
    assert_eq!(fs::read(folder.path("state/overlay.json")).expect("it is there"), b"mine");
    assert!(fs::metadata(folder.path("state/events.jsonl")).is_ok(), "others are written");
}

#[test]
fn what_this_version_does_not_use_stays_in_the_file() {
    let check = json!({ "type": "agent.future", "details": { "deep": [1, 2] } });
    let notification = json!({ "type": "pigeon" });
    let kept = json!({
        "version": 1,
        "checks": { "x": check, "y": check },
        "alarms": { "al": { "check_id": "x", "criteria": "what is this" } },
        "notifications": { "n": notification },
        "buffers": { "cloudwatch": 77 },
        "dashboards": [1],
    });
    let served = started(with_state(&[("overlay.json", kept.to_string().as_bytes())]));
    served.agent.wait_for_log("check x of overlay.json is not used: type \"agent.future\"");
    served.agent.wait_for_log("dashboards of overlay.json is not used: this version does not");
    // Another one of the same id takes its place, for good.
    assert_eq!((add(&served, "y").0, add(&served, "z").0), (201, 201));
    assert_eq!(served.send("DELETE", &format!("{CHECKS}/y"), "", &Value::Null).status, 204);
    let folder = ended(served);
    let now = overlay(&folder);
    let checks = now["checks"].as_object().map(Map::keys).into_iter().flatten();
    assert_eq!(checks.collect::<Vec<_>>(), ["x", "z"]);
    assert_eq!((&now["checks"]["x"], &now["alarms"]), (&check, &kept["alarms"]));
    for part in ["notifications", "buffers", "dashboards"] {
        assert_eq!(now[part], kept[part], "{part}");
    }
    // It is still there after one more start, until the changes are discarded.
    let served = started(folder);
    served.agent.wait_for_log("check x of overlay.json is not used");
    let discarded = served.send("POST", "/config/reload?discard_changes=true", "", &Value::Null);
    assert_eq!(discarded.status, 200);
    let now = overlay(&ended(served));
    assert_eq!((&now["checks"], &now["alarms"]), (&json!({}), &json!({})));
    assert_eq!((&now["buffers"], &now["dashboards"]), (&json!({}), &kept["dashboards"]));
}

#[test]
fn a_character_that_is_torn_costs_no_other_event() {
    let served = started(with_state(&[]));
    for message in ["first", "the caf\u{e9}"] {
        served.send("POST", "/events", "", &json!({ "message": message }));
    }
    let folder = ended(served);
    let path = folder.path("state/events.jsonl");
    let bytes = fs::read(&path).expect("it is there");
    let within = bytes.iter().rposition(|byte| *byte == 0xc3).expect("it is UTF-8") + 1;
    fs::write(&path, &bytes[..within]).expect("it is ours");
    let served = started(folder);
    let list = served.get("/events?limit=1000");
    let list = list.text();
    assert!(list.contains("first") && !list.contains("the caf"), "{list}");
}

#[test]
fn a_thousand_checks_are_the_most_that_are_added() {
    let many: String =
        (0..999).map(|n| format!("  c{n}: {{type: agent.push, disabled: true}}\n")).collect();
    let folder = Folder::of(&[("agent.yaml", &format!("checks:\n{many}"))]);
    let served = started(folder);
    assert_eq!(add(&served, "last").0, 201);
    let (status, body) = add(&served, "more");
    assert_eq!(status, 409, "{body}");
    assert!(body.contains("there are 1000 checks, and more are not taken"), "{body}");
    let values = json!({ "values": [{ "metric": "x", "value": 1 }] });
    let pushed = served.send("POST", "/values", "", &values);
    assert!(pushed.text().contains("there are 1000 checks"), "{pushed:?}");
    // One that goes makes room.
    assert_eq!(served.send("DELETE", &format!("{CHECKS}/c7"), "", &Value::Null).status, 204);
    assert_eq!(add(&served, "more").0, 201);
}

#[test]
fn what_would_not_be_read_again_is_not_kept_and_that_is_answered() {
    let served = started(with_state(&[]));
    wait_until("the folder is open", || served.json("/config")["kept"] == true);
    let text = "x".repeat(1_000_000);
    let statuses: Vec<_> = (0..17)
        .map(|n| {
            let body =
                json!({ "id": format!("c{n}"), "type": "agent.push", "metadata": { "m": text } });
            let answer = served.send("POST", CHECKS, "", &body);
            (answer.status, answer.text().contains("and only 16777216 are read again"))
        })
        .collect();
    assert_eq!(statuses[..16], [(201, false); 16]);
    assert_eq!(statuses[16], (500, true));
    let served = started(ended(served));
    wait_until("they are there", || served.get(&format!("{CHECKS}/c15")).status == 200);
    assert_eq!(served.get(&format!("{CHECKS}/c16")).status, 404);
}

#[test]
fn only_files_without_mistakes_are_those_that_were_good() {
    let folder = with_state(&[]);
    folder.write("agent.yaml", BROKEN);
    // Beside a command it goes on with the rest.
    let mut beside = command(&folder);
    let agent = Agent::start(beside.args(["--", "/bin/sleep", "1000"]));
    agent.wait_for_log("type \"agent.cpuu\": expected one of");
    wait_until("it is kept", || fs::metadata(folder.path("state/overlay.json")).is_ok());
    agent.terminate();
    assert_eq!(last_good(&folder), Vec::<String>::new());
    run(&mut command(&folder)).expect_code(2);
    // Those of a good start stay, also beside a command.
    folder.write("agent.yaml", CONFIG);
    let served = started(folder);
    wait_until("they are kept", || last_good(&served.folder) == [CONFIG]);
    let folder = ended(served);
    folder.write("agent.yaml", BROKEN);
    let agent = Agent::start(command(&folder).args(["--", "/bin/sleep", "1000"]));
    agent.wait_for_log("those that were good last are in force");
    agent.terminate();
    assert_eq!(last_good(&folder), [CONFIG]);
}

fn last_good(folder: &Folder) -> Vec<String> {
    let kept = overlay(folder);
    let files = kept["files"].as_array().into_iter().flatten();
    files.map(|file| file["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn files_that_were_good_are_not_taken_from_where_anyone_or_another_version_may_put_them() {
    let file = |text: &str| json!({ "name": "agent.yaml", "check": null, "text": text });
    let kept = json!({ "version": 1, "files": [file(CONFIG)] });
    let folder = with_state(&[("overlay.json", kept.to_string().as_bytes())]);
    folder.write("agent.yaml", BROKEN);
    mode(folder.path("state"), 0o777);
    run(&mut command(&folder)).expect_code(2);
    mode(folder.path("state"), 0o700);
    let other = json!({ "version": 2, "files": [file(CONFIG)] }).to_string();
    folder.write("state/overlay.json", &other);
    run(&mut command(&folder)).expect_code(2);
    assert_eq!(fs::read(folder.path("state/overlay.json")).expect("it is there"), other.as_bytes());
    // A folder that the broken file names is not known.
    folder.write("state/overlay.json", kept.to_string());
    folder.write("agent.yaml", format!("state: {}\n{BROKEN}", folder.path("state")));
    run(&mut previewing(&folder)).expect_code(2);
    let served = started(folder);
    served.agent.wait_for_log("those that were good last are in force");
    let last = served.json("/config")["last_reload"].clone();
    assert_eq!((&last["by"], &last["outcome"]), (&json!("the start of the agent"), &Value::Null));
    let problems = last["problems"].as_array().expect("a list");
    assert!(!problems.is_empty(), "{last}");
    let events = served.json("/events?severity=warning").to_string();
    assert!(events.contains("those that were good last are in force"), "{events}");
    let rights = fs::metadata(served.folder.path("state")).expect("it is there").permissions();
    assert_eq!(rights.mode() & 0o777, 0o700);
}

#[test]
fn a_file_that_hangs_at_the_start_keeps_nobody_from_stopping() {
    let folder = with_state(&[]);
    fifo(&folder.path("state/overlay.json"));
    let served = started(folder);
    let ended = served.agent.terminate().expect_code(0);
    assert!(!ended.stderr.contains("has not answered"), "{}", ended.stderr);
    // One that hangs for long is like one that is damaged.
    let served = started(served.folder);
    let line = served.agent.wait_for_log("overlay.json is renamed to overlay.json.damaged");
    assert!(line.contains("its disk has not answered within 5s"), "{line}");
    wait_until("the others are there", || served.json("/config")["kept"] == true);
}

#[test]
fn a_write_that_hangs_at_the_end_is_waited_for_a_little() {
    let served = started(with_state(&[]));
    let path = served.folder.path("state/events.jsonl");
    let raise = || served.send("POST", "/events", "", &json!({ "message": "x" })).status;
    let lines = || fs::read_to_string(&path).unwrap_or_default().lines().count();
    for count in 1..=2 {
        assert_eq!(raise(), 201);
        wait_until("it is written", || lines() == count && threads_of(served.agent.id()) == 1);
    }
    fs::remove_file(&path).expect("it was there");
    // Who opens it waits for a reader.
    fifo(&path);
    assert_eq!(raise(), 201);
    wait_until("a thread hangs", || a_helper_sleeps(served.agent.id()));
    let ended = served.agent.terminate().expect_code(0);
    let said = "its disk has not answered within 2s; where the alarms stand and the newest events";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

/// Whether a thread beside the first one waits for something.
fn a_helper_sleeps(process: u32) -> bool {
    let mut tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs").flatten();
    tasks.any(|task| {
        let is_first = task.file_name().to_str() == Some(&process.to_string());
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        !is_first && stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    })
}

fn threads_of(process: u32) -> usize {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    tasks.count()
}
