//! Processes that lose their parent below the agent: they become its own, and no zombie stays.

use std::fs;
use std::io::Write;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::{UNTIL_A_TRAP, running, shell, standard_input};
use support::{Agent, binary};

/// The grandchild of a command whose parents have ended asks who its parent is.
const ORPHAN_OF_AN_ORPHAN: &str = "
    exec 3<&0
    (sh -c '( read line <&3; grep PPid: /proc/self/status ) &' &)
    echo ready; exec sleep 60";

const A_THOUSAND_ORPHANS: &str = "
    i=0; while [ $i -lt 1000 ]; do (exit 7 &); i=$((i+1)); done
    read line; exit 3";

#[test]
fn an_orphan_of_an_orphan_becomes_a_child_of_the_agent_and_is_reaped() {
    let mut agent = shell(ORPHAN_OF_AN_ORPHAN);
    let mut input = standard_input(&mut agent);
    let agent = Agent::start(&mut agent);
    let parent = format!("PPid:\t{}", agent.id());
    agent.wait_for_stdout("ready");
    // The shell between the two.
    agent.wait_for_log_lines("orphan process", 1);
    input.write_all(b"go\n").expect("the orphan reads");
    assert_eq!(agent.wait_for_stdout("PPid:"), parent);
    agent.wait_for_log_lines("orphan process", 2);
    agent.terminate().expect_code(128 + 15);
}

#[test]
fn a_thousand_orphans_leave_no_zombie_and_the_right_exit_code() {
    let mut agent = shell(A_THOUSAND_ORPHANS);
    let mut input = standard_input(&mut agent);
    let agent = Agent::start(&mut agent);
    agent.wait_for_log_lines("orphan process", 1000);
    assert_eq!(children(agent.id()).len(), 1, "the command alone");
    input.write_all(b"end\n").expect("the command reads");
    let ended = agent.wait().expect_code(3);
    assert_eq!(ended.stderr.matches("orphan process").count(), 1000, "each of them once");
}

#[test]
fn process_1_reaps_every_orphan_and_passes_signals_on() {
    let script = format!(
        "trap 'exit 5' TERM
         i=0; while [ $i -lt 100 ]; do (exit 7 &); i=$((i+1)); done
         read line
         grep -l 'State:.Z' /proc/[0-9]*/status || echo no zombie of $PPID
         kill -TERM $PPID; {UNTIL_A_TRAP}"
    );
    let Some(mut agent) = as_process_1(&["sh", "-c", &script]) else { return };
    let mut input = standard_input(&mut agent);
    let agent = Agent::start(&mut agent);
    agent.wait_for_log_lines("orphan process", 100);
    input.write_all(b"go\n").expect("the command reads");
    agent.wait_for_stdout("no zombie of 1");
    agent.wait().expect_code(5);
}

#[test]
fn process_1_is_not_stopped_and_ends_with_the_code_of_a_signal() {
    let Some(mut agent) = as_process_1(&["sh", "-c", "kill -STOP $$; kill -KILL $$"]) else {
        return;
    };
    let agent = Agent::start(&mut agent);
    agent.wait_for_log("signal 19 suspended the command");
    let process_1 = children(agent.id()).pop().expect("it has forked");
    kill_process(process_1, Signal::CONT).expect("it is below this process");
    agent.wait().expect_code(137);
}

/// As in a pod or task whose first process is the agent: another container's processes become its own.
/// Here a shell leaves orphans behind before it becomes the agent, and another one beside it.
#[test]
fn process_1_without_a_command_reaps_the_orphans_of_others() {
    let orphans = |code| format!("i=0; while [ $i -lt 50 ]; do (exit {code} &); i=$((i+1)); done");
    let (before, later) = (orphans(7), orphans(8));
    let script = format!(
        "exec 3<&0
         {before}
         (read line <&3; {later}; read line <&3
          grep -l 'State:.Z' /proc/[0-9]*/status || echo no zombie >&2) &
         exec {} -n Test -s Foo --dry-run",
        binary().display()
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    shell.env("RUST_LOG", "cloudwatch_metrics_agent::command=debug");
    let Some(mut agent) = support::namespace::in_a_pid_namespace(&shell) else { return };
    let mut input = standard_input(&mut agent);
    let agent = Agent::start(&mut agent);
    input.write_all(b"go\n").expect("the other shell reads");
    // The last of those from before may be seen, too.
    agent.wait_for_log_lines("exit_status: 8", 50);
    input.write_all(b"go\n").expect("the other shell reads");
    agent.wait_for_log("no zombie");
    kill_process(children(agent.id())[0], Signal::TERM).expect("it is below this process");
    agent.wait().expect_code(0);
}

/// The children of a process, zombies included.
fn children(of: u32) -> Vec<Pid> {
    let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children"));
    let children = children.expect("Linux tells the children of a process");
    children.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
}

/// An agent that is process 1 of a PID namespace, and runs a command.
pub fn as_process_1(words: &[&str]) -> Option<Command> {
    support::namespace::in_a_pid_namespace(&running(words))
}
