//! Who may ask.

use support::folder::{Folder, mode};
use support::server::free_port;
use support::{Agent, run};

use crate::{CONFIG, Served, previewing};

/// Status and type of what is refused, or 200.
fn asked(served: &Served, path: &str, headers: &str) -> (u16, String) {
    let answer = served.ask(&format!("GET {path} HTTP/1.1\r\n{headers}\r\n"));
    if answer.status == 200 { (200, String::new()) } else { answer.error() }
}

fn is(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

const HOST: &str = "Host: localhost\r\n";

#[test]
fn with_tokens_nothing_but_health_is_answered_without_one() {
    let tokens = Folder::of(&[("tokens", "# ours\nread abcd-1234\nwrite efgh-5678\n")]);
    mode(tokens.path("tokens"), 0o644);
    let variable = ("CLOUDWATCH_METRICS_AGENT_API_TOKEN", "of-variable");
    let served = Served::at_port(&["--api-token-file", &tokens.path("tokens")], &[variable]);
    served.agent.wait_for_log("any user can read the tokens of the API");
    for path in ["/entities", "/metrics", "/openapi.json", "/no/such/path", "/agents/x"] {
        assert_eq!(asked(&served, path, HOST), is(401, "unauthorized"), "{path}");
        let wrong = format!("{HOST}Authorization: Bearer abcd-12345\r\n");
        assert_eq!(asked(&served, path, &wrong), is(401, "unauthorized"), "{path}");
    }
    // Before anything else is looked at.
    let foreign = "Host: evil.example\r\n";
    assert_eq!(asked(&served, "/entities", foreign), is(401, "unauthorized"));
    let answer = served.get("/entities");
    let challenge = "Bearer realm=\"cloudwatch_metrics_agent\"";
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(served.json(path).to_string(), r#"{"status":"ok"}"#, "{path}");
    }
    for token in ["abcd-1234", "efgh-5678", "of-variable"] {
        for header in ["Authorization: Bearer ", "X-Auth-Token: "] {
            let headers = format!("{HOST}{header}{token}\r\n");
            for path in ["/entities", "/agents/self/host_info/processes"] {
                assert_eq!(asked(&served, path, &headers), is(200, ""), "{headers}{path}");
            }
        }
    }
    let ended = served.agent.terminate().expect_code(0);
    for secret in ["abcd-1234", "efgh-5678", "of-variable"] {
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
}

#[test]
fn without_tokens_a_port_shows_nothing_of_others() {
    let served = Served::at_port(&["--api-host", "agent.local"], &[]);
    served.agent.wait_for_log(", to read only, as there are no tokens");
    for name in ["processes", "connections", "packages", "PROCESSES"] {
        let path = format!("/agents/self/host_info/{name}");
        assert_eq!(asked(&served, &path, HOST), is(401, "unauthorized"), "{name}");
    }
    assert_eq!(asked(&served, "/agents/self/host_info/MEMORY", HOST), is(200, ""));
    for (headers, expected) in [
        ("Host: 127.0.0.1:1\r\n", is(200, "")),
        ("Host: agent.local\r\n", is(200, "")),
        ("Host: evil.example\r\n", is(403, "forbiddenError")),
        ("", is(400, "badRequest")),
        ("Host: localhost:1\r\nOrigin: http://localhost:1\r\n", is(200, "")),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", is(403, "forbiddenError")),
        ("Host: localhost\r\nOrigin: null\r\n", is(403, "forbiddenError")),
    ] {
        assert_eq!(asked(&served, "/healthz", headers), expected, "{headers}");
    }
    // A browser asks first whether it may.
    let answer = served.ask(
        "OPTIONS /entities HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Method: GET\r\n\r\n",
    );
    assert_eq!(answer.error(), is(405, "methodNotAllowed"));
    assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")));
}

#[test]
fn who_can_open_the_socket_needs_no_token() {
    let served = Served::at_socket();
    for headers in ["Host: \r\n", "Host: anything\r\n", ""] {
        assert_eq!(asked(&served, "/agents/self/host_info/processes", headers), is(200, ""));
    }
    let foreign = "Host: localhost\r\nOrigin: http://evil.example\r\n";
    assert_eq!(asked(&served, "/entities", foreign), is(403, "forbiddenError"));
}

#[test]
fn a_token_file_that_cannot_be_used_keeps_the_agent_from_starting() {
    let folder =
        Folder::of(&[("agent.yaml", CONFIG), ("tokens", "read hunter2-hunter2\nhunter3\n")]);
    let port = free_port();
    let start = |bits: u32| {
        mode(folder.path("tokens"), bits);
        let mut command = previewing(&folder);
        command.args(["--api", &format!("127.0.0.1:{port}")]);
        run(command.args(["--api-token-file", &folder.path("tokens")])).expect_code(2).stderr
    };
    let text = start(0o600);
    assert!(text.contains("tokens:2: expected read TOKEN or write TOKEN"), "{text}");
    assert!(!text.contains("hunter"), "{text}");
    let text = start(0o622);
    assert!(text.contains("so it is not used: chmod o-w "), "{text}");
}

/// Beside a command the same is an error in the log.
#[test]
fn a_command_starts_whatever_the_api_lacks() {
    let folder = Folder::of(&[("agent.yaml", "api: 0.0.0.0:80\n")]);
    let out = |ended: support::Ended| (ended.stdout, ended.stderr);
    let (stdout, stderr) =
        out(run(previewing(&folder).args(["--", "echo", "it runs"])).expect_code(0));
    assert!(stdout.contains("it runs\n"), "{stdout}");
    assert!(stderr.contains("expected an address that only this machine can reach"), "{stderr}");
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    let socket = format!("unix:{}", folder.path("api.sock"));
    let mut command = previewing(&folder);
    command.args(["--api", &socket, "--api-token-file", &folder.path("none")]);
    let agent = Agent::start(command.args(["--", "cat"]).stdin(std::process::Stdio::piped()));
    agent.wait_for_log(
        "cannot be read: No such file or directory (os error 2); the agent runs without the API",
    );
}
