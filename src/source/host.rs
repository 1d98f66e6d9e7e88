//! The whole machine, all of its cores and all of its memory, from /proc and /sys.

use std::path::Path;
use std::sync::Arc;

use tokio::time::Instant;

use super::Source;
use super::kernel_file::{KernelFile, PAGE};
use super::proc::{count_cores, cpu_used, kibibytes, memory, ticks};
use crate::model::{Cores, CpuReading, Evidence, Limit, MemoryReading, ReadError, Reading};

/// Reads the machine-wide counters of the kernel.
#[derive(Debug)]
pub struct Host {
    stat: KernelFile,
    online: KernelFile,
    meminfo: KernelFile,
    cpu_origin: Arc<str>,
    memory_origin: Arc<str>,
}

impl Host {
    /// The machine that this process runs on.
    pub fn open() -> Self {
        Self::at(Path::new("/proc"), Path::new("/sys"))
    }

    /// A machine whose /proc and /sys stand at the given roots.
    pub fn at(proc: &Path, sys: &Path) -> Self {
        let (online, meminfo) = (sys.join("devices/system/cpu/online"), proc.join("meminfo"));
        Self {
            stat: KernelFile::new(proc.join("stat")),
            cpu_origin: online.display().to_string().into(),
            online: KernelFile::new(online),
            memory_origin: meminfo.display().to_string().into(),
            meminfo: KernelFile::new(meminfo),
        }
    }

    fn read_cpu(&mut self, at: Instant) -> Result<CpuReading, ReadError> {
        let mut page = [0; PAGE];
        let used = cpu_used(self.stat.read(&mut page)?).ok_or_else(|| {
            self.stat.malformed("line `cpu` with at least four counters, not all zero")
        })?;
        let cores = count_cores(self.online.read(&mut page)?)
            .ok_or_else(|| self.online.malformed("list of CPUs such as 0-3"))?;
        let limit = Limit { amount: Cores(cores as f64), origin: self.cpu_origin.clone() };
        Ok(CpuReading { at, used, limit })
    }

    fn read_memory(&mut self) -> Result<MemoryReading, ReadError> {
        let mut page = [0; PAGE];
        let (used, total) = memory(self.meminfo.read(&mut page)?).ok_or_else(|| {
            self.meminfo.malformed("MemTotal, MemFree, Buffers, Cached and Shmem in kB")
        })?;
        let limit = Limit { amount: total, origin: self.memory_origin.clone() };
        Ok(MemoryReading { used, limit })
    }
}

impl Source for Host {
    fn read(&mut self, instant: Instant) -> Reading {
        Reading { cpu: Some(self.read_cpu(instant)), memory: Some(self.read_memory()) }
    }

    fn explain(&mut self) -> Vec<Evidence> {
        let work = ["user", "nice", "system", "irq", "softirq", "steal"];
        let memory = ["MemTotal", "MemFree", "Buffers", "Cached", "SReclaimable", "Shmem"];
        vec![
            Evidence {
                part: "CPU",
                values: self.stat.raw_values(&work, ticks),
                formula: "(user + nice + system + irq + softirq + steal) × 10 ms".into(),
            },
            Evidence {
                part: "memory",
                values: self.meminfo.raw_values(&memory, kibibytes),
                formula: "(MemTotal − MemFree − Buffers − Cached − SReclaimable + Shmem) kB".into(),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Bytes;

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
        assert!(cpu.limit.origin.ends_with("four-cores/sys/devices/system/cpu/online"));
        let memory = read(reading.memory).expect("the fixture is complete");
        let kibibytes = 16_384_000 - 8_192_000 - 256_000 - 4_096_000 - 128_000 + 64_000;
        assert_eq!(memory.used, Bytes(kibibytes * 1024));
        assert_eq!(memory.limit.amount, Bytes(16_384_000 * 1024));
        assert!(memory.limit.origin.ends_with("four-cores/proc/meminfo"));
    }

    #[test]
    fn a_missing_file_is_named_and_leaves_the_other_part_readable() {
        let reading = host("no-meminfo").read(Instant::now());
        assert!(read(reading.cpu).is_ok());
        assert_eq!(
            error(read(reading.memory)),
            "tests/fixtures/host/no-meminfo/proc/meminfo does not exist"
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
        assert_eq!(
            error(read(reading.cpu)),
            "tests/fixtures/host/garbage/sys/devices/system/cpu/online has no list of CPUs \
             such as 0-3"
        );
        assert_eq!(
            error(read(reading.memory)),
            "tests/fixtures/host/garbage/proc/meminfo has no MemTotal, MemFree, Buffers, \
             Cached and Shmem in kB"
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
