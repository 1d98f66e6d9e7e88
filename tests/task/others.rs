//! The numbers of a task beside CPU and memory.

use serde_json::Value;
use support::endpoint::{Answer, Endpoint};
use support::folder::Folder;
use support::server::wait_until;
use support::{Agent, command, run};

use super::{fixture, previewing, single_container, statistics};

const WORKER: &str = "a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192";
const METRICS: &str = "c7d8e9f00112233445566778899aabbccddeeff00112233445566778899aabbc";

fn value<'line>(line: &'line str, name: &str) -> &'line str {
    let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
    fields.find(|(known, _)| *known == name).expect("it is in the line").1
}

/// Of the containers of `task-ec2.json`, which have 896 and 64 MiB: the sum is 45 percent of the task's, and one of them
/// is full.
fn statistics_of_two(before: usize) -> String {
    let all = statistics(before as u32, [1, 1], [400, 63]);
    let all = all.replace("\"0\":", &format!("\"{WORKER}\":"));
    all.replace("\"1\":", &format!("\"{METRICS}\":"))
}

#[test]
fn a_task_of_one_container_is_as_full_as_that_and_its_disk_is_told_by_the_endpoint() {
    let task = single_container();
    let storage =
        r#""EphemeralStorageMetrics": { "Utilized": 5124, "Reserved": 20496 }, "Containers""#;
    let task = task.replacen("\"Containers\"", storage, 1);
    let endpoint = Endpoint::start(move |_, _| Answer::Ok(task.clone()));
    let metrics = ["--metrics", "memory,ephemeral-storage,fullest,network"];
    let agent = Agent::start(previewing(&endpoint.url()).args(metrics));
    let line = agent.wait_for_stdout("EphemeralStorageUtilization=25.00%");
    assert_eq!(value(&line, "MaxContainerMemoryUtilization"), value(&line, "MaxMemoryUtilization"));
    let ended = agent.terminate().expect_code(0);
    assert!(!ended.stderr.contains("unavailable"), "{ended:#?}");
}

#[test]
fn of_several_containers_the_fullest_is_told_and_what_nobody_tells_has_its_reason() {
    let endpoint = Endpoint::start(|path, before| match path {
        "/task" => Answer::Ok(fixture("task-ec2.json")),
        _ => Answer::Ok(statistics_of_two(before)),
    });
    let metrics = ["--metrics", "memory,fullest,pressure,ephemeral-storage"];
    let agent = Agent::start(previewing(&endpoint.url()).args(metrics));
    let line = agent.wait_for_stdout("MaxContainerMemoryUtilization=98.44%");
    assert_eq!(value(&line, "MemoryUtilization"), "45.21%", "{line}");
    assert_eq!(value(&line, "CPUPressure"), "-", "the machine's is not the task's");
    let ended = agent.terminate().expect_code(0);
    for (label, reason) in [
        (
            "CPU pressure",
            "the task metadata endpoint does not tell it of a task of several containers",
        ),
        ("ephemeral storage", "has no EphemeralStorageMetrics"),
    ] {
        let lines: Vec<_> = ended.stderr.lines().filter(|line| line.contains(label)).collect();
        assert_eq!(lines.len(), 1, "{ended:#?}");
        assert!(lines[0].contains("WARN") && lines[0].contains(reason), "{}", lines[0]);
    }
}

#[test]
fn what_was_not_asked_for_is_not_listed_as_unavailable() {
    let endpoint = Endpoint::start(|path, before| match path {
        "/task" => Answer::Ok(fixture("task-ec2.json")),
        _ => Answer::Ok(statistics_of_two(before).replace("memory_stats", "none")),
    });
    for (metrics, expected) in
        [("cpu,fullest", &["fullest"][..]), ("cpu,memory,fullest", &["memory", "fullest"])]
    {
        let folder = Folder::of(&[]);
        let api = format!("unix:{}", folder.path("api.sock"));
        let mut previewed = previewing(&endpoint.url());
        let agent = Agent::start(previewed.args(["--metrics", metrics, "--api", &api]));
        wait_until("these have no value", || {
            let ended = run(command().args(["ctl", "get", "/agent", "--api", &api]));
            let of: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
            let all = of["unavailable"].as_array().cloned().unwrap_or_default();
            all.iter().map(|of| &of["metric"]).eq(expected.iter().copied())
        });
        agent.terminate().expect_code(0);
    }
}
