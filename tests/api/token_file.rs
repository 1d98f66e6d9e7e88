//! Tokens that are replaced while the agent runs.

use rustix::process::Signal;
use serde_json::{Value, json};
use support::Agent;
use support::folder::{Folder, mode};
use support::server::free_port;

use crate::client::{Answer, Place};
use crate::{CONFIG, Served, previewing};

const VARIABLE: (&str, &str) = ("CLOUDWATCH_METRICS_AGENT_API_TOKEN", "of-variable");

/// An agent that reads its tokens from this folder; `agent.yaml` of it, if that is there, as well.
fn started(folder: Folder, has_config: bool) -> Served {
    let port = free_port();
    let mut command = match has_config {
        true => previewing(&folder),
        false => {
            let mut command = support::command();
            command.args(["--dry-run", "--period", "1", "--sample-interval", "0.1"]);
            command.env("RUST_LOG", "info");
            command
        }
    };
    command.args(["--api", &format!("127.0.0.1:{port}")]).envs([VARIABLE]);
    command.args(["--api-token-file", &folder.path("tokens")]);
    Served::of(Agent::start(&mut command), Place::Tcp(port), folder)
}

fn folder(tokens: &str) -> Folder {
    let folder = Folder::of(&[("agent.yaml", CONFIG), ("tokens", tokens)]);
    mode(folder.path("tokens"), 0o600);
    folder
}

impl Served {
    fn with_token(&self, token: &str, request: &str) -> Answer {
        let headers = format!("Host: localhost\r\nX-Auth-Token: {token}\r\ncontent-length: 0\r\n");
        self.ask(&format!("{request} HTTP/1.1\r\n{headers}\r\n"))
    }

    /// The statuses of requests with these tokens.
    fn statuses<const N: usize>(&self, tokens: [&str; N]) -> [u16; N] {
        tokens.map(|token| self.with_token(token, "GET /entities").status)
    }

    fn reread(&self, token: &str) -> (u16, Value) {
        let answer = self.with_token(token, "POST /config/reload");
        (answer.status, answer.json())
    }
}

#[test]
fn a_reload_takes_new_tokens_and_knows_the_old_ones_no_more() {
    let served = started(folder("write old-token\n"), true);
    served.folder.write("tokens", "read new-token\nwrite new-writer\n");
    assert_eq!(served.statuses(["old-token", "new-token", "of-variable"]), [200, 401, 200]);
    let (status, answer) = served.reread("old-token");
    assert_eq!((status, &answer["tokens_changed"]), (200, &json!(true)), "{answer}");
    assert_eq!(answer["generation"], 2);
    let all = ["old-token", "new-token", "new-writer", "of-variable"];
    assert_eq!(served.statuses(all), [401, 200, 200, 200]);
    // With their scopes.
    assert_eq!(served.reread("new-token").0, 403);
    let (status, answer) = served.reread("new-writer");
    assert_eq!((status, &answer["tokens_changed"]), (200, &json!(false)), "{answer}");
    served.agent.wait_for_log("generation 2; other tokens of the API");
    served.agent.wait_for_log("the configuration was reloaded by the API: nothing has changed");
    // By a signal as well.
    served.folder.write("tokens", "read third-token\n");
    served.agent.signal(Signal::HUP);
    served.agent.wait_for_log("reloaded by SIGHUP: generation 3; other tokens of the API");
    assert_eq!(served.statuses(["new-token", "third-token", "of-variable"]), [401, 200, 200]);
    let ended = served.agent.terminate().expect_code(0);
    for secret in ["old-token", "new-token", "new-writer", "third-token", "of-variable"] {
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
}

#[test]
fn a_token_file_that_is_wrong_is_refused_and_the_old_tokens_stay() {
    let served = started(folder("write old-token\n"), true);
    let path = served.folder.path("tokens");
    let refused = |problems: &[String]| {
        let (status, answer) = served.reread("old-token");
        assert_eq!((status, &answer["details"]["problems"]), (422, &json!(problems)), "{answer}");
        assert_eq!(served.statuses(["old-token", "new-token"]), [200, 401]);
    };
    served.folder.write("tokens", "write new-token\nreed short-one\n");
    refused(&[format!("--api-token-file {path}:2: expected read TOKEN or write TOKEN")]);
    served.folder.write("tokens", "# none\n");
    let none = "has no token: expected a line such as read TOKEN";
    refused(&[format!("--api-token-file {path} {none}")]);
    // What else is wrong is told, too, and nothing of the rest is in force.
    served.folder.write("agent.yaml", "checks: {x: {}}\n");
    let (status, answer) = served.reread("old-token");
    let problems = answer["details"]["problems"].as_array().expect("a list");
    assert!(status == 422 && problems.len() > 1, "{answer}");
    assert!(problems.last().expect("one").to_string().contains(none), "{answer}");
    served.folder.write("agent.yaml", "checks: {}\n");
    served.folder.write("tokens", "write new-token\n");
    mode(&path, 0o666);
    let (status, answer) = served.reread("old-token");
    assert_eq!(status, 422, "{answer}");
    let checks = served.with_token("old-token", "GET /entities/self/checks").json();
    assert_eq!(checks["metadata"]["count"], 4, "the checks are those of before: {checks}");
    served.agent.signal(Signal::HUP);
    served.agent.wait_for_log("the configuration was not reloaded by SIGHUP");
    assert_eq!(served.statuses(["old-token", "new-token"]), [200, 401]);
    mode(&path, 0o600);
    assert_eq!(served.reread("old-token").0, 200);
    assert_eq!(served.statuses(["old-token", "new-token"]), [401, 200]);
    let log = served.agent.terminate().expect_code(0).stderr;
    assert!(!log.contains("-token\n") && !log.contains("short-one"), "{log}");
}

#[test]
fn without_configuration_files_the_tokens_alone_are_read_again() {
    let served = started(folder("write old-token\n"), false);
    served.folder.write("tokens", "write new-token\n");
    served.agent.signal(Signal::HUP);
    served.agent.wait_for_log("reloaded by SIGHUP: generation 2; other tokens of the API");
    assert_eq!(served.statuses(["old-token", "new-token"]), [401, 200]);
    let (status, answer) = served.reread("new-token");
    assert_eq!((status, &answer["tokens_changed"]), (200, &json!(false)), "{answer}");
    served.agent.terminate().expect_code(0);
}
