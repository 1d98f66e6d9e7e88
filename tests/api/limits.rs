//! What is too much, too slow or no HTTP.

use std::io::{Read, Write};

use flate2::read::GzDecoder;

use crate::Served;
use crate::client::Client;

fn is(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let served = Served::at_port(&[], &[]);
    let mut client = Client::at(&served.place);
    for _ in 0..3 {
        client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(client.answer().map(|answer| answer.status), Some(200));
    }
    // Two at once, and one that ends it.
    let two = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\
               GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    client.send(two);
    assert_eq!(client.answer().map(|answer| answer.status), Some(200));
    assert_eq!(client.answer().map(|answer| answer.status), Some(404));
    assert!(client.is_closed());
    let old = served.ask("GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(old.status, 200);
}

#[test]
fn the_head_of_an_answer_is_that_of_the_whole() {
    let served = Served::at_port(&[], &[]);
    let mut client = Client::at(&served.place);
    for path in ["/check_types", "/healthz", "/no"] {
        client.send(&format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let head = client.answer_to("HEAD").expect("an answer");
        client.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let whole = client.answer().expect("an answer");
        assert_eq!(head.status, whole.status, "{path}");
        assert_eq!(head.header("content-length"), whole.header("content-length"), "{path}");
    }
}

#[test]
fn a_large_answer_is_compressed_for_those_that_take_it() {
    let served = Served::at_port(&[], &[]);
    let whole = served.get("/openapi.json");
    assert_eq!(whole.header("content-encoding"), None);
    let asked =
        "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip,deflate\r\n\r\n";
    let compressed = served.ask(asked);
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(compressed.header("content-type"), Some("application/json"));
    assert!(compressed.body.len() * 3 < whole.body.len(), "{}", compressed.body.len());
    let mut text = Vec::new();
    GzDecoder::new(&*compressed.body).read_to_end(&mut text).expect("it is gzip");
    assert_eq!(text, whole.body);
}

#[test]
fn what_is_no_http_is_told_with_a_body_too() {
    let served = Served::at_port(&[], &[]);
    let long = format!("X-Long: {}\r\n", "x".repeat(17 << 10));
    for (request, expected) in [
        ("nonsense\r\n\r\n", is(400, "badRequest")),
        ("GET /healthz HTTP/9.9\r\n\r\n", is(400, "badRequest")),
        ("GET /healthz HTTP/1.1\r\nHost\r\n\r\n", is(400, "badRequest")),
        (
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
            is(400, "badRequest"),
        ),
        (&format!("GET / HTTP/1.1\r\n{long}\r\n"), is(431, "badRequest")),
        (&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(200)), is(431, "badRequest")),
        (&format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000)), is(431, "badRequest")),
    ] {
        let mut client = Client::at(&served.place);
        client.send(request);
        let answer = client.answer().expect("an answer");
        let start: String = request.chars().take(40).collect();
        assert_eq!(answer.error(), expected, "{start}");
    }
    // A whole connection of noise harms nobody else.
    for noise in ["\u{16}\u{3}\u{1}", "\r\n\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        Client::at(&served.place).send(noise);
    }
    assert_eq!(served.get("/healthz").status, 200);
}

#[test]
fn a_body_is_ignored_up_to_a_megabyte() {
    let served = Served::at_port(&[], &[]);
    let mut client = Client::at(&served.place);
    let head = |length| {
        format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
    };
    client.send(&(head(1 << 20) + &"x".repeat(1 << 20)));
    assert_eq!(client.answer().map(|answer| answer.status), Some(200));
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.answer().map(|answer| answer.status), Some(200));
    client.send(&head((1 << 20) + 1));
    let answer = client.answer().expect("an answer");
    assert_eq!(answer.error(), is(413, "requestTooLargeError"));
    assert_eq!(answer.header("connection"), Some("close"));
    drop(client);
    // The length of chunks is not known before they come.
    let mut client = Client::at(&served.place);
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    (0..17).for_each(|_| client.send(&chunk));
    let answer = client.answer().expect("an answer");
    assert_eq!(answer.error(), is(413, "requestTooLargeError"));
}

#[test]
fn requests_that_come_all_at_once_do_not_hold_up_others() {
    let served = Served::at_port(&[], &[]);
    let mut other = Client::at(&served.place);
    other.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(other.answer().map(|answer| answer.status), Some(200));
    let mut greedy = Client::at(&served.place);
    let request = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n";
    greedy.send(&request.repeat(40));
    other.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let page = other.answer().expect("an answer");
    let answered = "cloudwatch_metrics_agent_api_requests_total{status=\"2xx\"} ";
    let answered =
        page.text().lines().find_map(|line| line.strip_prefix(answered)?.parse::<u64>().ok());
    assert!(answered.is_some_and(|answered| answered < 30), "{answered:?} before it");
    for _ in 0..40 {
        assert_eq!(greedy.answer().map(|answer| answer.status), Some(200));
    }
}

#[test]
fn one_connection_too_many_is_told_at_once() {
    let served = Served::at_port(&[], &[]);
    let mut open: Vec<_> = (0..64).map(|_| Client::at(&served.place)).collect();
    // Each of them has a request under way, whose body is waited for.
    for client in &mut open {
        client.send(
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\n",
        );
        assert_eq!(client.line().as_deref(), Some("HTTP/1.1 100 Continue"));
        assert_eq!(client.line().as_deref(), Some(""));
    }
    for _ in 0..6 {
        let mut more = Client::at(&served.place);
        let answer = more.answer().expect("it is told without asking");
        assert_eq!(answer.error(), is(503, "serviceUnavailable"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.header("x-agent").is_some(), "it is an agent that says it");
        assert!(more.is_closed());
    }
    // Those that are there go on, and one that ends makes room.
    open[0].send("{}");
    let page = open[0].answer().expect("an answer");
    let refused = "cloudwatch_metrics_agent_api_refused_connections_total 6\n";
    assert!(page.text().contains(refused), "{}", page.text());
    assert!(page.text().contains("cloudwatch_metrics_agent_api_connections 64\n"));
    assert!(open[0].is_closed());
    open.truncate(1);
    support::server::wait_until("room", || {
        let mut client = Client::at(&served.place);
        client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.answer().is_some_and(|answer| answer.status == 200)
    });
}

#[test]
fn connections_that_ask_nothing_keep_no_probe_out() {
    let served = Served::at_port(&[], &[]);
    let mut silent: Vec<_> = (0..64).map(|_| Client::at(&served.place)).collect();
    // One that had its answer, and one that has sent a part of a head.
    silent[0].send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(silent[0].answer().map(|answer| answer.status), Some(200));
    silent[1].send("GET /healthz");
    for _ in 0..200 {
        let mut probe = Client::at(&served.place);
        probe.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(probe.answer().map(|answer| answer.status), Some(200));
    }
    // The oldest had to go.
    assert!(silent[0].is_closed() && silent[1].is_closed());
}

#[test]
fn a_page_for_prometheus_is_as_its_own_tool_wants_it() {
    let served = Served::at_socket();
    served.wait_for_value("load/1m");
    let page = served.get("/metrics");
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "# TYPE cloudwatch_metrics_agent_value gauge\n",
        "cloudwatch_metrics_agent_value{check=\"utilization\",metric=\"memory\",unit=\"percent\"} ",
        "cloudwatch_metrics_agent_check_available{check=\"load\"} 1\n",
    ] {
        assert!(page.text().contains(line), "{}", page.text());
    }
    let mut tool = std::process::Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(std::process::Stdio::piped());
    match tool.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn() {
        Ok(mut child) => {
            let mut input = child.stdin.take().expect("a pipe");
            input.write_all(&page.body).expect("it reads");
            drop(input);
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        }
        Err(error) => eprintln!("promtool cannot run ({error}): the page is not held against it"),
    }
}
