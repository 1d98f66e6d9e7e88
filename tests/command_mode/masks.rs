//! Signals that were blocked when the agent was started: it clears its mask, and the command has
//! the one that was inherited.

use std::process::Command;

use rustix::process::Signal;

use crate::signals::{TELLS_IGNORED, mask};
use crate::terminal::Terminal;
use crate::{running, running_with_signals, standard_input, with_signals};
use support::Agent;

/// An agent for which `env` blocks or ignores signals, and which runs a script. bash leaves the mask
/// as it is, and dash does not.
fn bash(options: &[&str], script: &str) -> Command {
    running_with_signals(options, &["bash", "-c", script])
}

/// The bit of a signal in a mask.
fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// Tells the masks, and ends with its input.
const TELLS_MASKS: &str = "grep -E 'SigBlk|SigIgn' /proc/self/status; read line; exit 3";

#[test]
fn the_command_has_the_mask_and_the_ignored_signals_that_were_inherited() {
    let (blocks, ignores) = ("--block-signal=TERM,USR1,TTOU", "--ignore-signal=USR2,HUP");
    let blocked = bit(Signal::TERM) | bit(Signal::USR1) | bit(Signal::TTOU);
    let ignored = bit(Signal::USR2) | bit(Signal::HUP);
    for (options, blocked, ignored) in [
        (&[][..], 0, 0),
        (&[blocks], blocked, 0),
        (&[ignores], 0, ignored),
        (&[blocks, ignores], blocked, ignored),
    ] {
        let mut agent = bash(options, TELLS_MASKS);
        let input = standard_input(&mut agent);
        let agent = Agent::start(&mut agent);
        assert_eq!(mask(&agent.wait_for_stdout("SigBlk:")), blocked, "{options:?}");
        assert_eq!(mask(&agent.wait_for_stdout("SigIgn:")), ignored, "{options:?}");
        drop(input);
        agent.wait().expect_code(3);
    }
}

#[test]
fn at_a_terminal_too_the_command_has_the_mask_that_was_inherited() {
    let terminal = Terminal::start(&running(&["sh", "-c", TELLS_IGNORED]));
    terminal.shows("SigBlk:\t0000000000000000");
}

#[test]
fn the_end_of_the_command_is_noticed_where_sigchld_or_everything_was_blocked() {
    for blocks in ["--block-signal=CHLD", "--block-signal"] {
        let agent = Agent::start(&mut bash(&[blocks], "exit 3"));
        agent.wait_for_log("the command ended");
        agent.wait().expect_code(3);
    }
}

#[test]
fn a_signal_is_passed_on_where_it_was_blocked() {
    // The command has them blocked, too, so there they wait.
    let pending = "until grep -q 'ShdPnd:.*4200$' /proc/$$/status; do :; done; exit 4";
    let script = format!("echo ready; {pending}");
    let agent = Agent::start(&mut bash(&["--block-signal"], &script));
    agent.wait_for_stdout("ready");
    agent.signal(Signal::USR1);
    agent.signal(Signal::TERM);
    agent.wait().expect_code(4);
}

#[test]
fn a_signal_that_came_before_the_agent_was_there_reaches_the_command() {
    // It waits in the shell, which blocks it, then in the agent, and then in the command.
    let pending = "until grep -q 'ShdPnd:.*4000$' /proc/$$/status; do :; done; exit 4";
    let agent = bash(&[], pending);
    let mut words = agent.get_args().skip(1);
    let mut early = Command::new("bash");
    early.args(["-c", "kill -TERM $$; exec \"$@\"", "bash"]).args(&mut words);
    early.env("RUST_LOG", "cloudwatch_metrics_agent::command=debug");
    let agent = Agent::start(&mut with_signals(&["--block-signal=TERM"], &early));
    agent.wait_for_log("signal 15 forwarded");
    agent.wait().expect_code(4);
}
