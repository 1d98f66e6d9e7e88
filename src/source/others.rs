//! The numbers of a machine or of a control group beside CPU and memory.

use std::path::{Path, PathBuf};

use super::cgroup::Group;
use super::disks::Disks;
use super::network::Network;
use super::pressure::Pressure;
use super::processes::Processes;
use super::{NO_TOTALS, OnceAWindow, Sampled, disks, pressure, processes, swap};
use crate::model::{Number, Numbers, Raw, ReadError};

/// Reads them, as far as they were asked for.
#[derive(Debug, Default)]
pub struct Others {
    pressure: Vec<Pressure>,
    disks: Option<Disks>,
    network: Option<Network>,
    processes: Option<Processes>,
    swap: Option<Swap>,
    /// Why there are none of these.
    absent: Vec<(Number, ReadError)>,
    /// Room for the next sample.
    room: Sampled,
}

/// Whose swap it is.
#[derive(Debug)]
enum Swap {
    /// That of the machine with this /proc.
    Machine(PathBuf),
    /// That of a group of the machine with this /proc.
    Group(Group, PathBuf),
}

/// Where a process stands: the texts of its files `cgroup` and `mountinfo`, the root below which it sees
/// the mounts of the second, and its directory of /proc.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    pub cgroup: &'a str,
    pub mountinfo: &'a str,
    pub root: &'a Path,
    pub directory: &'a Path,
    /// The group of its whole container, of a group that it is in.
    pub container: fn(Group) -> Group,
}

impl Others {
    /// Those of the machine whose /proc and /sys these are; nothing where none of them was asked for.
    pub fn of_machine(proc: &Path, sys: &Path, numbers: Numbers) -> Option<Self> {
        let numbers = numbers.without(BY_THEMSELVES);
        if numbers.is_empty() {
            return None;
        }
        let mut others = Self::default();
        for (number, reason) in NONE_OF_MACHINE.iter().chain(OF_SEVERAL) {
            others.lack(numbers, &[*number], reason);
        }
        let asked = numbers.without(&[Number::CpuFullPressure]);
        others.pressure = Pressure::files(&proc.join("pressure"), "", asked);
        others.disks = Disks::of_machine(proc, sys, numbers);
        others.network = Network::of_machine(proc, sys, numbers);
        others.processes = Processes::of_machine(proc, numbers);
        others.swap = numbers.contains(Number::Swap).then(|| Swap::Machine(proc.to_owned()));
        Some(others)
    }

    /// Those of the container of a process. Below `machine` are the /proc and /sys of the machine.
    pub fn of_process(process: Process<'_>, machine: &Path, numbers: Numbers) -> Self {
        let mut others = Self::default();
        let Process { cgroup, mountinfo, root, directory, container } = process;
        let find = |controller| Group::find(controller, cgroup, mountinfo, root).map(container);
        let chosen = |some: &[Number]| !numbers.among(some).is_empty();
        if chosen(pressure::NUMBERS) {
            match Group::of_version_2(cgroup, mountinfo, root).map(container) {
                Some(group) => {
                    let mut asked = numbers;
                    if group.is_root_of_version_2() {
                        // The kernel writes zeros there, as it does for the machine.
                        asked = numbers.without(&[Number::CpuFullPressure]);
                        others.lack(numbers, &[Number::CpuFullPressure], ROOT_GROUP);
                    }
                    others.pressure = Pressure::files(group.own(), ".pressure", asked);
                }
                None => others.lack(numbers, pressure::NUMBERS, NO_VERSION_2),
            }
        }
        if chosen(disks::NUMBERS) {
            match find("blkio").or_else(|| find("io")) {
                Some(group) => {
                    others.disks = Disks::of_group(&group, &machine.join("sys"), numbers);
                }
                None => others.lack(numbers, disks::NUMBERS, NO_IO),
            }
        }
        others.network = Network::of_process(directory, numbers);
        if chosen(processes::NUMBERS) {
            match find("pids") {
                Some(group) => others.processes = Processes::of_group(&group, numbers),
                None => others.lack(numbers, processes::NUMBERS, NO_PIDS),
            }
        }
        if chosen(&[Number::Swap]) {
            match find("memory") {
                Some(group) => others.swap = Some(Swap::Group(group, machine.join("proc"))),
                None => others.lack(numbers, &[Number::Swap], NO_MEMORY),
            }
        }
        others
    }

    /// Says of some numbers, as far as they were asked for, why there are none.
    pub fn lack(&mut self, numbers: Numbers, some: &[Number], reason: &str) {
        for number in numbers.among(some).iter() {
            self.absent.push((number, ReadError::absent(reason)));
        }
    }

    /// Counts from 0, as the group is new. Otherwise totals are what they grow by since the first reading.
    pub fn count_from_zero(&mut self) {
        if let Some(disks) = &mut self.disks {
            disks.count_from_zero();
        }
    }

    /// Goes on with what another one has counted of the same group.
    pub fn go_on_from(&mut self, before: &mut Self) {
        if let (Some(disks), Some(before)) = (&mut self.disks, &mut before.disks) {
            disks.go_on_from(before);
        }
    }

    /// Those that have a value at each sample: the totals as they stand now.
    pub fn read(&mut self) -> Sampled {
        let mut sampled = std::mem::take(&mut self.room);
        for pressure in &mut self.pressure {
            pressure.read(&mut sampled);
        }
        if let Some(disks) = &mut self.disks {
            disks.read(&mut sampled);
        }
        if let Some(network) = &mut self.network {
            network.read(&mut sampled);
        }
        // Made while this one is still there: else the C library would give the page back to the system
        // after each sample, and ask for it again at the next.
        self.room = Vec::with_capacity(sampled.len());
        sampled
    }

    /// The totals of the time in which some task waited, of each resource, as they stand now.
    pub fn pressure_totals(&mut self) -> [Result<f64, ReadError>; 3] {
        let (sampled, absent) = (self.read(), &self.absent);
        pressure::SOME.map(|number| {
            let read = sampled.iter().find(|(read, _)| *read == number);
            let reason = absent.iter().find(|(absent, _)| *absent == number);
            match (read, reason) {
                (Some((_, Ok(Raw::Total(total) | Raw::Level(total)))), _) => Ok(*total),
                (Some((_, Err(error))), _) | (None, Some((_, error))) => Err(error.clone()),
                (None, None) => Err(ReadError::unusable(NO_TOTALS)),
            }
        })
    }

    /// Those that are read once a window, and those that there are none of.
    pub fn window_readings(&self) -> OnceAWindow {
        let mut readings = Vec::new();
        for (number, reason) in &self.absent {
            readings.push((*number, Err(reason.clone())));
        }
        if let Some(processes) = &self.processes {
            processes.read(&mut readings);
        }
        if let Some(swap) = &self.swap {
            let value = match swap {
                Swap::Machine(proc) => swap::of_machine(proc),
                Swap::Group(group, proc) => swap::of_group(group, proc),
            };
            readings.push((Number::Swap, value));
        }
        readings
    }
}

/// What each source reads by itself.
const BY_THEMSELVES: &[Number] =
    &[Number::Cpu, Number::Memory, Number::Throttling, Number::OomKills];

const NO_VERSION_2: &str = "pressure of a container needs cgroup version 2, and this one is in none; --scope host \
    has the pressure of the machine";
pub const ROOT_GROUP: &str = "the kernel does not measure it of the machine, where it is always 0";
const NO_IO: &str = "no control group with the blkio or io controller";
const NO_PIDS: &str = "no control group with the pids controller";
const NO_MEMORY: &str = "no control group with the memory controller";

/// What a machine has none of.
const NONE_OF_MACHINE: &[(Number, &str)] = &[
    (Number::CpuFullPressure, ROOT_GROUP),
    (Number::MemoryPeak, "the kernel keeps it of control groups alone, and not of the machine"),
];

pub const NO_TASK: &str = "only an ECS task on Fargate has it: --scope task or pod";

/// What only several containers have, or the endpoint of their task.
pub const OF_SEVERAL: &[(Number, &str)] = &[
    (Number::EphemeralStorage, NO_TASK),
    (Number::Fullest, "it is of the containers of a task or pod: --scope pod or task"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::time::Instant;

    use super::*;
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
        for (number, reason) in NONE_OF_MACHINE.iter().chain(OF_SEVERAL) {
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
        let (proc, sys) = (Path::new("/proc"), Path::new("/sys"));
        assert!(Others::of_machine(proc, sys, Numbers::of(BY_THEMSELVES)).is_none());
        assert!(host.window_readings().is_empty());
    }
}
