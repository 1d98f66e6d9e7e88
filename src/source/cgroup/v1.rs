//! The files of cgroup version 1. See Documentation/admin-guide/cgroup-v1/ of the kernel.

use std::time::Duration;

use super::field;
use crate::model::{Bytes, Cores};
use crate::settings::MemoryUse;

/// The CPU time that the group has used, from the text of `cpuacct.usage`.
pub fn cpu_used(usage: &str) -> Option<Duration> {
    usage.trim().parse().ok().map(Duration::from_nanos)
}

/// The quota, from the texts of `cpu.cfs_quota_us` and `cpu.cfs_period_us`; within, `None` for -1,
/// which is no quota.
pub fn cpu_quota(quota: &str, period: &str) -> Option<Option<Cores>> {
    let (quota, period): (i64, i64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    match quota {
        -1 => Some(None),
        _ if quota > 0 && period > 0 => Some(Some(Cores(quota as f64 / period as f64))),
        _ => None,
    }
}

/// The smallest limit of this group and all those above it, those that cannot be seen included,
/// from the text of `memory.stat`. A number near 2^63 means that there is none.
pub fn memory_limit(memory_stat: &str) -> Option<Bytes> {
    field(memory_stat, "hierarchical_memory_limit").map(Bytes)
}

/// The memory in use, from the texts of `memory.usage_in_bytes` and `memory.stat`. The kernel
/// counts shared memory in the cache, and tells how much it is since 4.12; it does not tell how
/// much of its own memory it could reclaim.
pub fn memory_used(usage: &str, memory_stat: &str, which: MemoryUse) -> Option<Bytes> {
    let usage: u64 = usage.trim().parse().ok()?;
    let stat = |name| field(memory_stat, name);
    let droppable = match which {
        MemoryUse::Used => stat("total_cache")?.saturating_sub(stat("total_shmem").unwrap_or(0)),
        MemoryUse::WorkingSet => stat("total_inactive_file")?,
    };
    Some(Bytes(usage.saturating_sub(droppable)))
}
