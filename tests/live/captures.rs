//! What a person sees, as text, in `target/captures`: for a look at all of it, in three sizes.

use std::fs;
use std::path::Path;
use std::process::Command;

use fake_cloudwatch::{Answer, FakeCloudWatch};
use rustix::process::Signal;
use support::terminal::{Log, Size, Terminal};
use support::{command, publishing_to};

use crate::{lines, preview};

const SIZES: [Size; 3] = [(24, 80), (10, 40), (50, 160)];

/// Writes what is on the screen, with a frame around it.
fn write(name: &str, (height, width): Size, screen: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../captures");
    fs::create_dir_all(&folder).expect("a folder of the build");
    let edge = format!("+{}+\n", "-".repeat(width.into()));
    let width = usize::from(width);
    let rows: String = screen.lines().map(|row| format!("|{row:<width$}|\n")).collect();
    let file = folder.join(format!("{name}-{width}x{height}.txt"));
    fs::write(file, format!("{edge}{rows}{edge}")).expect("room on the disk");
}

/// Asserts that no row of the screen is one that the terminal has wrapped.
#[track_caller]
fn assert_unwrapped(terminal: &Terminal, screen: &str) {
    let wrapped = terminal.wrapped_rows();
    assert!(wrapped.is_empty(), "rows {wrapped:?} are wrapped:\n{screen}");
}

#[test]
fn the_console_and_the_view_fit_into_their_terminal() {
    for size in SIZES {
        let mut terminal =
            Terminal::start(preview("1").env("RUST_LOG", "warn"), size, Log::Terminal);
        let count = if size.0 == 10 { 1 } else { 3 };
        let screen = terminal.wait_until("lines and the view", |_, text| {
            lines(text).len() >= count && text.contains("console works")
        });
        assert_unwrapped(&terminal, &screen);
        write("preview", size, &screen);
        terminal.signal(Signal::TERM);
        let screen = terminal.finish().parser.screen().contents();
        write("preview-ended", size, &screen);
    }
}

#[test]
fn an_outage_is_shown_with_its_whole_cure() {
    let cloudwatch = FakeCloudWatch::start();
    let cause = "User: arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0 is not authorized to \
                 perform: cloudwatch:PutMetricData because no identity-based policy allows the action";
    cloudwatch.answer_always(Answer::error(403, "AccessDenied", cause));
    for size in SIZES {
        let mut command = publishing_to(&cloudwatch.url());
        command.args(["--publish", "cloudwatch,console"]).env("TERM", "xterm");
        let mut terminal = Terminal::start(&command, size, Log::Elsewhere);
        let cure = "add the permission cloudwatch:PutMetricData for this namespace";
        let screen = terminal.wait_until("the cure", |_, text| {
            text.split_whitespace().collect::<Vec<_>>().join(" ").contains(cure)
        });
        assert_unwrapped(&terminal, &screen);
        write("outage", size, &screen);
        terminal.signal(Signal::TERM);
        terminal.finish();
    }
}

#[test]
fn other_numbers_fit_into_their_terminal() {
    for size in SIZES {
        let mut command = preview("1");
        command.args(["--metrics", "cpu,memory,io,network,processes", "--once"]);
        let ended = Terminal::start(command.env("TERM", "dumb"), size, Log::Terminal).finish();
        let screen = ended.parser.screen();
        assert!((0..size.0).all(|row| !screen.row_wrapped(row)), "{}", screen.contents());
        let text = screen.contents().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("network received bytes") && text.contains("processes"), "{text}");
        write("metrics", size, &screen.contents());
    }
}

#[test]
fn a_command_has_the_view_below_its_output() {
    for size in SIZES {
        let mut command = preview("7200");
        command.args(["--live", "--", "sh", "-c", "seq 100; read line"]);
        let mut terminal = Terminal::start(&command, size, Log::Terminal);
        let end = if size.0 == 10 { "publish in" } else { "Ctrl-C ends" };
        let screen = terminal.wait_until("both", |_, text| {
            text.contains("100\n") && text.lines().last().is_some_and(|row| row.contains(end))
        });
        assert_unwrapped(&terminal, &screen);
        write("command", size, &screen);
        terminal.type_in("\n");
        write("command-ended", size, &terminal.finish().parser.screen().contents());
    }
}

#[test]
fn help_and_explain_are_captured() {
    let with = |arguments: &[&str]| -> Command {
        let mut command = command();
        command.args(arguments).env("TERM", "xterm");
        command
    };
    for size in SIZES {
        for (name, arguments) in [("help", &["--help"][..]), ("explain", &["explain", "--dry-run"])]
        {
            let ended = Terminal::start(&with(arguments), (500, size.1), Log::Terminal).finish();
            assert_eq!(ended.status.code(), Some(0));
            let text = ended.parser.screen().contents();
            let expected =
                if name == "help" { "What to measure:" } else { "ready: 4 metrics a period" };
            assert!(text.contains(expected), "{name}: {text}");
            write(name, size, &text);
        }
    }
}
