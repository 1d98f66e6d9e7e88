//! The same checks where there is no /proc: macOS, through sysinfo. What it has no source for is absent,
//! with the reason.

use std::ffi::{OsStr, OsString};

use sysinfo::{
    CpuRefreshKind, Disk, DiskRefreshKind, Disks, InterfaceOperationalState,
    MINIMUM_CPU_UPDATE_INTERVAL, Networks, System,
};

use super::FIRST_INTERVAL;
use crate::blocking::Purpose;
use crate::check::asking::Asking;
use crate::model::{Check, Details, Findings, Roots, Running, Target};

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
        let usages = system.cpus().iter().map(|cpu| f64::from(cpu.usage()).clamp(0.0, 100.0));
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

/// A mounted volume, as far as it was asked for.
struct Volume {
    point: String,
    name: String,
    is_read_only: bool,
    total: u64,
    available: u64,
    read: u64,
    written: u64,
}

impl Volume {
    /// All of them. It may hang where one is on a network.
    fn all(refresh: DiskRefreshKind) -> Result<Vec<Self>, String> {
        let disks = Disks::new_with_refreshed_list_specifics(refresh);
        let disks = disks.map_err(|error| format!("sysinfo has no list of volumes: {error}"))?;
        Ok(disks.iter().map(Self::of).collect())
    }

    fn of(disk: &Disk) -> Self {
        let usage = disk.usage();
        Self {
            point: disk.mount_point().to_string_lossy().into_owned(),
            name: disk.name().to_string_lossy().into_owned(),
            is_read_only: disk.is_read_only(),
            total: disk.total_space(),
            available: disk.available_space(),
            read: usage.total_read_bytes,
            written: usage.total_written_bytes,
        }
    }

    fn size(&self) -> Findings {
        let (total, avail) = (self.total as f64 / 1024.0, self.available as f64 / 1024.0);
        let used = (total - avail).max(0.0);
        let mut found = Findings::default();
        found.number("total", total);
        found.number("used", used);
        found.number("avail", avail);
        if used + avail > 0.0 {
            found.number("used_percent", 100.0 * used / (used + avail));
        } else {
            found.absent("used_percent", "the volume has no size");
        }
        found.text("options", if self.is_read_only { "ro" } else { "rw" });
        for name in ["free", "files", "free_files"] {
            found.absent(name, NOT_GIVEN);
        }
        found.raw(
            "sysinfo",
            format_args!("total {} bytes, available {}", self.total, self.available),
        );
        found
    }

    fn transfers(&self) -> Findings {
        let mut found = Findings::default();
        found.number("read_bytes", self.read as f64);
        found.number("write_bytes", self.written as f64);
        for name in ["reads", "writes", "rtime", "wtime", "qtime", "time", "service_time", "queue"]
        {
            found.absent(name, NOT_GIVEN);
        }
        found.raw("sysinfo", format_args!("read {} bytes, written {}", self.read, self.written));
        found
    }
}

const NOT_GIVEN: &str = "macOS: sysinfo does not give it";

/// The mount points of the volumes.
pub fn volumes(_: &Roots) -> Result<Vec<Target>, String> {
    let volumes = Volume::all(DiskRefreshKind::nothing())?;
    let target = |volume: Volume| Target { label: volume.point.clone(), id: volume.point };
    Ok(volumes.into_iter().map(target).collect())
}

/// A check of one volume, which is asked in a helper thread.
pub struct OneVolume {
    point: String,
    refresh: DiskRefreshKind,
    found: fn(&Volume) -> Findings,
    asking: Asking<Result<Vec<Volume>, String>>,
}

impl OneVolume {
    /// `agent.filesystem`.
    pub fn size_of(details: &Details) -> Self {
        Self::of(details, DiskRefreshKind::nothing().with_storage(), Volume::size)
    }

    /// `agent.disk`, of the disk that the volume is on.
    pub fn transfers_of(details: &Details) -> Self {
        Self::of(details, DiskRefreshKind::nothing().with_io_usage(), Volume::transfers)
    }

    fn of(details: &Details, refresh: DiskRefreshKind, found: fn(&Volume) -> Findings) -> Self {
        let point = details.text("target").unwrap_or_default().to_owned();
        Self { point, refresh, found, asking: Asking::new(Purpose::Mounts) }
    }

    async fn read(&mut self) -> Result<Findings, String> {
        let refresh = self.refresh;
        let volumes = self.asking.ask(&self.point, move || Volume::all(refresh)).await??;
        let volume = volumes.iter().find(|volume| volume.point == self.point);
        volume.map(self.found).ok_or_else(|| {
            let points: Vec<_> = volumes.iter().map(|volume| &*volume.point).collect();
            format!("nothing is mounted at {}; mount points: {}", self.point, points.join(", "))
        })
    }
}

impl Check for OneVolume {
    fn run(&mut self) -> Running<'_> {
        Box::pin(self.read())
    }
}

/// `agent.filesystem_state`.
pub struct State {
    asking: Asking<Result<Vec<Volume>, String>>,
}

impl State {
    pub const fn new() -> Self {
        Self { asking: Asking::new(Purpose::Mounts) }
    }

    async fn read(&mut self) -> Result<Findings, String> {
        let all = || Volume::all(DiskRefreshKind::nothing());
        let volumes = self.asking.ask("the list of volumes", all).await??;
        let (read_only, writable): (Vec<_>, Vec<_>) =
            volumes.iter().partition(|volume| volume.is_read_only);
        let names = |volumes: &[&Volume]| {
            volumes.iter().map(|volume| &*volume.name).collect::<Vec<_>>().join(",")
        };
        let mut found = Findings::default();
        found.number("total_ro", read_only.len() as f64);
        found.number("total_rw", writable.len() as f64);
        found.text("devices_ro", names(&read_only));
        found.text("devices_rw", names(&writable));
        Ok(found)
    }
}

impl Check for State {
    fn run(&mut self) -> Running<'_> {
        Box::pin(self.read())
    }
}

/// The network interfaces.
pub fn interfaces(_: &Roots) -> Result<Vec<Target>, String> {
    let target = |name: &OsString| {
        let name = name.to_string_lossy().into_owned();
        Target { label: name.clone(), id: name }
    };
    Ok(networks()?.keys().map(target).collect())
}

fn networks() -> Result<Networks, String> {
    let networks = Networks::new_with_refreshed_list();
    networks.map_err(|error| format!("sysinfo has no list of interfaces: {error}"))
}

/// `agent.network`.
pub struct Network(String);

impl Network {
    pub fn of(details: &Details) -> Self {
        Self(details.text("target").unwrap_or_default().to_owned())
    }

    fn read(&self) -> Result<Findings, String> {
        let networks = networks()?;
        let Some(data) = networks.get(OsStr::new(&self.0)) else {
            let names: Vec<_> = networks.keys().map(|name| name.to_string_lossy()).collect();
            return Err(format!("no interface {}; there are: {}", self.0, names.join(", ")));
        };
        let mut found = Findings::default();
        found.number("rx_bytes", data.total_received() as f64);
        found.number("rx_packets", data.total_packets_received() as f64);
        found.number("rx_errors", data.total_errors_on_received() as f64);
        found.number("tx_bytes", data.total_transmitted() as f64);
        found.number("tx_packets", data.total_packets_transmitted() as f64);
        found.number("tx_errors", data.total_errors_on_transmitted() as f64);
        let receiving = ["rx_dropped", "rx_overruns", "rx_frame"];
        let sending = ["tx_dropped", "tx_overruns", "tx_carrier", "tx_collisions"];
        for name in receiving.into_iter().chain(sending) {
            found.absent(name, NOT_GIVEN);
        }
        let state = match data.operational_state() {
            InterfaceOperationalState::Up => "up",
            InterfaceOperationalState::Down
            | InterfaceOperationalState::Testing
            | InterfaceOperationalState::Dormant
            | InterfaceOperationalState::NotPresent
            | InterfaceOperationalState::LowerLayerDown => "down",
            _ => "unknown",
        };
        found.text("link_state", state);
        Ok(found)
    }
}

impl Check for Network {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async { self.read() })
    }
}

/// A type that has no source here, with the reason.
pub struct Nothing(pub &'static str);

impl Check for Nothing {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async { Err(self.0.to_owned()) })
    }
}
