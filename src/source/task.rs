//! The whole ECS task: all of its containers, in percent of the task's limits.
//!
//! A task of one container is that container's own control group with the task's limits. On
//! Fargate the machine is the task's alone, so its counters are joined with the exact figures of
//! the metadata endpoint (see [`fusion`]). On EC2 the exact figures are fresh enough by themselves.

mod account;
mod containers;
mod evidence;
mod fallback;
mod fusion;
pub mod metadata;
mod news;
pub mod others;
mod poll;
pub mod stats;
mod ticks;
mod totals;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use log::info;
use tokio::time::{Instant, timeout};

use self::account::{Account, Exact, Lacking};
use self::containers::{Containers, Whole};
use self::fallback::Fallback;
use self::fusion::Fusion;
use self::metadata::TaskMetadata;
use self::news::{News, NewsReceiver, channel};
use self::others::TaskNumbers;
use super::Source;
use super::container::Container;
use super::host::{Host, Used};
use crate::config::{Measuring, MemoryUse, Scope};
use crate::model::{
    CpuAccount, CpuReading, Evidence, Limit, Limits, MemoryReading, Numbers, Origin, ReadError,
    Reading, TaskSize, Totals, WindowReading,
};
use crate::sorted::set_of;
use crate::surroundings::ecs::{self, TaskEndpoint};

/// Reads the usage of a task, in the way that suits where it runs.
#[derive(Debug)]
pub struct Task {
    news: NewsReceiver,
    address: String,
    memory: MemoryUse,
    others: TaskNumbers,
    /// The last failure of the endpoint; `None` after its next answer.
    failure: Option<String>,
    way: Way,
    containers: Containers,
    /// Whether each container is read by itself, too.
    per_container: bool,
    /// The last reading of a task of one container, which is that container's reading, too.
    own: Option<Reading>,
    fallback: Fallback,
    /// What was ordered, as soon as it is told.
    size: Option<TaskSize>,
}

/// How the usage is found.
#[derive(Debug)]
enum Way {
    /// The endpoint has not yet told what the task is.
    Unknown,
    /// The only container's own control group.
    Own(Box<Container>),
    /// The machine's counters less the platform's overhead.
    Fused(ByEndpoint, Fusion),
    /// The exact figures as they come.
    Exact(ByEndpoint, Option<Exact>),
}

/// A task with several containers, whose figures come from the endpoint.
#[derive(Debug)]
struct ByEndpoint {
    machine: Box<Host>,
    limits: Limits,
    /// The ids of the containers that run.
    running: BTreeSet<String>,
    account: Account,
    cpu_account: CpuAccount,
}

/// How long the first sample waits for the endpoint to say what the task is. It answers in
/// milliseconds. After this, sampling starts, and a later answer is used when it comes.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// The reading between two answers of the endpoint.
const NOTHING_NEW: Reading = Reading::of(None, None);

impl Task {
    /// Starts to ask the endpoint, if there is one.
    pub async fn open(endpoint: Option<TaskEndpoint>, measuring: &Measuring) -> Self {
        let (sender, news) = channel();
        let others = TaskNumbers::of(measuring.metrics);
        let address = match endpoint {
            Some(endpoint) => {
                let address = endpoint.url("/task");
                let (memory, storage) = (measuring.memory, others.wants_storage());
                tokio::task::spawn_local(poll::run(endpoint, memory, storage, sender));
                address
            }
            None => {
                let error = ecs::no_endpoint("/task");
                poll::say_failure(&error);
                sender.send(News::Failed(error.to_string()));
                ecs::no_url("/task")
            }
        };
        let mut task = Self {
            news,
            address,
            memory: measuring.memory,
            others,
            failure: None,
            way: Way::Unknown,
            containers: Containers::default(),
            per_container: measuring.per_container,
            own: None,
            fallback: Fallback::new(measuring.scope == Scope::Auto),
            size: None,
        };
        // Without this wait, the first sample would have neither CPU nor memory. If there is no answer
        // in time, later samples have them.
        let _ = timeout(FIRST_ANSWER, task.news.wait()).await;
        task.take_news();
        task
    }

    fn take_news(&mut self) {
        for news in self.news.take() {
            self.take(news);
        }
    }

    fn take(&mut self, news: News) {
        self.failure = None;
        match news {
            News::Failed(text) => self.failure = Some(text),
            News::Task(task) => {
                self.containers.know(&task);
                self.size = Some(task.size());
                self.go(&task);
            }
            News::Storage(storage) => self.others.know_storage(storage),
            News::Usage(usage, now) => {
                if self.per_container {
                    self.containers.add(&usage, now);
                }
                if let Way::Fused(told, _) | Way::Exact(told, _) = &mut self.way {
                    let limit = || told.whole().memory;
                    self.others.know_usage(&usage, &self.containers, limit, &self.address);
                }
                match &mut self.way {
                    Way::Fused(told, fusion) => {
                        if let Some(exact) = told.account.add(usage, &told.running, now) {
                            fusion.exact(&exact);
                        }
                    }
                    Way::Exact(told, fresh) => {
                        let exact = told.account.add(usage, &told.running, now);
                        // The sum is then over other containers. A new account keeps the sampler from
                        // taking the difference between the two sums for usage.
                        if exact.is_some() && told.account.has_other_containers() {
                            told.cpu_account = CpuAccount::open();
                        }
                        // Polling may be faster than sampling: an answer without news must not replace
                        // one that no sample has used yet.
                        *fresh = exact.or(fresh.take());
                    }
                    Way::Unknown | Way::Own(_) => {}
                }
            }
        }
    }

    /// Chooses the way for a task. If the way stays the same, its counters stay, too; only the limits and
    /// the running containers change.
    fn go(&mut self, task: &TaskMetadata) {
        let limits = limits_of(task, &self.address);
        let running = set_of(task.running().map(str::to_owned));
        let numbers = self.others.of_machine();
        let told = |limits, running, numbers| ByEndpoint {
            machine: Box::new(Host::open().reporting(numbers)),
            limits,
            running,
            account: Account::default(),
            cpu_account: CpuAccount::open(),
        };
        // The way may change while a task starts: the endpoint lists only containers that exist already.
        match (&mut self.way, task.containers() == 1, task.has_own_machine()) {
            (Way::Fused(told, _), false, true) | (Way::Exact(told, _), false, false) => {
                (told.limits, told.running) = (limits, running);
            }
            (_, true, _) => {
                info!("the task has one container: reading its control group");
                let container = open_container(self.memory, self.others.of_container());
                self.way = Way::Own(Box::new(container.within(limits)));
            }
            (_, false, true) => {
                info!("the task is on Fargate: reading the machine, minus the platform's overhead");
                self.way = Way::Fused(told(limits, running, numbers), Fusion::default());
            }
            (_, false, false) => {
                info!("the task is on an instance: adding up its containers from the endpoint");
                self.way = Way::Exact(told(limits, running, Numbers::of(&[])), None);
            }
        }
        if let Way::Exact(..) = self.way {
            self.others.know_network(task);
        }
    }

    /// The task's reading, if there are new figures. `used` reads the usage of the machine.
    fn read_task(&mut self, instant: Instant, used: impl FnOnce(&mut Host) -> Used) -> Reading {
        let fused = match &mut self.way {
            Way::Fused(told, fusion) => {
                let used = used(&mut told.machine);
                Some(told.fuse(fusion, used, instant))
            }
            _ => None,
        };
        // After the machine was read: fusion looks for machine readings on both sides of the instant
        // that the endpoint's figures are of.
        self.take_news();
        match (&mut self.way, fused) {
            (_, Some(reading)) => reading,
            (Way::Own(container), None) => {
                let reading = container.read(instant);
                self.others.know_only(&reading);
                self.own = self.per_container.then(|| reading.clone());
                reading
            }
            (Way::Exact(told, fresh), None) => match fresh.take() {
                Some(exact) => told.reading(&exact, &self.containers, &self.address),
                None => NOTHING_NEW,
            },
            (Way::Unknown | Way::Fused(..), None) => NOTHING_NEW,
        }
    }
}

fn open_container(memory: MemoryUse, metrics: Numbers) -> Container {
    Container::open(Path::new("/"), memory).reporting(metrics)
}

fn limits_of(task: &TaskMetadata, address: &str) -> Limits {
    Limits {
        cpu: task
            .cpu_limit()
            .map(|amount| Limit { amount, origin: Origin::Endpoint(address.into()) }),
        memory: task
            .memory_limit()
            .map(|amount| Limit { amount, origin: Origin::Endpoint(address.into()) }),
    }
}

impl Source for Task {
    fn scope(&self) -> Scope {
        Scope::Task
    }

    fn read(&mut self, instant: Instant) -> Reading {
        let mut reading = self.read_task(instant, Host::used);
        self.others.add(&mut reading.others);
        let (memory, metrics) = (self.memory, self.others.of_container());
        let container = || open_container(memory, metrics);
        self.fallback.complete(reading, instant, self.failure.as_deref(), container)
    }

    fn containers(&mut self) -> Vec<(Arc<str>, Reading)> {
        let containers = &mut self.containers;
        match &mut self.way {
            Way::Own(_) => containers.only().zip(self.own.take()).into_iter().collect(),
            Way::Fused(told, _) | Way::Exact(told, _) if containers.has_news() => {
                containers.readings(&told.whole(), &self.address)
            }
            _ => Vec::new(),
        }
    }

    fn running(&self) -> Vec<Arc<str>> {
        match &self.way {
            _ if !self.per_container => Vec::new(),
            Way::Own(_) => self.containers.only().into_iter().collect(),
            Way::Fused(told, _) | Way::Exact(told, _) => self.containers.names_of(&told.running),
            Way::Unknown => Vec::new(),
        }
    }

    fn explain(&mut self) -> Vec<Evidence> {
        match &mut self.way {
            Way::Own(container) => container.explain(),
            Way::Fused(told, fusion) => {
                let failure = self.failure.as_deref();
                evidence::less_overhead(told.machine.explain(), fusion, &self.address, failure)
            }
            Way::Exact(told, _) if self.failure.is_none() => match told.account.latest() {
                none if none.is_empty() => {
                    let none = format!("{}/stats has no data of any container", self.address);
                    evidence::failed(&none).into()
                }
                latest => {
                    evidence::of_containers(&latest, &self.containers, &self.address, self.memory)
                }
            },
            Way::Exact(..) | Way::Unknown => {
                self.failure.iter().flat_map(|why| evidence::failed(why)).collect()
            }
        }
    }

    fn totals(&mut self) -> Totals {
        totals::of(self)
    }

    fn window_readings(&mut self) -> Vec<WindowReading> {
        if let Some(readings) = self.fallback.window_readings() {
            return readings;
        }
        let (mut readings, given) = match &mut self.way {
            Way::Own(container) => (container.window_readings(), self.others.of_container()),
            Way::Fused(told, _) => (told.machine.window_readings(), self.others.of_machine()),
            Way::Exact(..) | Way::Unknown => (Vec::new(), Numbers::of(&[])),
        };
        let (is_known, failure) = (!matches!(self.way, Way::Unknown), self.failure.as_deref());
        readings.extend(self.others.window_readings(given, is_known, failure, &self.address));
        readings
    }

    fn prompt_readings(&mut self, wanted: Numbers) -> Vec<WindowReading> {
        match (self.fallback.prompt_readings(wanted), &mut self.way) {
            (Some(readings), _) => readings,
            (None, Way::Own(container)) => container.prompt_readings(wanted),
            (None, Way::Fused(..) | Way::Exact(..) | Way::Unknown) => Vec::new(),
        }
    }
}

impl ByEndpoint {
    /// The task by the machine's counters: each part whose overhead is known.
    fn fuse(&mut self, fusion: &mut Fusion, machine: Used, at: Instant) -> Reading {
        let account = self.cpu_account;
        let cpu = machine.cpu.and_then(|used| {
            let limit = self.limits.cpu.clone().map_or_else(|| self.machine.cores(), Ok)?;
            let used = fusion.cpu.machine(at, used, limit.amount);
            Ok(used.map(|(at, used)| CpuReading { at, used, limit, account }))
        });
        let memory = machine.memory.map(|memory| {
            let limit = self.limits.memory.clone().unwrap_or(memory.limit);
            fusion.memory.machine(at, memory.used).map(|used| MemoryReading { used, limit })
        });
        let others = self.machine.others();
        Reading { cpu: cpu.transpose(), memory: memory.transpose(), others }
    }

    /// The task by its exact figures.
    fn reading(&mut self, exact: &Exact, containers: &Containers, address: &str) -> Reading {
        let Whole { cpu, memory } = self.whole();
        let lacks = |Lacking(id): &Lacking, what: &str, hint: &str| {
            let name = containers.name(id).unwrap_or(id);
            ReadError::unusable(format!("{address}/stats has no {what} of container {name}{hint}"))
        };
        let used = exact.cpu.as_ref().map_err(|lacking| lacks(lacking, "CPU time", ""));
        let in_use =
            exact.memory.as_ref().map_err(|lacking| lacks(lacking, "memory", NO_CONTROLLER));
        let account = self.cpu_account;
        let cpu = used
            .and_then(|used| Ok(CpuReading { at: exact.at, used: *used, limit: cpu?, account }));
        let memory = in_use.and_then(|used| Ok(MemoryReading { used: *used, limit: memory? }));
        Reading::of(Some(cpu), Some(memory))
    }

    /// The task's limits; where it has none, the machine's size.
    fn whole(&mut self) -> Whole {
        let (cpu, memory) = (self.limits.cpu.clone(), self.limits.memory.clone());
        Whole {
            cpu: cpu.map_or_else(|| self.machine.cores(), Ok),
            memory: memory.map_or_else(|| self.machine.memory(), Ok),
        }
    }
}

/// Advice where a container has CPU and no memory: kernels for the Raspberry Pi have the memory
/// controller off by default.
const NO_CONTROLLER: &str =
    "; if the kernel's memory controller is off, boot it with cgroup_enable=memory";

#[cfg(test)]
mod tests;
