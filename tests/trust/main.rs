//! What the agent never does: show a credential, or listen.

use std::fs;

use fake_cloudwatch::{Answer, FakeCloudWatch};
use support::{Agent, Ended, SECRET, TemporaryFile, command, publishing_to, run};

const KEY: &str = "AKIDEXAMPLE";
const TOKEN: &str = "FwoGZXIvYXdzEXAMPLEsessiontoken";
const PROXY_PASSWORD: &str = "hunter2";

fn assert_shows_no_credential(ended: &Ended, of: &str) {
    for secret in [SECRET, KEY, TOKEN, PROXY_PASSWORD] {
        let shows = ended.stderr.contains(secret) || ended.stdout.contains(secret);
        assert!(!shows, "{of} shows {secret}: {ended:#?}");
    }
}

#[test]
fn no_log_of_any_level_shows_a_credential_whatever_the_service_answers() {
    let answers = [
        ("taken", Answer::Take, "publisher"),
        ("denied", Answer::access_denied(), "publishing failed"),
        ("expired", Answer::expired_token(), "publishing failed"),
        ("signature", Answer::error(403, "SignatureDoesNotMatch", "no"), "publishing failed"),
        ("unknown key", Answer::error(403, "InvalidClientTokenId", "no"), "publishing failed"),
        ("reset", Answer::Reset, "publishing failed"),
        ("503", Answer::service_unavailable(), "publishing failed"),
    ];
    let agents = answers.map(|(name, answer, log)| {
        let cloudwatch = FakeCloudWatch::start();
        cloudwatch.answer_always(answer);
        let mut command = publishing_to(&cloudwatch.url());
        command.env("AWS_SESSION_TOKEN", TOKEN).env("RUST_LOG", "cloudwatch_metrics_agent=trace");
        (name, log, Agent::start(&mut command), cloudwatch)
    });
    for (name, log, agent, _cloudwatch) in agents {
        agent.wait_for_log(log);
        let ended = agent.terminate();
        assert!(ended.stderr.contains("DEBUG"), "the log is at its lowest level: {ended:#?}");
        assert_shows_no_credential(&ended, name);
    }
}

#[test]
fn credentials_of_files_and_proxies_are_shown_by_neither_log_nor_explain() {
    let text = format!("[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n");
    let good = TemporaryFile::new("credentials", &text);
    let broken = TemporaryFile::new("broken", &text.replace("[default]", "[default"));
    for (name, file) in [("good", &good), ("broken", &broken)] {
        let configured = |command: &mut std::process::Command| {
            command
                .env("AWS_SHARED_CREDENTIALS_FILE", file.path())
                .env("AWS_REGION", "eu-west-1")
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("HTTPS_PROXY", format!("http://user:{PROXY_PASSWORD}@127.0.0.1:9"))
                .env("RUST_LOG", "cloudwatch_metrics_agent=trace")
                .args(["--namespace", "Test", "--service", "Foo"]);
        };
        let mut running = command();
        configured(running.args(["--period", "1"]));
        let agent = Agent::start(&mut running);
        agent.wait_for_log("publishing failed");
        assert_shows_no_credential(&agent.terminate(), name);
        let mut explaining = command();
        configured(explaining.arg("explain"));
        assert_shows_no_credential(&run(&mut explaining).expect_code(0), name);
    }
}

/// Whether a process has a TCP socket that listens, or a UDP socket.
#[cfg(target_os = "linux")]
fn listens(process: u32) -> bool {
    let table = |name: &str| {
        let text = fs::read_to_string(format!("/proc/{process}/net/{name}"));
        text.expect("the process runs")
    };
    let inode = |line: &str| line.split_whitespace().nth(9).map(str::to_owned);
    let is_listening = |line: &&str| line.split_whitespace().nth(3) == Some("0A");
    let (tcp, tcp6, udp, udp6) = (table("tcp"), table("tcp6"), table("udp"), table("udp6"));
    let tcp = tcp.lines().chain(tcp6.lines()).filter(is_listening);
    let udp = udp.lines().chain(udp6.lines()).skip(1);
    let listening: Vec<_> = tcp.chain(udp).filter_map(inode).collect();
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("the process runs");
    let sockets = descriptors.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
    sockets
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.replace(']', "")))
        .any(|inode| listening.contains(&inode))
}

#[cfg(target_os = "linux")]
#[test]
fn it_opens_no_socket_that_others_can_reach() {
    let cloudwatch = FakeCloudWatch::start();
    let agent = Agent::start(&mut publishing_to(&cloudwatch.url()));
    cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    assert!(listens(std::process::id()), "the test's own server is seen to listen");
    assert!(!listens(agent.id()));
    agent.terminate().expect_code(0);
}
