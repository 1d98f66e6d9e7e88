//! Parses the text of the machine-wide files of /proc and /sys. Pure functions.

use std::time::Duration;

use memchr::memchr;

use super::plausible::part_of;
use crate::model::Bytes;

/// The CPU time of all cores since boot, in ticks, in the columns that [`COLUMNS`] names.
///
/// The first line `cpu` that is not all zeros counts: some versions of lxcfs write a line of zeros
/// before it. `None` where there is no such line, or it is garbled. A kernel that runs has used CPU,
/// so a file with zeros only, as in some sandboxes, does not count CPU time.
pub fn cpu_columns(stat: &str) -> Option<[u64; 8]> {
    let mut lines = stat.lines().map_while(|line| line.strip_prefix("cpu "));
    lines.find_map(|line| columns(line).filter(|columns| columns.iter().any(|&ticks| ticks > 0)))
}

/// The CPU time of each core that is online since boot, by its number, in ticks in the same columns. `None`
/// where no core has a line of its own, or one is garbled.
pub fn columns_of_cores(stat: &str) -> Option<Vec<(u32, [u64; 8])>> {
    let mut cores = Vec::new();
    for line in stat.lines().map_while(|line| line.strip_prefix("cpu")) {
        let (number, ticks) = line.split_once(' ')?;
        // The line of all cores has no number.
        if !number.is_empty() {
            cores.push((number.parse().ok()?, columns(ticks)?));
        }
    }
    (!cores.is_empty()).then_some(cores)
}

fn columns(line: &str) -> Option<[u64; 8]> {
    let mut ticks = [0_u64; 8];
    let mut fields = line.as_bytes().split(|&byte| byte == b' ').filter(|field| !field.is_empty());
    for (index, tick) in ticks.iter_mut().enumerate() {
        *tick = match fields.next() {
            Some(field) => number(field)?,
            // Kernels before 2.6.11 have no steal. The first four are as old as the file.
            None if index > IDLE => 0,
            None => return None,
        };
    }
    Some(ticks)
}

/// The CPU time that was spent on work since the columns stood at `before`.
///
/// Work is everything but `idle` and `iowait`: user, nice, system, irq, softirq and steal (time
/// that a hypervisor took away while there was work to do). `guest` and `guest_nice` are already
/// part of user and nice (proc_stat(5)). A column that went back, as steal can after a migration,
/// counts nothing: the others are still right.
pub fn work_since(before: &[u64; 8], columns: &[u64; 8]) -> Duration {
    let work = WORK.iter().map(|&column| columns[column].saturating_sub(before[column]));
    Duration::from_millis(work.fold(0, u64::saturating_add).saturating_mul(MILLISECONDS_PER_TICK))
}

/// How many cores have a line of their own, from the text of /proc/stat; `None` where none has.
pub fn count_cpu_lines(stat: &str) -> Option<usize> {
    let is_core = |line: &&str| {
        let number = line.strip_prefix("cpu").and_then(|rest| rest.split(' ').next());
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let count = stat.lines().take_while(|line| line.starts_with("cpu")).filter(is_core).count();
    (count > 0).then_some(count)
}

/// Whether a text of /proc/stat, of which the end may be missing, has the lines of all cores.
pub fn has_all_cpus(stat: &str) -> bool {
    stat.lines().skip_while(|line| line.starts_with("cpu")).any(|line| line.contains(' '))
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

/// What /proc/meminfo says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meminfo {
    pub used: Bytes,
    pub total: Bytes,
    /// Terms of the formula that were left out because they contradict others.
    pub left_out: LeftOut,
}

/// Which terms are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub shared: bool,
    pub slabs: bool,
}

/// Why memory is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// A number that the formula needs is not there.
    Incomplete,
    /// More than all memory could be given back.
    Contradictory,
}

/// Used and total memory, from the text of /proc/meminfo.
///
/// Used = MemTotal − MemFree − Buffers − Cached − SReclaimable + Shmem: page cache and
/// reclaimable slabs can be dropped at any time; shared memory (tmpfs), which the kernel counts
/// in Cached, cannot.
///
/// OpenVZ has no Buffers, sandboxes without slabs no SReclaimable, and kernels before 2.6.19 neither
/// SReclaimable nor Shmem: these are 0. Where SReclaimable is there and Shmem is not, shared memory
/// is in use and its size is unknown, so memory is too.
///
/// lxcfs mixes lines of the container and of its host. SReclaimable cannot exceed Slab, nor Shmem
/// Cached; one that does is the host's, and left out.
pub fn memory(meminfo: &str) -> Result<Meminfo, MemoryError> {
    let names = ["MemTotal", "MemFree", "Buffers", "Cached", "Shmem", "SReclaimable", "Slab"];
    let [total, free, buffers, cached, shared, slabs, all_slabs] = kibibytes_of(meminfo, names);
    let needed = |number: Option<u64>| number.ok_or(MemoryError::Incomplete);
    let (total, free, cached) = (needed(total)?, needed(free)?, needed(cached)?);
    let shared = match (shared, slabs) {
        (None, Some(_)) => return Err(MemoryError::Incomplete),
        (shared, _) => shared.unwrap_or(0),
    };
    if total == 0 {
        return Err(MemoryError::Incomplete);
    }
    let slack = total / LATE_PART;
    // Without a line Slab there is no whole to compare with: the part is believed.
    let slabs_in_all = slabs.map(|slabs| part_of(slabs, all_slabs.unwrap_or(u64::MAX), slack));
    let shared_in_cache = part_of(shared, cached, slack);
    let left_out = LeftOut { shared: shared_in_cache.is_none(), slabs: slabs_in_all == Some(None) };
    let droppable = [
        free,
        buffers.unwrap_or(0),
        cached - shared_in_cache.unwrap_or(0),
        slabs_in_all.flatten().unwrap_or(0),
    ];
    let droppable = droppable.into_iter().fold(0, u64::saturating_add);
    let droppable = part_of(droppable, total, slack).ok_or(MemoryError::Contradictory)?;
    let bytes = |kibibytes: u64| Bytes(kibibytes.saturating_mul(1024));
    Ok(Meminfo { used: bytes(total - droppable), total: bytes(total), left_out })
}

/// How much of the cache of ZFS (ARC) could be given back, which the kernel counts as used memory:
/// all above the size that ZFS keeps, from the text of /proc/spl/kstat/zfs/arcstats.
pub fn arc_droppable(arcstats: &str) -> Option<Bytes> {
    let number = |name| arc_number(arcstats, name);
    Some(Bytes(number("size")?.saturating_sub(number("c_min")?)))
}

/// A number of arcstats, whose lines are a name, a type and a value.
pub fn arc_number(arcstats: &str, name: &str) -> Option<u64> {
    arcstats.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

/// Total memory, from the text of /proc/meminfo.
pub fn memory_total(meminfo: &str) -> Option<Bytes> {
    kibibytes(meminfo, "MemTotal").map(|total| Bytes(total.saturating_mul(1024)))
}

/// A counter of /proc/stat, in ticks, by the name that proc_stat(5) gives it.
pub fn ticks(stat: &str, name: &str) -> Option<u64> {
    let column = COLUMNS.iter().position(|column| *column == name)?;
    Some(cpu_columns(stat)?[column])
}

/// A number of /proc/meminfo, in kB.
pub fn kibibytes(meminfo: &str, name: &str) -> Option<u64> {
    let [number] = kibibytes_of(meminfo, [name]);
    number
}

/// Numbers of /proc/meminfo, in kB.
///
/// This runs at each sample, and would be half of what that costs as a search for the colon of each line.
fn kibibytes_of<const N: usize>(meminfo: &str, names: [&str; N]) -> [Option<u64>; N] {
    let (mut numbers, mut missing) = ([None; N], N);
    let mut rest = meminfo.as_bytes();
    while missing > 0 && !rest.is_empty() {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        for (number, name) in numbers.iter_mut().zip(&names) {
            // Most lines differ from all names in the first letter.
            if number.is_none() && line.first() == name.as_bytes().first() {
                *number = after(line, name).and_then(number_of_kibibytes);
                missing -= usize::from(number.is_some());
            }
        }
    }
    numbers
}

/// What stands after a name and a colon.
fn after<'line>(line: &'line [u8], name: &str) -> Option<&'line [u8]> {
    line.strip_prefix(name.as_bytes())?.strip_prefix(b":")
}

/// The number before `kB` at the end of a line.
fn number_of_kibibytes(text: &[u8]) -> Option<u64> {
    number(text.strip_suffix(b"kB")?.trim_ascii())
}

/// A number without a sign, as the kernel writes it.
fn number(digits: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number.checked_mul(10)?.checked_add(digit.into()))?
    };
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add))?
}

/// The kernel counts in USER_HZ, 100 a second on every architecture that this runs on (time(7)).
const MILLISECONDS_PER_TICK: u64 = 10;

/// The columns of a line of /proc/stat that are read.
pub const COLUMNS: [&str; 8] =
    ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

/// The places among them of `idle`, and of what is work.
pub const IDLE: usize = 3;
const WORK: [usize; 6] = [0, 1, 2, 5, 6, 7];

/// Counters of memory may be late by a hundredth of all memory: each CPU keeps some pages of them to
/// itself (`vm.stat_interval`).
const LATE_PART: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        8000000 kB\nMemFree:         1000000 kB\n\
        MemAvailable:    6000000 kB\nBuffers:          200000 kB\nCached:          3000000 kB\n\
        SwapCached:            7 kB\nShmem:            500000 kB\nSReclaimable:     300000 kB\n";

    fn work(stat: &str) -> Option<Duration> {
        cpu_columns(stat).map(|columns| work_since(&[0; 8], &columns))
    }

    #[test]
    fn work_is_all_but_idle_and_iowait() {
        let stat = "cpu  100 20 30 9000 400 5 6 7 50 10\ncpu0 1 2 3 4\nintr 5\n";
        assert_eq!(work(stat), Some(Duration::from_millis(1680)));
    }

    #[test]
    fn an_old_kernel_has_fewer_columns() {
        assert_eq!(work("cpu 1 2 3 4\n"), Some(Duration::from_millis(60)));
        assert_eq!(work("cpu 1 2 3\n"), None);
    }

    #[test]
    fn counters_that_are_all_zero_are_absent() {
        assert_eq!(work("cpu  0 0 0 0 0 0 0 0 0 0\n"), None);
        assert_eq!(work("cpu  0 0 0 0\ncpu0 1 2 3 4\ncpu  1 2 3 4\n"), None, "too late");
        // lxcfs#406.
        assert_eq!(work("cpu  0 0 0 0\ncpu  1 2 3 4\n"), Some(Duration::from_millis(60)));
    }

    #[test]
    fn a_column_that_goes_back_does_not_hide_what_the_others_counted() {
        let before = [100, 20, 30, 9000, 400, 5, 6, 7_000_000];
        let after = [190, 21, 35, 9100, 300, 5, 6, 9];
        assert_eq!(work_since(&before, &after), Duration::from_millis(960));
        assert_eq!(work_since(&after, &after), Duration::ZERO);
    }

    #[test]
    fn lines_of_cores_are_counted() {
        assert_eq!(count_cpu_lines("cpu  1 2\ncpu0 1 2\ncpu7 1 2\nintr 5\ncpu8 1\n"), Some(2));
        for text in ["", "cpu  1 2\nintr 5\n", "cpux 1\n", "cpu\n"] {
            assert_eq!(count_cpu_lines(text), None, "{text:?}");
        }
    }

    #[test]
    fn garbage_is_absent() {
        for text in ["", "cpu", "cpu0 1 2 3 4\n", "cpu  1 2 x 4\n", "cpu  -1 2 3 4\n"] {
            assert_eq!(work(text), None, "{text:?}");
        }
        for text in ["", "MemTotal: 5 kB", "MemTotal: 0 kB", "MemTotal: many kB"] {
            assert_eq!(memory(text), Err(MemoryError::Incomplete), "{text:?}");
        }
        for text in ["", "\n", "x", "3-0", "0-", "-1", "0-18446744073709551615,1"] {
            assert_eq!(count_cores(text), None, "{text:?}");
        }
        for text in ["", "size 4\n", "size 4 1\n", "size 4 x\nc_min 4 1\n"] {
            assert_eq!(arc_droppable(text), None, "{text:?}");
        }
    }

    #[test]
    fn cores_are_counted_over_ranges_and_single_numbers() {
        assert_eq!(count_cores("0\n"), Some(1));
        assert_eq!(count_cores("0-3,8,10-11\n"), Some(7));
        assert_eq!(count_cores("0-255\n"), Some(256));
    }

    /// Used memory in kB.
    fn used(meminfo: &str) -> Result<u64, MemoryError> {
        memory(meminfo).map(|memory| {
            assert_eq!(memory.total, Bytes(8_000_000 * 1024));
            memory.used.0 / 1024
        })
    }

    #[test]
    fn shared_memory_is_used_and_cache_and_slabs_are_not() {
        let expected = 8_000_000 - 1_000_000 - 200_000 - 3_000_000 - 300_000 + 500_000;
        assert_eq!(used(MEMINFO), Ok(expected));
    }

    #[test]
    fn what_a_kernel_does_not_know_is_0() {
        let without = |names: &[&str]| {
            let other = |text: String, name: &&str| text.replace(&format!("{name}:"), "Other:");
            used(&names.iter().fold(MEMINFO.to_owned(), other))
        };
        let all = 8_000_000 - 1_000_000 - 200_000 - 3_000_000 - 300_000 + 500_000;
        assert_eq!(without(&["SReclaimable"]), Ok(all + 300_000), "a sandbox without slabs");
        assert_eq!(without(&["Buffers"]), Ok(all + 200_000), "OpenVZ");
        let old = Ok(all + 300_000 - 500_000);
        assert_eq!(without(&["SReclaimable", "Shmem"]), old, "before 2.6.19");
    }

    #[test]
    fn a_missing_part_of_the_formula_is_absent_and_not_zero() {
        for name in ["MemTotal", "MemFree", "Cached", "Shmem"] {
            let meminfo = MEMINFO.replace(&format!("{name}:"), "Other:");
            assert_eq!(memory(&meminfo), Err(MemoryError::Incomplete), "{name}");
        }
    }

    #[test]
    fn what_exceeds_its_whole_is_left_out() {
        let with =
            |lines: &str| memory(&format!("MemTotal: 100000 kB\nMemFree: 40000 kB\n{lines}"));
        let used = |kib: u64, shared, slabs| {
            let (used, total) = (Bytes(kib * 1024), Bytes(100_000 * 1024));
            Ok(Meminfo { used, total, left_out: LeftOut { shared, slabs } })
        };
        let sound = "Cached: 20000 kB\nShmem: 5000 kB\nSlab: 9000 kB\nSReclaimable: 3000 kB\n";
        assert_eq!(with(sound), used(42_000, false, false));
        let slabs = "Cached: 20000 kB\nShmem: 5000 kB\nSlab: 0 kB\nSReclaimable: 3000 kB\n";
        assert_eq!(with(slabs), used(45_000, false, true));
        let shared = "Cached: 20000 kB\nShmem: 50000 kB\nSlab: 9000 kB\nSReclaimable: 3000 kB\n";
        assert_eq!(with(shared), used(37_000, true, false));
        let late = "Cached: 20000 kB\nShmem: 20900 kB\nSlab: 2900 kB\nSReclaimable: 3000 kB\n";
        assert_eq!(with(late), used(57_100, false, false), "counters that are late");
        for free in ["Cached: 61001 kB\nShmem: 0 kB\n", "Cached: 1 kB\nBuffers: 70000 kB\n"] {
            assert_eq!(with(free), Err(MemoryError::Contradictory), "{free:?}");
        }
    }

    #[test]
    fn the_cache_of_zfs_above_its_minimum_could_be_given_back() {
        let arcstats = "13 1 0x01 123 33456 1 2\nname type data\nsize 4 9000\nc_min 4 500\n";
        assert_eq!(arc_droppable(arcstats), Some(Bytes(8500)));
        assert_eq!(arc_droppable(&arcstats.replace("9000", "400")), Some(Bytes(0)));
    }
}
