//! States of alarms that are published as metrics.

use fake_cloudwatch::{Datum, FakeCloudWatch};
use serde_json::{Value, json};
use support::Agent;
use support::folder::Folder;
use support::server::wait_until;

use crate::Served;
use crate::client::Place;

const ALARMS: &str = "/entities/self/alarms";

const CONFIG: &str = "\
checks:
  jobs:
    type: agent.push
    period: 2
    publish: none
    alarms:
      many:
        publish: yes
        criteria: if (metric['queue'] > 100) { return new AlarmStatus(CRITICAL, 'much'); }
      told:
        criteria: if (metric['queue'] > 100) { return new AlarmStatus(CRITICAL, 'much'); }
      off: {publish: yes, disabled: yes}
  utilization:
    alarms:
      memory: {publish: yes, criteria: \"if (metric['memory'] >= 0) { return new AlarmStatus(WARNING, 'some'); }\"}
";

fn publishing(cloudwatch: &FakeCloudWatch, options: &[&str]) -> Served {
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    let path = folder.path("api.sock");
    let mut command = support::publishing_to(&cloudwatch.url());
    command.args(["--sample-interval", "0.1", "--api", &format!("unix:{path}")]).args(options);
    command.args(["--config", &folder.path("agent.yaml")]).env("RUST_LOG", "info");
    Served::of(Agent::start(&mut command), Place::Unix(path), folder)
}

/// The states that were published of an alarm, in the order of time.
fn states(cloudwatch: &FakeCloudWatch, alarm: &str) -> Vec<Datum> {
    let is_of = |datum: &Datum| datum.dimensions.contains(&("Alarm".to_owned(), alarm.to_owned()));
    let mut all: Vec<_> = cloudwatch.data().into_iter().filter(is_of).collect();
    assert!(all.iter().all(|datum| datum.name == "AlarmState"), "{all:?}");
    all.sort_by_key(|datum| datum.timestamp);
    all
}

/// The only value of each.
fn values(data: &[Datum]) -> Vec<f64> {
    let value = |datum: &Datum| {
        let set = datum.set.expect("a statistic set");
        assert_eq!((set.minimum, set.sample_count), (set.maximum, 1.0), "{datum:?}");
        set.sum
    };
    data.iter().map(value).collect()
}

impl Served {
    fn state(&self, alarm: &str) -> Value {
        self.json(&format!("{ALARMS}/{alarm}"))["state"].clone()
    }

    fn push_queue(&self, value: u32) {
        let values = json!({ "values": [{ "check": "jobs", "metric": "queue", "value": value }] });
        assert_eq!(self.send("POST", "/values", "", &values).status, 200);
    }
}

#[test]
fn the_worst_state_of_a_window_is_published_of_those_that_ask_for_it() {
    let cloudwatch = FakeCloudWatch::start();
    let served = publishing(&cloudwatch, &["--period", "3600"]);
    for (value, state) in [(200, "CRITICAL"), (1, "OK")] {
        served.push_queue(value);
        wait_until("its state", || served.state("many") == state);
    }
    wait_until("its state", || served.state("memory") == "WARNING");
    served.agent.terminate().expect_code(0);
    // It was CRITICAL for a moment, and a window later nobody could see that any more.
    let many = states(&cloudwatch, "many");
    assert_eq!(values(&many), [2.0]);
    let dimensions = [("ServiceName", "FooService"), ("Alarm", "many")];
    let dimensions = dimensions.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((&many[0].dimensions[..], many[0].unit.as_deref()), (&dimensions[..], Some("None")));
    assert_eq!(values(&states(&cloudwatch, "memory")), [1.0]);
    for alarm in ["told", "off"] {
        assert!(states(&cloudwatch, alarm).is_empty(), "{alarm}");
    }
}

#[test]
fn each_window_has_the_state_until_results_cease() {
    let cloudwatch = FakeCloudWatch::start();
    let served = publishing(&cloudwatch, &["--period", "1"]);
    // Set by a request, of a check that runs in every second window alone.
    let body = json!({ "publish": true, "label": "told" });
    assert_eq!(served.send("PUT", &format!("{ALARMS}/told"), "", &body).status, 204);
    assert_eq!(served.json(&format!("{ALARMS}/told"))["publish"], true);
    served.push_queue(200);
    wait_until("its state in six windows", || states(&cloudwatch, "told").len() >= 6);
    let of_told = states(&cloudwatch, "told");
    assert!(values(&of_told)[1..].iter().all(|value| *value == 2.0), "{of_told:?}");
    let between = |name: &str| {
        let data = cloudwatch.data();
        let (first, last) = (of_told[0].timestamp, of_told[5].timestamp);
        let times = data.iter().filter(|of| of.name == name).map(|of| of.timestamp);
        let mut times: Vec<_> = times.filter(|time| (first..=last).contains(time)).collect();
        times.sort();
        times
    };
    let times: Vec<_> = of_told[..6].iter().map(|of| of.timestamp).collect();
    assert_eq!(times, between("MemoryUtilization"), "no window is without it");
    // A check that is disabled has no results, and what it was says nothing any more.
    let disabled = served.send("POST", "/entities/self/checks/jobs/disable", "", &Value::Null);
    assert_eq!(disabled.status, 204);
    let newest = |of: &[Datum]| of.iter().map(|datum| datum.timestamp).max();
    wait_until("a window without its state", || {
        let of_memory = states(&cloudwatch, "memory");
        newest(&states(&cloudwatch, "told")) < newest(&of_memory)
    });
    assert_eq!(served.state("told"), "CRITICAL");
}

#[test]
fn no_more_states_are_published_than_are_paid_for() {
    let cloudwatch = FakeCloudWatch::start();
    let served = publishing(&cloudwatch, &["--period", "3600", "--max-metrics", "3"]);
    let add = |id: &str, publish: Value| {
        let body = json!({ "id": id, "check_id": "jobs", "publish": publish });
        let answer = served.send("POST", ALARMS, "", &body);
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(add("third", json!(true)).0, 201);
    let refused = "the checks would publish 4 metrics, and 3 are allowed: raise --max-metrics";
    assert_eq!(add("fourth", json!(true)), (400, refused.to_owned()));
    assert_eq!(add("fourth", json!(false)).0, 201);
    let path = format!("{ALARMS}/fourth");
    assert_eq!(served.send("PUT", &path, "", &json!({ "publish": true })).status, 400);
    let (status, message) = add("fifth", json!("perhaps"));
    assert_eq!(status, 400);
    assert!(message.starts_with("publish \"perhaps\": expected"), "{message}");
    // What is published already may be changed.
    let answer = served.send("PUT", &format!("{ALARMS}/third"), "", &json!({ "label": "mine" }));
    assert_eq!(answer.status, 204, "{answer:?}");
}
