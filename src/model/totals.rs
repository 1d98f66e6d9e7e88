//! Counters over a whole run, and the place where it ran: what a report at its end needs beside the samples.

use std::time::SystemTime;

use super::{Bytes, Cores, CpuAccount, ReadError};

/// Counters as they stand at one moment. Only the difference between two moments means anything, and only
/// that of one account.
#[derive(Clone, Debug)]
pub struct Totals {
    /// What the counters count; nothing where that never changes.
    pub account: Option<CpuAccount>,
    pub throttling: Result<Periods, ReadError>,
    /// Processes that were killed because the memory limit was reached.
    pub oom_kills: Result<u64, ReadError>,
    /// Percent × seconds in which some task waited, for each of [`PRESSURES`].
    pub pressure: [Result<f64, ReadError>; 3],
    /// The ECS task, where it is one and is known.
    pub task: Option<TaskSize>,
}

/// The resources in the order of [`Totals::pressure`].
pub const PRESSURES: [&str; 3] = ["cpu", "memory", "io"];

/// How often a CPU quota was enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Periods {
    /// Scheduling periods in which there was something to run.
    pub all: u64,
    /// Those in which the quota was used up.
    pub throttled: u64,
}

/// What was ordered for an ECS task, and where it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSize {
    pub is_fargate: bool,
    pub cpu: Option<Cores>,
    pub memory: Option<Bytes>,
    /// That of the task's ARN.
    pub region: Option<String>,
    /// When the first image was pulled, from which on Fargate charges.
    pub pulled: Option<SystemTime>,
}

impl Totals {
    /// Those of something that has none of them, with the reason.
    pub fn none(reason: &ReadError) -> Self {
        let none = || Err(reason.clone());
        Self {
            account: None,
            throttling: Err(reason.clone()),
            oom_kills: Err(reason.clone()),
            pressure: [none(), none(), none()],
            task: None,
        }
    }
}
