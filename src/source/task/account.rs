//! Adds the containers of a task up.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::stats::Usage;
use crate::model::Bytes;

/// The usage of the whole task, from the first statistics on.
#[derive(Debug, Default)]
pub struct Account {
    /// What each container was last seen with.
    last: Option<BTreeMap<String, Usage>>,
    used: Duration,
}

/// The usage of the whole task at the instant that its containers were read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exact {
    pub at: Instant,
    /// CPU time since the first statistics.
    pub cpu: Duration,
    pub memory: Bytes,
}

impl Account {
    /// Takes new statistics in, which were `now` got from the endpoint. `None` if they are the ones
    /// that were taken in before, or if no container has any.
    pub fn add(&mut self, containers: BTreeMap<String, Usage>, now: Now) -> Option<Exact> {
        let read = containers.values().map(|usage| usage.read).max()?;
        let at = now.instant_of(read);
        let Some(last) = &mut self.last else {
            let exact = Exact { at, cpu: self.used, memory: sum(&containers) };
            self.last = Some(containers);
            return Some(exact);
        };
        if last.values().map(|usage| usage.read).max() >= Some(read) {
            return None;
        }
        for (id, usage) in &containers {
            // A container that was not there before has used all of its CPU time since. A counter
            // that went back belongs to one that was restarted, which has as well.
            let before = last.get(id).map_or(Duration::ZERO, |usage| usage.cpu);
            self.used += usage.cpu.checked_sub(before).unwrap_or(usage.cpu);
        }
        let exact = Exact { at, cpu: self.used, memory: sum(&containers) };
        // One that has no statistics at the moment may have them again.
        last.extend(containers);
        Some(exact)
    }
}

/// One instant on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub instant: Instant,
    pub wall_clock: SystemTime,
}

impl Now {
    /// The instant of a time on the wall clock that has passed. Statistics carry wall-clock times;
    /// a clock that is set must not bend an interval.
    fn instant_of(self, time: SystemTime) -> Instant {
        let age = self.wall_clock.duration_since(time).unwrap_or_default();
        self.instant.checked_sub(age).unwrap_or(self.instant)
    }
}

fn sum(containers: &BTreeMap<String, Usage>) -> Bytes {
    Bytes(containers.values().map(|usage| usage.memory.0).fold(0, u64::saturating_add))
}
