//! The one owner of child processes: each is started here, and only this waits for them.
//!
//! A process that adopts orphans has to wait for any child. If another place waited for a child, too,
//! either of the two could take the other's exit code. So all waiting is done here: the handle of a child
//! gets its exit status, and a child without a handle is an orphan.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::rc::Rc;

use log::debug;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, wait,
};
use tokio::sync::Notify;

use crate::logging::COMMAND;

/// The registered children: each has a [`Child`] that is not dropped.
#[derive(Clone, Debug, Default)]
pub struct Children(Rc<RefCell<Vec<Rc<Registered>>>>);

/// A child that was started. When it is dropped before its end, the child runs on as an orphan.
#[derive(Debug)]
pub struct Child {
    registered: Rc<Registered>,
    children: Children,
}

/// The state of a child.
#[derive(Debug)]
struct Registered {
    /// Also the name of its process group.
    pid: Pid,
    ends_group: bool,
    stopped_by: Cell<Option<i32>>,
    /// Once this is set, `pid` may be another process's.
    end: Cell<Option<WaitStatus>>,
    ended: Notify,
}

thread_local! {
    static OF_PROCESS: Children = Children::default();
}

impl Children {
    /// Those of this process. There is one thread that starts them.
    pub fn of_process() -> Self {
        OF_PROCESS.with(Clone::clone)
    }

    /// Starts a program as a process group of its own.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        self.start(command, false)
    }

    /// The same of a program whose group ends with it: what it leaves behind is killed.
    pub fn spawn_with_group(&self, command: &mut Command) -> io::Result<Child> {
        self.start(command, true)
    }

    fn start(&self, command: &mut Command, ends_group: bool) -> io::Result<Child> {
        let started = command.process_group(0).spawn()?;
        // It may have ended already. But there is one thread, so `reap` cannot run before the child is
        // registered.
        let registered = Rc::new(Registered {
            pid: Pid::from_child(&started),
            ends_group,
            stopped_by: Cell::default(),
            end: Cell::default(),
            ended: Notify::new(),
        });
        self.0.borrow_mut().push(registered.clone());
        Ok(Child { registered, children: self.clone() })
    }

    /// Notes all children that have ended or were stopped. To be called after each SIGCHLD.
    pub fn reap(&self) {
        let take = |pid, status: WaitStatus| match (self.place(pid), status.stopping_signal()) {
            (Some(place), Some(signal)) => self.0.borrow()[place].stopped_by.set(Some(signal)),
            // Removed at once: its number is free from now on, and the next child may get it.
            (Some(place), None) => self.0.borrow_mut().swap_remove(place).end(status),
            (None, _) => debug!(target: COMMAND, "orphan process {pid}: {status:?}"),
        };
        // An error means that there are no children.
        let _ = for_each_change(take);
    }

    fn place(&self, pid: Pid) -> Option<usize> {
        self.0.borrow().iter().position(|child| child.pid == pid)
    }
}

impl Registered {
    fn end(&self, status: WaitStatus) {
        if self.ends_group {
            // As long as the group has processes, no other process or group gets its number. Without any
            // this fails: the kernel gives numbers in turn, so nobody has got it in this instant.
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        self.end.set(Some(status));
        self.ended.notify_one();
    }
}

impl Child {
    pub fn pid(&self) -> Pid {
        self.registered.pid
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<WaitStatus> {
        self.registered.end.get()
    }

    /// Waits for its end. No exit code is lost if the wait is given up.
    pub async fn ended(&mut self) -> WaitStatus {
        loop {
            match self.end() {
                Some(status) => return status,
                None => self.registered.ended.notified().await,
            }
        }
    }

    /// The signal that has stopped it since this was asked last.
    pub fn take_stop(&self) -> Option<i32> {
        self.registered.stopped_by.take()
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) -> Result<(), Errno> {
        self.send(signal, kill_process)
    }

    /// Sends a signal to its process group.
    pub fn signal_group(&self, signal: Signal) -> Result<(), Errno> {
        self.send(signal, kill_process_group)
    }

    fn send(
        &self,
        signal: Signal,
        send: impl FnOnce(Pid, Signal) -> rustix::io::Result<()>,
    ) -> Result<(), Errno> {
        match self.end() {
            // Not left to the kernel: another process may have the number by now.
            Some(_) => Err(Errno::SRCH),
            None => send(self.pid(), signal),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.children.0.borrow_mut().retain(|child| !Rc::ptr_eq(child, &self.registered));
    }
}

/// Makes this process the parent of orphans among its descendants, so that it can reap them. PID 1 is
/// their parent anyway.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        log::warn!(target: COMMAND, "cannot adopt orphans: {error}");
    }
}

/// Whether this is process 1 of its namespace: the kernel makes it the parent of all orphans there.
pub fn is_process_1() -> bool {
    rustix::process::getpid() == Pid::INIT
}

/// The exit code, or 128 plus the signal, as in a shell. `None` if the child has not ended.
pub fn exit_code(status: WaitStatus) -> Option<i32> {
    status.terminating_signal().map_or(status.exit_status(), |signal| Some(128 + signal))
}

/// Calls `take` for each child that has ended or was stopped since the last call: one SIGCHLD may stand
/// for many. An error if there are no children at all.
pub fn for_each_change(mut take: impl FnMut(Pid, WaitStatus)) -> Result<(), Errno> {
    while let Some((pid, status)) = wait(WaitOptions::NOHANG | WaitOptions::UNTRACED)? {
        take(pid, status);
    }
    Ok(())
}
