//! The whole ECS task: all of its containers, in percent of the task's limits.
//!
//! A task of one container is that container's own control group with the task's limits. On
//! Fargate the machine is the task's alone, so its counters are joined with the exact figures of
//! the metadata endpoint (see [`fusion`]). On EC2 the exact figures are fresh enough by themselves.

mod account;
mod containers;
mod evidence;
mod fusion;
pub mod metadata;
mod news;
mod poll;
pub mod stats;
mod ticks;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use log::info;
use tokio::time::{Instant, timeout};

use self::account::{Account, Exact};
use self::containers::{Containers, Whole};
use self::fusion::{Fusion, Machine};
use self::metadata::Task as Metadata;
use self::news::{News, Receiver, channel};
use super::Source;
use super::container::Container;
use super::host::Host;
use crate::ecs::Endpoint;
use crate::model::{Bytes, Cores, CpuReading, Events, Evidence, Limit, MemoryReading, Reading};
use crate::settings::{MemoryUse, Metrics, Settings};

/// Reads the usage of a task, in the way that suits where it runs.
#[derive(Debug)]
pub struct Task {
    news: Receiver,
    address: String,
    memory: MemoryUse,
    metrics: Metrics,
    /// The last failure of the endpoint, while that is all there is.
    failure: Option<String>,
    way: Way,
    containers: Containers,
    /// Whether each container is read by itself, too.
    per_container: bool,
    /// What a task of one container was last read as, which is that container as well.
    own: Option<Reading>,
}

/// How the usage is found.
#[derive(Debug)]
enum Way {
    /// The endpoint has not yet told what the task is.
    Unknown,
    /// The only container's own control group.
    Own(Box<Container>),
    /// The machine's counters less the platform's overhead.
    Fused { machine: Box<Host>, fusion: Fusion, account: Account, limits: Limits },
    /// The exact figures as they come.
    Exact { account: Account, limits: Limits, machine: Box<Host>, fresh: Option<Exact> },
}

/// The task's limits, as far as it has any.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub cpu: Option<Limit<Cores>>,
    pub memory: Option<Limit<Bytes>>,
}

/// How long the first sample waits for the endpoint to tell what the task is. It answers in
/// milliseconds; after this, sampling starts, and what it tells later is taken up then.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// Between two answers of the endpoint.
const NOTHING_NEW: Reading = Reading { cpu: None, memory: None };

impl Task {
    /// Starts to ask the endpoint.
    pub async fn open(endpoint: Endpoint, settings: &Settings) -> Self {
        let (sender, news) = channel();
        let address = endpoint.url("/task");
        tokio::spawn(poll::run(endpoint, settings.memory, sender));
        let mut task = Self {
            news,
            address,
            memory: settings.memory,
            metrics: settings.metrics,
            failure: None,
            way: Way::Unknown,
            containers: Containers::default(),
            per_container: settings.per_container,
            own: None,
        };
        // Without it the first sample is without any part.
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
                self.way = choose(&task, &self.address, self.memory, self.metrics);
            }
            News::Usage(usage, now) => {
                if self.per_container {
                    self.containers.add(&usage, now);
                }
                match &mut self.way {
                    Way::Fused { fusion, account, .. } => {
                        if let Some(exact) = account.add(usage, now) {
                            fusion.exact(exact);
                        }
                    }
                    Way::Exact { account, fresh, .. } => {
                        *fresh = account.add(usage, now).or(*fresh);
                    }
                    Way::Unknown | Way::Own(_) => {}
                }
            }
        }
    }
}

/// The way for this task, which is said.
fn choose(task: &Metadata, address: &str, memory: MemoryUse, metrics: Metrics) -> Way {
    let limits = Limits {
        cpu: task.cpu_limit().map(|amount| Limit { amount, origin: address.into() }),
        memory: task.memory_limit().map(|amount| Limit { amount, origin: address.into() }),
    };
    let machine = || Box::new(Host::open());
    if task.containers() == 1 {
        info!("the task has one container, so its own control group tells its usage");
        let container = Container::open(Path::new("/"), memory).with_events(metrics);
        return Way::Own(Box::new(container.within(limits)));
    }
    let account = Account::default();
    if task.has_own_machine() {
        info!("the task is on Fargate: the machine's counters less the platform's overhead");
        return Way::Fused { machine: machine(), fusion: Fusion::default(), account, limits };
    }
    info!("the task is on an instance: its usage is that of its containers, by the endpoint");
    Way::Exact { account, limits, machine: machine(), fresh: None }
}

impl Source for Task {
    fn read(&mut self, instant: Instant) -> Reading {
        let fused = match &mut self.way {
            Way::Fused { machine, fusion, limits, .. } => {
                Some(fuse(machine, fusion, limits, instant))
            }
            _ => None,
        };
        // What the endpoint tells is of instants before this reading of the machine.
        self.take_news();
        match (&mut self.way, fused) {
            (_, Some(reading)) => reading,
            (Way::Own(container), None) => {
                let reading = container.read(instant);
                self.own = self.per_container.then(|| reading.clone());
                reading
            }
            (Way::Exact { limits, machine, fresh, .. }, None) => match fresh.take() {
                Some(exact) => told(exact, limits, machine.read(instant)),
                None => NOTHING_NEW,
            },
            (Way::Unknown | Way::Fused { .. }, None) => NOTHING_NEW,
        }
    }

    fn containers(&mut self) -> Vec<(Arc<str>, Reading)> {
        let containers = &mut self.containers;
        match &mut self.way {
            Way::Own(_) => containers.only().zip(self.own.take()).into_iter().collect(),
            Way::Fused { machine, limits, .. } | Way::Exact { machine, limits, .. }
                if containers.has_news() =>
            {
                let whole = limits.or_of(machine.read(Instant::now()));
                containers.readings(&whole, &self.address)
            }
            _ => Vec::new(),
        }
    }

    fn explain(&mut self) -> Vec<Evidence> {
        match &mut self.way {
            Way::Own(container) => container.explain(),
            Way::Fused { machine, fusion, .. } => {
                let failure = self.failure.as_deref();
                evidence::less_overhead(machine.explain(), fusion, &self.address, failure)
            }
            Way::Exact { account, .. } if self.failure.is_none() => {
                let latest = account.latest();
                evidence::of_containers(&latest, &self.containers, &self.address, self.memory)
            }
            Way::Exact { .. } | Way::Unknown => {
                self.failure.iter().flat_map(|why| evidence::failed(why)).collect()
            }
        }
    }

    fn events(&mut self) -> Events {
        match &mut self.way {
            Way::Own(container) => container.events(),
            Way::Fused { .. } | Way::Exact { .. } | Way::Unknown => Events::default(),
        }
    }
}

/// The task by the machine's counters, each part as far as its overhead is known.
fn fuse(machine: &mut Host, fusion: &mut Fusion, limits: &Limits, at: Instant) -> Reading {
    let (cpu, memory) = match machine.read(at) {
        Reading { cpu: Some(Ok(cpu)), memory: Some(Ok(memory)) } => (cpu, memory),
        incomplete => return incomplete,
    };
    let cpu_limit = limits.cpu.clone().unwrap_or(cpu.limit);
    let machine = Machine { at, cpu: cpu.used, memory: memory.used };
    let (used, in_use) = fusion.machine(machine, cpu_limit.amount);
    let memory_limit = limits.memory.clone().unwrap_or(memory.limit);
    Reading {
        cpu: used.map(|(at, used)| Ok(CpuReading { at, used, limit: cpu_limit })),
        memory: in_use.map(|used| Ok(MemoryReading { used, limit: memory_limit })),
    }
}

impl Limits {
    /// What there is no limit of is in percent of the machine.
    fn or_of(&self, machine: Reading) -> Whole {
        let cpu = self.cpu.clone().map(Ok);
        let memory = self.memory.clone().map(Ok);
        Whole {
            cpu: cpu.or(machine.cpu.map(|cpu| cpu.map(|cpu| cpu.limit))),
            memory: memory.or(machine.memory.map(|memory| memory.map(|memory| memory.limit))),
        }
    }
}

/// The task by its exact figures.
fn told(exact: Exact, limits: &Limits, machine: Reading) -> Reading {
    let Whole { cpu, memory } = limits.or_of(machine);
    Reading {
        cpu: cpu.map(|limit| Ok(CpuReading { at: exact.at, used: exact.cpu, limit: limit? })),
        memory: memory.map(|limit| Ok(MemoryReading { used: exact.memory, limit: limit? })),
    }
}

#[cfg(test)]
mod tests;
