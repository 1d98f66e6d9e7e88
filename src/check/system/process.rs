//! `agent.process`: the processes of a service, found by name, command line or user.

mod reading;
mod snapshot;
#[cfg(test)]
mod tests;
mod wanted;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

use self::snapshot::{Baseline, Snapshot};
use self::wanted::Wanted;
use super::FIRST_INTERVAL;
use crate::blocking::Purpose;
use crate::check::asking::Asking;
use crate::model::{
    Check, CheckType, Declared, Details, Discovers, Findings, Form, Opening, Roots, Running,
    Setting, Unit,
};

pub const TYPE: CheckType = CheckType {
    name: "agent.process",
    about: "CPU, memory, threads and files of the processes with a name, a command line or a user",
    settings: &[
        Setting {
            name: "name",
            form: Form::Text,
            about: "The name of the processes, without * and folders",
            is_required: false,
            example: "nginx",
        },
        Setting {
            name: "command",
            form: Form::Text,
            about: "What their command lines contain; * stands for anything",
            is_required: false,
            example: "\"java *-jar /srv/app.jar\"",
        },
        Setting {
            name: "user",
            form: Form::Text,
            about: "The name or the number of their user",
            is_required: false,
            example: "www-data",
        },
        Setting {
            name: "proportional",
            form: Form::YesOrNo,
            about: "Whether memory_proportional is read, which takes longer the more memory they have",
            is_required: false,
            example: "yes",
        },
    ],
    one_of: &["name", "command", "user"],
    metrics: &[
        Declared::gauge("count", Unit::Count, COUNT).headline(),
        Declared::gauge("cpu_percent", Unit::Percent, CPU_PERCENT),
        Declared::gauge("memory_resident", Unit::Bytes, RESIDENT),
        Declared::gauge("memory_proportional", Unit::Bytes, PROPORTIONAL).since("Linux 4.14"),
        Declared::gauge("threads", Unit::Count, "/proc/PID/stat: num_threads"),
        Declared::gauge("open_files", Unit::Count, OPEN_FILES),
        Declared::gauge("oldest_start", Unit::Seconds, OLDEST_START),
        Declared::gauge("oldest_age", Unit::Seconds, OLDEST_AGE),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    open: |of: &Opening| Box::new(Processes::of(of.details, of.roots)),
};

const COUNT: &str = "/proc/PID/stat, cmdline and status: the processes that match all details that are set. Name: comm, and where \
    it is longer than the 15 bytes that the kernel keeps, the file name of one of the first two arguments or of the \
    program (/proc/PID/exe); command: the \
    arguments with a blank between them, without the agent itself; user: the effective one. Neither zombies, which have \
    ended, nor kernel threads";
const CPU_PERCENT: &str = "/proc/PID/stat: the growth of utime + stime since the run before, in percent of the time of one \
    CPU. A process that started since counts from its start; what one that ended used in between is not in it";
const RESIDENT: &str =
    "/proc/PID/statm: resident x page size. Memory that processes share counts in each of them";
const PROPORTIONAL: &str = "/proc/PID/smaps_rollup: Pss. Memory that processes share counts once in all. Only with proportional: yes, since the \
    kernel goes through all of the memory for it";
const OPEN_FILES: &str = "/proc/PID/fd: how many there are";
const OLDEST_START: &str = "starttime of /proc/PID/stat + btime of /proc/stat, of the process that started first: whole seconds since 1970";
const OLDEST_AGE: &str =
    "the boot-time clock - starttime of /proc/PID/stat, of the process that started first";

/// How many readings are made at once: one whose process never answers leaves another way for the rest. A
/// check that comes third waits for one of them.
const AT_ONCE: usize = 2;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

struct Processes {
    wanted: Arc<Wanted>,
    proc: PathBuf,
    before: Option<Baseline>,
    asking: Asking<Result<Snapshot, String>>,
    /// What reads them, and may never return.
    read: Read,
}

type Read = fn(&Wanted, &std::path::Path) -> Result<Snapshot, String>;

impl Processes {
    fn of(details: &Details, roots: &Roots) -> Self {
        Self {
            wanted: Arc::new(Wanted::of(details)),
            proc: roots.proc.clone(),
            before: None,
            asking: Asking::new(Purpose::Processes),
            read: reading::read,
        }
    }

    /// All of them as they are now.
    async fn snapshot(&mut self) -> Result<Snapshot, String> {
        self.asking.refuse_beside_another(WHAT)?;
        let turn = TURNS.acquire().await.map_err(|error| error.to_string())?;
        let turn = Arc::new(turn);
        let (wanted, proc, read) = (self.wanted.clone(), self.proc.clone(), self.read);
        let call = move || {
            // Held until the call returns, also if it is given up.
            let _turn = turn;
            read(&wanted, &proc)
        };
        self.asking.ask(WHAT, call).await?
    }

    async fn found(&mut self) -> Result<Findings, String> {
        if self.wanted.is_nothing() {
            return Err(NOTHING_WANTED.to_owned());
        }
        if self.before.is_none() {
            self.before = Some(self.snapshot().await?.baseline());
            tokio::time::sleep(FIRST_INTERVAL).await;
        }
        let now = self.snapshot().await?;
        let found = snapshot::found(self.before.as_ref(), &now);
        self.before = Some(now.baseline());
        Ok(found)
    }
}

impl Check for Processes {
    fn run(&mut self) -> Running<'_> {
        Box::pin(self.found())
    }

    fn mistake(&self) -> Option<String> {
        self.wanted.mistake()
    }
}

/// What has not answered.
const WHAT: &str = "the list of processes";

const NOTHING_WANTED: &str = "details: none of name, command and user is set, so it is not known which processes are meant: \
    set at least one, such as name: nginx";
