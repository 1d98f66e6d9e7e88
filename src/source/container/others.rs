//! The numbers of a control group beside CPU and memory.

use std::path::Path;

use crate::model::{Number, Numbers, ReadError};
use crate::source::cgroup::Group;
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
    swap: Option<Group>,
    /// Why the group has none of these.
    absent: Vec<(Number, ReadError)>,
}

/// Where a process stands: the texts of its files `cgroup` and `mountinfo`, the root below which it sees
/// the mounts of the second, and its directory of /proc.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    pub cgroup: &'a str,
    pub mountinfo: &'a str,
    pub root: &'a Path,
    pub directory: &'a Path,
}

impl Others {
    /// Those of the container of a process. `sys` is where the names of the machine's devices are.
    pub fn of(process: Process<'_>, sys: &Path, numbers: Numbers) -> Self {
        let mut others = Self::default();
        let find = |controller| {
            let Process { cgroup, mountinfo, root, .. } = process;
            Some(Group::find(controller, cgroup, mountinfo, root)?.of_container())
        };
        let chosen = |some: &[Number]| !numbers.among(some).is_empty();
        if chosen(PRESSURE) {
            let Process { cgroup, mountinfo, root, .. } = process;
            match Group::of_version_2(cgroup, mountinfo, root).map(Group::of_container) {
                Some(group) => {
                    let name = |resource: &str| format!("{resource}.pressure");
                    others.rates.pressure = Pressure::files(group.own(), name, numbers).collect();
                }
                None => others.lack(numbers, PRESSURE, NO_VERSION_2),
            }
        }
        if chosen(IO) {
            match find("blkio").or_else(|| find("io")) {
                Some(group) => others.rates.disks = Disks::of_group(&group, sys, numbers),
                None => {
                    others.lack(numbers, IO, "no control group with the blkio or io controller");
                }
            }
        }
        others.rates.network = Network::of_process(process.directory, numbers);
        if chosen(PROCESSES) {
            match find("pids") {
                Some(group) => others.processes = Processes::of_group(&group, numbers),
                None => {
                    others.lack(numbers, PROCESSES, "no control group with the pids controller");
                }
            }
        }
        if chosen(&[Number::Swap]) {
            others.swap = find("memory");
            if others.swap.is_none() {
                let reason = "no control group with the memory controller";
                others.lack(numbers, &[Number::Swap], reason);
            }
        }
        others
    }

    /// Says of some numbers, as far as they were asked for, why there are none.
    pub fn lack(&mut self, numbers: Numbers, some: &[Number], reason: &str) {
        let none = |number| (number, ReadError::absent(reason));
        self.absent.extend(numbers.among(some).iter().map(none));
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
        readings.extend(self.swap.as_ref().map(|group| (Number::Swap, swap::of_group(group))));
        readings
    }
}

const PRESSURE: &[Number] = &[
    Number::CpuPressure,
    Number::MemoryPressure,
    Number::IoPressure,
    Number::CpuFullPressure,
    Number::MemoryFullPressure,
    Number::IoFullPressure,
];
const IO: &[Number] = &[
    Number::DiskReadBytes,
    Number::DiskWriteBytes,
    Number::DiskReadOperations,
    Number::DiskWriteOperations,
];
const PROCESSES: &[Number] = &[Number::Processes, Number::ProcessUtilization];

const NO_VERSION_2: &str = "pressure of a container needs cgroup version 2, of which no mount holds this \
    process; --scope host has the pressure of the machine";
