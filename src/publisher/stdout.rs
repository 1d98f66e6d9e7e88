//! Writes to standard output without ever blocking, and without losing a line.

use std::io;
use std::time::{Duration, SystemTime};

use rustix::stdio::stdout;
use tokio::task::spawn_blocking;

use super::{Failure, PublishError};
use crate::output::{PIPE_BUF, is_writable};

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
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        // Only where it is full, which is rare, a thread waits for it.
        let writable = is_writable(&stdout(), Duration::ZERO)?
            || spawn_blocking(|| is_writable(&stdout(), WRITE_TIMEOUT)).await??;
        if !writable {
            let text = format!("nothing was read from it for {WRITE_TIMEOUT:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        let piece = &rest[..rest.len().min(PIPE_BUF)];
        let written = rustix::io::write(stdout(), piece)?;
        rest = &rest[written..];
    }
    Ok(())
}

/// After this the line is kept back and tried again with the next period's.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
