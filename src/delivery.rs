//! Stands between the summaries and a publisher: backlog, another try each period, final flush.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use log::{Level, debug, error, info, log};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::model::Summary;
use crate::publisher::{Failure, PublishError, Publisher};

/// Owns a publisher and what it has not taken yet.
pub struct Delivery {
    publisher: Box<dyn Publisher>,
    /// Summaries that have not been taken, oldest first.
    backlog: Vec<Summary>,
    /// How many summaries outlast a failed send.
    buffer: usize,
    /// How long after the end of a window it is sent.
    delay: Duration,
    /// Tells how old a window is.
    wall_clock: WallClock,
    /// The failure since which nothing was taken.
    outage: Option<Outage>,
    /// How far the oldest summary has been sent, of which a datum is rejected.
    oldest: Progress,
    /// The data that were rejected since the last send in which none was.
    rejected: BTreeSet<String>,
    counts: Counts,
    /// Where somebody looks at how it goes.
    health: Option<watch::Sender<Option<Health>>>,
}

/// How it goes with a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub publisher: &'static str,
    pub state: State,
}

/// Whether what is sent is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was sent yet.
    Untried,
    Works,
    Failing {
        since: SystemTime,
        error: PublishError,
    },
}

/// Of the data of a summary that is sent in parts.
#[derive(Default)]
struct Progress {
    /// Taken or rejected.
    settled: usize,
    rejected: usize,
}

/// Tells the time of day.
pub type WallClock = Box<dyn Fn() -> SystemTime>;

/// What became of the summaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub delivered: u64,
    /// Not taken before the backlog was full.
    pub overflowed: u64,
    /// Older than the service takes.
    pub expired: u64,
    /// Refused for good by the service, with all of their data.
    pub rejected: u64,
    /// Single data that were refused for good.
    pub rejected_data: u64,
}

struct Outage {
    since: Instant,
    failures: u32,
    error: PublishError,
    overflowed: u64,
}

impl Delivery {
    pub fn new(
        publisher: Box<dyn Publisher>,
        buffer: usize,
        delay: Duration,
        wall_clock: WallClock,
    ) -> Self {
        Self {
            publisher,
            backlog: Vec::new(),
            buffer,
            delay,
            wall_clock,
            outage: None,
            oldest: Progress::default(),
            rejected: BTreeSet::new(),
            counts: Counts::default(),
            health: None,
        }
    }

    /// The same delivery, which tells from now on how it goes.
    pub fn telling(self, health: Option<watch::Sender<Option<Health>>>) -> Self {
        let delivery = Self { health, ..self };
        delivery.tell(State::Untried);
        delivery
    }

    /// Sends each summary that arrives, together with the backlog, until there will be no more;
    /// then sends what is left. When `stop` is cancelled it no longer waits for anything but
    /// the publisher.
    pub async fn run(&mut self, mut summaries: Receiver<Summary>, stop: &CancellationToken) {
        while let Some(summary) = summaries.recv().await {
            self.backlog.push(summary);
            if stop.run_until_cancelled(sleep(self.delay)).await.is_none() {
                // The last window is on its way, and one request takes them all.
                continue;
            }
            // What piled up while an earlier send was slow goes with this one.
            while let Ok(summary) = summaries.try_recv() {
                self.backlog.push(summary);
            }
            self.send(stop).await;
            if !stop.is_cancelled() {
                self.drop_overflow();
            }
        }
        // There is no later send that could have the retries of this one.
        self.send(&CancellationToken::new()).await;
        while self.may_still_be_taken() {
            sleep(FLUSH_PAUSE).await;
            self.send(&CancellationToken::new()).await;
        }
    }

    /// Whether what is left may be taken if it is only tried long enough: the network, the service or
    /// this machine fails, and nobody has to do anything about it. Whoever waits for the end sets the
    /// limit.
    fn may_still_be_taken(&self) -> bool {
        let passes = |outage: &Outage| {
            let kinds = [Failure::TryAgain, Failure::OutOfResources];
            kinds.contains(&outage.error.kind) && outage.error.advice.is_none()
        };
        !self.backlog.is_empty() && self.outage.as_ref().is_some_and(passes)
    }

    /// What became of the summaries so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What its publisher is chosen by.
    pub fn publisher(&self) -> &'static str {
        self.publisher.name()
    }

    /// How many attempts were made beside the first of each send.
    pub fn retries(&self) -> u64 {
        self.publisher.retries()
    }

    /// The failure since which nothing was taken.
    pub fn failure(&self) -> Option<&PublishError> {
        self.outage.as_ref().map(|outage| &outage.error)
    }

    /// Offers the backlog to the publisher, oldest first, until it is empty or a send fails.
    async fn send(&mut self, hurry: &CancellationToken) {
        self.drop_expired();
        let mut most = usize::MAX;
        while !self.backlog.is_empty() {
            let size = self.publisher.batch(&self.backlog).min(most);
            // What is settled of the oldest summary must not be sent again with the rest of it.
            let mut most_data = (size == 0 || self.oldest.settled > 0).then_some(usize::MAX);
            if most_data.is_none() {
                match self.publisher.publish(&self.backlog[..size], hurry).await {
                    Ok(()) => self.are_taken(size),
                    // The service refuses a request as a whole. Smaller and smaller ones find the
                    // datum that it refuses, and let the others through.
                    Err(error) if error.kind == Failure::Rejected && size > 1 => {
                        debug!("{size} windows were rejected together and are sent apart: {error}");
                        most = size / 2;
                    }
                    Err(error) if error.kind == Failure::Rejected => {
                        most_data = Some(self.publisher.data(&self.backlog[0]).len().div_ceil(2));
                    }
                    Err(error) => return self.fails(error, hurry),
                }
            }
            if let Some(most_data) = most_data {
                if let Err(error) = self.send_in_parts(most_data, hurry).await {
                    return self.fails(error, hurry);
                }
                most = usize::MAX;
            }
        }
    }

    /// Sends the data of the oldest summary, as many at once as are taken, `most` at first.
    async fn send_in_parts(
        &mut self,
        mut most: usize,
        hurry: &CancellationToken,
    ) -> Result<(), PublishError> {
        let data = self.publisher.data(&self.backlog[0]);
        while let Some(name) = data.get(self.oldest.settled) {
            let (oldest, from) = (&self.backlog[0], self.oldest.settled);
            let size = self.publisher.part(oldest, from).min(most);
            match self.publisher.publish_part(oldest, from..from + size, hurry).await {
                Ok(()) => {
                    self.oldest.settled += size;
                    most = size * 2;
                }
                Err(error) if error.kind == Failure::Rejected && size > 1 => most = size / 2,
                Err(error) if error.kind == Failure::Rejected => {
                    self.reject(name, &error);
                    self.oldest.settled += 1;
                }
                Err(error) => return Err(error),
            }
        }
        if self.oldest.rejected == 0 {
            self.are_taken(1);
            return Ok(());
        }
        match self.oldest.rejected == data.len() {
            true => self.counts.rejected += 1,
            false => self.counts.delivered += 1,
        }
        self.remove_oldest(1);
        self.outage_ends();
        Ok(())
    }

    /// Says so when a datum is rejected for the first time, and not again in each window.
    fn reject(&mut self, name: &str, error: &PublishError) {
        let level = if self.rejected.insert(name.to_owned()) { Level::Error } else { Level::Debug };
        let start = humantime::format_rfc3339_seconds(self.backlog[0].start);
        log!(level, "{name} of the window of {start} was rejected and is dropped: {error}");
        self.oldest.rejected += 1;
        self.counts.rejected_data += 1;
    }

    fn are_taken(&mut self, size: usize) {
        self.backlog[..size].iter().for_each(|summary| self.publisher.taken(summary));
        self.remove_oldest(size);
        self.counts.delivered += size as u64;
        if !std::mem::take(&mut self.rejected).is_empty() {
            let count = self.counts.rejected_data;
            info!("all metrics are taken again, after {count} were rejected in all");
        }
        self.outage_ends();
    }

    fn drop_expired(&mut self) {
        let Some(max_age) = self.publisher.max_age() else { return };
        let now = (self.wall_clock)();
        let is_expired =
            |summary: &Summary| now.duration_since(summary.start).is_ok_and(|age| age >= max_age);
        // Where the clock was set they need not be in the order of their times.
        let before = self.backlog.len();
        if self.backlog.first().is_some_and(is_expired) {
            self.oldest = Progress::default();
        }
        self.backlog.retain(|summary| !is_expired(summary));
        let expired = before - self.backlog.len();
        self.counts.expired += expired as u64;
        if expired > 0 {
            let days = max_age.as_secs() / 86_400;
            error!("windows dropped because none is taken that is {days} days old: {expired}");
        }
    }

    fn drop_overflow(&mut self) {
        let overflow = self.backlog.len().saturating_sub(self.buffer);
        self.remove_oldest(overflow);
        self.counts.overflowed += overflow as u64;
        if let (Some(outage), 1..) = (&mut self.outage, overflow) {
            if outage.overflowed == 0 {
                error!("the oldest windows are dropped from now on, windows kept: {}", self.buffer);
            }
            outage.overflowed += overflow as u64;
        }
    }

    fn remove_oldest(&mut self, count: usize) {
        self.backlog.drain(..count);
        if count > 0 {
            self.oldest = Progress::default();
        }
    }

    fn fails(&mut self, error: PublishError, hurry: &CancellationToken) {
        if !hurry.is_cancelled() {
            self.outage_goes_on(error);
        }
    }

    /// Says so when an outage starts or changes its kind, not each time that a send fails.
    fn outage_goes_on(&mut self, error: PublishError) {
        let kept = self.backlog.len().min(self.buffer);
        if self.outage.as_ref().is_none_or(|outage| outage.error.kind != error.kind) {
            // An error if somebody has to act, or if it is known what might help.
            let level = match error.kind {
                Failure::Misconfigured => Level::Error,
                _ if error.advice.is_some() => Level::Error,
                _ => Level::Warn,
            };
            log!(level, "publishing failed, windows kept: {kept}: {error}");
        }
        let outage = self.outage.get_or_insert_with(|| Outage {
            since: Instant::now(),
            failures: 0,
            error: error.clone(),
            overflowed: 0,
        });
        outage.failures += 1;
        outage.error = error.clone();
        let elapsed = outage.since.elapsed();
        let since = (self.wall_clock)().checked_sub(elapsed).unwrap_or(SystemTime::UNIX_EPOCH);
        self.tell(State::Failing { since, error });
    }

    fn tell(&self, state: State) {
        if let Some(health) = &self.health {
            health.send_replace(Some(Health { publisher: self.publisher.name(), state }));
        }
    }

    fn outage_ends(&mut self) {
        self.tell(State::Works);
        if let Some(Outage { since, failures, overflowed, .. }) = self.outage.take() {
            let elapsed = since.elapsed().as_secs();
            info!(
                "publishing works again after {failures} failed sends in {elapsed} s; {overflowed} windows were dropped"
            );
        }
    }
}

/// Between the sends of the last flush, each of which has waits between its own attempts.
const FLUSH_PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;
