//! A terminal with the agent in it: what it shows, what is typed in it, and how it ends.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use vt100::{Parser, Screen};

/// Rows and columns.
pub type Size = (u16, u16);

/// The terminal takes what the agent writes while somebody waits for something to be shown; else
/// it stands still.
pub struct Terminal {
    master: File,
    child: Child,
    log: Option<BufReader<ChildStderr>>,
    parser: Parser,
    /// All that was written.
    written: Vec<u8>,
}

/// What is left when the agent has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub parser: Parser,
    pub written: Vec<u8>,
    /// The rest of the log, where it does not go to the terminal.
    pub log: String,
    /// Whether it takes what is typed in lines, and shows it, as a shell expects it.
    pub takes_lines: bool,
}

/// Where the log goes.
#[derive(Clone, Copy)]
pub enum Log {
    Terminal,
    Elsewhere,
}

impl Terminal {
    /// Runs the command as the foreground process of a new terminal of this size.
    pub fn start(command: &Command, size: Size, log: Log) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let master = master.expect("pseudo-terminals");
        grantpt(&master).expect("its own terminal");
        unlockpt(&master).expect("its own terminal");
        let name = ptsname(&master, Vec::new()).expect("it has a name").into_bytes();
        resize(&master, size);
        let path = PathBuf::from(std::ffi::OsString::from_vec(name));
        let slave = || -> OwnedFd {
            let options = File::options().read(true).write(true).open(&path);
            options.expect("the other end").into()
        };
        let stderr = match log {
            Log::Terminal => slave().into(),
            Log::Elsewhere => Stdio::piped(),
        };
        // A session of its own, to which the terminal of standard input belongs.
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        session.stdin(slave()).stdout(slave()).stderr(stderr);
        let mut child = session.spawn().expect("setsid is part of util-linux");
        let log = child.stderr.take().map(BufReader::new);
        let parser = parser(size, 10_000);
        Self { master: master.into(), child, log, parser, written: Vec::new() }
    }

    /// Waits until it shows what is wanted.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, shown: impl Fn(&Screen, &str) -> bool) -> String {
        let end = frames(&self.written) + HUNG_TEST;
        loop {
            let contents = self.parser.screen().contents();
            assert!(frames(&self.written) < end, "it never showed {what}:\n{contents}");
            if shown(self.parser.screen(), &contents) {
                return contents;
            }
            assert!(self.read(), "it ended before it showed {what}:\n{contents}");
        }
    }

    /// The rows that go on in the next one because they are too long.
    pub fn wrapped_rows(&self) -> Vec<u16> {
        let screen = self.parser.screen();
        let (height, _) = screen.size();
        (0..height.get()).filter(|row| screen.row_wrapped(*row)).collect()
    }

    /// Waits until so many frames were drawn.
    pub fn wait_for_frames(&mut self, count: usize) {
        let end = frames(&self.written) + count;
        while frames(&self.written) < end {
            assert!(self.read(), "it ended before it drew: {}", self.parser.screen().contents());
        }
    }

    /// Waits for so many lines of the log that contain `text`, while the terminal stands still.
    pub fn wait_for_log(&mut self, text: &str, count: usize) {
        let log = self.log.as_mut().expect("the log goes elsewhere").lines();
        let lines = log.map(|line| line.expect("text")).filter(|line| line.contains(text));
        assert_eq!(lines.take(count).count(), count, "{text} in the log");
    }

    pub fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("it takes a few characters");
    }

    pub fn resize(&mut self, size: Size) {
        resize(&self.master, size);
        let (rows, columns) = of_size(size);
        self.parser.screen_mut().set_size(rows, columns);
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child of this process");
    }

    /// Closes the window.
    pub fn close(mut self) -> ExitStatus {
        drop(self.log.take());
        drop(self.master);
        self.child.wait().expect("a child of this process")
    }

    /// Shows everything up to the end.
    pub fn finish(mut self) -> Ended {
        while self.read() {}
        let status = self.child.wait().expect("a child of this process");
        let mut log = String::new();
        if let Some(mut rest) = self.log {
            rest.read_to_string(&mut log).expect("text");
        }
        let modes = tcgetattr(&self.master).expect("a terminal").local_modes;
        let takes_lines = modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        Ended { status, parser: self.parser, written: self.written, log, takes_lines }
    }

    /// Takes what is written next; false at the end.
    fn read(&mut self) -> bool {
        let hung_test = Timespec { tv_sec: 60, tv_nsec: 0 };
        let mut master = [PollFd::new(&self.master, PollFlags::IN)];
        assert_eq!(poll(&mut master, Some(&hung_test)), Ok(1), "nothing was written");
        let mut bytes = [0; 4096];
        // Linux says that nobody has it open any more with an error.
        let count = self.master.read(&mut bytes).unwrap_or(0);
        self.parser.process(&bytes[..count]);
        self.written.extend(&bytes[..count]);
        count > 0
    }
}

impl Ended {
    /// All that would be shown if the terminal were high enough, without what was erased.
    pub fn all(&self, width: u16) -> Vec<String> {
        let mut parser = parser((3000, width), 0);
        parser.process(&self.written);
        parser.screen().contents().lines().map(str::to_owned).collect()
    }

    /// That whoever comes next has a terminal as it was: the cursor can be seen, at the beginning
    /// of the row below `lines`, and there are no colours.
    #[track_caller]
    pub fn assert_usable_below(&self, lines: usize) {
        let screen = self.parser.screen();
        let contents = screen.contents();
        assert_eq!(screen.cursor_position(), (lines as u16, 0), "{contents}");
        assert!(!screen.hide_cursor() && !screen.alternate_screen(), "{contents}");
        let colours = (screen.fgcolor(), screen.bold(), screen.dim());
        assert_eq!(colours, (vt100::Color::Default, false, false), "{contents}");
    }
}

fn parser(size: Size, scrollback: usize) -> Parser {
    let (rows, columns) = of_size(size);
    Parser::new(rows, columns, scrollback)
}

fn of_size((rows, columns): Size) -> (NonZero<u16>, NonZero<u16>) {
    let at_least_one = |number| NonZero::new(number).expect("a size of at least one");
    (at_least_one(rows), at_least_one(columns))
}

fn resize(terminal: &impl std::os::fd::AsFd, (rows, columns): Size) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("a terminal");
}

/// Each frame ends with what erases the rest, or, below the output of a command, brings the cursor back.
fn frames(written: &[u8]) -> usize {
    let count = |end: &[u8]| written.windows(end.len()).filter(|bytes| *bytes == end).count();
    count(b"\x1b[J") + count(b"\x1b8")
}

/// A guard against a test that would hang: a minute of frames.
const HUNG_TEST: usize = 600;
