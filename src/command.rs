//! Runs a command as a child, as an init does: forwards signals to it, reaps its orphans, and ends
//! with its exit code.

mod last_resort;
mod terminal;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, ErrorKind};
use std::process::{self, ExitCode};

use log::{info, warn};
use rustix::process::{Signal, WaitStatus, kill_current_process_group};
use tokio_util::sync::CancellationToken;

use self::terminal::ControllingTerminal;
use crate::children::{self, Child, Children};
use crate::signals::{Signals, Stopping};
use crate::terminal::set_command_group;

/// A command that was started.
#[derive(Debug)]
pub struct Command {
    child: Child,
    children: Children,
    terminal: Option<ControllingTerminal>,
    /// Whether it was stopped, and not resumed since.
    stopped: bool,
    /// `None` while it runs.
    exit_code: Option<u8>,
}

impl Command {
    /// Starts a program. It has the standard input and outputs and the environment of this process. Its
    /// process group is its own: Ctrl-C at a terminal would else reach it twice, from the terminal and
    /// from this process.
    pub fn spawn(
        program: &OsStr,
        arguments: &[OsString],
        children: &Children,
        signals: &mut Signals,
    ) -> Result<Self, CannotRun> {
        let cannot_run = |error| CannotRun { program: program.to_owned(), error };
        // Before the child exists, so that no signal for it and no SIGCHLD is missed.
        signals.install_for_child().map_err(cannot_run)?;
        signals.release();
        children::adopt_orphans();
        let terminal = ControllingTerminal::of_standard_input();
        let start = || children.spawn(process::Command::new(program).args(arguments));
        let child = signals.with_inherited_mask(start).map_err(cannot_run)?;
        let pid = child.pid();
        last_resort::prepare(pid);
        if let Some(terminal) = &terminal {
            terminal.give_to(pid);
            set_command_group(pid.as_raw_nonzero().get());
        }
        info!("{program:?} runs as process {pid}");
        let children = children.clone();
        Ok(Self { child, children, terminal, stopped: false, exit_code: None })
    }

    /// Passes signals on to the child until it has ended, then cancels `stop`. After the child has
    /// ended, signals mean what they mean without a command: one that is not part of the same stop
    /// makes this return. Reaps children until then.
    pub async fn watch(&mut self, signals: &mut Signals, stop: &CancellationToken) {
        let mut stopping: Option<Stopping> = None;
        loop {
            match (signals.next().await, &stopping) {
                (Signal::CHILD, _) => self.reap(),
                (signal, None) => self.pass_on(signal, signals),
                (signal, Some(stopping)) if stopping.is_cut_short_by(signal) => return,
                _ => {}
            }
            if self.exit_code.is_some() && stopping.is_none() {
                stop.cancel();
                stopping = Some(Stopping::by(Signal::CHILD));
            }
        }
    }

    /// The child's exit code, or 128 plus the number of the signal that ended it, as in a shell.
    pub fn exit_code(&self) -> ExitCode {
        self.exit_code.map_or(ExitCode::FAILURE, ExitCode::from)
    }

    /// Reaps all children that have ended, orphans too, and notes the command's end or stop.
    fn reap(&mut self) {
        self.children.reap();
        match (self.child.end(), self.child.take_stop()) {
            (Some(_), _) if self.exit_code.is_some() => {}
            (Some(status), _) => self.ended(status),
            (None, Some(signal)) => self.was_stopped(signal),
            (None, None) => {}
        }
    }

    fn ended(&mut self, status: WaitStatus) {
        let signal = status.terminating_signal();
        match signal {
            Some(signal) => info!("signal {signal} ended the command"),
            None => info!(
                "the command ended with exit code {}",
                status.exit_status().unwrap_or_default()
            ),
        }
        // Set in any case, because it also says that the command has ended.
        self.exit_code =
            children::exit_code(status).and_then(|code| u8::try_from(code).ok()).or(Some(u8::MAX));
        if let Some(terminal) = &self.terminal {
            // From here on Ctrl-C is for this process again.
            terminal.take_back_from(self.child.pid());
        }
    }

    /// Follows a child that was stopped at a terminal, so that the shell there gets it back.
    fn was_stopped(&mut self, by: i32) {
        self.stopped = true;
        info!("signal {by} suspended the command");
        let Some(terminal) = &self.terminal else { return };
        let wanted_terminal = [Signal::TTIN, Signal::TTOU].map(Signal::as_raw).contains(&by);
        if wanted_terminal && terminal.is_of(self.child.pid()) {
            // The command read the terminal before `spawn` had given it the terminal. It has it by now.
            self.resume();
        } else {
            // The shell's prompt must not be in the region of the live view.
            terminal::give_back();
            // Suspends the whole group, as Ctrl-Z would without this process: also the script that runs
            // it and the other parts of a pipe. SIGTTIN does that, because this process handles
            // SIGTSTP, and SIGSTOP would also suspend an orphaned group, which no shell could resume.
            let _ = kill_current_process_group(Signal::TTIN);
            // This process runs again: a shell has sent SIGCONT; or this process could not be suspended,
            // as process 1, and then no shell would resume the child.
            self.resume();
        }
    }

    fn pass_on(&mut self, signal: Signal, signals: &Signals) {
        if !signals.is_for_child(signal) {
            return;
        }
        if signal == Signal::CONT && self.terminal.is_some() {
            // A child that already runs is sent no SIGCONT: it could undo the next Ctrl-Z.
            if self.stopped {
                self.resume();
            }
            return;
        }
        match self.child.signal(signal) {
            Ok(()) => info!("signal {} forwarded", signal.as_raw()),
            Err(error) => warn!("cannot forward signal {}: {error}", signal.as_raw()),
        }
    }

    /// Resumes the child and its group, because a terminal stops the whole group.
    fn resume(&mut self) {
        self.stopped = false;
        // Before SIGCONT: a child that reads its terminal from the background is stopped again.
        if let Some(terminal) = &self.terminal {
            terminal.give_to(self.child.pid());
        }
        if let Err(error) = self.child.signal_group(Signal::CONT) {
            warn!("cannot resume the command: {error}");
        }
    }
}

/// Why a command was not started.
#[derive(Debug)]
pub struct CannotRun {
    program: OsString,
    error: io::Error,
}

impl CannotRun {
    /// As a shell has it.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.error.kind() == ErrorKind::NotFound { 127 } else { 126 })
    }
}

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot run {:?}: {}", self.program, self.error)
    }
}

impl std::error::Error for CannotRun {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
