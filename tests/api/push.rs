//! Values that others hand to the agent.

use fake_cloudwatch::FakeCloudWatch;
use serde_json::{Value, json};
use support::Agent;
use support::folder::Folder;
use support::server::wait_until;

use crate::Served;
use crate::client::Place;

const CONFIG: &str = "\
checks:
  jobs:
    type: agent.push
    period: 1
    alarms:
      many:
        criteria: if (metric['queue'] > 100) { return new AlarmStatus(CRITICAL, 'much'); }
  off: {type: agent.push, disabled: true}
  load: {type: agent.load_average}
";

fn previewing(options: &[&str]) -> Served {
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    let path = folder.path("api.sock");
    let mut command = support::command();
    command.args(["--dry-run", "--sample-interval", "0.1", "--service", "web"]);
    command.args(["--config", &folder.path("agent.yaml"), "--api", &format!("unix:{path}")]);
    command.args(options).env("RUST_LOG", "info");
    Served::of(Agent::start(&mut command), Place::Unix(path), folder)
}

fn now() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("our time");
    u64::try_from(since.as_millis()).expect("our time")
}

impl Served {
    fn push(&self, values: &Value) -> Value {
        let answer = self.send("POST", "/values", "", &json!({ "values": values }));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    fn drop_values(&self, pattern: &str) -> Value {
        let answer = self.send("DELETE", &format!("/values?match={pattern}"), "", &Value::Null);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["dropped"].clone()
    }
}

#[test]
fn a_value_is_there_at_once_and_its_check_is_made_where_none_is_named() {
    let served = previewing(&["--store", "memory"]);
    let sent = now();
    let taken = served.push(&json!([
        { "metric": "queue", "value": 7, "unit": "count" },
        { "metric": "queue", "value": 5.5, "unit": "count", "target": "mail" },
        { "metric": "served", "value": 100, "kind": "counter", "timestamp": sent - 10_000 },
        { "metric": "served", "value": 160, "kind": "counter", "timestamp": sent },
        { "check": "jobs", "metric": "queue", "value": 1, "dimensions": { "Queue": "a", "Stage": "b" } },
    ]));
    assert_eq!(taken, json!({ "taken": 5, "rejected": [] }));
    let value = served.json("/values/push/queue");
    let age = value["age"].as_f64().expect("an age");
    assert!((0.0..30.0).contains(&age), "{value}");
    for (field, expected) in [
        ("value", json!(7)),
        ("unit", json!("count")),
        ("kind", json!("gauge")),
        ("type", json!("D")),
        ("stale", json!(false)),
        ("rate", Value::Null),
    ] {
        assert_eq!(value[field], expected, "{field}: {value}");
    }
    assert_eq!(served.json("/values/push/mail.queue")["value"], 5.5);
    assert_eq!(served.json("/values/jobs/queue%7BQueue=a,Stage=b%7D")["value"], 1);
    let counter = served.json("/values/push/served");
    assert_eq!(
        (&counter["value"], &counter["timestamp"], &counter["rate"]),
        (&json!(160), &json!(sent), &json!(6))
    );
    let check = served.json("/entities/self/checks/push");
    assert_eq!(
        (&check["type"], &check["source"], &check["period"]),
        (&json!("agent.push"), &json!("api"), &json!(60))
    );
    served.agent.wait_for_log("check push was added for the values that are handed in");
    // The history has it as soon as its check has run.
    wait_until("history", || {
        let metrics = served.json("/entities/self/checks/jobs/metrics");
        metrics["values"].as_array().is_some_and(|all| all.iter().any(|of| of["history"] == true))
    });
}

#[test]
fn each_value_is_taken_or_rejected_with_its_reason() {
    let served = previewing(&[]);
    let (old, ahead) = (now() - 90_000, now() + 3_600_000);
    let value = json!({ "metric": "x", "value": 1 });
    let with = |key: &str, of: Value| {
        let mut value = value.clone();
        value[key] = of;
        value
    };
    let rows = [
        (json!(5), "expected an object with metric and value, not 5"),
        (json!({ "value": 1 }), "metric is missing: expected the name of a metric"),
        (json!({ "metric": "x" }), "value is missing: expected a number"),
        (
            with("metric", json!("")),
            "metric \"\": expected 1 to 255 bytes without control characters",
        ),
        (with("metric", json!("a\nb")), "metric \"a\\nb\": expected 1 to 255 bytes"),
        (with("metric", json!("available")), "the agent has a metric available of its own: rename"),
        (with("metric", json!(1)), "metric: expected a text, not 1"),
        (with("value", json!("5")), "value \"5\": expected a number"),
        (with("value", json!(1e200)), "CloudWatch takes no number above 2^360"),
        (with("kind", json!("total")), "kind \"total\": expected gauge or counter"),
        (with("dimensions", json!({ "a": 1 })), "dimension a: expected a text, not 1"),
        (with("dimensions", json!({ "Check": "a" })), "dimension \"Check\": expected a name of"),
        (with("dimensions", json!(["a"])), "dimensions: expected an object of texts, not [\"a\"]"),
        (with("timestamp", json!("now")), "timestamp \"now\": expected milliseconds since 1970"),
        (with("timestamp", json!(1_795_843_899)), "timestamp 1795843899: expected milliseconds"),
        (with("timestamp", json!(old)), "timestamp "),
        (with("timestamp", json!(ahead)), "timestamp "),
        (with("tags", json!({})), "unknown key \"tags\": a value has check, metric, value, unit"),
        (with("check", json!("none")), "check none not found: add a check of type agent.push with"),
        (with("check", json!("load")), "check load is of type agent.load_average, which takes no"),
        (with("check", json!("off")), "check off is disabled: enable it first"),
        (with("check", json!("utilization")), "check utilization not found: add a check of type"),
    ];
    let (values, expected): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let count = values.len();
    let all = values.into_iter().chain([json!({ "metric": "good", "value": 1 })]);
    let answer = served.push(&all.collect());
    assert_eq!(answer["taken"], 1, "{answer}");
    let rejected = answer["rejected"].as_array().expect("a list");
    assert_eq!(rejected.len(), count, "{answer}");
    for (index, (rejected, expected)) in rejected.iter().zip(expected).enumerate() {
        let message = rejected["message"].as_str().expect("a text");
        assert_eq!(rejected["index"], index);
        assert!(message.starts_with(expected), "{message}: {expected}");
    }
    let said = |index: usize| rejected[index]["message"].as_str().expect("a text").to_owned();
    assert!(said(15).ends_with("s old: expected at most 60 s, the length of a window (--period)"));
    assert!(said(16).ends_with("s ahead of the clock of this machine: expected at most 5 s"));
    assert_eq!(served.json("/values/push/good")["value"], 1);
    assert_eq!(served.get("/values/push/x").status, 404);
    // What is wrong with the whole request.
    for (body, message) in [
        (json!({}), "values is missing: expected a list of values"),
        (json!({ "values": 1 }), "values: expected a list of values"),
        (
            json!({ "values": vec![value; 1001] }),
            "values: 1001 of them, expected at most 1000: send several requests",
        ),
    ] {
        let answer = served.send("POST", "/values", "", &body);
        assert_eq!((answer.status, answer.json()["message"].as_str()), (400, Some(message)));
    }
}

#[test]
fn no_more_metrics_are_taken_than_may_be_published() {
    let served = previewing(&["--max-metrics", "3", "--period", "1"]);
    let values = |names: &[&str]| {
        names.iter().map(|name| json!({ "check": "jobs", "metric": name, "value": 1 })).collect()
    };
    let full = "--max-metrics allows no more: raise it, or publish fewer metrics";
    // One of the three is the check that the file has.
    let answer = served.push(&values(&["a", "b", "c", "a"]));
    let rejected = json!([{ "index": 2, "message": full }]);
    assert_eq!(answer, json!({ "taken": 3, "rejected": rejected }));
    served.agent.wait_for_stdout(" a=1 b=1 ");
    // The same after they were reported.
    assert_eq!(served.push(&values(&["d"]))["rejected"][0]["message"], full);
    assert_eq!(served.push(&values(&["b"]))["taken"], 1);
}

#[test]
fn what_was_handed_in_arrives_with_its_number_smallest_and_largest() {
    let (cloudwatch, folder) = (FakeCloudWatch::start(), Folder::of(&[("agent.yaml", CONFIG)]));
    let path = folder.path("api.sock");
    let mut command = support::publishing_to(&cloudwatch.url());
    command.args(["--period", "300", "--sample-interval", "0.1", "--api", &format!("unix:{path}")]);
    command.args(["--config", &folder.path("agent.yaml")]).env("RUST_LOG", "info");
    let served = Served::of(Agent::start(&mut command), Place::Unix(path), folder);
    let values = |numbers: &[f64]| {
        numbers.iter().map(|of| json!({ "metric": "took", "value": of, "unit": "ms" })).collect()
    };
    served.push(&values(&[5.0, -2.0, 40.0]));
    served.push(&values(&[7.5]));
    // The check has not run yet: what it has is delivered as the agent ends.
    served.agent.terminate().expect_code(0);
    let data = cloudwatch.data();
    let took: Vec<_> = data.iter().filter(|datum| datum.name == "took").collect();
    assert_eq!(took.len(), 1, "{took:?}");
    assert_eq!(took[0].unit.as_deref(), Some("Milliseconds"));
    assert!(took[0].dimensions.contains(&("Check".to_owned(), "push".to_owned())), "{took:?}");
    let mut pairs: Vec<_> = took[0].values.iter().zip(&took[0].counts).collect();
    pairs.sort_by(|one, other| one.0.total_cmp(other.0));
    assert_eq!(pairs, [(&-2.0, &1.0), (&5.0, &1.0), (&7.5, &1.0), (&40.0, &1.0)]);
}

#[test]
fn an_alarm_looks_at_what_was_handed_in() {
    let served = previewing(&[]);
    served.push(&json!([{ "check": "jobs", "metric": "queue", "value": 500 }]));
    served.agent.wait_for_log("of check jobs is CRITICAL: much");
}

#[test]
fn newest_values_are_dropped_by_name_and_what_is_not_published_is_not() {
    let (cloudwatch, folder) = (FakeCloudWatch::start(), Folder::of(&[("agent.yaml", CONFIG)]));
    let path = folder.path("api.sock");
    let mut command = support::publishing_to(&cloudwatch.url());
    command.args(["--period", "300", "--sample-interval", "0.1", "--api", &format!("unix:{path}")]);
    command.args(["--config", &folder.path("agent.yaml")]).env("RUST_LOG", "info");
    let served = Served::of(Agent::start(&mut command), Place::Unix(path), folder);
    served.push(&json!([
        { "metric": "a.x", "value": 1 }, { "metric": "a.y", "value": 2 }, { "metric": "b", "value": 3 },
    ]));
    assert_eq!(served.drop_values("push/a.x"), 1);
    assert_eq!(served.drop_values("push%2Fa.x"), 0);
    assert_eq!(
        (served.get("/values/push/a.x").status, served.get("/values/push/a.y").status),
        (404, 200)
    );
    assert_eq!(served.drop_values("push/*"), 2);
    assert_eq!(served.drop_values("none/*"), 0);
    served.push(&json!([{ "metric": "b", "value": 4 }]));
    assert_eq!(served.json("/values/push/b")["value"], 4);
    for query in ["", "?match="] {
        let answer = served.send("DELETE", &format!("/values{query}"), "", &Value::Null);
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    served.agent.wait_for_log("newest values of push/* were dropped through the API, 2 of them");
    served.agent.terminate().expect_code(0);
    let count = |name: &str| -> f64 {
        let data = cloudwatch.data();
        data.iter().filter(|of| of.name == name).flat_map(|of| of.counts.clone()).sum()
    };
    assert_eq!((count("a.x"), count("a.y"), count("b")), (1.0, 1.0, 2.0));
}

#[test]
fn what_is_on_the_blacklist_is_rejected_and_who_may_only_read_hands_in_nothing() {
    let served = previewing(&[]);
    let entry = json!({ "id": "no-queue", "check": "push", "metric": "queue" });
    assert_eq!(served.send("POST", "/blacklist", "", &entry).status, 201);
    let answer =
        served.push(&json!([{ "metric": "queue", "value": 1 }, { "metric": "q", "value": 1 }]));
    let message = "entry no-queue of the blacklist keeps it from being collected";
    assert_eq!(answer, json!({ "taken": 1, "rejected": [{ "index": 0, "message": message }] }));
    let reading = Served::at_port(&[], &[]);
    for method in ["POST", "DELETE"] {
        let answer = reading.send(method, "/values?match=*", "", &json!({ "values": [] }));
        assert_eq!(answer.error(), (403, "forbiddenError".to_owned()), "{method}");
    }
}
