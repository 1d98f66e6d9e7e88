//! The ECS task: the real binary and an endpoint that tells it what the task is and uses.
#![cfg(target_os = "linux")]

mod explained;
mod failures;
mod others;

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use support::endpoint::{Answer, Endpoint};
use support::{Agent, command, run};

/// Previews windows of a second, of samples every tenth of one, of a task with this endpoint.
fn previewing(url: &str) -> Command {
    let mut command = command();
    command
        .args(["--namespace", "Test", "--service", "Foo", "--dry-run"])
        .args(["--period", "1", "--sample-interval", "0.1"])
        .env("RUST_LOG", "info")
        .env("ECS_CONTAINER_METADATA_URI_V4", url);
    command
}

fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ecs");
    std::fs::read_to_string(root.join(name)).expect("the fixture is there")
}

/// A task of one container, whose control group is that of this test: its memory limit is just under
/// the machine's memory, so that it binds and is not exceeded.
fn single_container() -> String {
    fixture("task-single.json")
        .replace("\"Memory\": 96", &format!("\"Memory\": {}", memory_limit()))
}

/// In MiB.
fn memory_limit() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").expect("Linux has it");
    let total = meminfo.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    total.expect("MemTotal is its first line") / 1024 * 9 / 10
}

/// Statistics of a task of two containers and one that has none. A thousand seconds lie between one
/// step and the next, so that no scheduling of this machine can be seen in the figures.
fn statistics(step: u32, cpu_seconds: [u64; 2], mebibytes: [u64; 2]) -> String {
    let read = humantime::format_rfc3339_nanos(*START + Duration::from_secs(1000) * step);
    let container = |id: usize| {
        format!(
            r#""{id}":{{"read":"{read}","cpu_stats":{{"cpu_usage":{{"total_usage":{}}}}},
            "memory_stats":{{"usage":{},"stats":{{"inactive_file":7,"active_file":5}}}}}}"#,
            cpu_seconds[id] * 1_000_000_000,
            (mebibytes[id] << 20) + 12,
        )
    };
    format!("{{{},{},\"2\":null}}", container(0), container(1))
}

static START: LazyLock<SystemTime> =
    LazyLock::new(|| SystemTime::now() - Duration::from_secs(100_000));

/// The figures of the printed lines: CPU, memory and the number of samples.
fn figures(stdout: &str) -> Vec<(String, String, String)> {
    let field = |line: &str, name: &str| {
        let field = line.split(' ').find_map(|field| field.strip_prefix(name));
        field.expect("the field is in each line").to_owned()
    };
    let figures = |line| {
        let max = (field(line, "MaxCPUUtilization="), field(line, "MaxMemoryUtilization="));
        let median = (field(line, "CPUUtilization="), field(line, "MemoryUtilization="));
        assert_eq!(median, max, "one value is its own median: {line}");
        (median.0, median.1, field(line, "samples="))
    };
    stdout.lines().map(figures).collect()
}

#[test]
fn a_task_of_one_container_is_its_control_group_with_the_tasks_limits() {
    let endpoint = Endpoint::start(|_, _| Answer::Ok(single_container()));
    let agent = Agent::start(&mut previewing(&endpoint.url()));
    let origin = format!("({}/task)", endpoint.url());
    let cpu = agent.wait_for_log("CPU limit: ");
    assert!(cpu.ends_with(&format!("CPU limit: 0.125 cores {origin}")), "{cpu}");
    let memory = agent.wait_for_log("memory limit: ");
    let limit = format!("memory limit: {} bytes = ", memory_limit() << 20);
    assert!(memory.contains(&limit) && memory.ends_with(&origin), "{memory}");
    agent.wait_for_stdout("MaxMemoryUtilization=");
    let ended = agent.terminate().expect_code(0);
    assert!(ended.stderr.contains("scope: task, because ECS_CONTAINER_METADATA_URI_V4 is set"));
    assert!(ended.stderr.contains("the task has one container"), "{ended:#?}");
    // Nothing more is needed of the endpoint.
    let asked: Vec<_> = endpoint.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/task"]);
}

#[test]
fn a_task_on_ec2_is_what_its_containers_use_in_percent_of_its_limits() {
    // 2 cores and 1024 MiB; 750 and 1500 of 2000 s; an answer that comes twice.
    let steps =
        [(0, [5000, 90], [400, 12]), (1, [5700, 140], [400, 12]), (2, [7100, 240], [700, 20])];
    let endpoint = Endpoint::start(move |path, before| match path {
        "/task" => Answer::Ok(fixture("task-ec2.json")),
        "/task/stats" => {
            let (step, cpu, memory) = steps[[0, 1, 1, 2][before.min(3)]];
            Answer::Ok(statistics(step, cpu, memory))
        }
        _ => Answer::Status(404),
    });
    let agent = Agent::start(&mut previewing(&endpoint.url()));
    agent.wait_for_stdout("CPUUtilization=75.00%");
    endpoint.wait_for_requests("/task/stats", 5);
    let ended = agent.terminate().expect_code(0);
    let expected = [("-", "40.23%"), ("37.50%", "40.23%"), ("75.00%", "70.31%")];
    let expected = expected.map(|(cpu, memory)| (cpu.into(), memory.into(), "1".into()));
    assert_eq!(figures(&ended.stdout), expected, "{ended:#?}");
    let limit = format!("CPU limit: 2 cores ({}/task)", endpoint.url());
    assert_eq!(ended.stderr.matches(&limit).count(), 1, "{ended:#?}");
    assert!(!ended.stderr.contains("ERROR"), "{ended:#?}");
}

#[test]
fn a_task_whose_kernel_does_not_count_memory_has_cpu_and_the_reason_why_memory_is_absent() {
    let without_memory = |step, cpu| {
        let text = statistics(step, cpu, [400, 12]);
        text.split("\"memory_stats\":")
            .map(|part| match part.split_once("}}") {
                Some((memory, rest)) if memory.starts_with("{\"usage") => format!("{{}}{rest}"),
                _ => part.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("\"memory_stats\":")
    };
    let endpoint = Endpoint::start(move |path, before| match path {
        "/task" => Answer::Ok(fixture("field-pi-task.json")),
        _ => Answer::Ok(without_memory(before as u32, [900 * before as u64, 100 * before as u64])),
    });
    // Errors are there by default.
    let mut command = previewing(&endpoint.url());
    let agent = Agent::start(command.env_remove("RUST_LOG"));
    let line = agent.wait_for_log("memory unavailable: ");
    assert!(line.contains("/task/stats has no memory of container 0; if the kernel's"), "{line}");
    let line = agent.wait_for_stdout("CPUUtilization=50.00%");
    assert!(line.contains(" MemoryUtilization=- "), "{line}");
    agent.terminate().expect_code(0);
}

#[test]
fn memory_is_absent_while_a_container_that_runs_has_no_figures_and_there_when_it_has_stopped() {
    let worker = "a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192";
    let metrics = "c7d8e9f00112233445566778899aabbccddeeff00112233445566778899aabbc";
    let stopped = fixture("task-ec2.json");
    let (before, after) = stopped.split_once(worker).expect("the worker is in it");
    let stopped = format!("{before}{worker}{}", after.replacen("RUNNING", "STOPPED", 2));
    let endpoint = Endpoint::start(move |path, before| match (path, before) {
        ("/task", 0) => Answer::Ok(fixture("task-ec2.json")),
        ("/task", _) => Answer::Ok(stopped.clone()),
        (_, step) => {
            let text = statistics(step as u32, [600 * step as u64, 10], [400, 12]);
            let mut all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            all[metrics] = all["1"].take();
            // It has figures in the first answer alone.
            all[worker] = if step == 0 { all["0"].clone() } else { serde_json::Value::Null };
            all["0"].take();
            Answer::Ok(all.to_string())
        }
    });
    let agent = Agent::start(&mut previewing(&endpoint.url()));
    agent.wait_for_stdout("MemoryUtilization=40.23%");
    let line = agent.wait_for_log("memory unavailable: ");
    assert!(line.contains("/task/stats has no memory of container worker"), "{line}");
    agent.wait_for_log("memory available again");
    agent.terminate().expect_code(0);
}

/// The lines of containers: name, CPU, memory.
fn container_figures(stdout: &str) -> Vec<(String, String, String)> {
    let lines = stdout.lines().filter_map(|line| line.split_once(" ContainerName="));
    let field = |line: &str, name: &str| {
        let field = line.split(' ').find_map(|field| field.strip_prefix(name));
        field.expect("the field is in each line").to_owned()
    };
    let figures = |(line, name): (&str, &str)| {
        (name.to_owned(), field(line, "MaxCPUUtilization="), field(line, "MaxMemoryUtilization="))
    };
    lines.map(figures).collect()
}

#[test]
fn per_container_tells_each_container_beside_the_task() {
    // The task has 2 cores, and its containers 896 and 64 MiB.
    let worker = "a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192";
    let metrics = "c7d8e9f00112233445566778899aabbccddeeff00112233445566778899aabbc";
    let steps = [(0, [5000, 90], [448, 16]), (1, [6500, 190], [224, 48])];
    let endpoint = Endpoint::start(move |path, before| match path {
        "/task" => Answer::Ok(fixture("task-ec2.json")),
        _ => {
            let (step, cpu, memory) = steps[before.min(1)];
            let named = statistics(step, cpu, memory)
                .replace("\"0\":", &format!("\"{worker}\":"))
                .replace("\"1\":", &format!("\"{metrics}\":"));
            Answer::Ok(named)
        }
    });
    let agent = Agent::start(previewing(&endpoint.url()).arg("--per-container"));
    agent.wait_for_stdout("CPUUtilization=75.00%");
    let ended = agent.terminate().expect_code(0);
    let told = |name: &str, cpu: &str, memory: &str| (name.into(), cpu.into(), memory.into());
    let expected = [
        told("metrics", "-", "25.00%"),
        told("worker", "-", "50.00%"),
        told("metrics", "5.00%", "75.00%"),
        told("worker", "75.00%", "25.00%"),
    ];
    assert_eq!(container_figures(&ended.stdout), expected, "{ended:#?}");
    let limit = "memory of worker limit: 939524096 bytes";
    assert!(ended.stderr.contains(limit), "{ended:#?}");
    let whole: Vec<_> =
        ended.stdout.lines().filter(|line| line.ends_with("ServiceName=Foo")).collect();
    assert!(whole.iter().any(|line| line.contains(" CPUUtilization=80.00%")), "{ended:#?}");
}

#[test]
fn per_container_tells_the_only_container_of_a_task_as_the_task() {
    let endpoint = Endpoint::start(|_, _| Answer::Ok(single_container()));
    let agent = Agent::start(previewing(&endpoint.url()).arg("--per-container"));
    agent.wait_for_stdout("MaxMemoryUtilization=");
    let ended = agent.terminate().expect_code(0);
    for line in ended.stdout.lines().filter(|line| !line.contains("ContainerName")) {
        let of_container = format!("{line} ContainerName=job");
        assert!(ended.stdout.lines().any(|other| other == of_container), "{ended:#?}");
    }
}

#[test]
fn per_container_outside_of_ecs_says_that_it_has_no_effect() {
    let agent = Agent::start(
        previewing("").env_remove("ECS_CONTAINER_METADATA_URI_V4").arg("--per-container"),
    );
    agent.wait_for_log("--per-container has no effect");
    agent.wait_for_stdout("MaxMemoryUtilization=");
    let ended = agent.terminate().expect_code(0);
    assert!(!ended.stdout.contains("ContainerName"), "{ended:#?}");
}

#[test]
fn explain_shows_the_figures_of_each_container_of_a_task_on_ec2() {
    let worker = "a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192";
    let steps = [(0, [5000, 90], [448, 16]), (1, [5700, 140], [400, 12])];
    let endpoint = Endpoint::start(move |path, before| match path {
        "/task" => Answer::Ok(fixture("task-ec2.json")),
        _ => {
            let (step, cpu, memory) = steps[before.min(1)];
            Answer::Ok(statistics(step, cpu, memory).replace("\"0\":", &format!("\"{worker}\":")))
        }
    });
    let mut explain = command();
    let settings = ["explain", "--namespace", "Test", "--service", "Foo", "--dry-run"];
    explain.args(settings).env("ECS_CONTAINER_METADATA_URI_V4", endpoint.url());
    let text = run(&mut explain).expect_code(0).stdout;
    let url = endpoint.url();
    for line in [
        "scope: task, because ECS_CONTAINER_METADATA_URI_V4 is set".to_owned(),
        format!("  {url}/task/stats: total_usage of worker = 5700000000000"),
        format!("  {url}/task/stats: total_usage of 1 = 140000000000"),
        "  used = (total_usage of 1 + total_usage of worker) ns".to_owned(),
        "       = (140000000000 + 5700000000000) ns".to_owned(),
        format!("  limit = 2 cores ({url}/task)"),
        "  750.000 s CPU time / (1000.000 s × 2 cores) = 37.50%".to_owned(),
        format!(
            "  {url}/task/stats, usage − inactive_file − active_file − slab_reclaimable: memory of \
             worker = 419430400"
        ),
        "  432013312 bytes / 1073741824 bytes = 40.23%".to_owned(),
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
    }
}

/// On Fargate, with figures of a time that was not sampled.
#[test]
fn figures_that_say_nothing_of_now_give_no_zeros_and_are_asked_for_at_a_distance() {
    let endpoint = Endpoint::start(|path, _| match path {
        "/task" => Answer::Ok(fixture("task-fargate.json")),
        _ => Answer::Ok(fixture("stats-fargate.json")),
    });
    let agent = Agent::start(&mut previewing(&endpoint.url()));
    endpoint.wait_for_requests("/task/stats", 4);
    let ended = agent.terminate().expect_code(0);
    assert_eq!(ended.stdout, "", "{ended:#?}");
    assert!(ended.stderr.contains("the task is on Fargate"), "{ended:#?}");
    assert!(!ended.stderr.contains("ERROR"), "{ended:#?}");
    let requests = endpoint.requests();
    assert_eq!(requests[0].path, "/task");
    assert!(requests[1..].iter().all(|request| request.path == "/task/stats"), "{requests:#?}");
    for pair in requests[1..].windows(2) {
        let distance = pair[1].at - pair[0].at;
        assert!(distance >= Duration::from_secs(3), "{distance:?}");
    }
}

#[test]
fn scope_host_and_scope_container_do_not_ask_the_endpoint() {
    let agents = ["host", "container"].map(|scope| {
        let endpoint = Endpoint::start(|_, _| Answer::Ok(fixture("task-ec2.json")));
        (Agent::start(previewing(&endpoint.url()).args(["--scope", scope])), endpoint, scope)
    });
    for (agent, endpoint, scope) in agents {
        agent.wait_for_stdout("MaxMemoryUtilization=");
        let ended = agent.terminate().expect_code(0);
        assert!(ended.stderr.contains(&format!("scope: {scope}, because --scope is set")));
        assert!(endpoint.requests().is_empty(), "{scope}: {:#?}", endpoint.requests());
    }
}

#[test]
fn scope_task_outside_of_ecs_says_which_variable_is_missing() {
    for unset in [None, Some("")] {
        let mut command = previewing(unset.unwrap_or_default());
        if unset.is_none() {
            command.env_remove("ECS_CONTAINER_METADATA_URI_V4");
        }
        let agent = Agent::start(command.args(["--scope", "task"]).env("RUST_LOG", "error"));
        let line = agent.wait_for_log("the task metadata endpoint fails");
        for text in ["$ECS_CONTAINER_METADATA_URI_V4", "is not set: this is not an ECS task"] {
            assert!(line.contains(text), "{line}");
        }
        let ended = agent.terminate().expect_code(0);
        assert_eq!((ended.stdout.as_str(), ended.troubles().len()), ("", 1), "{ended:#?}");
    }
}

#[test]
fn what_is_no_address_is_told() {
    for (url, reason) in [("/v4/x", "expected a URL such as http://host/path"), ("::", "invalid")] {
        let agent = Agent::start(&mut previewing(url));
        let line = agent.wait_for_log("the task metadata endpoint fails");
        assert!(line.contains(&format!("{url}/task: ")) && line.contains(reason), "{line}");
        assert_eq!(agent.terminate().expect_code(0).stdout, "");
    }
}
