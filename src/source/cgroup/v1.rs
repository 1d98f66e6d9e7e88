//! The files of cgroup version 1. See Documentation/admin-guide/cgroup-v1/ of the kernel.

use std::time::Duration;

use super::{field, fields};
use crate::config::MemoryUse;
use crate::model::{Bytes, Cores};
use crate::source::plausible::cache_without_shared;

/// The CPU time that the group has used, from the text of `cpuacct.usage`.
pub fn cpu_used(usage: &str) -> Option<Duration> {
    usage.trim().parse().ok().map(Duration::from_nanos)
}

/// The period that a quota is for, in microseconds, from the text of `cpu.cfs_period_us`.
pub fn cpu_period(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|period| *period > 0)
}

/// The quota for a period, from the text of `cpu.cfs_quota_us`; within, `None` for -1, which is no
/// quota.
pub fn cpu_quota(text: &str, period: u64) -> Option<Option<Cores>> {
    match text.trim().parse::<i64>().ok()? {
        -1 => Some(None),
        quota if quota > 0 => Some(Some(Cores(quota as f64 / period as f64))),
        _ => None,
    }
}

/// The smallest limit of this group and all groups above it, hidden ones included, from the text of
/// `memory.stat`; within, `None` for no limit.
pub fn memory_limit(memory_stat: &str) -> Option<Option<Bytes>> {
    field(memory_stat, "hierarchical_memory_limit").map(unless_unlimited)
}

/// The limit of `memory.limit_in_bytes`; within, `None` for no limit.
pub fn limit_in_bytes(text: &str) -> Option<Option<Bytes>> {
    text.trim().parse().ok().map(unless_unlimited)
}

/// No limit is the highest number of whole pages below 2^63, whatever the size of a page.
pub fn unless_unlimited(bytes: u64) -> Option<Bytes> {
    (bytes < 1 << 62).then_some(Bytes(bytes))
}

/// The part of the usage that could be given back, from the text of `memory.stat`. The kernel counts
/// shared memory in the cache, and says how much it is since 4.12. Before that, the lists of file pages
/// are counted, which have no shared memory on them. Version 1 does not say how much kernel memory
/// could be reclaimed.
pub fn droppable(memory_stat: &str, which: MemoryUse) -> Option<Bytes> {
    let bytes = match which {
        MemoryUse::Used => match fields(memory_stat, ["total_cache", "total_shmem"]) {
            [cache, Some(shared)] => cache_without_shared(cache?, shared),
            _ => {
                let lists = fields(memory_stat, ["total_inactive_file", "total_active_file"]);
                let [inactive, active] = lists;
                inactive?.saturating_add(active?)
            }
        },
        MemoryUse::WorkingSet => field(memory_stat, "total_inactive_file")?,
    };
    Some(Bytes(bytes))
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
            ("25000\n", 100_000, 0.25),
            ("150000\n", 100_000, 1.5),
            ("200000\n", 100_000, 2.0),
            ("30000\n", 20_000, 1.5),
            ("1000\n", 1_000_000, 0.001),
        ] {
            assert_eq!(cpu_quota(quota, period), Some(Some(Cores(cores))), "{quota:?} {period}");
        }
    }

    #[test]
    fn minus_one_is_no_quota_and_not_garbage() {
        assert_eq!(cpu_quota("-1\n", 100_000), Some(None));
        for quota in ["", "0", "-2", "max", "1.5"] {
            assert_eq!(cpu_quota(quota, 100_000), None, "{quota:?}");
        }
        assert_eq!(cpu_period("100000\n"), Some(100_000));
        for period in ["", "0", "-1", "x"] {
            assert_eq!(cpu_period(period), None, "{period:?}");
        }
    }

    #[test]
    fn the_limit_is_that_of_the_hierarchy() {
        assert_eq!(memory_limit(STAT), Some(Some(Bytes(268_435_456))));
        assert_eq!(memory_limit("memory_limit 1\nhierarchical_memsw_limit 2\n"), None);
    }

    #[test]
    fn a_number_near_2_to_63_is_no_limit() {
        // With pages of 4, 16 and 64 KiB, and of kernels before 3.19.
        for page in [4096, 16_384, 65_536, 1] {
            let bytes = (1_u64 << 63) - page;
            assert_eq!(limit_in_bytes(&format!("{bytes}\n")), Some(None), "{page}");
            let stat = format!("hierarchical_memory_limit {bytes}\n");
            assert_eq!(memory_limit(&stat), Some(None), "{page}");
        }
        assert_eq!(limit_in_bytes("536870912\n"), Some(Some(Bytes(536_870_912))));
        for text in ["", "max", "-1", "1G"] {
            assert_eq!(limit_in_bytes(text), None, "{text:?}");
        }
    }

    #[test]
    fn memory_counts_the_groups_below_and_their_shared_memory() {
        assert_eq!(droppable(STAT, MemoryUse::Used), Some(Bytes(204_800 - 81_920)));
        assert_eq!(droppable(STAT, MemoryUse::WorkingSet), Some(Bytes(40_960)));
    }

    #[test]
    fn before_linux_4_12_what_is_not_on_a_list_of_file_pages_is_in_use() {
        let stat = STAT.replace("shmem", "other") + "total_active_file 20480\n";
        assert_eq!(droppable(&stat, MemoryUse::Used), Some(Bytes(40_960 + 20_480)));
        assert_eq!(droppable(&stat, MemoryUse::WorkingSet), Some(Bytes(40_960)));
    }

    #[test]
    fn a_missing_part_of_the_formula_is_absent_and_not_zero() {
        let without = |name| STAT.replace(name, "other");
        assert_eq!(droppable(&without("total_cache"), MemoryUse::Used), None);
        assert_eq!(droppable(&without("total_shmem"), MemoryUse::Used), None, "nor the lists");
        assert_eq!(droppable(&without("total_inactive_file"), MemoryUse::WorkingSet), None);
    }
}
