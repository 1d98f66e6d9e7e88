//! The whole machine, all of its cores and all of its memory, from /proc and /sys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::cores::CoreFiles;
use super::kernel_file::{KernelFile, PAGE, bytes};
use super::others::Others;
use super::pressure::SOME;
use super::proc::{
    Meminfo, MemoryError, arc_droppable, arc_number, cpu_columns, kibibytes, memory, memory_total,
    ticks, work_since,
};
use super::{LIMITS_GOOD_FOR, Sampled, Source};
use crate::config::Scope;
use crate::model::{
    Bytes, Cores, CpuAccount, CpuReading, Evidence, Limit, MemoryReading, Numbers, Origin, Part,
    ReadError, Reading, Totals, WindowReading,
};

/// Reads the machine-wide counters of the kernel.
#[derive(Debug)]
pub struct Host {
    stat: KernelFile,
    meminfo: KernelFile,
    /// Where the kernel has ZFS, and the machine's own figures are shown.
    arcstats: Option<KernelFile>,
    memory_origin: Origin,
    work: Work,
    account: CpuAccount,
    core_files: CoreFiles,
    cores: Option<Limit<Cores>>,
    /// When the cores were last counted.
    cores_counted: Option<Instant>,
    /// Where /proc and /sys are.
    roots: [PathBuf; 2],
    others: Option<Others>,
}

/// The machine's usage, each part by itself.
#[derive(Debug)]
pub struct Used {
    /// CPU time that was spent on work.
    pub cpu: Result<Duration, ReadError>,
    /// Memory that could not be given back, of all memory.
    pub memory: Result<MemoryReading, ReadError>,
}

/// CPU time that was spent on work, summed up from one text of /proc/stat to the next.
#[derive(Debug, Default)]
pub struct Work {
    columns: [u64; 8],
    used: Duration,
}

impl Work {
    /// The sum after this text; `None` where the text has no counters.
    pub fn add(&mut self, stat: &str) -> Option<Duration> {
        let columns = cpu_columns(stat)?;
        self.used += work_since(&self.columns, &columns);
        self.columns = columns;
        Some(self.used)
    }
}

impl Host {
    /// The machine that this process runs on.
    pub fn open() -> Self {
        Self::at(Path::new("/proc"), Path::new("/sys"))
    }

    /// A machine whose /proc and /sys stand at the given roots.
    pub fn at(proc: &Path, sys: &Path) -> Self {
        let meminfo = proc.join("meminfo");
        let arcstats = proc.join("spl/kstat/zfs/arcstats");
        let has_arc = arcstats.exists() && !is_virtual(&proc.join("self/mountinfo"));
        Self {
            stat: KernelFile::new(proc.join("stat")),
            memory_origin: Origin::File((&*meminfo).into()),
            meminfo: KernelFile::new(meminfo),
            arcstats: has_arc.then(|| KernelFile::new(arcstats)),
            work: Work::default(),
            account: CpuAccount::open(),
            core_files: CoreFiles::at(proc, sys),
            cores: None,
            cores_counted: None,
            roots: [proc, sys].map(Path::to_owned),
            others: None,
        }
    }

    /// The same machine, which gives those numbers that are among the metrics.
    pub fn reporting(self, metrics: Numbers) -> Self {
        let [proc, sys] = &self.roots;
        let others = Others::of_machine(proc, sys, metrics);
        Self { others, ..self }
    }

    /// The numbers beside CPU and memory that have a value at each sample.
    pub fn others(&mut self) -> Sampled {
        self.others.as_mut().map(Others::read).unwrap_or_default()
    }

    /// All cores of the machine.
    pub fn cores(&mut self) -> Result<Limit<Cores>, ReadError> {
        let now = Instant::now();
        let is_good = |counted| now.duration_since(counted) < LIMITS_GOOD_FOR;
        if !self.cores_counted.is_some_and(is_good) {
            self.cores = None;
            self.cores_counted = Some(now);
        }
        let cores = match self.cores.take() {
            Some(cores) => cores,
            None => self.core_files.count()?,
        };
        Ok(self.cores.insert(cores).clone())
    }

    /// All memory of the machine.
    pub fn memory(&mut self) -> Result<Limit<Bytes>, ReadError> {
        let mut page = [0; PAGE];
        let total = memory_total(self.meminfo.read(&mut page)?);
        let amount = total.ok_or_else(|| self.meminfo.malformed("MemTotal in kB"))?;
        Ok(Limit { amount, origin: self.memory_origin.clone() })
    }

    /// The usage at this instant.
    pub fn used(&mut self) -> Used {
        Used { cpu: self.cpu_used(), memory: self.memory_used() }
    }

    fn cpu_used(&mut self) -> Result<Duration, ReadError> {
        let mut page = [0; PAGE];
        let used = self.work.add(self.stat.read(&mut page)?);
        used.ok_or_else(|| {
            self.stat.malformed("line `cpu` with at least four counters, not all zero")
        })
    }

    fn memory_used(&mut self) -> Result<MemoryReading, ReadError> {
        let mut page = [0; PAGE];
        let memory = memory(self.meminfo.read(&mut page)?);
        self.memory_reading(memory)
    }

    /// The usage that the text of /proc/meminfo tells.
    pub fn memory_in(&mut self, meminfo: &str) -> Result<MemoryReading, ReadError> {
        self.memory_reading(memory(meminfo))
    }

    fn memory_reading(
        &mut self,
        memory: Result<Meminfo, MemoryError>,
    ) -> Result<MemoryReading, ReadError> {
        let memory = memory.map_err(|error| match error {
            MemoryError::Incomplete => {
                self.meminfo.malformed("MemTotal, MemFree, Cached and Shmem in kB")
            }
            MemoryError::Contradictory => ReadError::unusable(format!(
                "{}: the sum of MemFree, Buffers, Cached and SReclaimable exceeds MemTotal",
                self.memory_origin
            )),
        })?;
        let used = Bytes(memory.used.0 - self.arc_droppable(memory.used)?.0);
        let limit = Limit { amount: memory.total, origin: self.memory_origin.clone() };
        Ok(MemoryReading { used, limit })
    }

    /// The memory in use that ZFS could give back. A figure larger than the memory in use is another
    /// machine's.
    fn arc_droppable(&mut self, used: Bytes) -> Result<Bytes, ReadError> {
        let Some(file) = &mut self.arcstats else { return Ok(Bytes(0)) };
        let mut page = [0; PAGE];
        let droppable = arc_droppable(file.read(&mut page)?);
        let droppable = droppable.ok_or_else(|| file.malformed("size and c_min"))?;
        Ok(if droppable > used { Bytes(0) } else { droppable })
    }

    fn read_cpu(&mut self, at: Instant) -> Result<CpuReading, ReadError> {
        let (used, account) = (self.cpu_used()?, self.account);
        Ok(CpuReading { at, used, limit: self.cores()?, account })
    }

    fn explain_memory(&mut self) -> Evidence {
        let names = ["MemTotal", "MemFree", "Buffers", "Cached", "SReclaimable", "Shmem"];
        let mut values = self.meminfo.raw_values(&names, kibibytes);
        // Kernels and sandboxes without these lines have none of that memory (see `proc::memory`).
        values.retain(|raw| {
            raw.value.is_ok() || !["Buffers", "SReclaimable", "Shmem"].contains(&&*raw.name)
        });
        let mut page = [0; PAGE];
        let left_out = self.meminfo.read(&mut page).ok().and_then(|text| memory(text).ok());
        let left_out = left_out.map(|memory| memory.left_out).unwrap_or_default();
        let has = |name: &str| values.iter().any(|raw| raw.name == name);
        let mut formula = "(MemTotal − MemFree".to_owned();
        let mut notes = Vec::new();
        for (name, sign, is_left_out, whole) in [
            ("Buffers", "−", false, ""),
            ("Cached", "−", false, ""),
            ("SReclaimable", "−", left_out.slabs, "Slab"),
            ("Shmem", "+", left_out.shared, "Cached"),
        ] {
            if is_left_out {
                notes.push(format!("{name} ignored: larger than {whole}, which includes it"));
            } else if has(name) || name == "Cached" {
                formula = format!("{formula} {sign} {name}");
            }
        }
        formula.push_str(") kB");
        if let Some(file) = &mut self.arcstats {
            formula.push_str(" − (size − c_min) bytes of the ZFS cache");
            values.extend(file.raw_values(&["size", "c_min"], arc_number));
        }
        Evidence { part: Part::Memory, values, formula: formula.into(), notes }
    }
}

impl Source for Host {
    fn scope(&self) -> Scope {
        Scope::Host
    }

    fn read(&mut self, instant: Instant) -> Reading {
        let (cpu, memory) = (Some(self.read_cpu(instant)), Some(self.memory_used()));
        Reading { cpu, memory, others: self.others() }
    }

    fn totals(&mut self) -> Totals {
        let [proc, sys] = &self.roots;
        let mut totals = Totals::none(&ReadError::absent(NO_LIMIT));
        if let Some(mut others) = Others::of_machine(proc, sys, Numbers::of(&SOME)) {
            totals.pressure = others.pressure_totals();
        }
        totals
    }

    fn window_readings(&mut self) -> Vec<WindowReading> {
        let readings = self.others.as_ref().map(Others::window_readings).unwrap_or_default();
        readings.into_iter().map(|(number, value)| WindowReading::of(number, Some(value))).collect()
    }

    fn explain(&mut self) -> Vec<Evidence> {
        let work = ["user", "nice", "system", "irq", "softirq", "steal"];
        let cpu = Evidence {
            part: Part::Cpu,
            values: self.stat.raw_values(&work, ticks),
            formula: "(user + nice + system + irq + softirq + steal) × 10 ms".into(),
            notes: Vec::new(),
        };
        vec![cpu, self.explain_memory()]
    }
}

/// Why a machine has neither throttling nor kills of its own.
const NO_LIMIT: &str = "the machine has no limit that could be enforced: a container has one, by --scope container or pod";

/// Whether lxcfs shows a container's meminfo in place of the machine's. What ZFS holds is then the
/// host's, and none of the container's memory.
fn is_virtual(mountinfo: &Path) -> bool {
    let is_lxcfs = |line: &str| line.contains(" - fuse.lxcfs ") && line.contains("/proc/meminfo ");
    bytes(mountinfo).is_ok_and(|text| String::from_utf8_lossy(&text).lines().any(is_lxcfs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    /// The fixture tree `name` under tests/fixtures/host.
    fn host(name: &str) -> Host {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/host").join(name);
        Host::at(&root.join("proc"), &root.join("sys"))
    }

    fn read<T>(part: Option<T>) -> T {
        part.expect("the machine always has news")
    }

    fn error<T: std::fmt::Debug>(result: Result<T, ReadError>) -> String {
        let text = result.expect_err("this part of the fixture cannot be read").to_string();
        text.replace(&format!("{}/", env!("CARGO_MANIFEST_DIR")), "")
    }

    #[test]
    fn a_machine_of_four_cores() {
        let reading = host("four-cores").read(Instant::now());
        let cpu = read(reading.cpu).expect("the fixture is complete");
        assert_eq!(cpu.used, Duration::from_millis(10 * (5012 + 30 + 2007 + 11 + 84 + 19)));
        assert_eq!(cpu.limit.amount, Cores(4.0));
        assert!(cpu.limit.origin.to_string().ends_with("four-cores/sys/devices/system/cpu/online"));
        let memory = read(reading.memory).expect("the fixture is complete");
        let kibibytes = 16_384_000 - 8_192_000 - 256_000 - 4_096_000 - 128_000 + 64_000;
        assert_eq!(memory.used, Bytes(kibibytes * 1024));
        assert_eq!(memory.limit.amount, Bytes(16_384_000 * 1024));
        assert!(memory.limit.origin.to_string().ends_with("four-cores/proc/meminfo"));
    }

    #[tokio::test(start_paused = true)]
    async fn cores_are_counted_again_after_fifteen_seconds() {
        let tree = Tree::new("== proc/stat\ncpu  1 2 3 4\n== sys/devices/system/cpu/online\n0-3\n");
        let mut host = Host::at(&tree.root().join("proc"), &tree.root().join("sys"));
        for (seconds, cores) in [(0, 4.0), (14, 4.0), (1, 2.0), (60, 2.0)] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            let cpu = read(host.read(Instant::now()).cpu).expect("it can be read");
            assert_eq!(cpu.limit.amount, Cores(cores), "{seconds} s later");
            tree.change("== sys/devices/system/cpu/online\n0-1\n");
        }
    }

    #[test]
    fn a_missing_file_is_named_and_leaves_the_other_part_readable() {
        let reading = host("no-meminfo").read(Instant::now());
        assert!(read(reading.cpu).is_ok());
        assert_eq!(
            error(read(reading.memory)),
            "tests/fixtures/host/no-meminfo/proc/meminfo not found"
        );
    }

    #[test]
    fn an_unreadable_file_is_named_with_the_reason() {
        let reading = host("stat-is-a-directory").read(Instant::now());
        assert_eq!(
            error(read(reading.cpu)),
            "tests/fixtures/host/stat-is-a-directory/proc/stat cannot be read: \
             Is a directory (os error 21)"
        );
    }

    #[test]
    fn garbage_is_an_error_that_says_what_was_expected() {
        let reading = host("garbage").read(Instant::now());
        let cpu = read(reading.cpu).expect("/proc/stat lists the cores, too");
        assert!(cpu.limit.origin.to_string().ends_with("garbage/proc/stat"), "{cpu:?}");
        assert_eq!(
            error(read(reading.memory)),
            "tests/fixtures/host/garbage/proc/meminfo has no MemTotal, MemFree, Cached and Shmem \
             in kB"
        );
    }

    #[test]
    fn this_machine_can_be_read() {
        let reading = Host::open().read(Instant::now());
        let cpu = read(reading.cpu).expect("/proc/stat is readable");
        assert!(cpu.used > Duration::ZERO && cpu.limit.amount >= Cores(1.0), "{cpu:?}");
        let memory = read(reading.memory).expect("/proc/meminfo is readable");
        assert!(memory.used > Bytes(0) && memory.used < memory.limit.amount, "{memory:?}");
    }
}
