//! Each container by itself, under its name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::limits::PodLimit;
use super::neighbour::Neighbour;
use super::neighbours::Ended;
use super::opened::OwnLimits;
use crate::model::{Bytes, Cores, CpuAccount, CpuReading, MemoryReading, ReadError, Reading};
use crate::source::Sampled;

/// The readings of containers since they were last taken, and what is known of each name.
#[derive(Debug, Default)]
pub struct ByName {
    known: BTreeMap<Arc<str>, Name>,
    fresh: Vec<(Arc<str>, Reading)>,
    /// The last readings of those that have ended.
    ended: Vec<(Arc<str>, Reading)>,
}

/// What the containers of a name have used, one after the other: one that is started again goes on
/// where the one before it ended, so that its counter never goes back.
#[derive(Debug)]
struct Name {
    account: CpuAccount,
    /// Of those that have ended.
    ended: Duration,
    /// When one of the name was last read.
    read: Instant,
}

/// The CPU time and the memory of a container, and its other numbers.
pub type Parts = (Result<Duration, ReadError>, Result<Bytes, ReadError>, Sampled);

/// The limits that bind a container: its own, or the pod's for a part where it has none.
pub struct Binding<'pod> {
    pub own: &'pod OwnLimits,
    pub cpu: &'pod PodLimit<Cores>,
    pub memory: &'pod PodLimit<Bytes>,
}

impl ByName {
    pub fn take(&mut self) -> Vec<(Arc<str>, Reading)> {
        std::mem::take(&mut self.fresh)
    }

    /// Adds what a container has used up to `at`. One that is new begins at the look before it was seen,
    /// with nothing used.
    pub fn add(
        &mut self,
        container: &Neighbour,
        (cpu, memory, others): Parts,
        limits: &Binding<'_>,
        at: Instant,
    ) {
        let name = &container.name;
        if !container.is_named {
            return;
        }
        let used = match cpu {
            Ok(used) => used,
            Err(error) => {
                let memory = Some(limits.of_memory(memory));
                let cpu = Some(Err(error));
                self.fresh.push((name.clone(), Reading { cpu, memory, others }));
                return;
            }
        };
        let is_new = !self.known.contains_key(name);
        let account = || Name { account: CpuAccount::open(), ended: Duration::ZERO, read: at };
        let known = self.known.entry(name.clone()).or_insert_with(account);
        let began = container.began.filter(|began| {
            // One of the same name that was there at that look has its last reading there.
            container.is_from_start && (is_new || known.read < *began)
        });
        if let Some(began) = began {
            let cpu = limits.of_cpu(known.ended, began, known.account);
            self.fresh.push((name.clone(), Reading::of(Some(cpu), None)));
        }
        known.read = at;
        let cpu = limits.of_cpu(known.ended + used, at, known.account);
        let (cpu, memory) = (Some(cpu), Some(limits.of_memory(memory)));
        self.fresh.push((name.clone(), Reading { cpu, memory, others }));
    }

    /// Adds the CPU time of a container that has ended.
    pub fn end(&mut self, ended: &Ended, limits: &Binding<'_>, at: Instant) {
        let Some(name) = &ended.name else { return };
        let Some(known) = self.known.get_mut(name) else { return };
        known.ended += ended.used;
        let cpu = limits.of_cpu(known.ended, at, known.account);
        self.ended.push((name.clone(), Reading::of(Some(cpu), None)));
    }

    /// Completes the readings of an instant with those of containers that have ended. Where another one
    /// of the name was read, that has it in its reading.
    pub fn finish(&mut self, at: Instant) {
        for (name, reading) in self.ended.drain(..) {
            if let Some(known) = self.known.get_mut(&name)
                && known.read < at
            {
                known.read = at;
                self.fresh.push((name, reading));
            }
        }
    }
}

impl Binding<'_> {
    fn of_cpu(
        &self,
        used: Duration,
        at: Instant,
        account: CpuAccount,
    ) -> Result<CpuReading, ReadError> {
        let own = self.own.cpu.clone()?;
        let limit = if own.is_own { own.limit } else { self.cpu.limit.clone()? };
        Ok(CpuReading { at, used, limit, account })
    }

    /// What a container uses of its memory.
    pub fn of_memory(&self, used: Result<Bytes, ReadError>) -> Result<MemoryReading, ReadError> {
        let (used, own) = (used?, self.own.memory.clone()?);
        let limit = if own.is_own { own.limit } else { self.memory.limit.clone()? };
        Ok(MemoryReading { used, limit })
    }
}
