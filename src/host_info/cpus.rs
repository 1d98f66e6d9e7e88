//! `cpus`: each CPU that is online, and what it has spent its time on.

use std::path::Path;

use serde_json::{Value, json};
use sysinfo::{Cpu, CpuRefreshKind, System};

use super::{HostInfo, Unavailable};
use crate::model::Roots;

pub const TYPE: HostInfo = HostInfo {
    name: "cpus",
    about: "The CPUs of the machine that are online, and their time since the start in milliseconds",
    fields: &[
        "name",
        "vendor",
        "model",
        "mhz",
        "total_cores",
        "total_sockets",
        "user",
        "nice",
        "sys",
        "idle",
        "wait",
        "irq",
        "soft_irq",
        "stolen",
        "total",
    ],
    gather,
};

fn gather(roots: &Roots) -> Result<Value, Unavailable> {
    let system = System::new();
    let failed = |error| Unavailable::Failed(format!("the CPUs: {error}"));
    let mut system = system.map_err(failed)?;
    system.refresh_cpu_list(CpuRefreshKind::nothing().with_frequency());
    let times = times(roots)?;
    let sockets = sockets(&roots.sys);
    let record = |(number, ticks): &Times| {
        // sysinfo numbers the CPUs that are online in their order.
        let own = system.cpus().iter().find(|cpu| cpu.name() == format!("cpu{number}"));
        let own = own.or_else(|| system.cpus().first());
        let of = |get: fn(&Cpu) -> &str| {
            let text = own.map(get).map(str::trim).filter(|text| !text.is_empty());
            text.map_or(Value::Null, Value::from)
        };
        let mhz = own.map(Cpu::frequency).filter(|mhz| *mhz > 0);
        let time = |column: usize| ticks.map(|ticks| ticks[column].saturating_mul(TICK));
        let total = ticks.map(|ticks| ticks.iter().copied().fold(0, u64::saturating_add));
        json!({
            "name": format!("cpu.{number}"),
            "vendor": of(Cpu::vendor_id),
            "model": of(Cpu::brand),
            "mhz": mhz,
            "total_cores": times.len(),
            "total_sockets": sockets,
            "user": time(0),
            "nice": time(1),
            "sys": time(2),
            "idle": time(3),
            "wait": time(4),
            "irq": time(5),
            "soft_irq": time(6),
            "stolen": time(7),
            "total": total.map(|total| total.saturating_mul(TICK)),
        })
    };
    Ok(times.iter().map(record).collect())
}

/// The kernel counts in hundredths of a second, for programs.
const TICK: u64 = 10;

/// The number of a CPU, and its ticks where the system tells them.
type Times = (u32, Option<[u64; 8]>);

/// Of each CPU: sysinfo has the sums alone.
#[cfg(target_os = "linux")]
fn times(roots: &Roots) -> Result<Vec<Times>, Unavailable> {
    let path = roots.proc.join("stat");
    let stat = super::file::required(&path)?;
    let cores = crate::source::proc::columns_of_cores(&stat).ok_or_else(|| {
        let path = path.display();
        Unavailable::Failed(format!("{path} has no line of a CPU with at least four counters"))
    })?;
    Ok(cores.into_iter().map(|(number, ticks)| (number, Some(ticks))).collect())
}

#[cfg(not(target_os = "linux"))]
fn times(_: &Roots) -> Result<Vec<Times>, Unavailable> {
    let mut system =
        System::new().map_err(|error| Unavailable::Failed(format!("the CPUs: {error}")))?;
    system.refresh_cpu_list(CpuRefreshKind::nothing());
    Ok((0..).map(|number| (number, None)).take(system.cpus().len()).collect())
}

/// How many packages the CPUs that are online are in; `None` where the kernel does not tell.
fn sockets(sys: &Path) -> Option<usize> {
    let cpus = std::fs::read_dir(sys.join("devices/system/cpu")).ok()?.flatten();
    let packages = cpus.filter_map(|cpu| {
        let package = std::fs::read_to_string(cpu.path().join("topology/physical_package_id"));
        // Where there is no such number, it is -1.
        package.ok()?.trim().parse::<u32>().ok()
    });
    let mut packages: Vec<_> = packages.collect();
    packages.sort_unstable();
    packages.dedup();
    (!packages.is_empty()).then_some(packages.len())
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::host_info::tests::{failed, gathered};

    #[test]
    fn times_are_in_milliseconds_and_sockets_are_counted_once() {
        let topology = |cpu: u32, package: i32| {
            format!("== sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id\n{package}\n")
        };
        let stat = "== proc/stat\ncpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 0 0\n\
                    cpu2 10 0 0 90 0 0 0 0 1 0\nintr 5\n";
        let tree = [stat.to_owned(), topology(0, 0), topology(1, 0), topology(2, 1)].concat();
        let info = gathered(&TYPE, &tree);
        let names = ["user", "nice", "sys", "idle", "wait", "irq", "soft_irq", "stolen", "total"];
        let times = |at: usize| names.map(|name| info[at][name].as_u64().expect("a number"));
        assert_eq!(times(0), [10, 20, 30, 40, 50, 60, 70, 80, 360]);
        assert_eq!(times(1), [100, 0, 0, 900, 0, 0, 0, 0, 1000]);
        assert_eq!([&info[0]["name"], &info[1]["name"]], ["cpu.0", "cpu.2"]);
        assert_eq!([&info[0]["total_cores"], &info[1]["total_sockets"]], [2, 2]);
    }

    #[test]
    fn sockets_that_the_kernel_does_not_know_are_null_and_no_cpu_is_an_error() {
        let tree = "== proc/stat\ncpu0 1 2 3 4\n\
                    == sys/devices/system/cpu/cpu0/topology/physical_package_id\n-1\n";
        let info = gathered(&TYPE, tree);
        assert_eq!(info[0]["total_sockets"], Value::Null);
        assert_eq!(info[0]["total"], 100);
        let none = "proc/stat has no line of a CPU with at least four counters";
        assert_eq!(failed(&TYPE, "== proc/stat\ncpu 1 2\n"), Unavailable::Failed(none.to_owned()));
    }
}
