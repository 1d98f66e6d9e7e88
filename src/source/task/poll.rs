//! Asks the task metadata endpoint, beside the sampling.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

use log::{error, info};
use tokio::time::{Instant, sleep};

use super::account::Now;
use super::metadata::TaskMetadata;
use super::news::{News, NewsSender};
use super::stats;
use crate::config::MemoryUse;
use crate::sorted::set_of;
use crate::source::LIMITS_GOOD_FOR;
use crate::surroundings::ecs::TaskEndpoint;

/// Asks what the task is until that is known for good, and for its usage until the receiver is
/// dropped.
pub async fn run(endpoint: TaskEndpoint, memory: MemoryUse, storage: bool, news: NewsSender) {
    let clock = StatisticsClock::default();
    let mut poll = Poll {
        endpoint,
        memory,
        storage,
        news,
        known: None,
        told: BTreeSet::new(),
        has_changed: false,
        task_read: None,
        clock,
    };
    let mut failing = false;
    while !poll.news.is_closed() {
        let failure = poll.ask().await.err();
        match &failure {
            Some(error) if !failing => say_failure(error),
            None if failing => info!("the task metadata endpoint works again"),
            _ => {}
        }
        failing = failure.is_some();
        if let Some(error) = failure {
            poll.news.send(News::Failed(error.to_string()));
        }
        // The usage of a single container comes from its control group, so there is nothing to poll.
        if poll.is_complete() && poll.is_single() && !poll.storage {
            return;
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Logs why there is no answer.
pub fn say_failure(error: &io::Error) {
    error!("the task metadata endpoint fails: {error}");
}

/// The endpoint, and what is known from it.
struct Poll {
    endpoint: TaskEndpoint,
    memory: MemoryUse,
    /// Whether the use of its disk is wanted, which comes with what the task is.
    storage: bool,
    news: NewsSender,
    known: Option<TaskMetadata>,
    /// The ids of the containers in the last figures.
    told: BTreeSet<String>,
    /// Whether these containers have changed since the task was asked for.
    has_changed: bool,
    /// When the task was last asked for.
    task_read: Option<Instant>,
    clock: StatisticsClock,
}

impl Poll {
    /// Asks for what is needed and passes it on. If one request fails, the other is made all the same.
    async fn ask(&mut self) -> io::Result<()> {
        let task = if self.needs_task() { self.ask_for_task().await } else { Ok(()) };
        let usage = match &self.known {
            Some(_) if !self.is_single() => self.ask_for_usage().await,
            _ => Ok(()),
        };
        task.and(usage)
    }

    /// Whether the task is incomplete, or may have changed: when a container stops, its memory limit no
    /// longer counts.
    fn needs_task(&mut self) -> bool {
        let may_change = self.known.as_ref().is_some_and(TaskMetadata::is_limited_by_containers);
        let may_change = may_change || self.storage;
        let is_old = self.task_read.is_none_or(|read| read.elapsed() >= LIMITS_GOOD_FOR);
        let needs = may_change && is_old || self.has_changed || !self.is_complete();
        if needs {
            (self.task_read, self.has_changed) = (Some(Instant::now()), false);
        }
        needs
    }

    async fn ask_for_task(&mut self) -> io::Result<()> {
        let mut task = self.endpoint.get("/task", TaskMetadata::parse).await?;
        let storage = task.take_storage();
        if self.storage {
            self.news.send(News::Storage(storage));
        }
        // Only a change is sent: the same task again would log its way again and open another container.
        if self.known.as_ref() != Some(&task) {
            self.news.send(News::Task(self.known.insert(task).clone()));
        }
        Ok(())
    }

    async fn ask_for_usage(&mut self) -> io::Result<()> {
        let parse = |body: &[u8]| {
            let now = Now { instant: Instant::now(), wall_clock: SystemTime::now() };
            stats::parse(body, self.memory).map(|usage| (usage, now))
        };
        let (usage, now) = self.endpoint.get("/task/stats", parse).await?;
        let told = set_of(usage.keys().cloned());
        // A container without figures may run or have stopped: only the task's answer says which.
        let before = std::mem::replace(&mut self.told, told);
        // The first statistics have nothing to differ from.
        self.has_changed |= !before.is_empty() && before != self.told;
        let newest = usage.values().map(|usage| usage.read).max();
        if newest.is_none_or(|read| self.clock.dates(read, now)) {
            self.news.send(News::Usage(usage, now));
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.known.as_ref().is_some_and(TaskMetadata::is_complete)
    }

    fn is_single(&self) -> bool {
        self.known.as_ref().is_some_and(|task| task.containers() == 1)
    }
}

/// Decides whether the time stamp of statistics can be trusted. It cannot if they were read before
/// the wall clock was set.
#[derive(Debug, Default)]
pub struct StatisticsClock {
    last: Option<Now>,
    /// What the wall clock would have shown, had it not been set, when the last step was noticed.
    unset: Option<SystemTime>,
}

impl StatisticsClock {
    /// Whether `read` is a time of the wall clock as it is `now`, and not of before it was set.
    pub fn dates(&mut self, read: SystemTime, now: Now) -> bool {
        if let Some(last) = self.last.replace(now) {
            let expected = last.wall_clock + now.instant.duration_since(last.instant);
            // The monotonic clock shows how far the wall clock should have come. A difference in either
            // direction is a step.
            let step = now.wall_clock.duration_since(expected).unwrap_or_else(|e| e.duration());
            if step > MOST_CLOCK_STEP {
                self.unset = Some(expected);
            }
        }
        let age = self.unset.and_then(|unset| unset.duration_since(read).ok());
        age.is_none_or(|age| age > OLDEST_STATISTICS)
    }
}

/// On EC2 the endpoint has new figures each second, on Fargate every ten. It allows some forty
/// requests a second to all of a task together, so this is far from its throttle.
const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// A clock that was set by more than this between two answers makes statistics from before look
/// older or younger than they are. Less bends the ten seconds between two of them by half a percent.
const MOST_CLOCK_STEP: Duration = Duration::from_millis(50);

/// Statistics are ten to twenty seconds old at most. A time further back than this is of a clock that
/// was set back.
const OLDEST_STATISTICS: Duration = Duration::from_secs(60);
