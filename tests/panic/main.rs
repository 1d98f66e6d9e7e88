//! A panic of the agent does not touch the command, and leaves no terminal taken over. The agent has no known way to panic, so this
//! program is one: it starts a command as the agent does, and panics.
#![expect(clippy::panic, reason = "that is what it is for")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use cloudwatch_metrics_agent::children::Children;
use cloudwatch_metrics_agent::signals::{self, Signals};
use cloudwatch_metrics_agent::{Full, command};
use rustix::process::{Pid, Signal, kill_process};
use support::terminal::{Log, Terminal};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("panic") => panicking(&std::env::args_os().skip(2).collect::<Vec<_>>()),
        Some("screen") => panicking_on_a_screen(),
        _ => {
            check();
            check_screen();
        }
    }
}

/// Runs a command and panics, in a runtime like the agent's.
fn panicking(command: &[OsString]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut signals = Signals::install(signals::hold()).expect("signals can be taken over");
        let (program, arguments) = command.split_first().expect("a program");
        command::Command::spawn(program, arguments, &Children::default(), &mut signals)
            .expect("there is a shell");
        panic!("on purpose");
    });
}

fn check() {
    let expect = |script: &str, signals: &[Signal], code: i32| {
        let this = std::env::current_exe().expect("this program has a path");
        let mut agent = Command::new(this)
            .args(["panic", "sh", "-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this program can be run");
        let mut log = BufReader::new(agent.stderr.take().expect("a pipe")).lines();
        let mut output = BufReader::new(agent.stdout.take().expect("a pipe")).lines();
        assert_eq!(output.next().expect("a line").expect("text"), "ready");
        log.find(|line| line.as_ref().is_ok_and(|line| line.contains("on purpose")))
            .expect("the panic is said")
            .expect("text");
        for signal in signals {
            let pid = Pid::from_child(&agent);
            kill_process(pid, *signal).expect("it is this process's child");
            assert_eq!(output.next().expect("a line").expect("text"), "got it");
        }
        let ended = agent.wait().expect("it is this process's child");
        assert_eq!(ended.code(), Some(code), "{script}");
    };
    expect("echo ready; exit 7", &[], 7);
    expect("(sleep 0.1 &); echo ready; kill -9 $$", &[], 137);
    let waiting = "trap 'echo got it' USR1; trap 'echo got it; exit 3' TERM; echo ready; \
                   while :; do sleep 1 & wait; done";
    expect(waiting, &[Signal::USR1, Signal::TERM], 3);
    println!("test a_panic_does_not_touch_the_command ... ok");
}

/// Takes the terminal over as `top` does, and panics.
fn panicking_on_a_screen() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut full = Full::open().expect("it is taken over").expect("it can draw");
        full.draw(vec!["a row".to_owned()]).expect("it is drawn");
        panic!("on purpose");
    });
}

fn check_screen() {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg("screen").env("TERM", "xterm");
    let ended = Terminal::start(&command, (24, 80), Log::Terminal).finish();
    assert!(!ended.status.success());
    let written = String::from_utf8_lossy(&ended.written);
    assert!(written.contains("a row"), "it was drawn: {written}");
    let text = ended.parser.screen().contents();
    assert!(text.contains("on purpose") && !text.contains("a row"), "{text}");
    ended.assert_usable_below(text.lines().count());
    assert!(ended.takes_lines, "{text}");
    println!("test a_panic_gives_the_terminal_back ... ok");
}
