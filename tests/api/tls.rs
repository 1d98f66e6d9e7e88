//! With TLS, where others than this machine can reach it, too.

use std::fs;

use support::authority::Authority;
use support::folder::{Folder, mode};
use support::server::{free_port, wait_until};
use support::{Agent, run};

use crate::client::{Answer, Client, Place};
use crate::secured::Secured;
use crate::{CONFIG, previewing};

/// An agent that speaks TLS, and the authority of its certificate.
pub struct Secure {
    agent: Agent,
    pub port: u16,
    pub authority: Authority,
    pub folder: Folder,
}

pub const START: &str = "20200101000000Z";
pub const END: &str = "20490101000000Z";
pub const TOKEN: &str = "a-token-for-tests";
pub const TOKEN_VARIABLE: &str = "CLOUDWATCH_METRICS_AGENT_API_TOKEN";

impl Secure {
    /// At an address, with these further options; with a token where that is wanted.
    pub fn start(address: &str, options: &[&str], has_token: bool) -> Self {
        let authority = Authority::new();
        authority.certify("api", START, END);
        authority.certify("client", START, END);
        let (folder, port) = (Folder::of(&[("agent.yaml", CONFIG)]), free_port());
        let [certificate, key] = authority.files("api");
        let mut command = previewing(&folder);
        command.args(["--api", &format!("{address}:{port}"), "--api-tls-cert", &certificate]);
        command.args(["--api-tls-key", &key]);
        command.args(options.iter().map(|text| text.replace("{ca}", &authority.root())));
        if has_token {
            command.env(TOKEN_VARIABLE, TOKEN);
        }
        let agent = Agent::start(&mut command);
        agent.wait_for_log("the API answers at ");
        Self { agent, port, authority, folder }
    }

    fn client(&self) -> Client {
        Secured::trusting(&self.authority).client(self.port).expect("the handshake is done")
    }

    fn ask(&self, request: &str) -> Answer {
        ask(self.client(), request)
    }
}

fn ask(mut client: Client, request: &str) -> Answer {
    client.send(request);
    client.answer().expect("there is an answer")
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

#[test]
fn others_are_answered_over_tls_and_by_their_token() {
    let secure = Secure::start("0.0.0.0", &[], true);
    let line = secure.agent.wait_for_log("the API answers at ");
    assert!(
        line.ends_with(&format!("the API answers at 0.0.0.0:{} with TLS", secure.port)),
        "{line}"
    );
    assert_eq!(secure.ask(&get("/healthz", "")).status, 200);
    assert_eq!(secure.ask(&get("/entities", "")).error(), (401, "unauthorized".to_owned()));
    let token = format!("X-Auth-Token: {TOKEN}\r\n");
    let own = format!("{token}Origin: https://localhost\r\n");
    for (headers, status) in [(&token, 200), (&own, 200), (&own.replace("https", "http"), 403)] {
        assert_eq!(secure.ask(&get("/entities", headers)).status, status, "{headers}");
    }
    // URLs lead back here.
    let answer = secure.ask(&get("/check_types?limit=1", &token));
    let next = answer.json()["metadata"]["next_href"].to_string();
    assert!(next.starts_with("\"https://localhost/check_types?"), "{next}");
    // A connection is kept, and a large answer is whole.
    let mut client = secure.client();
    for path in ["/openapi.json", "/metrics", "/openapi.json"] {
        client.send(&get(path, &token));
        assert_eq!(client.answer().map(|answer| answer.status), Some(200), "{path}");
    }
    assert!(!secure.agent.terminate().expect_code(0).stderr.contains(TOKEN));
}

#[test]
fn what_is_no_tls_is_closed_without_an_answer() {
    let secure = Secure::start("127.0.0.1", &[], false);
    let long = "x".repeat(70_000);
    for sent in [&*get("/healthz", ""), "\u{16}\u{3}\u{1}\u{7f}\u{7f}", &long] {
        let mut client = Client::at(&Place::Tcp(secure.port));
        client.send(sent);
        // An alert of TLS, which is no text, or nothing at all.
        assert!(!client.rest().starts_with(b"HTTP"), "{sent:?}");
    }
    assert_eq!(secure.ask(&get("/healthz", "")).status, 200);
}

#[test]
fn with_a_client_ca_only_its_clients_are_answered() {
    let secure = Secure::start("0.0.0.0", &["--api-client-ca", "{ca}"], false);
    secure.agent.wait_for_log(" with TLS, to read only, as there are no tokens");
    let (own, other) = (&secure.authority, Authority::new());
    other.certify("client", START, END);
    own.certify("old", START, "20200201000000Z");
    for refused in [
        Secured::trusting(own),
        Secured::with(own, &other.files("client")),
        Secured::with(own, &own.files("old")),
    ] {
        // With TLS 1.3 the client is told after its own part of the handshake.
        let answer = refused.client(secure.port).ok().and_then(|mut client| {
            client.send(&get("/healthz", ""));
            client.try_answer()
        });
        assert!(answer.is_none(), "{answer:?}");
    }
    let known = Secured::with(own, &own.files("client"));
    let ask = |request: &str| ask(known.client(secure.port).expect("it is known"), request);
    for path in ["/healthz", "/entities", "/agents/self/host_info/processes"] {
        assert_eq!(ask(&get(path, "")).status, 200, "{path}");
    }
    // Who may change something is told by tokens.
    let disable = get("/entities/self/checks/load/disable", "").replace("GET", "POST");
    assert_eq!(ask(&disable).error(), (403, "forbiddenError".to_owned()));
}

#[test]
fn a_handshake_that_does_not_end_is_cut_off_and_holds_up_nobody() {
    let secure = Secure::start("127.0.0.1", &[], false);
    // Nothing at all, and the beginning of a record that does not end.
    let mut slow: Vec<_> = (0..63).map(|_| Client::at(&Place::Tcp(secure.port))).collect();
    slow.iter_mut().skip(1).for_each(|client| client.send("\u{16}\u{3}\u{1}\u{1}"));
    let mut client = secure.client();
    client.send(&get("/metrics", ""));
    let page = client.answer().expect("an answer");
    assert!(page.text().contains("_api_connections 64\n"), "{}", page.text());
    // The oldest one that asks nothing makes room for another.
    assert_eq!(secure.ask(&get("/healthz", "")).status, 200);
    for client in &mut slow {
        assert!(!client.rest().starts_with(b"HTTP"));
    }
    // The one that is known was there all the time.
    client.send(&get("/metrics", ""));
    let page = client.answer().expect("an answer");
    assert!(page.text().contains("_api_connections 1\n"), "{}", page.text());
    assert_eq!(secure.ask(&get("/healthz", "")).status, 200);
}

#[test]
fn a_certificate_is_replaced_while_it_runs() {
    let secure = Secure::start("127.0.0.1", &[], false);
    let trusting = Secured::trusting(&secure.authority);
    let mut open = secure.client();
    let [certificate, key] = secure.authority.files("api");
    let before = trusting.certificate(secure.port).expect("a handshake");
    // Half of it is no pair: the one from before goes on.
    secure.authority.certify("next", START, END);
    let [next, next_key] = secure.authority.files("next");
    fs::copy(next, &certificate).expect("it is written");
    wait_until("a look at the files", || {
        assert_eq!(trusting.certificate(secure.port).expect("a handshake"), before);
        secure.agent.log_so_far().contains("; the API goes on with the certificate that it has")
    });
    let line = secure.agent.wait_for_log("goes on with");
    let expected =
        format!("--api-tls-key {key} is not the key of the certificate in {certificate}; ");
    assert!(line.contains(&expected), "{line}");
    fs::copy(next_key, &key).expect("it is written");
    wait_until("the next certificate", || {
        trusting.certificate(secure.port).expect("a handshake") != before
    });
    secure.agent.wait_for_log("the API has the new certificate of ");
    open.send(&get("/healthz", ""));
    assert_eq!(open.answer().map(|answer| answer.status), Some(200));
    drop(secure.folder);
}

#[test]
fn files_that_cannot_be_used_keep_the_agent_from_starting() {
    let (authority, folder) = (Authority::new(), Folder::of(&[("agent.yaml", CONFIG)]));
    authority.certify("api", START, END);
    authority.certify("old", START, "20200201000000Z");
    let [certificate, key] = authority.files("api");
    let [old, old_key] = authority.files("old");
    let text = fs::read_to_string(&key).expect("it is there");
    let secret = text.lines().nth(1).expect("the key follows");
    let locked = text.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let locked = folder.write("locked.key", locked).display().to_string();
    let noise = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let noise = folder.write("noise.pem", noise).display().to_string();
    let cut = folder.write("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n").display().to_string();
    let open = folder.write("open.key", &text).display().to_string();
    mode(&open, 0o602);
    let (none, root) = (folder.path("none"), authority.root());
    let start = |certificate: &str, key: &str, ca: &str| {
        let mut command = previewing(&folder);
        command.args(["--api", &format!("127.0.0.1:{}", free_port())]);
        command.args(["--api-tls-cert", certificate, "--api-tls-key", key]);
        command.args(["--api-client-ca", ca]);
        run(&mut command).expect_code(2).stderr
    };
    for (certificate, key, ca, expected) in [
        (&old, &old_key, "", format!("--api-tls-cert {old} expired on 2020-02-01: renew it\n")),
        (
            &certificate,
            &old_key,
            "",
            format!("--api-tls-key {old_key} is not the key of the certificate in {certificate}\n"),
        ),
        (
            &none,
            &key,
            "",
            format!(
                "--api-tls-cert {none} cannot be read: No such file or directory (os error 2)\n"
            ),
        ),
        (
            &certificate,
            &none,
            "",
            format!(
                "--api-tls-key {none} cannot be read: No such file or directory (os error 2)\n"
            ),
        ),
        (
            &folder.whole(),
            &key,
            "",
            format!("--api-tls-cert {} is not a regular file\n", folder.whole()),
        ),
        (&key, &key, "", format!("--api-tls-cert {key} has no certificate: expected PEM, ")),
        (&cut, &key, "", format!("--api-tls-cert {cut} is no valid PEM: ")),
        (&noise, &key, "", format!("--api-tls-cert {noise} cannot be used (")),
        (
            &certificate,
            &certificate,
            "",
            format!(
                "--api-tls-key {certificate} has no private key: expected PEM without a password, "
            ),
        ),
        (
            &certificate,
            &locked,
            "",
            format!("--api-tls-key {locked} has no private key: expected PEM without a password, "),
        ),
        (
            &certificate,
            &open,
            "",
            format!(
                "--api-tls-key: any user can write to {open}, so it is not used: chmod o-w {open}\n"
            ),
        ),
        (&certificate, &key, &*none, format!("--api-client-ca {none} cannot be read: ")),
        (&certificate, &key, &noise, format!("--api-client-ca {noise} cannot be used (")),
    ] {
        let text = start(certificate, key, if ca.is_empty() { &root } else { ca });
        assert!(text.starts_with(&expected), "{text}");
        assert!(!text.contains(secret) && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn a_key_that_others_can_read_is_told() {
    let authority = Authority::new();
    // In the older form of such keys, and of the kind that most certificates have.
    let rsa = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Test"];
    authority.certify_key("api", &rsa, START, END);
    let (folder, port) = (Folder::of(&[("agent.yaml", CONFIG)]), free_port());
    let [certificate, key] = authority.files("api");
    mode(&key, 0o644);
    let mut command = previewing(&folder);
    command.args(["--api", &format!("[::1]:{port}"), "--api-tls-cert", &certificate]);
    let agent = Agent::start(command.args(["--api-tls-key", &key]));
    let line = agent.wait_for_log("any user can read the private key of the API in ");
    assert!(line.ends_with(&format!("{key}: chmod o-r {key}")), "{line}");
    agent.wait_for_log("the API answers at [::1]:");
}

#[test]
fn an_address_that_others_can_reach_needs_tls_or_consent_and_tokens() {
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    let refused = |options: &[&str], token: Option<&str>| {
        let mut command = previewing(&folder);
        command.args(options).envs(token.map(|token| (TOKEN_VARIABLE, token)));
        run(&mut command).expect_code(2).stderr
    };
    let no_tls = "expected an address that only this machine can reach: unix:/PATH, 127.0.0.1:PORT or \
                  [::1]:PORT; for another one set --api-tls-cert and --api-tls-key, or --api-insecure\n";
    let no_token = "expected tokens for an address that others can reach: set --api-token-file, \
                    CLOUDWATCH_METRICS_AGENT_API_TOKEN, --keystone-url or --api-client-ca\n";
    let tls = ["--api-tls-cert", "/c", "--api-tls-key", "/k"];
    for address in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "[2001:db8::1]:8080"] {
        for (further, token, expected) in [
            (&[][..], Some(TOKEN), no_tls),
            (&["--api-insecure=no"], Some(TOKEN), no_tls),
            (&["--api-insecure"], None, no_token),
            (&tls, None, no_token),
        ] {
            let text = refused(&[&["--api", address], further].concat(), token);
            assert_eq!(text, format!("--api {address:?}: {expected}"), "{further:?}");
        }
    }
    let missing = |option: &str, variable: &str| {
        format!(": --{option} is missing: set it or CLOUDWATCH_METRICS_AGENT_{variable}\n")
    };
    let (no_key, no_certificate) =
        (missing("api-tls-key", "API_TLS_KEY"), missing("api-tls-cert", "API_TLS_CERT"));
    for (options, expected) in [
        (&["--api-tls-cert", "/c"][..], format!("--api-tls-cert{no_key}")),
        (&["--api-tls-key", "/k"], format!("--api-tls-key{no_certificate}")),
        (
            &["--api-client-ca", "/ca"],
            format!("--api-client-ca{no_certificate}--api-client-ca{no_key}"),
        ),
    ] {
        assert_eq!(refused(&[&["--api", "127.0.0.1:8080"], options].concat(), None), expected);
    }
}

/// An agent at all addresses, without TLS, and its port.
pub fn insecure() -> (Agent, u16, Folder) {
    let (folder, port) = (Folder::of(&[("agent.yaml", CONFIG)]), free_port());
    let mut command = previewing(&folder);
    command
        .args(["--api", &format!("0.0.0.0:{port}"), "--api-insecure"])
        .env(TOKEN_VARIABLE, TOKEN);
    let agent = Agent::start(&mut command);
    let warning = " without TLS: who is on the way can read tokens and answers, and use the tokens";
    agent.wait_for_log(warning);
    agent.wait_for_log("the API answers at ");
    (agent, port, folder)
}

#[test]
fn without_tls_others_are_answered_where_that_is_wanted() {
    let (_agent, port, _folder) = insecure();
    let client = || Client::at(&Place::Tcp(port));
    assert_eq!(ask(client(), &get("/entities", "")).status, 401);
    let token = format!("X-Auth-Token: {TOKEN}\r\n");
    assert_eq!(ask(client(), &get("/entities", &token)).status, 200);
}
