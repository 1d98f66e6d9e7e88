//! Command mode at a terminal: who gets what is typed there, and job control of a shell that runs
//! the agent, and of one that the agent runs.

use std::process::Command;

use crate::orphans::as_process_1;
use crate::running;
use crate::terminal::{CTRL_C, CTRL_D, CTRL_Z, Terminal};

/// Tells of Ctrl-C and of each line that it reads. When it has read one, the terminal is its own.
const LISTENER: &str = "trap 'echo interrupted' INT
    while read -r line; do echo \"got $line.\"; done; exit 6";

fn listener() -> Command {
    running(&["bash", "-c", LISTENER])
}

const INTERACTIVE_SHELL: [&str; 5] = ["bash", "--norc", "--noprofile", "--noediting", "-i"];

fn interactive_shell() -> Command {
    let mut shell = Command::new(INTERACTIVE_SHELL[0]);
    shell.args(&INTERACTIVE_SHELL[1..]);
    shell
}

/// A command as it is typed.
fn typed(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words = words.map(|word| word.to_str().expect("text").replace('\'', "'\\''"));
    words.map(|word| format!("'{word}' ")).collect()
}

fn interruptions(screen: &str) -> usize {
    screen.lines().filter(|line| *line == "interrupted").count()
}

#[test]
fn what_is_typed_and_one_ctrl_c_reach_the_command() {
    let mut terminal = Terminal::start(&listener());
    terminal.types("one\n");
    terminal.shows("got one.");
    // A signal that comes just before bash waits for a line runs its trap only after that line.
    terminal.types(CTRL_C);
    terminal.types("two\n");
    terminal.shows("got two.");
    terminal.types(CTRL_D);
    let screen = terminal.ends_with(6);
    assert_eq!(interruptions(&screen), 1, "{screen}");
}

fn ctrl_z_stops_nothing(agent: &Command) {
    let mut terminal = Terminal::start(agent);
    terminal.types("one\n");
    terminal.shows("got one.");
    terminal.types(CTRL_Z);
    terminal.types("two\n");
    terminal.shows("got two.");
    terminal.types(CTRL_D);
    terminal.ends_with(6);
}

#[test]
fn without_a_shell_ctrl_z_stops_nothing() {
    ctrl_z_stops_nothing(&listener());
}

#[test]
fn below_process_1_ctrl_z_stops_nothing() {
    let Some(agent) = as_process_1(&["bash", "-c", LISTENER]) else { return };
    ctrl_z_stops_nothing(&agent);
}

#[test]
fn an_interactive_shell_has_job_control_below_the_agent() {
    let mut terminal = Terminal::start(&running(&INTERACTIVE_SHELL));
    terminal.types("echo $((6 * 7))\n");
    terminal.shows("42");
    terminal.types("bash -c 'echo ready; read -r line; echo got $line.'\n");
    terminal.shows("ready");
    terminal.types(CTRL_Z);
    terminal.shows("Stopped");
    terminal.types("echo $((6 * 8))\n");
    terminal.shows("48");
    terminal.types("fg\n");
    terminal.types("again\n");
    terminal.shows("got again.");
    terminal.types("exit 4\n");
    let screen = terminal.ends_with(4);
    assert!(!screen.contains("no job control"), "{screen}");
}

#[test]
fn process_1_gives_the_terminal_to_its_command() {
    let Some(agent) = as_process_1(&INTERACTIVE_SHELL) else { return };
    let mut terminal = Terminal::start(&agent);
    terminal.types("echo process $PPID; bash -c 'echo ready; read -r line; echo got $line.'\n");
    terminal.shows("process 1");
    terminal.shows("ready");
    terminal.types(CTRL_Z);
    terminal.shows("Stopped");
    terminal.types("fg\n");
    terminal.types("one\n");
    terminal.shows("got one.");
    terminal.types("exit 4\n");
    terminal.ends_with(4);
}

#[test]
fn the_agent_is_a_job_of_an_interactive_shell() {
    let mut terminal = Terminal::start(&interactive_shell());
    terminal.types(&format!("{}\n", typed(&listener())));
    terminal.types("one\n");
    terminal.shows("got one.");
    for round in 1..=2 {
        terminal.types(CTRL_Z);
        terminal.shows_times("Stopped", round);
        terminal.types(&format!("echo shell $((6 * {round}))\n"));
        terminal.shows(&format!("shell {}", 6 * round));
        terminal.types("fg\n");
        terminal.types(&format!("round {round}\n"));
        terminal.shows(&format!("got round {round}."));
    }
    terminal.types(CTRL_C);
    terminal.shows("interrupted");
    terminal.types("three\n");
    terminal.shows("got three.");
    terminal.types(CTRL_D);
    terminal.types("echo code $?\n");
    terminal.shows("code 6");
    terminal.types("exit 5\n");
    let screen = terminal.ends_with(5);
    assert_eq!(interruptions(&screen), 1, "{screen}");
}

#[test]
fn a_job_in_the_background_stops_when_it_reads_and_goes_on_in_the_foreground() {
    let mut terminal = Terminal::start(&interactive_shell());
    // It tells at once when a job changes.
    terminal.types("set -b\n");
    terminal.types(&format!("{}&\n", typed(&listener())));
    terminal.shows("Stopped");
    terminal.types("fg\n");
    terminal.types("one\n");
    terminal.shows("got one.");
    terminal.types(CTRL_D);
    terminal.types("echo code $?\n");
    terminal.shows("code 6");
    terminal.types("exit 5\n");
    terminal.ends_with(5);
}

#[test]
fn the_rest_of_a_pipe_and_a_script_stop_and_go_on_with_the_command() {
    let mut terminal = Terminal::start(&interactive_shell());
    let script = format!("{}| sed -u s/got/heard/; echo after", typed(&listener()));
    let mut job = Command::new("bash");
    job.args(["-c", &script]);
    terminal.types(&format!("{}\n", typed(&job)));
    terminal.types("one\n");
    terminal.shows("heard one.");
    terminal.types(CTRL_Z);
    terminal.shows("Stopped");
    terminal.types("echo shell $((6 * 7))\n");
    terminal.shows("shell 42");
    terminal.types("fg\n");
    terminal.types("two\n");
    terminal.shows("heard two.");
    terminal.types(CTRL_D);
    terminal.shows("after");
    terminal.types("exit 5\n");
    terminal.ends_with(5);
}

#[test]
fn a_script_reads_the_terminal_after_the_command_has_ended() {
    let script = format!("{}; read -r line; echo script has $line.", typed(&listener()));
    let mut job = Command::new("bash");
    job.args(["-c", &script]);
    let mut terminal = Terminal::start(&job);
    terminal.types("one\n");
    terminal.shows("got one.");
    terminal.types(CTRL_D);
    // The last window is printed when the command has ended.
    terminal.shows("memory     max");
    terminal.types("two\n");
    terminal.shows("script has two.");
    terminal.ends_with(0);
}
