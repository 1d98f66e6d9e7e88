//! Many cells at once: they mostly wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::cell::{self, Outcome};
use crate::faults::{self, Fault, UnderWay};
use crate::lists::{known, senseless};
use crate::moments::{FIRST_10_MS, MOMENTS, Moment};
use crate::namespace::Has;

/// Measured on two cores: see docs/reliability.md.
pub const DEFAULT_JOBS: usize = 16;

/// One run of one cell.
#[derive(Clone, Copy)]
pub struct Job {
    pub fault: &'static Fault,
    pub moment: Moment,
    pub offset: Duration,
}

/// What came of it.
pub enum Verdict {
    Ran(Box<Outcome>, Vec<String>),
    /// The test itself did not get there.
    Lost(String),
    NotHere(String),
}

impl Job {
    /// All jobs whose name has one of these in it, the longest first.
    pub fn all(filters: &[String]) -> Vec<Self> {
        let mut jobs = Vec::new();
        for fault in faults::all() {
            for (moment, name) in MOMENTS {
                let name = format!("{} × {name}", fault.name);
                let wanted =
                    filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()));
                if !wanted || senseless(fault, moment).is_some() {
                    continue;
                }
                let offsets: &[Duration] = match moment {
                    Moment::First10Ms => &FIRST_10_MS,
                    _ => &[Duration::ZERO],
                };
                jobs.extend(offsets.iter().map(|&offset| Self { fault, moment, offset }));
            }
        }
        jobs.sort_by_key(|job| std::cmp::Reverse(job.length()));
        jobs
    }

    /// A guess in seconds, for the order.
    fn length(&self) -> u32 {
        if known(self.fault, self.moment).is_some() {
            // It may wait for what never comes.
            return 60;
        }
        let slow = if self.fault.request == UnderWay::Hangs { 3 } else { 1 };
        match self.moment {
            Moment::FullBacklog => 10 * slow,
            Moment::OutageEnds | Moment::RetryWait => 6 * slow,
            _ => 4,
        }
    }
}

/// Runs the jobs, so many at once.
pub fn run(jobs: Vec<Job>, at_once: usize, has: &Has) -> Vec<(Job, Verdict)> {
    let (queue, done) = (Mutex::new(jobs.into_iter()), Mutex::new(Vec::new()));
    // A panic is told with its cell, and once.
    std::panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no worker panics").next();
                    let Some(job) = next else { return };
                    let verdict = run_one(job, has);
                    done.lock().expect("no worker panics").push((job, verdict));
                }
            });
        }
    });
    let _ = std::panic::take_hook();
    done.into_inner().expect("no worker panics")
}

fn run_one(job: Job, has: &Has) -> Verdict {
    if let Some(reason) = has.lacks(job.fault.needs) {
        return Verdict::NotHere(reason);
    }
    let run = || cell::run(job.fault, job.moment, job.offset);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok((outcome, problems)) => Verdict::Ran(Box::new(outcome), problems),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            Verdict::Lost(text.unwrap_or_default())
        }
    }
}
