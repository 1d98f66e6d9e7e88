//! The terminal behind standard output, written to without ever blocking.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write, stderr, stdout};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};

use crate::terminal::command_group;

/// A terminal that is open a second time.
///
/// The descriptor of standard output is shared with the program that started this one, so it must
/// stay blocking. But a terminal that reports itself writable may still block on a long text.
#[derive(Debug)]
pub struct Canvas {
    file: File,
}

impl Canvas {
    /// `None` where standard output is no terminal, or one that this process may not open, as where
    /// another user started it.
    pub fn open() -> Option<Self> {
        Self::opened(OFlags::WRONLY)
    }

    /// One that also gives what is typed in it, whatever standard input is.
    pub fn open_for_keys() -> Option<Self> {
        Self::opened(OFlags::RDWR)
    }

    fn opened(direction: OFlags) -> Option<Self> {
        if !stdout().is_terminal() {
            return None;
        }
        let is_own = tcgetpgrp(stdout()).is_ok();
        // /dev/tty is the session's terminal: the same one only if standard output is that.
        let paths = [Some("/proc/self/fd/1"), is_own.then_some("/dev/tty")];
        // Without NOCTTY, a session leader without a terminal would get this one as its own (open(2)).
        let flags = direction | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = |path| open(path, flags, Mode::empty()).ok();
        let file = paths.into_iter().flatten().find_map(opened)?;
        Some(Self { file: file.into() })
    }

    /// Rows and columns.
    pub fn size(&self) -> io::Result<(usize, usize)> {
        let size = tcgetwinsize(&self.file)?;
        Ok((size.ws_row.into(), size.ws_col.into()))
    }

    /// Whether a shell has given the terminal to another process group than this one's and the command's:
    /// the view would draw over its output.
    pub fn is_in_background(&self) -> bool {
        tcgetpgrp(&self.file).is_ok_and(|foreground| {
            foreground != getpgrp() && foreground.as_raw_nonzero().get() != command_group()
        })
    }

    /// Whether the log goes to the same terminal.
    pub fn has_log(&self) -> bool {
        let device = |stat: rustix::fs::Stat| stat.st_rdev;
        stderr().is_terminal() && fstat(stderr()).map(device) == fstat(stdout()).map(device)
    }

    /// How many bytes of the text were written. `WouldBlock` if none were.
    pub fn write(&self, text: &[u8]) -> io::Result<usize> {
        (&self.file).write(text)
    }

    /// What was typed since; nothing at the end. `WouldBlock` if nothing was typed.
    pub fn read<'b>(&self, into: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let count = (&self.file).read(into)?;
        Ok(&into[..count])
    }
}

impl AsRawFd for Canvas {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl AsFd for Canvas {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
