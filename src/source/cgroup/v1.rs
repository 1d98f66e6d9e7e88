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

#[cfg(test)]
mod tests {
    use super::*;

    /// 50 pages of cache of which 20 are shared memory and 10 inactive file pages.
    const STAT: &str = "cache 4096\nshmem 0\ninactive_file 4096\n\
        hierarchical_memory_limit 268435456\nhierarchical_memsw_limit 9223372036854771712\n\
        total_cache 204800\ntotal_shmem 81920\ntotal_inactive_file 40960\n";

    #[test]
    fn used_time_is_in_nanoseconds() {
        assert_eq!(cpu_used("12345678901\n"), Some(Duration::new(12, 345_678_901)));
        for text in ["", "\n", "-1\n", "1.5\n", "12 13\n"] {
            assert_eq!(cpu_used(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_quota_is_cores_with_fractions() {
        for (quota, period, cores) in [
            ("25000\n", "100000\n", 0.25),
            ("150000\n", "100000\n", 1.5),
            ("200000\n", "100000\n", 2.0),
            ("30000\n", "20000\n", 1.5),
            ("1000\n", "1000000\n", 0.001),
        ] {
            assert_eq!(cpu_quota(quota, period), Some(Some(Cores(cores))), "{quota:?} {period:?}");
        }
    }

    #[test]
    fn minus_one_is_no_quota_and_not_garbage() {
        assert_eq!(cpu_quota("-1\n", "100000\n"), Some(None));
        for (quota, period) in
            [("", "100000"), ("25000", ""), ("0", "100000"), ("-2", "100000"), ("25000", "0")]
        {
            assert_eq!(cpu_quota(quota, period), None, "{quota:?} {period:?}");
        }
    }

    #[test]
    fn the_limit_is_that_of_the_hierarchy() {
        assert_eq!(memory_limit(STAT), Some(Bytes(268_435_456)));
        assert_eq!(memory_limit("memory_limit 1\nhierarchical_memsw_limit 2\n"), None);
    }

    #[test]
    fn memory_counts_the_groups_below_and_their_shared_memory() {
        let used = memory_used("1048576\n", STAT, MemoryUse::Used);
        assert_eq!(used, Some(Bytes(1_048_576 - 204_800 + 81_920)));
        let used = memory_used("1048576\n", STAT, MemoryUse::WorkingSet);
        assert_eq!(used, Some(Bytes(1_048_576 - 40_960)));
    }

    #[test]
    fn before_linux_4_12_shared_memory_cannot_be_told_from_cache() {
        let stat = STAT.replace("shmem", "other");
        let used = memory_used("1048576\n", &stat, MemoryUse::Used);
        assert_eq!(used, Some(Bytes(1_048_576 - 204_800)));
    }

    #[test]
    fn a_usage_smaller_than_its_cache_is_zero() {
        assert_eq!(memory_used("4096\n", STAT, MemoryUse::Used), Some(Bytes(0)));
        assert_eq!(memory_used("4096\n", STAT, MemoryUse::WorkingSet), Some(Bytes(0)));
    }

    #[test]
    fn a_missing_part_of_the_formula_is_absent_and_not_zero() {
        let without = |name| STAT.replace(name, "other");
        assert_eq!(memory_used("1048576\n", &without("total_cache"), MemoryUse::Used), None);
        let stat = without("total_inactive_file");
        assert_eq!(memory_used("1048576\n", &stat, MemoryUse::WorkingSet), None);
        assert_eq!(memory_used("max\n", STAT, MemoryUse::Used), None);
    }
}
