//! The whole machine, where there is no /proc: macOS, through sysinfo.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, System};

use super::Source;
use crate::model::{Bytes, Cores, CpuReading, Limit, MemoryReading, ReadError, Reading};

/// Reads the machine-wide figures of sysinfo.
#[derive(Debug)]
pub struct Host {
    system: System,
    refreshed: Instant,
    used: Duration,
    origin: Arc<str>,
}

impl Host {
    /// The machine that this process runs on.
    pub fn open() -> Self {
        let mut system = System::new();
        system.refresh_cpu_usage();
        // sysinfo measures real time by itself, so its interval is taken from the same clock.
        #[expect(clippy::disallowed_methods, reason = "sysinfo's interval is in real time")]
        let refreshed = Instant::now();
        Self { system, refreshed, used: Duration::ZERO, origin: "sysinfo".into() }
    }

    /// sysinfo gives a percentage since its last refresh and keeps the raw counters to itself;
    /// summed up over the intervals it is a counter again.
    fn read_cpu(&mut self) -> CpuReading {
        let interval = self.refreshed.elapsed();
        if interval >= MINIMUM_CPU_UPDATE_INTERVAL {
            self.system.refresh_cpu_usage();
            self.refreshed += interval;
            let cores = self.system.cpus().len() as f64;
            let busy = f64::from(self.system.global_cpu_usage()).clamp(0.0, 100.0) / 100.0;
            self.used += interval.mul_f64(busy * cores);
        }
        let cores = Cores(self.system.cpus().len() as f64);
        CpuReading { used: self.used, limit: Limit { amount: cores, origin: self.origin.clone() } }
    }

    fn read_memory(&mut self) -> Result<MemoryReading, ReadError> {
        self.system.refresh_memory();
        let total = Bytes(self.system.total_memory());
        if total == Bytes(0) {
            let expected = "total memory";
            return Err(ReadError::Malformed { path: "sysinfo".into(), expected });
        }
        let limit = Limit { amount: total, origin: self.origin.clone() };
        Ok(MemoryReading { used: Bytes(self.system.used_memory()), limit })
    }
}

impl Source for Host {
    fn read(&mut self) -> Reading {
        Reading { cpu: Ok(self.read_cpu()), memory: self.read_memory() }
    }
}
