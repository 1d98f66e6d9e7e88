//! Runs the agent, ends it, and looks through all that it said.

use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use fake_cloudwatch::FakeCloudWatch;
use rustix::process::{Pid, Signal, kill_process};

use crate::aws::MARK;
use support::{Agent, Ended, command};

/// The agent, with neither region nor credentials, with its whole log. The SDK's own messages
/// are not the agent's.
pub fn agent() -> Command {
    let mut command = command();
    command
        .args(["--namespace", "TestNamespace", "--service", "FooService"])
        // Where the variables say that this is a task there is no endpoint that tells its usage.
        .args(["--scope", "host", "--period", "1", "--sample-interval", "0.1"])
        .env("RUST_LOG", "cloudwatch_metrics_agent=trace");
    command
}

/// The agent, as [`agent`], publishing to this endpoint.
pub fn agent_for(url: &str) -> Command {
    let mut command = agent();
    command.args(["--endpoint-url", url]);
    command
}

/// Runs it until a window was taken, and ends it. Returns the access key that signed every request.
pub fn publishing_key(cloudwatch: &FakeCloudWatch, command: &mut Command) -> String {
    let before = cloudwatch.requests().len();
    let agent = Agent::start(command);
    agent.wait_for_log(" MaxCPUUtilization=");
    end(agent, 0);
    let requests = cloudwatch.requests().split_off(before);
    assert!(requests.iter().all(|r| r.taken && r.access_key_id.is_some()), "{requests:#?}");
    let mut keys: Vec<_> = requests.into_iter().filter_map(|r| r.access_key_id).collect();
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys.remove(0)
}

/// Runs it until a send has failed, and ends it. Returns the line of the log that says so.
pub fn failure(command: &mut Command) -> String {
    let agent = Agent::start(command);
    let line = agent.wait_for_log("publishing failed");
    end(agent, 1);
    line
}

/// Sends SIGTERM and expects the end in time, with this code and with no secret in any output.
pub fn end(agent: Agent, code: i32) -> Ended {
    let pid = agent.id().try_into().ok().and_then(Pid::from_raw).expect("a process has an id");
    let (ended, waiting) = channel::<()>();
    let guard = thread::spawn(move || {
        if waiting.recv_timeout(LONGEST_END) == Err(RecvTimeoutError::Timeout) {
            kill_process(pid, Signal::KILL).expect("nobody has waited for it yet");
        }
    });
    let agent = agent.terminate();
    drop(ended);
    guard.join().expect("the process was there to be killed");
    let ended = agent.expect_code(code);
    // Where there is no log, nothing would be found in it.
    assert!(ended.stderr.contains(" DEBUG "), "{ended:#?}");
    for secret in [MARK, MARK_IN_BASE64] {
        for output in [&ended.stdout, &ended.stderr] {
            assert!(!output.contains(secret), "a secret is shown: {output}");
        }
    }
    ended
}

/// The shutdown timeout of 8 s, and what a loaded machine may add. An agent that takes longer is
/// killed, which is not the expected exit code.
const LONGEST_END: Duration = Duration::from_secs(10);

/// The mark after `user:`, as in the header that takes a password to a proxy.
const MARK_IN_BASE64: &str = "dXNlcjpOZXZlclNob3du";
