//! The socket for collectd's own clients, spoken to line by line.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use support::folder::Folder;
use support::{Agent, run};

use crate::Served;
use crate::client::Place;

/// A check that takes values, one with a blank in its id, and one that takes none.
const CONFIG: &str = "\
checks:
  tt: {type: agent.push, period: 1}
  my plugin: {type: agent.push, period: 1}
  load: {type: agent.load_average, period: 1}
thresholds:
  limited: {check: tt, metric: limited, warning_max: 10, failure_max: 20, hits: 3}
";

/// An agent with that socket, and with the API.
struct Collectd {
    served: Served,
    socket: String,
}

/// A client.
struct Client {
    reading: BufReader<UnixStream>,
    writing: UnixStream,
}

fn previewing(folder: &Folder, socket: &str) -> Command {
    let mut command = support::command();
    command.args(["--dry-run", "--sample-interval", "0.1", "--service", "web"]);
    command.args(["--config", &folder.path("agent.yaml"), "--collectd-socket", socket]);
    command.env("RUST_LOG", "info");
    command
}

impl Collectd {
    fn start() -> Self {
        let folder = Folder::of(&[("agent.yaml", CONFIG)]);
        let (socket, api) = (folder.path("collectd.sock"), folder.path("api.sock"));
        let mut command = previewing(&folder, &socket);
        let agent = Agent::start(command.args(["--api", &format!("unix:{api}")]));
        agent.wait_for_log("clients of collectd are answered at ");
        let served = Served::of(agent, Place::Unix(api), folder);
        served.wait_for_value("load/15m");
        served.wait_for_value("utilization/cpu");
        Self { served, socket }
    }

    fn client(&self) -> Client {
        Client::at(&self.socket)
    }
}

impl Client {
    fn at(socket: &str) -> Self {
        let writing = UnixStream::connect(socket).expect("it listens");
        writing.set_read_timeout(Some(HUNG_TEST)).expect("it can be set");
        writing.set_write_timeout(Some(HUNG_TEST)).expect("it can be set");
        let reading = BufReader::new(writing.try_clone().expect("a descriptor"));
        Self { reading, writing }
    }

    fn send(&mut self, text: &str) {
        self.writing.write_all(text.as_bytes()).expect("it is taken");
    }

    /// The next answer, with all of its lines.
    fn answer(&mut self) -> String {
        let first = self.line().expect("there is an answer");
        let count = first.split(' ').next().and_then(|count| count.parse::<i64>().ok());
        let count = count.ok_or(&first).expect("it begins with a number");
        let more = (0..count).map(|_| self.line().expect("as many lines as were said"));
        [first].into_iter().chain(more).collect::<Vec<_>>().join("\n")
    }

    fn ask(&mut self, command: &str) -> String {
        self.send(&format!("{command}\n"));
        self.answer()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reading.read_line(&mut line) {
            Ok(0) => None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            read => {
                read.expect("there is an answer in time");
                assert_eq!(line.pop(), Some('\n'), "a whole line: {line:?}");
                Some(line)
            }
        }
    }
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux has it");
    name.trim().to_owned()
}

/// Whether a text is what is expected, in which `*` is any text.
fn is_like(expected: &str, text: &str) -> bool {
    let mut parts = expected.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn each_line_gets_one_truthful_answer() {
    let collectd = Collectd::start();
    let mut client = collectd.client();
    let old = SystemTime::now() - Duration::from_secs(100);
    let old = old.duration_since(UNIX_EPOCH).expect("our time").as_secs().to_string();
    let filled = |text: &str| text.replace("HOST", &host()).replace("AGO", &old);
    let rows = include_str!("../fixtures/collectd/wire.tsv").lines();
    let rows: Vec<_> = rows.filter(|line| !line.starts_with('#')).collect();
    assert!(rows.len() > 60, "{}", rows.len());
    for (number, row) in rows.into_iter().enumerate() {
        let mut columns = row.split('\t');
        let mut column = || filled(columns.next().expect("three columns"));
        let (sent, expected) = (column(), column().replace('⏎', "\n"));
        let answer = client.ask(&sent);
        assert!(is_like(&expected, &answer), "{sent}: {answer}");
        // Nothing more was said.
        let next = format!("ROW{number}");
        assert_eq!(client.ask(&next), format!("-1 Unknown command: {next}"), "after {sent}");
    }
    let events = collectd.served.json("/events?severity=warning&limit=1000");
    let events = events["values"].as_array().expect("a list");
    let event = events.iter().find(|of| of["message"] == "hello world").expect("it is an event");
    assert_eq!((&event["severity"], &event["kind"]), (&json!("warning"), &json!("posted")));
    assert_eq!(event["details"], json!({ "host": "box", "time": 1_795_835_723_500_u64 }));
}

#[test]
fn what_is_handed_in_is_a_metric_like_any_other() {
    let collectd = Collectd::start();
    let (mut client, host) = (collectd.client(), host());
    let values = client.ask(&format!("PUTVAL {host}/tt/gauge-a N:2 N:8"));
    assert_eq!(values, "0 Success: 2 values have been dispatched.");
    // It is there at once, and in the next summary.
    let value = collectd.served.json("/values/tt/a");
    assert_eq!(
        (&value["value"], &value["kind"], &value["stale"]),
        (&json!(8), &json!("gauge"), &json!(false))
    );
    client.ask("PUTVAL box/tt/gauge-a N:5");
    let value = collectd.served.json("/values/tt/a%7BHost%3Dbox%7D");
    assert_eq!(value["value"], 5);
    let listed = client.ask("LISTVAL");
    for name in [
        format!("{host}/tt/gauge-a"),
        "box/tt/gauge-a".to_owned(),
        format!("{host}/utilization/gauge-cpu"),
    ] {
        assert!(listed.lines().any(|line| line.ends_with(&format!(" {name}"))), "{name}: {listed}");
    }
    let names: Vec<_> =
        listed.lines().skip(1).map(|line| line.split_once(' ').expect("a time").1).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn names_come_back_as_they_were() {
    let collectd = Collectd::start();
    let (mut client, host) = (collectd.client(), host());
    for (name, text) in [
        ("a/b", "a%2Fb"),
        ("a-b--c", "a-b--c"),
        ("50%", "50%25"),
        ("sp ace", "sp ace"),
        ("größe", "größe"),
        ("say \"hi\"", "say \\\"hi\\\""),
    ] {
        let answer = client.ask(&format!("PUTVAL \"{host}/my plugin/gauge-{text}\" N:4"));
        assert_eq!(answer, "0 Success: 1 value has been dispatched.", "{name}");
        let answer = client.ask(&format!("GETVAL \"{host}/my plugin/gauge-{text}\""));
        assert_eq!(answer, "1 Value found\nvalue=4.000000e+00", "{name}");
        let all = collectd.served.json("/values?limit=1000");
        let all = all["values"].as_array().expect("a list");
        assert!(all.iter().any(|of| of["check"] == "my plugin" && of["metric"] == name), "{name}");
        let listed = format!(" {host}/my plugin/gauge-{}", text.replace('\\', ""));
        assert!(client.ask("LISTVAL").lines().any(|line| line.ends_with(&listed)), "{name}");
    }
}

#[test]
fn lines_come_in_pieces_several_at_once_and_of_several_clients() {
    let collectd = Collectd::start();
    let (mut one, mut other) = (collectd.client(), collectd.client());
    for byte in "PUTVAL box/tt/gauge-torn N:1".bytes() {
        one.writing.write_all(&[byte]).expect("it is taken");
        // The other is not held up by half a line.
        assert_eq!(other.ask("HELP"), "-1 Unknown command: HELP");
    }
    one.send("\r\n");
    assert_eq!(one.answer(), "0 Success: 1 value has been dispatched.");
    let lines: String =
        (0..200).map(|n| format!("PUTVAL box/tt/gauge-p N:{n}\nGETVAL box/tt/gauge-p\n")).collect();
    one.send(&lines);
    for n in 0..200 {
        assert_eq!(one.answer(), "0 Success: 1 value has been dispatched.");
        let answer = one.answer();
        let value =
            answer.strip_prefix("1 Value found\nvalue=").and_then(|of| of.parse::<f64>().ok());
        assert_eq!(value, Some(f64::from(n)), "{answer}");
    }
    // What has no end of a line may be the half of something else.
    one.send("PUTVAL box/tt/gauge-half N:1");
    drop(one);
    assert_eq!(other.ask("GETVAL box/tt/gauge-torn"), "1 Value found\nvalue=1.000000e+00");
    assert_eq!(other.ask("GETVAL box/tt/gauge-half"), "-1 No such value.");
}

#[test]
fn a_line_that_is_too_long_or_no_text_is_told_once() {
    let collectd = Collectd::start();
    let mut client = collectd.client();
    let long = format!("PUTVAL {}", "x".repeat(5000));
    assert_eq!(client.ask(&long), "-1 The line is too long: expected at most 4096 bytes.");
    assert_eq!(client.ask("HELP"), "-1 Unknown command: HELP");
    let almost = format!("GETVAL {}", "x".repeat(4089));
    assert!(client.ask(&almost).starts_with("-1 Cannot parse identifier `xxx"));
    client.writing.write_all(b"\xff\xfe\n").expect("it is taken");
    assert_eq!(client.answer(), "-1 The line is no text in UTF-8.");
    let odd = client.ask("\u{1b}[31mx");
    assert!(!odd.contains('\u{1b}') && odd.starts_with("-1 Unknown command: "), "{odd:?}");
}

#[test]
fn a_client_that_never_reads_holds_up_nobody() {
    let collectd = Collectd::start();
    let mut deaf = collectd.client();
    deaf.writing.set_nonblocking(true).expect("it can be set");
    let lines = "LISTVAL\n".repeat(100);
    let mut taken = 0_u64;
    // Until neither the agent nor the socket between takes more.
    let mut full = 0;
    while full < 100 {
        match deaf.writing.write(lines.as_bytes()) {
            Ok(length) => (taken, full) = (taken + length as u64, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                full += 1;
                // Another one is answered meanwhile.
                assert_eq!(collectd.client().ask("HELP"), "-1 Unknown command: HELP");
            }
            Err(error) => panic!("{error}"),
        }
        assert!(taken < 64 << 20, "the agent takes all and keeps the answers");
    }
    let age = collectd.served.json("/values/utilization/cpu")["age"].as_f64().expect("an age");
    assert!(age < 30.0, "{age}");
}

#[test]
fn one_client_too_many_is_told_so() {
    let collectd = Collectd::start();
    let mut clients: Vec<_> = (0..16).map(|_| collectd.client()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("HELP"), "-1 Unknown command: HELP");
    }
    let mut another = collectd.client();
    assert_eq!(another.ask("LISTVAL"), "-1 Too many clients: at most 16 are answered at once.");
    assert_eq!(another.line(), None);
    drop(clients.pop());
    support::server::wait_until("a place that is free", || {
        collectd.client().ask("HELP") == "-1 Unknown command: HELP"
    });
    assert_eq!(clients[0].ask("HELP"), "-1 Unknown command: HELP");
}

#[test]
fn the_socket_is_private_needs_no_api_and_is_gone_at_the_end() {
    let folder = Folder::of(&[]);
    let socket = folder.path("collectd.sock");
    let mut command = support::command();
    command.args(["--dry-run", "--sample-interval", "0.1", "--collectd-socket", &socket]);
    let agent = Agent::start(command.env("RUST_LOG", "info"));
    agent.wait_for_log("clients of collectd are answered at ");
    let mode = fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = Client::at(&socket);
    // The check of this id is made when the first value comes.
    support::server::wait_until("the checks", || {
        client.ask("PUTVAL box/push/gauge-a N:1") == "0 Success: 1 value has been dispatched."
    });
    assert_eq!(client.ask("GETVAL box/push/gauge-a"), "1 Value found\nvalue=1.000000e+00");
    // Another agent leaves it alone.
    let mut command = support::command();
    command.args(["--dry-run", "--sample-interval", "0.1", "--collectd-socket", &socket]);
    let other = Agent::start(&mut command);
    let line = other.wait_for_log("the agent runs without the socket for clients of collectd");
    let why = format!(
        "--collectd-socket {socket}: another program listens there: expected an address that is free; "
    );
    assert!(line.contains(&why), "{line}");
    other.terminate().expect_code(0);
    assert_eq!(client.ask("HELP"), "-1 Unknown command: HELP");
    agent.terminate().expect_code(0);
    assert!(!Path::new(&socket).exists());
}

#[test]
fn a_path_that_cannot_be_one_is_refused() {
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    let path = folder.path("api.sock");
    for (socket, expected) in [
        ("unix:/x", "a path that begins with / and has at most 107 bytes, without unix:"),
        (&*path, "another path than that of --api, which speaks HTTP"),
    ] {
        let mut command = previewing(&folder, socket);
        let ended = run(command.args(["--api", &format!("unix:{path}")])).expect_code(2);
        let expected = format!("--collectd-socket {socket:?}: expected {expected}");
        assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    }
}

/// A guard against a test that would hang; nothing is measured by it.
const HUNG_TEST: Duration = Duration::from_secs(60);
