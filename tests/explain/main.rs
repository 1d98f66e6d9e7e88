//! `explain`: what would be measured and published, and how that is known.

use serde_json::Value;
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
    has("scope: host, because it was asked for");
    has("  /proc/stat: user = ");
    has("  /proc/meminfo: MemTotal = ");
    has("  limit = ");
    has("namespace: Test");
    has("metrics: CPUUtilization, MaxCPUUtilization, MemoryUtilization, MaxMemoryUtilization");
    has("dimensions: ServiceName=Foo, Stage=x");
    has("publisher: the console");
    assert!(text.contains(" s of CPU time in 0.9"), "{text}");
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
    let said = memory["percent"].as_str().and_then(|text| text.rsplit(" = ").next());
    let said: f64 = said.and_then(|said| said.trim_end_matches('%').parse().ok()).expect("percent");
    // The values are read a moment after the percent.
    assert!((said - percent).abs() < 0.5, "{said} {percent}: {text}");
    assert_eq!(explanation["dimensions"]["ServiceName"], "Foo");
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
        "region: eu-west-1, from --region",
        "credentials: found: Environment",
        "endpoint: https://monitoring.eu-west-1.amazonaws.com",
        "proxy: the one of HTTPS_PROXY, but for the hosts of NO_PROXY",
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
    assert_eq!(line("region: "), "region: unknown: nobody who was asked knows one");
    assert!(line("credentials: ").starts_with("credentials: none found; Environment: "), "{text}");
    assert_eq!(line("endpoint: "), "endpoint: unknown without a region");
    assert_eq!(
        line("trusted roots: "),
        format!(
            "trusted roots: SSL_CERT_FILE {path:?} gives no trusted root: {path} is empty: expected \
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
    assert_eq!(
        ended.stderr,
        "--namespace is missing: expected that option or CLOUDWATCH_METRICS_AGENT_NAMESPACE\n\
         --service is missing: expected that option or CLOUDWATCH_METRICS_AGENT_SERVICE\n\
         --output \"xml\": expected text or json\n"
    );
}
