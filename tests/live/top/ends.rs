//! However it ends, the terminal is as it was.

use std::process::Command;

use rustix::process::Signal;
use support::terminal::{Log, Terminal};

use super::{CONFIG, SIZE, Watched, chosen};

/// A name, the exit code, and what ends it.
type End = (&'static str, i32, fn(&mut Terminal));

#[test]
fn the_terminal_is_given_back() {
    let watched = Watched::start(CONFIG);
    let ends: [End; 6] = [
        ("q", 0, |terminal| terminal.type_in("q")),
        ("Ctrl-C", 0, |terminal| terminal.type_in("\x03")),
        ("SIGTERM", 1, |terminal| terminal.signal(Signal::TERM)),
        ("SIGINT", 1, |terminal| terminal.signal(Signal::INT)),
        ("SIGHUP", 1, |terminal| terminal.signal(Signal::HUP)),
        // On top of something else.
        ("q in the help", 0, |terminal| terminal.type_in("?q")),
    ];
    for (name, code, end) in ends {
        let mut terminal = watched.shown(SIZE);
        let text = terminal.wait_until("a list", |screen, text| {
            screen.alternate_screen() && screen.hide_cursor() && !chosen(text).is_empty()
        });
        end(&mut terminal);
        let ended = terminal.finish();
        assert_eq!(ended.status.code(), Some(code), "{name}: {text}");
        assert_eq!(ended.parser.screen().contents(), "", "{name}: nothing is left");
        ended.assert_usable_below(0);
        assert!(ended.takes_lines, "{name}");
    }
    // One that is closed, too, ends it.
    let mut terminal = watched.shown(SIZE);
    terminal.wait_until("a list", |_, text| !chosen(text).is_empty());
    terminal.close();
}

#[test]
fn ctrl_z_gives_it_back_until_it_goes_on() {
    let watched = Watched::start(CONFIG);
    let top = watched.top();
    let script = "set -m; \"$@\"; echo the prompt; stty -a | tr ' ;' '\\n\\n' | grep -x -e -icanon -e -echo; \
                  read line; fg > /dev/null; echo ended $?";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(top.get_program()).args(top.get_args());
    let mut terminal = Terminal::start(shell.env("TERM", "xterm"), SIZE, Log::Terminal);
    terminal.wait_until("a list", |_, text| !chosen(text).is_empty());
    terminal.type_in("\x1a");
    let text = terminal.wait_until("the prompt", |screen, text| {
        text.contains("the prompt") && !screen.alternate_screen() && !screen.hide_cursor()
    });
    assert!(!text.contains("icanon") && !text.contains("-echo"), "{text}");
    terminal.type_in("\n");
    terminal.wait_until("the list again", |screen, text| {
        screen.alternate_screen() && screen.hide_cursor() && !chosen(text).is_empty()
    });
    terminal.type_in("q");
    let ended = terminal.finish();
    let text = ended.parser.screen().contents();
    assert!(text.contains("ended 0") && text.contains("the prompt"), "{text}");
    assert!(ended.takes_lines);
}

#[test]
fn without_colours_the_choice_has_its_mark_and_troubles_their_words() {
    let watched = Watched::start(CONFIG);
    let is_whole = |text: &str| text.contains("unavailable") && !chosen(text).is_empty();
    let mut command = watched.top();
    let mut terminal = Terminal::start(command.env("NO_COLOR", "1"), SIZE, Log::Terminal);
    terminal.wait_until("all", |_, text| is_whole(text));
    terminal.type_in("q");
    let written = String::from_utf8(terminal.finish().written).expect("text");
    let colours = ["\x1b[1m", "\x1b[2m", "\x1b[7m", "\x1b[31m", "\x1b[32m", "\x1b[35m", "\x1b[36m"];
    assert!(colours.iter().all(|colour| !written.contains(colour)), "{written:?}");
    let mut terminal = watched.shown(SIZE);
    terminal.wait_until("all", |_, text| is_whole(text));
    terminal.type_in("q");
    let written = String::from_utf8(terminal.finish().written).expect("text");
    assert!(
        ["\x1b[7m", "\x1b[31m", "\x1b[36m"].iter().all(|of| written.contains(of)),
        "{written:?}"
    );
}
