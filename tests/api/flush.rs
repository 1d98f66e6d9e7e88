//! What waits to be published, and having it published at once.

use std::collections::HashSet;

use fake_cloudwatch::{Answer, FakeCloudWatch};
use serde_json::{Value, json};
use support::Agent;
use support::folder::Folder;
use support::server::wait_until;

use crate::Served;
use crate::client::Place;

/// An agent that publishes once in five minutes to this, at a socket, with a history in a folder.
fn publishing(cloudwatch: &FakeCloudWatch) -> Served {
    start(cloudwatch, Folder::of(&[]), "300")
}

fn start(cloudwatch: &FakeCloudWatch, folder: Folder, period: &str) -> Served {
    let path = folder.path("api.sock");
    let mut command = support::publishing_to(&cloudwatch.url());
    command.args(["--period", period, "--sample-interval", "0.1"]);
    command.args(["--api", &format!("unix:{path}"), "--state", &folder.path("state")]);
    command.args(["--store", &folder.path("history")]).env("RUST_LOG", "info");
    Served::of(Agent::start(&mut command), Place::Unix(path), folder)
}

impl Served {
    fn flush(&self, query: &str) -> Value {
        let answer = self.send("POST", &format!("/flush{query}"), "", &Value::Null);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

#[test]
fn a_flush_publishes_the_open_window_and_writes_the_history() {
    let cloudwatch = FakeCloudWatch::start();
    let served = publishing(&cloudwatch);
    served.wait_for_value("utilization/cpu");
    let answer = served.flush("");
    let cpu: Vec<_> = cloudwatch.data().into_iter().filter(|of| of.name.contains("CPU")).collect();
    assert!(!cpu.is_empty(), "it has arrived");
    let expected = json!({ "succeeded": 2, "failed": 0, "parts": [
        { "name": "cloudwatch", "ok": true, "message": "1 windows were accepted" },
        { "name": "history", "ok": true, "message": "it is written" },
    ] });
    assert_eq!(answer, expected);
    // Written means that another process finds it after a kill.
    let answer = served.flush("?part=history");
    assert_eq!((&answer["succeeded"], &answer["parts"][0]["name"]), (&json!(1), &json!("history")));
    let refused = served.send("POST", "/flush?part=otlp", "", &Value::Null);
    let message = refused.json()["message"].as_str().unwrap_or_default().to_owned();
    assert_eq!(refused.status, 400);
    assert_eq!(message, "part \"otlp\": expected one of cloudwatch, history");
    // The window goes on, as a part of the same period.
    wait_until("the rest of the window", || {
        served.flush("?part=cloudwatch");
        cloudwatch.data().len() >= 8
    });
    let Served { agent, .. } = served;
    agent.terminate().expect_code(0);
    let data = cloudwatch.data();
    let starts: HashSet<_> = data.iter().map(|of| of.timestamp).collect();
    // One more where the test runs over the end of a window.
    assert!((1..=2).contains(&starts.len()), "{starts:?}");
}

#[test]
fn flushes_of_an_outage_take_no_places_of_whole_windows() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::access_denied());
    let served = publishing(&cloudwatch);
    served.wait_for_value("utilization/cpu");
    let answer = served.flush("");
    assert_eq!((&answer["failed"], &answer["succeeded"]), (&json!(1), &json!(1)), "{answer}");
    let before = served.json("/metrics_list")["values"].as_array().map(Vec::len);
    for _ in 0..20 {
        served.wait_for_value("utilization/cpu");
        assert_eq!(served.flush("?part=cloudwatch")["failed"], 1);
    }
    // One more where the test runs over the end of a window.
    let buffer = served.json("/buffer/cloudwatch");
    assert!(buffer["waiting"].as_u64() <= Some(2) && buffer["dropped"] == 0, "{buffer}");
    assert_eq!(served.json("/metrics_list")["values"].as_array().map(Vec::len), before);
    cloudwatch.answer_always(Answer::Take);
    let answer = served.flush("?part=cloudwatch");
    assert_eq!(answer["failed"], 0, "{answer}");
    served.flush("?part=cloudwatch");
    let buffer = served.json("/buffer/cloudwatch");
    assert_eq!((&buffer["waiting"], &buffer["dropped"]), (&json!(0), &json!(0)));
}

#[test]
fn what_cannot_be_published_waits_within_its_limit_and_is_told() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::access_denied());
    let served = start(&cloudwatch, Folder::of(&[]), "1");
    let waiting = || served.json("/buffer/cloudwatch")["waiting"].as_u64().expect("a number");
    wait_until("windows wait", || waiting() >= 3);
    assert_eq!(served.flush("?part=cloudwatch")["failed"], 1);
    let buffer = served.json("/buffer/cloudwatch");
    assert_eq!((&buffer["limit"], &buffer["dropped"]), (&json!(60), &json!(0)));
    assert!(buffer["oldest"].is_i64() && buffer["failing_since"].is_i64(), "{buffer}");
    assert!(buffer["failure"].as_str().is_some_and(|why| why.contains("AccessDenied")), "{buffer}");
    for wrong in
        [json!({}), json!({ "limit": -1 }), json!({ "limit": 1441 }), json!({ "limit": "5" })]
    {
        let answer = served.send("PUT", "/buffer/cloudwatch", "", &wrong);
        assert_eq!(answer.status, 400, "{wrong}");
    }
    assert_eq!(served.send("PUT", "/buffer/emf", "", &json!({ "limit": 5 })).status, 404);
    let lower = json!({ "limit": 1 });
    assert_eq!(served.send("PUT", "/buffer/cloudwatch", "", &lower).status, 204);
    wait_until("the oldest are dropped", || {
        let buffer = served.json("/buffer/cloudwatch");
        (&buffer["limit"], &buffer["waiting"], &buffer["overflowed"])
            == (&json!(1), &json!(1), &buffer["dropped"])
            && buffer["dropped"].as_u64() >= Some(2)
    });
    // The limit lasts.
    cloudwatch.answer_always(Answer::Take);
    let Served { agent, folder, .. } = served;
    agent.terminate().expect_code(0);
    let served = start(&cloudwatch, folder, "300");
    wait_until("what was kept is there", || served.json("/config")["kept"] == true);
    assert_eq!(served.json("/buffer")["values"][0]["limit"], 1);
    assert_eq!(served.json("/config")["changes"]["buffers"], json!({ "cloudwatch": 1 }));
}

#[test]
fn of_several_endpoints_the_primary_is_told_with_the_reason() {
    let cloudwatch = FakeCloudWatch::start();
    let folder = Folder::of(&[]);
    let (path, nobody) = (folder.path("api.sock"), fake_cloudwatch::refused_url());
    let mut command = support::publishing_to(&nobody);
    command.args(["--endpoint-url", &cloudwatch.url(), "--api", &format!("unix:{path}")]);
    command.env("RUST_LOG", "info");
    let served = Served::of(Agent::start(&mut command), Place::Unix(path), folder);
    let buffer = || served.get("/buffer/cloudwatch").json();
    assert!(buffer()["endpoint"].is_null() || buffer()["endpoint_since"].is_number());
    cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    wait_until("the other is the primary", || buffer()["endpoint"] == cloudwatch.url().as_str());
    let reason = buffer()["endpoint_reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.starts_with(&format!("{nobody}: it refuses connections: ")), "{reason}");
}
