//! The numbers of the machine beside CPU and memory.

use std::path::{Path, PathBuf};

use crate::model::{Number, Numbers, ReadError};
use crate::source::disks::Disks;
use crate::source::network::Network;
use crate::source::pressure::Pressure;
use crate::source::processes::Processes;
use crate::source::rates::Rates;
use crate::source::{OnceAWindow, Sampled, swap};

/// Reads them, as far as they were asked for.
#[derive(Debug, Default)]
pub struct Others {
    rates: Rates,
    processes: Option<Processes>,
    /// Where swap was asked for, what it is read below.
    swap: Option<PathBuf>,
    /// Why a machine has none of these.
    absent: Vec<(Number, ReadError)>,
}

impl Others {
    /// Those of the machine whose /proc and /sys these are.
    pub fn of(proc: &Path, sys: &Path, numbers: Numbers) -> Self {
        let absent = NEVER.iter().filter(|(number, _)| numbers.contains(*number));
        let absent = absent.map(|(number, reason)| (*number, ReadError::absent(*reason)));
        let never: Vec<_> = NEVER.iter().map(|(number, _)| *number).collect();
        let directory = proc.join("pressure");
        let pressure = Pressure::files(&directory, str::to_owned, numbers.without(&never));
        Self {
            rates: Rates {
                pressure: pressure.collect(),
                disks: Disks::of_machine(proc, sys, numbers),
                network: Network::of_machine(proc, sys, numbers),
            },
            processes: Processes::of_machine(proc, numbers),
            swap: numbers.contains(Number::Swap).then(|| proc.to_owned()),
            absent: absent.collect(),
        }
    }

    /// Those that have a value at each sample.
    pub fn read(&mut self) -> Sampled {
        self.rates.read()
    }

    /// Those that are read once a window, and those that there are none of.
    pub fn window_readings(&mut self) -> OnceAWindow {
        let absent = self.absent.iter().map(|(number, reason)| (*number, Err(reason.clone())));
        let mut readings: OnceAWindow = absent.collect();
        if let Some(processes) = &self.processes {
            processes.read(&mut readings);
        }
        readings.extend(self.swap.as_ref().map(|proc| (Number::Swap, swap::of_machine(proc))));
        readings
    }
}

const NEVER: &[(Number, &str)] = &[
    (
        Number::CpuFullPressure,
        "the kernel does not measure it of the machine, where it is always 0",
    ),
    (Number::MemoryPeak, "the kernel keeps it of control groups alone, and not of the machine"),
    (Number::EphemeralStorage, "only the endpoint of an ECS task tells it: --scope task"),
    (Number::Fullest, "it is of the containers of an ECS task: --scope task"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::time::Instant;

    use super::*;
    use crate::model::Raw;
    use crate::source::Source;
    use crate::source::host::Host;
    use support::tree::Tree;

    /// All that a machine tells beside CPU and memory, by its name.
    fn told(host: Host) -> BTreeMap<&'static str, Result<f64, String>> {
        let mut host = host.reporting(Numbers::of(Number::ALL));
        let sampled = host.read(Instant::now()).others.into_iter().map(|(number, raw)| {
            let value = raw.map(|raw| match raw {
                Raw::Total(value) | Raw::Level(value) => value,
            });
            (number.name(), value.map_err(|error| error.to_string()))
        });
        let sampled: Vec<_> = sampled.collect();
        let windows = host.window_readings().into_iter().filter_map(|reading| {
            let value = reading.value?.map_err(|error| error.to_string());
            Some((reading.number.name(), value))
        });
        sampled.into_iter().chain(windows).collect()
    }

    #[test]
    fn a_machine_tells_all_that_it_has_and_why_it_has_no_more() {
        let tree = Tree::new(
            "== proc/pressure/cpu\nsome total=50000\nfull total=0\n== proc/pressure/memory\nsome total=20000\n\
             full total=10000\n== proc/pressure/io\nsome total=40000\nfull total=30000\n\
             == proc/diskstats\n8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n== sys/block/sda/\n\
             == proc/self/net/dev\nInter-| Receive\n face |bytes\neth0: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n\
             == proc/loadavg\n0.00 0.00 0.00 1/50 9\n== proc/sys/kernel/pid_max\n1000\n\
             == proc/meminfo\nSwapTotal: 8 kB\nSwapFree: 6 kB\n",
        );
        let told = told(Host::at(&tree.root().join("proc"), &tree.root().join("sys")));
        for (name, value) in [
            ("cpu-pressure", 5.0),
            ("memory-pressure", 2.0),
            ("io-pressure", 4.0),
            ("memory-full-pressure", 1.0),
            ("io-full-pressure", 3.0),
            ("disk-read-bytes", 0.0),
            ("network-received-bytes", 0.0),
            ("processes", 50.0),
            ("process-utilization", 5.0),
            ("swap", 25.0),
        ] {
            assert_eq!(told[name], Ok(value), "{name}");
        }
        for (number, reason) in NEVER {
            assert_eq!(told[number.name()], Err((*reason).to_owned()));
        }
        // CPU, memory, throttling and OOM kills are not among them.
        assert_eq!(told.len(), Number::ALL.len() - 4, "{told:#?}");
    }

    #[test]
    fn a_kernel_without_psi_has_no_pressure_and_all_else() {
        let tree = Tree::new("== proc/loadavg\n0.00 0.00 0.00 1/50 9\n");
        let told = told(Host::at(&tree.root().join("proc"), &tree.root().join("sys")));
        assert_eq!(told["processes"], Ok(50.0));
        let pressure = told["io-pressure"].clone().expect_err("it is not there");
        assert!(pressure.ends_with("where it is off, boot the kernel with psi=1"), "{pressure}");
        assert!(pressure.contains("proc/pressure/io not found"), "{pressure}");
    }

    #[test]
    fn this_machine_can_be_read() {
        let told = told(Host::open());
        assert!(told["processes"].as_ref().is_ok_and(|count| *count > 1.0), "{told:#?}");
        assert!(told["network-sent-bytes"].is_ok(), "{told:#?}");
    }

    #[test]
    fn what_was_not_asked_for_is_not_read() {
        let mut host = Host::open().reporting(Numbers::of(&[Number::Cpu, Number::Memory]));
        assert_eq!(host.read(Instant::now()).others.capacity(), 0);
        assert!(host.window_readings().is_empty());
    }
}
