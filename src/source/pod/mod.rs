//! All containers of a pod or task whose processes can be seen in a shared PID namespace: each by its own
//! control group, seen through `/proc/PID/root`, and their sum.

mod access;
mod alone;
mod by_name;
mod end;
mod enforcement;
mod evidence;
mod limits;
mod listing;
mod name;
mod neighbour;
mod neighbours;
mod opened;
mod others;
mod place;
mod rights;
mod roles;
mod sum;
mod told;
pub mod until;
mod view;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::time::Instant;

use self::alone::Alone;
use self::by_name::ByName;
use self::enforcement::Enforcement;
use self::limits::PodLimit;
use self::neighbour::{Neighbour, Role};
use self::neighbours::Neighbours;
use self::opened::is_removed;
use self::others::Together;
use self::roles::Roles;
use self::sum::Sum;
use self::told::TaskFacts;
use self::view::View;
use super::host::Host;
use super::{LIMITS_GOOD_FOR, Source};
use crate::config::{Measuring, MemoryUse, Scope};
use crate::model::{
    Bytes, Company, Cores, CpuAccount, CpuReading, Evidence, MemoryReading, Number, Numbers, Part,
    Raw, ReadError, Reading, Totals, WindowReading,
};
use crate::surroundings::ecs::TaskEndpoint;

/// Reads the containers of a pod.
#[derive(Debug)]
pub struct Pod {
    neighbours: Neighbours,
    machine: Host,
    told: TaskFacts,
    roles: Roles,
    alone: Alone,
    /// Why the pod is not read at all: its PID namespace is the whole machine's.
    refused: Option<ReadError>,
    cpu: PodLimit<Cores>,
    memory: PodLimit<Bytes>,
    limits_read: Option<Instant>,
    account: CpuAccount,
    /// Whether the last reading had no CPU time of the whole.
    was_absent: bool,
    /// The CPU time of the containers that have ended.
    ended: Duration,
    /// Where each container is read by itself, too.
    by_name: Option<ByName>,
    enforcement: Enforcement,
    together: Together,
}

impl Pod {
    /// The pod that this process is in. `endpoint` tells names and limits where it is an ECS task.
    pub async fn open(
        endpoint: Option<TaskEndpoint>,
        measuring: &Measuring,
        company: Sender<Company>,
    ) -> Self {
        let wants_storage = measuring.metrics.contains(Number::EphemeralStorage);
        let told = TaskFacts::by(endpoint, wants_storage).await;
        let pod = Self::seen_by(View::of_kernel(), measuring.memory);
        let pod = pod.without(measuring.pod_exclude.clone()).reporting(measuring.metrics);
        let pod = if measuring.per_container { pod.by_container() } else { pod };
        Self { told, alone: Alone::telling(company), ..pod }
    }

    /// A pod with /proc and /sys below `root`.
    pub fn at(root: &Path, memory: MemoryUse) -> Self {
        Self::seen_by(View::of_copy(root), memory)
    }

    fn seen_by(view: View, memory: MemoryUse) -> Self {
        let refused = view.is_whole_machine().then(|| ReadError::unusable(WHOLE_MACHINE));
        Self {
            machine: Host::at(&view.root.join("proc"), &view.root.join("sys")),
            neighbours: Neighbours::of(view, memory),
            told: TaskFacts::default(),
            roles: Roles::default(),
            alone: Alone::default(),
            refused,
            cpu: PodLimit::of(Part::Cpu),
            memory: PodLimit::of(Part::Memory),
            limits_read: None,
            account: CpuAccount::open(),
            was_absent: false,
            ended: Duration::ZERO,
            by_name: None,
            enforcement: Enforcement::default(),
            together: Together::default(),
        }
    }

    /// The same pod without the containers that have these names or ids.
    pub fn without(self, excluded: Vec<String>) -> Self {
        Self { roles: Roles::leaving_out(excluded), ..self }
    }

    /// The same pod, of which each container is read by itself, too.
    pub fn by_container(self) -> Self {
        Self { by_name: Some(ByName::default()), ..self }.wanting()
    }

    /// The same pod, which gives the numbers beside CPU and memory that are among the metrics.
    pub fn reporting(self, metrics: Numbers) -> Self {
        let together = Together::of(metrics, &self.neighbours.view);
        Self { enforcement: Enforcement::of(metrics), together, ..self }.wanting()
    }

    /// The same pod, which reads of each container what it was asked for.
    fn wanting(mut self) -> Self {
        let by_name = self.by_name.is_some();
        self.neighbours.wanted.others = Together::of_each(self.enforcement.numbers, by_name);
        let wants = |number| self.enforcement.numbers.contains(number);
        self.neighbours.wanted.kills = wants(Number::OomKills);
        self.neighbours.wanted.throttling = wants(Number::Throttling);
        self
    }

    /// Looks at the processes, and takes over what is new.
    fn look(&mut self, at: Instant) -> Result<(), ReadError> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        self.neighbours.look(at)?;
        let is_good = |read| at.duration_since(read) < LIMITS_GOOD_FOR;
        let limits_are_good = self.limits_read.is_some_and(is_good);
        if !limits_are_good {
            self.limits_read = Some(at);
            self.neighbours.read_limits(at);
        }
        let has_changed = self.neighbours.has_changed() | self.told.has_news();
        if has_changed {
            self.told.name(&mut self.neighbours);
            let told = &self.told;
            if self.roles.give(&mut self.neighbours, |id| told.is_platforms(id)) {
                self.was_absent = true;
            }
        }
        if !limits_are_good || has_changed {
            self.find_limits();
        }
        self.alone.watch(self.others());
        Ok(())
    }

    /// Says what has changed.
    fn say(&mut self, at: Instant) {
        self.cpu.say();
        self.memory.say();
        self.roles.say(&self.neighbours, at);
        self.alone.say(self.roles.first(), at);
    }

    /// Whether there are other containers and all that count can be read, with the reason why the pod is
    /// to be measured.
    pub fn is_ready(&mut self, at: Instant) -> Option<String> {
        self.look(at).ok()?;
        let others = self.others();
        let mut counted = self.neighbours.counted();
        let is_ready = others > 0 && counted.all(|of| of.opened.is_ok() && of.is_surely_one);
        is_ready.then(|| match others {
            1 => "1 other container is visible and can be read".to_owned(),
            _ => format!("{others} other containers are visible and can be read"),
        })
    }

    /// Why the pod cannot be measured, where there are other containers, and the cure.
    pub fn barred(&self) -> Option<String> {
        let error = self.neighbours.unreadable()?;
        (self.others() > 0).then(|| format!("other containers are visible, but {error}"))
    }

    /// How many containers there are beside the agent's own, those of other agents, and the pause container.
    fn others(&self) -> usize {
        let is_other = |of: &&Neighbour| {
            matches!(of.role, Role::Counted | Role::Excluded) && !self.neighbours.is_agent(of)
        };
        self.neighbours.all.iter().filter(is_other).count()
    }

    /// Whether the agent is the first process of its PID namespace, so that others have to join that.
    pub fn is_first_process(&self) -> bool {
        self.neighbours.view.own_pid() == Some(1)
    }

    fn find_limits(&mut self) {
        let task = self.told.limits();
        let all = || self.neighbours.readable().map(|(of, opened)| (&of.name, &opened.limits));
        let cpu = all().map(|(name, limits)| (name, &limits.cpu));
        self.cpu.find(task.cpu, cpu, self.machine.cores());
        let memory = all().map(|(name, limits)| (name, &limits.memory));
        self.memory.find(task.memory, memory, self.machine.memory());
    }

    /// Reads each container.
    fn sum(&mut self, at: Instant) -> Sum {
        let mut sum = Sum::default();
        self.together.begin();
        self.take_ended(at);
        let mut removed = Vec::new();
        for neighbour in self.neighbours.counted() {
            let opened = match &neighbour.opened {
                Ok(opened) => opened,
                Err(_) if neighbour.is_starting(at) => {
                    sum.is_waiting = true;
                    continue;
                }
                Err(error) => {
                    sum.add(Err(error.clone()), Err(error.clone()));
                    self.together.lack(error);
                    continue;
                }
            };
            let (cpu, memory, others) = {
                let mut counters = opened.counters();
                (counters.read_cpu(), counters.read_memory(), counters.others.read())
            };
            if [cpu.as_ref().err(), memory.as_ref().err()].into_iter().flatten().any(is_removed) {
                removed.push(neighbour.number);
                continue;
            }
            self.together.add(neighbour, &others);
            let named = |error: ReadError| {
                ReadError::unusable(format!("container {}: {error}", neighbour.name))
            };
            let cpu = cpu.map(|used| neighbour.used(used)).map_err(named);
            let memory = memory.map_err(named);
            let own = &opened.limits;
            let limits = by_name::Binding { own, cpu: &self.cpu, memory: &self.memory };
            if self.enforcement.numbers.contains(Number::Fullest)
                && let Ok(highest) = sum.fullest
            {
                let percent = limits.of_memory(memory.clone()).and_then(|memory| memory.percent());
                sum.fullest = percent.map(|percent| highest.max(percent));
            }
            if let Some(by_name) = &mut self.by_name {
                let parts = (cpu.clone(), memory.clone(), others);
                by_name.add(neighbour, parts, &limits, at);
            }
            sum.add(cpu, memory);
        }
        for number in removed {
            self.neighbours.remove(number, at);
        }
        self.take_ended(at);
        if let Some(by_name) = &mut self.by_name {
            by_name.finish(at);
        }
        sum.cpu = sum.cpu.map(|used| used + self.ended);
        sum
    }

    /// Adds the CPU time of the containers that have ended since the last call.
    fn take_ended(&mut self, at: Instant) {
        for ended in self.neighbours.ended.drain(..).filter(|ended| ended.is_counted) {
            self.ended += ended.used;
            self.enforcement.end(&ended);
            self.together.end(ended.number);
            if let Some(by_name) = &mut self.by_name {
                let own = &ended.opened.limits;
                let limits = by_name::Binding { own, cpu: &self.cpu, memory: &self.memory };
                by_name.end(&ended, &limits, at);
            }
        }
    }

    /// The reading that a sum gives.
    fn reading(&mut self, sum: Sum, at: Instant) -> Reading {
        if sum.is_waiting && sum.cpu.is_ok() && sum.memory.is_ok() {
            // What it uses meanwhile is in the next reading, which then covers this time, too.
            return Reading::default();
        }
        let used = sum.cpu;
        if used.is_err() {
            self.was_absent = true;
        } else if std::mem::take(&mut self.was_absent) {
            // It is unknown what of the sum was used in which interval.
            self.account = CpuAccount::open();
        }
        let account = self.account;
        let cpu = used
            .and_then(|used| Ok(CpuReading { at, used, limit: self.cpu.limit.clone()?, account }));
        let mut others = Vec::new();
        if self.enforcement.numbers.contains(Number::Fullest) {
            // One that cannot be read may be the fullest.
            let all = sum.memory.as_ref().map_err(ReadError::clone);
            others.push((Number::Fullest, all.and_then(|_| Ok(Raw::Level(sum.fullest?)))));
        }
        self.together.sampled(&mut others);
        let memory = sum
            .memory
            .and_then(|used| Ok(MemoryReading { used, limit: self.memory.limit.clone()? }));
        Reading { cpu: Some(cpu), memory: Some(memory), others }
    }
}

impl Source for Pod {
    fn scope(&self) -> Scope {
        Scope::Pod
    }

    fn read(&mut self, instant: Instant) -> Reading {
        match self.look(instant) {
            Ok(()) => {
                self.say(instant);
                let sum = self.sum(instant);
                self.reading(sum, instant)
            }
            Err(error) => {
                self.was_absent = true;
                Reading::of(Some(Err(error.clone())), Some(Err(error)))
            }
        }
    }

    fn containers(&mut self) -> Vec<(Arc<str>, Reading)> {
        self.by_name.as_mut().map(ByName::take).unwrap_or_default()
    }

    fn running(&self) -> Vec<Arc<str>> {
        match self.by_name {
            Some(_) => self.neighbours.counted().filter_map(Neighbour::named).collect(),
            None => Vec::new(),
        }
    }

    fn explain(&mut self) -> Vec<Evidence> {
        evidence::of(self)
    }

    fn totals(&mut self) -> Totals {
        let of_each = ReadError::absent(others::NO_TOTALS);
        Totals { task: self.told.size(), ..Totals::none(&of_each) }
    }

    fn window_readings(&mut self) -> Vec<WindowReading> {
        // Counters count from the first time on, which is before the first reading.
        if !self.neighbours.has_looked() {
            // An error is that of the first reading, too.
            let _ = self.look(Instant::now());
        }
        let (all, by_name) = (&self.neighbours, self.by_name.is_some());
        let mut readings = self.enforcement.readings(all, by_name);
        readings.extend(self.together.window_readings(all, by_name));
        if self.enforcement.numbers.contains(Number::EphemeralStorage) {
            readings.push(WindowReading::of(Number::EphemeralStorage, self.told.storage()));
        }
        readings
    }

    fn prompt_readings(&mut self, wanted: Numbers) -> Vec<WindowReading> {
        let by_name = self.by_name.is_some();
        self.enforcement.prompt_readings(wanted, &self.neighbours, by_name)
    }
}

/// Whether the processes that are seen are those of the whole machine, and so of no pod.
pub fn is_of_whole_machine() -> bool {
    View::of_kernel().is_whole_machine()
}

/// How long a container may stay unseen before the log says so: others of the pod may start later.
const ALONE: Duration = Duration::from_secs(60);

/// What to set for a PID namespace that the containers of a pod share and nobody else.
const WHOLE_MACHINE: &str = "the PID namespace is the whole machine's, and not the pod's: set shareProcessNamespace instead of \
     hostPID in Kubernetes, pidMode task in an ECS task, or let the containers join the PID namespace of a third one in Docker (--pid container:PAUSE)";

#[cfg(test)]
mod tests;
