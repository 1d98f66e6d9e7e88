//! What a user types and reads: help, errors, and the preview on the console.

use std::io::{BufRead, BufReader, Lines, PipeWriter, pipe};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use support::{Agent, assert_expected, command, full_pipe, run};

#[test]
fn help_is_as_stored() {
    let ended = run(command().arg("--help")).expect_code(0);
    assert_expected("help.txt", &ended.stdout);
}

#[test]
fn version_is_that_of_the_package() {
    let ended = run(command().arg("--version")).expect_code(0);
    assert_eq!(ended.stdout, concat!("cloudwatch_metrics_agent ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn what_is_required_and_missing_is_named() {
    let ended = run(&mut command()).expect_code(2);
    assert_expected("missing.txt", &ended.stderr);
}

#[test]
fn all_problems_are_reported_together() {
    let ended = run(command()
        .args(["--namespace", "AWS/ECS", "--service", " ", "--period", "0", "--dry-run=maybe"])
        .args(["--sample-interval", "61", "--buffer", "-1", "--shutdown-timeout", "forever"])
        .args(["--dimension", "Stage", "--dimension", "ServiceName=x", "--dimension", ":a=b"])
        .args(["--dimension", "A=1", "--tags", "A", "2", "--tags", "B", "\u{e9}"])
        .args(["--region", "Ireland", "--endpoint-url", "localhost:8080", "--profile", ""]))
    .expect_code(2);
    assert_expected("problems.txt", &ended.stderr);
}

#[test]
fn problems_from_the_environment_name_the_variable() {
    let ended = run(command()
        .args(["--namespace", "Test", "--service", "Foo"])
        .env("CLOUDWATCH_METRICS_AGENT_PERIOD", "soon")
        .env("CLOUDWATCH_METRICS_AGENT_DRY_RUN", "perhaps")
        .env("CLOUDWATCH_METRICS_AGENT_DIMENSION", "Stage=prod,Region")
        .env("CLOUDWATCH_METRICS_AGENT_TAGS", "A=1,Stage=test"))
    .expect_code(2);
    assert_expected("problems_from_environment.txt", &ended.stderr);
}

#[test]
fn per_container_needs_a_task_and_its_dimension_for_itself() {
    let problem = |own: &[&str]| {
        let settings = ["--namespace", "Test", "--service", "Foo", "--per-container"];
        run(command().args(settings).args(own)).expect_code(2).stderr
    };
    let scope = "--per-container \"true\": expected --scope task, pod or auto\n";
    assert_eq!(problem(&["--scope", "container"]), scope);
    assert_eq!(problem(&["--scope", "host"]), scope);
    let dimension = "--per-container \"true\": expected no other dimension named ContainerName\n";
    assert_eq!(problem(&["--dimension", "ContainerName=app"]), dimension);
    assert_eq!(problem(&["--auto-dimensions", "container"]), dimension);
    let many: Vec<_> = (1..=29).map(|n| format!("--dimension=D{n}={n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let room = "--per-container \"true\": expected at most 29 other dimensions\n";
    assert_eq!(problem(&many), room);
}

#[test]
fn an_interval_that_does_not_fit_the_period_is_a_problem() {
    let settings = ["--namespace", "Test", "--service", "Foo"];
    let longer = ["--period", "1", "--sample-interval", "2"];
    let ended = run(command().args(settings).args(longer)).expect_code(2);
    assert_eq!(
        ended.stderr,
        "--sample-interval \"2\": expected a sample interval (2 s) no longer than the period (1 s)\n"
    );
    let many = ["--period", "86400", "--sample-interval", "0.1"];
    let ended = run(command().args(settings).args(many)).expect_code(2);
    assert_eq!(
        ended.stderr,
        "--sample-interval \"0.1\": expected at most 100000 samples a window, not 864001: every 0.1 s for 86400 s\n"
    );
}

#[test]
fn a_region_of_the_environment_is_checked_as_the_option_is() {
    let settings = ["--namespace", "Test", "--service", "Foo"];
    for (name, text) in [("AWS_REGION", "eu-west-1 "), ("AWS_DEFAULT_REGION", "EU (Ireland)")] {
        let ended = run(command().args(settings).env(name, text)).expect_code(2);
        assert_eq!(ended.stderr, format!("{name} {text:?}: expected a region such as eu-west-1\n"));
    }
    let url = "http//joe:hunter2@h";
    let ended = run(command().args(settings).env("AWS_ENDPOINT_URL", url)).expect_code(2);
    let expected = "a URL such as https://monitoring.eu-west-1.amazonaws.com";
    assert_eq!(ended.stderr, format!("AWS_ENDPOINT_URL \"***@h\": expected {expected}\n"));
    // What is not used does not matter.
    let ended = run(command().args(settings).args(["--region", "x y"]).env("AWS_REGION", "z z"));
    let ended = ended.expect_code(2);
    assert_eq!(ended.stderr, "--region \"x y\": expected a region such as eu-west-1\n");
    let mut explain = command();
    explain.args(["explain", "--dry-run"]).args(settings).env("AWS_REGION", "z z");
    run(&mut explain).expect_code(0);
}

#[test]
fn lists_in_variables_may_have_blanks() {
    let agent = Agent::start(
        command()
            .args(["--namespace", "Test", "--service", "Foo", "--period", "1", "--dry-run"])
            .env("CLOUDWATCH_METRICS_AGENT_DIMENSION", "A=b, C = d ,")
            .env("CLOUDWATCH_METRICS_AGENT_TAGS", " E=f, , G=h"),
    );
    let line = agent.wait_for_stdout("CPUUtilization");
    assert!(line.ends_with(" ServiceName=Foo A=b C=d E=f G=h"), "{line}");
    agent.terminate().expect_code(0);
}

#[test]
fn what_is_most_likely_not_meant_is_told_and_taken_as_it_is() {
    let agent = Agent::start(
        command()
            .args(["--namespace", "Test", "--service", "Foo", "--period", "2", "--publish", "emf"])
            .env("CLOUDWATCH_METRICS_AGENT_PEROID", "60")
            .env("CLOUDWATCH_METRICS_AGENT_SERVICE_HOST", "10.0.0.1"),
    );
    agent.wait_for_stdout("CPUUtilization");
    let ended = agent.terminate().expect_code(0);
    let warnings: Vec<_> = ended.stderr.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 2, "{ended:#?}");
    let mistyped = "variable CLOUDWATCH_METRICS_AGENT_PEROID is unknown; did you mean CLOUDWATCH_METRICS_AGENT_PERIOD?";
    assert!(warnings[0].ends_with(mistyped), "{ended:#?}");
    assert!(warnings[1].contains("--period 2: CloudWatch graphs need 1, 5, 10"), "{ended:#?}");
}

#[test]
fn thirty_dimensions_are_the_most() {
    let settings = ["--namespace", "Test", "--service", "Foo", "--dry-run"];
    let own = |count: usize| (1..=count).flat_map(|n| ["--dimension".into(), format!("D{n}={n}")]);
    let ended = run(command().args(settings).args(own(30))).expect_code(2);
    assert_eq!(
        ended.stderr,
        "--dimension \"D30=30\": expected at most 30 dimensions, ServiceName included\n"
    );
    let agent = Agent::start(command().args(settings).args(own(29)).args(["--period", "1"]));
    let line = agent.wait_for_stdout("CPUUtilization");
    assert!(line.ends_with(" D28=28 D29=29"), "{line}");
    agent.terminate().expect_code(0);
}

#[test]
fn a_preview_needs_no_aws_and_no_log() {
    let agent = Agent::start(command().args([
        "--namespace",
        "TestNamespace",
        "--service",
        "FooService",
        "--period",
        "1",
        "--dry-run",
    ]));
    agent.wait_for_stdout("MaxCPUUtilization=");
    let ended = agent.terminate().expect_code(0);
    assert_eq!(ended.troubles(), [""; 0]);
    for line in ended.stdout.lines() {
        let (start, rest) = line.split_once(' ').expect("a line of several words");
        humantime::parse_rfc3339(start).expect("the line begins with the window's start");
        let names: Vec<_> = rest.split(' ').filter_map(|word| word.split('=').next()).collect();
        let expected = [
            "CPUUtilization",
            "MaxCPUUtilization",
            "MemoryUtilization",
            "MaxMemoryUtilization",
            "samples",
            "namespace",
            "ServiceName",
        ];
        assert_eq!(names, expected, "{line}");
    }
}

#[test]
fn the_command_line_wins_over_the_environment_and_an_empty_variable_is_not_set() {
    let agent = Agent::start(
        command()
            .args(["-s", "FromCommandLine", "-d", "--dimension", "A=a,E=e"])
            .env("CLOUDWATCH_METRICS_AGENT_NAMESPACE", "FromEnvironment")
            .env("CLOUDWATCH_METRICS_AGENT_SERVICE", "FromEnvironment")
            .env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1")
            .env("CLOUDWATCH_METRICS_AGENT_REGION", "")
            .env("CLOUDWATCH_METRICS_AGENT_DRY_RUN", "0")
            .env("CLOUDWATCH_METRICS_AGENT_DIMENSION", "A=1,B=2")
            .env("CLOUDWATCH_METRICS_AGENT_TAGS", "C=3,D=4"),
    );
    let line = agent.wait_for_stdout("CPUUtilization");
    let place = line.split_once(" namespace=").map(|(_, place)| place);
    assert_eq!(place, Some("FromEnvironment ServiceName=FromCommandLine A=a E=e C=3 D=4"));
    agent.terminate().expect_code(0);
}

#[test]
fn a_value_with_a_comma_is_a_word_of_its_own() {
    let settings = ["--once", "--dry-run", "--period", "1"];
    let mistaken = run(command().args(settings).args(["--dimension", "Note=a,b"])).expect_code(2);
    let expected = "--dimension \"b\": expected NAME=VALUE; where a value has a comma, write --tags NAME VALUE\n";
    assert_eq!(mistaken.stderr, expected);
    let ended = run(command().args(settings).args(["--tags", "Note", "a,b"])).expect_code(0);
    assert!(ended.stdout.ends_with(" namespace=- ServiceName=- Note=a,b\n"), "{ended:#?}");
}

#[test]
fn one_whole_window_is_enough_where_that_is_asked_for() {
    let ended =
        run(command().args(["--once", "--period", "1s", "--output", "json", "-d"])).expect_code(0);
    let window: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one line");
    assert_eq!(window["namespace"], serde_json::Value::Null);
    assert_eq!(window["dimensions"]["ServiceName"], serde_json::Value::Null);
    assert!(window["cpu"]["count"].as_u64() >= Some(1), "{ended:#?}");
}

/// A window that was not measured is none, and neither is a part of the next one.
#[test]
fn a_stop_before_the_only_window_measures_nothing() {
    let mut agent = command();
    let agent =
        Agent::start(agent.args(["--once", "--period", "1h", "-d"]).env("RUST_LOG", "info"));
    agent.wait_for_log(" measures the ");
    let ended = agent.terminate().expect_code(1);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("nothing could be measured"), "{ended:#?}");
}

#[test]
fn the_spellings_of_the_older_crate_work() {
    let agent = Agent::start(command().args([
        "--namespace",
        "Test",
        "--service-name",
        "Foo",
        "--period",
        "1",
        "--dryrun",
        "--tags",
        "Stage",
        "a b",
        "--tags",
        "Team",
        "x=y",
    ]));
    let line = agent.wait_for_stdout("CPUUtilization");
    assert!(line.ends_with(" namespace=Test ServiceName=Foo Stage=a b Team=x=y"), "{line}");
    agent.terminate().expect_code(0);
}

#[test]
fn a_full_pipe_cannot_hold_up_sampling_or_the_exit() {
    let (_reader, writer) = full_pipe();
    let agent = Agent::start_with_stdout(
        command()
            .args(["-n", "Test", "-s", "Foo", "-p", "1", "--dry-run", "--shutdown-timeout", "0.5"])
            .env("RUST_LOG", "debug"),
        writer,
    );
    // The first window closes with the first sample of the second; the third sample comes after
    // the line of the first could not be written.
    agent.wait_for_log_lines("Sample {", 4);
    let ended = agent.terminate().expect_code(1);
    assert!(ended.stderr.contains("--shutdown-timeout ended the last send"), "{ended:#?}");
}

/// A preview whose log goes to a pipe, and the lines that it prints.
fn logging_to(log: PipeWriter) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = command()
        .args(["-n", "Test", "-s", "Foo", "-p", "1", "--dry-run", "--sample-interval", "0.1"])
        .env("RUST_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the binary was built");
    let windows = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
    (child, windows)
}

fn ends_well(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it is this process's child");
    assert_eq!(child.wait().expect("it is this process's child").code(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up_and_tells_later_what_is_missing() {
    let (reader, writer) = full_pipe();
    let (child, mut windows) = logging_to(writer);
    for _ in 0..2 {
        windows.next().expect("a window").expect("text");
    }
    let dropped = BufReader::new(reader).lines().map(|line| line.expect("text"));
    let dropped = dropped.into_iter().find(|line| line.contains("log lines dropped"));
    let line = dropped.expect("the log goes on when it is read");
    assert!(line.ends_with("log lines dropped: standard error was full]"), "{line}");
    ends_well(child);
}

#[test]
fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
    let (_reader, writer) = full_pipe();
    let (child, mut windows) = logging_to(writer);
    windows.next().expect("a window").expect("text");
    ends_well(child);
}

#[test]
fn a_closed_standard_output_is_an_error_and_not_a_crash() {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let agent = Agent::start_with_stdout(
        command().args(["-n", "Test", "-s", "Foo", "-p", "1", "--dry-run"]),
        writer,
    );
    let line = agent.wait_for_log("publishing failed");
    assert!(
        line.ends_with(
            "keep the reader of standard output open (standard output: Broken pipe (os error 32))"
        ),
        "{line}"
    );
    agent.terminate().expect_code(1);
}
