//! What comes from outside stays on its line, is short, and controls no terminal; passwords of URLs
//! are never shown.
#![cfg(target_os = "linux")]

use std::net::Ipv4Addr;
use std::process::Command;

use fake_cloudwatch::{Answer, FakeCloudWatch, refused_url};
use support::http::{Reply, Server};
use support::terminal::{Log, Terminal};
use support::{Agent, Ended, SECRET, TemporaryFile, command, publishing_to, run};

/// What each line of the log, each text of an explanation, and what stands before it may have.
const MOST: usize = 4096;

/// Text that would begin a line of the log, colour the terminal, ring, go back in the line and turn
/// it around; 65 kB of it.
fn hostile() -> String {
    let begin = "\u{202e}no\n[2026-11-18T11:07:00.000Z ERROR x] all is lost\r\x1b[31m\x1b]0;x\x07";
    format!("{begin}{}", "\x1b[2J".repeat(16 << 10))
}

/// Asserts that each line is one of the program's own, and short.
#[track_caller]
fn assert_tame(text: &str, is_own: impl Fn(&str) -> bool) {
    for line in text.lines() {
        // In JSON each backslash of an escape is doubled.
        let length = line.replace(r"\\", r"\").len();
        assert!(length <= MOST, "{length} bytes: {line}");
        assert!(is_own(line), "{line:?}");
        let is_wild = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!line.contains(is_wild), "{line:?}");
    }
}

/// A line of the log by a module of the program.
fn is_log(line: &str) -> bool {
    line.starts_with("[20") && line.contains(" cloudwatch_metrics_agent::")
}

#[test]
fn a_message_of_the_service_stays_on_its_line() {
    let cloudwatch = FakeCloudWatch::start();
    for (status, code) in [(400, "AccessDenied"), (500, "InternalFailure"), (403, "NobodyKnows")] {
        cloudwatch.answer_always(Answer::error(status, code, &hostile()));
        let mut command = publishing_to(&cloudwatch.url());
        let agent = Agent::start(command.args(["--shutdown-timeout", "0"]).env("RUST_LOG", "warn"));
        let line = agent.wait_for_log("publishing failed");
        assert!(line.contains(r"\u{202e}no\n[2026-11-18T11:07:00.000Z ERROR x] all"), "{line}");
        assert!(line.contains(r"\r\u{1b}[31m\u{1b}]0;x\u{7}"), "{line}");
        // The end is what helps.
        assert!(line.contains(" bytes left out] "), "{line}");
        assert!(line.contains(&format!(" (HTTP {status})")), "{line}");
        let ended = agent.terminate();
        assert_tame(&ended.stderr, is_log);
    }
}

#[test]
fn a_rejected_window_is_told_on_its_line() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::error(400, "InvalidParameterValue", &hostile()));
    let agent = Agent::start(publishing_to(&cloudwatch.url()).env("RUST_LOG", "debug"));
    agent.wait_for_log("was rejected and dropped");
    let ended = agent.terminate();
    let own: Vec<_> = ended.stderr.lines().filter(|line| line.contains("rejected")).collect();
    assert_tame(&own.join("\n"), is_log);
    assert!(!ended.stderr.contains('\x1b'), "{ended:#?}");
}

#[test]
fn a_header_that_is_quoted_stays_on_its_line() {
    let (cloudwatch, long) = (FakeCloudWatch::start(), "x".repeat(65 << 10));
    let content_type = format!("text/html; é={long}");
    cloudwatch.answer_always(Answer::Status { status: 200, content_type, body: b"hi".to_vec() });
    let agent = Agent::start(&mut publishing_to(&cloudwatch.url()));
    let line = agent.wait_for_log("publishing failed");
    assert!(line.contains("check for a proxy or login page on the way ("), "{line}");
    assert_tame(&agent.terminate().stderr, is_log);
}

/// A metadata endpoint of a task, whose every answer is this.
fn metadata(body: String) -> (Server, String) {
    let server = Server::start((Ipv4Addr::LOCALHOST, 0), move |_| Reply::ok(body.clone()));
    let url = format!("http://{}/v4/x", server.address());
    (server, url)
}

#[test]
fn the_metadata_of_a_task_stays_on_its_line() {
    let text = serde_json::to_string(&hostile()).expect("a string");
    // A name that is none, and a field that is of another type, which the error quotes.
    for body in [
        format!(r#"{{"Cluster":{text},"TaskARN":{text},"Family":{text}}}"#),
        format!(r#"{{"Cluster":"main","TaskARN":"a","Family":{{{text}:1}},"Containers":{text}}}"#),
    ] {
        let (_server, url) = metadata(body);
        let settings = ["-n", "Test", "-s", "Foo", "-p", "1", "--dry-run"];
        let with = |command: &mut Command| {
            command.args(settings).args(["--scope", "task", "--auto-dimensions", "task-family"]);
            command.env("ECS_CONTAINER_METADATA_URI_V4", &url).env("RUST_LOG", "info");
        };
        let mut running = command();
        with(&mut running);
        let agent = Agent::start(&mut running);
        agent.wait_for_log("dimension TaskDefinitionFamily unavailable: ");
        assert_tame(&agent.terminate().stderr, is_log);

        for output in ["text", "json"] {
            let mut explain = command();
            with(explain.arg("explain"));
            let ended = run(explain.args(["--output", output])).expect_code(0);
            assert_tame(&ended.stderr, is_log);
            assert_tame(&ended.stdout, |_| true);
        }
    }
}

#[test]
fn a_file_that_is_quoted_stays_on_its_line() {
    // A value ends with its line.
    let value = hostile().replace(['\n', '\r'], " ");
    let profile = format!("[default]\nrole_arn = x\nsource_profile = {value}\n");
    let file = TemporaryFile::new("hostile", &profile);
    let mut publishing = publishing_to(&refused_url());
    publishing.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    publishing.env("AWS_CONFIG_FILE", file.path()).env("AWS_EC2_METADATA_DISABLED", "true");
    let agent = Agent::start(&mut publishing);
    let line = agent.wait_for_log("publishing failed");
    assert!(line.contains(r"\u{202e}no [2026"), "{line}");
    assert_tame(&agent.terminate().stderr, is_log);
    for output in ["text", "json"] {
        let mut explain = command();
        explain.args(["explain", "-n", "Test", "-s", "Foo", "--region", "eu-west-1"]);
        explain.args(["--output", output]).env("AWS_CONFIG_FILE", file.path());
        let ended = run(explain.env("AWS_EC2_METADATA_DISABLED", "true")).expect_code(0);
        assert!(ended.stdout.contains(r"u{202e}no [2026"), "{ended:#?}");
        assert_tame(&ended.stdout, |_| true);
    }
}

#[test]
fn the_live_view_shows_an_error_in_its_rows() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::error(400, "AccessDenied", &hostile()));
    let mut command = publishing_to(&cloudwatch.url());
    command.args(["--publish", "console,cloudwatch"]).env("TERM", "xterm-256color");
    let mut terminal = Terminal::start(&command, (24, 200), Log::Elsewhere);
    let shown = terminal.wait_until("the error", |_, text| text.contains("AccessDenied"));
    let row = shown.lines().find(|line| line.contains("AccessDenied")).expect("the row");
    assert!(row.contains(r"(AccessDenied: \u{202e}no\n[2026-11-18"), "{row}");
}

/// The user name and the password, in each place where a URL can be named.
#[test]
fn a_password_in_a_url_is_never_shown() {
    let port = refused_url().rsplit(':').next().map(str::to_owned).expect("a port");
    let url = format!("http://user-name:pass-word@127.0.0.1:{port}");
    let masked = format!("http://***@127.0.0.1:{port}");
    for variable in [
        "CLOUDWATCH_METRICS_AGENT_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_CLOUDWATCH",
        "AWS_ENDPOINT_URL",
        "HTTPS_PROXY",
    ] {
        let with = |command: &mut Command| {
            command.args(["-n", "Test", "-s", "Foo", "-p", "1"]).env(variable, &url);
            command.env("AWS_REGION", "eu-west-1").env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
            command.env("AWS_SECRET_ACCESS_KEY", SECRET).env("RUST_LOG", "trace");
        };
        for output in ["text", "json"] {
            let mut explain = command();
            with(explain.arg("explain"));
            let ended = run(explain.args(["--output", output])).expect_code(0);
            assert_no_password(&ended.stdout);
            assert_no_password(&ended.stderr);
            let is_shown = variable != "HTTPS_PROXY";
            assert_eq!(ended.stdout.contains(&masked), is_shown, "{variable}: {ended:#?}");
        }
        let mut running = command();
        with(&mut running);
        let agent = Agent::start(running.args(["--shutdown-timeout", "0"]));
        agent.wait_for_log("publishing failed");
        let ended = agent.terminate();
        assert_no_password(&ended.stderr);
        assert_no_password(&ended.stdout);
    }
}

/// So that whoever mistypes it does not write it into the log of the platform.
#[test]
fn a_password_in_what_is_no_url_is_not_shown_either() {
    for (text, masked) in [
        ("https://user-name:pass-word@x.example:y", "https://***@x.example:y"),
        ("user-name:pass-word@x.example", "***@x.example"),
        ("ftp://user-name:pass-word@x.example", "ftp://***@x.example"),
    ] {
        for (arguments, variables) in [
            (vec!["--endpoint-url", text], vec![]),
            (vec![], vec![("CLOUDWATCH_METRICS_AGENT_ENDPOINT_URL", text)]),
        ] {
            let mut command = command();
            command.args(["-n", "Test", "-s", "Foo"]).args(arguments).envs(variables);
            let ended = run(&mut command).expect_code(2);
            assert_no_password(&ended.stderr);
            assert!(ended.stderr.contains(&format!(" {masked:?}: expected a URL ")), "{ended:#?}");
        }
        for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDWATCH"] {
            let ended = explained_with(variable, text).expect_code(2);
            assert_no_password(&ended.stdout);
            assert_no_password(&ended.stderr);
            assert!(
                ended.stderr.contains(&format!("{variable} {masked:?}: expected a URL ")),
                "{ended:#?}"
            );
        }
        // A proxy that is no URL is left out by the client, so it is no reason to refuse to start.
        let ended = explained_with("HTTPS_PROXY", text).expect_code(0);
        assert_no_password(&ended.stdout);
        assert_no_password(&ended.stderr);
    }
}

fn explained_with(variable: &str, text: &str) -> Ended {
    let mut command = command();
    command.args(["explain", "-n", "Test", "-s", "Foo", "--region", "eu-west-1"]);
    run(command.env(variable, text).env("RUST_LOG", "trace"))
}

#[track_caller]
fn assert_no_password(text: &str) {
    assert!(!text.contains("user-name") && !text.contains("pass-word"), "{text}");
}
