//! One run of a program: its pipes, its end, and the end of all that it started.

use std::io::{self, ErrorKind, PipeReader};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::SigSet;
use rustix::process::{Pid, Signal, WaitStatus};
use tokio::net::unix::pipe::Receiver;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use super::bounds::{LONGEST_LINE, MOST_OUTPUT};
use super::file;
use crate::blocking::Purpose;
use crate::check::asking::in_turn;
use crate::children::{Child, Children, Started};

/// A program that runs, in a process group of its own.
#[derive(Debug)]
pub struct Process {
    pub group: Group,
    pub output: Lines,
    pub errors: Lines,
}

/// A program and all that it starts, which end together.
#[derive(Debug)]
pub struct Group(Option<Child>);

/// The lines of a pipe as they come.
#[derive(Debug)]
pub struct Lines {
    pipe: Option<Receiver>,
    /// What was read and is no whole line yet.
    rest: Vec<u8>,
    /// Whether this is the rest of a line that is left out.
    is_left_out: bool,
    /// How much was read, and how much may be.
    bytes: usize,
    most: usize,
}

/// What is started.
#[derive(Clone, Debug)]
pub struct Start {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Beside those of this process.
    pub variables: Vec<(String, String)>,
    /// Its standard input. It has none without.
    pub input: Option<Arc<PipeReader>>,
}

impl Process {
    /// Starts a program. If this is given up, the program is killed as soon as it runs.
    pub async fn start(start: Start) -> Result<Self, String> {
        let program = start.program.clone();
        let mask = SigSet::thread_get_mask();
        let started = in_turn(Purpose::Programs, move || {
            // A program has the mask of the thread that starts it, and helper threads hold all signals back.
            if let Ok(mask) = mask {
                let _ = mask.thread_set_mask();
            }
            let started = start.run();
            let _ = SigSet::all().thread_block();
            started
        });
        let started = started.await.map_err(|refused| refused.to_string())?;
        started.and_then(Self::of).map_err(|error| file::cannot_run(&program, &error))
    }

    fn of((started, output, errors): Pipes) -> io::Result<Self> {
        let group = Group(Some(Children::of_process().register(started)));
        let output = Lines::of(output.into(), MOST_OUTPUT)?;
        // Of standard error some lines are logged, and the rest is thrown away.
        let errors = Lines::of(errors.into(), usize::MAX)?;
        Ok(Self { group, output, errors })
    }
}

/// A program and the ends of its outputs.
type Pipes = (Started, PipeReader, PipeReader);

impl Start {
    fn run(self) -> io::Result<Pipes> {
        let (output, its_output) = io::pipe()?;
        let (errors, its_errors) = io::pipe()?;
        let input = match self.input {
            Some(input) => input.try_clone()?.into(),
            None => Stdio::null(),
        };
        let mut command = Command::new(self.program);
        command.args(self.args).envs(self.variables);
        command.stdin(input).stdout(its_output).stderr(its_errors);
        // The command holds this process's copies of the ends that are the program's, until it is dropped.
        Ok((Started::with_group(&mut command)?, output, errors))
    }
}

impl Lines {
    fn of(pipe: OwnedFd, most: usize) -> io::Result<Self> {
        let pipe = Some(Receiver::from_owned_fd(pipe)?);
        Ok(Self { pipe, rest: Vec::new(), is_left_out: false, bytes: 0, most })
    }

    /// The next line without its end, also the last one without an end. Nothing after it. Of a line that is
    /// too long the error comes, and then the next line. If this is dropped, nothing is lost.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, TooMuch> {
        loop {
            // A pipe that is always full is always ready: without this, nothing else would run.
            consume_budget().await;
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<_> = self.rest.drain(..=end).collect();
                line.pop();
                if !std::mem::take(&mut self.is_left_out) {
                    return Ok(Some(line));
                }
                continue;
            }
            if self.rest.len() > LONGEST_LINE || self.is_left_out {
                self.rest.clear();
                if !std::mem::replace(&mut self.is_left_out, true) {
                    return Err(TooMuch::Line);
                }
            }
            let Some(pipe) = &self.pipe else {
                let rest = std::mem::take(&mut self.rest);
                return Ok((!rest.is_empty()).then_some(rest));
            };
            if pipe.readable().await.is_err() {
                self.pipe = None;
                continue;
            }
            let mut buffer = [0; 4096];
            match pipe.try_read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(length) => {
                    self.rest.extend_from_slice(&buffer[..length]);
                    self.bytes = self.bytes.saturating_add(length);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.pipe = None,
            }
            if self.bytes > self.most {
                return Err(TooMuch::Output);
            }
        }
    }

    /// Whether a line may come.
    pub fn is_open(&self) -> bool {
        self.pipe.is_some() || !self.rest.is_empty()
    }

    /// From here on what was read does not count.
    pub fn forget_bytes(&mut self) {
        self.bytes = 0;
    }
}

impl Group {
    /// How the program ended. Its group has then ended with it.
    pub async fn ended(&mut self) -> WaitStatus {
        match &mut self.0 {
            Some(child) => child.ended().await,
            None => std::future::pending().await,
        }
    }

    pub fn pid(&self) -> Option<Pid> {
        self.0.as_ref().map(Child::pid)
    }
}

impl Drop for Group {
    /// Ends it, if it has not ended.
    fn drop(&mut self) {
        let Some(child) = self.0.take().filter(|child| child.end().is_none()) else { return };
        // It fails where the program has just ended.
        let _ = child.signal_group(Signal::TERM);
        let mut ending = Ending(child);
        if tokio::runtime::Handle::try_current().is_ok() {
            tokio::task::spawn_local(async move {
                let _ = timeout(UNTIL_KILL, ending.0.ended()).await;
            });
        }
    }
}

/// A program that was asked to end. It is killed when this is dropped: after a while, or when this process
/// ends.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.signal_group(Signal::KILL);
    }
}

/// How long after SIGTERM a program may run.
const UNTIL_KILL: Duration = Duration::from_secs(1);

/// What a program printed too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMuch {
    Line,
    Output,
}
