//! Reads the processes that are meant: through sysinfo, and beside it what it does not give.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod macos;

use std::path::Path;
use std::time::Duration;

use sysinfo::{
    ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, ThreadKind, UpdateKind,
};

use super::snapshot::{Process, Snapshot};
use super::wanted::Wanted;
use crate::sorted::sort_by_key;
#[cfg(target_os = "linux")]
use linux as own;
#[cfg(not(target_os = "linux"))]
use macos as own;

/// All of them as they are now. Nothing is kept from one reading to the next: sysinfo would not notice
/// that a process got another name, and the memory of thousands is given back.
pub fn read(wanted: &Wanted, proc: &Path) -> Result<Snapshot, String> {
    let user = wanted.user.as_deref().map(own::user).transpose()?;
    own::refuse_hidden(proc, user)?;
    let boot = System::boot_time().unwrap_or_default();
    let mut system = System::new().map_err(|error| format!("sysinfo: {error}"))?;
    let at = own::now();
    // A look at all names costs a fifth of what sysinfo needs to read all processes.
    let named = wanted.kept_name().and_then(|name| own::named(proc, name));
    let which = named.as_deref().map_or(ProcessesToUpdate::All, ProcessesToUpdate::Some);
    system.refresh_processes_specifics(which, false, needed(wanted));
    if named.is_none() && system.processes().is_empty() {
        return Err("the system lists no processes".to_owned());
    }
    let is_proportional = wanted.is_proportional;
    let mut snapshot = Snapshot { at, is_proportional, ..Snapshot::default() };
    let this = std::process::id();
    for (pid, process) in system.processes() {
        if process.thread_kind() == Some(ThreadKind::Kernel) {
            continue;
        }
        let owner = process.effective_user_id().map(|user| **user);
        let name = process.name().to_string_lossy();
        // The kernel calls a process a zombie as soon as its first thread has ended, and shows what it has
        // by one of the threads that run on.
        let is_zombie = process.status() == ProcessStatus::Zombie;
        let thread = is_zombie.then(|| own::Thread::living(proc, pid.as_u32())).flatten();
        let words = || {
            process.cmd().iter().map(|argument| argument.to_string_lossy().into_owned()).collect()
        };
        let arguments: Vec<_> = thread.as_ref().map_or_else(words, own::Thread::arguments);
        let is_user = user.is_none_or(|user| owner == Some(user));
        let program = match &thread {
            Some(thread) => thread.program(),
            None => process.exe().map(Path::to_owned),
        };
        let is_met =
            || wanted.is_met_by(&name, &arguments, program.as_deref(), pid.as_u32() == this);
        if !is_user || !is_met() {
            if is_user && program.is_none() && wanted.is_undecided(&name, &arguments) {
                own::refuse_unreadable(proc, pid.as_u32(), &name)?;
            }
            continue;
        }
        match process.status() {
            ProcessStatus::Zombie if thread.is_none() => snapshot.zombies += 1,
            ProcessStatus::Dead => {}
            _ => snapshot.processes.extend(of(wanted, proc, process, thread.as_ref(), boot)),
        }
    }
    sort_by_key(&mut snapshot.processes, |process| process.pid);
    Ok(snapshot)
}

/// Threads are not listed, each of which would be another process.
fn needed(wanted: &Wanted) -> ProcessRefreshKind {
    let kind = ProcessRefreshKind::nothing().without_tasks().with_cpu().with_memory();
    let kind = match wanted.user {
        Some(_) => kind.with_user(UpdateKind::Always),
        None => kind,
    };
    let kind = match wanted.has_long_name() {
        true => kind.with_exe(UpdateKind::Always),
        false => kind,
    };
    match wanted.needs_arguments() {
        true => kind.with_cmd(UpdateKind::Always),
        false => kind,
    }
}

/// What is known of a process, if it has not ended by now.
fn of(
    wanted: &Wanted,
    proc: &Path,
    process: &sysinfo::Process,
    thread: Option<&own::Thread>,
    boot: u64,
) -> Option<Process> {
    let rest = own::rest(proc, process, thread, boot, wanted.is_proportional)?;
    let own::Rest { start, proportional, threads, open_files } = rest;
    Some(Process {
        pid: process.pid().as_u32(),
        start,
        start_of_clock: process.start_time(),
        name: process.name().to_string_lossy().into_owned(),
        cpu: Duration::from_millis(process.accumulated_cpu_time()),
        resident: match thread {
            Some(thread) => thread.resident()?,
            None => process.memory(),
        },
        proportional,
        threads,
        open_files,
    })
}
