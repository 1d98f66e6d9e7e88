//! Agents that end, come back, want a token, or are not there; and where there is no terminal.

use support::authority::Authority;
use support::folder::{self, Folder};
use support::server::free_port;
use support::terminal::{Log, Terminal};
use support::{Agent, Ended, run};

use super::{CONFIG, SIZE, Watched, below, previewing, top, whole, without_address};

#[test]
fn an_agent_that_ends_is_missed_and_found_again() {
    let watched = Watched::start(CONFIG);
    let mut terminal = watched.shown(SIZE);
    whole(&mut terminal, "all", |text| text.contains("checks (4)") && text.contains("median"));
    let address = watched.address();
    let Watched { agent, folder } = watched;
    agent.terminate().expect_code(0);
    let why = format!("no agent answers at {address}: start the agent, or name the address");
    let text = whole(&mut terminal, "the trouble", |text| {
        // The address may be longer than a row.
        let all: String = text.split_whitespace().collect();
        let said = format!("NOT CONNECTED for 0s, tried again each 2s: {why}");
        let said = said.split_whitespace().collect::<String>();
        let (begin, end) = said.split_once("0s").expect("how long it has lasted");
        all.contains(begin) && all.contains(&end[1..])
    });
    assert!(text.contains("checks (4)") && text.contains("CPU "), "what was known stays:\n{text}");
    let config = "checks:\n  other: {type: agent.memory, period: 1}\n";
    folder.write("agent.yaml", config);
    let again = Watched { agent: Agent::start(&mut previewing(&folder)), folder }.answering();
    whole(&mut terminal, "the new one", |text| {
        !text.contains("NOT CONNECTED") && below(text, "checks (2)") == ["other", "utilization"]
    });
    // It is followed again: figures come as before.
    whole(&mut terminal, "samples", |text| text.contains("median"));
    terminal.type_in("q");
    assert_eq!(terminal.finish().status.code(), Some(0));
    again.agent.terminate().expect_code(0);
}

/// What it says and how it ends where nothing is shown.
fn failed(command: &mut std::process::Command, code: i32) -> String {
    let Ended { stdout, stderr, .. } = run(command).expect_code(code);
    assert_eq!(stdout, "");
    stderr
}

#[test]
fn an_agent_that_wants_a_token_gets_one_and_says_when_it_knows_it_no_more() {
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let folder = Folder::of(&[("tokens", "read good-token-of-a-test\n"), ("agent.yaml", CONFIG)]);
    folder::mode(folder.path("tokens"), 0o600);
    let start = || {
        let mut command = without_address(&folder);
        command.args(["--api", &address, "--api-token-file", &folder.path("tokens")]);
        let agent = Agent::start(&mut command);
        agent.wait_for_log("the API answers at ");
        agent
    };
    let agent = start();
    let wants = format!(
        "the agent at {address} wants a token: set CLOUDWATCH_METRICS_AGENT_API_TOKEN or name a file with --api-token-file\n"
    );
    assert_eq!(failed(&mut top(&address), 1), wants);
    let own = Folder::of(&[("own", "read good-token-of-a-test\n")]);
    folder::mode(own.path("own"), 0o600);
    let mut command = top(&address);
    command.args(["--api-token-file", &own.path("own")]);
    let mut terminal = Terminal::start(&command, SIZE, Log::Terminal);
    whole(&mut terminal, "all", |text| text.contains("checks (4)"));
    agent.terminate().expect_code(0);
    folder.write("tokens", "read another-token-of-a-test\n");
    let agent = start();
    let why = "does not know the token of";
    whole(&mut terminal, "why", |text| {
        text.split_whitespace().collect::<Vec<_>>().join(" ").contains(why)
    });
    terminal.type_in("q");
    let ended = terminal.finish();
    assert_eq!(ended.status.code(), Some(0));
    let written = String::from_utf8_lossy(&ended.written);
    assert!(!written.contains("good-token"), "a token is never shown");
    agent.terminate().expect_code(0);
}

#[test]
fn where_there_is_no_terminal_one_table_is_printed() {
    let watched = Watched::start(CONFIG);
    let plain = || {
        let ended = run(&mut watched.top()).expect_code(0);
        assert_eq!(ended.stderr, "");
        ended.stdout
    };
    let mut text = plain();
    // As soon as each has run.
    while text.contains("not run yet") || text.contains("console waiting") {
        text = plain();
    }
    assert!(!text.contains('\x1b') && !text.contains('>') && !text.contains('…'), "{text}");
    let rows: Vec<_> = text.lines().collect();
    assert!(
        rows[0].starts_with("service web  scope ") && rows[0].ends_with(&watched.address()),
        "{text}"
    );
    assert!(rows[1].starts_with("CPU ") && rows[2].starts_with("Memory "), "{text}");
    assert!(rows[3].starts_with("alarms: 1 not OK  checks: 1 of 4 unavailable"), "{text}");
    let whole = "127.0.0.1:1 refused the connection: nothing listens there; start the server, or correct host and port";
    assert_eq!(rows.iter().filter(|row| row.ends_with(whole)).count(), 2, "{text}");
    let root = rows.iter().find(|row| row.starts_with("root ")).expect("it is listed");
    for name in ["used_percent", "avail", "options"] {
        assert!(root.contains(&format!("  {name} ")), "{text}");
    }
    // A terminal that cannot draw is none.
    let mut dumb = watched.top();
    let ended = Terminal::start(dumb.env("TERM", "dumb"), (40, 200), Log::Terminal).finish();
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        !ended.written.contains(&b'\x1b')
            && ended.parser.screen().contents().contains("checks (4)")
    );
}

#[test]
fn mistakes_are_those_of_ctl() {
    let folder = Folder::of(&[]);
    let address = format!("unix:{}", folder.path("none.sock"));
    for (arguments, code) in [
        (&["--api", &address][..], 3),
        (&["--api", "nowhere"], 2),
        (&["--api", &address, "--api-token-file", "/none"], 2),
    ] {
        let of = |verb: &[&str]| {
            let mut command = support::command();
            failed(command.args(verb).args(arguments).env("TERM", "xterm"), code)
        };
        let said = of(&["top"]);
        assert_eq!(said, of(&["ctl", "checks"]));
        assert!(!said.is_empty());
        // On a terminal as well, which stays as it is.
        let mut command = support::command();
        command.arg("top").args(arguments).env("TERM", "xterm");
        let ended = Terminal::start(&command, (24, 200), Log::Terminal).finish();
        assert_eq!(ended.status.code(), Some(code));
        assert!(!ended.written.contains(&b'\x1b') && ended.takes_lines);
    }
}

#[test]
fn over_tls_the_same_is_shown_and_another_certificate_is_refused() {
    let authority = Authority::new();
    for name in ["api", "stranger"] {
        authority.certify(name, "20200101000000Z", "20490101000000Z");
    }
    let [certificate, key] = authority.files("api");
    let [stranger, _] = authority.files("stranger");
    let folder = Folder::of(&[("agent.yaml", CONFIG), ("tokens", "read good-token-of-a-test\n")]);
    folder::mode(folder.path("tokens"), 0o600);
    let port = free_port();
    let token = ["--api-token-file".to_owned(), folder.path("tokens")];
    let start = || {
        let mut command = without_address(&folder);
        command.args(["--api", &format!("127.0.0.1:{port}"), "--api-tls-cert", &certificate]);
        command.args(["--api-tls-key", &key]).args(&token);
        let agent = Agent::start(&mut command);
        agent.wait_for_log("the API answers at ");
        agent
    };
    let agent = start();
    let of = |certificate: &str| {
        let mut command = top(&format!("127.0.0.1:{port}"));
        command.args(["--api-tls-cert", certificate]).args(&token);
        command
    };
    let why = failed(&mut of(&stranger), 3);
    assert!(why.contains("--api-tls-cert has to name the certificate"), "{why}");
    let mut terminal = Terminal::start(&of(&certificate), SIZE, Log::Terminal);
    whole(&mut terminal, "all", |text| text.contains("checks (4)") && text.contains("median"));
    // What ends is found again, over a connection of its own.
    agent.terminate().expect_code(0);
    whole(&mut terminal, "the trouble", |text| text.contains("NOT CONNECTED"));
    let agent = start();
    whole(&mut terminal, "all of it again", |text| {
        !text.contains("NOT CONNECTED") && text.contains("checks (4)") && text.contains("median")
    });
    terminal.type_in("q");
    assert_eq!(terminal.finish().status.code(), Some(0));
    agent.terminate().expect_code(0);
}
