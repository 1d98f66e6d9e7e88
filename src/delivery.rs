//! Stands between the summaries and a publisher: backlog, another try each period, final flush.

use std::time::Duration;

use log::{Level, error, info, log, warn};
use tokio::sync::mpsc::Receiver;
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
    /// The failure since which nothing was taken.
    outage: Option<Outage>,
    counts: Counts,
}

/// What became of the summaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub delivered: u64,
    /// Not taken before the backlog was full.
    pub overflowed: u64,
    /// Refused for good by the service.
    pub rejected: u64,
}

struct Outage {
    since: Instant,
    failures: u32,
    error: PublishError,
    overflowed: u64,
}

impl Delivery {
    pub fn new(publisher: Box<dyn Publisher>, buffer: usize, delay: Duration) -> Self {
        let counts = Counts::default();
        Self { publisher, backlog: Vec::new(), buffer, delay, outage: None, counts }
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
    }

    /// What became of the summaries so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The failure since which nothing was taken.
    pub fn failure(&self) -> Option<&PublishError> {
        self.outage.as_ref().map(|outage| &outage.error)
    }

    /// Offers the backlog to the publisher, oldest first, until it is empty or a send fails.
    async fn send(&mut self, hurry: &CancellationToken) {
        let limit = self.publisher.batch_limit();
        let mut size = limit;
        while !self.backlog.is_empty() {
            size = size.min(self.backlog.len());
            let batch = &self.backlog[..size];
            match self.publisher.publish(batch, hurry).await {
                Ok(()) => {
                    self.backlog.drain(..size);
                    self.counts.delivered += size as u64;
                    self.outage_ends();
                }
                // The service refuses a request as a whole. Smaller and smaller ones find the
                // summary that it refuses, and let the others through.
                Err(error) if error.kind == Failure::Rejected && size > 1 => {
                    warn!("{size} windows were rejected together and are sent apart: {error}");
                    size /= 2;
                }
                Err(error) if error.kind == Failure::Rejected => {
                    let start = humantime::format_rfc3339_seconds(self.backlog.remove(0).start);
                    self.counts.rejected += 1;
                    error!("the window of {start} was rejected and is dropped: {error}");
                    size = limit;
                }
                Err(error) => {
                    if !hurry.is_cancelled() {
                        self.outage_goes_on(error);
                    }
                    return;
                }
            }
        }
    }

    fn drop_overflow(&mut self) {
        let overflow = self.backlog.len().saturating_sub(self.buffer);
        self.backlog.drain(..overflow);
        self.counts.overflowed += overflow as u64;
        if let (Some(outage), 1..) = (&mut self.outage, overflow) {
            if outage.overflowed == 0 {
                error!("the oldest windows are dropped from now on, windows kept: {}", self.buffer);
            }
            outage.overflowed += overflow as u64;
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
        outage.error = error;
    }

    fn outage_ends(&mut self) {
        if let Some(Outage { since, failures, overflowed, .. }) = self.outage.take() {
            let elapsed = since.elapsed().as_secs();
            info!(
                "publishing works again after {failures} failed sends in {elapsed} s; {overflowed} windows were dropped"
            );
        }
    }
}

#[cfg(test)]
mod tests;
