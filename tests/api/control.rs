//! Checks that are changed while the agent runs.

use serde_json::{Value, json};
use support::folder::Folder;
use support::server::wait_until;

use crate::Served;
use crate::client::Answer;

const CHECKS: &str = "/entities/self/checks";

impl Served {
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        self.ask(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ))
    }

    /// What was asked for is done.
    fn done(&self, method: &str, path: &str, body: &Value) -> Answer {
        let answer = self.send(method, path, "", body);
        assert_eq!((answer.status, answer.text()), (204, ""), "{method} {path}: {answer:?}");
        answer
    }

    /// Status and message of what is refused.
    fn refused(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let answer = self.send(method, path, "", body);
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    }

    fn age(&self, metric: &str) -> f64 {
        self.json(&format!("/values/{metric}"))["age"].as_f64().expect("an age")
    }
}

#[test]
fn a_check_lives_and_ends_by_requests_alone() {
    let served = Served::at_socket();
    let body =
        json!({ "id": "disk", "type": "agent.memory", "period": 1, "label": "of a request" });
    let created = served.send("POST", &format!("/v1.0/me{CHECKS}"), "", &body);
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("location"), Some("/v1.0/me/entities/self/checks/disk"));
    assert_eq!(created.header("x-object-id"), Some("disk"));
    let path = format!("{CHECKS}/disk");
    let check = served.json(&path);
    assert_eq!(check, created.json());
    assert_eq!((&check["label"], &check["period"]), (&json!("of a request"), &json!(1)));
    served.wait_for_value("disk/total");
    // What is not in the body stays.
    served.done("PUT", &path, &json!({ "metadata": { "team": "web" }, "label": null }));
    let changed = served.json(&path);
    assert_eq!((&changed["label"], &changed["period"]), (&json!("disk"), &json!(1)));
    assert_eq!(changed["metadata"], json!({ "team": "web" }));
    // A timeout that nobody has set goes with the period.
    for (period, timeout) in [(1000, json!(30)), (1, json!(0.5))] {
        served.done("PUT", &path, &json!({ "period": period }));
        assert_eq!(served.json(&path)["timeout"], timeout);
    }
    for _ in 0..2 {
        served.done("POST", &format!("{path}/disable"), &Value::Null);
        assert_eq!(served.json(&path)["disabled"], true);
        assert_eq!(served.json("/values/disk/total")["stale"], true);
    }
    let restart = format!("{path}/restart");
    let disabled = (409, "check disk is disabled: enable it first".to_owned());
    assert_eq!(served.refused("POST", &restart, &Value::Null), disabled);
    // Also what is disabled can be run once.
    let before = served.age("disk/total");
    let tested = served.send("POST", &format!("{path}/test"), "", &json!(""));
    let tested = &tested.json()[0];
    assert_eq!((&tested["available"], &tested["monitoring_zone_id"]), (&json!(true), &Value::Null));
    let total = tested["metrics"]["total"]["data"].as_str().expect("a text");
    assert!(total.parse::<u64>().is_ok_and(|total| total > 1 << 20), "{total}");
    assert!(served.age("disk/total") < before.max(0.5));
    served.done("POST", &format!("{path}/enable"), &Value::Null);
    served.done("POST", &restart, &Value::Null);
    let later = served.json("/values/disk/total")["timestamp"].as_i64();
    wait_until("it runs again", || served.json("/values/disk/total")["timestamp"].as_i64() > later);
    served.done("DELETE", &path, &Value::Null);
    assert_eq!(served.refused("DELETE", &path, &Value::Null).0, 404);
    assert_eq!(served.get(&path).status, 404);
    assert_eq!(served.get("/values/disk/total").status, 404);
    // Nothing else was touched.
    assert!(served.age("load/1m") < 2.0 && served.age("utilization/cpu") < 1.0);
    let ended = served.agent.terminate().expect_code(0);
    for said in ["was added", "was changed", "was disabled", "was restarted", "was removed"] {
        let line = format!("check disk {said} through the API");
        assert!(ended.stderr.contains(&line), "{line}: {}", ended.stderr);
    }
}

#[test]
fn an_id_is_made_where_there_is_none_and_who_and_why_are_in_the_log() {
    let served = Served::at_socket();
    let path = format!("{CHECKS}?_who=Joe+Doe&_why=to%20see%0Ait");
    let created = served.send("POST", &path, "", &json!({ "type": "agent.load_average" }));
    let id = created.header("x-object-id").expect("an id").to_owned();
    assert_eq!(created.header("location"), Some(&*format!("/v1.0/self{CHECKS}/{id}")));
    assert!(id.starts_with("ch") && id.len() == 10, "{id}");
    served
        .agent
        .wait_for_log(&format!("check {id} was added through the API by Joe Doe: to see\\nit"));
}

#[test]
fn what_is_wrong_is_told_whole_and_changes_nothing() {
    let served = Served::at_socket();
    let before = served.json(CHECKS);
    let load = format!("{CHECKS}/load");
    let utilization = format!("{CHECKS}/utilization");
    let always = "check \"utilization\" cannot be changed: CPU and memory are always measured, each --sample-interval";
    for (method, path, body, status, message) in [
        (
            "POST",
            CHECKS,
            json!({ "id": "load", "type": "agent.memory" }),
            409,
            "there is a check load already",
        ),
        (
            "POST",
            CHECKS,
            json!({ "type": "remote.tcp", "period": "often", "details": { "prot": 1 } }),
            400,
            "period \"often\": expected seconds from 1 to 1800, such as 30, 90s or 5m; \
             unknown key \"prot\": ",
        ),
        ("POST", CHECKS, json!({}), 400, "type is missing: expected one of agent.cpu, "),
        (
            "POST",
            CHECKS,
            json!({ "id": 5, "type": "agent.memory" }),
            400,
            "id: expected a text, not 5",
        ),
        (
            "POST",
            CHECKS,
            json!({ "id": "ü", "type": "agent.memory" }),
            400,
            "check \"ü\": expected ",
        ),
        ("POST", CHECKS, json!([1]), 400, "the body: expected a JSON object, not an array"),
        ("POST", CHECKS, Value::Null, 400, "the body is missing: expected a JSON object"),
        (
            "PUT",
            &load,
            json!({ "timeout": 5 }),
            400,
            "timeout \"5\": expected less than the period of 1 s",
        ),
        ("PUT", &load, json!("x"), 400, "the body: expected a JSON object, not \"x\""),
        ("PUT", &utilization, json!({ "period": 5 }), 400, always),
        ("DELETE", &utilization, Value::Null, 400, always),
        ("POST", &format!("{CHECKS}/none/enable"), Value::Null, 404, "check none not found"),
        (
            "POST",
            &format!("{load}/disable?_who=a&_who=b"),
            Value::Null,
            400,
            "_who is there 2 times: expected it once",
        ),
        ("PUT", CHECKS, json!({}), 405, "method PUT is not allowed here: use GET, POST, HEAD"),
        ("POST", "/entities/other/checks", json!({}), 404, "entity \"other\" not found: "),
    ] {
        let (found, said) = served.refused(method, path, &body);
        assert_eq!(found, status, "{method} {path} {body}: {said}");
        assert!(said.starts_with(message), "{method} {path} {body}: {said}");
    }
    let broken = served.ask(&format!(
        "POST {CHECKS} HTTP/1.1\r\nHost: localhost\r\ncontent-length: 3\r\n\r\n{{,}}"
    ));
    assert_eq!(broken.error(), (400, "badRequest".to_owned()));
    assert!(broken.text().contains("the body is no JSON: key must be a string at line 1 column 2"));
    assert_eq!(served.json(CHECKS), before);
}

#[test]
fn who_has_seen_an_older_state_changes_nothing() {
    let served = Served::at_socket();
    let path = format!("{CHECKS}/load");
    let tag = |answer: &Answer| answer.header("etag").expect("a tag").to_owned();
    let first = tag(&served.get(&path));
    let put = |tag: &str, label: &str| {
        served.send("PUT", &path, &format!("If-Match: {tag}\r\n"), &json!({ "label": label }))
    };
    let changed = put(&first, "a");
    assert_eq!(changed.status, 204);
    let second = tag(&changed);
    assert_ne!(first, second);
    assert_eq!(tag(&served.get(&path)), second);
    let refused = put(&first, "b");
    assert_eq!(refused.error(), (412, "preconditionFailed".to_owned()));
    assert_eq!(served.json(&path)["label"], "a");
    assert_eq!(put(&format!("{first}, {second}"), "c").status, 204);
    assert_eq!(put("*", "d").status, 204);
    let removed = served.send("DELETE", &path, &format!("If-Match: {first}\r\n"), &Value::Null);
    assert_eq!(removed.status, 412);
    assert_eq!(served.json(&path)["label"], "d");
}

#[test]
fn a_secret_is_never_shown_and_stays_where_it_is_sent_back_hidden() {
    let served = Served::at_socket();
    let body = json!({
        "id": "web",
        "type": "remote.http",
        "period": 60,
        "disabled": true,
        "details": {
            "url": "http://127.0.0.1:1/${HOME}",
            "headers": ["X-Key: hunter2"],
            "method": "POST",
            "body": "hunter2",
            "auth_user": "joe",
            "auth_password": "hunter2",
        },
    });
    let created = served.send("POST", CHECKS, "", &body);
    assert_eq!(created.status, 201, "{created:?}");
    let path = format!("{CHECKS}/web");
    let shown = served.json(&path);
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    assert!(
        shown["details"]["url"].as_str().is_some_and(|url| url.ends_with("/${HOME}")),
        "{shown}"
    );
    let tag = |path: &str| served.get(path).header("etag").map(str::to_owned);
    let before = tag(&path);
    // As a client does that changes one thing of the whole object.
    served.done("PUT", &path, &shown);
    assert_eq!(tag(&path), before, "nothing has changed, also no secret");
    served.done("PUT", &path, &json!({ "details": { "auth_password": "***" } }));
    assert_eq!(tag(&path), before);
    // To another server it is not sent by somebody who does not know it.
    for elsewhere in [
        json!({ "url": "http://127.0.0.1:2/" }),
        json!({ "url": "http://127.0.0.1:2/", "auth_password": "***", "body": "x" }),
        json!({ "verify": false, "headers": ["X-Key: 1"], "body": "x" }),
        json!({ "verify": false, "auth_password": "1", "body": "x" }),
    ] {
        let (status, why) = served.refused("PUT", &path, &json!({ "details": elsewhere }));
        assert!(status == 400 && why.contains(" anew as well"), "{elsewhere}: {status} {why}");
    }
    let all_anew = json!({
        "url": "http://127.0.0.1:2/", "auth_password": "a", "headers": ["X-Key: 2"], "body": "x",
    });
    served.done("PUT", &path, &json!({ "details": all_anew }));
    served.done("PUT", &path, &json!({ "details": { "auth_password": "hunter3" } }));
    assert_ne!(tag(&path), before);
    served.done("PUT", &path, &json!({ "details": { "auth_password": null, "auth_user": null } }));
    assert!(served.json(&path)["details"].get("auth_password").is_none());
    let wrong = json!({ "details": { "method": "hunter2" } });
    served.refused("PUT", &path, &wrong);
    let ended = served.agent.terminate().expect_code(0);
    assert!(!ended.stderr.contains("hunter"), "{}", ended.stderr);
}

#[test]
fn what_is_only_tried_leaves_nothing_behind() {
    let served = Served::at_socket();
    let before = served.json(CHECKS);
    let tried = |body: Value| served.send("POST", "/entities/self/test-check", "", &body);
    let ran = tried(json!({
        "type": "agent.load_average", "details": {}, "disabled": false, "period": 0, "timeout": 0, "who": null,
    }));
    assert_eq!(ran.status, 200, "{ran:?}");
    let metric = &ran.json()[0]["metrics"]["1m"];
    assert_eq!(metric["type"], "D");
    assert!(metric["data"].as_str().is_some_and(|data| data.parse::<f64>().is_ok()), "{metric}");
    let refused =
        tried(json!({ "type": "remote.tcp", "details": { "host": "127.0.0.1", "port": 1 } }));
    assert_eq!(refused.json()[0]["available"], false, "{refused:?}");
    assert_eq!(tried(json!({ "type": "agent.nothing" })).status, 400);
    assert_eq!(served.json(CHECKS), before);
}

#[test]
fn who_may_only_read_changes_nothing() {
    let tokens = Folder::of(&[("tokens", "read abcd-1234\nwrite efgh-5678\n")]);
    let served = Served::at_port(&["--api-token-file", &tokens.path("tokens")], &[]);
    let send = |token: &str| {
        let headers = format!("Authorization: Bearer {token}\r\n");
        served.send("POST", &format!("{CHECKS}/load/disable"), &headers, &Value::Null)
    };
    assert_eq!(send("abcd-1234").error(), (403, "forbiddenError".to_owned()));
    assert_eq!(send("wrong-1234").error().0, 401);
    assert_eq!(send("efgh-5678").status, 204);
    // Neither does a page of a browser, nor a request without any token on a port.
    let page = "Authorization: Bearer efgh-5678\r\nOrigin: http://evil.example\r\n";
    let sent = served.send("POST", &format!("{CHECKS}/load/enable"), page, &Value::Null);
    assert_eq!(sent.error().0, 403);
    let open = Served::at_port(&[], &[]);
    let sent = open.send("POST", &format!("{CHECKS}/load/disable"), "", &Value::Null);
    assert_eq!(sent.error(), (403, "forbiddenError".to_owned()));
}
