//! Writes to standard output without ever blocking, and without losing a line.

use std::io;
use std::time::{Duration, SystemTime};

use rustix::io::{Errno, retry_on_intr};
use rustix::stdio::stdout;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::{Failure, PublishError, Size, Terms};
use crate::terminal::screen::Line;
use crate::writable::{PIPE_BUF, is_writable};

/// One window at a time, at once, of any size: standard output has no limits.
pub const PRINTED: Terms = Terms {
    sets: 1,
    most_windows: 1,
    most: Size::UNLIMITED,
    empty_windows: false,
    oldest: None,
    spread: 0.0,
    log: None,
    with_values: false,
    with_samples: false,
};

/// Prints the lines of one summary after the other.
#[derive(Debug, Default)]
pub struct Printer {
    /// The summary that is not printed to its end: its window's start, and how many lines are printed.
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
            // The live view is erased only when the line can be written at once.
            wait_until_writable().await?;
            let begun = Line::begin();
            let line = format!("{}{line}\n", begun.erase).into_bytes();
            let length = line.len();
            *rest = line;
            let written = write(&mut rest).await;
            if rest.len() == length {
                // Not a byte is written, so the next try prints this line again.
                rest.clear();
            } else {
                // Written, or torn: then `rest` has the other part, which the next print writes first.
                self.begun = Some((start, number));
            }
            written?;
        }
        self.begun = None;
        Ok(())
    }
}

/// Prints a line that belongs to no window.
pub async fn print(line: String) -> Result<(), PublishError> {
    Printer::default().print(SystemTime::UNIX_EPOCH, &[line]).await
}

/// The rest of a line that was written only in part. The next print, of any publisher, writes it
/// first; otherwise two lines would be mixed.
static REST: Mutex<Vec<u8>> = Mutex::const_new(Vec::new());

/// The meaning and cure of a failed write, by the kernel's error (write(2)).
fn failure(errno: Errno) -> PublishError {
    let (kind, advice) = match errno {
        Errno::PIPE | Errno::CONNRESET => {
            (Failure::Misconfigured, Some("keep the reader of standard output open"))
        }
        // An outage: space may be freed.
        Errno::NOSPC | Errno::DQUOT => {
            (Failure::TryAgain, Some("free space on the disk of standard output"))
        }
        Errno::FBIG => (
            Failure::TryAgain,
            Some("raise ulimit -f: standard output's file has reached its size limit"),
        ),
        Errno::IO => (Failure::TryAgain, Some("check the terminal or the disk of standard output")),
        Errno::BADF => (Failure::Misconfigured, Some("open standard output for writing")),
        _ => (Failure::TryAgain, None),
    };
    let error = io::Error::from(errno);
    PublishError { advice, ..PublishError::new(kind, format!("standard output: {error}")) }
}

/// Writes all of `rest`, and removes from it what is written. Fails when the reader reads nothing.
async fn write(rest: &mut Vec<u8>) -> Result<(), PublishError> {
    while !rest.is_empty() {
        wait_until_writable().await?;
        // A writable pipe accepts this much without blocking, and possibly no more (pipe(7)).
        let piece = &rest[..rest.len().min(PIPE_BUF)];
        let written = retry_on_intr(|| rustix::io::write(stdout(), piece));
        let written = written.map_err(failure)?;
        rest.drain(..written);
    }
    Ok(())
}

/// Polls while standard output is full, which is rare. A blocking wait would need a thread, which
/// the system may refuse, and the runtime cannot wait for a file.
async fn wait_until_writable() -> Result<(), PublishError> {
    let since = Instant::now();
    while !is_writable(&stdout()).map_err(failure)? {
        if since.elapsed() >= WRITE_TIMEOUT {
            let causes = format!("standard output: its reader read nothing for {WRITE_TIMEOUT:?}");
            return Err(PublishError::new(Failure::TryAgain, causes));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// After this the line is kept back and tried again with the next period's.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);

/// How often a full output is looked at.
const LOOK: Duration = Duration::from_millis(20);
