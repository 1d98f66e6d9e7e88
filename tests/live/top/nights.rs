//! What somebody looks for who is woken up: what is missing and why, silences, ages, and who gets the token.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::Signal;
use support::folder::{self, Folder};
use support::server::free_port;
use support::terminal::{Log, Terminal};
use support::{Agent, Ended, command, run};

use super::{CONFIG, ENTER, Watched, chosen, previewing, top, whole, without_address};

fn ctl(address: &str, arguments: &[&str]) -> Ended {
    let mut command = command();
    command.arg("ctl").args(arguments).args(["--api", address]);
    run(&mut command).expect_code(0)
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_number_that_was_asked_for_and_is_not_there_says_why() {
    let folder = Folder::of(&[("agent.yaml", "")]);
    let mut command = previewing(&folder);
    command.args(["--scope", "host", "--metrics", "cpu,memory,ephemeral-storage"]);
    let watched = Watched { agent: Agent::start(&mut command), folder }.answering();
    let mut terminal = watched.shown((24, 120));
    let text = whole(&mut terminal, "what is missing", |text| {
        text.contains("unavailable: ephemeral-storage")
    });
    assert!(chosen(&text).starts_with("utilization "), "{text}");
    terminal.type_in(ENTER);
    let why =
        "ephemeral-storage unavailable: only an ECS task on Fargate has it: --scope task or pod";
    let text = whole(&mut terminal, "why", |text| {
        text.contains("metrics (2) by unit") && words(text).contains(why)
    });
    assert!(chosen(&text).starts_with("ephemeral-storage "), "it stands first:\n{text}");
    // It has no chart.
    terminal.type_in(ENTER);
    terminal.type_in("s");
    whole(&mut terminal, "the same list", |text| text.contains("metrics (2) by name"));
    let plain = ctl(&watched.address(), &["get", "/agent"]).stdout;
    assert!(plain.contains("only an ECS task on Fargate has it"), "{plain}");
    terminal.type_in("q");
    assert_eq!(terminal.finish().status.code(), Some(0));
}

#[test]
fn a_silence_is_shown_with_its_end_and_an_age_grows_also_without_answers() {
    let watched = Watched::start(CONFIG);
    let mut terminal = watched.shown((24, 120));
    whole(&mut terminal, "the alarm", |text| chosen(text).contains("CRITICAL"));
    // At noon of a day that is far away, which so has its date.
    let end_ms = 4_102_488_000_000_i64;
    let silence =
        format!(r#"{{"id":"night","label":"night","checks":["web"],"end_time":{end_ms}}}"#);
    let added = ctl(&watched.address(), &["suppressions", "add", &silence]);
    assert_eq!(added.stdout, "night: added\n");
    let said =
        "this lasts until the agent restarts: start it with --state FOLDER to keep such changes\n";
    assert_eq!(added.stderr, said);
    let text = whole(&mut terminal, "the silence", |text| {
        chosen(text).contains("silenced until 2100-01-01 12:00 UTC: 127.0.0.1:1 refused")
    });
    assert!(text.contains("alarms: 1 not OK"), "it is one all the same:\n{text}");
    ctl(&watched.address(), &["suppressions", "remove", "night"]);
    whole(&mut terminal, "no silence", |text| {
        chosen(text).contains("CRITICAL") && !text.contains("silenced")
    });
    // Below the charts is when they begin and end.
    let times = |text: &str| {
        let row = text.lines().nth(7).unwrap_or_default().trim().to_owned();
        row.split_once(" ago").map(|(begin, rest)| (begin.to_owned(), rest.trim().to_owned()))
    };
    // A sample is old for a moment where the machine is slow.
    let expected = Some(("3m 2s".to_owned(), "now".to_owned()));
    whole(&mut terminal, "the times", |text| times(text) == expected);
    watched.agent.signal(Signal::STOP);
    // The alarm is as old as it is, and so is the newest sample.
    whole(&mut terminal, "an old sample", |text| {
        text.contains("NO ANSWER for ")
            && text.lines().any(|row| row.trim().ends_with("s ago") && row.contains("3m "))
    });
    watched.agent.signal(Signal::CONT);
    whole(&mut terminal, "an answer", |text| !text.contains("NO ANSWER"));
    terminal.type_in("q");
    assert_eq!(terminal.finish().status.code(), Some(0));
}

/// Takes what comes to a port, answers each request with this, and tells the requests.
fn pretend(port: u16, answer: &'static str) -> mpsc::Receiver<String> {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the agent has ended");
    let (told, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut bytes = [0; 4096];
            let mut text = String::new();
            while !text.ends_with("\r\n\r\n") {
                match stream.read(&mut bytes) {
                    Ok(count) if count > 0 => text += &String::from_utf8_lossy(&bytes[..count]),
                    _ => break,
                }
            }
            let _ = stream.write_all(answer.as_bytes());
            if told.send(text).is_err() {
                return;
            }
        }
    });
    asked
}

#[test]
fn a_token_goes_to_nobody_else_who_listens_there_later() {
    for (answer, why) in [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "does not say that it is an agent (404 Not Found), and has not got the token",
        ),
        (
            "HTTP/1.1 200 OK\r\nX-Agent: 0123456789abcdef\r\nContent-Length: 0\r\n\r\n",
            "another agent answers at",
        ),
    ] {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let tokens = [("tokens", "read good-token-of-a-test\n"), ("agent.yaml", CONFIG)];
        let folder = Folder::of(&tokens);
        folder::mode(folder.path("tokens"), 0o600);
        let start = || {
            let mut command: Command = without_address(&folder);
            command.args(["--api", &address, "--api-token-file", &folder.path("tokens")]);
            let agent = Agent::start(&mut command);
            agent.wait_for_log("the API answers at ");
            agent
        };
        let agent = start();
        let mut command = top(&address);
        command.args(["--api-token-file", &folder.path("tokens")]);
        let mut terminal = Terminal::start(&command, (24, 120), Log::Terminal);
        whole(&mut terminal, "all", |text| text.contains("checks (4)"));
        agent.terminate().expect_code(0);
        let asked = pretend(port, answer);
        whole(&mut terminal, "who answers", |text| words(text).contains(why));
        for _ in 0..3 {
            let request = asked.recv_timeout(Duration::from_secs(30)).expect("it asks again");
            assert!(request.starts_with("HEAD / HTTP/1.1\r\n"), "{request}");
            assert!(!request.to_lowercase().contains("authorization"), "{request}");
        }
        terminal.type_in("q");
        assert_eq!(terminal.finish().status.code(), Some(0));
    }
}
