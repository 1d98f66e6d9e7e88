//! Command mode, looked at from outside: what holds for an init holds here, whatever becomes of
//! the metrics. What is looked at is told by Linux: /proc, PID namespaces, signal numbers.
#![cfg(target_os = "linux")]

mod jobs;
mod masks;
mod metrics;
mod orphans;
mod signals;
mod terminal;

use std::io::{PipeWriter, Write, pipe};
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Agent, TemporaryFile, command, run};

/// An agent that runs a script and prints metrics. Its log is that of command mode.
fn shell(script: &str) -> Command {
    running(&["sh", "-c", script])
}

fn running(words: &[&str]) -> Command {
    running_with_signals(&[], words)
}

/// The same, and what `env` is told of signals.
fn running_with_signals(options: &[&str], words: &[&str]) -> Command {
    let mut agent = command();
    agent.args(["-n", "Test", "-s", "Foo", "--dry-run", "--"]).args(words);
    agent.env("RUST_LOG", "cloudwatch_metrics_agent::command=debug");
    with_signals(options, &agent)
}

/// The same command, with no signal ignored. A test that a script runs in the background ignores
/// SIGINT, and so would the agent and its command.
fn with_default_signals(agent: &Command) -> Command {
    with_signals(&[], agent)
}

/// The same command, with no signal ignored, and what `env` is told besides of signals.
fn with_signals(options: &[&str], agent: &Command) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal").args(options);
    command.arg(agent.get_program()).args(agent.get_args());
    command.env_clear().stdin(Stdio::null());
    for (name, value) in agent.get_envs() {
        command.env(name, value.expect("none is removed"));
    }
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

/// Standard input of a command, and where the test writes to it. Dropping that closes it.
fn standard_input(agent: &mut Command) -> PipeWriter {
    let (reader, writer) = pipe().expect("a pipe");
    agent.stdin(reader);
    writer
}

/// The end of a script that runs until a trap ends it. A shell that waits for a process instead may
/// miss a signal that comes just before.
const UNTIL_A_TRAP: &str = "ulimit -t 60; while :; do :; done";

#[test]
fn every_exit_code_is_that_of_the_command() {
    let codes: Vec<i32> = (0..=255).collect();
    for codes in codes.chunks(16) {
        let agents: Vec<_> = codes
            .iter()
            .map(|code| (*code, Agent::start(&mut shell(&format!("exit {code}")))))
            .collect();
        for (code, agent) in agents {
            agent.wait().expect_code(code);
        }
    }
}

#[test]
fn a_command_that_a_signal_ends_gives_128_and_its_number() {
    for signal in [1, 2, 3, 6, 9, 11, 14, 15, 31] {
        // Those that dump core would leave a file.
        let ended = run(&mut shell(&format!("ulimit -c 0; kill -{signal} $$")));
        let ended = ended.expect_code(128 + signal);
        assert!(
            ended.stderr.contains(&format!("signal {signal} ended the command\n")),
            "{ended:#?}"
        );
    }
}

#[test]
fn what_cannot_be_found_is_127_and_what_cannot_be_run_126() {
    let text = TemporaryFile::new("text", "no program");
    let text = text.path().to_str().expect("a path of the target directory is text");
    for (program, code, reason) in [
        ("no-such-program", 127, "No such file or directory (os error 2)"),
        ("/no/such/program", 127, "No such file or directory (os error 2)"),
        ("", 127, "No such file or directory (os error 2)"),
        ("/", 126, "Permission denied (os error 13)"),
        (text, 126, "Permission denied (os error 13)"),
    ] {
        let ended = run(&mut running(&[program])).expect_code(code);
        assert_eq!(ended.stderr, format!("cannot run {program:?}: {reason}\n"));
        assert_eq!(ended.stdout, "", "nothing is measured");
    }
}

#[test]
fn wrong_settings_do_not_start_the_command() {
    let never = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong_settings_started_it");
    let never = never.to_str().expect("a path of the target directory is text");
    let ended = run(command().args(["-n", "Test", "-p", "0", "--", "touch", never]));
    let ended = ended.expect_code(2);
    assert!(!Path::new(never).exists());
    assert_eq!(
        ended.stderr,
        "--service is missing: set it or CLOUDWATCH_METRICS_AGENT_SERVICE\n\
         --period \"0\": expected a whole number of seconds from 1 to 86400, such as 90, 90s, 5m or 1h\n"
    );
}

#[test]
fn nothing_after_the_dashes_is_a_problem() {
    let ended = run(command().args(["-n", "Test", "-s", "Foo", "-d", "--"])).expect_code(2);
    assert_eq!(ended.stderr, "no command after --: expected a command and its arguments\n");
}

#[test]
fn the_command_has_its_words_as_they_are() {
    let words = ["printf", "<%s>\\n", "", "a b", "--help", "$HOME", "--", "explain"];
    let ended = run(&mut running(&words)).expect_code(0);
    let lines: Vec<_> = ended.stdout.lines().take(6).collect();
    assert_eq!(lines, ["<>", "<a b>", "<--help>", "<$HOME>", "<-->", "<explain>"]);
}

#[test]
fn standard_input_output_error_and_the_environment_are_its_own() {
    let mut agent = shell("cat; echo $GREETING; echo error >&2; exit 3");
    let mut input = standard_input(agent.env("GREETING", "hello"));
    let agent = Agent::start(&mut agent);
    input.write_all(b"one\n").expect("the command reads");
    agent.wait_for_stdout("one");
    input.write_all(b"two\n").expect("the command reads");
    drop(input);
    let ended = agent.wait().expect_code(3);
    assert!(ended.stdout.starts_with("one\ntwo\nhello\n"), "{ended:#?}");
    assert!(ended.stderr.lines().any(|line| line == "error"), "{ended:#?}");
}

#[test]
fn a_command_may_close_its_output() {
    let mut agent = shell("exec >&- 2>&-; read line; exit 4");
    let mut input = standard_input(agent.env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1"));
    let agent = Agent::start(&mut agent);
    agent.wait_for_stdout("CPUUtilization");
    input.write_all(b"end\n").expect("the command reads");
    agent.wait().expect_code(4);
}

#[test]
fn a_log_that_nobody_reads_changes_no_exit_code() {
    for (words, code) in [(&["sh", "-c", "read line; exit 5"][..], 5), (&["no-such-program"], 127)]
    {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let mut agent = running(words);
        let input = standard_input(&mut agent);
        let agent = agent.stdout(Stdio::null()).stderr(writer).spawn();
        drop(input);
        let status = agent.expect("the binary was built").wait().expect("it is a child");
        assert_eq!(status.code(), Some(code));
    }
}
