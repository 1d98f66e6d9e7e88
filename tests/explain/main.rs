//! `explain`: what would be measured and published, and how that is known.

use fake_cloudwatch::{Answer, FakeCloudWatch, refused_url};
use serde_json::{Value, json};
use support::{Ended, SECRET, TemporaryFile, command, run};

fn explain(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let settings = ["explain", "--namespace", "Test", "--service", "Foo"];
    let environment = environment.iter().copied().chain([("AWS_EC2_METADATA_DISABLED", "true")]);
    run(command().args(settings).args(arguments).envs(environment)).expect_code(0)
}

#[test]
fn the_machine_is_explained_by_its_files_and_the_formula_with_their_numbers() {
    let text = explain(&["--scope", "host", "--dimension", "Stage=x", "--dry-run"], &[]).stdout;
    let has = |line: &str| assert!(text.lines().any(|l| l.starts_with(line)), "{line}: {text}");
    has("scope: host, because --scope is set");
    has("  /proc/stat: user = ");
    has("  /proc/meminfo: MemTotal = ");
    has("  limit = ");
    has("namespace: Test");
    has("  CPUUtilization (Percent) ServiceName=Foo Stage=x = ");
    has("  MaxMemoryUtilization (Percent) ServiceName=Foo Stage=x = ");
    has("publisher: console");
    has("cost: about $0.00 a month: 0 metrics");
    assert!(text.contains(" s CPU time / (0.9"), "{text}");
}

#[test]
fn the_numbers_give_the_percent() {
    let arguments = ["--scope", "host", "--dry-run", "--output", "json"];
    let text = explain(&arguments, &[]).stdout;
    let explanation: Value = serde_json::from_str(&text).expect("JSON");
    let memory = &explanation["parts"][1];
    let value = |name: &str| {
        let values = memory["values"].as_array().expect("a list of values");
        let value = values.iter().find(|value| value["name"] == name).expect("the value");
        value["value"].as_u64().expect("a number")
    };
    let used = value("MemTotal")
        - value("MemFree")
        - value("Buffers")
        - value("Cached")
        - value("SReclaimable")
        + value("Shmem");
    let percent = 100.0 * used as f64 / value("MemTotal") as f64;
    let said = memory["percent"].as_f64().expect("a number");
    // The values are read a moment after the percent, in which other processes take and free memory.
    assert!((said - percent).abs() < 3.0, "{said} {percent}: {text}");
    assert_eq!((&memory["part"], &memory["limit"]["unit"]), (&json!("memory"), &json!("bytes")));
    assert_eq!(memory["limit"]["amount"].as_f64(), Some(1024.0 * value("MemTotal") as f64));
    let metrics = explanation["metrics"].as_array().expect("a list");
    assert_eq!(metrics.len(), 4, "{text}");
    assert_eq!(metrics[2]["name"], "MemoryUtilization");
    assert_eq!(metrics[2]["statistic"], "median");
    assert_eq!(metrics[2]["dimensions"]["ServiceName"], "Foo");
    assert!((metrics[2]["value"].as_f64().expect("a number") - said).abs() < 3.0, "{text}");
}

#[test]
fn aws_is_explained_without_any_secret() {
    let ended = explain(
        &["--region", "eu-west-1"],
        &[
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("HTTPS_PROXY", "http://user:hunter2@127.0.0.1:9"),
            ("RUST_LOG", "cloudwatch_metrics_agent=trace"),
        ],
    );
    let text = ended.stdout + &ended.stderr;
    for line in [
        "region: eu-west-1 (from --region)",
        "credentials: Environment",
        "endpoint: https://monitoring.eu-west-1.amazonaws.com",
        "proxy: from HTTPS_PROXY (except for the hosts in NO_PROXY)",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    for secret in [SECRET, "AKIDEXAMPLE", "hunter2"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn what_cannot_be_known_is_said_to_be_unknown_and_why() {
    let none = TemporaryFile::new("none.pem", "");
    let path = none.path().display().to_string();
    let text = explain(&[], &[("SSL_CERT_FILE", path.as_str())]).stdout;
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).expect(name);
    assert_eq!(
        line("region: "),
        "region: not found (looked in --region, environment, profile, instance metadata)"
    );
    assert!(line("credentials: ").starts_with("credentials: not found; Environment: "), "{text}");
    assert_eq!(line("endpoint: "), "endpoint: unknown: needs a region");
    assert_eq!(
        line("trusted roots: "),
        format!(
            "trusted roots: SSL_CERT_FILE {path:?} has no trusted root: {path} is empty: expected \
             certificates in PEM; correct it, or unset SSL_CERT_FILE to use the system's roots"
        )
    );
}

#[test]
fn endpoints_are_those_that_would_be_used() {
    let key = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    for (variable, value, expected) in [
        ("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("AWS_USE_FIPS_ENDPOINT", "true", "https://monitoring-fips.us-east-1.amazonaws.com"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true", "https://monitoring.us-east-1.api.aws"),
    ] {
        let environment = [key[0], key[1], ("AWS_REGION", "us-east-1"), (variable, value)];
        let text = explain(&[], &environment).stdout;
        assert!(text.lines().any(|line| line == format!("endpoint: {expected}")), "{text}");
    }
}

#[test]
fn a_profile_may_choose_the_endpoint() {
    for (line, expected) in [
        ("use_fips_endpoint = true", "https://monitoring-fips.us-east-1.amazonaws.com"),
        ("use_dualstack_endpoint = true", "https://monitoring.us-east-1.api.aws"),
        ("endpoint_url = http://127.0.0.1:9", "http://127.0.0.1:9"),
    ] {
        let file = TemporaryFile::new("config", &format!("[default]\nregion=us-east-1\n{line}\n"));
        let path = file.path().display().to_string();
        let text = explain(&[], &[("AWS_CONFIG_FILE", path.as_str())]).stdout;
        assert!(text.lines().any(|line| line == format!("endpoint: {expected}")), "{text}");
    }
}

#[test]
fn settings_are_checked_as_for_a_run() {
    let ended = run(command().args(["explain", "--output", "xml"])).expect_code(2);
    assert_eq!(ended.stderr, "--output \"xml\": expected text or json\n");
}

fn json_of(arguments: &[&str], environment: &[(&str, &str)]) -> Value {
    let arguments = [arguments, &["--output", "json"]].concat();
    let text = explain(&arguments, environment).stdout;
    serde_json::from_str(&text).expect("JSON")
}

/// Name and dimensions of each metric.
fn metrics(explanation: &Value) -> Vec<(String, Vec<String>)> {
    let metrics = explanation["metrics"].as_array().expect("a list");
    let metric = |metric: &Value| {
        let dimensions = metric["dimensions"].as_object().expect("an object");
        let name = metric["name"].as_str().expect("a name").to_owned();
        (name, dimensions.keys().cloned().collect())
    };
    metrics.iter().map(metric).collect()
}

#[test]
fn each_metric_is_there_with_each_set_of_dimensions_and_priced() {
    let sets = ["--dimension-set", "ServiceName", "--dimension-set", "ServiceName+Stage"];
    let arguments = [&["--scope", "host", "--dimension", "Stage=x"], &sets[..]].concat();
    let explanation = json_of(&arguments, &[("AWS_REGION", "eu-west-1")]);
    let metrics = metrics(&explanation);
    let of_cpu = metrics.iter().filter(|(name, _)| name == "CPUUtilization").map(|(_, d)| d);
    assert_eq!(of_cpu.collect::<Vec<_>>(), [&vec!["ServiceName"], &vec!["ServiceName", "Stage"]]);
    assert_eq!((metrics.len(), &explanation["cost"]["metrics"]), (8, &json!(8)));
    assert_eq!(explanation["cost"]["calls_a_month"].as_f64(), Some(43_800.0));
}

#[test]
fn the_state_of_an_alarm_is_a_metric_where_that_is_asked_for() {
    let file = "checks: {utilization: {alarms: {a: {publish: yes}, b: {}}}}\n";
    let file = TemporaryFile::new("states.yaml", file);
    let arguments = ["--scope", "host", "--config", file.path().to_str().expect("a path")];
    let explanation = json_of(&arguments, &[("AWS_REGION", "eu-west-1")]);
    let metrics = metrics(&explanation);
    let of_alarms = metrics.iter().filter(|(name, _)| name == "AlarmState").map(|(_, of)| of);
    // In the order of an object.
    assert_eq!(of_alarms.collect::<Vec<_>>(), [&vec!["Alarm", "ServiceName"]]);
    assert_eq!((metrics.len(), &explanation["cost"]["metrics"]), (5, &json!(5)));
}

#[test]
fn what_cannot_be_measured_here_is_said_and_not_priced() {
    let arguments = ["--scope", "host", "--metrics", "memory,throttling,oom-kills"];
    let explanation = json_of(&arguments, &[("AWS_REGION", "eu-west-1")]);
    assert_eq!(explanation["cost"]["metrics"], 2);
    let reason = "scope host does not measure it: a container has it, by --scope container or pod";
    let expected = json!([
        { "name": "CPUThrottling", "reason": reason },
        { "name": "OOMKills", "reason": reason },
    ]);
    assert_eq!(explanation["unavailable"], expected);
    let text = explain(&arguments, &[("AWS_REGION", "eu-west-1")]).stdout;
    assert!(text.contains(&format!("\n  OOMKills: unavailable: {reason}\n")), "{text}");
}

#[test]
fn each_publisher_has_its_own_facts() {
    let arguments = ["--scope", "host", "--publish", "cloudwatch,emf,console"];
    let explanation = json_of(&arguments, &[("AWS_REGION", "eu-west-1")]);
    let publishers = explanation["publishers"].as_array().expect("a list");
    let names: Vec<_> = publishers.iter().map(|publisher| &publisher["name"]).collect();
    assert_eq!(names, ["cloudwatch", "emf", "console"]);
    assert_eq!(
        publishers[0]["region"],
        json!({ "value": "eu-west-1", "note": "from the environment" })
    );
    assert_eq!(publishers[0]["endpoint"]["value"], "https://monitoring.eu-west-1.amazonaws.com");
    assert_eq!(publishers[2]["output"]["value"], "lines on standard output");
}

#[test]
fn a_command_is_not_run() {
    let arguments = ["--scope", "host", "--dry-run", "--", "sh", "-c", "echo it runs; exit 7"];
    let text = explain(&arguments, &[]).stdout;
    assert!(text.contains("\nscope: host, ") && !text.contains("it runs"), "{text}");
}

/// The exit code and the first lines of `explain --check`.
fn checked(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut explain = command();
    explain.args(["explain", "--check", "--scope", "host", "--endpoint-url", url]).args(arguments);
    explain.envs([("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "a")]);
    let ended = run(explain.env("AWS_SECRET_ACCESS_KEY", "b"));
    let verdict: Vec<_> = ended.stdout.lines().take_while(|line| !line.is_empty()).collect();
    (ended.status.code(), verdict.join("\n"))
}

#[test]
fn a_deployment_is_stopped_where_nothing_could_be_published() {
    let names = ["--namespace", "Test", "--service", "Foo"];
    let cloudwatch = FakeCloudWatch::start();
    let ready = "ready: 4 metrics a period would go to cloudwatch";
    assert_eq!(checked(&cloudwatch.url(), &names), (Some(0), ready.to_owned()));
    assert_eq!(cloudwatch.data(), [], "nothing is published");
    let (code, verdict) = checked(&cloudwatch.url(), &names[..2]);
    let missing =
        "not ready; missing:\n  --service is missing: set it or CLOUDWATCH_METRICS_AGENT_SERVICE";
    assert_eq!((code, verdict.as_str()), (Some(1), missing));
    cloudwatch.answer_always(Answer::page());
    let (code, verdict) = checked(&cloudwatch.url(), &names);
    let why = "cloudwatch connection: the answer (text/html) is not from CloudWatch (HTTP 200)";
    assert!(code == Some(1) && verdict.contains(why), "{verdict}");
    let (code, verdict) = checked(&refused_url(), &names);
    let why = "cloudwatch connection: cannot connect to the endpoint: Connection refused";
    assert!(code == Some(1) && verdict.contains(why), "{verdict}");
}
