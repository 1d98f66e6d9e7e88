//! The life of a delivery: what comes, when it is sent, what is asked of it.

use std::future::pending;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use log::info;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::orders::{Flushed, Order, Served, Standing};
use super::{Delivery, outage};
use crate::logging::START;
use crate::model::{PublisherState, Summary};
use crate::publisher::{Failure, PublishError};

impl Delivery {
    /// Sends each summary that arrives, together with the backlog, until there will be no more;
    /// then sends what is left. After `stop` is cancelled it waits only for the publisher, not for
    /// the delay.
    pub async fn run(&mut self, mut summaries: Receiver<Rc<Summary>>, stop: &CancellationToken) {
        // At a stop the last send needs the same, and it is better to wait for what has begun than to begin
        // again. But not for long: the send knows why nothing answers.
        let is_late = async {
            stop.cancelled().await;
            sleep(REST_OF_PREPARATION).await;
        };
        tokio::select! {
            () = self.prepare() => {}
            () = is_late => {}
        }
        let mut due = None;
        loop {
            let wait = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            let reply = tokio::select! {
                biased;
                summary = summaries.recv() => match summary {
                    Some(summary) => {
                        self.add(summary);
                        // Stopping: the last window comes next, and one request can carry all of them.
                        let is_stopping = stop.is_cancelled();
                        due = due.or_else(|| (!is_stopping).then(|| Instant::now() + self.delay));
                        self.show();
                        continue;
                    }
                    None => break,
                },
                order = Served::next(&mut self.served) => match order {
                    Order::Flush(reply) => Some(reply),
                    Order::Limit(limit) => {
                        self.buffer = limit;
                        self.drop_overflow();
                        self.show();
                        continue;
                    }
                },
                () = stop.cancelled(), if due.is_some() => {
                    due = None;
                    continue;
                }
                () = wait => None,
            };
            due = None;
            let before = self.counts.delivered;
            self.send(stop).await;
            // At the end nothing is dropped: the flush below still tries to deliver all of it.
            if !stop.is_cancelled() {
                self.drop_overflow();
            }
            self.show();
            if let Some(reply) = reply {
                let failure = self.failure().map(ToString::to_string);
                let (accepted, waiting) = (self.counts.delivered - before, self.backlog.len());
                // Who asked may be gone.
                let _ = reply.send(Flushed { accepted, waiting, failure });
            }
        }
        self.publisher.ends(self.shutdown_timeout);
        // This is the last send, so it keeps all of its retries: it gets a token that is never
        // cancelled.
        self.send(&CancellationToken::new()).await;
        while self.may_still_be_accepted() {
            sleep(FLUSH_PAUSE).await;
            self.send(&CancellationToken::new()).await;
        }
    }

    /// Says whether it will be possible to publish, long before the first window ends.
    async fn prepare(&mut self) {
        let prepared = timeout(LONGEST_PREPARATION, self.publisher.prepare()).await;
        match prepared.unwrap_or_else(|_| Err(self.unprepared())) {
            Ok(None) => {}
            Ok(Some(place)) => info!(target: START, "credentials found; publishing to {place}"),
            Err(error) => {
                let what = format!("publishing to {} is not possible yet", self.publisher.name());
                outage::say(&what, &error);
                let (since, what) = ((self.wall_clock)(), error.what().to_owned());
                self.tell(PublisherState::Failing { since, what, advice: error.advice });
            }
        }
    }

    fn unprepared(&self) -> PublishError {
        let name = self.publisher.name();
        let why = format!("what {name} needs was not found within {LONGEST_PREPARATION:?}");
        PublishError::new(Failure::TryAgain, why)
    }

    /// Shows others how it stands.
    fn show(&self) {
        let Some(served) = &self.served else { return };
        let failing = self.outage.as_ref().map(|outage| {
            let elapsed = outage.since.elapsed();
            let since = (self.wall_clock)().checked_sub(elapsed).unwrap_or(SystemTime::UNIX_EPOCH);
            (since, outage.error.to_string())
        });
        served.tell(Standing {
            limit: self.buffer,
            waiting: self.backlog.len(),
            oldest: self.backlog.first().map(|window| window.summary.start),
            counts: self.counts,
            retries: self.retries.count(),
            failing,
            endpoint_clock: self.publisher.endpoint_clock(),
            primary: self.publisher.primary(),
        });
    }
}

/// A user who has just started it still looks. The first send, which has more time, tries again.
const LONGEST_PREPARATION: Duration = Duration::from_millis(3500);

/// Files and the environment are read in milliseconds.
const REST_OF_PREPARATION: Duration = Duration::from_millis(300);

/// Between the sends of the last flush, each of which has waits between its own attempts.
const FLUSH_PAUSE: Duration = Duration::from_millis(200);
