//! The files of cgroup version 2. See Documentation/admin-guide/cgroup-v2.rst of the kernel.

use std::time::Duration;

use super::field;
use crate::model::{Bytes, Cores};
use crate::settings::MemoryUse;

/// The CPU time that the group has used, from the text of `cpu.stat`.
pub fn cpu_used(cpu_stat: &str) -> Option<Duration> {
    field(cpu_stat, "usage_usec").map(Duration::from_micros)
}

/// The quota of `cpu.max`, such as `25000 100000`; within, `None` for `max`.
pub fn cpu_quota(cpu_max: &str) -> Option<Option<Cores>> {
    let (quota, period) = cpu_max.trim().split_once(' ')?;
    if quota == "max" {
        return Some(None);
    }
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0 && period > 0).then(|| Some(Cores(quota as f64 / period as f64)))
}

/// The limit of `memory.max`; within, `None` for `max`.
pub fn memory_limit(memory_max: &str) -> Option<Option<Bytes>> {
    match memory_max.trim() {
        "max" => Some(None),
        number => number.parse().ok().map(|number| Some(Bytes(number))),
    }
}

/// The memory in use, from the texts of `memory.current` and `memory.stat`. The kernel counts
/// shared memory (`shmem`) in `file`.
pub fn memory_used(memory_current: &str, memory_stat: &str, which: MemoryUse) -> Option<Bytes> {
    let usage: u64 = memory_current.trim().parse().ok()?;
    let stat = |name| field(memory_stat, name);
    let droppable = match which {
        MemoryUse::Used => {
            stat("file")?.saturating_sub(stat("shmem")?).saturating_add(stat("slab_reclaimable")?)
        }
        MemoryUse::WorkingSet => stat("inactive_file")?,
    };
    Some(Bytes(usage.saturating_sub(droppable)))
}
