//! The whole machine, where there is no /proc: macOS, through sysinfo.

use std::io;
use std::time::{Duration, Instant};

use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, System};

use super::Source;
use crate::config::Scope;
use crate::model::{
    Bytes, Cores, CpuAccount, CpuReading, Limit, MemoryReading, Origin, ReadError, Reading,
};

/// Reads the machine-wide figures of sysinfo.
#[derive(Debug)]
pub struct Host {
    /// The error is the reason why sysinfo is not available.
    system: Result<System, String>,
    refreshed: Instant,
    used: Duration,
    account: CpuAccount,
}

impl Host {
    /// The machine that this process runs on.
    pub fn open() -> Self {
        let mut system = System::new().map_err(|error| error.to_string());
        if let Ok(system) = &mut system {
            system.refresh_cpu_usage();
        }
        // sysinfo measures real time by itself, so its interval is taken from the same clock.
        #[expect(clippy::disallowed_methods, reason = "sysinfo's interval is in real time")]
        let refreshed = Instant::now();
        let (used, account) = (Duration::ZERO, CpuAccount::open());
        Self { system, refreshed, used, account }
    }

    /// sysinfo gives a percentage since its last refresh and keeps the raw counters to itself;
    /// summed up over the intervals it is a counter again.
    fn read_cpu(&mut self, at: tokio::time::Instant) -> Result<CpuReading, ReadError> {
        let system = available(&mut self.system)?;
        let interval = self.refreshed.elapsed();
        // A percentage over a shorter interval is not accurate, says sysinfo.
        if interval >= MINIMUM_CPU_UPDATE_INTERVAL {
            system.refresh_cpu_usage();
            // Not the current instant: the time since `elapsed` above belongs to the next interval.
            self.refreshed += interval;
            let busy = f64::from(system.global_cpu_usage()).clamp(0.0, 100.0) / 100.0;
            self.used += interval.mul_f64(busy * system.cpus().len() as f64);
        }
        let cores = Cores(system.cpus().len() as f64);
        let limit = Limit { amount: cores, origin: Origin::Call(SYSINFO) };
        Ok(CpuReading { at, used: self.used, limit, account: self.account })
    }

    fn read_memory(&mut self) -> Result<MemoryReading, ReadError> {
        let system = available(&mut self.system)?;
        system.refresh_memory();
        let total = Bytes(system.total_memory());
        if total == Bytes(0) {
            let expected = "total memory";
            return Err(ReadError::Malformed { path: SYSINFO.into(), expected });
        }
        let limit = Limit { amount: total, origin: Origin::Call(SYSINFO) };
        Ok(MemoryReading { used: Bytes(system.used_memory()), limit })
    }
}

impl Source for Host {
    fn scope(&self) -> Scope {
        Scope::Host
    }

    fn read(&mut self, instant: tokio::time::Instant) -> Reading {
        Reading::of(Some(self.read_cpu(instant)), Some(self.read_memory()))
    }
}

fn available(system: &mut Result<System, String>) -> Result<&mut System, ReadError> {
    let unreadable = |text: &mut String| io::Error::other(text.clone());
    system.as_mut().map_err(|text| ReadError::of(SYSINFO.into(), unreadable(text)))
}

/// Where the figures come from, as the log says it.
const SYSINFO: &str = "sysinfo";
