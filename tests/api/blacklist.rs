//! What is not collected.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::{Value, json};
use support::Agent;
use support::folder::Folder;
use support::server::{free_port, wait_until};

use crate::client::Place;
use crate::{Served, previewing};

const CONFIG: &str = "\
checks:
  load: {type: agent.load_average, period: 1}
  memory: {type: agent.memory, period: 1}
";

fn start(folder: Folder) -> Served {
    let path = folder.path("api.sock");
    let mut command = previewing(&folder);
    command.args(["--api", &format!("unix:{path}"), "--state", &folder.path("state")]);
    Served::of(Agent::start(&mut command), Place::Unix(path), folder)
}

impl Served {
    fn created(&self, body: &Value) {
        let answer = self.send("POST", "/blacklist", "", body);
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Waits until the first metric comes and the second no more.
    fn wait_for_only(&self, collected: &str, left_out: &str) {
        wait_until("one of the two is collected", || {
            let status = |of: &str| self.get(&format!("/values/{of}")).status;
            (status(collected), status(left_out)) == (200, 404)
        });
    }
}

#[test]
fn what_is_on_the_list_is_not_collected_from_the_next_run_on() {
    let served = start(Folder::of(&[("agent.yaml", CONFIG)]));
    ["load/1m", "load/5m", "memory/total"].iter().for_each(|of| served.wait_for_value(of));
    served.created(&json!({ "id": "no-1m", "check": "load", "metric": "^1m$", "match": "regex" }));
    served.wait_for_only("load/5m", "load/1m");
    let asked = |check: &str, metric: &str| {
        let body = json!({ "check": check, "metric": metric });
        served.send("POST", "/blacklist/check", "", &body).json()
    };
    assert_eq!(asked("load", "1m"), json!({ "collected": false, "entry": "no-1m" }));
    assert_eq!(asked("load", "5m"), json!({ "collected": true, "entry": null }));
    // Another entry in its place: only that is taken of the check.
    let only = json!({ "mode": "include", "check": "load", "metric": "1m" });
    assert_eq!(served.send("PUT", "/blacklist/no-1m", "", &only).status, 204);
    served.wait_for_only("load/1m", "load/5m");
    served.wait_for_only("memory/total", "load/5m");
    // It lasts, and a pattern can be taken away again.
    let Served { agent, folder, .. } = served;
    agent.terminate().expect_code(0);
    let served = start(folder);
    served.wait_for_value("load/1m");
    let entry = served.json("/blacklist/no-1m");
    assert_eq!((&entry["mode"], &entry["metric"]), (&json!("include"), &json!("1m")));
    assert_eq!(served.get("/values/load/5m").status, 404);
    assert_eq!(served.send("DELETE", "/blacklist/no-1m", "", &Value::Null).status, 204);
    served.wait_for_value("load/5m");
    assert_eq!(served.json("/blacklist")["metadata"]["count"], 0);
}

#[test]
fn nobody_misses_what_is_left_out() {
    let port = free_port();
    let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port");
    let config = format!(
        "checks:\n  port: {{type: remote.tcp, period: 1, details: {{host: 127.0.0.1, port: {port}}}}}\n"
    );
    let served = start(Folder::of(&[("agent.yaml", &config)]));
    let wait_for_missed = |expected: &[&str]| {
        wait_until("these have no value", || {
            let runs = served.json("/runs");
            let run = runs["values"].as_array().and_then(|all| all.first()).cloned();
            let missed = run.unwrap_or_default()["unavailable"].clone();
            let missed = missed.as_array().cloned().unwrap_or_default();
            missed
                .iter()
                .map(|of| of["metric"].as_str().expect("a name"))
                .eq(expected.iter().copied())
        });
    };
    wait_for_missed(&["tt_firstbyte", "banner"]);
    served.created(&json!({ "id": "no", "check": "port", "metric": "banner" }));
    wait_for_missed(&["tt_firstbyte"]);
    let only = json!({ "mode": "include", "check": "port", "metric": "banner" });
    assert_eq!(served.send("PUT", "/blacklist/no", "", &only).status, 204);
    wait_for_missed(&["banner"]);
    assert_eq!(served.send("DELETE", "/blacklist/no", "", &Value::Null).status, 204);
    wait_for_missed(&["tt_firstbyte", "banner"]);
}

#[test]
fn what_is_wrong_with_an_entry_is_told_and_nothing_changes() {
    let served = start(Folder::of(&[("agent.yaml", CONFIG)]));
    let refused = |method: &str, path: &str, body: Value| {
        let answer = served.send(method, path, "", &body);
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    let (status, message) = refused("POST", "/blacklist", json!({ "mode": "drop", "metrc": "x" }));
    assert_eq!(status, 400);
    let expected =
        "mode: expected exclude or include, not \"drop\"; unknown key \"metrc\": an entry has mode";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!(refused("POST", "/blacklist", json!({ "check": "(", "match": "regex" })).0, 400);
    assert_eq!(refused("POST", "/blacklist", json!({ "id": "", "check": "x" })).0, 400);
    served.created(&json!({ "id": "x", "check": "x" }));
    let (status, message) = refused("POST", "/blacklist", json!({ "id": "x", "check": "y" }));
    assert_eq!((status, &*message), (409, "there is an entry x already"));
    assert_eq!(refused("PUT", "/blacklist/y", json!({ "check": "y" })).0, 404);
    assert_eq!(refused("DELETE", "/blacklist/y", Value::Null).0, 404);
    let (status, message) = refused("POST", "/blacklist/check", json!({ "check": "x" }));
    assert_eq!((status, &*message), (400, "metric is missing: expected a text"));
    // A resource of another kind has that name.
    assert_eq!(refused("POST", "/blacklist", json!({ "id": "check", "check": "y" })).0, 400);
    assert_eq!(served.json("/blacklist")["values"][0]["check"], "x");
}
