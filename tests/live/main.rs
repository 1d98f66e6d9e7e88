//! The console in a terminal: its lines, and below them the live view.
#![cfg(target_os = "linux")]

mod beside_command;
mod captures;
mod top;

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
        // Without the lines of the start, which are no part of what is looked at.
        .envs([("TERM", "xterm-256color"), ("RUST_LOG", "warn")]);
    command
}

/// The lines of windows among all that is shown.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|row| is_line(row)).collect()
}

/// Whether a row is a time and figures.
fn is_line(row: &str) -> bool {
    let (time, rest) = row.split_once(' ').unwrap_or_default();
    let is_figure = |word: &str| word == "-" || word.ends_with('%');
    time.split(':').count() == 3 && rest.split_whitespace().all(is_figure)
}

/// Whether a row belongs to a heading.
fn is_heading(row: &str) -> bool {
    row.is_empty() || row.starts_with("service Foo  namespace Test") || row.starts_with("time ")
}

/// Asserts that the lines are whole, and that each window has one.
#[track_caller]
fn assert_whole(lines: &[impl AsRef<str> + std::fmt::Debug]) {
    let mut starts = Vec::new();
    for line in lines.iter().map(AsRef::as_ref) {
        assert!(is_line(line) && line.split_whitespace().count() == 5, "{line:?} in {lines:#?}");
        starts.push(&line[.."00:00:00".len()]);
    }
    // Behind midnight they are smaller.
    assert!(starts.windows(2).all(|two| two[0] != two[1]), "{starts:#?}");
}

/// Asserts besides that none is missing.
#[track_caller]
fn assert_all(rows: &[String], log: &str) {
    let lines: Vec<_> = rows.iter().filter(|row| !is_heading(row)).collect();
    assert_whole(&lines);
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
    assert!(shown.starts_with("service Foo  namespace Test  scope "), "{shown}");
    assert!(shown.contains("\ntime         CPU     max  memory     max\n"), "{shown}");
    let below: Vec<_> = shown.lines().skip(2 + printed.len()).collect();
    assert_eq!(below.len(), 13, "an empty row and the view:\n{shown}");
    for (row, begin) in [
        (1, "service Foo  namespace Test  scope "),
        (2, "CPU "),
        (6, "  0%"),
        (7, "Memory "),
        (12, "publish in 1s"),
    ] {
        assert!(below[row].starts_with(begin), "{shown}");
    }
    for (row, part) in
        [(2, " max "), (2, " core"), (2, "  (/"), (3, "% "), (7, "iB of "), (7, "  (/")]
    {
        assert!(below[row].contains(part), "{part} in row {row} of\n{shown}");
    }
    assert!(below[12].ends_with("  console works  Ctrl-C ends"), "{shown}");
    let is_block = |c| ('▁'..='█').contains(&c);
    assert!(below[6].contains(is_block) && below[11].contains(is_block), "{shown}");
    terminal.signal(Signal::TERM);
    let ended = terminal.finish();
    assert_eq!(ended.status.code(), Some(0));
    let left = ended.all(WIDE.1);
    assert_whole(&left[2..]);
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
    let is_log = |row: &str| {
        let level = row.split_whitespace().nth(1).unwrap_or_default();
        ["DEBUG", "INFO", "WARN"].contains(&level)
    };
    let (log, rows): (Vec<_>, Vec<_>) = all.iter().partition(|row| is_log(row));
    assert!(log.iter().all(|row| row.matches("Sample {").count() <= 1), "{log:#?}");
    let stopped = log.iter().find(|row| row.contains("stopped; ")).expect("the last line");
    assert!(stopped.contains(" windows=") && !stopped.contains("=0 "), "{stopped}");
    assert_whole(&rows.into_iter().filter(|row| !is_heading(row)).collect::<Vec<_>>());
}

#[test]
fn a_terminal_that_changes_its_size_shows_what_fits() {
    let mut terminal = Terminal::start(&preview("7200"), (24, 100), Log::Terminal);
    terminal.wait_until("all", |_, text| text.contains("publish in"));
    for (size, last, rows) in
        [((5, 20), "console waiting", 5), ((1, 20), "", 0), ((30, 120), "publish in", 13)]
    {
        terminal.resize(size);
        terminal.wait_for_frames(2);
        let shown = terminal.wait_until("a view that fits", |screen, text| {
            text.lines().count() == rows && screen.cursor_position() == (0, 0)
        });
        assert!(shown.lines().last().unwrap_or("").starts_with(last), "{size:?}:\n{shown}");
    }
    terminal.signal(Signal::TERM);
    let ended = terminal.finish();
    ended.assert_usable_below(ended.all(120).len());
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
        // The heading and the last window.
        assert_eq!((ended.status.code(), ended.all(WIDE.1).len()), (Some(0), 3), "{end}");
        ended.assert_usable_below(3);
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
        (40, 300),
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
        text.contains("cloudwatch failing for ")
            && text.contains("AccessDenied")
            && text.contains("Ctrl-C ends")
    });
    let rows: Vec<_> = shown.lines().rev().collect();
    assert!(rows[0].starts_with("publish in ") && rows[0].ends_with("  Ctrl-C ends"), "{shown}");
    assert!(rows.iter().any(|row| row.starts_with("cloudwatch: ")), "{shown}");
    assert!(rows.iter().any(|row| row.ends_with("s  console works")), "{shown}");
    cloudwatch.answer_always(Answer::Take);
    terminal.wait_until("that it works again", |_, text| text.contains("cloudwatch works"));
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.finish().status.code(), Some(0));
}

fn finished_after_two_lines(command: &Command) -> Ended {
    let mut terminal = Terminal::start(command, WIDE, Log::Elsewhere);
    terminal.wait_until("two lines", |_, text| {
        lines(text).len() >= 2 || text.matches("\"start\"").count() >= 2
    });
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
    for line in ended.stdout.lines() {
        let (start, rest) = line.split_once(" CPUUtilization=").expect(line);
        assert!(humantime::parse_rfc3339(start).is_ok(), "{line}");
        assert!(rest.ends_with(" namespace=Test ServiceName=Foo"), "{line}");
    }
    assert!(
        ended.stdout.ends_with("ServiceName=Foo\n") && ended.troubles().is_empty(),
        "{ended:#?}"
    );
}

#[test]
fn ctrl_z_takes_the_view_away_until_it_is_resumed() {
    let agent = preview("7200");
    let mut shell = Command::new("sh");
    let script = "set -m; \"$@\"; echo the prompt; read line; fg > /dev/null; echo ended with $?";
    shell.args(["-c", script, "sh"]).arg(agent.get_program()).args(agent.get_args());
    let mut terminal = Terminal::start(shell.env("TERM", "xterm"), WIDE, Log::Terminal);
    terminal.wait_until("the view", |_, text| text.contains("Ctrl-C ends"));
    terminal.type_in("\x1a");
    let shown = terminal.wait_until("the prompt", |_, text| text.contains("the prompt"));
    assert!(!shown.contains("publish in") && !shown.contains("Memory"), "{shown}");
    terminal.type_in("\n");
    terminal.wait_until("the view again", |_, text| text.contains("Ctrl-C ends"));
    terminal.type_in("\x03");
    let ended = terminal.finish();
    let all = ended.all(WIDE.1);
    assert!(all.last().is_some_and(|row| row == "ended with 0"), "{all:#?}");
    assert!(all.iter().any(|row| is_line(row)), "{all:#?}");
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
