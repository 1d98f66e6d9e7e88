//! What `explain` and the log say of a task's numbers that have no value.

use std::process::Command;

use serde_json::{Value, json};
use support::endpoint::{Answer, Endpoint};
use support::{Agent, command, run};

use crate::{fixture, previewing, single_container, statistics};

const EVENTS: [&str; 2] = ["--metrics", "cpu,memory,throttling,oom-kills"];
const SEVERAL: &str = "the task metadata endpoint does not tell it of a task of several containers; \
    --scope container has it of this one, and with pidMode task --scope pod has it of each";

fn explaining(url: &str) -> Command {
    let mut explain = command();
    explain.args(["explain", "--namespace", "Test", "--service", "Foo", "--dry-run"]);
    explain.env("ECS_CONTAINER_METADATA_URI_V4", url);
    explain
}

fn unavailable(explain: &mut Command) -> Value {
    let text = run(explain.args(["--output", "json"])).expect_code(0).stdout;
    let explanation: Value = serde_json::from_str(&text).expect("JSON");
    explanation["unavailable"].clone()
}

/// A task on EC2 whose containers have statistics.
fn several() -> Endpoint {
    Endpoint::start(|path, before| match path {
        "/task" => Answer::Ok(fixture("task-ec2.json")),
        _ => Answer::Ok(statistics(before as u32, [100 * before as u64, 10], [400, 12])),
    })
}

#[test]
fn a_task_of_several_containers_says_why_it_has_no_events() {
    let endpoint = several();
    let expected = json!([
        { "name": "CPUThrottling", "reason": SEVERAL },
        { "name": "OOMKills", "reason": SEVERAL },
    ]);
    assert_eq!(unavailable(explaining(&endpoint.url()).args(EVENTS)), expected);
    let endpoint = several();
    let agent = Agent::start(previewing(&endpoint.url()).args(EVENTS));
    agent.wait_for_log(&format!("throttling, OOM kills unavailable: {SEVERAL}"));
    agent.wait_for_stdout(" CPUUtilization=5.00%");
    let ended = agent.terminate().expect_code(0);
    assert_eq!(ended.stderr.matches(SEVERAL).count(), 1, "once: {ended:#?}");
}

#[test]
fn a_task_of_one_container_is_not_said_to_have_no_events() {
    let endpoint = Endpoint::start(|_, _| Answer::Ok(single_container()));
    let agent = Agent::start(previewing(&endpoint.url()).args(EVENTS));
    agent.wait_for_stdout("MaxMemoryUtilization=");
    let ended = agent.terminate().expect_code(0);
    // A file of the control group may have no such figure here; the log calls that by its own name.
    for never in [SEVERAL, "scope task does"] {
        assert!(!ended.stderr.contains(never), "{never}: {ended:#?}");
    }
}

#[test]
fn while_it_is_not_known_what_the_task_is_events_fail_as_the_endpoint_does() {
    let endpoint = Endpoint::start(|_, _| Answer::Status(500));
    let unavailable = unavailable(explaining(&endpoint.url()).args(EVENTS));
    for name in ["CPUThrottling", "OOMKills"] {
        let is_it = |of: &&Value| of["name"] == name;
        let found = unavailable.as_array().and_then(|all| all.iter().find(is_it));
        let reason = found.and_then(|of| of["reason"].as_str()).unwrap_or_default();
        assert!(reason.starts_with("the task metadata endpoint fails: http"), "{unavailable}");
    }
}

#[test]
fn what_a_container_has_no_value_of_is_said() {
    // The kernel of this machine counts no memory of the second one, so that the whole has none either.
    let worker = "a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192";
    let metrics = "c7d8e9f00112233445566778899aabbccddeeff00112233445566778899aabbc";
    let endpoint = || {
        Endpoint::start(move |path, before| match path {
            "/task" => Answer::Ok(fixture("task-ec2.json")),
            _ => {
                let text = statistics(before as u32, [100 * before as u64, 10], [400, 12]);
                let text = text.replace("\"0\":", &format!("\"{worker}\":"));
                let text = text.replace("\"1\":", &format!("\"{metrics}\":"));
                let (others, of_metrics) = text.rsplit_once("\"memory_stats\":").expect("two");
                let (_, rest) = of_metrics.split_once("}}").expect("its end");
                Answer::Ok(format!("{others}\"memory_stats\":{{}}{rest}"))
            }
        })
    };
    let (running, task) = (endpoint(), endpoint());
    let unavailable = unavailable(explaining(&running.url()).arg("--per-container"));
    let all = unavailable.as_array().expect("a list");
    let (whole, of_containers): (Vec<_>, Vec<_>) =
        all.iter().partition(|one| one.get("container").is_none());
    let expected = json!({
        "name": "MemoryUtilization", "container": "metrics",
        "reason": "the statistics of the container do not have it",
    });
    assert_eq!(of_containers, [&expected], "{unavailable}");
    assert_eq!(whole.len(), 1, "{unavailable}");
    let text = run(explaining(&task.url()).arg("--per-container")).expect_code(0).stdout;
    let line = "  MemoryUtilization of metrics: unavailable: the statistics of the container do not have it";
    assert!(text.lines().any(|printed| printed == line), "{text}");
}
