//! The processes that fit, as they are at one instant.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sysinfo::{
    Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, Uid, UpdateKind, Users,
};
use tokio::time::Instant;

use super::filter::Filter;

/// All of them at about one instant.
#[derive(Clone, Debug)]
pub struct Reading {
    pub at: Instant,
    /// Seconds since 1970.
    pub time_s: u64,
    /// How long the machine has run, on the clock and in the unit of [`Process::start`].
    pub uptime: u64,
    pub processes: Vec<Process>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Process {
    pub pid: u32,
    pub name: String,
    /// When it started, since the start of the machine: on Linux in ticks of 10 ms, elsewhere in seconds.
    pub start: u64,
    /// The same in seconds since 1970.
    pub start_s: u64,
    pub cpu_ms: u64,
    pub resident_bytes: u64,
    pub proportional_bytes: Result<u64, String>,
    pub threads: Result<u64, String>,
    pub open_files: Result<u64, String>,
}

impl Process {
    /// Whether it started after a reading, or in the same tick.
    pub fn started_after(&self, reading: &Reading) -> bool {
        self.start >= reading.uptime
    }
}

/// Reads all processes, and more of those that fit.
pub fn read(filter: &Filter) -> Result<Reading, String> {
    let user = filter.user.as_deref().map(user).transpose()?;
    let mut system = System::new().map_err(|error| format!("processes cannot be read: {error}"))?;
    let mut kind = ProcessRefreshKind::nothing().without_tasks().with_cpu().with_memory();
    if user.is_some() {
        kind = kind.with_user(UpdateKind::Always);
    }
    if filter.command.is_some() {
        kind = kind.with_cmd(UpdateKind::Always);
    }
    if filter.name.is_some() {
        kind = kind.with_exe(UpdateKind::Always);
    }
    let (at, uptime) = (Instant::now(), uptime());
    if system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind) == 0 {
        return Err("no process can be seen: /proc is not mounted, or hides them".to_owned());
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fitting =
        system.processes().iter().filter(|(pid, of)| fits(filter, user.as_ref(), **pid, of));
    let mut processes: Vec<_> = fitting.filter_map(|(pid, of)| process(*pid, of)).collect();
    processes.sort_unstable_by_key(|of| of.pid);
    Ok(Reading { at, time_s: time.as_secs(), uptime, processes })
}

fn fits(filter: &Filter, user: Option<&Uid>, pid: Pid, process: &sysinfo::Process) -> bool {
    // It has ended.
    if matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead) {
        return false;
    }
    // The command line of this process may hold the text that is looked for.
    if filter.command.is_some() && pid.as_u32() == std::process::id() {
        return false;
    }
    let program = process.exe().and_then(Path::file_name).and_then(|name| name.to_str());
    let is_of_user = user.is_none_or(|user| {
        process.effective_user_id().or(process.user_id()).is_some_and(|of| of == user)
    });
    let line = || {
        let words = process.cmd().iter().map(|word| word.to_string_lossy());
        words.collect::<Vec<_>>().join(" ")
    };
    is_of_user
        && filter.takes_name(&process.name().to_string_lossy(), program)
        && (filter.command.is_none() || filter.takes_command(&line()))
}

/// A user by name or number.
fn user(text: &str) -> Result<Uid, String> {
    let users = Users::new_with_refreshed_list();
    let users = users.map_err(|error| format!("users cannot be read: {error}"))?;
    if let Some(user) = users.iter().find(|user| user.name() == text) {
        return Ok(user.id().clone());
    }
    text.parse().map_err(|_| format!("user {text} not found"))
}

#[cfg(target_os = "linux")]
use self::linux::{process, uptime};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::{self, ErrorKind};
    use std::path::PathBuf;

    use rustix::time::{ClockId, clock_gettime};
    use sysinfo::Pid;

    use super::Process;

    /// In ticks of 10 ms, as /proc/PID/stat has the start (proc(5)).
    pub fn uptime() -> u64 {
        let since = clock_gettime(ClockId::Boottime);
        since.tv_sec as u64 * 100 + since.tv_nsec as u64 / 10_000_000
    }

    /// Nothing where it has ended meanwhile.
    pub fn process(pid: Pid, of: &sysinfo::Process) -> Option<Process> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let (threads, start) = threads_and_start(&stat)?;
        let open_files = fs::read_dir(folder.join("fd")).map(|entries| entries.count() as u64);
        let rollup = folder.join("smaps_rollup");
        let proportional = fs::read_to_string(&rollup).map(|text| proportional(&text));
        Some(Process {
            pid: pid.as_u32(),
            name: of.name().to_string_lossy().into_owned(),
            start,
            start_s: of.start_time(),
            cpu_ms: of.accumulated_cpu_time(),
            resident_bytes: of.memory(),
            proportional_bytes: or_reason(pid, "smaps_rollup", of_kernel(of, proportional))?,
            threads: Ok(threads),
            open_files: or_reason(pid, "fd", open_files)?,
        })
    }

    /// A thread of the kernel has no memory of its own, and no file of it.
    fn of_kernel(of: &sysinfo::Process, read: io::Result<u64>) -> io::Result<u64> {
        if of.memory() == 0 { Ok(read.unwrap_or_default()) } else { read }
    }

    /// Nothing where the process has ended meanwhile; else the figure, or why it cannot be read.
    fn or_reason(pid: Pid, file: &str, read: io::Result<u64>) -> Option<Result<u64, String>> {
        match read {
            Ok(figure) => Some(Ok(figure)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Some(Err(format!(
                "/proc/{pid}/{file} cannot be read: {error}: run the agent as the same user, or with the \
                 capability SYS_PTRACE"
            ))),
            // ESRCH: no such process.
            Err(error) if error.raw_os_error() == Some(3) => None,
            Err(error) if error.kind() == ErrorKind::NotFound && file == "fd" => None,
            Err(error) => Some(Err(format!("/proc/{pid}/{file} cannot be read: {error}"))),
        }
    }

    /// Fields 20 and 22 of /proc/PID/stat. The name, which may hold blanks and brackets, is the second.
    pub fn threads_and_start(stat: &str) -> Option<(u64, u64)> {
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        let threads = fields.nth(17)?.parse().ok()?;
        let start = fields.nth(1)?.parse().ok()?;
        Some((threads, start))
    }

    /// Bytes of the line Pss.
    pub fn proportional(rollup: &str) -> u64 {
        let kilobytes = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kilobytes =
            kilobytes.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kilobytes.unwrap_or_default() * 1024
    }
}

#[cfg(not(target_os = "linux"))]
fn uptime() -> u64 {
    System::uptime().unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn process(pid: Pid, of: &sysinfo::Process) -> Option<Process> {
    let only_linux = || Err("only Linux tells it".to_owned());
    let boot = System::boot_time().unwrap_or_default();
    Some(Process {
        pid: pid.as_u32(),
        name: of.name().to_string_lossy().into_owned(),
        start: of.start_time().saturating_sub(boot),
        start_s: of.start_time(),
        cpu_ms: of.accumulated_cpu_time(),
        resident_bytes: of.memory(),
        proportional_bytes: only_linux(),
        threads: only_linux(),
        open_files: of.open_files().map(|files| files as u64).ok_or("it cannot be told".to_owned()),
    })
}

#[cfg(test)]
impl Default for Process {
    fn default() -> Self {
        Self {
            pid: 0,
            name: String::new(),
            start: 0,
            start_s: 0,
            cpu_ms: 0,
            resident_bytes: 0,
            proportional_bytes: Ok(0),
            threads: Ok(0),
            open_files: Ok(0),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::{proportional, threads_and_start};

    #[test]
    fn the_name_may_hold_what_separates_fields() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 123456 1 2";
        assert_eq!(threads_and_start(stat), Some((9, 123_456)));
        for text in ["", "42 (a) S 1", "42 a S"] {
            assert_eq!(threads_and_start(text), None, "{text}");
        }
    }

    #[test]
    fn the_proportional_size_is_one_line() {
        let rollup = "00400000-7ffd ---p 00000000 00:00 0 [rollup]\nRss: 900 kB\nPss:                 123 kB\nPss_Dirty: 5 kB\n";
        assert_eq!(proportional(rollup), 123 * 1024);
        assert_eq!(proportional(""), 0);
    }
}
