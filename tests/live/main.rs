//! The console in a terminal: its lines, and below them the live view.
#![cfg(target_os = "linux")]

use std::process::Command;

use fake_cloudwatch::{Answer, FakeCloudWatch};
use rustix::process::Signal;
use support::terminal::{Ended, Log, Size, Terminal};
use support::{Agent, command, publishing_to};

/// A preview with ten samples a second, in windows of `period`.
fn preview(period: &str) -> Command {
    let mut command = command();
    command
        .args(["-n", "Test", "-s", "Foo", "--dry-run", "--sample-interval", "0.1", "-p", period])
        .env("TERM", "xterm-256color");
    command
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains(" namespace=Test")).collect()
}

/// Asserts that the lines are whole, and that each window has one.
#[track_caller]
fn assert_whole(lines: &[impl AsRef<str>]) {
    let mut starts = Vec::new();
    for line in lines.iter().map(AsRef::as_ref) {
        let (start, rest) = line.split_once(" CPUUtilization=").expect(line);
        assert!(rest.ends_with(" namespace=Test ServiceName=Foo"), "{line}");
        starts.push(humantime::parse_rfc3339(start).expect(line));
    }
    assert!(starts.is_sorted_by(|one, next| one < next), "{starts:#?}");
}

/// Asserts besides that none is missing.
#[track_caller]
fn assert_all(lines: &[String], log: &str) {
    assert_whole(lines);
    let all = format!("windows={0} delivered={0} ", lines.len());
    assert!(log.contains(&all), "{lines:#?}\n{log}");
}

const WIDE: Size = (24, 200);

#[test]
fn below_the_lines_is_the_live_view() {
    let mut terminal = Terminal::start(&preview("1"), WIDE, Log::Terminal);
    let shown = terminal.wait_until("three lines and the view", |_, text| {
        lines(text).len() >= 3 && text.contains("console works")
    });
    let printed = lines(&shown);
    assert_whole(&printed);
    let below: Vec<_> = shown.lines().skip(printed.len()).collect();
    assert_eq!(below.len(), 12, "an empty row and the view:\n{shown}");
    for (row, begin) in
        [(1, "CPU     now"), (2, "100%"), (5, "  0%"), (6, "Memory  now"), (11, "publish in 1s")]
    {
        assert!(below[row].starts_with(begin), "{shown}");
    }
    for (row, part) in [(0, ""), (1, " max "), (1, " cores (/"), (6, "iB (/")] {
        assert!(below[row].contains(part), "{part} in row {row} of\n{shown}");
    }
    let is_block = |c| ('▁'..='█').contains(&c);
    assert!(below[5].contains(is_block) && below[10].contains(is_block), "{shown}");
    terminal.signal(Signal::TERM);
    let ended = terminal.finish();
    assert_eq!(ended.status.code(), Some(0));
    let left = ended.all(WIDE.1);
    assert_whole(&left);
    ended.assert_usable_below(left.len());
}

#[test]
fn frames_are_drawn_in_place_and_move_no_line() {
    let mut terminal =
        Terminal::start(preview("1").env("RUST_LOG", "info"), (12, 200), Log::Elsewhere);
    terminal.wait_until("lines that scroll", |_, text| lines(text).len() == 2);
    terminal.wait_for_frames(50);
    terminal.signal(Signal::TERM);
    let ended = terminal.finish();
    let all = ended.all(200);
    assert_all(&all, &ended.log);
    // What has left the screen, because it is low, are lines.
    let mut screen = ended.parser.screen().clone();
    let left = screen.contents().lines().count();
    screen.set_scrollback(10_000);
    assert_eq!(left + screen.scrollback(), all.len(), "{}", screen.contents());
}

#[test]
fn the_log_in_the_same_terminal_stays_whole() {
    let debug = &mut preview("1");
    let debug = debug.env("RUST_LOG", "cloudwatch_metrics_agent=debug");
    let mut terminal = Terminal::start(debug, (24, 250), Log::Terminal);
    // Each sample is a line of the log, which moves the others up.
    terminal.wait_until("a line", |_, text| lines(text).len() == 1);
    terminal.wait_until("the view", |_, text| text.contains("console works"));
    terminal.wait_for_frames(40);
    terminal.signal(Signal::TERM);
    let all = terminal.finish().all(250);
    assert!(all.iter().filter(|row| row.contains("Sample {")).count() >= 15, "{all:#?}");
    let (log, lines): (Vec<_>, Vec<_>) = all.iter().partition(|row| row.starts_with('['));
    assert!(log.iter().all(|row| row.matches("cloudwatch_metrics_agent").count() == 1), "{log:#?}");
    assert_whole(&lines);
}

#[test]
fn a_terminal_that_changes_its_size_shows_what_fits() {
    let mut terminal = Terminal::start(&preview("7200"), (24, 100), Log::Terminal);
    terminal.wait_until("all", |_, text| text.contains("publish in"));
    for (size, last, rows) in
        [((5, 20), "console waiting", 5), ((1, 20), "", 0), ((30, 120), "publish in", 12)]
    {
        terminal.resize(size);
        terminal.wait_for_frames(2);
        let shown = terminal.wait_until("a view that fits", |screen, text| {
            text.lines().count() == rows && screen.cursor_position() == (0, 0)
        });
        assert!(shown.lines().last().unwrap_or("").starts_with(last), "{size:?}:\n{shown}");
    }
    terminal.signal(Signal::TERM);
    // The line is longer than a row.
    terminal.finish().assert_usable_below(2);
}

#[test]
fn whatever_ends_it_leaves_a_usable_terminal() {
    let start = || {
        let mut terminal = Terminal::start(&preview("7200"), WIDE, Log::Terminal);
        terminal.wait_until("the view", |_, text| text.contains("publish in"));
        terminal
    };
    // Typed, and its echo with it.
    for end in ["SIGTERM", "SIGINT", "Ctrl-C"] {
        let mut terminal = start();
        match end {
            "SIGTERM" => terminal.signal(Signal::TERM),
            "SIGINT" => terminal.signal(Signal::INT),
            _ => terminal.type_in("\x03"),
        }
        let ended = terminal.finish();
        assert_eq!((ended.status.code(), ended.all(WIDE.1).len()), (Some(0), 1), "{end}");
        ended.assert_usable_below(1);
    }
    // A panic aborts. Nothing can be taken away after these; what comes next goes above the view.
    for signal in [Signal::KILL, Signal::ABORT] {
        let terminal = start();
        terminal.signal(signal);
        let ended = terminal.finish();
        assert_eq!(ended.status.code(), None);
        ended.assert_usable_below(0);
    }
    // The window is closed: SIGHUP, and nobody is left to print the last window for.
    assert_eq!(start().close().code(), Some(1));
}

#[test]
fn a_second_ctrl_c_counts_at_once_and_leaves_a_usable_terminal() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::Hang);
    let mut terminal = Terminal::start(
        publishing_to(&cloudwatch.url())
            .args(["--publish", "cloudwatch,console"])
            .env("TERM", "xterm")
            // A row that is wrapped would be counted as one.
            .env("RUST_LOG", "info,cloudwatch_metrics_agent::cost=off"),
        (24, 300),
        Log::Terminal,
    );
    cloudwatch.wait_until("a request under way", |seen| seen.requests.len() == 1);
    terminal.wait_until("the view", |_, text| text.contains("cloudwatch waiting"));
    terminal.type_in("\x03");
    terminal.wait_until("the first Ctrl-C", |_, text| text.contains("stopping"));
    // The same stop, as by a script that passes on what it got.
    terminal.signal(Signal::TERM);
    terminal.wait_until("SIGTERM", |_, text| text.contains("signal 15 ignored: already stopping"));
    terminal.type_in("\x03");
    let ended = terminal.finish();
    assert_eq!(ended.status.code(), Some(1));
    let all = ended.all(300);
    assert!(all.last().is_some_and(|row| row.contains("second signal")), "{all:#?}");
    ended.assert_usable_below(all.len());
}

#[test]
fn a_publisher_that_fails_is_shown_with_its_cause() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::error(403, "AccessDenied", "not allowed"));
    let mut terminal = Terminal::start(
        publishing_to(&cloudwatch.url())
            .args(["--publish", "cloudwatch,console"])
            .env("TERM", "xterm"),
        WIDE,
        Log::Elsewhere,
    );
    // The cause is the last row: before it is there, the frame may be drawn by half.
    let shown = terminal.wait_until("what fails", |_, text| {
        text.contains("cloudwatch failing since 20") && text.contains("AccessDenied")
    });
    let rows: Vec<_> = shown.lines().rev().collect();
    assert!(rows[0].starts_with("cloudwatch: ") && rows[0].contains("AccessDenied"), "{shown}");
    assert!(rows[2].ends_with("Z  console works"), "{shown}");
    cloudwatch.answer_always(Answer::Take);
    terminal.wait_until("that it works again", |_, text| text.contains("cloudwatch works"));
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.finish().status.code(), Some(0));
}

fn finished_after_two_lines(command: &Command) -> Ended {
    let mut terminal = Terminal::start(command, WIDE, Log::Elsewhere);
    terminal.wait_until("two lines", |_, text| text.matches("Test").count() >= 2);
    terminal.signal(Signal::TERM);
    terminal.finish()
}

#[test]
fn without_colours_it_shows_the_same() {
    let with_colours = finished_after_two_lines(&preview("1")).written;
    let without = finished_after_two_lines(preview("1").env("NO_COLOR", "1")).written;
    let shown = |written: &[u8]| String::from_utf8_lossy(written).into_owned();
    assert!(shown(&with_colours).contains("\x1b[36m"), "{}", shown(&with_colours));
    let without = shown(&without);
    let sequences = without.split('\x1b').skip(1);
    assert!(without.contains("publish in") && !without.contains("\x1b[m"), "{without}");
    for sequence in sequences {
        let end = sequence.find(char::is_alphabetic).map(|end| &sequence[end..=end]);
        assert!(matches!(end, Some("J" | "K" | "A" | "C")), "{sequence:?}");
    }
}

#[test]
fn there_is_no_view_where_it_cannot_be_drawn_or_was_not_asked_for() {
    for command in [
        preview("1").env("TERM", "dumb"),
        preview("1").env("TERM", ""),
        preview("1").env_remove("TERM"),
        preview("1").args(["--output", "json"]),
    ] {
        let written = finished_after_two_lines(command).written;
        assert!(!written.contains(&b'\x1b'), "{}", String::from_utf8_lossy(&written));
    }
    // Not a terminal.
    let agent = Agent::start(&mut preview("1"));
    agent.wait_for_stdout("namespace=Test");
    let ended = agent.terminate().expect_code(0);
    assert_whole(&ended.stdout.lines().collect::<Vec<_>>());
    assert!(
        ended.stdout.ends_with("ServiceName=Foo\n") && ended.troubles().is_empty(),
        "{ended:#?}"
    );
}

#[test]
fn in_the_background_there_are_the_lines_alone() {
    let agent = preview("1");
    let mut shell = Command::new("sh");
    shell.args(["-c", "set -m; \"$@\" & trap \"kill $!\" TERM; wait; wait", "sh"]);
    shell.arg(agent.get_program()).args(agent.get_args()).env("TERM", "xterm");
    let written = finished_after_two_lines(&shell).written;
    assert!(!written.contains(&b'\x1b'), "{}", String::from_utf8_lossy(&written));
}

#[test]
fn a_terminal_that_stands_still_stops_no_sample_and_loses_no_line() {
    for stopped in [true, false] {
        let debug = &mut preview("1");
        let mut terminal =
            Terminal::start(debug.env("RUST_LOG", "debug"), (24, 300), Log::Elsewhere);
        terminal.wait_until("the view", |_, text| text.contains("publish in"));
        if stopped {
            terminal.type_in("\x13");
        }
        // Long enough that a terminal that is not read is full.
        terminal.wait_for_log("Sample {", 60);
        if stopped {
            terminal.type_in("\x11");
        }
        terminal.wait_until("the lines", |_, text| lines(text).len() >= 6);
        terminal.wait_for_frames(2);
        terminal.signal(Signal::TERM);
        let ended = terminal.finish();
        assert_eq!(ended.status.code(), Some(0));
        let left = ended.all(300);
        assert_all(&left, &ended.log);
    }
}
