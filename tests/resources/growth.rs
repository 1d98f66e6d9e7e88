//! Memory that is refused ends a process, so what is kept is bounded.

use fake_cloudwatch::refused_url;

use support::{Agent, publishing_to};

/// The most memory that a process had in use.
fn peak_kib(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id()));
    let status = status.expect("the agent runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
    let number = line.split_whitespace().next().and_then(|number| number.parse().ok());
    number.expect("a number of kB")
}

#[test]
fn a_backlog_at_its_limit_does_not_grow() {
    let mut agent = publishing_to(&refused_url());
    agent.args(["--buffer", "3", "--statistics", "distribution"]);
    let agent = Agent::start(agent.env("RUST_LOG", "cloudwatch_metrics_agent=debug"));
    agent.wait_for_log(": dropping the oldest");
    // Five more windows, so that all that is made once is made.
    let samples = |count| drop(agent.wait_for_log_lines("] Sample {", count));
    samples(100);
    let before = peak_kib(&agent);
    samples(180);
    let grown = peak_kib(&agent) - before;
    assert!(grown <= MOST_GROWTH_KIB, "{grown} kB in eight windows, of {before}");
    agent.terminate().expect_code(1);
}

/// Less than a page for each sample of those windows.
const MOST_GROWTH_KIB: u64 = 256;
