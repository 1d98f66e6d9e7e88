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
use std::sync::{Mutex, MutexGuard, PoisonError};

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
        let started = command.process_group(0).spawn()?;
        // It may have ended already. But `reap` is called in this thread, so not before the child is registered.
        Ok(self.registered(Pid::from_child(&started), false))
    }

    fn registered(&self, pid: Pid, ends_group: bool) -> Child {
        let registered = Rc::new(Registered {
            pid,
            ends_group,
            stopped_by: Cell::default(),
            end: Cell::default(),
            ended: Notify::new(),
        });
        self.0.borrow_mut().push(registered.clone());
        Child { registered, children: self.clone() }
    }

    /// Makes a child of what another thread has started, which may have ended by now.
    pub fn register(&self, started: Started) -> Child {
        let child = self.registered(started.pid, true);
        if let Some(status) = starts().take_end(started.pid) {
            self.take(started.pid, status);
        }
        started.has_owner();
        self.take_orphans(&mut starts());
        child
    }

    /// Notes all children that have ended or were stopped. To be called after each SIGCHLD.
    pub fn reap(&self) {
        // As long as this is held, nobody kills a group whose number becomes free.
        let mut starts = starts();
        let take = |pid, status: WaitStatus| match self.place(pid) {
            // It may be one that another thread has just started.
            None if starts.under_way > 0 && status.stopping_signal().is_none() => {
                starts.ended.push((pid, status));
            }
            _ => self.take(pid, status),
        };
        // An error means that there are no children.
        let _ = for_each_change(take);
        self.take_orphans(&mut starts);
    }

    /// Without starts under way, what has ended is nobody's child.
    fn take_orphans(&self, starts: &mut Starts) {
        if starts.under_way == 0 {
            starts.ended.drain(..).for_each(|(pid, status)| self.take(pid, status));
        }
    }

    fn take(&self, pid: Pid, status: WaitStatus) {
        match (self.place(pid), status.stopping_signal()) {
            (Some(place), Some(signal)) => self.0.borrow()[place].stopped_by.set(Some(signal)),
            // Removed at once: its number is free from now on, and the next child may get it.
            (Some(place), None) => self.0.borrow_mut().swap_remove(place).end(status),
            (None, _) => debug!(target: COMMAND, "orphan process {pid}: {status:?}"),
        }
    }

    fn place(&self, pid: Pid) -> Option<usize> {
        self.0.borrow().iter().position(|child| child.pid == pid)
    }
}

/// A program that another thread has started, until it is registered. If it is dropped before, its group is killed.
#[derive(Debug)]
pub struct Started {
    pid: Pid,
    has_owner: bool,
}

impl Started {
    /// Starts a program as a process group of its own, which ends with it: what it leaves behind is killed. This takes
    /// until the kernel has replaced the child by the program: as long as the child has no CPU, and on a disk that does
    /// not answer without end. So it is for a helper thread.
    pub fn with_group(command: &mut Command) -> io::Result<Self> {
        starts().under_way += 1;
        let started = command.process_group(0).spawn();
        match started {
            Ok(child) => Ok(Self { pid: Pid::from_child(&child), has_owner: false }),
            Err(error) => {
                starts().under_way -= 1;
                Err(error)
            }
        }
    }

    fn has_owner(mut self) {
        self.has_owner = true;
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let mut starts = starts();
        if !self.has_owner {
            // Nobody will see its end. The first thread reaps it as an orphan.
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        starts.under_way -= 1;
    }
}

/// The starts in other threads.
#[derive(Debug)]
struct Starts {
    under_way: usize,
    /// Processes that ended meanwhile and are no registered children: the ones that were just started, and orphans.
    ended: Vec<(Pid, WaitStatus)>,
}

static STARTS: Mutex<Starts> = Mutex::new(Starts { under_way: 0, ended: Vec::new() });

fn starts() -> MutexGuard<'static, Starts> {
    STARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Starts {
    fn take_end(&mut self, pid: Pid) -> Option<WaitStatus> {
        let place = self.ended.iter().position(|(ended, _)| *ended == pid)?;
        Some(self.ended.swap_remove(place).1)
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
