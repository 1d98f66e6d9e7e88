//! Writes to standard output without ever blocking, and without losing a line.

use std::io;
use std::time::{Duration, SystemTime};

use rustix::io::retry_on_intr;
use rustix::stdio::stdout;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::{Failure, PublishError};
use crate::output::{PIPE_BUF, is_writable};
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
        let mut rest = REST.lock().await;
        write(&mut rest).await?;
        let printed = self.begun.filter(|(begun, _)| *begun == start).map_or(0, |(_, lines)| lines);
        for (line, number) in lines.iter().zip(1..).skip(printed) {
            // What is drawn below is taken away only when the line can follow at once.
            wait_until_writable().await?;
            let begun = Line::begin();
            let line = format!("{}{line}\n", begun.erase).into_bytes();
            let length = line.len();
            *rest = line;
            let written = write(&mut rest).await;
            if rest.len() == length {
                // Not even begun, so it is left to the next try.
                rest.clear();
            } else {
                self.begun = Some((start, number));
            }
            written?;
        }
        self.begun = None;
        Ok(())
    }
}

/// What is left of a line that did not fit as a whole. It goes first, whoever prints next: else a
/// line would be torn, or begin in the middle of another.
static REST: Mutex<Vec<u8>> = Mutex::const_new(Vec::new());

fn failure(error: &io::Error) -> PublishError {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::TimedOut => (Failure::TryAgain, None),
        _ => (Failure::Misconfigured, Some("whoever read standard output has closed it")),
    };
    PublishError { kind, causes: format!("standard output: {error}"), advice }
}

/// Writes all of `rest` and takes off it what is written. Fails when nobody reads it.
async fn write(rest: &mut Vec<u8>) -> Result<(), PublishError> {
    while !rest.is_empty() {
        wait_until_writable().await?;
        let piece = &rest[..rest.len().min(PIPE_BUF)];
        let written = retry_on_intr(|| rustix::io::write(stdout(), piece));
        let written = written.map_err(|error| failure(&error.into()))?;
        rest.drain(..written);
    }
    Ok(())
}

async fn wait_until_writable() -> Result<(), PublishError> {
    if is_writable_in_time().await.map_err(|error| failure(&error))? {
        return Ok(());
    }
    let text = format!("nothing was read from it for {WRITE_TIMEOUT:?}");
    Err(failure(&io::Error::new(io::ErrorKind::TimedOut, text)))
}

/// Only where it is full, which is rare, a thread waits for it.
async fn is_writable_in_time() -> io::Result<bool> {
    Ok(is_writable(&stdout(), Duration::ZERO)?
        || spawn_blocking(|| is_writable(&stdout(), WRITE_TIMEOUT)).await??)
}

/// After this the line is kept back and tried again with the next period's.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
