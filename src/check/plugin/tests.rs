//! The outputs that users have, each with its result.

use std::rc::Rc;

use super::lines::Lines;
use super::nagios;
use crate::model::{Findings, Kind, Quantity, TARGET, Unit};

/// What was found, each as `[target.]name type value[ unit]`.
fn brief(found: &Findings) -> Vec<String> {
    let brief = found.values.iter().map(|value| {
        let target = value.dimensions.iter().find(|(name, _)| *name == TARGET);
        let target = target.map(|(_, target)| format!("{target}.")).unwrap_or_default();
        let discovered = value.discovered.as_ref().expect("nothing is declared");
        let unit = discovered.unit_word.as_deref().unwrap_or(discovered.unit.name());
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let quantity = match &value.quantity {
            Quantity::Number(number) => number.to_string(),
            Quantity::Text(text) => format!("{text:?}"),
            Quantity::Many(_) => unreachable!("no plugin gives many values at once"),
        };
        format!("{target}{} {} {quantity}{unit}", value.name, discovered.form)
    });
    brief.collect()
}

/// State, status and metrics of an output and how the plugin ended.
fn of(output: &str, ended_badly: Option<&str>) -> (&'static str, String, Vec<String>) {
    let mut lines = Lines::default();
    output.lines().for_each(|line| lines.take(line));
    match lines.end(ended_badly.map(str::to_owned)) {
        Ok(found) => {
            let state = if found.is_unavailable { "unavailable" } else { "available" };
            (state, found.status.clone().unwrap_or("success".into()), brief(&found))
        }
        Err(status) => ("unavailable", status, vec![]),
    }
}

#[test]
fn outputs_of_plugins_in_the_field_have_their_results() {
    let everything = "status Everything is OK\nmetric logged_users int 7\nmetric active_processes int 200\n\
        metric avg_wait_time float 100.7\nmetric something string foo bar foo\nmetric packet_count gauge 150000";
    let all = [
        "logged_users int64 7",
        "active_processes int64 200",
        "avg_wait_time double 100.7",
        "something string \"foo bar foo\"",
        "packet_count gauge 150000",
    ];
    for (output, ended_badly, state, status, metrics) in [
        (everything, None, "available", "Everything is OK", &all[..]),
        (
            "status err Service is not responding\nmetric a int 7",
            None,
            "available",
            "Service is not responding",
            &["legacy_state string \"err\"", "a int64 7"],
        ),
        (
            "status warn\nmetric a int 7",
            None,
            "available",
            "",
            &["legacy_state string \"warn\"", "a int64 7"],
        ),
        ("status First\nstatus Second\nmetric a int 7", None, "available", "First", &["a int64 7"]),
        (
            "status x\nmetric host1.logged_users int 10\nmetric host2.logged_users int 17",
            None,
            "available",
            "x",
            &["host1.logged_users int64 10", "host2.logged_users int64 17"],
        ),
        (
            "status x\nmetric h.u int 66 users\nmetric h.d int 1024 bytes\nmetric h.n int 1",
            None,
            "available",
            "x",
            &["h.u int64 66 users", "h.d int64 1024 bytes", "h.n int64 1"],
        ),
        (
            "status x\nmetric m1 intfoo 10\nmetric a int 1",
            None,
            "unavailable",
            "line 2: metric m1: type \"intfoo\": expected one of string, gauge, int, int32, uint32, int64, \
             uint64, float, double",
            &[],
        ),
        (
            "status x\nmetric foo int\nmetric a int 1",
            None,
            "unavailable",
            "line 2: metric foo: \"\": expected a number and at most one unit",
            &[],
        ),
        (
            "status x\nmetric m int 100 200 bytes",
            None,
            "unavailable",
            "line 2: metric m: \"100 200 bytes\": expected a number and at most one unit",
            &[],
        ),
        (
            "status x\nsome unknown line\nmetric m int 1",
            None,
            "unavailable",
            "line 2: \"some unknown line\": expected status, state, metric or timestamp",
            &[],
        ),
        ("metric m int 100 200", None, "available", "success", &["m int64 100 200"]),
        (
            "status ponies > unicorns",
            Some("the plugin ended with exit code 100"),
            "unavailable",
            "ponies > unicorns",
            &[],
        ),
        (
            "",
            Some("the plugin ended with exit code 3"),
            "unavailable",
            "the plugin ended with exit code 3",
            &[],
        ),
        ("state unavailable\nmetric a int 1", None, "unavailable", "success", &["a int64 1"]),
        (
            "state maybe",
            None,
            "unavailable",
            "line 1: state \"maybe\": expected available or unavailable",
            &[],
        ),
        ("timestamp 1335744000000\nmetric a int 1", None, "available", "success", &["a int64 1"]),
        (
            "timestamp now",
            None,
            "unavailable",
            "line 1: timestamp \"now\": expected milliseconds since 1970",
            &[],
        ),
        ("metric a int 99.83", None, "available", "success", &["a double 99.83"]),
        ("metric a int 1\nmetric a int 2", None, "available", "success", &["a int64 2"]),
        ("metric a int 100.00", None, "available", "success", &["a double 100"]),
        ("\n\nmetric a int 1\r\n\n", None, "available", "success", &["a int64 1"]),
        (
            "statusfoo bar",
            None,
            "unavailable",
            "line 1: \"statusfoo bar\": expected status, state, metric or timestamp",
            &[],
        ),
        (
            "metricfoo int 1",
            None,
            "unavailable",
            "line 1: \"metricfoo int 1\": expected status, state, metric or timestamp",
            &[],
        ),
        ("status okay fine", None, "available", "okay fine", &[]),
        (
            "status error: ping probe fail",
            Some("the plugin ended with exit code 1"),
            "unavailable",
            "error: ping probe fail",
            &[],
        ),
        (
            "status critical \"/nope\" does not exist",
            Some("the plugin ended with exit code 1"),
            "unavailable",
            "critical \"/nope\" does not exist",
            &[],
        ),
        ("metric process_mon int 11", None, "available", "success", &["process_mon int64 11"]),
        // Nobody gave these.
        ("metric a string", None, "available", "success", &["a string \"\""]),
        ("status\tx\nmetric\ta\tint\t1", None, "available", "x", &["a int64 1"]),
        ("metric s string  a   b ", None, "available", "success", &["s string \"a b\""]),
    ] {
        let metrics = metrics.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(of(output, ended_badly), (state, status.to_owned(), metrics), "{output}");
    }
}

#[test]
fn the_last_timestamp_is_the_time_of_the_result() {
    let mut lines = Lines::default();
    ["timestamp 1", "timestamp 1335744000000"].iter().for_each(|line| lines.take(line));
    let time = lines.end(None).expect("a result").time.expect("a time");
    let since = time.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    assert_eq!(since.as_millis(), 1_335_744_000_000);
}

#[test]
fn as_many_metrics_as_users_have_are_taken_and_no_more_than_fit() {
    let line = |number: usize| format!("metric m{number} int {number}\n");
    let (_, _, metrics) = of(&(0..10_001).map(line).collect::<String>(), None);
    assert_eq!(metrics.len(), 10_001);
    let (state, status, metrics) = of(&(0..20_001).map(line).collect::<String>(), None);
    let expected = "line 20001: expected at most 20000 metrics";
    assert_eq!((state, &*status, metrics.len()), ("unavailable", expected, 0));
}

#[test]
fn outputs_of_plugins_for_nagios_have_their_results() {
    let load = "LOAD OK - total load average: 3.96, 2.01, 0.92|load1=3.960;5.000;10.000;0; \
        load5=2.010;4.000;8.000;0; load15=0.920;3.000;6.000;0; ";
    let found = nagios::findings(load, Some(0)).expect("OK");
    assert_eq!(
        brief(&found),
        ["state double 0 count", "load1 double 3.96", "load5 double 2.01", "load15 double 0.92"]
    );
    assert_eq!(found.status.as_deref(), Some("LOAD OK - total load average: 3.96, 2.01, 0.92"));
    let limits = "3.960, warning 5.000, critical 10.000, minimum 0";
    assert_eq!(found.raw[0], ("load1".to_owned(), limits.to_owned()));

    let ping = "/usr/bin/ping -n -U -w 10 -c 5 127.0.0.1\nCRITICAL - Could not interpret output from ping command\n";
    let unknown = nagios::findings(ping, Some(3)).expect_err("UNKNOWN");
    assert_eq!(unknown, "/usr/bin/ping -n -U -w 10 -c 5 127.0.0.1");

    let age =
        "FILE_AGE WARNING: F is 741 seconds old and 3 bytes | age=741s;100;99999999 size=3B;0;0;0";
    let found = nagios::findings(age, Some(1)).expect("WARNING");
    assert_eq!(
        brief(&found),
        ["state double 1 count", "age double 741 seconds", "size double 3 bytes"]
    );
    let missing = "ERROR: Retrieving values from the daemon failed: Server error: No such value..";
    let found = nagios::findings(missing, Some(2)).expect("CRITICAL");
    assert_eq!(
        (brief(&found), found.status.as_deref()),
        (vec!["state double 2 count".to_owned()], Some(missing))
    );

    let counter = nagios::findings("OK | hits=12c lag=5us", Some(0)).expect("OK");
    let kinds: Vec<_> =
        counter.values[1..].iter().map(|value| value.discovered.clone().expect("found")).collect();
    assert_eq!((kinds[0].kind, kinds[0].unit), (Kind::Counter, Unit::Count));
    assert_eq!((kinds[1].kind, kinds[1].unit_word.clone()), (Kind::Gauge, Some(Rc::from("us"))));
}
