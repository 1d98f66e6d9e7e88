//! Parses the text of the machine-wide files of /proc and /sys. Pure functions.

use std::time::Duration;

use crate::model::Bytes;

/// The CPU time that all cores have spent on work since boot, from the text of /proc/stat.
///
/// Work is everything but `idle` and `iowait`: user, nice, system, irq, softirq and steal (time
/// that a hypervisor took away while there was work to do). `guest` and `guest_nice` are already
/// part of user and nice (proc_stat(5)). `None` where the line is missing or garbled, and where
/// every counter is zero: a kernel that runs has used CPU, so such a file keeps no account, as
/// in some sandboxes.
pub fn cpu_used(stat: &str) -> Option<Duration> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let mut ticks = [0_u64; 8];
    let mut fields = line.split_ascii_whitespace();
    for (index, tick) in ticks.iter_mut().enumerate() {
        *tick = match fields.next() {
            Some(field) => field.parse().ok()?,
            // Kernels before 2.6.11 have no steal; the first four are as old as the file.
            None if index > IDLE => 0,
            None => return None,
        };
    }
    if ticks.iter().all(|&tick| tick == 0) {
        return None;
    }
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] = ticks;
    let busy = [user, nice, system, irq, softirq, steal].into_iter().fold(0, u64::saturating_add);
    Some(Duration::from_millis(busy.saturating_mul(MILLISECONDS_PER_TICK)))
}

/// The number of cores in a list such as `0-3,8`, from the text of
/// /sys/devices/system/cpu/online.
pub fn count_cores(list: &str) -> Option<usize> {
    let mut count = 0_usize;
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count)
}

/// Used and total memory, from the text of /proc/meminfo.
///
/// Used = MemTotal − MemFree − Buffers − Cached − SReclaimable + Shmem: page cache and
/// reclaimable slabs can be dropped at any time; shared memory (tmpfs), which the kernel counts
/// in Cached, cannot. Kernels and sandboxes without slabs have no SReclaimable.
pub fn memory(meminfo: &str) -> Option<(Bytes, Bytes)> {
    let names = ["MemTotal", "MemFree", "Buffers", "Cached", "Shmem", "SReclaimable"];
    let [total, free, buffers, cached, shared, slabs] = kibibytes_of(meminfo, names);
    let total = total?;
    let droppable = [free?, buffers?, cached?, slabs.unwrap_or(0)]
        .into_iter()
        .fold(0, u64::saturating_add)
        .saturating_sub(shared?);
    let bytes = |kibibytes: u64| Bytes(kibibytes.saturating_mul(1024));
    (total > 0).then(|| (bytes(total.saturating_sub(droppable)), bytes(total)))
}

/// Total memory, from the text of /proc/meminfo.
pub fn memory_total(meminfo: &str) -> Option<Bytes> {
    kibibytes(meminfo, "MemTotal").map(|total| Bytes(total.saturating_mul(1024)))
}

/// A counter of the first line of /proc/stat, in ticks, by the name that proc_stat(5) gives it.
pub fn ticks(stat: &str, name: &str) -> Option<u64> {
    let column = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
        .into_iter()
        .position(|column| column == name)?;
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    line.split_ascii_whitespace().nth(column)?.parse().ok()
}

/// A number of /proc/meminfo, in kB.
pub fn kibibytes(meminfo: &str, name: &str) -> Option<u64> {
    let [number] = kibibytes_of(meminfo, [name]);
    number
}

/// Numbers of /proc/meminfo, in kB. The text is read once, and as far as it takes.
fn kibibytes_of<const N: usize>(meminfo: &str, names: [&str; N]) -> [Option<u64>; N] {
    let mut numbers = [None; N];
    for (name, number) in meminfo.split('\n').filter_map(|line| line.split_once(':')) {
        if let Some(place) = names.iter().position(|&wanted| wanted == name) {
            numbers[place] =
                number.strip_suffix("kB").and_then(|kib| kib.trim_ascii().parse().ok());
            if numbers.iter().all(Option::is_some) {
                break;
            }
        }
    }
    numbers
}

/// The kernel counts in USER_HZ, 100 a second on every architecture that this runs on (time(7)).
const MILLISECONDS_PER_TICK: u64 = 10;

/// The position of `idle` among the columns of /proc/stat.
const IDLE: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        8000000 kB\nMemFree:         1000000 kB\n\
        MemAvailable:    6000000 kB\nBuffers:          200000 kB\nCached:          3000000 kB\n\
        SwapCached:            7 kB\nShmem:            500000 kB\nSReclaimable:     300000 kB\n";

    #[test]
    fn work_is_all_but_idle_and_iowait() {
        let stat = "cpu  100 20 30 9000 400 5 6 7 50 10\ncpu0 1 2 3 4\nintr 5\n";
        assert_eq!(cpu_used(stat), Some(Duration::from_millis(1680)));
    }

    #[test]
    fn an_old_kernel_has_fewer_columns() {
        assert_eq!(cpu_used("cpu 1 2 3 4\n"), Some(Duration::from_millis(60)));
        assert_eq!(cpu_used("cpu 1 2 3\n"), None);
    }

    #[test]
    fn counters_that_are_all_zero_are_absent() {
        assert_eq!(cpu_used("cpu  0 0 0 0 0 0 0 0 0 0\n"), None);
    }

    #[test]
    fn garbage_is_absent() {
        for text in ["", "cpu", "cpu0 1 2 3 4\n", "cpu  1 2 x 4\n", "cpu  -1 2 3 4\n"] {
            assert_eq!(cpu_used(text), None, "{text:?}");
        }
        for text in ["", "MemTotal: 5 kB", "MemTotal: 0 kB", "MemTotal: many kB"] {
            assert_eq!(memory(text), None, "{text:?}");
        }
        for text in ["", "\n", "x", "3-0", "0-", "-1", "0-18446744073709551615,1"] {
            assert_eq!(count_cores(text), None, "{text:?}");
        }
    }

    #[test]
    fn cores_are_counted_over_ranges_and_single_numbers() {
        assert_eq!(count_cores("0\n"), Some(1));
        assert_eq!(count_cores("0-3,8,10-11\n"), Some(7));
        assert_eq!(count_cores("0-255\n"), Some(256));
    }

    #[test]
    fn shared_memory_is_used_and_cache_and_slabs_are_not() {
        let used = 8_000_000 - 1_000_000 - 200_000 - 3_000_000 - 300_000 + 500_000;
        assert_eq!(memory(MEMINFO), Some((Bytes(used * 1024), Bytes(8_000_000 * 1024))));
    }

    #[test]
    fn a_kernel_without_slabs_has_none_to_take_off() {
        let meminfo = MEMINFO.replace("SReclaimable", "Other");
        let used = 8_000_000 - 1_000_000 - 200_000 - 3_000_000 + 500_000;
        assert_eq!(memory(&meminfo), Some((Bytes(used * 1024), Bytes(8_000_000 * 1024))));
    }

    #[test]
    fn a_missing_part_of_the_formula_is_absent_and_not_zero() {
        for name in ["MemTotal", "MemFree", "Buffers", "Cached", "Shmem"] {
            let meminfo = MEMINFO.replace(&format!("{name}:"), "Other:");
            assert_eq!(memory(&meminfo), None, "{name}");
        }
    }
}
