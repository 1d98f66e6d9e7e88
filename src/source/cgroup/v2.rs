//! The files of cgroup version 2. See Documentation/admin-guide/cgroup-v2.rst of the kernel.

use std::time::Duration;

use super::{field, fields};
use crate::config::MemoryUse;
use crate::model::{Bytes, Cores};
use crate::source::plausible::cache_without_shared;

/// The CPU time that the group has used, from the text of `cpu.stat`.
pub fn cpu_used(cpu_stat: &str) -> Option<Duration> {
    field(cpu_stat, "usage_usec").map(Duration::from_micros)
}

/// The quota of `cpu.max`, such as `25000 100000`; within, `None` for `max`. Kernels of some vendors
/// write a third number, the burst.
pub fn cpu_quota(cpu_max: &str) -> Option<Option<Cores>> {
    let mut fields = cpu_max.split_ascii_whitespace();
    let (quota, period) = (fields.next()?, fields.next()?);
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

/// The part of the usage that could be given back, from the text of `memory.stat`. The kernel counts
/// shared memory (`shmem`) in `file`.
pub fn droppable(memory_stat: &str, which: MemoryUse) -> Option<Bytes> {
    let bytes = match which {
        MemoryUse::Used => {
            let [file, shared, slabs] = fields(memory_stat, ["file", "shmem", "slab_reclaimable"]);
            cache_without_shared(file?, shared?).saturating_add(slabs?)
        }
        MemoryUse::WorkingSet => field(memory_stat, "inactive_file")?,
    };
    Some(Bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 50 pages of cache of which 20 are shared memory and 10 inactive; 5 pages of slabs of which
    /// 3 can be reclaimed.
    const STAT: &str = "anon 409600\nfile 204800\nshmem 81920\nfile_mapped 8192\n\
        shmem_thp 0\ninactive_file 40960\nslab_reclaimable 12288\nslab_unreclaimable 8192\n";

    #[test]
    fn used_time_is_in_microseconds() {
        let stat = "usage_usec 61412008\nuser_usec 42988405\nsystem_usec 18423603\n";
        assert_eq!(cpu_used(stat), Some(Duration::from_micros(61_412_008)));
        for text in ["", "user_usec 1\n", "usage_usec\n", "usage_usec -1\n", "usage_usec 1.5\n"] {
            assert_eq!(cpu_used(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_quota_is_cores_with_fractions() {
        for (text, cores) in [
            ("25000 100000\n", 0.25),
            ("150000 100000\n", 1.5),
            ("200000 100000\n", 2.0),
            ("30000 20000\n", 1.5),
            ("1000 1000000\n", 0.001),
            ("50000 100000 0\n", 0.5),
            ("50000 100000 20000\n", 0.5),
        ] {
            assert_eq!(cpu_quota(text), Some(Some(Cores(cores))), "{text:?}");
        }
    }

    #[test]
    fn max_is_no_quota_and_not_garbage() {
        assert_eq!(cpu_quota("max 100000\n"), Some(None));
        assert_eq!(cpu_quota("max 100000 0\n"), Some(None));
        for text in ["", "\n", "25000\n", "-1 100000\n", "0 100000\n", "25000 0\n", "25% 100000\n"]
        {
            assert_eq!(cpu_quota(text), None, "{text:?}");
        }
    }

    #[test]
    fn max_is_no_memory_limit_and_not_garbage() {
        assert_eq!(memory_limit("536870912\n"), Some(Some(Bytes(536_870_912))));
        assert_eq!(memory_limit("max\n"), Some(None));
        for text in ["", "\n", "-1\n", "512M\n", "maximum\n"] {
            assert_eq!(memory_limit(text), None, "{text:?}");
        }
    }

    #[test]
    fn cache_and_reclaimable_slabs_are_not_used_and_shared_memory_is() {
        assert_eq!(droppable(STAT, MemoryUse::Used), Some(Bytes(204_800 - 81_920 + 12_288)));
        assert_eq!(droppable(STAT, MemoryUse::WorkingSet), Some(Bytes(40_960)));
    }

    #[test]
    fn a_missing_part_of_the_formula_is_absent_and_not_zero() {
        for name in ["\nfile ", "\nshmem ", "\nslab_reclaimable "] {
            let stat = STAT.replace(name, "\nother ");
            assert_eq!(droppable(&stat, MemoryUse::Used), None, "{name:?}");
        }
        let stat = STAT.replace("inactive_file", "other");
        assert_eq!(droppable(&stat, MemoryUse::WorkingSet), None);
    }
}
