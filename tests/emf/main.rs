//! Embedded Metric Format on standard output, held to its specification.

#[cfg(target_os = "linux")]
mod line;

use std::collections::BTreeMap;
use std::io::{PipeReader, Read, pipe};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use support::{Agent, Ended, command, full_pipe, run};
use tokio::time::Instant;

use line::{Line, lines};

/// Prints windows of a second.
fn printing(arguments: &[&str]) -> Command {
    let mut command = command();
    command
        .args(["--namespace", "Test", "--service", "Foo", "--publish", "emf"])
        // A test's own arguments win over these.
        .env("CLOUDWATCH_METRICS_AGENT_SCOPE", "host")
        .env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1")
        .env("CLOUDWATCH_METRICS_AGENT_SAMPLE_INTERVAL", "0.1")
        .env("RUST_LOG", "cloudwatch_metrics_agent=debug")
        .args(arguments);
    command
}

/// The lines of an agent that has printed three at least.
fn printed(command: &mut Command) -> Vec<Line> {
    let agent = Agent::start(command);
    agent.wait_for_stdout_lines("\"_aws\"", 3);
    lines(&agent.terminate().expect_code(0).stdout)
}

/// Name, unit and storage resolution of each metric.
fn definitions(line: &Line) -> Vec<(&str, Option<&str>, Option<u64>)> {
    let metrics = line.metrics.iter();
    metrics.map(|m| (m.name.as_str(), m.unit.as_deref(), m.storage_resolution)).collect()
}

const FOUR: [&str; 4] =
    ["CPUUtilization", "MaxCPUUtilization", "MemoryUtilization", "MaxMemoryUtilization"];

#[test]
fn each_window_is_a_line_of_four_numbers_in_high_resolution() {
    let lines = printed(&mut printing(&[]));
    for line in &lines[1..] {
        assert_eq!(definitions(line), FOUR.map(|name| (name, Some("Percent"), Some(1))));
        assert_eq!(line.sets, [["ServiceName"]]);
        assert_eq!(line.object["ServiceName"], "Foo");
        for metric in &line.metrics {
            assert!(!metric.is_array && (0.0..=100.0).contains(&metric.values[0]), "{metric:?}");
        }
    }
    let starts: Vec<_> = lines.iter().map(|line| line.timestamp).collect();
    let expected: Vec<_> = (starts[0]..=starts[starts.len() - 1]).step_by(1000).collect();
    assert_eq!(starts, expected, "each window once, in order");
    assert_eq!(starts[0] % 1000, 0);
}

#[test]
fn periods_of_a_minute_have_the_resolution_of_a_minute() {
    let agent = Agent::start(printing(&["--period", "60"]).args(["--metrics", "memory"]));
    agent.wait_for_log("Sample {");
    let lines = lines(&agent.terminate().expect_code(0).stdout);
    let names = ["MemoryUtilization", "MaxMemoryUtilization"];
    assert_eq!(definitions(&lines[0]), names.map(|name| (name, Some("Percent"), None)));
    assert_eq!(lines[0].timestamp % 60_000, 0);
}

#[test]
fn a_distribution_loses_no_sample_however_many_there_are() {
    // Long windows, so that more samples than an array takes fall into one.
    let agent =
        Agent::start(printing(&["--period", "9000"]).args(["--statistics", "distribution"]));
    agent.wait_for_log_lines("Sample {", 225);
    let ended = agent.terminate().expect_code(0);
    let lines = lines(&ended.stdout);
    for (name, part) in [("CPUUtilization", "cpu: Some("), ("MemoryUtilization", "memory: Some(")] {
        let samples = ended.stderr.lines().filter(|line| line.contains("Sample {"));
        let sample = |line: &str| -> Option<f64> {
            line.split_once(part)?.1.split(')').next()?.parse().ok()
        };
        let mut samples: Vec<_> = samples.filter_map(sample).collect();
        let mut values: Vec<_> = lines.iter().flat_map(|line| line.values(name)).copied().collect();
        samples.sort_unstable_by(f64::total_cmp);
        values.sort_unstable_by(f64::total_cmp);
        assert!(samples.len() > 200, "{ended:#?}");
        assert_eq!(values.len(), samples.len(), "{name}");
        for (value, sample) in values.iter().zip(&samples) {
            assert!((value - sample).abs() <= ROUNDING, "{name}: {value} of {sample}");
        }
        let mut windows = BTreeMap::<_, Vec<_>>::new();
        for line in lines.iter().filter(|line| !line.values(name).is_empty()) {
            windows.entry(line.timestamp).or_default().push(line.values(name).len());
        }
        for (_, mut counts) in windows {
            let last = counts.pop();
            assert!(counts.iter().all(|count| *count == 100) && last <= Some(100), "{counts:?}");
        }
    }
    for metric in lines.iter().flat_map(|line| &line.metrics) {
        assert!(metric.is_array && !metric.name.starts_with("Max"), "{metric:?}");
    }
}

/// Half a hundredth of a percent, and what single precision adds.
const ROUNDING: f64 = 0.005 + 1e-5;

#[test]
fn dimension_sets_and_every_dimension_stand_in_each_line() {
    let sets = ["--dimension-set", "ServiceName", "--dimension-set", "Stage+ServiceName"];
    let long = format!("Long={}", "v".repeat(1024));
    let lines = printed(printing(&sets).args(["--dimension", "Stage=prod", "--dimension", &long]));
    for line in &lines {
        assert_eq!(line.sets, [vec!["ServiceName"], vec!["ServiceName", "Stage"]]);
        let long = line.object["Long"].as_str().map(str::len);
        assert_eq!((&line.object["Stage"], long), (&"prod".into(), Some(1024)));
    }
}

#[test]
fn thirty_dimensions_of_the_longest_names_and_values_keep_to_the_limits() {
    let dimension = |n| format!("--dimension={:n<255}={}", format!("D{n}"), "v".repeat(1024));
    let all: Vec<_> = (1..=29).map(dimension).collect();
    let lines = printed(printing(&["--statistics", "distribution"]).args(all));
    assert!(lines.iter().all(|line| line.sets[0].len() == 30));
}

#[cfg(target_os = "linux")]
#[test]
fn each_container_has_its_own_line_with_one_more_dimension() {
    use support::endpoint::{Answer, Endpoint};
    let fixture = include_str!("../fixtures/ecs/task-single.json");
    let endpoint = Endpoint::start(|_, _| Answer::Ok(fixture.to_owned()));
    let lines = printed(
        printing(&["--scope", "task", "--per-container", "--dimension", "Stage=prod"])
            .args(["--dimension-set", "ServiceName", "--dimension-set", "ServiceName+Stage"])
            .env("ECS_CONTAINER_METADATA_URI_V4", endpoint.url()),
    );
    for pair in lines.chunks(2) {
        let [whole, container] = pair else { panic!("a line without its other: {pair:#?}") };
        assert_eq!(whole.sets, [vec!["ServiceName"], vec!["ServiceName", "Stage"]]);
        assert_eq!(
            container.sets,
            [vec!["ServiceName", "ContainerName"], vec!["ServiceName", "Stage", "ContainerName"]]
        );
        let name = |line: &Line| line.object.get("ContainerName").cloned();
        assert_eq!((name(whole), name(container)), (None, Some("job".into())));
        assert_eq!(whole.timestamp, container.timestamp);
        // A task of one container is that container.
        for metric in FOUR {
            assert_eq!(whole.values(metric), container.values(metric), "{pair:#?}");
        }
    }
}

#[test]
fn a_closed_standard_output_does_not_stop_the_sampling_and_is_counted() {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let agent = Agent::start_with_stdout(&mut printing(&["--buffer", "0"]), writer);
    agent.wait_for_log(
        "publishing failed (0 windows kept): keep the reader of standard output open (",
    );
    agent.wait_for_log_lines("Sample {", 25);
    let ended = agent.terminate().expect_code(1);
    let [windows, delivered, dropped, undelivered] = counts(&ended);
    assert!(delivered == 0 && undelivered >= 1, "{ended:#?}");
    assert_eq!(windows, dropped + undelivered, "{ended:#?}");
    let cause =
        "keep the reader of standard output open (standard output: Broken pipe (os error 32))";
    assert!(ended.stderr.trim_end().ends_with(cause), "{ended:#?}");
}

#[test]
fn a_pipe_that_nobody_reads_holds_up_neither_sampling_nor_exit() {
    let (_reader, writer) = full_pipe();
    let agent = Agent::start_with_stdout(&mut printing(&["--shutdown-timeout", "0.5"]), writer);
    agent.wait_for_log("publishing failed");
    agent.wait_for_log_lines("Sample {", 45);
    let signalled = Instant::now();
    agent.signal(Signal::TERM);
    let ended = agent.wait().expect_code(1);
    let elapsed = signalled.elapsed();
    assert!(elapsed <= Duration::from_millis(700), "{elapsed:?}: {ended:#?}");
    let [windows, delivered, dropped, undelivered] = counts(&ended);
    assert!(windows >= 4, "{ended:#?}");
    assert_eq!([delivered, dropped, undelivered], [0, 0, windows], "{ended:#?}");
}

/// The windows that the last line of the log counts: all, delivered, dropped, undelivered.
fn counts(ended: &Ended) -> [usize; 4] {
    let last = ended.stderr.lines().last().expect("the last line");
    [" windows=", " delivered=", " dropped=", " undelivered="].map(|name| {
        let (_, count) = last.split_once(name).expect("a count");
        count.split(' ').next().and_then(|count| count.parse().ok()).expect("a number")
    })
}

#[test]
fn whoever_comes_late_reads_every_window_once() {
    let (reader, writer) = full_pipe();
    let mut printing = printing(&[]);
    let agent = Agent::start_with_stdout(&mut printing, writer);
    // The writer's other end, or the reader would never see the end.
    drop(printing);
    agent.wait_for_log("publishing failed");
    assert_complete(agent, reader);
}

#[test]
fn a_line_that_only_half_fitted_is_not_begun_anew() {
    let (mut reader, writer) = full_pipe();
    // Lines that are longer than what a pipe takes at once, and room for a part of one.
    let long = |n| format!("--dimension=D{n}={}", "v".repeat(1024));
    let mut printing = printing(&[]);
    let agent = Agent::start_with_stdout(printing.args((1..=20).map(long)), writer);
    drop(printing);
    reader.read_exact(&mut [0; 8192]).expect("the pipe is full");
    agent.wait_for_log("publishing failed");
    assert_complete(agent, reader);
}

/// Reads all that an agent prints from now on, up to its end.
fn assert_complete(agent: Agent, mut reader: PipeReader) {
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    agent.wait_for_log("publishing works again");
    let ended = agent.terminate().expect_code(0);
    let text = reading.join().expect("no reader panics").expect("text");
    let lines = lines(text.trim_start_matches('x'));
    let starts: Vec<_> = lines.iter().map(|line| line.timestamp).collect();
    let expected: Vec<_> = (starts[0]..=starts[starts.len() - 1]).step_by(1000).collect();
    assert_eq!(starts, expected, "each window once, in order: {ended:#?}");
    assert_eq!(counts(&ended), [starts.len(), starts.len(), 0, 0], "{ended:#?}");
}

#[test]
fn a_dimension_with_the_name_of_another_member_is_refused() {
    let problem = |publish: &str, name: &str| {
        let dimension = format!("{name}=x");
        let settings = ["-n", "Test", "-s", "Foo", "--publish", publish, "--dimension", &dimension];
        let metrics = ["--metrics", "cpu,memory,oom-kills"];
        run(command().args(settings).args(metrics)).expect_code(2).stderr
    };
    for name in ["_aws", "MaxCPUUtilization", "OOMKills"] {
        for publish in ["emf", "cloudwatch,emf"] {
            assert_eq!(
                problem(publish, name),
                format!(
                    "the dimension {name:?}: expected a name that is not _aws or a metric's, for --publish emf\n"
                )
            );
        }
    }
}
