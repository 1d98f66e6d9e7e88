//! The way of requests to the registry.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::request::{Refused, Reply, Request};

/// Where requests are handed in.
#[derive(Clone, Debug)]
pub struct Requests(mpsc::Sender<Request>);

/// Why there is no answer. What was asked for is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    TooMany,
    Stopping,
    NotStarted,
    /// Only of an order that takes a while.
    StillRunning,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    Refused(Refused),
    Unanswered(Unanswered),
}

impl Requests {
    /// The way, and its end, which is for the registry.
    pub fn open() -> (Self, mpsc::Receiver<Request>) {
        let (sender, receiver) = mpsc::channel(DEPTH);
        (Self(sender), receiver)
    }

    /// Asks, and waits for the answer.
    pub async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, Unanswered> {
        self.ask_within(LONGEST_ANSWER, Unanswered::NotStarted, request).await
    }

    /// Has an order carried out.
    pub async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Request) -> Result<T, Undone> {
        self.ask(order).await.map_err(Undone::Unanswered)?.map_err(Undone::Refused)
    }

    /// The same of a run of a check, when the checks have been started: what takes longer waits for another run.
    pub async fn order_within<T>(
        &self,
        longest: Duration,
        order: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, Undone> {
        let answer = self.ask_within(longest, Unanswered::StillRunning, order).await;
        answer.map_err(Undone::Unanswered)?.map_err(Undone::Refused)
    }

    async fn ask_within<T>(
        &self,
        longest: Duration,
        late: Unanswered,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(request(reply)).map_err(|error| match error {
            TrySendError::Full(_) => Unanswered::TooMany,
            TrySendError::Closed(_) => Unanswered::Stopping,
        })?;
        match timeout(longest, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Unanswered::Stopping),
            Err(_) => Err(late),
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many requests wait for the checks",
            Self::Stopping => "the agent is stopping",
            Self::NotStarted => "the checks have not been started yet",
            Self::StillRunning => {
                "an earlier run of the check, which may take longer, has not ended yet"
            }
        })
    }
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => why.fmt(f),
            Self::Unanswered(why) => why.fmt(f),
        }
    }
}

/// How many requests may wait for the registry, which answers each at once. More are refused.
const DEPTH: usize = 16;

/// The registry answers at once, unless it waits for the first whole window of `--once`.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);
