//! The single containers of the task, by the exact figures of the endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::account::Now;
use super::metadata::TaskMetadata;
use super::stats::Usage;
use crate::model::{
    Bytes, Cores, CpuAccount, CpuReading, Limit, MemoryReading, Origin, ReadError, Reading,
};
use crate::sorted::sort;

/// The containers that the user has put into the task, by the ids that their usage has.
#[derive(Debug, Default)]
pub struct Containers {
    known: BTreeMap<String, Known>,
    fresh: Vec<(String, Usage, Now)>,
}

#[derive(Debug)]
struct Known {
    name: Arc<str>,
    memory_limit: Option<Bytes>,
    account: CpuAccount,
    /// The time of its last usage.
    read: Option<SystemTime>,
}

/// The limits for the percentages of a container without limits of its own.
#[derive(Clone, Debug)]
pub struct Whole {
    pub cpu: Result<Limit<Cores>, ReadError>,
    pub memory: Result<Limit<Bytes>, ReadError>,
}

impl Containers {
    /// Adds the containers of the task that are new.
    pub fn know(&mut self, task: &TaskMetadata) {
        for (id, name, memory_limit) in task.named_containers() {
            let account = CpuAccount::open();
            let known = Known { name: name.into(), memory_limit, account, read: None };
            // A known container keeps its account, or its next CPU figure would have no predecessor.
            self.known.entry(id.to_owned()).or_insert(known);
        }
    }

    /// The name of the container that has an id.
    pub fn name(&self, id: &str) -> Option<&str> {
        self.known.get(id).map(|known| &*known.name)
    }

    /// The names of those that have these ids, in their order.
    pub fn names_of(&self, ids: &BTreeSet<String>) -> Vec<Arc<str>> {
        let known = ids.iter().filter_map(|id| self.known.get(id));
        let mut names: Vec<_> = known.map(|known| known.name.clone()).collect();
        sort(&mut names);
        names
    }

    /// The name of the only container.
    pub fn only(&self) -> Option<Arc<str>> {
        self.known.values().next().map(|known| known.name.clone())
    }

    /// Memory of the container that is nearest to its own limit, or else to that of the whole, in percent;
    /// nothing where none of them has statistics.
    pub fn fullest(
        &self,
        containers: &BTreeMap<String, Usage>,
        whole: &Result<Limit<Bytes>, ReadError>,
        address: &str,
    ) -> Option<Result<f64, ReadError>> {
        let percent = |(id, known): (&String, &Known)| {
            let usage = containers.get(id)?;
            let Some(used) = usage.memory else {
                let reason = format!("{address}/stats has no memory of container {}", known.name);
                return Some(Err(ReadError::unusable(reason)));
            };
            let own = known.memory_limit;
            let own = own.map(|amount| Limit { amount, origin: Origin::Endpoint(address.into()) });
            let limit = own.map_or_else(|| whole.clone(), Ok);
            Some(limit.and_then(|limit| MemoryReading { used, limit }.percent()))
        };
        let all: Result<Vec<_>, _> = self.known.iter().filter_map(percent).collect();
        all.map(|all| all.into_iter().reduce(f64::max)).transpose()
    }

    /// Adds the new statistics of known containers.
    pub fn add(&mut self, containers: &BTreeMap<String, Usage>, now: Now) {
        for (id, usage) in containers {
            let Some(known) = self.known.get_mut(id) else { continue };
            if known.read.replace(usage.read) != Some(usage.read) {
                self.fresh.push((id.clone(), usage.clone(), now));
            }
        }
    }

    /// Whether there are readings that `readings` has not returned yet.
    pub fn has_news(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// The readings since the last call. The CPU share that ECS gives a container is no limit: it may
    /// use what the others leave. Its memory limit is one. Where a container has no limit, the limit of
    /// the `whole` counts.
    pub fn readings(&mut self, whole: &Whole, address: &str) -> Vec<(Arc<str>, Reading)> {
        let fresh = std::mem::take(&mut self.fresh).into_iter();
        let reading = |(id, usage, now): (String, Usage, Now)| {
            let known = self.known.get(&id)?;
            let at = now.instant_of(usage.read);
            let own = known.memory_limit;
            let own =
                own.map(|amount| Ok(Limit { amount, origin: Origin::Endpoint(address.into()) }));
            let (account, limit) = (known.account, own.unwrap_or_else(|| whole.memory.clone()));
            let reading = Reading {
                cpu: usage
                    .cpu
                    .map(|used| Ok(CpuReading { at, used, limit: whole.cpu.clone()?, account })),
                memory: usage.memory.map(|used| Ok(MemoryReading { used, limit: limit? })),
                others: Vec::new(),
            };
            Some((known.name.clone(), reading))
        };
        fresh.filter_map(reading).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::source::task::tests::fixture;

    const WORKER: &str = "a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192";
    const METRICS: &str = "c7d8e9f00112233445566778899aabbccddeeff00112233445566778899aabbc";
    const PAUSE: &str = "1f0e9d8c7b6a5948372615049382716f5e4d3c2b1a09f8e7d6c5b4a392817060";

    fn containers() -> Containers {
        let task = TaskMetadata::parse(&fixture("task-ec2.json")).expect("the documented shape");
        let mut containers = Containers::default();
        containers.know(&task);
        containers
    }

    fn usage(now: Now, age: u64, cpu: u64) -> Usage {
        let read = now.wall_clock - Duration::from_secs(age);
        Usage { read, cpu: Some(Duration::from_secs(cpu)), memory: Some(Bytes(cpu << 20)) }
    }

    fn of(usages: &[(&str, &Usage)]) -> BTreeMap<String, Usage> {
        usages.iter().map(|(id, usage)| ((*id).to_owned(), (*usage).clone())).collect()
    }

    fn now() -> Now {
        let instant = Instant::now() + Duration::from_secs(1000);
        Now { instant, wall_clock: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000) }
    }

    fn whole() -> Whole {
        let cpu = Ok(Limit { amount: Cores(2.0), origin: Origin::Call("task") });
        let memory = Ok(Limit { amount: Bytes(1 << 30), origin: Origin::Call("task") });
        Whole { cpu, memory }
    }

    /// Name, age of the CPU time in seconds, CPU time in seconds, CPU limit, memory limit in MiB.
    fn brief(readings: Vec<(Arc<str>, Reading)>, now: Now) -> Vec<(String, u64, u64, f64, u64)> {
        let brief = |(name, reading): (Arc<str>, Reading)| {
            let (cpu, memory) = (reading.cpu?.ok()?, reading.memory?.ok()?);
            assert_eq!(memory.used.0 >> 20, cpu.used.as_secs(), "as `usage` makes them");
            let age = now.instant.duration_since(cpu.at).as_secs();
            let limits = (cpu.limit.amount.0, memory.limit.amount.0 >> 20);
            Some((name.to_string(), age, cpu.used.as_secs(), limits.0, limits.1))
        };
        readings.into_iter().map(|reading| brief(reading).expect("both parts")).collect()
    }

    #[test]
    fn each_is_told_by_its_name_in_percent_of_its_own_memory_and_of_the_tasks_cpu() {
        let (mut containers, now) = (containers(), now());
        let (worker, metrics) = (usage(now, 3, 40), usage(now, 2, 5));
        let usages = of(&[(WORKER, &worker), (METRICS, &metrics), (PAUSE, &metrics)]);
        containers.add(&usages, now);
        let readings = containers.readings(&whole(), "address");
        let expected = [("worker".into(), 3, 40, 2.0, 896), ("metrics".into(), 2, 5, 2.0, 64)];
        assert_eq!(brief(readings, now), expected, "and the platform's own is none of them");
        assert!(!containers.has_news());
    }

    #[test]
    fn what_is_not_new_is_not_told_again() {
        let (mut containers, now) = (containers(), now());
        let (old, new) = (usage(now, 3, 40), usage(now, 1, 41));
        for worker in [&old, &old, &new, &new] {
            containers.add(&of(&[(WORKER, worker)]), now);
        }
        let readings = brief(containers.readings(&whole(), "address"), now);
        let told: Vec<_> = readings.iter().map(|(_, age, cpu, ..)| (*age, *cpu)).collect();
        assert_eq!(told, [(3, 40), (1, 41)]);
        assert!(containers.readings(&whole(), "address").is_empty());
    }

    #[test]
    fn a_container_without_a_memory_limit_has_the_tasks() {
        let task =
            TaskMetadata::parse(&fixture("task-fargate.json")).expect("the documented shape");
        let (mut containers, now) = (Containers::default(), now());
        containers.know(&task);
        let app = usage(now, 10, 7);
        containers.add(&of(&[("5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-1740082371", &app)]), now);
        let readings = containers.readings(&whole(), "address");
        assert_eq!(brief(readings, now), [("app".into(), 10, 7, 2.0, 1024)]);
    }
    #[test]
    fn the_fullest_is_nearest_to_its_own_limit_or_to_that_of_the_task() {
        let (containers, now) = (containers(), now());
        let fullest = |worker: Option<u64>, metrics: Option<u64>, whole: &Whole| {
            let of = |mebibytes: Option<u64>| Usage {
                memory: mebibytes.map(|mebibytes| Bytes(mebibytes << 20)),
                ..usage(now, 1, 1)
            };
            let usages =
                self::of(&[(WORKER, &of(worker)), (METRICS, &of(metrics)), (PAUSE, &of(None))]);
            let fullest = containers.fullest(&usages, &whole.memory, "http://e/task");
            fullest.expect("they have statistics").map_err(|error| error.to_string())
        };
        // Of 896 and of 64 MiB.
        assert_eq!(fullest(Some(448), Some(16), &whole()), Ok(50.0));
        assert_eq!(fullest(Some(448), Some(48), &whole()), Ok(75.0));
        let lacking = "http://e/task/stats has no memory of container metrics";
        assert_eq!(
            fullest(Some(448), None, &whole()),
            Err(lacking.to_owned()),
            "it may be that one"
        );
        assert!(containers.fullest(&BTreeMap::new(), &whole().memory, "e").is_none());
        let task =
            TaskMetadata::parse(&fixture("task-fargate.json")).expect("the documented shape");
        let mut unlimited = Containers::default();
        unlimited.know(&task);
        let app = usage(now, 10, 256);
        let usages = of(&[("5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-1740082371", &app)]);
        let fullest = unlimited.fullest(&usages, &whole().memory, "e").map(Result::ok);
        assert_eq!(fullest, Some(Some(25.0)), "of the task's GiB");
    }
}
