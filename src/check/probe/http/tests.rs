//! Answers of a small server that no real server gives, or not when it is asked to.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use support::http::{Reply, Request, Server};

use super::*;
use crate::check::system::tests::{absent, assert_complete, number, text};
use crate::check::tests::open;

async fn run(details: &[(&str, &str)]) -> Result<Findings, String> {
    let found = open(&TYPE, details).run().await;
    found.inspect(|found| assert_complete(&TYPE, found))
}

fn server(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Server, String) {
    let server = Server::start((Ipv4Addr::LOCALHOST, 0), reply);
    let url = format!("http://{}", server.address());
    (server, url)
}

/// A server that answers one connection with these bytes and closes it.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let asked = stream.read(&mut [0; 4096]).expect("a request");
        assert!(asked > 0);
        // The client may have had enough.
        let _ = stream.write_all(bytes);
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn an_answer_has_all_its_metrics() {
    let (server, url) = server(|_| Reply::ok("<p>status: fine</p>"));
    let details = [("url", &*format!("{url}/a?b=c")), ("body_match", "status: (ok|fine)")];
    let found = run(&details).await.expect("it answers");
    assert_eq!((text(&found, "code"), text(&found, "body_match")), ("200", "status: fine"));
    assert_eq!((number(&found, "bytes"), number(&found, "truncated")), (19.0, 0.0));
    let times = ["tt_connect", "tt_firstbyte", "duration"].map(|name| number(&found, name));
    assert!(times[0] > 0.0 && times.is_sorted(), "{times:?}");
    assert!(absent(&found, "cert_end_in").contains("plain HTTP"), "{found:?}");
    assert!(found.raw[0].0.ends_with("/a?***"), "{:?}", found.raw);
    let log = server.finish();
    let asked = &log.requests[0];
    assert_eq!(asked.line, "GET /a?b=c");
    let agent = concat!("cloudwatch_metrics_agent/", env!("CARGO_PKG_VERSION"));
    assert_eq!(asked.header("user-agent"), Some(agent));
    assert_eq!(Some(asked.header("host").expect("it is required")), url.strip_prefix("http://"));
}

#[tokio::test]
async fn what_is_asked_is_what_the_details_say() {
    let (server, url) = server(|_| Reply::ok(""));
    let details = [
        ("url", &*url),
        ("method", "PUT"),
        ("body", "hello"),
        ("headers", "X-One: 1;Host: other.example;User-Agent:me"),
        ("auth_user", "joe"),
        ("auth_password", "hunter2"),
    ];
    run(&details).await.expect("it answers");
    let log = server.finish();
    let asked = &log.requests[0];
    assert_eq!((&*asked.line, &*asked.body), ("PUT /", "hello"));
    for (name, value) in [
        ("x-one", "1"),
        ("host", "other.example"),
        ("user-agent", "me"),
        ("authorization", "Basic am9lOmh1bnRlcjI="),
    ] {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn which_status_is_available_is_for_the_user_to_say() {
    let (_server, url) = server(|asked| Reply::status(asked.line[5..8].parse().expect("a code")));
    for (code, expect, is_available) in [
        ("204", "", true),
        ("404", "", true),
        ("500", "", false),
        ("503", "any", true),
        ("404", "2xx", false),
        ("301", "2xx;301", true),
    ] {
        let url = format!("{url}/{code}");
        let found = run(&[("url", &url), ("expect_status", expect)]).await;
        let found = found.expect("it answers");
        assert_eq!(!found.is_unavailable, is_available, "{code} {expect}: {found:?}");
        assert_eq!(text(&found, "code"), code);
        let said = found.status.unwrap_or_default();
        assert!(code < "400" || said.starts_with(&format!("HTTP {code}")), "{said}");
    }
    let failed = run(&[("url", &format!("{url}/503?token=hunter2"))]).await.expect("it answers");
    let error = failed.status.expect("it says so");
    let end = "/503?***: expected a status below 500";
    assert!(error.starts_with("HTTP 503 Service Unavailable by http://127.0.0.1:"), "{error}");
    assert!(error.ends_with(end), "{error}");
}

#[tokio::test]
async fn secrets_go_to_no_other_server_where_one_redirects() {
    let (other, there) = server(|_| Reply::ok("there"));
    let there = format!("{there}/there").leak();
    let (server, url) = server(|asked| match &*asked.line {
        "GET /away" | "POST /away" => Reply::status(302).with_header("location", there),
        "POST /kept" => Reply::status(307).with_header("location", there),
        "GET /" => Reply::status(301).with_header("location", "../here"),
        _ => Reply::ok("here"),
    });
    let secret =
        [("headers", "X-Key: hunter2"), ("auth_password", "hunter2"), ("body_match", "here")];
    let of = |path: &str| [&[("url", &*format!("{url}{path}").leak())], &secret[..]].concat();
    run(&of("/")).await.expect("it answers");
    run(&of("/away")).await.expect("it answers");
    let post = [("method", "POST"), ("body", "hunter2")];
    run(&[&of("/away")[..], &post].concat()).await.expect("it answers");
    let error = run(&[&of("/kept")[..], &post].concat()).await.expect_err("it would be sent on");
    assert!(error.contains("the body is not sent there"), "{error}");
    let stays = [("follow_redirects", "no"), ("body_match", "x?")];
    let found = run(&[&of("/away")[..], &stays].concat()).await.expect("it answers");
    assert_eq!(text(&found, "code"), "302");
    for asked in &other.finish().requests {
        assert_eq!(&*asked.line, "GET /there");
        assert_eq!((asked.header("x-key"), asked.header("authorization")), (None, None));
        assert!(asked.body.is_empty());
    }
    let log = server.finish();
    let here: Vec<_> = log.requests.iter().filter(|asked| asked.line == "GET /here").collect();
    assert_eq!(here.len(), 1);
    assert_eq!(here[0].header("x-key"), Some("hunter2"));
    assert!(here[0].header("authorization").is_some());
}

#[tokio::test]
async fn a_loop_of_redirects_has_an_end_and_none_leads_to_the_credentials_of_the_machine() {
    let (server, url) = server(|asked| {
        let location = match &*asked.line {
            "GET /loop" => "/loop",
            "GET /role" => "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
            _ => "gopher://x/",
        };
        Reply::status(302).with_header("location", location)
    });
    for (path, expected) in [
        ("/loop", "more than 5 redirects, the last to "),
        (
            "/role",
            "redirected to http://169.254.169.254/latest/meta-data/iam/security-credentials/: 169.254.169.254 is a \
            link-local address",
        ),
        ("/other", "the redirect leads to gopher://x/, which is no URL of HTTP"),
    ] {
        let error = run(&[("url", &format!("{url}{path}"))]).await.expect_err("it leads nowhere");
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(
        server.finish().requests.iter().filter(|asked| asked.line == "GET /loop").count(),
        6
    );
}

#[tokio::test]
async fn a_body_without_an_end_is_cut() {
    let promised = || Reply::Endless { promised: Some(1 << 40) };
    let (server, url) = server(move |asked| match &*asked.line {
        "GET /promised" => promised(),
        "GET /head" => Reply::EndlessHead,
        "GET /exact" => Reply::ok(vec![b'x'; 1 << 20]),
        _ => Reply::Endless { promised: None },
    });
    for path in ["/promised", "/chunked"] {
        let found = run(&[("url", &format!("{url}{path}"))]).await.expect("it answers");
        assert_eq!((number(&found, "bytes"), number(&found, "truncated")), (1048576.0, 1.0));
    }
    let exact = run(&[("url", &format!("{url}/exact"))]).await.expect("it answers");
    assert_eq!((number(&exact, "bytes"), number(&exact, "truncated")), (1048576.0, 0.0));
    let missing = run(&[("url", &format!("{url}/chunked")), ("body_match", "y")]).await;
    let missing = missing.expect("it answers");
    assert!(missing.is_unavailable, "it is not there");
    let missing = missing.status.expect("it says so");
    assert!(
        missing.starts_with("body_match is not in the first megabyte of the body, which begins"),
        "{missing}"
    );
    let error = run(&[("url", &format!("{url}/head"))]).await.expect_err("it is too long");
    assert_eq!(error, "the header of the answer is longer than 64 kB");
    // The rest is not taken: the connections are closed.
    server.wait_until("closed connections", |log| {
        log.connections.iter().all(|one| one.closed.is_some())
    });
}

#[tokio::test]
async fn what_is_no_answer_is_told() {
    for (bytes, expected) in [
        (&b""[..], "the server closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nx", "the server closed the connection before the end of the answer"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
            "the server closed the connection before the end of the answer after 5 bytes of the body",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
            "the server closed the connection before the end of the answer after 5 bytes of the body",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "the answer is not HTTP/1, it begins with \"SSH-2.0-OpenSSH_9.2\\r\\n\": correct scheme and port of url",
        ),
    ] {
        let error = run(&[("url", &answering(bytes))]).await.expect_err("it is no answer");
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn http_1_0_and_interim_answers_are_understood() {
    for (bytes, length) in [
        (&b"HTTP/1.0 200 OK\r\n\r\nuntil the end"[..], 13.0),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 2.0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0.0),
    ] {
        let found = run(&[("url", &answering(bytes))]).await.expect("it is an answer");
        assert_eq!(number(&found, "bytes"), length);
    }
}

/// Some servers show what they were asked, as for debugging.
#[tokio::test]
async fn what_a_server_repeats_of_secrets_is_shown_nowhere() {
    let (_server, url) = server(|asked| {
        let login = asked.header("authorization").unwrap_or_default();
        let key = asked.header("x-key").unwrap_or_default();
        Reply::ok(format!("{} {login} {key}", asked.line))
    });
    let url = format!("{url}/p?tok=hunter2");
    let details = [
        ("url", &*url),
        ("headers", "X-Key: hunter3"),
        ("auth_user", "joe"),
        ("auth_password", "hunter4"),
    ];
    for pattern in ["GET.*", "no such text"] {
        let details = [&details[..], &[("body_match", pattern)]].concat();
        let found = format!("{:?}", run(&details).await.expect("it answers"));
        assert!(!found.contains("hunter") && !found.contains("am9lOmh1bnRlcjQ="), "{found}");
        assert!(found.contains("GET /p?***"), "{found}");
    }
}

#[tokio::test]
async fn mistakes_in_details_are_told_without_secrets() {
    for (details, expected) in [
        (&[("url", "http://joe:hunter2@h/")][..], "url: expected no user and password in it"),
        (&[("url", "h/?hunter2")], "url h/?***: expected one that begins with"),
        (&[("url", "http://::1/")], "url http://::1/: expected one that begins with"),
        (&[("url", "http://[::1/")], "url http://[::1/: expected one that begins with"),
        (
            &[("url", "http://h/"), ("auth_user", "a:b")],
            "auth_user: expected a name without a colon",
        ),
        (
            &[
                ("url", "http://h/"),
                ("headers", "Authorization: Bearer hunter2"),
                ("auth_user", "a"),
            ],
            "headers: expected no Authorization beside auth_user",
        ),
        (&[("url", "http://h/"), ("headers", "Host: a;Host: b")], "headers: expected Host once"),
        (&[("url", "http://h/"), ("body", "x")], "GET has no body"),
        (&[("url", "http://h/"), ("headers", "hunter2")], "headers: expected each as a name"),
        (&[("url", "http://h/"), ("headers", "X: a\nhunter2")], "headers: the value of x has"),
        (
            &[("url", "http://h/"), ("headers", "Content-Length: 1")],
            "headers: the agent sets content-length",
        ),
        (
            &[("url", "http://h/"), ("body_match", "(")],
            "body_match \"(\": expected a regular expression",
        ),
        (
            &[("url", "http://h/"), ("expect_status", "20")],
            "expect_status \"20\": expected a status code",
        ),
    ] {
        let error = run(details).await.expect_err("it is wrong");
        assert!(error.starts_with(expected) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_waited_for_until_the_timeout() {
    let (_server, url) = server(|_| Reply::Silence);
    let mut check = open(&TYPE, &[("url", &url)]);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(3600), check.run()).await;
    assert!(waited.is_err());
    assert_eq!(check.awaited(), Some("the first byte of the answer"));
}
