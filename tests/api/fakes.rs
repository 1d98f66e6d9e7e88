//! `ctl` and `healthcheck` beside what is no agent, or answers as one of another version does.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::mpsc;

use serde_json::{Value, json};
use support::folder::Folder;
use support::http::{Reply, Request, Server};
use support::server::free_port;
use support::{Agent, Ended, command, run};

use crate::ctl::ctl;

/// What shows that an agent answers.
const MARK: (&str, &str) = ("X-Agent", "0123456789abcdef");

/// A server that answers each request as an agent does, with a status and a body.
fn fake(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> (Server, String) {
    let reply = move |request: &Request| {
        let (status, body) = answer(&request.line);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        Reply::Answer { status, headers: vec![MARK], body }
    };
    let server = Server::start((Ipv4Addr::LOCALHOST, free_port()), reply);
    let address = server.address().to_string();
    (server, address)
}

fn page(values: &Value) -> Value {
    json!({ "values": values, "metadata": { "next_marker": null } })
}

#[test]
fn what_an_agent_answers_to_a_reload_is_told() {
    let (server, address) = fake(|line| match line {
        line if line.starts_with("POST /config/reload?") => {
            let changed = json!({
                "generation": 7, "added": ["a"], "changed": ["b"], "removed": [], "unchanged": 3,
                "needs_restart": ["period"],
            });
            (200, changed)
        }
        _ => {
            let details = json!({ "problems": ["agent.yaml:2: one\nline", "agent.yaml:5: two"] });
            (
                422,
                json!({ "type": "unprocessable", "code": "422", "message": "no", "details": details }),
            )
        }
    });
    let told = ctl(&address, &["reload", "--why", "a new disk"]).expect_code(0).stdout;
    let expected = "generation 7\nchecks added: a\nchecks changed: b\nneeds a restart: period\n\
                    checks unchanged: 3\n";
    assert_eq!(told, expected);
    let refused = ctl(&address, &["undo"]).expect_code(1);
    let expected = format!(
        "the agent at {address} answered 422: no\nagent.yaml:2: one\\nline\nagent.yaml:5: two\n"
    );
    assert_eq!([refused.stdout, refused.stderr], [String::new(), expected]);
    let log = server.finish();
    let expected =
        ["POST /config/reload?_who=joe&_why=a%20new%20disk", "POST /config/undo?_who=joe"];
    assert_eq!(log.lines(), expected);
}

#[test]
fn a_flush_that_failed_in_part_is_code_1() {
    let (_server, address) = fake(|_| {
        let part = json!({ "name": "cloudwatch", "ok": false, "message": "no \u{1b}[31mroute" });
        (200, json!({ "succeeded": 0, "failed": 1, "parts": [part] }))
    });
    let told = ctl(&address, &["flush"]).expect_code(1);
    let expected = "succeeded: 0, failed: 1\ncloudwatch: failed: no \\u{1b}[31mroute\n";
    assert_eq!([told.stdout, told.stderr], [expected.to_owned(), String::new()]);
    let told = ctl(&address, &["flush", "--output", "json"]).expect_code(1).stdout;
    assert!(told.starts_with(r#"{"failed":1,"parts":[{"message":"#), "{told}");
}

#[test]
fn lists_that_this_version_does_not_know_have_all_columns() {
    let (server, address) = fake(|line| match line {
        "GET /suppressions?limit=1000" => {
            (200, page(&json!([{ "id": "t", "metric": "cpu", "warning": { "max": 80 } }])))
        }
        "GET /blacklist?limit=1000" => (200, page(&json!([]))),
        "POST /blacklist?_who=joe" => (201, json!({ "id": "bl1" })),
        _ => (204, Value::Null),
    });
    for (arguments, expected) in [
        (&["suppressions"][..], "id  metric  warning\nt   cpu     {\"max\":80}\n"),
        (&["blacklist"], "there is none\n"),
        (&["blacklist", "add", r#"{"check":"a"}"#], "bl1: added\n"),
        (&["blacklist", "remove", "bl1"], "bl1: removed\n"),
        (&["buffer", "cloudwatch", "limit=5"], "cloudwatch: limit 5\n"),
    ] {
        assert_eq!(ctl(&address, arguments).expect_code(0).stdout, expected);
    }
    let log = server.finish();
    let body = |line: &str| {
        log.requests.iter().find(|of| of.line == line).map(|of| of.body.clone()).expect(line)
    };
    assert_eq!(body("POST /blacklist?_who=joe"), r#"{"check":"a"}"#);
    assert_eq!(body("PUT /buffer/cloudwatch?_who=joe"), r#"{"limit":5}"#);
    assert_eq!(body("DELETE /blacklist/bl1?_who=joe"), "");
}

#[test]
fn all_pages_of_a_list_are_one_and_one_without_end_is_refused() {
    let (_server, address) = fake(|line| {
        let next = if line.ends_with("&marker=b%2F") { Value::Null } else { json!("b/") };
        let id = if next.is_null() { "b/" } else { "a" };
        (200, json!({ "values": [{ "id": id }], "metadata": { "next_marker": next } }))
    });
    assert_eq!(ctl(&address, &["suppressions"]).expect_code(0).stdout, "id\na\nb/\n");
    let all = ctl(&address, &["suppressions", "--output", "json"]).expect_code(0).stdout;
    let all: Value = serde_json::from_str(&all).expect("one document");
    assert_eq!(all["values"], json!([{ "id": "a" }, { "id": "b/" }]));
    assert_eq!(
        (&all["metadata"]["count"], &all["metadata"]["next_marker"]),
        (&json!(2), &Value::Null)
    );
    for marker in [json!("same"), json!(5)] {
        let (_server, address) = fake(move |_| {
            (200, json!({ "values": [{ "id": "a" }], "metadata": { "next_marker": marker } }))
        });
        let ended = ctl(&address, &["suppressions"]).expect_code(1);
        assert!(ended.stderr.contains("has no valid field next_marker"), "{ended:?}");
    }
}

#[test]
fn what_is_no_agent_is_told_as_that() {
    let (_server, address) = fake(|_| (200, Value::Null));
    for arguments in [&["checks"][..], &["events"]] {
        let ended = ctl(&address, arguments).expect_code(1);
        assert!(ended.stderr.ends_with(": it is no agent of this kind\n"), "{ended:?}");
    }
    let ended = ctl(&address, &["time"]).expect_code(1);
    assert!(ended.stderr.ends_with(" has no valid field received\n"), "{ended:?}");
    // It speaks, but not HTTP.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        let _ = BufReader::new(&stream).read_line(&mut String::new());
    });
    let ended = ctl(&address, &["checks"]).expect_code(3);
    let begin = format!("the agent at {address} cannot be asked: ");
    assert!(ended.stderr.starts_with(&begin), "{ended:?}");
    server.join().expect("it ends");
}

/// An event as the API has it.
fn event(id: u64) -> Value {
    json!({
        "id": id, "timestamp": 1_795_939_200_000_i64, "severity": "warning", "kind": "alarm",
        "check_id": "web", "alarm_id": null, "message": format!("no {id}\n"),
    })
}

fn shown(id: u64) -> String {
    format!("2026-11-29T08:00:00Z  warning  alarm  web  -  no {id}\\n")
}

#[test]
fn events_are_listed_and_those_that_follow_are_printed_as_they_come() {
    let (server, address) = fake(|_| (200, page(&json!([event(1)]))));
    let told = ctl(&address, &["events", "--severity", "warning", "--from", "1795939200000"]);
    let expected = "time                  severity  kind   check  alarm  message\n\
                    2026-11-29T08:00:00Z  warning   alarm  web    -      no 1\\n\n";
    assert_eq!(told.expect_code(0).stdout, expected);
    let asked = server.finish();
    assert_eq!(asked.lines(), ["GET /events?from=1795939200000&severity=warning&limit=1000"]);

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let (go_on, wait) = mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for of_stream in [false, true] {
            let (stream, _) = listener.accept().expect("a connection");
            let mut lines = BufReader::new(&stream).lines();
            let mut lines = std::iter::from_fn(|| lines.next()?.ok());
            heads.push(lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<_>>());
            let mut stream = &stream;
            let send = |stream: &mut &std::net::TcpStream, text: String| {
                let _ = write!(stream, "{:x}\r\n{text}\r\n", text.len());
            };
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            if !of_stream {
                send(&mut stream, page(&json!([event(4)])).to_string());
                let _ = write!(stream, "0\r\n\r\n");
                continue;
            }
            send(&mut stream, format!(": hello\n\nid: 5\ndata: {}\n\n", event(5)));
            // The rest comes when the first is on the screen.
            let _ = wait.recv();
            send(&mut stream, "event: gap\ndata: {}\n".to_owned());
            send(&mut stream, format!("\ndata: {}\n\ndata: {{\"id\"", event(9)));
            // It is killed now, in the middle of an event.
        }
        heads
    });
    let mut following = command();
    following.args(["ctl", "events", "--follow", "--from=-1h", "--api", &address]);
    let agent = Agent::start(&mut following);
    agent.wait_for_stdout(&shown(5));
    go_on.send(()).expect("it waits");
    let ended = agent.wait().expect_code(3);
    let gap = "some events are missing here".to_owned();
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), [shown(4), shown(5), gap, shown(9)]);
    assert_eq!(ended.stderr, format!("the agent at {address} has ended the stream of events\n"));
    let heads = server.join().expect("it ends");
    assert_eq!(heads[1][0], "GET /events/stream HTTP/1.1");
    assert!(heads[1].contains(&"last-event-id: 4".to_owned()), "{heads:?}");
}

#[test]
fn a_stream_is_refused_with_its_reason_and_one_without_lines_is_ended() {
    let (_server, address) =
        fake(|_| (503, json!({ "message": "too many streams", "details": "" })));
    let ended = ctl(&address, &["events", "--follow"]).expect_code(1);
    let expected = format!("the agent at {address} answered 503: too many streams\n");
    assert_eq!(ended.stderr, expected);
    let endless =
        Server::start((Ipv4Addr::LOCALHOST, free_port()), |_| Reply::Endless { promised: None });
    let address = endless.address().to_string();
    let ended = ctl(&address, &["events", "--follow"]).expect_code(1);
    assert!(ended.stderr.ends_with(" has no valid field data\n"), "{ended:?}");
    let ended = ctl(&address, &["checks"]).expect_code(3);
    assert!(ended.stderr.contains(" cannot be asked: "), "{ended:?}");
}

fn healthcheck(address: &str, options: &[&str]) -> Ended {
    run(command().args(["healthcheck", "--api", address]).args(options))
}

#[test]
fn an_agent_that_never_answers_is_not_healthy() {
    let silent = Server::start((Ipv4Addr::LOCALHOST, free_port()), |_| Reply::Silence);
    let folder = Folder::of(&[]);
    // Nobody takes what comes: the kernel lets it in all the same.
    let path = folder.path("api.sock");
    let _socket = UnixListener::bind(&path).expect("the path is free");
    for address in [silent.address().to_string(), format!("unix:{path}")] {
        let ended = healthcheck(&address, &["--timeout", "200ms"]).expect_code(1);
        let expected = format!("the agent at {address} has not answered for 200ms\n");
        assert_eq!([ended.stdout, ended.stderr], [String::new(), expected]);
    }
    let endless = Server::start((Ipv4Addr::LOCALHOST, free_port()), |_| Reply::EndlessHead);
    healthcheck(&endless.address().to_string(), &["--timeout", "1"]).expect_code(1);
    let ended = healthcheck("127.0.0.1:1", &["--timeout", "0"]).expect_code(2);
    let expected = "--timeout \"0\": expected seconds from 0.1 to 3600, such as 5, 500ms or 1m\n";
    assert_eq!(ended.stderr, expected);
}

/// Anything may listen at the port that an agent had.
#[test]
fn what_is_no_agent_is_not_healthy_whatever_it_answers() {
    for status in [200, 401, 404, 503] {
        let reply = move |_: &Request| Reply::Answer {
            status,
            headers: Vec::new(),
            body: br#"{"status": "ok"}"#.to_vec(),
        };
        let server = Server::start((Ipv4Addr::LOCALHOST, free_port()), reply);
        let address = server.address().to_string();
        for options in [&[][..], &["--ready"]] {
            let ended = healthcheck(&address, options).expect_code(1);
            let [begin, end] = [
                format!("what answers at {address} does not say that it is an agent ({status} "),
                "): name the address that the agent has in --api\n".to_owned(),
            ];
            let said = &ended.stderr;
            assert!(said.starts_with(&begin) && said.ends_with(&end), "{said}");
            assert_eq!(ended.stdout, "");
        }
    }
}

#[test]
fn what_is_wrong_is_on_one_line() {
    let (_server, address) = fake(|line| match line {
        "GET /healthz" => (200, json!({ "status": "ok" })),
        _ => (503, json!({ "message": "not ok\nat all", "details": "" })),
    });
    let ended = healthcheck(&address, &[]).expect_code(0);
    assert_eq!([ended.stdout, ended.stderr], ["healthy\n".to_owned(), String::new()]);
    let ended = healthcheck(&address, &["--ready"]).expect_code(1);
    let expected = format!(
        "not ready: the agent at {address} answered 503: not ok\\nat all; its log says why\n"
    );
    assert_eq!([ended.stdout, ended.stderr], [String::new(), expected]);
}
