//! A resource that the system refuses in mid-run is an outage like any other: the agent lives,
//! windows are kept, and all of them arrive when the resource is there again.
#![cfg(target_os = "linux")]

mod growth;
mod limits;
mod names;
mod output;

use std::io::{Write, pipe};

use fake_cloudwatch::{Answer, FakeCloudWatch};
use limits::{Limit, as_nobody, is_root};
use rustix::process::{Resource, Signal};
use support::{Agent, Ended, TemporaryFile, assert_nothing_is_lost, publishing_to, windows_of};

/// A name that takes a lookup.
const NAME: &str = "cloudwatch.test";

/// Samples of three seconds.
const THREE_SECONDS: usize = 30;

/// An agent that reaches CloudWatch by a name, and runs these words as a command if there are any.
fn by_name(cloudwatch: &FakeCloudWatch, words: &[&str]) -> (std::process::Command, TemporaryFile) {
    let hosts = TemporaryFile::new("hosts", &format!("127.0.0.1 {NAME}\n"));
    let url = format!("http://{NAME}:{}", cloudwatch.address().port());
    let mut agent = publishing_to(&url);
    if !words.is_empty() {
        agent.arg("--").args(words);
    }
    agent.env("RUST_LOG", "cloudwatch_metrics_agent=debug");
    (as_nobody(&agent, Some(hosts.path())), hosts)
}

/// Takes away a resource from an agent that publishes until a send has failed for want of it.
fn take_away(agent: &Agent, cloudwatch: &FakeCloudWatch, resource: Resource, text: &str) -> Limit {
    cloudwatch.nth_taken(1);
    let limit = Limit::take_away(agent, resource);
    // What is sent next needs a connection of its own, and that the resource.
    cloudwatch.answer_next(Answer::Reset);
    let line = agent.wait_for_log("publishing failed");
    assert!(line.contains(text) && line.contains("WARN"), "{line}");
    limit
}

/// Waits for three seconds of samples after this.
fn wait_for_samples(agent: &Agent, cloudwatch: &FakeCloudWatch) {
    // Ten of them in each window that was taken, and in the one or two that could not be sent.
    let windows = windows_of(&cloudwatch.data()).len() + 2;
    agent.wait_for_log_lines("] Sample {", windows * 10 + THREE_SECONDS);
}

/// An agent that has gone without a resource for three seconds of samples.
struct Without {
    agent: Agent,
    cloudwatch: FakeCloudWatch,
    limit: Limit,
    /// Has to exist as long as the agent looks up names.
    _hosts: TemporaryFile,
}

fn three_seconds_without(resource: Resource, text: &str) -> Without {
    let cloudwatch = FakeCloudWatch::start();
    let (mut agent, hosts) = by_name(&cloudwatch, &[]);
    let agent = Agent::start(&mut agent);
    let limit = take_away(&agent, &cloudwatch, resource, text);
    wait_for_samples(&agent, &cloudwatch);
    Without { agent, cloudwatch, limit, _hosts: hosts }
}

/// Every second has its window, once, also those without the resource.
#[track_caller]
fn nothing_is_lost(ended: &Ended, cloudwatch: &FakeCloudWatch) {
    let windows = assert_nothing_is_lost(ended, &cloudwatch.data());
    assert!(windows.len() >= 4, "{windows:?}");
}

const RESOURCES: [(Resource, &str); 2] = [
    (Resource::Nproc, "no thread for the name lookup: Resource temporarily unavailable"),
    (Resource::Nofile, "Too many open files (os error 24)"),
];

#[test]
fn without_threads_or_descriptors_for_three_seconds_nothing_is_lost() {
    if !is_root() {
        return;
    }
    for (resource, text) in RESOURCES {
        let Without { agent, cloudwatch, limit, _hosts } = three_seconds_without(resource, text);
        limit.give_back();
        agent.wait_for_log("publishing works again");
        nothing_is_lost(&agent.terminate().expect_code(0), &cloudwatch);
    }
}

#[test]
fn what_is_given_back_during_the_flush_lets_it_deliver() {
    if !is_root() {
        return;
    }
    for (resource, text) in RESOURCES {
        let Without { agent, cloudwatch, limit, _hosts } = three_seconds_without(resource, text);
        agent.signal(Signal::TERM);
        agent.wait_for_log("stopping");
        limit.give_back();
        nothing_is_lost(&agent.wait().expect_code(0), &cloudwatch);
    }
}

#[test]
fn a_command_keeps_running_and_its_exit_code_while_there_are_no_threads_or_descriptors() {
    if !is_root() {
        return;
    }
    for (resource, text) in RESOURCES {
        let cloudwatch = FakeCloudWatch::start();
        let (mut agent, _hosts) = by_name(&cloudwatch, &["sh", "-c", "read line; exit 5"]);
        let (reader, mut writer) = pipe().expect("a pipe");
        let agent = Agent::start(agent.stdin(reader));
        let limit = take_away(&agent, &cloudwatch, resource, text);
        wait_for_samples(&agent, &cloudwatch);
        limit.give_back();
        agent.wait_for_log("publishing works again");
        writer.write_all(b"end\n").expect("the command reads");
        nothing_is_lost(&agent.wait().expect_code(5), &cloudwatch);
    }
}
