//! `remote.http`, with nginx and with what only a socket can do.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use fake_cloudwatch::FakeCloudWatch;
use support::server::free_port;
use support::{Agent, publishing_to};

use crate::program::{Folder, Ran, check};
use crate::web::{END_SECONDS, HUGE, Nginx};

fn run(args: &[&str]) -> Ran {
    check(&[&["remote.http"], args].concat(), &[])
}

#[test]
fn what_nginx_answers_is_measured() {
    let nginx = Nginx::start();
    let ran = run(&[&nginx.url("/"), "body_match=status: (ok|fine)"]).available();
    assert_eq!((ran.status(), ran.text("code")), ("success", "200"));
    assert_eq!(ran.text("body_match"), "status: fine");
    assert_eq!((ran.number("bytes"), ran.number("truncated")), (22.0, 0.0));
    let times = ["tt_connect", "tt_firstbyte", "duration"].map(|name| ran.number(name));
    assert!(times[0] > 0.0 && times.is_sorted(), "{times:?}");
    assert_eq!(ran.absent("cert_end_in"), "the answer came by plain HTTP, without a certificate");
    let ran = run(&[&nginx.url("/huge")]).available();
    assert_eq!((ran.number("bytes"), ran.number("truncated")), (1_048_576.0, 1.0));
    let ran = run(&[&nginx.url("/huge"), "method=HEAD"]).available();
    assert_eq!((ran.number("bytes"), ran.number("truncated")), (0.0, 0.0));
    const { assert!(HUGE > 1 << 20) };
    let ran = run(&[&nginx.url("/missing")]).available();
    assert_eq!((ran.status(), ran.text("code")), ("HTTP 404 Not Found", "404"));
    let ran = run(&[&nginx.url("/missing"), "expect_status=2xx", "expect_status=301"]);
    assert!(ran.unavailable().starts_with("HTTP 404 Not Found by http://127.0.0.1:"), "{ran:?}");
    assert!(ran.status().ends_with("/missing: expected 2xx or 301"), "{ran:?}");
    let ran = run(&[&nginx.url("/broken")]);
    assert!(ran.unavailable().starts_with("HTTP 503 Service Unavailable by "), "{ran:?}");
    run(&[&nginx.url("/broken"), "expect_status=any"]).available();
    let ran = run(&[&nginx.url("/"), "body_match=not there"]);
    let expected =
        "body_match is not in the body, which begins with \"<h1>status: fine</h1>\" (HTTP 200 OK)";
    assert_eq!(ran.unavailable(), expected);
}

#[test]
fn a_password_opens_and_is_shown_nowhere() {
    let nginx = Nginx::start();
    assert_eq!(run(&[&nginx.url("/secret")]).available().text("code"), "401");
    let login = ["auth_user=joe", "auth_password=hunter2"];
    let ran = run(&[&[&*nginx.url("/secret"), "expect_status=2xx"], &login[..]].concat());
    assert_eq!(ran.available().text("code"), "200");
    let post = ["method=POST", "body=x", "headers=X-Key: hunter", "body_match=hunterPOST"];
    run(&[&[&*nginx.url("/echo")], &post[..]].concat()).available();
}

#[test]
fn redirects_are_followed_to_an_end() {
    let nginx = Nginx::start();
    let root = nginx.authority.root();
    let ran = run(&[&nginx.url("/moved")]).available();
    assert_eq!((ran.text("code"), ran.number("bytes")), ("200", 22.0));
    let ran = run(&[&nginx.url("/moved"), "follow_redirects=no"]).available();
    assert_eq!(ran.text("code"), "301");
    let trusted = [("SSL_CERT_FILE", &*root)];
    let ran = check(&["remote.http", &nginx.url("/tls")], &trusted).available();
    assert!(ran.number("cert_end_in") > 0.0);
    let ran = run(&[&nginx.url("/loop")]);
    assert!(
        ran.unavailable().starts_with("more than 5 redirects, the last to http://127.0.0.1:"),
        "{ran:?}"
    );
}

#[test]
fn certificates_are_verified_and_their_end_is_told() {
    let nginx = Nginx::start();
    let root = nginx.authority.root();
    let run = |port: u16, host: &str, args: &[&str], variables: &[(&str, &str)]| {
        let url = format!("url=https://{host}:{port}/");
        check(&[&["remote.http", &url], args].concat(), variables)
    };
    let trusted = [("SSL_CERT_FILE", &*root)];
    let ran = run(nginx.tls, "localhost", &[], &trusted).available();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let left = ran.number("cert_end_in");
    assert!((END_SECONDS - now - left).abs() < 60.0, "{left}");
    for (port, host, variables, expected) in [
        (
            nginx.tls,
            "127.0.0.1",
            &trusted[..],
            "the certificate is for localhost, other.example, not for 127.0.0.1: \
            correct the name or the certificate, or set verify: no",
        ),
        (
            nginx.tls,
            "localhost",
            &[],
            "the issuer of the certificate of localhost is not trusted: add its \
            root to the system's or to SSL_CERT_FILE, or set verify: no",
        ),
    ] {
        assert_eq!(run(port, host, &[], variables).unavailable(), expected);
        run(port, host, &["verify=no"], variables).available();
    }
    let ran = run(nginx.expired, "localhost", &[], &trusted);
    let status = ran.unavailable();
    assert!(
        status.starts_with("the certificate of localhost expired on 2020-02-01, 2"),
        "{status}"
    );
    assert!(status.ends_with(" days ago: renew it, or set verify: no"), "{status}");
    let ran = run(nginx.expired, "localhost", &["verify=no"], &trusted).available();
    assert!(ran.number("cert_end_in") < -100_000_000.0);
    let ran = run(nginx.plain, "localhost", &[], &trusted);
    let end = "no TLS at this port: correct the port, or set url to http://";
    assert!(ran.unavailable().ends_with(end), "{ran:?}");
    let ran = check(&["remote.http", &format!("url=http://localhost:{}/", nginx.tls)], &[]);
    assert_eq!(ran.available().text("code"), "400");
    let missing = [("SSL_CERT_FILE", "/nowhere")];
    let ran = run(nginx.tls, "localhost", &[], &missing);
    assert!(
        ran.unavailable().contains("SSL_CERT_FILE \"/nowhere\" has no trusted root"),
        "{ran:?}"
    );
}

#[test]
fn what_cannot_be_reached_is_told() {
    let port = free_port();
    let ran = run(&[&format!("url=http://127.0.0.1:{port}/")]);
    let expected = format!(
        "127.0.0.1:{port} refused the connection: nothing listens there; start the server, or correct host and port"
    );
    assert_eq!(ran.unavailable(), expected);
    let long = "x".repeat(64);
    let ran = run(&[&format!("url=http://{long}.example/")]);
    assert!(ran.unavailable().starts_with(&format!("the name {long}.example: ")), "{ran:?}");
    let ran = run(&["url=http://169.254.169.254/latest/meta-data/"]);
    assert!(ran.unavailable().contains("is a link-local address"), "{ran:?}");
    let mut command = support::command();
    let ended = support::run(command.args(["check", "remote.http", "url=http://joe:hunter2@h/"]));
    let expected = "url: expected no user and password in it: there are details for them\n";
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(2), expected));
}

#[test]
fn a_server_that_says_nothing_is_given_up_after_the_timeout() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).expect("a free port");
    let address = silent.local_addr().expect("it is bound");
    let folder = Folder::new();
    let of = |id: &str, scheme: &str| {
        format!(
            "  {id}: {{type: remote.http, timeout: 0.3, details: {{url: '{scheme}://{address}/'}}}}\n"
        )
    };
    let text = format!("checks:\n{}{}", of("plain", "http"), of("tls", "https"));
    let file = folder.write("agent.yaml", text);
    for (id, awaited) in [("plain", "the first byte of the answer"), ("tls", "the TLS handshake")] {
        let ran = check(&[id, "--config", &file], &[]);
        assert_eq!(ran.unavailable(), format!("timed out after 0.3 s while waiting for {awaited}"));
    }
}

#[test]
fn a_slow_page_is_given_up_after_the_timeout() {
    let (nginx, folder) = (Nginx::start(), Folder::new());
    let url = nginx.url("/slow");
    let url = url.strip_prefix("url=").expect("it is a detail");
    let text = format!(
        "checks:\n  slow: {{type: remote.http, timeout: 0.5, details: {{url: '{url}'}}}}\n"
    );
    let file = folder.write("agent.yaml", text);
    let ran = check(&["slow", "--config", &file], &[]);
    let expected = "timed out after 0.5 s while waiting for the end of the answer";
    assert_eq!(ran.unavailable(), expected);
}

#[test]
fn duration_and_availability_are_published_by_default() {
    let nginx = Nginx::start();
    let folder = Folder::new();
    let of = |id: &str, path: &str| {
        let url = nginx.url(path).replace('=', ": ");
        format!("  {id}: {{type: remote.http, period: 1, details: {{{url}}}}}\n")
    };
    let file =
        folder.write("agent.yaml", format!("checks:\n{}{}", of("up", "/"), of("down", "/broken")));
    let cloudwatch = FakeCloudWatch::start();
    let mut publishing = publishing_to(&cloudwatch.url());
    let agent = Agent::start(publishing.args(["--config", &file]));
    cloudwatch.wait_until("both checks", |seen| {
        let of = |id: &str| {
            let is_of = |(_, value): &(String, String)| value == id;
            seen.data.iter().filter(|datum| datum.dimensions.iter().any(is_of)).count()
        };
        of("up") >= 2 && of("down") >= 1
    });
    agent.terminate().expect_code(0);
    for datum in cloudwatch.data() {
        let Some((_, id)) = datum.dimensions.iter().find(|(name, _)| name == "Check") else {
            continue;
        };
        let (unit, set) = (datum.unit.as_deref(), datum.set.expect("a statistic set"));
        match (&*datum.name, &**id) {
            ("HttpDuration", "up") => {
                assert_eq!((unit, set.minimum > 0.0), (Some("Milliseconds"), true));
            }
            ("HttpAvailable", "up") => assert_eq!((unit, set.minimum), (Some("Count"), 1.0)),
            ("HttpAvailable", "down") => assert_eq!((unit, set.maximum), (Some("Count"), 0.0)),
            other => panic!("{other:?} is not published by default"),
        }
    }
}
