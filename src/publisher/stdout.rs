//! Writes to standard output without ever blocking: a full pipe or a stopped terminal must not
//! stop the sampling.
//!
//! Standard output is shared with whoever started this process, so it cannot be made
//! non-blocking. It is asked instead whether it would take the text.

use std::io;
use std::time::{Duration, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::stdout;
use tokio::task::spawn_blocking;

use super::{Failure, PublishError};
use crate::screen::Line;

/// Prints the lines of one summary after the other.
#[derive(Debug, Default)]
pub struct Printer {
    /// The summary that was begun, by its window's start, and how many of its lines are printed.
    begun: Option<(SystemTime, usize)>,
}

impl Printer {
    /// Prints the lines of the window that began at `start`. When it is tried again after a failure,
    /// the lines that are printed are not printed again.
    pub async fn print(&mut self, start: SystemTime, lines: &[String]) -> Result<(), PublishError> {
        let printed = self.begun.filter(|(begun, _)| *begun == start).map_or(0, |(_, lines)| lines);
        for (line, number) in lines.iter().zip(1..).skip(printed) {
            write(&format!("{line}\n")).await.map_err(|error| failure(&error))?;
            self.begun = Some((start, number));
        }
        self.begun = None;
        Ok(())
    }
}

fn failure(error: &io::Error) -> PublishError {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::TimedOut => (Failure::TryAgain, None),
        _ => (Failure::Misconfigured, Some("whoever read standard output has closed it")),
    };
    PublishError { kind, causes: format!("standard output: {error}"), advice }
}

/// Writes all of `text`, or fails with `TimedOut` when nobody reads it.
async fn write(text: &str) -> io::Result<()> {
    wait_until_writable().await?;
    let line = Line::begin();
    let text = format!("{}{text}", line.erase);
    let mut rest = text.as_bytes();
    loop {
        let piece = &rest[..rest.len().min(PIPE_BUF)];
        let written = rustix::io::write(stdout(), piece)?;
        rest = &rest[written..];
        if rest.is_empty() {
            return Ok(());
        }
        wait_until_writable().await?;
    }
}

async fn wait_until_writable() -> io::Result<()> {
    // Only where it is full, which is rare, a thread waits for it.
    if is_writable(Duration::ZERO)? || spawn_blocking(|| is_writable(WRITE_TIMEOUT)).await?? {
        return Ok(());
    }
    let text = format!("nothing was read from it for {WRITE_TIMEOUT:?}");
    Err(io::Error::new(io::ErrorKind::TimedOut, text))
}

/// Whether standard output takes text, or an error of its, within `timeout`.
fn is_writable(timeout: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
    let mut standard_output = [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)];
    Ok(poll(&mut standard_output, Some(&timeout))? > 0)
}

/// A pipe that is writable takes at least this much at once (pipe(7)).
const PIPE_BUF: usize = 4096;

/// After this the line is kept back and tried again with the next period's.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
