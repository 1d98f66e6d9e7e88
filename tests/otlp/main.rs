//! What the options and variables of OTLP mean to the real binary, and what becomes of points that are refused.

use std::net::Ipv4Addr;
use std::process::Command;

use fake_cloudwatch::{Answer, Certificate, FakeCloudWatch};
use serde_json::Value as Json;
use support::folder::Folder;
use support::http::{Reply, Server};
use support::{Agent, Ended, TemporaryFile, command, run};

/// An agent with windows of a second that sends by OTLP.
fn sending() -> Command {
    let mut command = command();
    command
        .args(["--service", "Foo", "--scope", "host"])
        // A test's own arguments win over these.
        .env("CLOUDWATCH_METRICS_AGENT_PUBLISH", "otlp")
        .env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1")
        .env("CLOUDWATCH_METRICS_AGENT_SAMPLE_INTERVAL", "0.1")
        .env("RUST_LOG", "info");
    command
}

/// The same to this URL.
fn sending_to(url: &str) -> Command {
    let mut command = sending();
    command.args(["--otlp-endpoint", &format!("{url}/v1/metrics")]);
    command
}

/// A number of the last line of the log.
fn count(ended: &Ended, name: &str) -> u64 {
    let line = ended.stderr.lines().find(|line| line.contains("stopped; ")).expect("an account");
    let (_, count) = line.split_once(&format!(" {name}=")).expect("a count");
    count.split(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

#[test]
fn a_thousand_points_that_are_refused_cost_a_bounded_number_of_requests_and_lines() {
    let folder = Folder::of(&[]);
    let lines: String = (0..1000).map(|n| format!("metric m{n} int64 {n}\n")).collect();
    let plugin = folder.write("many", format!("#!/bin/sh\ncat <<END\nstatus ok\n{lines}END\n"));
    support::folder::mode(&plugin, 0o755);
    let config = TemporaryFile::new(
        "many.yaml",
        "checks:\n  many: {type: agent.plugin, period: 1800, timeout: 20, details: {file: many}, publish: all}\n",
    );
    let receiver = FakeCloudWatch::start();
    receiver.answer_always(Answer::reject_where(|datum| datum.name.contains(".plugin.m")));
    let mut command = sending_to(&receiver.url());
    command.arg("--config").arg(config.path()).arg("--plugins").arg(folder.whole());
    command.args(["--max-metrics", "5000", "--once", "--period", "5", "--shutdown-timeout", "60"]);
    let ended = run(&mut command).expect_code(0);
    assert!(count(&ended, "rejected_metrics") >= 1000, "{ended:#?}");
    assert_eq!((count(&ended, "undelivered"), count(&ended, "windows")), (0, 1), "{ended:#?}");
    let requests = receiver.requests().len();
    // The six of CPU and memory make it more than one request: a search in each.
    assert!(requests <= 2 * (64 + 40), "{requests}");
    let errors: Vec<_> = ended.stderr.lines().filter(|line| line.contains(" ERROR ")).collect();
    assert_eq!(errors.len(), 9, "{errors:#?}");
    assert_eq!(ended.stderr.matches("more metrics were rejected and dropped: ").count(), 1);
}

#[test]
fn one_option_is_one_header_and_a_variable_has_several_with_commas() {
    let header_of = |command: &mut Command, name: &str| {
        let server = Server::start((Ipv4Addr::LOCALHOST, 0), |_| Reply::ok(""));
        command.args(["--otlp-endpoint", &format!("http://{}/v1/metrics", server.address())]);
        let agent = Agent::start(command);
        let log = server.wait_until("a request", |log| !log.requests.is_empty());
        agent.terminate();
        log.requests[0].header(name).map(str::to_owned)
    };
    let mut typed = sending();
    typed.args(["--otlp-header", "x-list=a,b=c", "--otlp-header", "x-other=7"]);
    assert_eq!(header_of(&mut typed, "x-list").as_deref(), Some("a,b=c"));
    for name in ["CLOUDWATCH_METRICS_AGENT_OTLP_HEADER", "OTEL_EXPORTER_OTLP_HEADERS"] {
        let mut of_variable = sending();
        of_variable.env(name, "x-list=a,x-other=7");
        assert_eq!(header_of(&mut of_variable, "x-list").as_deref(), Some("a"), "{name}");
    }
    for list in ["x-list=a,b", "[\"x-list=a,b\"]"] {
        let file = TemporaryFile::new("header.yaml", &format!("otlp-header: {list}\n"));
        let mut of_file = sending();
        of_file.arg("--config").arg(file.path());
        assert_eq!(header_of(&mut of_file, "x-list").as_deref(), Some("a,b"), "{list}");
    }
}

#[test]
fn the_certificate_of_a_variable_is_trusted_and_ca_file_wins_over_it() {
    let receiver = FakeCloudWatch::start_tls(Certificate::Valid);
    let other = FakeCloudWatch::start_tls(Certificate::Valid);
    let pem = |of: &FakeCloudWatch| of.ca_pem().expect("it has an authority").to_owned();
    let right = TemporaryFile::new("right.pem", &pem(&receiver));
    let wrong = TemporaryFile::new("wrong.pem", &pem(&other));
    let once = |variables: &[(&str, &TemporaryFile)], ca_file: Option<&TemporaryFile>| {
        let mut command = sending_to(&receiver.url());
        command.args(["--once", "--shutdown-timeout", "3"]);
        command.envs(variables.iter().map(|(name, file)| (name, file.path())));
        command
            .args(ca_file.iter().flat_map(|file| ["--ca-file".as_ref(), file.path().as_os_str()]));
        run(&mut command)
    };
    let (all, own) = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE");
    once(&[(all, &right)], None).expect_code(0);
    once(&[(all, &wrong), (own, &right)], None).expect_code(0);
    once(&[(all, &wrong)], Some(&right)).expect_code(0);
    let refused = once(&[(all, &wrong)], None).expect_code(1);
    assert!(refused.stderr.contains("certificate"), "{refused:#?}");
    let empty = TemporaryFile::new("empty.pem", "");
    let ended = once(&[(own, &empty)], None).expect_code(2);
    let begin = format!("{own} {:?} has no trusted root: ", empty.path());
    assert!(ended.stderr.contains(&begin), "{ended:#?}");
}

#[test]
fn variables_that_are_not_followed_are_told_with_what_to_do() {
    let explained = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = sending_to("http://127.0.0.1:9");
        command.args(arguments).envs(variables.iter().copied());
        let ended = run(command.args(["--once", "--shutdown-timeout", "0"]));
        assert!(ended.stderr.contains("stopped; windows=1 "), "{ended:#?}");
        ended.stderr
    };
    for (name, value, cure) in [
        ("OTEL_SDK_DISABLED", "TRUE", "leave otlp out of --publish to send nothing by OTLP"),
        ("OTEL_METRICS_EXPORTER", "none", "--publish says where metrics go"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "60000", "--period says how often metrics are sent"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key.pem", "this agent shows a receiver no certificate"),
        ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "/x", "this agent shows a receiver no"),
    ] {
        let expected = format!("{name} has no effect: {cure}");
        assert!(explained(&[(name, value)], &[]).contains(&expected), "{expected}");
        // What is not sent by OTLP has nothing to do with them.
        let other = explained(&[(name, value)], &["--publish", "console"]);
        assert!(!other.contains(name), "{other}");
    }
    for (name, value) in [
        ("OTEL_SDK_DISABLED", "false"),
        ("OTEL_METRICS_EXPORTER", "console, otlp"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", " "),
    ] {
        let said = explained(&[(name, value)], &[]);
        assert!(!said.contains(name), "{said}");
    }
}

#[test]
fn several_regions_for_one_url_are_told() {
    let mut command = sending_to("http://127.0.0.1:9");
    command.args(["--region", "eu-west-1", "--region", "eu-north-1"]);
    let ended = run(command.args(["--once", "--shutdown-timeout", "0"]));
    let warning = "--region is given 2 times, and only the first counts with --otlp-endpoint: give --otlp-endpoint \
                   once for each endpoint";
    assert!(ended.stderr.contains(warning), "{ended:#?}");
    // CloudWatch beside it has an endpoint in each.
    let mut command = sending_to("http://127.0.0.1:9");
    command.args(["--publish", "cloudwatch,otlp", "--namespace", "Test"]);
    command.args(["--region", "eu-west-1", "--region", "eu-north-1", "--once"]);
    let ended = run(command.args(["--shutdown-timeout", "0"])).expect_code(1);
    assert!(!ended.stderr.contains("is given 2 times"), "{ended:#?}");
}

/// What `explain` says with these arguments.
fn explanation(arguments: &[&str]) -> Json {
    let mut command = command();
    command.args(["explain", "--service", "Foo", "--scope", "host"]);
    command.env("CLOUDWATCH_METRICS_AGENT_PUBLISH", "otlp");
    command.args(["--output", "json", "--region", "eu-west-1"]).args(arguments);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    serde_json::from_str(&run(&mut command).stdout).expect("JSON")
}

#[test]
fn what_is_sent_of_each_sample_is_explained() {
    let names = |arguments: &[&str]| {
        let explained = explanation(arguments);
        let metrics = explained["metrics"].as_array().expect("a list").clone();
        let name = |of: &Json| of["name"].as_str().expect("a name").to_owned();
        metrics.iter().map(name).filter(|name| name.contains(".memory.")).collect::<Vec<_>>()
    };
    let all =
        ["median", "max"].map(|end| format!("cloudwatch_metrics_agent.memory.utilization.{end}"));
    let histogram = "cloudwatch_metrics_agent.memory.utilization".to_owned();
    let expected = [&all[..], std::slice::from_ref(&histogram)].concat();
    assert_eq!(names(&[]), expected);
    let with_samples = [&expected[..], &[format!("{histogram}.sample")]].concat();
    assert_eq!(names(&["--sample-points"]), with_samples);
    assert_eq!(
        names(&["--sample-points", "--statistics", "distribution"]),
        [histogram.clone(), format!("{histogram}.sample")]
    );
}

#[test]
fn by_otlp_points_are_counted_and_no_metrics() {
    let cost = explanation(&[])["cost"].clone();
    assert_eq!(
        (cost["metrics"].as_u64(), cost["otlp_points_a_window"].as_u64()),
        (Some(0), Some(6))
    );
    let both =
        explanation(&["--publish", "cloudwatch,otlp", "--namespace", "Test"])["cost"].clone();
    assert_eq!(
        (both["metrics"].as_u64(), both["otlp_points_a_window"].as_u64()),
        (Some(4), Some(6))
    );
}
