//! The options and variables of OTLP.

use std::collections::BTreeMap;

use super::*;

/// What a command line and some variables mean, or the problems.
fn of(args: &[&str], variables: &[(&str, &str)]) -> Result<Otlp, Vec<String>> {
    let args = ["agent"].iter().chain(args).map(Into::into);
    let cli = Cli::parse(args).expect("options that there are");
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    let mut problems = Problems::default();
    let value = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let otlp = Otlp::new(&cli, &value, &mut problems);
    let problems: Vec<_> = problems.iter().map(str::to_owned).collect();
    if problems.is_empty() { Ok(otlp) } else { Err(problems) }
}

fn endpoint(args: &[&str], variables: &[(&str, &str)]) -> Option<String> {
    of(args, variables).expect("valid").endpoint
}

#[test]
fn the_option_wins_over_the_variable_of_metrics_and_that_over_the_one_of_all_signals() {
    let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/");
    let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://b:8428/opentelemetry/v1/metrics");
    assert_eq!(endpoint(&[], &[]), None);
    assert_eq!(endpoint(&[], &[all]).as_deref(), Some("http://a:4318/v1/metrics"));
    assert_eq!(endpoint(&[], &[all, own]).as_deref(), Some(own.1));
    let typed = ["--otlp-endpoint", "https://c/x"];
    assert_eq!(endpoint(&typed, &[all, own]).as_deref(), Some("https://c/x"));
}

#[test]
fn headers_are_those_of_the_option_or_of_a_variable_and_never_shown() {
    let variable = ("OTEL_EXPORTER_OTLP_HEADERS", "Api-Key=a%2Cb,x=1");
    let otlp = of(&[], &[variable]).expect("valid");
    let hidden = |value: &str| Hidden(value.to_owned());
    assert_eq!(otlp.headers, [("api-key".into(), hidden("a,b")), ("x".into(), hidden("1"))]);
    assert!(!otlp.is_authorized());
    let otlp = of(&["--otlp-header", "Authorization=Bearer secret"], &[variable]).expect("valid");
    assert_eq!(otlp.headers, [("authorization".into(), hidden("Bearer secret"))]);
    assert!(otlp.is_authorized() && !format!("{otlp:?}").contains("secret"), "{otlp:?}");
    assert_eq!(otlp.without_secrets("no secret, no Bearer secret"), "no ***, no ***");
    let lists = ["--otlp-header", "x=a,b=c", "--otlp-header", "y=1"];
    let otlp = of(&lists, &[]).expect("valid");
    assert_eq!(otlp.headers, [("x".into(), hidden("a,b=c")), ("y".into(), hidden("1"))]);
    for text in ["", "Authorization", "=x", "a b=secret", "a=", "host=secret", "a=\u{e9}secret"] {
        let problems = of(&["--otlp-header", text], &[]).expect_err("no header");
        assert!(problems[0].starts_with("--otlp-header \"***\": expected "), "{problems:?}");
    }
}

#[test]
fn what_is_wrong_names_the_variable_and_what_was_expected() {
    for (name, value, expected) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317", "the whole URL of a receiver"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip or none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds, 100 to 60000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sum", "cumulative, delta or"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a", "NAME=VALUE, with commas"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%ff", "UTF-8 behind each %"),
    ] {
        let problems = of(&[], &[(name, value)]).expect_err("a problem");
        let start = format!("{name} {value:?}: expected {expected}");
        assert!(problems.len() == 1 && problems[0].starts_with(&start), "{problems:?}");
        // A command is not kept from starting by a variable.
        let otlp = of(&["--", "true"], &[(name, value)]).expect("it starts");
        assert_eq!(otlp.mistake.as_ref(), Some(&problems[0]));
    }
    let password = of(&["--otlp-endpoint", "http://me:word@x/v1/metrics"], &[]);
    let problems = password.expect_err("no user");
    assert!(problems[0].contains("http://***@x/v1/metrics"), "{problems:?}");
}

#[test]
fn the_variable_of_metrics_wins_and_an_empty_one_counts_as_not_set() {
    let otlp = of(
        &[],
        &[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", ""),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "LowMemory"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,x=1%2C5"),
        ],
    );
    let otlp = otlp.expect("valid");
    assert!(!otlp.gzip);
    assert_eq!(otlp.timeout, Duration::from_millis(2500));
    assert_eq!(otlp.deltas, Deltas { sums: false, histograms: true });
    assert_eq!(otlp.service.as_deref(), Some("a"));
    assert_eq!(otlp.attributes[1], ("x".into(), "1,5".into()));
    let named = [("OTEL_SERVICE_NAME", "b"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a")];
    assert_eq!(of(&[], &named).expect("valid").service.as_deref(), Some("b"));
}
