//! Secrets are in no answer, no log and no file but the overlay, wherever they were given.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::folder::{Folder, mode};
use support::server::free_port;
use support::{Agent, command, run};

use crate::client::Place;
use crate::{Served, previewing};

/// In all that is secret, so that one text finds them all.
const SECRET: &str = "hunter2";
const TOKEN: &str = "write-hunter2";

const CONFIG: &str = "\
checks:
  db:
    type: agent.mysql
    period: 1
    details: {host: 127.0.0.1, port: 1, user: joe, password: '${DB_PASSWORD}'}
  cache:
    type: agent.redis
    period: 1
    details: {host: 127.0.0.1, port: 1, password: hunter2-redis}
  web:
    type: remote.http
    period: 1
    details:
      url: http://127.0.0.1:1/?token=hunter2-query
      method: POST
      body: hunter2-body
      headers: ['X-Key: hunter2-header']
      auth_user: joe
      auth_password: ${WEB_PASSWORD}
  page:
    type: agent.apache
    period: 1
    details: {url: 'http://127.0.0.1:1/', user: joe, password: hunter2-page}
  numbers:
    type: agent.prometheus
    period: 1
    details: {url: 'http://127.0.0.1:1/', metrics: [up], user: joe, password: hunter2-numbers}
  own:
    type: agent.plugin
    period: 1
    details: {file: own.sh, args: [--password, hunter2-args]}
  port:
    type: remote.tcp
    period: 1
    details: {host: 127.0.0.1, port: 1, send_body: 'AUTH hunter2-sent'}
";

/// All that the agent has said, beside its log.
struct Said(Vec<(String, String)>);

impl Said {
    fn note(&mut self, what: &str, text: impl Into<String>) {
        self.0.push((what.to_owned(), text.into()));
    }

    fn asked(&mut self, served: &Served, method: &str, path: &str, body: &Value) -> u16 {
        let answer = served.send(method, path, &format!("X-Auth-Token: {TOKEN}\r\n"), body);
        let text = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
        self.note(&format!("{method} {path} {body}"), text);
        answer.status
    }

    #[track_caller]
    fn assert_has_none(&self) {
        for (what, text) in &self.0 {
            let line = text.lines().find(|line| line.contains(SECRET));
            assert!(line.is_none(), "{what}: {line:?}");
        }
    }
}

fn started(folder: Folder) -> (Served, Folder) {
    let port = free_port();
    let mut command = previewing(&folder);
    command.args([
        "--api",
        &format!("127.0.0.1:{port}"),
        "--api-token-file",
        &folder.path("tokens"),
    ]);
    command.args(["--state", &folder.path("state"), "--store", &folder.path("history")]);
    command.args(["--store-sync", "5", "--plugins", &folder.path("plugins")]);
    let variables = ["WEB_PASSWORD", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    command.envs(variables.map(|name| (name, format!("hunter2-{name}")))).env("RUST_LOG", "trace");
    let agent = Agent::start(&mut command);
    agent.wait_for_log("the API answers at ");
    let empty = Folder::of(&[]);
    (Served { agent, place: Place::Tcp(port), folder: empty }, folder)
}

/// Bodies that are taken, and such that are not; each has a secret.
fn bodies() -> Vec<Value> {
    let http = |details: Value| json!({ "type": "remote.http", "details": details });
    let url = "http://127.0.0.1:1/";
    let of = |kind: &str, details: Value| json!({ "type": kind, "details": details });
    vec![
        http(json!({ "url": url, "auth_user": "joe", "auth_password": "hunter2-a" })),
        http(json!({ "url": url, "headers": { "X-Key": "hunter2-b" } })),
        http(json!({ "url": url, "method": "POST", "body": "hunter2-c" })),
        http(json!({ "url": "http://127.0.0.1:1/?key=hunter2-d" })),
        http(json!({ "url": "http://joe:hunter2-e@127.0.0.1:1/" })),
        http(json!({ "url": "joe:hunter2-f@127.0.0.1" })),
        http(json!({ "url": "ftp://joe:hunter2-g@127.0.0.1/?hunter2" })),
        http(json!({ "url": url, "auth_password": "hunter2-h" })),
        http(json!({ "url": url, "auth_user": "joe", "auth_password": ["hunter2-i"] })),
        http(
            json!({ "url": url, "auth_user": "joe", "auth_password": { "hunter2-j": "hunter2-k" } }),
        ),
        http(json!({ "url": url, "auth_user": "joe", "auth_password": "'hunter2-l'" })),
        http(json!({ "url": url, "headers": "hunter2-m" })),
        http(json!({ "url": url, "headers": ["X-Key: hunter2-n\r\nX: y", "é: hunter2"] })),
        http(json!({ "url": url, "headers": { "X-Key": ["hunter2-o"] } })),
        http(json!({ "url": url, "body": ["hunter2-p"] })),
        http(json!({ "url": url, "body": "hunter2-q" })),
        http(json!("auth_password: hunter2-r")),
        http(json!("auth_password:hunter2-s")),
        http(json!(["hunter2-t"])),
        http(json!({ "url": url, "auth_user": "joe", "auth_pasword": "hunter2-u" })),
        json!({ "type": "remote.http", "auth_password": "hunter2-v", "details": { "url": url } }),
        of("agent.plugin", json!({ "file": "own.sh", "args": ["hunter2-w", "hunter2-x"] })),
        of("agent.plugin", json!({ "file": "own.sh", "args": "--password hunter2-y" })),
        of("agent.plugin", json!({ "file": "own.sh", "args": [["hunter2-z"]] })),
        of("agent.plugin", json!({ "file": "none.sh", "args": ["hunter2-1"] })),
        of("agent.redis", json!({ "host": "127.0.0.1", "port": 1, "password": "hunter2-2" })),
        of(
            "agent.redis",
            json!({ "url": "redis://:hunter2-3@127.0.0.1:1/", "password": ["hunter2"] }),
        ),
        of(
            "agent.mysql",
            json!({ "host": "127.0.0.1", "port": 1, "user": "joe", "password": "hunter2-4" }),
        ),
        of(
            "agent.mysql",
            json!({ "host": "joe:hunter2-5@127.0.0.1", "user": "joe", "password": "x" }),
        ),
        of(
            "remote.tcp",
            json!({ "host": "127.0.0.1", "port": 1, "send_body": "AUTH hunter2-6\\q" }),
        ),
        of("remote.tcp", json!({ "host": "127.0.0.1", "port": 1, "send_body": ["hunter2-7"] })),
        of(
            "agent.prometheus",
            json!({ "url": url, "metrics": ["up"], "user": "joe", "password": "hunter2-8" }),
        ),
        of(
            "agent.apache",
            json!({ "url": "http://joe:hunter2-9@127.0.0.1/", "password": "hunter2" }),
        ),
    ]
}

/// Files with a mistake beside or in a secret.
const BROKEN: &[&str] = &[
    "checks: {web: {type: remote.http, details: {url: 'http://joe:hunter2@h/', auth_password: hunter2}}}\n",
    "checks: {web: {type: remote.http, details: 'auth_password: hunter2'}}\n",
    "checks: {web: {type: remote.http, details: {auth_password: [hunter2]}}}\n",
    "checks:\n  web:\n    type: remote.http\n    details:\n      auth_password: \"hunter2\n",
    "checks:\n  web:\n    type: remote.http\n    details:\n      auth_password hunter2\n",
    "checks:\n  web:\n    type: remote.http\n    details:\n      auth_password: hunter2: x\n",
    "checks:\n  web:\n    type: remote.http\n    details:\n      auth_password: @hunter2\n",
    "checks:\n  web:\n    type: remote.http\n    details:\n      auth_password: *hunter2\n",
    "checks:\n  web:\n    type: remote.http\n    details:\n      auth_password: 'a'hunter2\n",
    "checks:\n  web:\n    type: remote.http\n    details:\n      auth_password: a${hunter2-x\n",
    "checks:\n  web:\n    type: remote.http\n    details:\n      auth_password: ${hunter2-x}\n",
    "checks:\n  web:\n    type: remote.tcp\n    details: {host: h, port: '${WEB_PASSWORD}'}\n",
    "checks:\n  web:\n    type: ${WEB_PASSWORD}\n",
    "checks:\n  web:\n    type: remote.http\n    period: ${WEB_PASSWORD}\n",
    "buffer: ${WEB_PASSWORD}\n",
];

#[test]
fn a_secret_is_shown_by_nothing_and_kept_in_the_overlay_alone() {
    let folder = Folder::of(&[("agent.yaml", CONFIG), ("tokens", &format!("write {TOKEN}\n"))]);
    fs::create_dir(folder.path("plugins")).expect("a folder");
    folder.write("plugins/own.sh", "#!/bin/sh\necho 'metric given int 1'\nsleep 0.1\n");
    mode(folder.path("plugins/own.sh"), 0o755);
    mode(folder.path("tokens"), 0o600);
    let mut said = Said(Vec::new());
    let (served, folder) = started(folder);
    let checks = "/entities/self/checks";
    support::server::wait_until("all have run", || {
        let answer =
            served.send("GET", "/runs", &format!("X-Auth-Token: {TOKEN}\r\n"), &Value::Null);
        answer.json()["metadata"]["count"] == 7
    });
    let (mut taken, mut refused) = (0, 0);
    for (number, body) in bodies().into_iter().enumerate() {
        let mut with_id = body.clone();
        (with_id["id"], with_id["period"]) = (json!(format!("c{number}")), json!(1));
        let status =
            said.asked(&served, "POST", &format!("{checks}?_who=joe&_why=hidden"), &with_id);
        assert!([201, 400].contains(&status), "{with_id}: {status}");
        if status == 201 {
            taken += 1;
            said.asked(&served, "POST", &format!("{checks}/c{number}/test"), &Value::Null);
        } else {
            refused += 1;
        }
        said.asked(&served, "POST", "/entities/self/test-check", &body);
        said.asked(&served, "PUT", &format!("{checks}/web"), &body);
    }
    assert!(taken >= 9 && refused >= 12, "{taken} {refused}");
    for (number, details) in [
        json!({ "url": "http://127.0.0.1:1/hunter2-path?key=hunter2-query", "secret": "hunter2-hmac" }),
        json!({ "url": "http://joe:hunter2@127.0.0.1:1/" }),
        json!({ "url": "http://127.0.0.1:1/", "secret": ["hunter2"] }),
        json!("secret: hunter2"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "id": format!("n{number}"), "type": "webhook", "details": details });
        let status = said.asked(&served, "POST", "/notifications", &body);
        assert_eq!(status, if number == 0 { 201 } else { 400 }, "{body}");
    }
    said.asked(&served, "GET", "/notifications/n0", &Value::Null);
    // Who and why may be a link of somebody.
    let by = "_who=http://joe:hunter2@h/&_why=see%20https://joe:hunter2@h/x";
    said.asked(&served, "PUT", &format!("{checks}/db?{by}"), &json!({ "label": "x" }));
    for wrong in ["X-Auth-Token: wrong-hunter2\r\n", "Authorization: Basic hunter2\r\n"] {
        let answer = served.send("GET", "/values", wrong, &Value::Null);
        said.note("a wrong token", String::from_utf8_lossy(&answer.body));
    }
    for broken in BROKEN {
        folder.write("agent.yaml", broken);
        assert_eq!(said.asked(&served, "POST", "/config/reload", &Value::Null), 422, "{broken}");
        said.asked(&served, "GET", "/config", &Value::Null);
    }
    folder.write("agent.yaml", format!("{CONFIG}# There is something to go back from.\n"));
    assert_eq!(said.asked(&served, "POST", "/config/reload", &Value::Null), 200);
    assert_eq!(said.asked(&served, "POST", "/config/undo", &Value::Null), 200);
    assert_eq!(said.asked(&served, "POST", "/flush", &Value::Null), 200);
    read_all(&served, &mut said);
    with_ctl(&served, &folder, &mut said);
    let ended = served.agent.terminate().expect_code(0);
    let overlay = fs::read_to_string(folder.path("state/overlay.json")).expect("it is there");
    assert!(overlay.contains("hunter2-a"), "it was kept: {overlay}");
    // What is kept is taken again, without a word about it.
    let (again, folder) = started(folder);
    read_all(&again, &mut said);
    let again = again.agent.terminate().expect_code(0);
    for ended in [ended, again] {
        said.note("the log", ended.stderr);
        said.note("standard output", ended.stdout);
    }
    for name in ["state", "history"] {
        for entry in fs::read_dir(folder.path(name)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.file_name().is_some_and(|name| name != "overlay.json") {
                said.note(&path.display().to_string(), text_of(&path));
            }
        }
    }
    said.assert_has_none();
}

fn text_of(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned()
}

/// Every resource that there is, of each check and each alarm.
fn read_all(served: &Served, said: &mut Said) {
    let get =
        |path: &str| served.send("GET", path, &format!("X-Auth-Token: {TOKEN}\r\n"), &Value::Null);
    let contract = get("/openapi.json").json();
    let list = get("/entities/self/checks?limit=1000").json();
    let checks = list["values"].as_array().expect("a list");
    let types = get("/agents/self/host_info_types").json();
    let types: Vec<_> =
        types["types"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut read = 0;
    for (pattern, methods) in contract["paths"].as_object().expect("paths") {
        // A stream has no end, and what it has is that of the list beside it.
        if methods.get("get").is_none() || pattern.ends_with("/stream") {
            continue;
        }
        let path = pattern.replace("{entity}", "self").replace("{agent}", "self");
        let path = path.replace("{publisher}", "console").replace("{metric}", "available");
        let mut paths = vec![path];
        let kinds = ["remote.http", "agent.plugin", "agent.redis", "agent.filesystem"];
        let ids: Vec<_> = checks.iter().filter_map(|of| of["id"].as_str()).collect();
        for (name, values) in
            [("{check}", &ids[..]), ("{type}", &types[..]), ("{check_type}", &kinds[..])]
        {
            let with = |path: &String| match path.contains(name) {
                true => values.iter().map(|value| path.replace(name, value)).collect(),
                false => vec![path.clone()],
            };
            paths = paths.iter().flat_map(with).collect();
        }
        for path in paths {
            let path = path.replace(['{', '}'], "");
            said.asked(served, "GET", &format!("{path}?limit=1000"), &Value::Null);
            said.asked(
                served,
                "GET",
                &format!("{path}?from=1000000000000&to=9999999999999&points=9"),
                &Value::Null,
            );
            read += 1;
        }
    }
    assert!(read > 60, "{read}");
}

/// What people and scripts see.
fn with_ctl(served: &Served, folder: &Folder, said: &mut Said) {
    let added = r#"{"id": "by-ctl", "type": "agent.redis", "details": {"host": "127.0.0.1", "port": 1, "password": "hunter2-ctl"}}"#;
    let broken = r#"{"type": "agent.redis", "details": "password: hunter2-ctl""#;
    for arguments in [
        &["checks"][..],
        &["check", "web"],
        &["add", added],
        &["add", broken],
        &["change", "cache", "details.password=hunter2-changed"],
        &["change", "cache", "details=hunter2-changed"],
        &["change", "web", "details.headers=hunter2-changed"],
        &["run", "cache"],
        &["values"],
        &["get", "/config"],
        &["get", "/entities/self/checks"],
        &["reload"],
        &["undo"],
        &["checks", "--output", "json"],
        &["remove", "by-ctl"],
    ] {
        let mut ctl = command();
        ctl.arg("ctl").args(arguments).args(["--api", &served.address()]);
        let ended =
            run(ctl.args(["--api-token-file", &folder.path("tokens")]).env("RUST_LOG", "trace"));
        said.note(&format!("ctl {arguments:?}"), ended.stdout + &ended.stderr);
    }
}
