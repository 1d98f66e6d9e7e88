//! Who is told of an alarm: webhooks to a real server, programs, the log, plans and suppressions.

use std::fs;
use std::net::Ipv4Addr;

use ring::hmac;
use serde_json::{Value, json};
use support::folder::{Folder, mode};
use support::http::{Reply, Request, Server};
use support::server::{free_port, wait_until};

use crate::Served;
use crate::alarms::{CONFIG, door_of};
use crate::events::Stream;

const SECRET: &str = "a-secret-of-the-hook";
const PATH: &str = "/a-path-that-is-secret";

/// A server at which webhooks arrive, and a configuration that sends there.
fn hook(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Server, String) {
    let server = Server::start((Ipv4Addr::LOCALHOST, free_port()), answer);
    let of = |name: &str, path: &str| {
        format!(
            "  {name}:\n    type: webhook\n    details: {{url: http://{}{path}, secret: '${{HOOK_SECRET}}'}}\n",
            server.address()
        )
    };
    let config = format!(
        "{CONFIG}notifications:\n{}{}  log: {{type: log}}\n  run: {{type: exec, details: {{file: run.sh, args: [x]}}}}\n\
         notification_plans:\n  default:\n    critical_state: [hook, log, run]\n    ok_state: hook\n",
        of("hook", PATH),
        of("hung", "/hung"),
    );
    (server, config)
}

fn started(config: &str) -> Served {
    let served = door_of(config, &[("HOOK_SECRET", SECRET)]);
    served.wait_for_state("ajar", &json!("OK"));
    served
}

/// How many changes nobody waits any more to be told of.
fn told_of(history: &Value) -> usize {
    let changes = history["values"].as_array().expect("an array").iter();
    let results = |change: &Value| change["notification_results"].as_array().cloned();
    let is_over = |change: &&Value| {
        results(change).unwrap_or_default().iter().all(|of| of["in_progress"] == false)
    };
    changes.filter(is_over).count()
}

/// The events that arrived there of the alarm `ajar`, each with a signature that is right.
fn arrived(requests: &[Request]) -> Vec<Value> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let of = |request: &Request| {
        let signature = request.header("x-signature-256").expect("it is signed");
        let digits = signature.strip_prefix("sha256=").expect("the algorithm");
        let bytes = digits.as_bytes().chunks(2).map(|two| {
            u8::from_str_radix(std::str::from_utf8(two).expect("ASCII"), 16).expect("digits")
        });
        let bytes: Vec<_> = bytes.collect();
        hmac::verify(&key, request.body.as_bytes(), &bytes).expect("it is of this body");
        assert_eq!(request.header("content-type"), Some("application/json"));
        serde_json::from_str::<Value>(&request.body).expect("JSON")
    };
    requests.iter().map(of).filter(|event| event["alarm_id"] == "ajar").collect()
}

#[test]
fn a_webhook_gets_each_change_signed_and_in_order() {
    let (server, config) = hook(|_| Reply::ok("fine"));
    let served = started(&config);
    served.set_door("5");
    server.wait_until("CRITICAL", |log| arrived(&log.requests).len() == 1);
    served.set_door("0");
    let log = server.wait_until("OK", |log| arrived(&log.requests).len() == 2);
    let events = arrived(&log.requests);
    let states: Vec<_> = events.iter().map(|of| (&of["previous_state"], &of["state"])).collect();
    let (ok, critical) = (json!("OK"), json!("CRITICAL"));
    assert_eq!(states, [(&ok, &critical), (&critical, &ok)]);
    assert_eq!(events[0]["message"], "open by 5");
    assert_eq!(log.requests[0].line, format!("POST {PATH}"));
    // Who was told of which change, as existing clients ask for it.
    let path = "/entities/self/alarms/ajar/notification_history";
    wait_until("the log", || told_of(&served.json(&format!("{path}/door"))) == 2);
    assert_eq!(served.json(path), json!({ "check_ids": ["door"] }));
    let first = &served.json(&format!("{path}/door"))["values"][0];
    let id = events[0]["id"].to_string();
    let expected = [json!("default"), json!(id), json!("OK"), json!("CRITICAL")];
    let names = ["notification_plan_id", "transaction_id", "previous_state", "state"];
    assert_eq!(names.map(|name| first[name].clone()), expected);
    let results = first["notification_results"].as_array().expect("an array");
    let result = |of: &Value| (of["notification_id"].clone(), of["success"].clone());
    let named = ["hook", "log", "run"].map(|id| (json!(id), json!(id != "run")));
    assert_eq!(results.iter().map(result).collect::<Vec<_>>(), named, "{first}");
    assert!(results[2]["message"].as_str().is_some_and(|why| why.contains("no plugin")), "{first}");
    let newest = &served.json(&format!("{path}/door?reverse=True&limit=1"))["values"][0];
    assert_eq!((&newest["previous_state"], &newest["state"]), (&critical, &ok));
    assert_eq!(served.json(&format!("{path}/load"))["values"], json!([]));
    assert_eq!(served.get("/entities/self/alarms/none/notification_history").status, 404);
    // The same object as in the list.
    assert_eq!(served.json(&format!("/events/{}", events[0]["id"])), events[0]);
    let line = served.agent.wait_for_log("notification log: alarm ajar is CRITICAL: open by 5");
    assert!(line.contains("WARN"), "{line}");
    wait_until("the count", || served.json("/notifications/hook")["sent"] == 2);
    assert_eq!(served.json("/notifications/log")["sent"], 1);
    // Neither answers nor the log have the secret, the path, or the variable.
    let list = served.json("/notifications").to_string() + &served.json("/events").to_string();
    let config = served.json("/config").to_string();
    let ended = served.agent.terminate();
    for secret in [SECRET, &PATH[1..], "HOOK_SECRET"] {
        for text in [&list, &config, &ended.stderr, &ended.stdout] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    assert!(list.contains("\"secret\":\"***\"") && list.contains("/***\""), "{list}");
}

#[test]
fn a_program_gets_the_event_on_its_standard_input() {
    let (_server, config) = hook(|_| Reply::ok(""));
    let served = started(&config);
    let (out, test) = (served.folder.path("told"), |served: &Served| {
        served.send("POST", "/notifications/run/test", "", &json!("")).json()
    });
    let missing = test(&served);
    assert_eq!(missing["status"], "error");
    assert!(missing["message"].as_str().is_some_and(|text| text.contains("no plugin \"run.sh\"")));
    let script = format!(
        "#!/bin/sh\necho \"$1 $EVENT_STATE $EVENT_ALARM_ID\" > {out}.new\ncat >> {out}.new\nmv {out}.new {out}\n"
    );
    mode(served.folder.write("run.sh", script), 0o755);
    served.set_door("5");
    wait_until("the program", || fs::metadata(&out).is_ok());
    let text = fs::read_to_string(&out).expect("it is there");
    let (first, json) = text.split_once('\n').expect("two lines");
    assert_eq!(first, "x CRITICAL ajar");
    let event: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!((&event["alarm_id"], &event["state"]), (&json!("ajar"), &json!("CRITICAL")));
    mode(served.folder.write("run.sh", "#!/bin/sh\necho no such pager >&2; exit 3\n"), 0o755);
    let failed = test(&served);
    assert_eq!(failed["message"], "the plugin ended with exit code 3: no such pager");
}

#[test]
fn a_webhook_that_never_answers_or_fails_holds_up_nothing() {
    let (server, config) = hook(|request| match request.line.as_str() {
        "POST /hung" => Reply::Silence,
        _ => Reply::status(500),
    });
    let config = config.replace("critical_state: [hook,", "critical_state: [hung, hook,");
    let served = started(&config);
    served.set_door("5");
    server.wait_until("both", |log| log.lines() == [&format!("POST {PATH}"), "POST /hung"]);
    let line = served.agent.wait_for_log("notification hook fails, and is tried again: ");
    let address = server.address();
    assert!(line.contains(&format!("{address} answers 500 Internal Server Error")), "{line}");
    let hook = served.json("/notifications/hook");
    assert_eq!((&hook["waiting"], &hook["sent"]), (&json!(1), &json!(0)), "{hook}");
    assert_eq!(served.json("/notifications/hung")["waiting"], 1);
    // All goes on: samples, checks, and who is told by another way.
    served.agent.wait_for_log("notification log: alarm ajar is CRITICAL");
    let samples = |served: &Served| {
        let page = served.get("/metrics").text().to_owned();
        let line =
            page.lines().find(|line| line.starts_with("cloudwatch_metrics_agent_samples_total"));
        line.expect("it is counted").rsplit(' ').next().and_then(|count| count.parse::<f64>().ok())
    };
    let before = samples(&served);
    wait_until("further samples", || samples(&served) > before.map(|count| count + 10.0));
    served.set_door("0");
    served.wait_for_state("ajar", &json!("OK"));
    // As the agent ends, each is tried once more and not waited for.
    let ended = served.agent.terminate();
    assert!(
        ended.stderr.contains("notifications were not sent before the end"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_redirect_and_a_link_local_address_get_nothing() {
    let (server, _) = hook(|request| match request.line.as_str() {
        "POST /moved" => Reply::status(307).with_header("location", "/secret"),
        _ => Reply::ok(""),
    });
    let served = Served::at_socket();
    let tried = |url: &str| {
        let body = json!({ "who": null, "why": null, "label": null, "type": "webhook",
            "details": { "url": url }, "metadata": {} });
        served.send("POST", "/test-notification", "", &body).json()["message"].clone()
    };
    let moved = tried(&format!("http://{}/moved", server.address()));
    assert!(moved.as_str().is_some_and(|text| text.contains("no redirect is followed")), "{moved}");
    for address in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.170.2]", "[fd00:ec2::254]"] {
        let refused = tried(&format!("http://{address}/latest/meta-data"));
        let text = refused.as_str().unwrap_or_default();
        assert!(text.contains("link-local address") && !text.contains("meta-data"), "{text}");
    }
    assert_eq!(tried(&format!("http://{}/fine", server.address())), "the test was sent");
    assert_eq!(server.finish().lines(), ["POST /fine", "POST /moved"]);
}

#[test]
fn notifications_plans_and_suppressions_live_by_requests_alone() {
    let served = Served::at_socket();
    let send = |method: &str, path: &str, body: &Value| served.send(method, path, "", body);
    let body = json!({ "id": "hook", "type": "webhook",
        "details": { "url": "http://127.0.0.1:1/x?key=y", "secret": SECRET } });
    let created = send("POST", "/v1.0/me/notifications", &body);
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("location"), Some("/v1.0/me/notifications/hook"));
    assert_eq!(created.header("x-object-id"), Some("hook"));
    assert_eq!(send("POST", "/notifications", &body).status, 409);
    let shown = served.json("/notifications/hook");
    assert_eq!(created.json(), shown);
    assert_eq!(shown["details"], json!({ "url": "http://127.0.0.1:1/***", "secret": "***" }));
    assert_eq!((&shown["source"], &shown["label"]), (&json!("api"), &json!("hook")));
    // What comes back as it was shown stays as it is: it is still sent there.
    let back = json!({ "label": "pager", "details": shown["details"] });
    let changed = send("PUT", "/notifications/hook", &back);
    assert_eq!(
        (changed.status, changed.header("location")),
        (204, Some("/v1.0/self/notifications/hook"))
    );
    let failed = send("POST", "/notifications/hook/test", &json!("")).json();
    assert_eq!(failed["status"], "error");
    assert!(failed["message"].as_str().is_some_and(|text| text.contains("127.0.0.1:1 refused")));
    let tag = served.get("/notifications/hook").header("etag").map(str::to_owned).expect("a tag");
    let other = served.send("PUT", "/notifications/hook", "If-Match: \"x\"\r\n", &json!({}));
    assert_eq!(other.error(), (412, "preconditionFailed".to_owned()));
    let same =
        served.send("PUT", "/notifications/hook", &format!("If-Match: {tag}\r\n"), &json!({}));
    assert_eq!(same.header("etag"), Some(&*tag));
    let plan = send("POST", "/notification_plans", &json!({ "critical_state": ["hook"] }));
    assert_eq!(plan.status, 201, "{plan:?}");
    let plan_id = plan.header("x-object-id").expect("an id").to_owned();
    assert!(plan_id.starts_with("np") && plan_id.len() == 10, "{plan_id}");
    let plan_path = format!("/notification_plans/{plan_id}");
    let alarm = |plan: &str| {
        let body = json!({ "id": "loaded", "check_id": "load", "notification_plan_id": plan });
        send("POST", "/entities/self/alarms", &body)
    };
    assert_eq!(alarm("nobody").status, 400);
    assert_eq!(alarm(&plan_id).status, 201);
    // Neither can be removed as long as it is used.
    for path in ["/notifications/hook", &plan_path] {
        assert_eq!(send("DELETE", path, &Value::Null).error(), (400, "badRequest".to_owned()));
    }
    let all = send("POST", "/suppressions", &json!({ "id": "night", "checks": ["load"] }));
    assert_eq!(all.status, 201, "{all:?}");
    assert_eq!((&all.json()["end_time"], &all.json()["alarms"]), (&json!(0), &json!([])));
    let active = |path: &str| served.json(path)["active_suppressions"].clone();
    assert_eq!(active("/entities/self/alarms/loaded"), json!(["night"]));
    assert_eq!(active("/entities/self/checks/load"), json!(["night"]));
    assert_eq!(active("/entities/self/checks/tcp"), json!([]));
    assert_eq!(active("/entities/self"), json!([]));
    let later = json!({ "checks": null, "start_time": 99_999_999_999_000_i64 });
    assert_eq!(send("PUT", "/suppressions/night", &later).status, 204);
    assert_eq!(served.json("/entities/self")["scheduled_suppressions"], json!(["night"]));
    assert_eq!(active("/entities/self/alarms/loaded"), json!([]));
    for path in
        ["/suppressions/night", "/entities/self/alarms/loaded", &plan_path, "/notifications/hook"]
    {
        assert_eq!(send("DELETE", path, &Value::Null).status, 204, "{path}");
        assert_eq!(served.get(path).status, 404, "{path}");
        assert_eq!(send("DELETE", path, &Value::Null).status, 404, "{path}");
    }
    let types = served.json("/notification_types");
    let names: Vec<_> =
        types["values"].as_array().expect("an array").iter().map(|of| &of["id"]).collect();
    assert_eq!(names, ["exec", "log", "webhook"]);
    assert_eq!(served.json("/notification_types/webhook")["fields"][0]["name"], "url");
    for (path, body, message) in [
        (
            "/notifications",
            json!({}),
            "notification ID: type is missing: expected one of webhook, exec, log",
        ),
        (
            "/notifications",
            json!({ "type": "email" }),
            "type \"email\": expected one of webhook, exec, log",
        ),
        ("/notifications", json!({ "type": "webhook" }), "details: url is missing: "),
        (
            "/notifications",
            json!({ "type": "webhook", "details": { "url": "ftp://x/y" } }),
            "url: expected one that begins with http:// or https://",
        ),
        (
            "/notifications",
            json!({ "type": "webhook", "details": { "url": "http://joe:hunter2@x/" } }),
            "url: expected no user and password in it",
        ),
        (
            "/notifications",
            json!({ "type": "exec", "details": { "file": "/bin/sh" } }),
            "file \"/bin/sh\": ",
        ),
        (
            "/notification_plans",
            json!({ "ok_state": ["x"] }),
            "notification \"x\": expected the id of one",
        ),
        (
            "/suppressions",
            json!({ "start_time": "soon" }),
            "start_time \"soon\": expected a time such as ",
        ),
        ("/suppressions", json!({ "end_time": 5 }), "end_time: expected a time after the start"),
    ] {
        let answer = send("POST", path, &body);
        let text = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, 400, "{body}: {text}");
        let (before, after) = message.split_once("ID").unwrap_or((message, ""));
        assert!(text.starts_with(before) && text.contains(after), "{body}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn nobody_is_told_while_a_suppression_of_the_file_is_active() {
    let (server, config) = hook(|_| Reply::ok(""));
    let night = "suppressions:\n  night: {start_time: 2020-01-01T00:00:00Z, end_time: 2100-01-01T00:00:00Z, alarms: [ajar]}\n";
    let served = started(&(config + night));
    let mut stream = Stream::of(&served, "/events/stream", "");
    served.set_door("5");
    stream.find(|_, event| event["alarm_id"] == "ajar" && event["state"] == "CRITICAL");
    served.agent.wait_for_log("alarm ajar: nobody is notified: suppression night is active");
    assert_eq!(served.json("/entities/self/alarms/ajar")["active_suppressions"], json!(["night"]));
    let logs = served.json("/suppression_logs");
    let log = &logs["values"][0];
    assert_eq!((&log["alarm_id"], &log["suppressions"]), (&json!("ajar"), &json!(["night"])));
    // Another alarm of the same check is told.
    served.set_door("nothing");
    server.wait_until("another alarm", |log| {
        log.requests.iter().any(|request| request.body.contains("\"alarm_id\":\"there\""))
    });
    assert_eq!(arrived(&server.finish().requests), [Value::Null; 0]);
}

#[test]
fn an_alarm_of_the_last_reading_is_told_and_kept() {
    let (server, config) = hook(|_| Reply::ok(""));
    let config = config.replace(
        "notifications:\n",
        "  push:\n    type: agent.push\n    period: 1800\n    alarms:\n      high:\n        criteria: |\n          \
         if (metric['n'] > 5) { return new AlarmStatus(CRITICAL, 'n is #{n}'); }\n          \
         return new AlarmStatus(OK);\nnotifications:\n",
    );
    let kept = Folder::of(&[]);
    let state = kept.path("state");
    let variables = [("HOOK_SECRET", SECRET), ("CLOUDWATCH_METRICS_AGENT_STATE", state.as_str())];
    let served = door_of(&config, &variables);
    served.wait_for_state("ajar", &json!("OK"));
    // Its only run is the one at the end.
    let values = json!({ "values": [{ "check": "push", "metric": "n", "value": 7 }] });
    assert_eq!(served.send("POST", "/values", "", &values).json()["taken"], 1);
    let Served { agent, folder: _folder, .. } = served;
    agent.terminate().expect_code(0);
    let is_of_alarm = |of: &Request| of.body.contains("\"high\"");
    let told = server.wait_until("it", |log| log.requests.iter().any(is_of_alarm)).requests;
    let told: Vec<Value> =
        told.iter().map(|of| serde_json::from_str(&of.body).expect("JSON")).collect();
    let told: Vec<_> = told.iter().filter(|event| event["alarm_id"] == "high").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["state"], &told[0]["message"]), (&json!("CRITICAL"), &json!("n is 7")));
    let kept = fs::read_to_string(format!("{state}/events.jsonl")).expect("it is kept");
    assert!(kept.contains("n is 7"), "{kept}");
    let alarms = fs::read_to_string(format!("{state}/alarms.json")).expect("it is kept");
    assert!(alarms.contains("CRITICAL"), "{alarms}");
}
