//! The end of a process that is no child of this one.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use log::debug;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::{AbortHandle, spawn_local};

/// A process that can be waited for.
#[derive(Debug)]
pub struct WatchedProcess {
    process: Rc<OwnedFd>,
    /// Whether its end was seen by the task that waits for it.
    has_ended: Rc<Cell<bool>>,
    waiting: Option<AbortHandle>,
}

/// A descriptor of a process, readable when it has ended. It needs no right, and Linux 5.3.
pub fn open(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    // A descriptor that is not waited for is of no use for less.
    Ok(pidfd_open(pid, PidfdFlags::NONBLOCK).or_else(|_| pidfd_open(pid, PidfdFlags::empty()))?)
}

impl WatchedProcess {
    pub fn of(process: OwnedFd) -> Self {
        Self { process: Rc::new(process), has_ended: Rc::default(), waiting: None }
    }

    /// Does something as soon as the process has ended: its group is there for some milliseconds more.
    pub fn at_end(&mut self, action: impl FnOnce() + 'static) {
        let (process, has_ended) = (self.process.clone(), self.has_ended.clone());
        let wait = async move {
            #[expect(deprecated, reason = "what it was deprecated for cannot be with an OwnedFd")]
            let process = AsyncFd::with_interest(process, Interest::READABLE);
            match process {
                Ok(process) if process.readable().await.is_ok() => {
                    action();
                    has_ended.set(true);
                }
                Ok(_) => {}
                Err(error) => debug!("the end of a container's process is not waited for: {error}"),
            }
        };
        self.waiting = Some(spawn_local(wait).abort_handle());
    }

    /// Whether the end was seen already, without a system call.
    pub fn was_seen_to_end(&self) -> bool {
        self.has_ended.get()
    }

    /// Whether it runs at this instant.
    pub fn is_running(&self) -> bool {
        let mut process = [PollFd::new(&self.process, PollFlags::IN)];
        matches!(poll(&mut process, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
    }
}

impl Drop for WatchedProcess {
    fn drop(&mut self) {
        if let Some(waiting) = &self.waiting {
            waiting.abort();
        }
    }
}
