//! Adds up the containers of a task.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::stats::Usage;
use crate::model::Bytes;
use crate::sorted::{map_of, set_of};

/// The usage of the whole task, from the first statistics on.
#[derive(Debug, Default)]
pub struct Account {
    /// The last statistics of each container, also of those that have none now.
    last: Option<BTreeMap<String, Usage>>,
    /// The containers in the last statistics, which may be fewer.
    present: BTreeSet<String>,
    /// Whether the statistics before them were of other containers.
    has_changed: bool,
    used: Duration,
}

/// The usage of the whole task at the instant that its containers were read.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    pub at: Instant,
    /// CPU time since the first statistics.
    pub cpu: Result<Duration, Lacking>,
    pub memory: Result<Bytes, Lacking>,
    /// Whether the containers are the same as in the figures before, none of them restarted. What a
    /// container used before it was restarted, or while it had no statistics, is unknown.
    pub is_comparable: bool,
}

/// The id of a container whose figures are lacking, without which there is no sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking(pub String);

impl Account {
    /// Whether the last statistics have other containers than the ones before. It is unknown over which
    /// time a container that came or went used its CPU.
    pub fn has_other_containers(&self) -> bool {
        self.has_changed
    }

    /// The last statistics of each container that has some now.
    pub fn latest(&self) -> BTreeMap<String, Usage> {
        let last = self.last.clone().unwrap_or_default();
        map_of(last.into_iter().filter(|(id, _)| self.present.contains(id)))
    }

    /// Adds statistics that the endpoint gave `now`. `None` if they were added before, or if no
    /// container has any. `running` are the containers that are known to run: if one of them had
    /// figures and has none now, its memory is unknown, while a container that has stopped uses none.
    pub fn add(
        &mut self,
        mut containers: BTreeMap<String, Usage>,
        running: &BTreeSet<String>,
        now: Now,
    ) -> Option<Exact> {
        let read = containers.values().map(|usage| usage.read).max()?;
        let at = now.instant_of(read);
        let present = set_of(containers.keys().cloned());
        let memory = sum(&containers);
        let lacking = containers.iter().find(|(_, usage)| usage.cpu.is_none());
        let lacking = lacking.map(|(id, _)| Lacking(id.clone()));
        let cpu = |used| lacking.clone().map_or(Ok(used), Err);
        let Some(last) = &mut self.last else {
            self.present = present;
            let exact = Exact { at, cpu: cpu(self.used), memory, is_comparable: true };
            self.last = Some(containers);
            return Some(exact);
        };
        let is_known = |(id, usage): (&String, &Usage)| {
            last.get(id).is_some_and(|last| last.read == usage.read)
        };
        if containers.iter().all(is_known) {
            // On Fargate the statistics change every ten seconds, so most answers repeat them.
            return None;
        }
        let goes_on = |(id, usage): (&String, &Usage)| {
            let goes_on = |last: &Usage| last.cpu.is_some() && last.cpu <= usage.cpu;
            self.present.contains(id) && last.get(id).is_some_and(goes_on)
        };
        let is_comparable =
            containers.len() == self.present.len() && containers.iter().all(goes_on);
        for (id, usage) in &mut containers {
            let before = last.get(id).map(|last| last.cpu);
            match (before, usage.cpu) {
                // A container that is new since the last statistics has used all of its CPU time since.
                (None, Some(cpu)) => self.used += cpu,
                (Some(Some(before)), Some(cpu)) => self.used += used_since(before, cpu),
                // Keeps the old counter, so that the next one is compared with it.
                (Some(before), None) => usage.cpu = before,
                // A first counter, of a container that was there before: how much of it is from before
                // the first statistics is unknown.
                (Some(None), Some(_)) | (None, None) => {}
            }
        }
        let silent =
            running.iter().find(|id| last.contains_key(*id) && !containers.contains_key(*id));
        let memory = silent.map_or(memory, |id| Err(Lacking(id.clone())));
        let exact = Exact { at, cpu: cpu(self.used), memory, is_comparable };
        self.has_changed = present != self.present;
        self.present = present;
        // Not replaced: a container without statistics now may have some later, and its counter is then
        // compared with the one kept here.
        last.extend(containers);
        Some(exact)
    }
}

/// What a container used between two figures. A counter that went back belongs to a restarted
/// container, which has used all of it since. But a counter that went back by next to nothing was read
/// while the kernel added it up.
fn used_since(before: Duration, now: Duration) -> Duration {
    match now.checked_sub(before) {
        Some(used) => used,
        None if before - now <= before / LATE_PART => Duration::ZERO,
        None => now,
    }
}

/// The part of itself that a counter may go back by without being restarted.
const LATE_PART: u32 = 100;

/// One instant on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub instant: Instant,
    pub wall_clock: SystemTime,
}

impl Now {
    /// The instant of a time on the wall clock that has passed. Statistics carry wall-clock times;
    /// a clock that is set must not bend an interval.
    pub fn instant_of(self, time: SystemTime) -> Instant {
        let age = self.wall_clock.duration_since(time).unwrap_or_default();
        self.instant.checked_sub(age).unwrap_or(self.instant)
    }
}

fn sum(containers: &BTreeMap<String, Usage>) -> Result<Bytes, Lacking> {
    containers.iter().try_fold(Bytes(0), |sum, (id, usage)| match usage.memory {
        Some(memory) => Ok(Bytes(sum.0.saturating_add(memory.0))),
        None => Err(Lacking(id.clone())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of the endpoint, got at the instant at which they are of.
    struct Answers {
        account: Account,
        start: Instant,
    }

    /// Name, CPU seconds and memory of each container.
    type Containers<'a> = &'a [(&'a str, f64, u64)];

    impl Answers {
        fn new() -> Self {
            Self {
                account: Account::default(),
                start: Instant::now() + Duration::from_secs(86_400),
            }
        }

        fn add(&mut self, second: u64, containers: Containers) -> Option<Exact> {
            let containers = containers.iter().map(|(id, cpu, memory)| {
                let (cpu, memory) = (Duration::from_secs_f64(*cpu), Bytes(*memory));
                let (cpu, memory) = (Some(cpu), Some(memory));
                ((*id).to_owned(), Usage { read: time(second), cpu, memory })
            });
            let now = Now { instant: self.instant(second), wall_clock: time(second) };
            self.account.add(containers.collect(), &BTreeSet::new(), now)
        }

        fn instant(&self, second: u64) -> Instant {
            self.start + Duration::from_secs(second)
        }

        fn exact(&self, second: u64, cpu: f64, memory: u64) -> Option<Exact> {
            let (at, cpu) = (self.instant(second), Duration::from_secs_f64(cpu));
            Some(Exact { at, cpu: Ok(cpu), memory: Ok(Bytes(memory)), is_comparable: true })
        }

        /// After a change of the containers.
        fn exact_of_others(&self, second: u64, cpu: f64, memory: u64) -> Option<Exact> {
            self.exact(second, cpu, memory).map(|exact| Exact { is_comparable: false, ..exact })
        }
    }

    fn time(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_000_000 + second)
    }

    #[test]
    fn containers_add_up_from_the_first_statistics_on() {
        let mut answers = Answers::new();
        let first = answers.add(10, &[("a", 100.0, 300), ("b", 7.5, 40)]);
        assert_eq!(first, answers.exact(10, 0.0, 340));
        let second = answers.add(20, &[("a", 104.0, 310), ("b", 8.0, 35)]);
        assert_eq!(second, answers.exact(20, 4.5, 345));
        let third = answers.add(30, &[("a", 104.0, 310), ("b", 8.25, 35)]);
        assert_eq!(third, answers.exact(30, 4.75, 345));
    }

    #[test]
    fn an_unchanged_read_is_no_news_and_nothing_is_counted_twice() {
        let mut answers = Answers::new();
        answers.add(10, &[("a", 100.0, 300)]);
        assert_eq!(answers.add(10, &[("a", 100.0, 300)]), None);
        let next = answers.add(20, &[("a", 101.0, 300)]);
        assert_eq!(next, answers.exact(20, 1.0, 300));
        assert_eq!(answers.add(20, &[("a", 101.0, 300)]), None);
        assert_eq!(answers.add(20, &[("a", 101.0, 300)]), None);
        let next = answers.add(30, &[("a", 103.0, 300)]);
        assert_eq!(next, answers.exact(30, 3.0, 300));
    }

    #[test]
    fn no_statistics_at_all_are_no_news_before_and_after_the_first() {
        let mut answers = Answers::new();
        assert_eq!(answers.add(10, &[]), None);
        let first = answers.add(20, &[("a", 100.0, 300)]);
        assert_eq!(first, answers.exact(20, 0.0, 300));
        assert_eq!(answers.add(30, &[]), None);
        let next = answers.add(40, &[("a", 102.0, 310)]);
        assert_eq!(next, answers.exact(40, 2.0, 310));
    }

    #[test]
    fn a_counter_that_went_back_is_that_of_a_new_start() {
        let mut answers = Answers::new();
        answers.add(10, &[("a", 5000.0, 300), ("b", 10.0, 50)]);
        let next = answers.add(20, &[("a", 0.5, 200), ("b", 11.0, 50)]);
        assert_eq!(next, answers.exact_of_others(20, 1.5, 250));
        let next = answers.add(30, &[("a", 2.5, 210), ("b", 12.0, 50)]);
        assert_eq!(next, answers.exact(30, 4.5, 260));
    }

    #[test]
    fn a_container_that_is_new_has_used_all_of_its_time_since() {
        let mut answers = Answers::new();
        answers.add(10, &[("a", 100.0, 300)]);
        let next = answers.add(20, &[("a", 101.0, 300), ("b", 0.25, 60)]);
        assert_eq!(next, answers.exact_of_others(20, 1.25, 360));
        let next = answers.add(30, &[("a", 102.0, 300), ("b", 0.75, 70)]);
        assert_eq!(next, answers.exact(30, 2.75, 370));
    }

    #[test]
    fn a_container_that_comes_back_counts_from_where_it_was_last_seen() {
        let mut answers = Answers::new();
        answers.add(10, &[("a", 100.0, 300), ("b", 400.0, 60)]);
        let without = answers.add(20, &[("a", 101.0, 300)]);
        assert_eq!(without, answers.exact_of_others(20, 1.0, 300));
        let again = answers.add(30, &[("a", 102.0, 300), ("b", 400.5, 60)]);
        assert_eq!(again, answers.exact_of_others(30, 2.5, 360));
    }

    #[test]
    fn a_container_that_is_gone_has_no_part_in_memory_and_keeps_its_part_in_time() {
        let mut answers = Answers::new();
        answers.add(10, &[("a", 100.0, 300), ("b", 400.0, 60)]);
        answers.add(20, &[("a", 101.0, 300), ("b", 403.0, 60)]);
        let next = answers.add(30, &[("a", 102.0, 310)]);
        assert_eq!(next, answers.exact_of_others(30, 5.0, 310));
    }

    /// Statistics of two containers, of which `b` has only these figures.
    fn with_figures_of_b(
        second: u64,
        a: u64,
        b: (Option<u64>, Option<u64>),
    ) -> [(String, Usage); 2] {
        let usage = |cpu: Option<u64>, memory: Option<u64>| {
            let cpu = cpu.map(Duration::from_secs);
            Usage { read: time(second), cpu, memory: memory.map(Bytes) }
        };
        [("a".to_owned(), usage(Some(a), Some(300))), ("b".to_owned(), usage(b.0, b.1))]
    }

    #[test]
    fn what_a_container_lacks_is_lacking_in_that_sum_alone() {
        let mut answers = Answers::new();
        let mut add = |second, a, b| {
            let now = Now { instant: answers.instant(second), wall_clock: time(second) };
            let exact =
                answers.account.add(with_figures_of_b(second, a, b).into(), &BTreeSet::new(), now);
            exact.map(|exact| (exact.cpu, exact.memory))
        };
        let lacks = || Lacking("b".to_owned());
        let cpu = |seconds| Ok(Duration::from_secs(seconds));
        assert_eq!(add(10, 100, (Some(50), None)), Some((cpu(0), Err(lacks()))));
        assert_eq!(add(20, 104, (Some(51), None)), Some((cpu(5), Err(lacks()))));
        assert_eq!(add(30, 105, (None, Some(40))), Some((Err(lacks()), Ok(Bytes(340)))));
        // What it used meanwhile is not lost.
        assert_eq!(add(40, 106, (Some(54), Some(40))), Some((cpu(10), Ok(Bytes(340)))));
    }

    #[test]
    fn memory_of_a_container_that_runs_and_has_no_figures_is_unknown_and_not_0() {
        let mut answers = Answers::new();
        let usage = |second, cpu: u64| {
            let (cpu, memory) = (Some(Duration::from_secs(cpu)), Some(Bytes(300)));
            Usage { read: time(second), cpu, memory }
        };
        let running: BTreeSet<_> = ["a", "b", "c"].map(str::to_owned).into();
        let mut add = |second, ids: &[&str], running: &BTreeSet<String>| {
            let now = Now { instant: answers.instant(second), wall_clock: time(second) };
            let containers = ids.iter().map(|id| ((*id).to_owned(), usage(second, second)));
            answers.account.add(containers.collect(), running, now).map(|exact| exact.memory)
        };
        // One that never had figures is about to start.
        assert_eq!(add(10, &["a", "b"], &running), Some(Ok(Bytes(600))));
        assert_eq!(add(20, &["a"], &running), Some(Err(Lacking("b".to_owned()))));
        assert_eq!(add(30, &["a", "b"], &running), Some(Ok(Bytes(600))));
        let without_b = ["a", "c"].map(str::to_owned).into();
        assert_eq!(add(40, &["a"], &without_b), Some(Ok(Bytes(300))), "it has stopped");
    }

    #[test]
    fn cpu_that_a_container_had_used_before_it_had_figures_is_not_of_now() {
        let mut answers = Answers::new();
        let mut add = |second, b| {
            let now = Now { instant: answers.instant(second), wall_clock: time(second) };
            let exact = answers.account.add(
                with_figures_of_b(second, 100, (b, Some(1))).into(),
                &BTreeSet::new(),
                now,
            );
            exact.map(|exact| exact.cpu)
        };
        assert_eq!(add(10, None), Some(Err(Lacking("b".to_owned()))));
        assert_eq!(add(20, Some(9000)), Some(Ok(Duration::ZERO)));
        assert_eq!(add(30, Some(9001)), Some(Ok(Duration::from_secs(1))));
    }

    #[test]
    fn a_counter_that_went_back_by_next_to_nothing_was_not_restarted() {
        let mut answers = Answers::new();
        answers.add(10, &[("a", 5000.0, 300)]);
        let next = answers.add(20, &[("a", 4999.5, 300)]);
        assert_eq!(next, answers.exact_of_others(20, 0.0, 300));
        let next = answers.add(30, &[("a", 5001.5, 300)]);
        assert_eq!(next, answers.exact(30, 2.0, 300));
    }

    #[test]
    fn the_instant_is_that_of_the_newest_statistics_as_old_as_they_are() {
        let mut account = Account::default();
        let (cpu, memory) = (Some(Duration::ZERO), Some(Bytes(1)));
        let usage = |second| Usage { read: time(second), cpu, memory };
        let containers = [("a".to_owned(), usage(101)), ("b".to_owned(), usage(102))];
        let instant = Instant::now() + Duration::from_secs(86_400);
        let now = Now { instant, wall_clock: time(110) };
        let exact =
            account.add(containers.into(), &BTreeSet::new(), now).expect("these are the first");
        assert_eq!(exact.at, instant - Duration::from_secs(8));
    }

    #[test]
    fn statistics_from_the_future_are_of_now() {
        let now = Now { instant: Instant::now(), wall_clock: time(0) };
        assert_eq!(now.instant_of(time(3)), now.instant);
    }
}
