//! Pages that a real server does not give when it is asked to; the rest is in tests/services.

use std::net::Ipv4Addr;

use support::http::{Reply, Server};

use super::*;
use crate::check::system::tests::{absent, assert_complete, number};
use crate::check::tests::open;

async fn run(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Result<Findings, String> {
    let server = Server::start((Ipv4Addr::LOCALHOST, 0), move |_| reply());
    let url = format!("http://{}/server-status?auto", server.address());
    let found = open(&TYPE, &[("url", &url)]).run().await;
    found
        .inspect(|found| assert_complete(&TYPE, found))
        .map_err(|error| error.replace(&url.replace("auto", "***"), "URL"))
}

#[tokio::test]
async fn each_line_and_letter_is_a_metric() {
    let page = "h\nTotal Accesses: 9\nTotal kBytes: 8\nCPULoad: .0123\nUptime: 7\nReqPerSec: 1.5\nBytesPerSec: 6\n\
        BytesPerReq: 5\nBusyWorkers: 4\nIdleWorkers: 3\nScoreboard: _SSRRRWWWWKKKKKDDDDDDCCCCCCCLLLLLLLLG.I\n";
    let found = run(move || Reply::ok(page)).await.expect("a page");
    let values: Vec<_> = found.values.iter().filter_map(|value| value.quantity.number()).collect();
    let lines = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 0.0123, 1.5];
    let letters = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.0, 1.0, 1.0];
    assert_eq!(values, [&lines[..], &letters[..]].concat());
    let found =
        run(|| Reply::ok("BusyServers: 2\nReqPerSec: x\nScoreboard: \n")).await.expect("a page");
    assert_eq!((number(&found, "busy_workers"), number(&found, "open")), (2.0, 0.0));
    assert_eq!(absent(&found, "requests_per_second"), "ReqPerSec: x is no number");
    assert_eq!(absent(&found, "cpu_load"), "the server has ExtendedStatus Off: set it to On");
}

#[tokio::test]
async fn another_page_is_an_error_with_the_cure() {
    const HTML: &str = "<html><title>Apache Status</title><h1>Apache Server Status for h";
    for (reply, expected) in [
        (
            &(|| Reply::ok("<html>hello")) as &'static (dyn Fn() -> Reply + Send + Sync),
            "URL is another page: expected that of mod_status, with ?auto in url",
        ),
        (&|| Reply::ok(HTML), "URL is the status page for people: add ?auto to url"),
        (
            &|| Reply::ok(""),
            "URL has no line Scoreboard: expected the page of mod_status, with ?auto in url",
        ),
        (
            &|| Reply::status(401),
            "URL answers 401 Unauthorized: set a user and password with access, or allow this host",
        ),
        (&|| Reply::status(404), "URL answers 404 Not Found: correct url"),
        (&|| Reply::status(500), "URL answers 500 Internal Server Error: see its log"),
        (
            &|| Reply::status(302).with_header("location", "/login"),
            "URL answers 302 Found: set url to where it leads",
        ),
    ] {
        assert_eq!(run(reply).await, Err(expected.to_owned()));
    }
}
