//! Joins two views of a Fargate task: the machine's own counters, which are immediate but include
//! the platform's processes, and the exact figures of the task, which are some ten seconds old.
//!
//! Whenever exact figures arrive, the platform's overhead is measured: what the machine's counters
//! said at the instant that the exact figures are of, less those. Until the next ones arrive it is
//! taken off the machine's counters. So the result can be wrong by no more than what the overhead
//! has changed since then.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::account::Exact;
use crate::model::Bytes;

/// What the machine's counters say at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    pub at: Instant,
    /// CPU time since boot.
    pub cpu: Duration,
    pub memory: Bytes,
}

/// The machine's counters of the last while, and the overhead that was last measured.
#[derive(Debug, Default)]
pub struct Fusion {
    history: VecDeque<Machine>,
    exact: Option<(Exact, Machine)>,
    /// Cores that the platform uses.
    cpu_overhead: Option<f64>,
    /// Bytes that the platform uses; negative if the machine's figure leaves out what the
    /// containers are charged with.
    memory_overhead: Option<i128>,
    used: Duration,
}

/// How many readings are kept to look up what the machine said when the exact figures were taken:
/// more than a minute at the default interval. Exact figures that are older give no overhead.
const HISTORY: usize = 80;

impl Fusion {
    /// Takes a reading of the machine in. Returns the task's CPU time and memory, each as far as
    /// its overhead is known.
    pub fn machine(&mut self, machine: Machine) -> (Option<Duration>, Option<Bytes>) {
        if let (Some(last), Some(cores)) = (self.history.back(), self.cpu_overhead) {
            let elapsed = machine.at.duration_since(last.at);
            let overhead = elapsed.mul_f64(cores);
            let busy = machine.cpu.saturating_sub(last.cpu);
            self.used += busy.saturating_sub(overhead);
        }
        self.history.push_back(machine);
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
        let memory = self.memory_overhead.map(|overhead| less(machine.memory, overhead));
        (self.cpu_overhead.map(|_| self.used), memory)
    }

    /// Takes exact figures in and measures the overhead by them.
    pub fn exact(&mut self, exact: Exact) {
        let Some(machine) = self.at(exact.at) else { return };
        self.memory_overhead = Some(i128::from(machine.memory.0) - i128::from(exact.memory.0));
        if let Some((last_exact, last_machine)) = self.exact.replace((exact, machine)) {
            let elapsed = exact.at.duration_since(last_exact.at);
            let busy = machine.cpu.saturating_sub(last_machine.cpu).as_secs_f64();
            let used = exact.cpu.saturating_sub(last_exact.cpu).as_secs_f64();
            if !elapsed.is_zero() {
                self.cpu_overhead = Some(((busy - used) / elapsed.as_secs_f64()).max(0.0));
            }
        }
    }

    /// What the machine's counters said at some instant, between the readings around it.
    fn at(&self, at: Instant) -> Option<Machine> {
        let later = self.history.iter().position(|machine| machine.at >= at)?;
        let next = self.history[later];
        let Some(last) = later.checked_sub(1).map(|earlier| self.history[earlier]) else {
            return (next.at == at).then_some(next);
        };
        let whole = next.at.duration_since(last.at).as_secs_f64();
        let part = at.duration_since(last.at).as_secs_f64() / whole;
        let cpu = last.cpu + next.cpu.saturating_sub(last.cpu).mul_f64(part);
        let memory = last.memory.0 as f64 * (1.0 - part) + next.memory.0 as f64 * part;
        Some(Machine { at, cpu, memory: Bytes(memory as u64) })
    }
}

fn less(memory: Bytes, overhead: i128) -> Bytes {
    Bytes(u64::try_from(i128::from(memory.0) - overhead).unwrap_or(0))
}
