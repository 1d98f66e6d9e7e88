//! What sysinfo gives in another form on macOS, and what there is no source for.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sysinfo::{Pid, Users};

use super::super::snapshot::Figure;

pub struct Rest {
    pub start: Duration,
    pub proportional: Figure,
    pub threads: Figure,
    pub open_files: Figure,
}

/// Since 1970: the clock that starts of processes are on.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The number of a user.
pub fn user(user: &str) -> Result<u32, String> {
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let users = Users::new_with_refreshed_list();
    let users = users.map_err(|error| format!("user {user:?} cannot be looked up: {error}"))?;
    let found = users.iter().find(|one| one.name() == user);
    let missing = || format!("there is no user {user:?}; a number is understood as well");
    found.map(|one| **one.id()).ok_or_else(missing)
}

/// Nothing hides processes here.
pub fn refuse_hidden(_: &Path, _: Option<u32>) -> Result<(), String> {
    Ok(())
}

/// There is no cheaper look at all names than sysinfo's.
pub const fn named(_: &Path, _: &[u8]) -> Option<Vec<Pid>> {
    None
}

/// There is no need to look at single threads here.
pub enum Thread {}

impl Thread {
    pub const fn living(_: &Path, _: u32) -> Option<Self> {
        None
    }

    pub const fn arguments(&self) -> Vec<String> {
        match *self {}
    }

    pub const fn program(&self) -> Option<PathBuf> {
        match *self {}
    }

    pub const fn resident(&self) -> Option<u64> {
        match *self {}
    }
}

/// Programs are known of all processes that are listed.
pub fn refuse_unreadable(_: &Path, _: u32, _: &str) -> Result<(), String> {
    Ok(())
}

/// What else is known of a process.
pub fn rest(
    _: &Path,
    process: &sysinfo::Process,
    _: Option<&Thread>,
    _: u64,
    _: bool,
) -> Option<Rest> {
    let open_files = process.open_files().map(|count| count as u64);
    Some(Rest {
        start: Duration::from_secs(process.start_time()),
        proportional: Err("macOS has no such number".to_owned()),
        threads: Err("sysinfo has no number of threads on macOS".to_owned()),
        open_files: open_files.ok_or_else(|| {
            format!("process {} may not be looked at: run the agent as root", process.pid())
        }),
    })
}
