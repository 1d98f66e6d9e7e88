//! `top`: an agent that runs, shown by another process.

mod connection;
mod ends;
mod lists;
mod nights;

use std::process::Command;

use support::folder::Folder;
use support::terminal::{Log, Size, Terminal};
use support::{Agent, command};

/// An agent with the API at a socket, or at another place with further options.
struct Watched {
    agent: Agent,
    folder: Folder,
}

/// Two checks that are available, and one with an alarm that is not.
const CONFIG: &str = "\
checks:
  load: {type: agent.load_average, period: 1}
  root: {type: agent.filesystem, period: 1, details: {target: /}}
  web:
    type: remote.tcp
    period: 1
    details: {host: 127.0.0.1, port: 1}
    alarms:
      web-up: {}
";

impl Watched {
    fn start(config: &str) -> Self {
        let folder = Folder::of(&[("agent.yaml", config)]);
        let agent = Agent::start(&mut previewing(&folder));
        Self { agent, folder }.answering()
    }

    fn answering(self) -> Self {
        self.agent.wait_for_log("the API answers at ");
        self
    }

    fn address(&self) -> String {
        format!("unix:{}", self.folder.path("api.sock"))
    }

    /// The command that shows it.
    fn top(&self) -> Command {
        top(&self.address())
    }

    /// The same in a terminal.
    fn shown(&self, size: Size) -> Terminal {
        Terminal::start(&self.top(), size, Log::Terminal)
    }
}

/// The command line of such an agent.
fn previewing(folder: &Folder) -> Command {
    let mut command = without_address(folder);
    command.args(["--api", &format!("unix:{}", folder.path("api.sock"))]);
    command
}

fn without_address(folder: &Folder) -> Command {
    let mut command = command();
    command.args(["--dry-run", "--period", "1", "--sample-interval", "0.1", "--service", "web"]);
    command.args(["--store", "memory", "--max-metrics", "1000"]);
    command.args(["--config", &folder.path("agent.yaml")]).env("RUST_LOG", "info");
    command
}

fn top(address: &str) -> Command {
    let mut command = command();
    command.args(["top", "--api", address]).env("TERM", "xterm");
    command
}

/// Waits until a whole frame shows what is wanted: within one, the cursor is where the next row goes.
#[track_caller]
fn whole(terminal: &mut Terminal, what: &str, shown: impl Fn(&str) -> bool) -> String {
    terminal.wait_until(what, |screen, text| screen.cursor_position() == (0, 0) && shown(text))
}

/// The row that is chosen, without its mark.
fn chosen(text: &str) -> &str {
    text.lines().find_map(|row| row.strip_prefix("> ")).unwrap_or_default().trim_end()
}

/// The first words of the rows below a heading, up to an empty row.
fn below(text: &str, heading: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|row| !row.trim_start().starts_with(heading)).skip(1);
    let rows = rows.take_while(|row| !row.trim().is_empty());
    let name = |row: &str| row[2..].split_whitespace().next().unwrap_or_default().to_owned();
    rows.map(name).collect()
}

const SIZE: Size = (24, 80);

const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const RIGHT: &str = "\x1b[C";
const LEFT: &str = "\x1b[D";
const PAGE_UP: &str = "\x1b[5~";
const PAGE_DOWN: &str = "\x1b[6~";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[F";
const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";
const BACKSPACE: &str = "\x7f";
