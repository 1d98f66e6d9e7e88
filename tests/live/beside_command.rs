//! The live view below the output of a command.

use std::process::Command;

use rustix::process::Signal;
use support::terminal::{Log, Size, Terminal};

use crate::preview;

/// A command that prints what is typed, and nothing when it is told to end.
const ECHO: &str = "stty -echo; echo ready; while read line; do echo \"got $line\"; done";

fn with_command(script: &str) -> Command {
    let mut command = preview("7200");
    command.args(["--publish", "console", "--live", "--", "sh", "-c", script]);
    command
}

const SIZE: Size = (20, 80);

/// The rows above the view, and those of the view.
fn parts(shown: &str) -> Option<(Vec<&str>, Vec<&str>)> {
    let rows: Vec<_> = shown.lines().collect();
    let title = rows.iter().position(|row| row.starts_with("service Foo"))?;
    Some((rows[..title].to_vec(), rows[title..].to_vec()))
}

fn has_whole_view(shown: &str) -> bool {
    shown.lines().last().is_some_and(|row| row.ends_with("Ctrl-C ends"))
        && parts(shown).is_some_and(|(_, view)| view[1].starts_with("CPU "))
}

#[test]
fn what_a_command_prints_moves_above_the_view() {
    let mut terminal = Terminal::start(&with_command(ECHO), SIZE, Log::Terminal);
    terminal.wait_until("the view", |_, text| text.contains("ready") && has_whole_view(text));
    for number in 1..=40 {
        terminal.type_in(&format!("{number}\n"));
    }
    let shown = terminal
        .wait_until("the lines", |_, text| text.contains("got 40\n") && has_whole_view(text));
    let (above, view) = parts(&shown).expect("the view");
    let printed: Vec<_> = above.iter().filter(|row| row.starts_with("got ")).collect();
    assert_eq!(printed.last(), Some(&&"got 40"), "{shown}");
    assert!(printed.len() >= 8, "{shown}");
    assert_eq!(shown.lines().count(), SIZE.0.into(), "{shown}");
    assert!(view.len() <= usize::from(SIZE.0) / 2, "{shown}");
    // Higher and lower, it is at the bottom.
    for size in [(30, 80), (12, 60), (24, 80)] {
        terminal.resize(size);
        terminal.wait_for_frames(4);
        terminal.type_in("again\n");
        let shown = terminal.wait_until("the view at the bottom", |_, text| {
            text.lines().count() == usize::from(size.0) && has_whole_view(text)
        });
        assert!(shown.contains("got "), "{shown}");
    }
    terminal.type_in("\x04");
    let ended = terminal.finish();
    assert_eq!(ended.status.code(), Some(0));
    let screen = ended.parser.screen().contents();
    assert!(screen.contains("got again") && !screen.contains("Ctrl-C ends"), "{screen}");
    // Below the last line, which nothing keeps from going to the last row.
    ended.assert_usable_below(screen.lines().count());
    let mut parser = ended.parser;
    parser.process("after\r\n".repeat(100).as_bytes());
    assert_eq!(parser.screen().contents().lines().count(), 23, "the whole terminal scrolls");
}

#[test]
fn ctrl_z_gives_the_whole_terminal_back() {
    let agent = with_command(ECHO);
    let script =
        "set -m; \"$@\"; stty echo; echo the prompt; read line; fg > /dev/null; echo ended $?";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(agent.get_program()).args(agent.get_args());
    let mut terminal = Terminal::start(shell.env("TERM", "xterm"), SIZE, Log::Terminal);
    terminal.wait_until("the view", |_, text| text.contains("ready") && has_whole_view(text));
    terminal.type_in("\x1a");
    let shown = terminal.wait_until("the prompt", |_, text| text.contains("the prompt"));
    assert!(!shown.contains("publish in") && !shown.contains("Memory"), "{shown}");
    terminal.type_in("\n");
    terminal.wait_until("the view again", |_, text| has_whole_view(text));
    terminal.type_in("\x04");
    let ended = terminal.finish();
    let screen = ended.parser.screen().contents();
    assert!(screen.contains("ended 0") && !screen.contains("Ctrl-C ends"), "{screen}");
}

#[test]
fn however_the_command_ends_the_region_does() {
    for end in [Signal::TERM, Signal::INT] {
        let mut terminal = Terminal::start(&with_command(ECHO), SIZE, Log::Terminal);
        terminal.wait_until("the view", |_, text| text.contains("ready") && has_whole_view(text));
        terminal.signal(end);
        let ended = terminal.finish();
        assert_eq!(ended.status.code(), Some(128 + end.as_raw()));
        let screen = ended.parser.screen().contents();
        assert!(!screen.contains("Ctrl-C ends"), "{screen}");
        let mut parser = ended.parser;
        parser.process("after\r\n".repeat(100).as_bytes());
        assert_eq!(parser.screen().contents().lines().count(), 19, "the whole terminal scrolls");
    }
}

#[test]
fn without_the_option_a_command_has_the_terminal_to_itself() {
    let mut command = preview("7200");
    command.args(["--", "sh", "-c", "echo ready"]);
    let written = Terminal::start(&command, SIZE, Log::Terminal).finish().written;
    assert!(!written.contains(&b'\x1b'), "{}", String::from_utf8_lossy(&written));
    let mut command = preview("1");
    let ended =
        Terminal::start(command.args(["--live=no", "--once"]), SIZE, Log::Terminal).finish();
    assert_eq!(ended.status.code(), Some(0));
    let written = ended.written;
    assert!(!written.contains(&b'\x1b'), "{}", String::from_utf8_lossy(&written));
}
