//! What the task metadata endpoint tells of the usage of each container.
//!
//! Shapes: `${ECS_CONTAINER_METADATA_URI_V4}/task/stats` gives Docker's container statistics by
//! container id, and null for a container that has none. The memory fields are those of the cgroup
//! version of the machine.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::model::Bytes;
use crate::settings::MemoryUse;

/// The usage of one container at the instant that it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    pub read: SystemTime,
    /// CPU time since the container started.
    pub cpu: Duration,
    pub memory: Bytes,
}

/// The usage of each container that has any, from the body of an answer.
pub fn parse(body: &[u8], which: MemoryUse) -> Result<BTreeMap<String, Usage>, serde_json::Error> {
    let all: BTreeMap<String, Option<Stats>> = serde_json::from_slice(body)?;
    let usage = |(id, stats): (String, Option<Stats>)| Some((id, stats?.usage(which)?));
    Ok(all.into_iter().filter_map(usage).collect())
}

#[derive(Deserialize)]
struct Stats {
    read: String,
    #[serde(default)]
    cpu_stats: CpuStats,
    #[serde(default)]
    memory_stats: MemoryStats,
}

#[derive(Default, Deserialize)]
struct CpuStats {
    #[serde(default)]
    cpu_usage: CpuUsage,
}

#[derive(Default, Deserialize)]
struct CpuUsage {
    /// Nanoseconds.
    total_usage: Option<u64>,
}

#[derive(Default, Deserialize)]
struct MemoryStats {
    usage: Option<u64>,
    #[serde(default)]
    stats: BTreeMap<String, u64>,
}

impl Stats {
    /// `None` for a container that has just started or has ended, which has not all the figures.
    fn usage(&self, which: MemoryUse) -> Option<Usage> {
        let read = humantime::parse_rfc3339_weak(&self.read).ok()?;
        let cpu = Duration::from_nanos(self.cpu_stats.cpu_usage.total_usage?);
        let droppable = self.memory_stats.droppable(which)?;
        let memory = Bytes(self.memory_stats.usage?.saturating_sub(droppable));
        Some(Usage { read, cpu, memory })
    }
}

impl MemoryStats {
    /// Version 1 has sums over the groups below as `total_…`. Its shared memory is not told, but
    /// file pages that are on the lists for reclaim are not shared memory.
    fn droppable(&self, which: MemoryUse) -> Option<u64> {
        let stat = |name: &str| {
            let total = self.stats.get(&format!("total_{name}"));
            total.or_else(|| self.stats.get(name)).copied()
        };
        match which {
            MemoryUse::Used => {
                let slabs = self.stats.get("slab_reclaimable").copied().unwrap_or(0);
                Some(
                    stat("inactive_file")?
                        .saturating_add(stat("active_file")?)
                        .saturating_add(slabs),
                )
            }
            MemoryUse::WorkingSet => stat("inactive_file"),
        }
    }
}
