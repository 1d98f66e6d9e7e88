//! Tokens that a Keystone knows, which is a small server here: it says whatever a test wants. How a real one
//! behaves is in keystone.sh.

use std::net::Ipv4Addr;
use std::sync::{Arc, Condvar, Mutex};

use serde_json::json;
use support::http::{Reply, Request, Server};

use crate::Served;
use crate::client::Client;

const PROJECT: &str = "7456e0d6917c4d8fb3f0d8d48477eb3b";

/// A Keystone whose tokens say what they are: `valid-ROLE…`, or what is wrong with the answer. Those that begin
/// with `held` are answered when the gate is open.
struct Fake {
    server: Server,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    /// How many wait at it.
    waiting: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        *self.waiting.lock().expect("no thread panics") += 1;
        self.changed.notify_all();
        let is_open = self.is_open.lock().expect("no thread panics");
        drop(self.changed.wait_while(is_open, |is_open| !*is_open).expect("no thread panics"));
    }

    fn wait_for(&self, count: usize) {
        let waiting = self.waiting.lock().expect("no thread panics");
        drop(self.changed.wait_while(waiting, |waiting| *waiting < count).expect("no panic"));
    }

    fn open(&self) {
        *self.is_open.lock().expect("no thread panics") = true;
        self.changed.notify_all();
    }
}

impl Fake {
    fn start() -> Self {
        let gate = Arc::new(Gate::default());
        let server = Server::start((Ipv4Addr::LOCALHOST, 0), {
            let gate = gate.clone();
            move |request| answer(request, &gate)
        });
        Self { server, gate }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

fn answer(request: &Request, gate: &Gate) -> Reply {
    let [asking, asked] = ["x-auth-token", "x-subject-token"].map(|name| request.header(name));
    assert_eq!(request.line, "GET /v3/auth/tokens?nocatalog");
    assert_eq!(asking, asked, "a token is asked for with itself");
    let token = asking.expect("there is one");
    let valid = |project: &str, role: &str| {
        let (domain, end) = (json!({ "id": "default" }), "2049-01-01T00:00:00.000000Z");
        let project = json!({ "id": project, "name": "ops", "domain": domain });
        let roles = json!([{ "id": "x", "name": role }]);
        let token = json!({ "project": project, "roles": roles, "expires_at": end });
        Reply::ok(json!({ "token": token }).to_string())
    };
    let status = |status, body: &str| Reply::Answer {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    let kind = token.split('-').nth(1).unwrap_or_default();
    match kind {
        "reader" | "admin" => valid(PROJECT, kind),
        "held" => {
            gate.pass();
            valid(PROJECT, "reader")
        }
        "other" => valid("x", "admin"),
        "unknown" => status(401, r#"{"error":{"code":401,"message":"x","title":"Unauthorized"}}"#),
        "portal" => status(401, "<html>log in</html>"),
        "error" => status(500, "{}"),
        "forbidden" => status(403, r#"{"error":{"code":403,"message":"x"}}"#),
        "moved" => Reply::status(302).with_header("location", "/elsewhere"),
        "html" => Reply::ok("<html>hello</html>"),
        "empty" => Reply::ok(""),
        "endless" => Reply::Endless { promised: None },
        "head" => Reply::EndlessHead,
        "silent" => Reply::Silence,
        _ => Reply::status(404),
    }
}

fn served(url: &str) -> Served {
    let options = ["--keystone-url", url, "--keystone-project", PROJECT];
    Served::at_port(&options, &[("CLOUDWATCH_METRICS_AGENT_API_TOKEN", OWN)])
}

const OWN: &str = "own-token-of-the-agent";

fn request(method: &str, path: &str, token: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {token}\r\n\r\n")
}

fn status(served: &Served, token: &str) -> u16 {
    served.ask(&request("GET", "/entities", token)).status
}

#[test]
fn a_token_of_the_project_reads_and_its_role_writes() {
    let keystone = Fake::start();
    let served = served(&keystone.url());
    let disable = "/entities/self/checks/memory/disable";
    for (token, read, write) in [
        ("t-reader", 200, 403),
        ("t-admin", 200, 204),
        (OWN, 200, 204),
        ("t-other", 401, 401),
        ("t-unknown", 401, 401),
    ] {
        assert_eq!(status(&served, token), read, "{token}");
        assert_eq!(served.ask(&request("POST", disable, token)).status, write, "{token}");
    }
    let refused = served.ask(&request("GET", "/entities", "t-unknown"));
    assert_eq!(refused.error(), (401, "unauthorized".to_owned()));
    let expected =
        format!("Keystone uri=\"{}\", Bearer realm=\"cloudwatch_metrics_agent\"", keystone.url());
    assert_eq!(refused.header("www-authenticate"), Some(&*expected));
    // Each was asked for once, and the agent's own not at all.
    let mut asked: Vec<_> = keystone.server.finish().requests;
    asked.retain(|request| request.header("x-auth-token") != Some("t-unknown"));
    let asked: Vec<_> = asked.iter().filter_map(|of| of.header("x-auth-token")).collect();
    assert_eq!(asked, ["t-reader", "t-admin", "t-other"]);
    let log = served.agent.terminate().expect_code(0).stderr;
    assert!(!log.contains("t-reader") && !log.contains(OWN), "{log}");
}

#[test]
fn who_answers_nonsense_lets_nobody_in() {
    let keystone = Fake::start();
    let served = served(&keystone.url());
    for (number, token) in [
        "t-portal",
        "t-error",
        "t-forbidden",
        "t-moved",
        "t-html",
        "t-empty",
        "t-endless",
        "t-head",
        "t-silent",
        "t-nothing",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = served.ask(&request("GET", "/entities", token));
        assert_eq!(answer.error(), (503, "serviceUnavailable".to_owned()), "{token}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{token}");
        // All who need no Keystone are answered.
        assert_eq!(status(&served, OWN), 200);
        assert_eq!(served.get("/healthz").status, 200);
        served.agent.wait_for_log_lines("cannot be asked, and the API answers", number + 1);
        // It is told when it begins and when it ends.
        assert_eq!(served.ask(&request("GET", "/entities", token)).status, 503, "{token}");
        assert_eq!(status(&served, &format!("t-reader-{token}")), 200);
        served.agent.wait_for_log_lines("can be asked again", number + 1);
    }
    let log = served.agent.terminate().expect_code(0).stderr;
    assert_eq!(log.matches("cannot be asked, and the API answers").count(), 10, "{log}");
    for reason in [
        "it answers 401 Unauthorized: expected 200 or 401",
        "it answers 500 Internal Server Error: expected 200 or 401",
        "it answers 403 Forbidden: its rule identity:validate_token has to allow",
        "its answer is no JSON: ",
        "its answer is longer than 65536 bytes",
        "waited 4 s for the first byte of the answer",
    ] {
        assert!(log.contains(reason), "{reason}: {log}");
    }
    for secret in ["t-reader-", "t-silent", "t-html", OWN] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn who_sends_the_same_token_waits_for_the_same_answer() {
    let keystone = Fake::start();
    let served = served(&keystone.url());
    let mut clients: Vec<_> = (0..9).map(|_| Client::at(&served.place)).collect();
    clients.iter_mut().for_each(|client| client.send(&request("GET", "/entities", "t-held")));
    keystone.gate.wait_for(1);
    // The one that has asked goes away, and the others have their answer all the same.
    drop(clients.remove(0));
    assert_eq!(status(&served, OWN), 200);
    keystone.gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().map(|answer| answer.status), Some(200));
    }
    // Once by the first, and once by one of the others in its place.
    let asked = keystone.server.finish().requests.len();
    assert!(asked <= 2, "{asked}");
}

#[test]
fn four_tokens_are_asked_for_at_once() {
    let keystone = Fake::start();
    let served = served(&keystone.url());
    let mut clients: Vec<_> = (0..12).map(|_| Client::at(&served.place)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&request("GET", "/entities", &format!("t-held-{number}")));
    }
    keystone.gate.wait_for(4);
    assert_eq!(status(&served, OWN), 200);
    assert_eq!(*keystone.gate.waiting.lock().expect("no panic"), 4);
    keystone.gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().map(|answer| answer.status), Some(200));
    }
}

#[test]
fn a_link_local_address_is_not_asked() {
    for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[fe80::1]"] {
        let served = served(&format!("http://{host}/v3/"));
        assert_eq!(status(&served, "t-reader"), 503, "{host}");
        let line = served.agent.wait_for_log("cannot be asked, and the API answers");
        assert!(line.contains(" is a link-local address"), "{line}");
    }
}

#[test]
fn its_settings_go_together() {
    let refused = |options: &[&str]| {
        let mut command = support::command();
        command.args(["--dry-run", "--api", "unix:/tmp/x"]).args(options);
        support::run(&mut command).expect_code(2).stderr
    };
    let missing = |option: &str, variable: &str| {
        format!(": --{option} is missing: set it or CLOUDWATCH_METRICS_AGENT_{variable}\n")
    };
    let url = missing("keystone-url", "KEYSTONE_URL");
    let project = missing("keystone-project", "KEYSTONE_PROJECT");
    for (options, expected) in [
        (&["--keystone-url", "https://k"][..], format!("--keystone-url{project}")),
        (&["--keystone-project", "ops"], format!("--keystone-project{url}")),
        (
            &["--keystone-write-role", "x"],
            format!("--keystone-write-role{url}--keystone-write-role{project}"),
        ),
        (
            &["--keystone-url", "https://joe:hunter2@k", "--keystone-project", "ops"],
            "--keystone-url \"https://***@k\": expected a URL without user and query, such as \
             https://keystone.example:5000\n"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(options), expected);
    }
}
