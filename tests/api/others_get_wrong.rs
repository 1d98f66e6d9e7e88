//! What other agents get wrong when their configuration changes while they run. More of it is in `reload.rs`,
//! `control.rs`, `alarm_change.rs` and `blacklist.rs`, and in the tests of the modules `schedule` and `delivery`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use fake_cloudwatch::{Answer, FakeCloudWatch};
use serde_json::{Value, json};
use support::Agent;
use support::folder::{Folder, mode};
use support::server::wait_until;

use crate::client::Place;
use crate::{Served, previewing};

const CHECKS: &str = "/entities/self/checks";
const ONE: &str = "checks:\n  load: {type: agent.load_average, period: 1}\n";
const TWO: &str = "\
checks:
  load: {type: agent.load_average, period: 1}
  other: {type: agent.memory, period: 1}
";
const BROKEN: &str = "\
checks:
  load: {type: agent.load_average, period: 5}
  other: {type: agent.memry}
";

fn command_of(folder: &Folder) -> Command {
    let mut command = previewing(folder);
    command.args(["--api", &format!("unix:{}", folder.path("api.sock"))]);
    command
}

fn served(command: &mut Command, folder: Folder) -> Served {
    Served::of(Agent::start(command), Place::Unix(folder.path("api.sock")), folder)
}

/// One that publishes to this each two seconds.
fn publishing(cloudwatch: &FakeCloudWatch, options: &[&str]) -> Served {
    let folder = Folder::of(&[("agent.yaml", ONE)]);
    let mut command = support::publishing_to(&cloudwatch.url());
    command.args(["--period", "2", "--config", &folder.path("agent.yaml")]).args(options);
    command.args(["--api", &format!("unix:{}", folder.path("api.sock"))]).env("RUST_LOG", "info");
    served(&mut command, folder)
}

impl Served {
    fn reload(&self, config: &str) -> u16 {
        self.folder.write("agent.yaml", config);
        self.send("POST", "/config/reload", "", &Value::Null).status
    }
}

/// The beginnings of the windows that have a metric, in order.
fn windows(cloudwatch: &FakeCloudWatch, name: &str) -> Vec<SystemTime> {
    let data = cloudwatch.data().into_iter().filter(|of| of.name == name);
    data.map(|of| of.timestamp).collect()
}

#[track_caller]
fn assert_without_gap(windows: &[SystemTime]) {
    for pair in windows.windows(2) {
        assert_eq!(
            pair[1].duration_since(pair[0]).ok(),
            Some(Duration::from_secs(2)),
            "{windows:?}"
        );
    }
}

/// telegraf#8728, #7519; opentelemetry-collector#5966.
#[test]
fn reloads_lose_no_window_and_no_interval_begins_anew() {
    let cloudwatch = FakeCloudWatch::start();
    let served = publishing(&cloudwatch, &[]);
    // A check that began anew with each of these would never be due.
    let mut reloads = 0;
    wait_until("four windows", || {
        let config = if reloads % 2 == 0 { TWO } else { ONE };
        reloads += 1;
        assert_eq!(served.reload(config), 200);
        windows(&cloudwatch, "CPUUtilization").len() >= 4
    });
    assert!(reloads > 4, "{reloads}");
    served.agent.terminate().expect_code(0);
    let all = windows(&cloudwatch, "CPUUtilization");
    assert_without_gap(&all);
    let of_check = windows(&cloudwatch, "LoadAverage1mPerCore");
    assert_without_gap(&of_check);
    // The first window may be over before the first run, and the last one before another.
    assert!(of_check.len() + 2 >= all.len(), "{of_check:?} {all:?}");
}

/// fluent-bit#8067, #8817, #8918, #9113; vector#2011.
#[test]
fn after_reloads_that_fail_the_next_one_works_and_nothing_is_half_built() {
    let served = served_of(TWO);
    let tag = |id: &str| served.get(&format!("{CHECKS}/{id}")).header("etag").map(str::to_owned);
    served.wait_for_value("load/1m");
    let (before, generation) = (tag("load"), served.json("/config")["generation"].clone());
    for broken in [BROKEN, "checks: [", "perod: 5\n", BROKEN] {
        assert_eq!(served.reload(broken), 422, "{broken}");
        assert_eq!(tag("load"), before, "what was right in it is not in force either");
        assert_eq!(served.json("/config")["generation"], generation);
    }
    // A change between two that fail is not lost with them.
    let body = json!({ "id": "own", "type": "agent.cpu" });
    assert_eq!(served.send("POST", CHECKS, "", &body).status, 201);
    assert_eq!(served.reload(BROKEN), 422);
    assert_eq!(served.get(&format!("{CHECKS}/own")).status, 200);
    // Many at once: each is answered, and none is in the way of another.
    served.folder.write("agent.yaml", ONE);
    let statuses: Vec<_> = std::thread::scope(|threads| {
        let asking = (0..8).map(|_| {
            let ask = || crate::client::Client::at(&Place::Unix(served.folder.path("api.sock")));
            threads.spawn(move || {
                let mut client = ask();
                client.send(
                    "POST /config/reload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n",
                );
                client.answer().map(|answer| answer.status)
            })
        });
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|one| one.join().expect("it does not panic")).collect()
    });
    assert_eq!(statuses, [Some(200); 8]);
    assert_eq!(served.get(&format!("{CHECKS}/other")).status, 404);
    assert_eq!(tag("load"), before);
}

fn served_of(config: &str) -> Served {
    let folder = Folder::of(&[("agent.yaml", config)]);
    let mut command = command_of(&folder);
    served(&mut command, folder)
}

/// vector#24125.
#[test]
fn a_reload_waits_for_no_publisher_and_loses_nothing_of_what_waits() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::access_denied());
    let served = publishing(&cloudwatch, &["--buffer", "2"]);
    let number = |name: &str| served.json("/buffer/cloudwatch")[name].as_u64().expect("a number");
    wait_until("the buffer is full", || number("overflowed") > 0);
    cloudwatch.answer_always(Answer::hold_then(Answer::Take));
    cloudwatch.wait_until("a send hangs", |seen| {
        seen.requests.last().is_some_and(|request| request.status.is_none())
    });
    let (waiting, dropped) = (number("waiting"), number("overflowed"));
    assert!(waiting >= 2, "{waiting}");
    for config in [TWO, BROKEN, ONE] {
        let expected = if config == BROKEN { 422 } else { 200 };
        assert_eq!(served.reload(config), expected);
    }
    assert!(number("waiting") >= waiting && number("overflowed") == dropped);
    cloudwatch.answer_always(Answer::Take);
    cloudwatch.release();
    wait_until("what waits is sent", || number("delivered") >= waiting);
    let dropped = number("overflowed") as usize;
    let ended = served.agent.terminate().expect_code(0);
    let line = ended.stderr.lines().find(|line| line.contains("stopped; ")).expect("a last line");
    assert!(line.contains(&format!("overflowed={dropped} ")), "{line}");
    // All windows but these have arrived, those from before the reload first.
    let all = windows(&cloudwatch, "CPUUtilization");
    let span = all.last().expect("one").duration_since(all[0]).expect("in order").as_secs() / 2 + 1;
    assert!(all.is_sorted() && all.len() + dropped >= span as usize, "{all:?} {dropped}");
}

/// fluent-bit#2246.
#[test]
fn broken_files_at_a_start_destroy_nothing_of_what_was_kept() {
    let folder = Folder::of(&[("agent.yaml", ONE)]);
    let start = |folder: Folder| {
        let mut command = command_of(&folder);
        command.args(["--store", &folder.path("history")]);
        served(&mut command, folder)
    };
    let points = |served: &Served| {
        let plot = "metrics/1m/plot?from=1000000000000&to=9999999999999&resolution=FULL";
        let answer = served.get(&format!("{CHECKS}/load/{plot}"));
        // Until the history is open, and has one.
        let times = |of: &Value| {
            Some(of["values"].as_array()?.iter().map(|of| of["timestamp"].clone()).collect())
        };
        times(&answer.json()).unwrap_or_else(Vec::new)
    };
    let served = start(folder);
    wait_until("two points", || points(&served).len() >= 2);
    let before = points(&served);
    let Served { agent, folder, .. } = served;
    agent.terminate().expect_code(0);
    folder.write("agent.yaml", BROKEN);
    for _ in 0..2 {
        let mut command = command_of(&folder);
        support::run(command.args(["--store", &folder.path("history")])).expect_code(2);
    }
    folder.write("agent.yaml", ONE);
    let served = start(folder);
    wait_until("what was kept before", || points(&served).starts_with(&before[..2]));
}

/// vector PR#25911.
#[test]
fn what_is_unchanged_goes_on_running_over_reloads_and_undo() {
    // It says which process it is, and goes on running.
    let script = "#!/bin/sh\nwhile :; do echo \"PUTVAL host/own/gauge-pid interval=1 N:$$\"; sleep 0.1; done\n";
    let folder = Folder::of(&[("own.sh", script)]);
    let plugin =
        "  own: {type: agent.plugin, period: 1, details: {file: own.sh, format: collectd}}\n";
    folder.write("agent.yaml", format!("{ONE}{plugin}"));
    mode(folder.path("own.sh"), 0o755);
    let mut command = command_of(&folder);
    command.args(["--plugins", &folder.whole()]);
    let served = served(&mut command, folder);
    let process = || {
        let list = served.json("/values?limit=1000");
        let values = list["values"].as_array().expect("a list").iter();
        let mut of_plugin = values.filter(|of| of["check"] == "own");
        let value =
            of_plugin.find(|of| of["metric"].as_str().is_some_and(|name| name.contains("pid")));
        value.map(|of| of["value"].clone())
    };
    wait_until("the plugin has said something", || process().is_some());
    let before = process();
    for config in [TWO, ONE, BROKEN] {
        served.reload(&format!("{config}{plugin}"));
    }
    served.send("POST", "/config/undo", "", &Value::Null);
    served.send("PUT", &format!("{CHECKS}/own"), "", &json!({ "label": "mine", "period": 2 }));
    let last = |served: &Served| {
        let runs = served.json("/runs");
        let mut runs = runs["values"].as_array().expect("a list").iter();
        runs.find(|of| of["check"] == "own").map(|of| of["timestamp"].clone())
    };
    let seen = last(&served);
    wait_until("another run", || last(&served) != seen);
    assert_eq!(process(), before, "it is the same process");
    // With other details it is another one.
    served.send("POST", &format!("{CHECKS}/own/restart"), "", &Value::Null);
    wait_until("another process", || process().is_some_and(|now| Some(now) != before));
}

/// Vector, Alloy, Fluent Bit and OPNFV's prototype have no authentication.
#[test]
fn nothing_is_written_without_the_right_to_write() {
    let tokens = Folder::of(&[("tokens", "read abcd-1234\nwrite efgh-5678\n")]);
    let served = Served::at_port(&["--api-token-file", &tokens.path("tokens")], &[]);
    let with = |token: &str, method: &str, path: &str| {
        let headers = format!("X-Auth-Token: {token}\r\n");
        served.send(method, path, &headers, &json!({ "disabled": true }))
    };
    let config = || with("efgh-5678", "GET", "/config").json();
    let before = config();
    let contract = with("abcd-1234", "GET", "/openapi.json").json();
    // These change nothing.
    let free = ["/entities/{entity}/test-alarm", "/blacklist/check"];
    let mut written = 0;
    for (pattern, methods) in contract["paths"].as_object().expect("paths") {
        let methods = methods.as_object().expect("methods").keys().map(|name| name.to_uppercase());
        let methods = methods.filter(|name| ["POST", "PUT", "DELETE", "PATCH"].contains(&&**name));
        for method in methods.filter(|_| !free.contains(&&**pattern)) {
            let path = pattern.replace("{entity}", "self").replace("{check}", "load");
            let path = path.replace("{alarm}", "high").replace(['{', '}'], "");
            assert_eq!(with("wrong-one", &method, &path).status, 401, "{method} {path}");
            assert_eq!(with("abcd-1234", &method, &path).status, 403, "{method} {path}");
            let headers = "Origin: http://evil.example\r\nX-Auth-Token: efgh-5678\r\n";
            assert_eq!(
                served.send(&method, &path, headers, &json!({})).status,
                403,
                "{method} {path}"
            );
            written += 1;
        }
    }
    assert!(written >= 15, "{written}");
    assert_eq!(config(), before);
}

/// OPNFV's prototype wrote a file under a name from the client.
#[test]
fn no_file_is_named_by_a_client() {
    let folder = Folder::of(&[("agent.yaml", ONE)]);
    let mut command = command_of(&folder);
    command.args(["--state", &folder.path("state"), "--store", &folder.path("history")]);
    let served = served(&mut command, folder);
    served.wait_for_value("load/1m");
    let send = |method: &str, path: &str, body: Value| served.send(method, path, "", &body).status;
    let ids = [
        "../evil",
        "../../../../tmp/evil",
        "/tmp/evil",
        "a/../../evil",
        "evil.json",
        "overlay.json",
    ];
    for id in ["..", "."] {
        let status = send("POST", CHECKS, json!({ "id": id, "type": "agent.memory" }));
        assert_eq!(status, 400, "clients leave such a part of a path out");
    }
    for id in ids {
        let status = send("POST", CHECKS, json!({ "id": id, "type": "agent.memory", "period": 1 }));
        assert_eq!(status, 201, "{id}");
        let alarm = json!({ "id": id, "check_id": id, "criteria": "return new AlarmStatus(WARNING, 'evil');" });
        assert_eq!(send("POST", "/entities/self/alarms", alarm), 201, "{id}");
        let entry = json!({ "id": id, "check": "none" });
        assert_eq!(send("POST", "/blacklist", entry), 201, "{id}");
        let path = id.replace('/', "%2F");
        assert_eq!(served.json(&format!("{CHECKS}/{path}"))["id"], id);
        let file = json!({ "type": "agent.plugin", "details": { "file": id } });
        assert!([400, 200].contains(&send("POST", "/entities/self/test-check", file)), "{id}");
    }
    for path in [
        "/../../etc/passwd",
        "/buffer/..%2Fevil",
        "/entities/..%2F../checks",
        "/values/..%2F..%2Fevil/x",
    ] {
        assert_eq!(served.get(path).status, 404, "{path}");
        assert!([404, 405].contains(&send("PUT", path, json!({ "limit": 1 }))), "{path}");
    }
    assert_eq!(send("POST", "/flush", Value::Null), 200);
    wait_until("an alarm has changed", || {
        fs::read_to_string(served.folder.path("state/alarms.json"))
            .is_ok_and(|text| text.contains("evil"))
    });
    let Served { agent, folder, .. } = served;
    agent.terminate().expect_code(0);
    let expected = [
        "agent.yaml",
        "history/history.redb",
        "state/alarms.json",
        "state/events.jsonl",
        "state/lock",
        "state/overlay.json",
    ];
    assert_eq!(
        files_below(Path::new(&folder.whole()), ""),
        BTreeSet::from(expected.map(str::to_owned))
    );
    for path in ["/tmp/evil", "/tmp/evil.json", &folder.path("../evil")] {
        assert!(!Path::new(path).exists(), "{path}");
    }
}

fn files_below(folder: &Path, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{name}{}", entry.file_name().to_string_lossy());
        match entry.file_type().is_ok_and(|of| of.is_dir()) {
            true => found.append(&mut files_below(&entry.path(), &format!("{name}/"))),
            false => drop(found.insert(name)),
        }
    }
    found
}
