//! Clocks that are compared, and timestamps of windows that are moved.

use std::time::{Duration, SystemTime};

use fake_cloudwatch::{Answer, FakeCloudWatch, Skew};
use serde_json::{Value, json};
use support::Agent;
use support::folder::Folder;
use support::server::wait_until;

use crate::Served;
use crate::client::Place;

const HOUR: i64 = 3_600_000;

fn now() -> i64 {
    milliseconds(SystemTime::now())
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).expect("our time");
    i64::try_from(since.as_millis()).expect("our time")
}

fn publishing(cloudwatch: &FakeCloudWatch) -> Served {
    let folder = Folder::of(&[]);
    let path = folder.path("api.sock");
    let mut command = support::publishing_to(&cloudwatch.url());
    command.args(["--api", &format!("unix:{path}")]).env("RUST_LOG", "info");
    Served::of(Agent::start(&mut command), Place::Unix(path), folder)
}

impl Served {
    fn sync(&self, body: &Value) -> Value {
        let answer = self.send("POST", "/time/sync?_who=Joe", "", body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

/// An exchange in which the clock of the agent is so far ahead of that of the caller.
fn exchange(ahead_ms: i64) -> Value {
    let at = now();
    json!({ "sent": at, "received": at + ahead_ms + 2, "answered": at + ahead_ms + 3, "back": at + 5 })
}

/// How far the newest window is ahead of the clock here.
fn newest(cloudwatch: &FakeCloudWatch) -> Option<i64> {
    let data = cloudwatch.data();
    let datum = data.iter().rev().find(|datum| datum.name == "MemoryUtilization")?;
    Some(milliseconds(datum.timestamp) - now())
}

#[test]
fn the_clock_of_a_caller_is_compared_and_nothing_is_moved() {
    let served = Served::at_socket();
    let sent = now();
    let answer = served.sync(&json!({ "sent": sent, "exchange": exchange(-250) }));
    let [received, answered] =
        ["received", "answered"].map(|of| answer[of].as_i64().expect("a time"));
    assert!(sent <= received && received <= answered && answered <= now(), "{answer}");
    assert_eq!(answer["caller"], json!({ "offset_ms": -250, "delay_ms": 4 }));
    assert_eq!((&answer["sent"], &answer["shift_ms"]), (&json!(sent), &json!(0)));
    assert_eq!(answer["endpoint"], Value::Null, "a preview has none");
    let nothing = served.sync(&json!({ "sent": null, "apply": null }));
    assert_eq!((&nothing["sent"], &nothing["caller"]), (&Value::Null, &Value::Null));
    let at = now();
    let uneven = json!({ "sent": at, "received": at + 1, "answered": at + 1, "back": at + 1 });
    assert_eq!(served.sync(&json!({ "exchange": uneven }))["caller"]["offset_ms"], 0.5);
    assert!(!served.agent.terminate().stderr.contains("are moved"));
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_moved() {
    let served = Served::at_socket();
    let at = now();
    let times = "exchange: expected an object with sent, received, answered and back, in milliseconds since 1970";
    let back = json!({ "sent": at, "received": at, "answered": at, "back": at - 7 });
    for (body, status, message) in [
        (
            json!({ "sent": "now" }),
            400,
            "sent: expected milliseconds since 1970, such as 1795843899102",
        ),
        (
            json!({ "sent": -1 }),
            400,
            "sent: expected milliseconds since 1970, such as 1795843899102",
        ),
        (json!({ "exchange": [1, 2, 3, 4] }), 400, times),
        (json!({ "exchange": { "sent": at } }), 400, times),
        (
            json!({ "exchange": { "sent": at, "received": at, "answered": 1e300, "back": at } }),
            400,
            "exchange.answered: expected milliseconds since 1970, such as 1795843899102",
        ),
        (
            json!({ "exchange": back, "apply": "caller" }),
            400,
            "exchange: both ways took -7 ms: expected one in which no clock was set",
        ),
        (
            json!({ "sent": at, "apply": "caller" }),
            400,
            "apply \"caller\": expected an exchange, which tells the clock of the caller",
        ),
        (json!({ "apply": true }), 400, "apply: expected caller, endpoint or none, not true"),
        (json!({ "offset": 5 }), 400, "unknown key \"offset\": expected sent, exchange and apply"),
        (
            json!({ "apply": "endpoint" }),
            409,
            "the clock of the endpoint is not known: no answer of the endpoint has come so far",
        ),
    ] {
        let answer = served.send("POST", "/time/sync", "", &body);
        let told = (answer.status, answer.json()["message"].clone());
        assert_eq!(told, (status, json!(message)), "{body}");
    }
    assert_eq!(served.json("/time")["shift_ms"], 0);
}

#[test]
fn windows_have_the_time_of_the_caller_if_that_is_asked_for() {
    let cloudwatch = FakeCloudWatch::start();
    let served = publishing(&cloudwatch);
    wait_until("a window", || newest(&cloudwatch).is_some());
    let moved = served.sync(&json!({ "exchange": exchange(-HOUR), "apply": "caller" }));
    assert_eq!((&moved["shift_ms"], &moved["caller"]["offset_ms"]), (&json!(HOUR), &json!(-HOUR)));
    let line = "timestamps of what is published are moved by 3600000 ms through the API by Joe";
    served.agent.wait_for_log(line);
    wait_until("a window of then", || newest(&cloudwatch).is_some_and(|ahead| ahead > HOUR / 2));
    // The clock itself is what it was, and so are the times of values and events.
    let time = served.json("/time");
    assert_eq!(time["shift_ms"], HOUR);
    let values = served.json("/values/utilization/memory");
    let event = served.json("/events")["values"].as_array().expect("a list").last().cloned();
    let event = event.expect("there is one");
    assert_eq!((&event["kind"], &event["message"]), (&json!("configuration"), &json!(line)));
    for of in [&time, &values, &event] {
        let timestamp = of["timestamp"].as_i64().expect("a time");
        assert!((timestamp - now()).abs() < HOUR / 2, "{of}");
    }
    assert_eq!(served.sync(&json!({ "apply": "none" }))["shift_ms"], 0);
    wait_until("a window of now", || newest(&cloudwatch).is_some_and(|ahead| ahead < HOUR / 2));
    let ended = served.agent.terminate().expect_code(0);
    assert!(ended.stderr.contains("moved by 0 ms"), "{}", ended.stderr);
}

#[test]
fn windows_have_the_time_of_the_endpoint_if_that_is_asked_for() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::Skewed(Skew::Ahead(Duration::from_secs(3600))));
    let served = publishing(&cloudwatch);
    let endpoint = || served.json("/time")["endpoint"].clone();
    wait_until("an answer", || endpoint() != Value::Null);
    let endpoint = endpoint();
    // A header has whole seconds.
    let behind = -endpoint["offset_ms"].as_f64().expect("a number");
    assert!((behind - HOUR as f64).abs() < 30_000.0, "{endpoint}");
    assert!(endpoint["delay_ms"].as_i64().is_some_and(|delay| delay >= 0), "{endpoint}");
    let shift = served.sync(&json!({ "apply": "endpoint" }))["shift_ms"].as_i64();
    assert!(shift.is_some_and(|shift| (shift - HOUR).abs() < 30_000), "{shift:?}");
    cloudwatch.answer_always(Answer::Take);
    wait_until("a window of then", || newest(&cloudwatch).is_some_and(|ahead| ahead > HOUR / 2));
}
