//! What a command's metrics do, and what their trouble does not do.

use std::time::Duration;

use fake_cloudwatch::{Answer, FakeCloudWatch, refused_url};
use rustix::process::Signal;
use tokio::time::Instant;

use crate::{UNTIL_A_TRAP, standard_input, with_default_signals};
use support::{Agent, publishing_to, run, windows_of};

/// An agent that publishes to `url` and runs a script.
fn shell(url: &str, options: &[&str], script: &str) -> std::process::Command {
    let mut agent = with_default_signals(&publishing_to(url));
    agent.args(options).args(["--", "sh", "-c", script]).env("RUST_LOG", "info");
    agent
}

#[test]
fn a_command_of_200_ms_has_its_cpu_reported() {
    let cloudwatch = FakeCloudWatch::start();
    let script = "while :; do :; done & sleep 0.2; kill $!; exit 3";
    let options = ["--scope", "host", "--period", "3600"];
    run(&mut shell(&cloudwatch.url(), &options, script)).expect_code(3);
    let data = cloudwatch.data();
    let cpu = data.iter().find(|datum| datum.name == "CPUUtilization").expect("a CPU sample");
    // It keeps one CPU busy for all of its life.
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    assert!(cpu.values[0] > 50.0 / cpus as f64, "{cpu:?}");
    assert_eq!(windows_of(&data).len(), 1);
}

#[test]
fn sigterm_within_a_window_delivers_it_after_the_command_has_ended() {
    let cloudwatch = FakeCloudWatch::start();
    let script =
        format!("trap 'echo stopping; read line; exit 7' TERM; echo ready; {UNTIL_A_TRAP}");
    let mut agent = shell(&cloudwatch.url(), &["--period", "3600"], &script);
    let input = standard_input(&mut agent);
    let agent = Agent::start(&mut agent);
    agent.wait_for_stdout("ready");
    agent.signal(Signal::TERM);
    agent.wait_for_stdout("stopping");
    assert_eq!(cloudwatch.data(), [], "nothing is sent before the end");
    drop(input);
    let ended = agent.wait().expect_code(7);
    assert_eq!(windows_of(&cloudwatch.data()).len(), 1, "{ended:#?}");
    assert!(ended.stderr.contains(" windows=1 delivered=1 "), "{ended:#?}");
}

/// Whatever is wrong with the metrics: the command is started, its exit code stays, and the end
/// comes within the shutdown timeout.
fn is_not_held_up(agent: &mut std::process::Command) -> String {
    let input = standard_input(agent);
    let agent = Agent::start(agent);
    agent.wait_for_stdout("ready");
    agent.wait_for_log(" measures the ");
    drop(input);
    agent.wait_for_log("the command ended");
    let start = Instant::now();
    let ended = agent.wait().expect_code(9);
    let end = start.elapsed();
    assert!(end <= SHUTDOWN_TIMEOUT + SLACK, "{end:?}: {ended:#?}");
    ended.stderr
}

const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// What the end may take beside the timeout.
const SLACK: Duration = Duration::from_millis(200);
const OPTIONS: [&str; 2] = ["--shutdown-timeout", "1"];
const SCRIPT: &str = "echo ready; read line; exit 9";

#[test]
fn an_endpoint_that_never_answers_changes_nothing() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::Hang);
    let log = is_not_held_up(&mut shell(&cloudwatch.url(), &OPTIONS, SCRIPT));
    assert!(log.contains(" publisher=cloudwatch: --shutdown-timeout ended the last send"), "{log}");
}

#[test]
fn an_endpoint_that_refuses_changes_nothing() {
    is_not_held_up(&mut shell(&refused_url(), &OPTIONS, SCRIPT));
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::access_denied());
    let log = is_not_held_up(&mut shell(&cloudwatch.url(), &OPTIONS, SCRIPT));
    assert!(log.contains("(AccessDenied: "), "{log}");
}

#[test]
fn no_credentials_no_region_and_no_such_region_change_nothing() {
    let cloudwatch = FakeCloudWatch::start();
    let mut agent = shell(&cloudwatch.url(), &OPTIONS, SCRIPT);
    agent.env_remove("AWS_ACCESS_KEY_ID").env("AWS_EC2_METADATA_DISABLED", "true");
    let log = is_not_held_up(&mut agent);
    assert!(log.contains(" undelivered=1 "), "{log}");
    let mut agent = shell(&cloudwatch.url(), &OPTIONS, SCRIPT);
    agent.env_remove("AWS_REGION").env("AWS_EC2_METADATA_DISABLED", "true");
    let log = is_not_held_up(&mut agent);
    assert!(log.contains(" undelivered=1 "), "{log}");
    let mut agent = shell("https://monitoring.xx-west-1.invalid", &OPTIONS, SCRIPT);
    let log = is_not_held_up(agent.env("AWS_REGION", "xx-west-1"));
    assert!(log.contains(" undelivered=1 "), "{log}");
}

/// Measuring ends with the command, and not before.
#[test]
fn one_window_is_not_all_beside_a_command() {
    let mut command = support::command();
    command.args(["--dry-run", "--once", "--period", "1", "--", "sh", "-c", "sleep 3; exit 7"]);
    let ended = run(&mut command).expect_code(7);
    let warning = "--once has no effect with a command: measuring ends with the command";
    assert!(ended.stderr.contains(warning), "{ended:#?}");
    assert!(ended.stdout.lines().count() >= 3, "{ended:#?}");
}

#[test]
fn a_signal_more_than_a_second_after_the_end_of_the_command_ends_the_last_send() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let cloudwatch = FakeCloudWatch::start();
        cloudwatch.answer_always(Answer::Hang);
        let agent = Agent::start(&mut shell(&cloudwatch.url(), &[], "exit 9"));
        // The first attempt is given up after three seconds.
        cloudwatch.wait_until("a second attempt", |seen| seen.requests.len() == 2);
        agent.signal(signal);
        let ended = agent.wait().expect_code(9);
        assert!(ended.stderr.contains("second signal: stopped at once"), "{ended:#?}");
    }
}

#[test]
fn a_signal_within_a_second_of_the_end_of_the_command_is_the_same_stop() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let cloudwatch = FakeCloudWatch::start();
        cloudwatch.answer_always(Answer::Hold);
        let agent = Agent::start(&mut shell(&cloudwatch.url(), &["--period", "3600"], "exit 9"));
        cloudwatch.wait_until("the last request", |seen| seen.requests.len() == 1);
        agent.signal(signal);
        agent.wait_for_log("ignored: already stopping");
        cloudwatch.release();
        let ended = agent.wait().expect_code(9);
        assert!(ended.stderr.contains(" windows=1 delivered=1 "), "{ended:#?}");
    }
}
