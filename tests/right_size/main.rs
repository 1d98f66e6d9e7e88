//! The report at the end of a run: the real binary in control groups and tasks of a test's own.
#![cfg(target_os = "linux")]

mod place;

use fake_cloudwatch::FakeCloudWatch;
use serde_json::{Value, json};
use support::endpoint::{Answer, Endpoint};
use support::{Agent, Ended};

use crate::place::Place;

const GIB: u64 = 1 << 30;

/// Two windows more than hold the samples that advice needs.
const ENOUGH: usize = 8;

/// The report that stands on standard output, and that the log says the same.
fn report(ended: &Ended) -> Value {
    let lines = ended.stdout.lines().filter(|line| line.starts_with("{\"report\""));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 1, "{ended:#?}");
    assert_eq!(ended.stdout.lines().last(), Some(lines[0]), "it is the last line");
    let said = ended.stderr.matches("cloudwatch_metrics_agent::report] right size: measured ");
    assert_eq!(said.count(), 1, "{ended:#?}");
    let report: Value = serde_json::from_str(lines[0]).expect("JSON");
    report["report"].clone()
}

fn said(ended: &Ended) -> &str {
    ended.stderr.lines().find(|line| line.contains("::report] ")).expect("the report")
}

/// Runs until so many windows are printed.
fn after_windows(agent: Agent, count: usize) -> Ended {
    agent.wait_for_stdout_lines("\"start\"", count);
    agent.terminate().expect_code(0)
}

fn is_size(told: &Value, cores: f64, bytes: u64) -> bool {
    told["cpu_cores"] == cores && told["memory_bytes"] == bytes
}

#[test]
fn a_task_on_fargate_that_is_too_large_is_told_the_size_that_would_have_been_enough() {
    let place = Place::without_limits(200 << 20);
    let endpoint = place.fargate(1.0, 2048);
    let ended = after_windows(place.start(&["--output", "json"], Some(&endpoint), &[]), ENOUGH);
    let report = report(&ended);
    assert_eq!(report["scope"], "task");
    assert_eq!(report["cpu"]["limit_cores"], 1.0);
    assert_eq!(report["cpu"]["limit_from"], format!("{}/task", endpoint.url()));
    assert_eq!(report["cpu"]["p95_percent"], 0.0);
    assert!(report["cpu"]["values"].as_u64().is_some_and(|values| values >= 60), "{report}");
    assert_eq!(report["memory"]["max_percent"], 9.766);
    // Of percents as the samples have them.
    let bytes = report["memory"]["max_bytes"].as_u64().expect("it is known");
    assert!(bytes.abs_diff(200 << 20) < 200, "{bytes}");
    assert_eq!((&report["throttled_percent"], &report["oom_kills"]), (&json!(0.0), &json!(0)));
    assert_eq!(report["pressure_percent"], json!({ "cpu": 0.0, "memory": 0.0, "io": 0.0 }));
    assert_eq!(report["size"]["kind"], "fargate");
    assert!(is_size(&report["smaller"][0], 0.5, 2 * GIB), "{report}");
    assert_eq!(report["smaller"][0]["memory_max_percent"], 9.766);
    assert!(is_size(&report["larger"][0], 2.0, 4 * GIB), "{report}");
    assert!(is_size(&report["larger"][1], 1.0, 3 * GIB), "{report}");
    assert_eq!(report["larger"][1]["fits"], true);
    assert_eq!(report["advice"], "smaller");
    assert!(is_size(&report["advised"], 0.25, GIB / 2), "{report}");
    assert_eq!(report["unknown"], json!({}));
    // The image was pulled within the last minute, which is charged at least.
    assert_eq!(
        (&report["cost"]["seconds"], &report["cost"]["region"]),
        (&json!(60.0), &json!("us-west-2"))
    );
    assert_eq!(report["cost"]["since"], "pull of the image");
    let dollars = report["cost"]["dollars"].as_f64().expect("it has a price");
    if std::env::consts::ARCH == "x86_64" {
        assert!((dollars - (0.04048 + 2.0 * 0.004445) / 60.0).abs() < 1e-8, "{dollars}");
    }
    assert!(said(&ended).contains("; advice: smaller, 0.25 vCPU and 512 MiB, $0."), "{ended:#?}");
}

#[test]
fn a_task_on_fargate_whose_memory_is_nearly_full_is_told_a_larger_size() {
    let place = Place::without_limits(2 * GIB / 100 * 95);
    let endpoint = place.fargate(1.0, 2048);
    let ended = after_windows(place.start(&["--output", "json"], Some(&endpoint), &[]), ENOUGH);
    let report = report(&ended);
    assert_eq!(report["memory"]["max_percent"], 95.0);
    assert_eq!(report["smaller"][0]["fits"], false);
    // CPU was idle, and half of it can have 3 GiB.
    assert_eq!(report["advice"], "other");
    assert!(is_size(&report["advised"], 0.5, 3 * GIB), "{report}");
}

#[test]
fn a_task_on_fargate_that_has_what_it_needs_keeps_its_size() {
    // 60 percent, and throttled in half of the periods.
    let place = Place::without_limits(2 * GIB / 100 * 60);
    let endpoint = place.fargate(1.0, 2048);
    let agent = place.start(&["--output", "json"], Some(&endpoint), &[]);
    agent.wait_for_stdout_lines("\"start\"", 2);
    place.change(
        "== sys/fs/cgroup/cpu.stat\nusage_usec 61412008\nnr_periods 1100\nnr_throttled 60\n",
    );
    let ended = after_windows(agent, ENOUGH);
    let report = report(&ended);
    assert_eq!(report["throttled_percent"], 50.0);
    assert_eq!((&report["advice"], &report["advised"]), (&json!("keep"), &Value::Null));
    assert!(said(&ended).contains("; throttled in 50% of the periods; "), "{ended:#?}");
}

#[test]
fn a_kill_needs_more_memory_than_there_was() {
    let place = Place::limited(25_000, 512 << 20, 100 << 20);
    let agent = place.start(&["--output", "json"], None, &[]);
    agent.wait_for_stdout_lines("\"start\"", 2);
    place.change("== sys/fs/cgroup/memory.events\noom 2\noom_kill 2\n");
    let ended = after_windows(agent, ENOUGH);
    let report = report(&ended);
    // There was one before it began.
    assert_eq!((&report["scope"], &report["oom_kills"]), (&json!("container"), &json!(1)));
    assert_eq!(
        report["size"],
        json!({ "kind": "limits", "cpu_cores": 0.25, "memory_bytes": GIB / 2 })
    );
    assert_eq!(report["memory"]["limit_from"], "/sys/fs/cgroup/memory.max");
    assert_eq!(report["smaller"][1]["memory_bytes"], GIB / 4);
    assert_eq!(report["larger"][1]["memory_bytes"], GIB);
    // CPU was idle.
    assert_eq!(
        (&report["advice"], &report["advised"]["memory_bytes"]),
        (&json!("other"), &json!(GIB))
    );
    assert_eq!(report["cost"], Value::Null);
    assert!(
        said(&ended).contains("; cost unknown (only a task on Fargate has a price"),
        "{ended:#?}"
    );
}

#[test]
fn without_any_limit_there_are_figures_and_no_advice() {
    let place = Place::without_limits(100 << 20);
    let ended = after_windows(place.start(&["--output", "json"], None, &[]), ENOUGH);
    let report = report(&ended);
    assert_eq!(report["scope"], "host");
    assert_eq!((&report["size"], &report["advice"]), (&Value::Null, &json!("none")));
    assert_eq!(report["unknown"]["advice"], "neither CPU nor memory has a limit");
    assert_eq!((&report["smaller"], &report["larger"]), (&json!([]), &json!([])));
    let unknown = report["unknown"]["oom_kills"].as_str().expect("the reason");
    assert!(unknown.starts_with("the machine has no limit that could be enforced"), "{unknown}");
    assert_eq!(report["throttled_percent"], Value::Null);
    // The tree has no /proc/pressure.
    let unknown = report["unknown"]["pressure_percent.io"].as_str().expect("the reason");
    assert!(
        unknown.contains("/proc/pressure/io not found: pressure needs Linux 4.20"),
        "{unknown}"
    );
    let memory = &report["memory"];
    assert_eq!(memory["limit_from"], "/proc/meminfo");
    assert!(memory["max_percent"].as_f64().is_some_and(|percent| percent > 1.0), "{report}");
}

#[test]
fn a_run_of_two_seconds_is_too_brief_for_advice_and_has_all_else() {
    let place = Place::without_limits(2 * GIB / 100 * 95);
    let endpoint = place.fargate(1.0, 2048);
    let ended = after_windows(place.start(&["--output", "json"], Some(&endpoint), &[]), 2);
    let report = report(&ended);
    assert_eq!((&report["advice"], &report["advised"]), (&json!("none"), &Value::Null));
    let why = report["unknown"]["advice"].as_str().expect("the reason");
    assert!(why.starts_with("measured too briefly: "), "{why}");
    assert_eq!(report["memory"]["max_percent"], 95.0);
    assert_eq!(report["larger"][1]["fits"], true, "what it would have been is no advice");
}

#[test]
fn beside_a_command_that_ends_within_a_window_the_report_comes_after_its_output() {
    let place = Place::without_limits(200 << 20);
    let endpoint = place.fargate(1.0, 2048);
    let cloudwatch = FakeCloudWatch::start();
    let url = cloudwatch.url();
    let options =
        ["--publish", "cloudwatch", "--endpoint-url", &url, "--period", "3600", "--output", "json"];
    let agent =
        place.start(&options, Some(&endpoint), &["sh", "-c", "echo the work is done; exit 5"]);
    let ended = agent.wait().expect_code(5);
    assert!(ended.stdout.starts_with("the work is done\n{\"report\":"), "{ended:#?}");
    let report = report(&ended);
    assert!(
        report["unknown"]["advice"]
            .as_str()
            .is_some_and(|why| why.starts_with("measured too briefly: "))
    );
    assert_eq!(report["memory"]["max_percent"], 9.766);
    assert!(!ended.stderr.contains("has no effect"), "{ended:#?}");
}

#[test]
fn without_json_the_report_is_in_the_log_alone_and_without_the_option_nowhere() {
    let place = Place::limited(25_000, 512 << 20, 100 << 20);
    let agent = place.start(&["--output", "text"], None, &[]);
    agent.wait_for_stdout("MemoryUtilization=");
    let ended = agent.terminate().expect_code(0);
    assert!(!ended.stdout.contains("report"), "{ended:#?}");
    assert!(said(&ended).contains(" of 0.25 cores (/sys/fs/cgroup/cpu.max)"), "{ended:#?}");
    let ended = after_windows(place.start(&["--output", "json", "--report=no"], None, &[]), 1);
    assert!(!ended.stdout.contains("report") && !ended.stderr.contains("right size"), "{ended:#?}");
}

#[test]
fn one_window_of_once_is_reported() {
    let place = Place::limited(25_000, 512 << 20, 100 << 20);
    let agent = place.start(&["--output", "json", "--once"], None, &[]);
    let report = report(&agent.wait().expect_code(0));
    assert_eq!(report["memory"]["max_bytes"], 100 << 20);
    assert!(report["cpu"]["values"].as_u64().is_some_and(|values| values < 60), "{report}");
}

#[test]
fn a_task_of_several_containers_says_what_its_endpoint_does_not_tell() {
    let place = Place::of_machine();
    let endpoint = Endpoint::start(|path, _| match path {
        "/task" => Answer::Ok(place::fixture("task-fargate.json")),
        _ => Answer::Ok(place::fixture("stats-fargate.json")),
    });
    let agent = place.start(&["--output", "json"], Some(&endpoint), &[]);
    endpoint.wait_for_requests("/task/stats", 2);
    let report = report(&agent.terminate());
    for member in ["throttled_percent", "oom_kills"] {
        let unknown = report["unknown"][member].as_str().expect("the reason");
        assert!(unknown.contains("of a task of several containers"), "{unknown}");
    }
    assert_eq!(report["size"]["kind"], "fargate");
    assert_eq!(report["cost"]["region"], "eu-central-1");
}

#[test]
fn the_figures_are_metrics_of_the_last_window_where_that_is_asked_for() {
    let place = Place::without_limits(200 << 20);
    let endpoint = place.fargate(1.0, 2048);
    let cloudwatch = FakeCloudWatch::start();
    let url = cloudwatch.url();
    let options = ["--report=metrics", "--publish=cloudwatch,console", "--output=json"];
    let options = [&options[..], &["--endpoint-url", &url]].concat();
    let ended = after_windows(place.start(&options, Some(&endpoint), &[]), 3);
    let report = report(&ended);
    let data = cloudwatch.data();
    let last = data.iter().map(|datum| datum.timestamp).max().expect("windows");
    let value = |datum: &fake_cloudwatch::Datum| match &datum.set {
        Some(set) => (set.sample_count, set.sum),
        None => (1.0, datum.values[0]),
    };
    let of_run = data.iter().filter(|datum| datum.name.starts_with("Run"));
    let told: Vec<_> = of_run
        .map(|datum| (&*datum.name, datum.unit.as_deref().unwrap_or("None"), value(datum)))
        .collect();
    let number = |value: &Value| value.as_f64().expect("a number");
    let close = |name: &str, unit: &str, expected: f64| {
        let of = told.iter().find(|of| of.0 == name).unwrap_or_else(|| panic!("{name}: {told:?}"));
        assert_eq!(of.1, unit);
        let (count, value) = of.2;
        assert_eq!(count, 1.0, "{of:?}");
        assert!((value - expected).abs() <= expected.abs() / 1000.0 + 1e-6, "{of:?} {expected}");
    };
    close("RunSeconds", "Seconds", number(&report["seconds"]));
    close("RunCPUp50", "Percent", number(&report["cpu"]["p50_percent"]));
    close("RunCPUp95", "Percent", number(&report["cpu"]["p95_percent"]));
    close("RunCPUMax", "Percent", number(&report["cpu"]["max_percent"]));
    close("RunMemoryMax", "Percent", number(&report["memory"]["max_percent"]));
    close("RunThrottled", "Percent", 0.0);
    close("RunOOMKills", "Count", 0.0);
    close("RunCost", "None", number(&report["cost"]["dollars"]));
    assert_eq!(told.len(), 8, "each once, of the last window alone: {told:?}");
    let times = data.iter().filter(|datum| datum.name.starts_with("Run"));
    assert!(times.into_iter().all(|datum| datum.timestamp == last));
}
