//! Pages as they are and as they should not be.

use std::fmt::Write;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use support::http::{Reply, Server};

use super::*;
use crate::check::http::Wanted;
use crate::check::tests::open;
use crate::model::{Finding, Kind, Quantity, Unit};
use crate::wildcard::fits;

const NOW: f64 = 1_700_000_000.0;

/// What is found on a page, whose pieces are of this length.
fn read_in_pieces(
    names: &[&str],
    most: usize,
    text: &str,
    length: usize,
) -> Result<Findings, String> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut page = Page::new(&names, most, NOW);
    let mut pieces = text.as_bytes().chunks(length);
    while let Some(piece) = pieces.next()
        && page.take(piece) == Wanted::More
    {}
    page.finish()
}

fn read(names: &[&str], text: &str) -> Result<Findings, String> {
    read_in_pieces(names, 100, text, 7)
}

/// Name with labels, and value, as the page has them.
fn shown(of: &Finding) -> String {
    let labels: Vec<_> =
        of.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let value = of.quantity.number().expect("a number");
    format!("{}{{{}}} {value}", of.name, labels.join(","))
}

fn all(found: &Findings) -> Vec<String> {
    found.values.iter().map(shown).collect()
}

const PAGE: &str = "\
# HELP http_requests_total The total.
# TYPE http_requests_total counter
http_requests_total{method=\"post\",code=\"200\"} 1027 1699999999000
http_requests_total{method=\"post\",code=\"400\"}    3 1600000000000\r

# TYPE latency_seconds histogram
latency_seconds_bucket{le=\"0.05\"} 24054
latency_seconds_bucket{le=\"+Inf\"} 144320
latency_seconds_sum 53423
latency_seconds_count 144320
# TYPE rpc_seconds summary
rpc_seconds{quantile=\"0.5\"} 4773
rpc_seconds_sum 1.7560473e+07
rpc_seconds_count 2693
# TYPE heap_bytes gauge
heap_bytes{area=\"\",zone=\"a\"} 5
heap_bytes{zone=\"b\"} NaN
heap_bytes{zone=\"a\"} 6
heap_bytes{zone=\"\u{e9}\"} 6
heap_bytes{Check=\"x\"} 6
plain 7";

#[test]
fn a_page_is_read_with_kinds_units_and_labels() {
    let found = read(&["*"], PAGE).expect("a page");
    let expected = [
        "http_requests_total{code=200,method=post} 1027",
        "latency_seconds_sum{} 53423",
        "latency_seconds_count{} 144320",
        "rpc_seconds_sum{} 17560473",
        "rpc_seconds_count{} 2693",
        "heap_bytes{zone=a} 5",
        "heap_bytes{Check=x} 6",
        "plain{} 7",
    ];
    assert_eq!(all(&found), expected);
    let kinds: Vec<_> = found.values.iter().filter_map(|value| value.discovered.clone()).collect();
    let kinds: Vec<_> = kinds.into_iter().map(|of| (of.unit, of.kind)).collect();
    let (counter, gauge) = (Kind::Counter, Kind::Gauge);
    let expected = [
        (Unit::Count, counter),
        (Unit::Seconds, counter),
        (Unit::Count, counter),
        (Unit::Seconds, counter),
        (Unit::Count, counter),
        (Unit::Bytes, gauge),
        (Unit::Bytes, gauge),
        (Unit::None, gauge),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(
        found.status.as_deref(),
        Some(
            "dropped 1 series with labels that CloudWatch does not take; dropped 1 series without a finite number; \
            dropped 1 series with a timestamp of more than 5 minutes ago; dropped 1 duplicate series"
        )
    );
    assert_eq!(
        found.raw[5],
        ("line 16".to_owned(), "heap_bytes{area=\"\",zone=\"a\"} 5".to_owned())
    );
}

#[test]
fn only_what_is_named_is_taken_and_what_is_not_there_is_said() {
    let found = read(&["latency_seconds", "plain", "nothing", "no*"], PAGE).expect("a page");
    let expected = ["latency_seconds_sum{} 53423", "latency_seconds_count{} 144320", "plain{} 7"];
    assert_eq!(all(&found), expected);
    assert_eq!(found.status.as_deref(), Some("not on the page: nothing, no*"));
    let found = read_in_pieces(&["*"], 3, PAGE, 1000).expect("a page");
    assert_eq!(found.values.len(), 3);
    let status = found.status.expect("it says so");
    assert!(
        status.starts_with("dropped 6 series above the limit of 3 (series), such as "),
        "{status}"
    );
}

#[test]
fn open_metrics_are_understood() {
    let page = "# TYPE foo counter\n# UNIT foo seconds\nfoo_total 17.0 1699999999.5 # {trace_id=\"a b\"} 0.6 1.5\n\
        foo_created 1520430000.123\n# TYPE up stateset\nup{up=\"on\"} 1\n# EOF\nthis is not read";
    let found = read(&["foo", "up"], page).expect("a page");
    assert_eq!(all(&found), ["foo_total{} 17", "up{up=on} 1"]);
    assert_eq!(found.status, None);
}

#[test]
fn a_line_that_is_wrong_is_named() {
    for (page, expected) in [
        ("a 1\nb{\n", "line 2 is \"b{\": expected a label's name, or } after the labels"),
        (
            "<html>",
            "line 1 is \"<html>\": expected NAME{LABELS} VALUE; this is a page for people: most servers have metrics at /metrics",
        ),
        ("", "no series on the page: check url"),
        ("# only\n\n", "no series on the page: check url"),
    ] {
        assert_eq!(read(&["*"], page), Err(expected.to_owned()));
    }
    let long = format!("a{{b=\"{}\"}} 1\n", "x".repeat(70_000));
    assert_eq!(read(&["*"], &long), Err("line 1 is longer than 64 kB".to_owned()));
    let wrong = "é".repeat(300);
    let error = read(&["*"], &wrong).expect_err("it is wrong");
    assert_eq!(error, format!("line 1 is \"{}\": expected NAME{{LABELS}} VALUE", "é".repeat(50)));
    let labels: Vec<_> = (0..29).map(|number| format!("l{number}=\"x\"")).collect();
    let found =
        read(&["*"], &format!("a{{{}}} 1\nb{{c=\"{}\"}} 1", labels.join(","), "x".repeat(1025)));
    let found = found.expect("a page");
    assert_eq!(found.values, []);
    assert_eq!(
        found.status.as_deref(),
        Some("dropped 2 series with labels that CloudWatch does not take")
    );
}

#[test]
fn a_star_is_any_number_of_characters() {
    for (pattern, name, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "a", true),
        ("*", "", true),
        ("*_total", "x_total", true),
        ("*_total", "x_total_", false),
        ("a*b*c", "a1b2b3c", true),
        ("a*b*c", "abbc", true),
        ("a*b*c", "ac", false),
        ("ab*b", "ab", false),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}

#[tokio::test]
async fn what_is_asked_and_what_may_come() {
    let server = Server::start((Ipv4Addr::LOCALHOST, 0), |asked| match &*asked.line {
        "GET /open" => Reply::ok("a 1\n")
            .with_header("content-type", "application/openmetrics-text; version=1.0.0"),
        "GET /endless" => Reply::Endless { promised: None },
        "GET /long" => Reply::ok("#\n".repeat(6 << 20)),
        "GET /gone" => Reply::status(503),
        _ => Reply::ok("a{b=\"c\"} 1\n"),
    });
    let run = async |path: &str| {
        let url = format!("http://{}{path}", server.address());
        let mut check = open(
            &TYPE,
            &[("url", &url), ("metrics", "a;z*"), ("user", "joe"), ("password", "hunter2")],
        );
        check.run().await.map_err(|error| error.replace(&url, "URL"))
    };
    let found = run("/metrics").await.expect("a page");
    assert_eq!(all(&found), ["a{b=c} 1"]);
    assert_eq!(found.raw.len(), 2);
    for (path, expected) in [
        ("/open", "URL ends without # EOF, so a part is missing"),
        ("/endless", "line 1 is longer than 64 kB"),
        ("/long", "URL is longer than 10 MB: have it show fewer metrics"),
        ("/gone", "URL answers 503 Service Unavailable: see its log"),
    ] {
        assert_eq!(run(path).await, Err(expected.to_owned()));
    }
    let asked = &server.finish().requests[0];
    assert_eq!(asked.header("authorization"), Some("Basic am9lOmh1bnRlcjI="));
    assert!(
        asked
            .header("accept")
            .is_some_and(|accept| accept.starts_with("text/plain;version=0.0.4,"))
    );
}

/// A series as a writer has it: name, labels and value.
type Series = (String, Vec<(String, String)>, f64);

fn series() -> impl Strategy<Value = Series> {
    let label = ("[a-z_][a-z0-9_]{0,5}", "[ -~]{0,8}|[a\"\\\\\n]{0,4}");
    let labels = proptest::collection::btree_map(label.0, label.1, 0..4);
    let value = prop_oneof![any::<i32>().prop_map(f64::from), -1e300f64..1e300];
    ("[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", labels, value)
        .prop_map(|(name, labels, value)| (name, labels.into_iter().collect(), value))
}

/// The page that a writer makes of series.
fn written(all: &[Series]) -> String {
    let mut page = String::new();
    for (name, labels, value) in all {
        let escaped =
            |text: &str| text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        let labels = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let labels = labels.collect::<Vec<_>>().join(",");
        writeln!(page, "{name}{{{labels}}} {value:e}").expect("a text takes it");
    }
    page
}

proptest! {
    #[test]
    fn what_a_writer_wrote_is_read_back(all in proptest::collection::vec(series(), 1..20), length in 1usize..50) {
        let found = read_in_pieces(&["*"], 100, &written(&all), length).expect("a page");
        let mut expected = Vec::<Series>::new();
        for (name, labels, value) in all {
            let labels: Vec<_> = labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            let is_fit = labels.iter().all(|(_, value)| !value.contains('\n') && !value.trim().is_empty());
            if is_fit && !expected.iter().any(|(other, of, _)| (other, of) == (&name, &labels)) {
                expected.push((name, labels, value));
            }
        }
        let read = found.values.into_iter().map(|value| {
            let own = |(name, value): (std::borrow::Cow<'static, str>, std::rc::Rc<str>)| (name.into_owned(), value.to_string());
            let Quantity::Number(number) = value.quantity else { unreachable!("a number") };
            (value.name.into_owned(), value.dimensions.into_iter().map(own).collect::<Vec<_>>(), number)
        });
        prop_assert_eq!(read.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_page_makes_it_panic(text in "([a-z]{0,3}[{}\",=# \\\\\n\t0-9.é]{0,9}){0,20}|\\PC*", length in 1usize..20) {
        drop(read_in_pieces(&["*a*"], 2, &text, length));
    }
}
