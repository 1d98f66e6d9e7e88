//! What sysinfo does not give, or gives without a reason where it is not there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use rustix::io::Errno;
use sysinfo::Pid;

use super::super::snapshot::{Figure, NOT_PROPORTIONAL};
use crate::shown::shown;
use crate::source::kernel_file::bytes;

pub struct Rest {
    pub start: Duration,
    pub proportional: Figure,
    pub threads: Figure,
    pub open_files: Figure,
}

/// Since the start of the machine: the clock that starts of processes are on. Through the C library: under
/// Valgrind, which counts what a check costs, rustix looks for the kernel's own code where there is none.
pub fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}

/// The number of a user. sysinfo leaves out the users of services whose shell is /bin/false.
pub fn user(user: &str) -> Result<u32, String> {
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let path = "/etc/passwd";
    let cure = "a number is understood without that file";
    let text = fs::read(path).map_err(|error| {
        format!("user {user:?} cannot be looked up: {path} cannot be read: {error}; {cure}")
    })?;
    number(&String::from_utf8_lossy(&text), user)
        .ok_or_else(|| format!("user {user:?} is not in {path} that the agent sees; {cure}"))
}

/// The number in the line of a user (passwd(5)).
fn number(text: &str, user: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(user)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

/// The error where the processes of others are hidden (hidepid of proc(5)), which would be missing in the
/// count. Those of the agent's own user never are.
pub fn refuse_hidden(proc: &Path, user: Option<u32>) -> Result<(), String> {
    if user == Some(rustix::process::geteuid().as_raw()) {
        return Ok(());
    }
    let first = proc.join("1/stat");
    bytes(&first).map(drop).map_err(|error| {
        if !proc.join("self").exists() {
            return format!("{} is no mounted /proc, so no process can be seen", proc.display());
        }
        format!(
            "{} cannot be read: {error}: the processes of other users are hidden (hidepid of the mount): run the agent as \
             root or in the group that gid= of the mount names",
            first.display()
        )
    })
}

/// The error where it may not be known which program a process runs, of which the kernel has cut the name.
pub fn refuse_unreadable(proc: &Path, pid: u32, name: &str) -> Result<(), String> {
    let path = proc.join(format!("{pid}/exe"));
    match fs::read_link(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(format!(
            "process {pid} ({}) may be one of them, and {} cannot be read: run the agent as root or as the user of the \
             process, or with SYS_PTRACE",
            shown(name),
            path.display()
        )),
        _ => Ok(()),
    }
}

/// The processes of which the kernel keeps this name; `None` where not all could be looked at.
pub fn named(proc: &Path, name: &[u8]) -> Option<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(proc).ok()? {
        let Some(pid) = entry.ok()?.file_name().to_str().and_then(|of| of.parse().ok()) else {
            continue;
        };
        let path = proc.join(format!("{pid}/comm"));
        match bytes(&path).map_err(|error| problem(&path, &error)) {
            Ok(comm) if comm.strip_suffix(b"\n") == Some(name) => found.push(Pid::from_u32(pid)),
            Ok(_) | Err(Problem::Ended) => {}
            // Such as no descriptor to spare: no process is left out for it.
            Err(Problem::Other(_)) => return None,
        }
    }
    Some(found)
}

/// A thread of a process whose first one has ended.
pub struct Thread(PathBuf);

impl Thread {
    /// One that has not ended, if there is one.
    pub fn living(proc: &Path, pid: u32) -> Option<Self> {
        let threads = fs::read_dir(proc.join(pid.to_string()).join("task")).ok()?;
        let folders = threads.flatten().map(|thread| thread.path());
        let is_over = |folder: &PathBuf| Stat::read(folder).is_none_or(|stat| stat.is_thread_over);
        folders.into_iter().find(|folder| !is_over(folder)).map(Self)
    }

    pub fn arguments(&self) -> Vec<String> {
        let text = bytes(&self.0.join("cmdline")).unwrap_or_default();
        let arguments = text.split(|byte| *byte == 0).filter(|argument| !argument.is_empty());
        arguments.map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
    }

    /// The path of the program, as far as it may be read: by root, or by its own user.
    pub fn program(&self) -> Option<PathBuf> {
        let path = fs::read_link(self.0.join("exe")).ok()?;
        // The kernel says so of one whose file was replaced.
        let replaced = path.to_str().and_then(|path| path.strip_suffix(" (deleted)"));
        Some(replaced.map_or_else(|| path.clone(), PathBuf::from))
    }

    /// Bytes; `None` where it has ended by now.
    pub fn resident(&self) -> Option<u64> {
        let text = String::from_utf8(bytes(&self.0.join("statm")).ok()?).ok()?;
        let pages = text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()?;
        pages.checked_mul(rustix::param::page_size() as u64)
    }
}

/// What else is known of a process, if it has not ended by now, and is still the same.
pub fn rest(
    proc: &Path,
    process: &sysinfo::Process,
    thread: Option<&Thread>,
    boot: u64,
    with_proportional: bool,
) -> Option<Rest> {
    let pid = process.pid().as_u32();
    let of_process = proc.join(pid.to_string());
    let folder = thread.map_or(&*of_process, |thread| &thread.0);
    let proportional = match with_proportional {
        true => alive(proportional(folder))?,
        false => Err(Absent(NOT_PROPORTIONAL.to_owned())),
    };
    let open_files = alive(open_files(folder, pid == std::process::id()))?;
    // Last, so that all that was read before is of a process that is still there.
    let stat = Stat::read(&of_process)?;
    if stat.has_ended() || !is_same(&stat, process, boot) {
        return None;
    }
    let figure = |found: Result<u64, Absent>| found.map_err(|Absent(reason)| reason);
    Some(Rest {
        start: stat.start,
        proportional: figure(proportional),
        threads: Ok(stat.threads),
        open_files: figure(open_files),
    })
}

/// Whether it is the process that sysinfo has read, whose start it knows in whole seconds on the clock of the
/// day, which may be set a little in between.
fn is_same(stat: &Stat, process: &sysinfo::Process, boot: u64) -> bool {
    process.start_time().abs_diff(boot + stat.start.as_secs()) <= 1
}

/// Why a process has no such number, though it is there.
struct Absent(String);

/// Nothing if the process has ended.
fn alive(found: Result<u64, Problem>) -> Option<Result<u64, Absent>> {
    match found {
        Ok(number) => Some(Ok(number)),
        Err(Problem::Ended) => None,
        Err(Problem::Other(reason)) => Some(Err(Absent(reason))),
    }
}

enum Problem {
    Ended,
    Other(String),
}

/// Its share of the memory, in bytes.
fn proportional(folder: &Path) -> Result<u64, Problem> {
    let path = folder.join("smaps_rollup");
    let text = match bytes(&path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        // Kernels before 4.14 have no such file.
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.join("stat").exists() => {
            let reason = format!("{} not found: it takes Linux 4.14", path.display());
            return Err(Problem::Other(reason));
        }
        Err(error) => return Err(problem(&path, &error)),
    };
    let malformed = || Problem::Other(format!("{} has no Pss in kB", path.display()));
    pss(&text).ok_or_else(malformed)
}

fn pss(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes = line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?;
    kilobytes.checked_mul(1024)
}

/// How many files it has open. Looking at its own takes one more.
fn open_files(folder: &Path, is_agent: bool) -> Result<u64, Problem> {
    let path = folder.join("fd");
    let mut count = 0_u64;
    for entry in fs::read_dir(&path).map_err(|error| problem(&path, &error))? {
        entry.map_err(|error| problem(&path, &error))?;
        count += 1;
    }
    Ok(count.saturating_sub(u64::from(is_agent)))
}

fn problem(path: &Path, error: &io::Error) -> Problem {
    let is_no_process = error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
    if is_no_process || error.kind() == io::ErrorKind::NotFound {
        return Problem::Ended;
    }
    let cure = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            ": the agent has to run as the same user, or with the capability SYS_PTRACE"
        }
        _ => "",
    };
    Problem::Other(format!("{} cannot be read: {error}{cure}", path.display()))
}

/// Of /proc/PID/stat (proc_pid_stat(5)).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stat {
    is_thread_over: bool,
    threads: u64,
    start: Duration,
}

impl Stat {
    fn read(folder: &Path) -> Option<Self> {
        Self::parse(&bytes(&folder.join("stat")).ok()?)
    }

    /// Whether all of the process has ended: no thread runs on but the first.
    const fn has_ended(&self) -> bool {
        self.is_thread_over && self.threads <= 1
    }

    fn parse(text: &[u8]) -> Option<Self> {
        // The name may have blanks and brackets, and is the only field that can.
        let behind = text.iter().rposition(|letter| *letter == b')')?;
        let fields = std::str::from_utf8(text.get(behind + 1..)?).ok()?;
        let mut fields = fields.split_ascii_whitespace();
        let state = fields.next()?;
        // num_threads is field 20 and starttime field 22; the state is field 3.
        let threads = fields.nth(16)?.parse().ok()?;
        let ticks: u64 = fields.nth(1)?.parse().ok()?;
        let is_thread_over = ["Z", "X", "x"].contains(&state);
        Some(Self {
            is_thread_over,
            threads,
            start: Duration::from_millis(ticks.checked_mul(TICK)?),
        })
    }
}

/// The kernel counts in USER_HZ, 100 a second on every architecture that this runs on (time(7)).
const TICK: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    #[test]
    fn a_stat_is_read_behind_any_name() {
        let expected =
            Stat { is_thread_over: false, threads: 7, start: Duration::from_millis(210) };
        for name in ["blob", "a b", ") S 1 (", "b) (\u{fffd}"] {
            let text = format!("9 ({name}) S 2 0 0 0 -1 64 0 0 0 0 14 28 0 0 20 0 7 0 21 66 77\n");
            assert_eq!(Stat::parse(text.as_bytes()), Some(expected), "{name}");
            let ended = Stat::parse(text.replace(") S 2", ") Z 2").as_bytes());
            assert!(ended.is_some_and(|stat| stat.is_thread_over && !stat.has_ended()));
            let ended = Stat::parse(
                text.replace(") S 2", ") Z 2").replace(" 7 0 21", " 1 0 21").as_bytes(),
            );
            assert!(ended.is_some_and(|stat| stat.has_ended()));
        }
        assert!(
            Stat::parse(b"9 (\xff\xfe) R 2 0 0 0 -1 64 0 0 0 0 14 28 0 0 20 0 7 0 21 66 7")
                .is_some()
        );
        for text in
            ["", "9 (a)", "9 (a) S 2 0 0", "9 (a) S 2 0 0 0 -1 64 0 0 0 0 14 28 0 0 20 0 x 0 21"]
        {
            assert_eq!(Stat::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn pss_is_the_line_of_that_name() {
        let text =
            "55-7f ---p 00 00:00 0 [rollup]\nRss:   9 kB\nPss:     1234 kB\nPss_Dirty: 5 kB\n";
        assert_eq!(pss(text), Some(1234 * 1024));
        for text in ["", "Pss_Dirty: 5 kB", "Pss: kB", "Pss: 5 MB", "Pss: -5 kB"] {
            assert_eq!(pss(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_user_is_a_number_or_a_line_of_passwd() {
        let text = "root:x:0:0::/root:/bin/sh\nmysql:x:107:110:MySQL:/nonexistent:/bin/false\n\
            broken:x\nbig:x:4294967294:1:::\n";
        let found = ["root", "mysql", "big", "broken", "roo", ""].map(|name| number(text, name));
        assert_eq!(found, [Some(0), Some(107), Some(4_294_967_294), None, None, None]);
        assert_eq!(user("33").ok(), Some(33));
        let error = user("no such user").expect_err("it is not there");
        let text = "user \"no such user\" is not in /etc/passwd that the agent sees; a number is \
            understood without that file";
        assert_eq!(error, text);
    }

    #[test]
    fn a_kernel_without_the_file_is_told_from_a_process_that_has_ended() {
        let tree = Tree::new("== 7/stat\n7 (a) S\n== 8/\n");
        let of = |pid: &str| proportional(&tree.root().join(pid));
        assert!(
            matches!(of("7"), Err(Problem::Other(reason)) if reason.ends_with("takes Linux 4.14"))
        );
        assert!(matches!(of("8"), Err(Problem::Ended)));
        tree.change("== 7/smaps_rollup\nRss: 5 kB\n");
        assert!(matches!(of("7"), Err(Problem::Other(reason)) if reason.ends_with("no Pss in kB")));
    }

    #[test]
    fn what_may_not_be_read_has_the_cure_and_what_has_ended_has_no_reason() {
        let error =
            |number| problem(Path::new("/proc/7/fd"), &io::Error::from_raw_os_error(number));
        let text = "/proc/7/fd cannot be read: Permission denied (os error 13): the agent has to run as the same \
            user, or with the capability SYS_PTRACE";
        assert!(matches!(error(13), Problem::Other(reason) if reason == text));
        assert!(matches!(error(3), Problem::Ended) && matches!(error(2), Problem::Ended));
    }

    #[test]
    fn hidden_processes_are_an_error_unless_they_are_of_the_own_user() {
        let tree = Tree::new("== self/stat\n7 (a) S\n");
        let error = refuse_hidden(tree.root(), None).expect_err("the first is not there");
        assert!(error.contains("1/stat cannot be read") && error.contains("hidepid"), "{error}");
        let own = rustix::process::geteuid().as_raw();
        assert!(refuse_hidden(tree.root(), Some(own)).is_ok());
        assert!(refuse_hidden(tree.root(), Some(own + 1)).is_err());
        tree.change("== 1/stat\n1 (init) S\n");
        assert!(refuse_hidden(tree.root(), None).is_ok());
    }
}
