//! `agent.plugin`: runs a program of one folder, whose output is the result.

mod bounds;
mod collectd;
mod file;
mod handed;
mod lines;
mod long;
mod nagios;
mod process;
#[cfg(test)]
mod tests;
mod types;
pub mod unit;

use std::path::PathBuf;
use std::time::Duration;

use log::{Level, log, warn};
use rustix::process::WaitStatus;
use tokio::time::{Instant, sleep_until, timeout};

use self::bounds::{LONGEST_LINE, MOST_LOGGED, MOST_OUTPUT};
use self::file::Found;
pub use self::handed::hand_over;
use self::lines::Lines;
use self::long::LongRunning;
use self::process::{Process, Start, TooMuch};
use super::asking::Asking;
use crate::blocking::Purpose;
use crate::children;
use crate::model::{
    Check, CheckType, Discovers, Findings, Form, Opening, Running, Setting, Waiting,
};
use crate::shown::shown;

pub const TYPE: CheckType = CheckType {
    name: "agent.plugin",
    about: "The metrics that a program in the folder of --plugins prints",
    settings: &[
        Setting {
            name: "file",
            form: Form::Text,
            about: "The name of the file in the folder of plugins",
            is_required: true,
            example: "jobs.sh",
        },
        Setting {
            name: "args",
            form: Form::List,
            about: "The arguments, one an item",
            is_required: false,
            example: "[--queue, mail]",
        },
        Setting {
            name: "timeout",
            form: Form::LastingMilliseconds(1.0, 1_800_000.0),
            about: "How long the program may run, less than the timeout of the check; a bare number is milliseconds",
            is_required: false,
            example: "5s",
        },
        Setting {
            name: "format",
            form: Form::Word(&["lines", "nagios", "collectd"]),
            about: "What it prints: lines of metrics (the default), a text and performance data as for Nagios, or PUTVAL lines as for collectd, from a program that keeps running",
            is_required: false,
            example: "nagios",
        },
    ],
    one_of: &[],
    metrics: &[],
    discovers: Discovers::Kept,
    targets: Some(file::targets),
    open: |of: &Opening| Box::new(Plugin::of(of)),
};

struct Plugin {
    program: Program,
    /// A program that keeps running, of the format of collectd.
    long_running: Option<LongRunning>,
}

/// What is run, and how.
pub struct Program {
    /// The id of the check.
    id: String,
    file: String,
    folder: PathBuf,
    args: Vec<String>,
    /// For its environment.
    variables: Vec<(String, String)>,
    limit: Option<Duration>,
    is_nagios: bool,
    asking: Asking<Result<Found, String>>,
    /// Whether what is odd was said already.
    has_warned: bool,
    /// How standard error is logged: most plugins that fail say the same in each run.
    level: Level,
}

impl Plugin {
    fn of(opening: &Opening) -> Self {
        let details = opening.details;
        let format = details.text("format");
        let program = Program {
            id: opening.id.to_owned(),
            file: details.text("file").unwrap_or_default().to_owned(),
            folder: opening.roots.plugins.clone(),
            args: details.list("args").to_vec(),
            variables: variables(opening, format == Some("collectd")),
            limit: details.lasting("timeout"),
            is_nagios: format == Some("nagios"),
            asking: Asking::new(Purpose::Plugins),
            has_warned: false,
            level: Level::Warn,
        };
        let long_running = (format == Some("collectd")).then(LongRunning::default);
        Self { program, long_running }
    }
}

impl Check for Plugin {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            match &mut self.long_running {
                Some(long_running) => long_running.values(&mut self.program).await,
                None => self.program.once().await,
            }
        })
    }

    fn mistake(&self) -> Option<String> {
        file::mistake(&self.program.file)
    }

    fn wait(&mut self) -> Waiting<'_> {
        Box::pin(async {
            match &mut self.long_running {
                Some(long_running) => long_running.go_on(&mut self.program).await,
                None => std::future::pending().await,
            }
        })
    }
}

impl Program {
    /// Starts the program, if it is one of the folder.
    async fn start(&mut self) -> Result<(Process, Found), String> {
        let (folder, file) = (self.folder.clone(), self.file.clone());
        let find = move || file::find(&folder, &file);
        self.asking.settle().await;
        let found = self.asking.ask("the folder of plugins", find).await??;
        let start = Start {
            program: found.path.clone(),
            args: self.args.clone(),
            variables: self.variables.clone(),
            input: None,
        };
        Ok((Process::start(start).await?, found))
    }

    /// One run from its start to its end.
    async fn once(&mut self) -> Result<Findings, String> {
        let (mut process, found) = self.start().await?;
        let limit = self.limit;
        let read = self.read(&mut process);
        let mut findings = match limit {
            Some(limit) => timeout(limit, read)
                .await
                .unwrap_or_else(|_| Err(format!("timed out after {} s", limit.as_secs_f64()))),
            None => read.await,
        }?;
        findings.raw.insert(0, ("program".to_owned(), found.path.display().to_string()));
        Ok(findings)
    }

    async fn read(&mut self, process: &mut Process) -> Result<Findings, String> {
        let (mut lines, mut text, mut logged) = (Lines::default(), String::new(), 0);
        let (mut end, mut latest) = (None, Instant::now());
        let Process { group, output, errors } = process;
        let (mut has_output, mut has_errors) = (true, true);
        while has_output || has_errors || end.is_none() {
            tokio::select! {
                biased;
                line = output.next(), if has_output => match line.map_err(|of| lines.error().unwrap_or(too_much(of)))? {
                    Some(line) if self.is_nagios => {
                        text.push_str(&self.text(line));
                        text.push('\n');
                    }
                    Some(line) => lines.take(&self.text(line)),
                    None => has_output = false,
                },
                line = errors.next(), if has_errors => match line {
                    Ok(Some(line)) => self.log(&line, &mut logged),
                    Ok(None) => has_errors = false,
                    // A line that is too long is left out.
                    Err(_) => {}
                },
                status = group.ended(), if end.is_none() => {
                    end = Some(status);
                    latest = Instant::now() + AFTER_END;
                }
                // All of its group has ended with it. Only what left the group may hold the pipes.
                () = sleep_until(latest), if end.is_some() => break,
            }
        }
        self.has_logged(logged);
        let code = end.and_then(WaitStatus::exit_status);
        if let Some(warning) = lines.warning() {
            self.warn_once(warning);
        }
        if self.is_nagios {
            return nagios::findings(&text, code);
        }
        lines.end(end.filter(|_| code != Some(0)).map(how_it_ended))
    }

    /// A line as text. What is not UTF-8 is replaced.
    fn text(&mut self, line: Vec<u8>) -> String {
        String::from_utf8(line).unwrap_or_else(|error| {
            self.warn_once("its output is not UTF-8, and what is not was replaced");
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        })
    }

    /// Says something odd, but not with each run.
    fn warn_once(&mut self, text: &str) {
        if !std::mem::replace(&mut self.has_warned, true) {
            warn!("check {}: {}", self.id, shown(text));
        }
    }

    /// So many lines of standard error were logged in a run. Those of the next one are said less loudly.
    fn has_logged(&mut self, count: usize) {
        self.level = if count > 0 { Level::Debug } else { Level::Warn };
    }

    /// Puts a line of standard error into the log, as long as a run has not put in too many.
    fn log(&self, line: &[u8], logged: &mut usize) {
        *logged += 1;
        match *logged {
            ..=MOST_LOGGED => {
                let line = String::from_utf8_lossy(line);
                log!(self.level, "check {}: {}: {}", self.id, self.file, shown(&line));
            }
            count if count == MOST_LOGGED + 1 => {
                log!(self.level, "check {}: {}: more lines are left out", self.id, self.file);
            }
            _ => {}
        }
    }
}

/// The variables that plugins know from another agent, and those of collectd.
fn variables(opening: &Opening, is_collectd: bool) -> Vec<(String, String)> {
    let period = opening.period.as_secs_f64().to_string();
    let own = [
        ("RAX_CHECK_ID", opening.id.to_owned()),
        ("RAX_CHECK_PERIOD", period.clone()),
        ("RAX_CHECK_TYPE", TYPE.name.to_owned()),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    let details = opening
        .details
        .texts()
        .map(|(name, value)| (format!("RAX_DETAILS_{}", name.to_uppercase()), value));
    let mut variables: Vec<_> = own.into_iter().chain(details).collect();
    if is_collectd {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        variables.push(("COLLECTD_HOSTNAME".to_owned(), host));
        variables.push(("COLLECTD_INTERVAL".to_owned(), period));
    }
    variables
}

fn too_much(of: TooMuch) -> String {
    match of {
        TooMuch::Line => format!("expected lines of at most {} kB", LONGEST_LINE >> 10),
        TooMuch::Output => format!("expected at most {} MB of output", MOST_OUTPUT >> 20),
    }
}

/// For people.
fn how_it_ended(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("the plugin ended with exit code {code}"),
        (None, Some(signal)) => format!("signal {signal} ended the plugin"),
        (None, None) => format!("the plugin ended: {:?}", children::exit_code(status)),
    }
}

/// How long what has left the group of a plugin may keep its pipes open after its end.
const AFTER_END: Duration = Duration::from_millis(500);
