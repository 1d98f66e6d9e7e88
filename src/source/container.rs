//! The container that this process runs in: its own control group, in percent of the limits that
//! bind first.

mod alone;
pub mod cpu;
pub mod memory;

use std::path::{Path, PathBuf};

use tokio::time::Instant;

use self::cpu::{ContainerCpu, Throttling};
use self::memory::ContainerMemory;
use super::cgroup::Group;
use super::kernel_file::bytes;
use super::others::{OF_SEVERAL, Others, Process};
use super::pressure::SOME;
use super::{LIMITS_GOOD_FOR, Source};
use crate::config::{MemoryUse, Scope};
use crate::model::{
    Evidence, Limit, Limits, Number, Numbers, Periods, ReadError, Reading, Totals, WindowReading,
};

/// Reads the counters of the group that this process is in.
#[derive(Debug)]
pub struct Container {
    cpu: Result<ContainerCpu, ReadError>,
    memory: Result<ContainerMemory, ReadError>,
    /// When the limits were last read.
    limits_read: Option<Instant>,
    root: PathBuf,
    metrics: Numbers,
    /// The counters when they were last reported.
    throttling: Option<Throttling>,
    /// The same at the last sample, where that is wanted.
    prompt_throttling: Option<Throttling>,
    others: Option<Others>,
}

impl Container {
    /// The container of this process, with /proc and /sys below `root`.
    pub fn open(root: &Path, memory: MemoryUse) -> Self {
        let [cgroup, mountinfo] = texts(root);
        let (cpu, memory_group) = match (cgroup, mountinfo) {
            (Ok(cgroup), Ok(mountinfo)) => {
                let none = |controller, expected| no_group(root, controller, expected, &cgroup);
                let group = |controller: &str| {
                    let group = Group::find(controller, &cgroup, &mountinfo, root)?;
                    Some(group.of_container())
                };
                (
                    ContainerCpu::of(group, root)
                        .ok_or_else(|| none("cpu", "group with the cpu controller")),
                    ContainerMemory::of(group, root, memory)
                        .ok_or_else(|| none("memory", "group with the memory controller")),
                )
            }
            (Err(error), _) | (_, Err(error)) => (Err(error.clone()), Err(error)),
        };
        Self {
            cpu,
            memory: memory_group,
            limits_read: None,
            root: root.to_owned(),
            metrics: Numbers::of(&[]),
            throttling: None,
            prompt_throttling: None,
            others: None,
        }
    }

    /// The same container, which reports the numbers in `metrics`.
    pub fn reporting(self, metrics: Numbers) -> Self {
        let others = (!metrics.without(OWN).is_empty()).then(|| self.others(metrics));
        Self { metrics, others, ..self }
    }

    fn others(&self, metrics: Numbers) -> Others {
        let (mut others, root) = (Others::default(), &self.root);
        match texts(root) {
            [Ok(cgroup), Ok(mountinfo)] => {
                let directory = &root.join("proc/self");
                let process = Process {
                    cgroup: &cgroup,
                    mountinfo: &mountinfo,
                    root,
                    directory,
                    container: Group::of_container,
                };
                others = Others::of_process(process, root, metrics);
            }
            [Err(error), _] | [_, Err(error)] => {
                others.lack(metrics.without(OWN), Number::ALL, &error.to_string());
            }
        }
        for (number, reason) in OF_SEVERAL {
            others.lack(metrics, &[*number], reason);
        }
        others
    }

    /// The same container, as the only one of a task with these limits.
    pub fn within(mut self, task: Limits) -> Self {
        if let Ok(cpu) = &mut self.cpu {
            cpu.task_limit = task.cpu;
        }
        if let Ok(memory) = &mut self.memory {
            memory.task_limit = task.memory;
        }
        self
    }

    /// A reading of the parts that a control group limits; the others would be in percent of the machine.
    pub fn read_limited(&mut self, instant: Instant) -> Reading {
        let Reading { cpu, memory, others } = self.read(instant);
        Reading {
            others,
            cpu: cpu.filter(|_| self.cpu.as_ref().is_ok_and(ContainerCpu::is_limited)),
            memory: memory.filter(|_| self.memory.as_ref().is_ok_and(ContainerMemory::is_limited)),
        }
    }

    /// Percent of the scheduling periods since the last call that could read them in which the quota was
    /// used up. `None` at first, and where the counters went back: they were started again, and the
    /// difference says nothing.
    fn throttled(&mut self) -> Result<Option<f64>, ReadError> {
        let now = match &mut self.cpu {
            Ok(cpu) => cpu.throttling()?,
            Err(none) => return Err(none.clone()),
        };
        // Only now: where they could not be read, the next call covers the time since before that, as
        // it is for CPU, and has a value at once.
        let before = self.throttling.replace(now);
        Ok(before.and_then(|before| now.percent_since(before)))
    }

    /// How many processes of the group were killed because its memory limit was reached.
    fn oom_kills(&mut self) -> Result<u64, ReadError> {
        match &mut self.memory {
            Ok(memory) => memory.oom_kills(),
            Err(none) => Err(none.clone()),
        }
    }

    /// Which limits its control group has.
    pub fn limited_by(&mut self) -> Limited {
        let Reading { cpu, memory, .. } = self.read(Instant::now());
        // A limit may be readable where the usage is not.
        let cpu_limit = self.cpu.as_mut().ok().and_then(ContainerCpu::own_limit);
        let memory_limit = self.memory.as_mut().ok().and_then(ContainerMemory::own_limit);
        let limits = cpu_limit.map(|limit| format!("{limit:#}")).into_iter();
        let limits: Vec<_> = limits.chain(memory_limit.map(|limit| format!("{limit:#}"))).collect();
        let is_found = self.cpu.is_ok() || self.memory.is_ok();
        // A group without the memory controller has no memory limit, so this failure hides none.
        let memory =
            memory.filter(|_| !self.memory.as_ref().is_ok_and(ContainerMemory::is_not_counted));
        let failures = [cpu.and_then(Result::err), memory.and_then(Result::err)];
        match failures.into_iter().flatten().next() {
            // One limit is enough, even if the other part could not be read.
            _ if !limits.is_empty() => Limited::By(limits.join(" and ")),
            Some(error) if is_found => Limited::Unknown(error),
            Some(error) => Limited::NotFound(error),
            None => Limited::ByNothing,
        }
    }
}

/// Whether the control group of this process has a limit.
#[derive(Debug)]
pub enum Limited {
    /// These, for people.
    By(String),
    ByNothing,
    /// The control group was found, and cannot be read.
    Unknown(ReadError),
    NotFound(ReadError),
}

impl Source for Container {
    fn scope(&self) -> Scope {
        Scope::Container
    }

    fn warning(&self) -> Option<&'static str> {
        alone::is_alone(&self.root).then_some(alone::WARNING)
    }

    fn read(&mut self, instant: Instant) -> Reading {
        let is_good = |read| instant.duration_since(read) < LIMITS_GOOD_FOR;
        let limits_are_good = self.limits_read.is_some_and(is_good);
        if !limits_are_good {
            self.limits_read = Some(instant);
        }
        let cpu = match &mut self.cpu {
            Ok(cpu) => cpu.read(instant, limits_are_good),
            Err(none) => Err(none.clone()),
        };
        let memory = match &mut self.memory {
            Ok(memory) => memory.read(limits_are_good),
            Err(none) => Err(none.clone()),
        };
        Reading {
            cpu: Some(cpu),
            memory: Some(memory),
            others: self.others.as_mut().map(Others::read).unwrap_or_default(),
        }
    }

    fn explain(&mut self) -> Vec<Evidence> {
        let cpu = self.cpu.as_mut().ok().map(ContainerCpu::explain);
        cpu.into_iter().chain(self.memory.as_mut().ok().map(ContainerMemory::explain)).collect()
    }

    fn totals(&mut self) -> Totals {
        let throttling = match &mut self.cpu {
            Ok(cpu) => cpu.throttling(),
            Err(none) => Err(none.clone()),
        };
        let periods = |Throttling { periods, throttled }| Periods { all: periods, throttled };
        Totals {
            account: self.cpu.as_ref().ok().map(ContainerCpu::account),
            throttling: throttling.map(periods),
            oom_kills: self.oom_kills(),
            pressure: self.others(Numbers::of(&SOME)).pressure_totals(),
            task: None,
        }
    }

    fn window_readings(&mut self) -> Vec<WindowReading> {
        let mut readings = Vec::new();
        if self.metrics.contains(Number::Throttling) {
            let percent = self.throttled().transpose();
            readings.push(WindowReading::of(Number::Throttling, percent));
        }
        if self.metrics.contains(Number::OomKills) {
            let kills = self.oom_kills().map(|kills| kills as f64);
            readings.push(WindowReading::of(Number::OomKills, Some(kills)));
        }
        if self.metrics.contains(Number::MemoryPeak) {
            let peak = match &mut self.memory {
                Ok(memory) => memory.peak(),
                Err(none) => Err(none.clone()),
            };
            readings.push(WindowReading::of(Number::MemoryPeak, Some(peak)));
        }
        let others = self.others.as_ref().map(Others::window_readings).unwrap_or_default();
        readings.extend(
            others.into_iter().map(|(number, value)| WindowReading::of(number, Some(value))),
        );
        readings
    }

    fn prompt_readings(&mut self, wanted: Numbers) -> Vec<WindowReading> {
        let is_wanted = |number| wanted.contains(number) && self.metrics.contains(number);
        let [throttling, kills] = [Number::Throttling, Number::OomKills].map(is_wanted);
        let mut readings = Vec::new();
        let of_window = std::mem::replace(&mut self.throttling, self.prompt_throttling.take());
        if throttling {
            let percent = self.throttled().transpose();
            readings.push(WindowReading::of(Number::Throttling, percent));
            self.prompt_throttling = self.throttling.take();
        }
        self.throttling = of_window;
        if kills {
            let kills = self.oom_kills().map(|kills| kills as f64);
            readings.push(WindowReading::of(Number::OomKills, Some(kills)));
        }
        readings
    }
}

/// The texts of /proc/self/cgroup and /proc/self/mountinfo.
fn texts(root: &Path) -> [Result<String, ReadError>; 2] {
    ["cgroup", "mountinfo"].map(|name| {
        let path = root.join("proc/self").join(name);
        // A mount point may be any bytes. One that is not UTF-8 must not hide all others.
        let text = bytes(&path).map(|text| String::from_utf8_lossy(&text).into_owned());
        text.map_err(|error| ReadError::of(path, error))
    })
}

/// The numbers that are read here; `Others` reads all others.
const OWN: &[Number] =
    &[Number::Cpu, Number::Memory, Number::Throttling, Number::OomKills, Number::MemoryPeak];

/// The error where no group of this process has a controller, or where its mount is not visible.
fn no_group(root: &Path, controller: &str, expected: &'static str, cgroup: &str) -> ReadError {
    if Group::is_named(controller, cgroup) {
        let expected = "mount of this process's control group";
        return ReadError::Malformed { path: root.join("proc/self/mountinfo"), expected };
    }
    ReadError::Malformed { path: root.join("proc/self/cgroup"), expected }
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binds {
    Group,
    Task,
    Machine,
}

/// The smallest limit; the first of equal ones. An error about the machine's own size matters only
/// if there is no other limit.
fn smallest<T: PartialOrd>(
    limits: [(Binds, Option<Limit<T>>); 2],
    machine: Result<Limit<T>, ReadError>,
) -> Result<(Binds, Limit<T>), ReadError> {
    let limits = limits.into_iter().filter_map(|(binds, limit)| Some((binds, limit?)));
    let smaller = |first: (Binds, Limit<T>), next: (Binds, Limit<T>)| {
        if next.1.amount < first.1.amount { next } else { first }
    };
    match (limits.reduce(smaller), machine) {
        (None, machine) => Ok((Binds::Machine, machine?)),
        (Some(limit), Err(_)) => Ok(limit),
        (Some(limit), Ok(machine)) => Ok(smaller(limit, (Binds::Machine, machine))),
    }
}

#[cfg(test)]
pub mod tests;
