//! Asks whether an output accepts text now, so that a reader that does not read, such as a full
//! pipe or a suspended terminal, cannot block this process.
//!
//! The standard outputs are shared with the program that started this one, so they cannot be made
//! non-blocking.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};

/// A pipe that is writable takes at least this much at once (pipe(7)).
pub const PIPE_BUF: usize = 4096;

/// Whether an output takes [`PIPE_BUF`] bytes now, or has an error to report.
pub fn is_writable(output: &impl AsFd) -> Result<bool, Errno> {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut outputs = [PollFd::new(output, PollFlags::OUT)];
    Ok(retry_on_intr(|| poll(&mut outputs, Some(&at_once)))? > 0)
}
