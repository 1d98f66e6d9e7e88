//! `agent.process`: the processes of a name, a command line or a user together.

mod difference;
mod filter;
mod reading;

use std::sync::Arc;

use tokio::time::sleep;

use self::difference::cpu_percent;
use self::filter::Filter;
use self::reading::{Reading, read};
use super::FIRST_INTERVAL;
use super::asking::Asking;
use crate::blocking::Purpose;
use crate::model::{
    Check, CheckType, Declared, Details, Findings, Form, Roots, Running, Setting, Unit,
};

pub const TYPE: CheckType = CheckType {
    name: "agent.process",
    about: "Processes by name, command line or user: how many there are, and what they use together",
    settings: &[
        Setting {
            name: "name",
            form: Form::Text,
            about: "The name of the processes, as `ps -o comm` shows it; all of name, command and user that \
                are given have to fit",
            is_required: false,
            example: "nginx",
        },
        Setting {
            name: "command",
            form: Form::Text,
            about: "A part of the command line, in which * stands for anything; the agent itself is left out",
            is_required: false,
            example: "\"java*my-service.jar\"",
        },
        Setting {
            name: "user",
            form: Form::Text,
            about: "The name or number of the user that they run as",
            is_required: false,
            example: "www-data",
        },
    ],
    one_of: &["name", "command", "user"],
    metrics: &[
        Declared::gauge("count", Unit::Count, COUNT_SOURCE).headline(),
        Declared::gauge("cpu_percent", Unit::Percent, CPU_SOURCE),
        Declared::gauge(
            "memory_resident",
            Unit::Bytes,
            "the sum of what is resident (RSS); pages that \
            processes share count for each of them",
        ),
        Declared::gauge(
            "memory_proportional",
            Unit::Bytes,
            "/proc/PID/smaps_rollup, Pss: the sum of what is \
            resident, of which each shared page counts in part for each process that has it",
        )
        .since("Linux 4.14; the same user, or CAP_SYS_PTRACE"),
        Declared::gauge("threads", Unit::Count, "/proc/PID/stat, num_threads: the sum"),
        Declared::gauge("open_files", Unit::Count, "/proc/PID/fd: how many descriptors, the sum")
            .since("the same user, or CAP_SYS_PTRACE"),
        Declared::gauge(
            "oldest_start",
            Unit::Seconds,
            "when the oldest of them started, in seconds since 1970",
        ),
        Declared::gauge("oldest_age", Unit::Seconds, "how long the oldest of them has run"),
    ],
    targets: None,
    open: |details: &Details, _: &Roots| Box::new(ProcessCheck::of(details)),
};

const COUNT_SOURCE: &str = "the processes that fit. One that has ended, and whose parent has not taken notice \
    (a zombie), does not count; a thread of the kernel counts by its name";
const CPU_SOURCE: &str = "CPU time that they used since the run before, in percent of one CPU. One that started \
    since counts from its start; what one used that has ended since is not known, and not in it";

struct ProcessCheck {
    filter: Arc<Filter>,
    asking: Asking<Result<Reading, String>>,
    before: Option<Reading>,
}

impl ProcessCheck {
    fn of(details: &Details) -> Self {
        let filter = Arc::new(Filter::of(details));
        Self { filter, asking: Asking::of(Purpose::Processes), before: None }
    }

    /// The processes as they are now. A machine has thousands, and the memory of one may be locked.
    async fn read(&mut self) -> Result<Reading, String> {
        let filter = self.filter.clone();
        self.asking.ask("the list of processes", move || read(&filter)).await?
    }

    async fn find(&mut self) -> Result<Findings, String> {
        let before = match self.before.take() {
            Some(before) => before,
            None => {
                let first = self.read().await?;
                sleep(FIRST_INTERVAL).await;
                first
            }
        };
        let now = self.read().await?;
        let found = found(&before, &now);
        self.before = Some(now);
        Ok(found)
    }
}

impl Check for ProcessCheck {
    fn run(&mut self) -> Running<'_> {
        Box::pin(self.find())
    }
}

fn found(before: &Reading, now: &Reading) -> Findings {
    let mut found = Findings::default();
    let processes = &now.processes;
    found.number("count", processes.len() as f64);
    match cpu_percent(before, now) {
        Some(percent) => found.number("cpu_percent", percent),
        None => found.absent("cpu_percent", "no time has passed since the run before"),
    }
    let resident: u64 = processes.iter().map(|of| of.resident_bytes).sum();
    found.number("memory_resident", resident as f64);
    for (name, sum) in [
        ("memory_proportional", sum(now, |of| &of.proportional_bytes)),
        ("threads", sum(now, |of| &of.threads)),
        ("open_files", sum(now, |of| &of.open_files)),
    ] {
        match sum {
            Ok(sum) => found.number(name, sum),
            Err(reason) => found.absent(name, reason),
        }
    }
    match processes.iter().map(|of| of.start_s).min() {
        Some(oldest) => {
            found.number("oldest_start", oldest as f64);
            found.number("oldest_age", now.time_s.saturating_sub(oldest) as f64);
        }
        None => {
            for name in ["oldest_start", "oldest_age"] {
                found.absent(name, "there is no such process");
            }
        }
    }
    // Neither command lines nor environments: they may hold secrets.
    for of in processes.iter().take(MOST_RAW) {
        let text = format!("CPU time {} ms, resident {} bytes", of.cpu_ms, of.resident_bytes);
        found.raw(format!("process {} {}", of.pid, of.name), text);
    }
    if let Some(more) = processes.len().checked_sub(MOST_RAW).filter(|more| *more > 0) {
        found.raw("processes", format!("{more} more"));
    }
    found
}

/// The sum of a figure of all processes; the reason of one where it is unknown, as a part is no sum.
fn sum(
    reading: &Reading,
    figure: impl Fn(&reading::Process) -> &Result<u64, String>,
) -> Result<f64, String> {
    let figures = reading.processes.iter().map(|of| figure(of).clone());
    figures.sum::<Result<u64, String>>().map(|sum| sum as f64)
}

/// An explanation lists so many.
const MOST_RAW: usize = 20;
