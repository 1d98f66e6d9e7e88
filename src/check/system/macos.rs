//! The same checks where there is no /proc: macOS, through sysinfo. What it has no source for is absent,
//! with the reason.

use sysinfo::{CpuRefreshKind, MINIMUM_CPU_UPDATE_INTERVAL, System};

use super::FIRST_INTERVAL;
use crate::model::{Check, Findings, Running};

/// Of sysinfo, what `agent.load_average` has.
pub fn load_average() -> Result<Findings, String> {
    let load = System::load_average();
    let load = load.map_err(|error| format!("the load average cannot be read: {error}"))?;
    let mut system = system()?;
    system.refresh_cpu_list(CpuRefreshKind::nothing());
    let mut found = Findings::default();
    found.number("1m", load.one);
    found.number("5m", load.five);
    found.number("15m", load.fifteen);
    match system.cpus().len() {
        0 => found.absent("1m_per_core", "sysinfo lists no CPUs"),
        cpus => found.number("1m_per_core", load.one / cpus as f64),
    }
    found.raw("getloadavg", format_args!("{} {} {}", load.one, load.five, load.fifteen));
    Ok(found)
}

/// `agent.cpu`.
#[derive(Default)]
pub struct Cpu {
    /// With the reading of the run before.
    system: Option<System>,
}

impl Cpu {
    async fn read(&mut self) -> Result<Findings, String> {
        if self.system.is_none() {
            self.system.insert(system()?).refresh_cpu_usage();
            // A percentage over a shorter interval is not accurate, says sysinfo.
            tokio::time::sleep(FIRST_INTERVAL.max(MINIMUM_CPU_UPDATE_INTERVAL)).await;
        }
        let Some(system) = &mut self.system else { return Err(NO_CPUS.to_owned()) };
        system.refresh_cpu_usage();
        let usages = system.cpus().iter().map(|cpu| f64::from(cpu.cpu_usage()).clamp(0.0, 100.0));
        let usages: Vec<_> = usages.collect();
        if usages.is_empty() || usages.iter().any(|usage| !usage.is_finite()) {
            return Err(NO_CPUS.to_owned());
        }
        let average = usages.iter().sum::<f64>() / usages.len() as f64;
        let mut found = Findings::default();
        found.number("cpu_count", usages.len() as f64);
        found.number("idle_percent_average", 100.0 - average);
        found.number("usage_average", average);
        found.number("max_cpu_usage", usages.iter().copied().fold(0.0, f64::max));
        found.number("min_cpu_usage", usages.iter().copied().fold(100.0, f64::min));
        for name in APART {
            found.absent(name, "macOS: sysinfo gives the usage of a CPU as one number");
        }
        found.raw("sysinfo", format_args!("usage of each CPU: {usages:?}"));
        Ok(found)
    }
}

const NO_CPUS: &str = "sysinfo has no usage of a CPU";
const APART: [&str; 5] = [
    "user_percent_average",
    "sys_percent_average",
    "wait_percent_average",
    "irq_percent_average",
    "stolen_percent_average",
];

impl Check for Cpu {
    fn run(&mut self) -> Running<'_> {
        Box::pin(self.read())
    }
}

/// `agent.memory`.
pub struct Memory;

impl Memory {
    fn read() -> Result<Findings, String> {
        let mut system = system()?;
        system.refresh_memory();
        let (total, actual_used) = (system.total_memory() as f64, system.used_memory() as f64);
        let free = system.free_memory() as f64;
        if total == 0.0 {
            return Err("sysinfo has no total memory".to_owned());
        }
        let mut found = Findings::default();
        found.number("actual_used", actual_used);
        found.number("actual_free", total - actual_used);
        found.number("used_percent", 100.0 * actual_used / total);
        found.number("free", free);
        found.number("used", total - free);
        found.number("total", total);
        found.number("ram", total / f64::from(1 << 20));
        found.number("swap_total", system.total_swap() as f64);
        found.number("swap_used", system.used_swap() as f64);
        found.number("swap_free", system.free_swap() as f64);
        for name in ["swap_page_in", "swap_page_out"] {
            found.absent(name, "macOS: sysinfo does not count pages");
        }
        found.raw("sysinfo", format_args!("total {total}, used {actual_used}, free {free}"));
        Ok(found)
    }
}

impl Check for Memory {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async { Self::read() })
    }
}

fn system() -> Result<System, String> {
    System::new().map_err(|error| format!("sysinfo is not available: {error}"))
}
