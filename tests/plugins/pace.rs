//! Plugins in an agent that runs: again and again, and those that keep running.

use std::fs;

use support::Agent;

use super::*;

/// An agent with these checks, which prints a window each second.
fn agent(folder: &Folder, checks: &str) -> (Folder, Command) {
    let config = Folder::of(&[("agent.yaml", &format!("checks:\n{checks}"))]);
    let mut command = support::command();
    command.args(["--dry-run", "--period=1", "--plugins", &folder.whole()]);
    command.args(["--config", &config.path("agent.yaml")]);
    (config, command)
}

fn descriptors(agent: u32) -> usize {
    fs::read_dir(format!("/proc/{agent}/fd")).expect("the agent runs").count()
}

/// Its children, also those that have ended and were not waited for.
fn children(agent: u32) -> String {
    fs::read_to_string(format!("/proc/{agent}/task/{agent}/children")).expect("the agent runs")
}

#[test]
fn after_a_thousand_runs_there_is_no_zombie_and_no_descriptor_more() {
    // Every other one fails.
    let script = "echo x >> \"$1\"; echo metric a int 1; exit $(($$ % 2))";
    let folder = plugins(&[("plugin", script)]);
    let log = folder.path("log");
    let check = |number| {
        format!(
            "  p{number}:\n    type: agent.plugin\n    period: 1\n    publish: none\n    details: {{file: plugin, args: ['{log}']}}\n"
        )
    };
    let (_config, mut command) = agent(&folder, &(0..100).map(check).collect::<String>());
    let agent = Agent::start(&mut command);
    let runs = || fs::read(&log).map_or(0, |text| text.len() / 2);
    // Between two runs there is no child, and there are no pipes.
    let idle = |least: usize, most: usize| {
        let mut open = 0;
        wait_until("an agent without a child or more descriptors", || {
            open = descriptors(agent.id());
            runs() >= least && open <= most && children(agent.id()).is_empty()
        });
        open
    };
    let early = idle(100, usize::MAX);
    idle(1100, early);
    agent.terminate().expect_code(0);
}

#[test]
fn a_program_that_keeps_running_gives_its_values_and_is_started_again() {
    let script = "echo \"pid $$\" >&2
        while :; do
          echo \"PUTVAL \\\"$COLLECTD_HOSTNAME/jobs-mail/gauge-length\\\" interval=$COLLECTD_INTERVAL N:$$\"
          sleep 0.2
        done";
    let folder = plugins(&[("plugin", script)]);
    let checks = "  p: {type: agent.plugin, period: 1, publish: all, details: {file: plugin, format: collectd}}\n";
    let (_config, mut command) = agent(&folder, checks);
    let agent = Agent::start(&mut command);
    let first = agent.wait_for_log("plugin: pid ");
    let first = first.rsplit(' ').next().expect("a word").to_owned();
    agent.wait_for_stdout(&format!("gauge.length={first} results="));
    let pid = rustix::process::Pid::from_raw(first.parse().expect("a process id")).expect("not 0");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it runs");
    agent.wait_for_log("check p: signal 9 ended the plugin; it is started again in 1 s");
    let log = agent.wait_for_log_lines("plugin: pid ", 2);
    let second = log.rsplit(' ').next().expect("a word");
    agent.wait_for_stdout(&format!("gauge.length={second} results="));
    agent.terminate().expect_code(0);
}

#[test]
fn a_program_that_ends_at_once_is_started_again_ever_more_rarely() {
    let folder = plugins(&[("plugin", "echo no values >&2; exit 4")]);
    let (object, _) = result_of(&mut check(&folder, "plugin", &["format=collectd"]));
    let status = "the plugin ended with exit code 4; it is started again in 1 s";
    assert_eq!((&object["available"], &object["status"]), (&false.into(), &status.into()));
    let checks =
        "  p: {type: agent.plugin, period: 1, details: {file: plugin, format: collectd}}\n";
    let (_config, mut command) = agent(&folder, checks);
    let agent = Agent::start(&mut command);
    agent.wait_for_log("it is started again in 1 s");
    agent.wait_for_log_lines("plugin: no values", 3);
    agent.terminate().expect_code(0);
}

/// What reads them has one thread, which also samples and hears signals.
#[test]
fn programs_that_print_without_end_and_keep_running_hold_up_nothing() {
    let folder = plugins(&[
        ("line", "exec cat /dev/zero"),
        ("values", "while :; do echo PUTVAL box/tt/gauge-a N:1; done"),
        ("lines", "exec yes"),
        ("errors", "exec yes >&2"),
    ]);
    let check = |name| {
        format!(
            "  {name}:\n    type: agent.plugin\n    period: 1\n    details: {{file: {name}, format: collectd}}\n"
        )
    };
    let checks: String = ["line", "values", "lines", "errors"].map(check).concat();
    let (_config, mut command) = agent(&folder, &checks);
    let agent = Agent::start(&mut command);
    // A window each second, while all of them print.
    agent.wait_for_stdout_lines("CPUUtilization", 4);
    agent.terminate().expect_code(0);
}
