//! Signals in command mode: which reach the command, and what they mean to the agent.

use rustix::process::Signal;
use support::{Agent, command, run};

use crate::{UNTIL_A_TRAP, shell, standard_input, with_default_signals};

/// What tini passes on, but for SIGPIPE: the agent causes that itself where nobody reads what it
/// writes. The end comes with the last one.
const PASSED_ON: &str = "1 2 3 10 14 15 16 18 20 23 24 25 26 27 28 29 30 \
    35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 12";

#[test]
fn every_signal_that_an_init_passes_on_reaches_the_command() {
    let agent = Agent::start(&mut shell(&format!(
        "for signal in {PASSED_ON}; do trap \"echo got $signal.\" $signal; done
         trap 'exit 9' 12
         echo ready; {UNTIL_A_TRAP}"
    )));
    agent.wait_for_stdout("ready");
    let mut signals: Vec<_> = PASSED_ON.split_whitespace().collect();
    let last = signals.pop().expect("there are many");
    for signal in &signals {
        send(signal, agent.id());
        agent.wait_for_stdout(&format!("got {signal}."));
    }
    send(last, agent.id());
    let ended = agent.wait().expect_code(9);
    let got: Vec<_> = ended
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("got ")?.strip_suffix('.'))
        .collect();
    assert_eq!(got, signals, "each of them once: {ended:#?}");
}

#[test]
fn a_signal_is_for_the_command_and_not_for_its_children() {
    let agent = Agent::start(&mut shell(&format!(
        "trap 'kill -USR2 $!; wait $!; exit 7' USR1
         (trap 'echo wrong' USR1; trap 'echo right; exit' USR2; echo ready; {UNTIL_A_TRAP}) &
         {UNTIL_A_TRAP}"
    )));
    agent.wait_for_stdout("ready");
    agent.signal(Signal::USR1);
    let ended = agent.wait().expect_code(7);
    assert!(ended.stdout.starts_with("ready\nright\n"), "{ended:#?}");
}

/// There is no safe way to name realtime signals to the system.
fn send(signal: &str, pid: u32) {
    let ended =
        run(std::process::Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]));
    ended.expect_code(0);
}

#[test]
fn what_was_ignored_at_the_start_is_ignored_by_the_command_too() {
    let mut nohup = std::process::Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(command().get_program());
    nohup.args(["-n", "Test", "-s", "Foo", "--dry-run", "--", "sh", "-c", TELLS_IGNORED]);
    let agent = Agent::start(&mut with_default_signals(&nohup));
    assert_eq!(mask(&agent.wait_for_stdout("SigIgn:")), 1, "SIGHUP is signal 1");
    agent.signal(Signal::HUP);
    agent.terminate().expect_code(128 + 15);
}

#[test]
fn the_command_begins_with_no_signal_ignored_or_blocked() {
    let agent = Agent::start(&mut shell(TELLS_IGNORED));
    assert_eq!(mask(&agent.wait_for_stdout("SigIgn:")), 0);
    assert_eq!(mask(&agent.wait_for_stdout("SigBlk:")), 0);
    agent.terminate().expect_code(128 + 15);
}

/// The signals of a line of a status file, a bit each, without those that the C library keeps to
/// itself.
pub fn mask(line: &str) -> u64 {
    let (_, mask) = line.split_once('\t').expect("a name and a mask");
    u64::from_str_radix(mask, 16).expect("a mask in hexadecimal") & !(0b111 << 31)
}

pub const TELLS_IGNORED: &str = "grep -E 'SigBlk|SigIgn' /proc/self/status; exec sleep 60";

#[test]
fn a_command_that_ignores_sigterm_is_measured_until_it_ends() {
    let mut agent =
        shell("trap '' TERM; echo ready; while read line; do echo got $line; done; exit 6");
    let input = standard_input(agent.env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1"));
    let agent = Agent::start(&mut agent);
    agent.wait_for_stdout("ready");
    agent.wait_for_stdout("CPUUtilization");
    agent.signal(Signal::TERM);
    agent.wait_for_log("signal 15 forwarded");
    agent.signal(Signal::TERM);
    agent.wait_for_log_lines("signal 15 forwarded", 2);
    agent.wait_for_stdout_lines("CPUUtilization", 4);
    drop(input);
    agent.wait().expect_code(6);
}

#[test]
fn a_command_that_is_stopped_and_goes_on_does_not_stop_the_agent() {
    let mut agent = shell("echo ready; read line; exit 6");
    let input = standard_input(agent.env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1"));
    let agent = Agent::start(&mut agent);
    agent.wait_for_stdout("ready");
    agent.signal(Signal::TSTP);
    agent.wait_for_log("signal 20 suspended the command");
    agent.wait_for_stdout_lines("CPUUtilization", 3);
    agent.signal(Signal::CONT);
    agent.wait_for_log("signal 18 forwarded");
    drop(input);
    agent.wait().expect_code(6);
}
