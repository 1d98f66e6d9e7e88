//! What signals mean without a command: which ask for an end, what is one stop, and what was
//! blocked or ignored when the agent was started.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;

use fake_cloudwatch::{Answer, FakeCloudWatch};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use support::{Agent, Ended, publishing_to, windows_of};

const ENDS: [Signal; 4] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];

/// How often what must never go wrong is tried.
const RUNS: usize = 40;

/// An agent that is started with no signal ignored, by these words, as `env` takes them. Its
/// window does not end by itself.
fn started_by(words: &[&str], url: &str) -> Command {
    let agent = publishing_to(url);
    let mut command = Command::new("env");
    command.arg("--default-signal").args(words).arg(agent.get_program()).args(agent.get_args());
    command.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("RUST_LOG", "info");
    command.env("CLOUDWATCH_METRICS_AGENT_PERIOD", "3600");
    command
}

/// Starts it, and waits until it measures.
fn start(words: &[&str], cloudwatch: &FakeCloudWatch) -> Agent {
    let agent = Agent::start(&mut started_by(words, &cloudwatch.url()));
    agent.wait_for_log("limit: ");
    agent
}

/// Its last window has arrived.
fn has_delivered(ended: Ended, cloudwatch: &FakeCloudWatch) {
    let ended = ended.expect_code(0);
    assert_eq!(windows_of(&cloudwatch.data()).len(), 1, "{ended:#?}");
    assert!(ended.stderr.contains(" windows=1 delivered=1 "), "{ended:#?}");
}

#[test]
fn each_signal_that_asks_for_an_end_delivers_the_last_window() {
    for signal in ENDS {
        let cloudwatch = FakeCloudWatch::start();
        let agent = start(&[], &cloudwatch);
        agent.signal(signal);
        has_delivered(agent.wait(), &cloudwatch);
    }
}

#[test]
fn what_was_blocked_at_the_start_ends_it_all_the_same() {
    for blocks in ["--block-signal=TERM", "--block-signal=INT,HUP,QUIT,TERM", "--block-signal"] {
        for signal in ENDS {
            let cloudwatch = FakeCloudWatch::start();
            let agent = start(&[blocks], &cloudwatch);
            agent.signal(signal);
            has_delivered(agent.wait(), &cloudwatch);
        }
    }
}

#[test]
fn what_was_ignored_at_the_start_stays_ignored_but_for_sigterm_and_sigint() {
    let ignored = "--ignore-signal=HUP,QUIT,INT,TERM";
    for (words, signals, end) in [
        (&[ignored][..], &[Signal::HUP, Signal::QUIT][..], Signal::INT),
        (&[ignored], &[Signal::HUP, Signal::QUIT], Signal::TERM),
        (&["nohup"], &[Signal::HUP], Signal::QUIT),
    ] {
        let cloudwatch = FakeCloudWatch::start();
        let mut agent = started_by(words, &cloudwatch.url());
        let agent = Agent::start(agent.env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1"));
        cloudwatch.nth_taken(1);
        signals.iter().for_each(|signal| agent.signal(*signal));
        // Windows that begin after the signals.
        let taken = cloudwatch.data().len();
        cloudwatch.wait_until("three more windows", |seen| seen.data.len() > taken + 8);
        agent.signal(end);
        let ended = agent.wait().expect_code(0);
        assert_eq!(ended.stderr.matches("stopping: ").count(), 1, "{ended:#?}");
    }
}

/// Blocked, a signal waits for the program that replaces the shell.
const SIGNALLED_BEFORE_IT_STARTS: [&str; 4] = ["sh", "-c", "kill -TERM $$; exec \"$@\"", "sh"];

#[test]
fn a_signal_that_is_older_than_the_agent_delivers() {
    let cloudwatch = FakeCloudWatch::start();
    let words = [&["--block-signal=TERM"][..], &SIGNALLED_BEFORE_IT_STARTS].concat();
    let ended = Agent::start(&mut started_by(&words, &cloudwatch.url())).wait();
    has_delivered(ended, &cloudwatch);
}

#[test]
fn a_signal_that_is_older_than_process_1_delivers() {
    let namespace = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    let probe = Command::new(namespace[0]).args(&namespace[1..]).arg("true").output();
    if !probe.as_ref().is_ok_and(|probe| probe.status.success()) {
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!strict, "CI is true, so this must run: {probe:?}");
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: PROCESS 1 ***\n{probe:?}\n");
        return;
    }
    let cloudwatch = FakeCloudWatch::start();
    let words = [&["--block-signal=TERM"][..], &namespace, &SIGNALLED_BEFORE_IT_STARTS].concat();
    let ended = Agent::start(&mut started_by(&words, &cloudwatch.url())).wait();
    has_delivered(ended, &cloudwatch);
}

#[test]
fn two_signals_that_come_together_are_one_stop() {
    for [first, second] in
        [[Signal::TERM, Signal::TERM], [Signal::INT, Signal::TERM], [Signal::HUP, Signal::QUIT]]
    {
        for _ in 0..RUNS {
            let cloudwatch = FakeCloudWatch::start();
            let agent = start(&[], &cloudwatch);
            agent.signal(first);
            agent.signal(second);
            has_delivered(agent.wait(), &cloudwatch);
        }
    }
}

#[test]
fn a_signal_during_the_last_send_is_the_same_stop() {
    for first in ENDS {
        for second in ENDS {
            let cloudwatch = FakeCloudWatch::start();
            cloudwatch.answer_always(Answer::Hold);
            let agent = start(&[], &cloudwatch);
            agent.signal(first);
            cloudwatch.wait_until("the last send", |seen| seen.requests.len() == 1);
            agent.signal(second);
            agent.wait_for_log("ignored: already stopping");
            cloudwatch.release();
            has_delivered(agent.wait(), &cloudwatch);
        }
    }
}

/// Runs the agent beside itself, and stops it by what it is told to.
const ENTRYPOINT: &str = "trap 'kill -TERM $agent' TERM; trap 'kill -INT $agent' INT
    \"$@\" & agent=$!
    until wait $agent; code=$?; ! kill -0 $agent 2> /dev/null; do :; done; exit $code";

#[test]
fn an_entrypoint_that_stops_the_agent_again_loses_nothing() {
    for signal in [Signal::TERM, Signal::INT] {
        for _ in 0..RUNS {
            let cloudwatch = FakeCloudWatch::start();
            let words = ["sh", "-c", ENTRYPOINT, "sh"];
            let mut script = started_by(&words, &cloudwatch.url());
            let script = Agent::start(script.process_group(0));
            script.wait_for_log("limit: ");
            let group = Pid::from_raw(script.id().cast_signed()).expect("a process has an id");
            // Both get it, as from an init that signals the whole group.
            kill_process_group(group, signal).expect("it is a group of its own");
            has_delivered(script.wait(), &cloudwatch);
        }
    }
}

#[test]
fn a_supervisor_that_stops_the_agent_by_one_signal_after_the_other_loses_nothing() {
    for _ in 0..RUNS {
        let cloudwatch = FakeCloudWatch::start();
        let agent = start(&[], &cloudwatch);
        let pid = Pid::from_raw(agent.id().cast_signed()).expect("a process has an id");
        // Until it has ended, as fast as the kernel takes them. A process that has ended and is not
        // waited for still takes them.
        for round in 0..200 {
            kill_process(pid, ENDS[round % ENDS.len()]).expect("it is not waited for");
        }
        has_delivered(agent.wait(), &cloudwatch);
    }
}
