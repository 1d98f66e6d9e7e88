//! Sends and writes at once what else would wait for its time.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Control;
use crate::clock::{Exchange, Shift};
use crate::config::Settings;
use crate::delivery::orders::{self, Handle, STOPPING, Served};
use crate::store::keep::Writes;

/// The ways to those who hold what is not sent yet.
pub struct Ways {
    pub deliveries: Vec<Handle>,
    /// How many windows each of them keeps where nothing else was asked for.
    pub first_limit: usize,
    /// How far the times of windows are moved.
    pub shift: Shift,
    windows: mpsc::Sender<oneshot::Sender<()>>,
    history: Option<Writes>,
}

/// Their other ends.
pub struct Ends {
    pub deliveries: Vec<Served>,
    /// Who sends here has the open window closed, and is told when it is.
    pub windows: mpsc::Receiver<oneshot::Sender<()>>,
}

/// What came of a flush for one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: &'static str,
    /// What was done, or why it was not.
    pub result: Result<String, String>,
}

/// The name of the history among the parts.
pub const HISTORY: &str = "history";

impl Ways {
    pub fn open(settings: &Settings, shift: Shift, history: Option<Writes>) -> (Self, Ends) {
        let (windows, closings) = mpsc::channel(DEPTH);
        let publishing = &settings.publishing;
        let both =
            publishing.publishers.iter().map(|of| orders::open(of.name(), publishing.buffer));
        let (deliveries, served) = both.unzip();
        let first_limit = publishing.buffer;
        (
            Self { deliveries, first_limit, shift, windows, history },
            Ends { deliveries: served, windows: closings },
        )
    }

    /// The names of the parts.
    pub fn names(&self) -> Vec<&'static str> {
        let publishers = self.deliveries.iter().map(|of| of.publisher);
        publishers.chain(self.history.as_ref().map(|_| HISTORY)).collect()
    }

    /// What the newest answer of an endpoint told of its clock, where one is known.
    pub fn endpoint_clock(&self) -> Option<Exchange> {
        self.deliveries.iter().find_map(|delivery| delivery.standing().endpoint_clock)
    }

    async fn close_windows(&self) -> Result<(), String> {
        let (reply, closed) = oneshot::channel();
        self.windows.try_send(reply).map_err(|error| not_taken(&error).to_owned())?;
        match timeout(LONGEST, closed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(STOPPING.to_owned()),
            Err(_) => Err("measuring has not begun".to_owned()),
        }
    }
}

impl Control {
    /// Closes the open window, publishes all that there is, and writes the history: the parts of these names, or
    /// all of them without any. The answer has each part.
    pub async fn flush(&self, names: &[&str]) -> Result<Vec<Part>, String> {
        let ways = &self.ways;
        // What waits is limited by a number of windows: parts of one would push out whole ones of an outage.
        let is_failing = ways.deliveries.iter().any(|of| of.standing().failing.is_some());
        if names != [HISTORY] && !is_failing {
            ways.close_windows().await?;
        }
        let wanted = |name: &str| names.is_empty() || names.contains(&name);
        let deliveries = ways.deliveries.iter().filter(|of| wanted(of.publisher)).map(publish);
        let history = ways.history.as_ref().filter(|_| wanted(HISTORY)).map(write);
        let (mut parts, written) =
            tokio::join!(join_all(deliveries), join_all(history.into_iter()));
        parts.extend(written);
        Ok(parts)
    }
}

async fn publish(delivery: &Handle) -> Part {
    let result = match timeout(LONGEST, delivery.flush()).await {
        Ok(Ok(flushed)) if flushed.waiting == 0 => {
            Ok(format!("{} windows were accepted", flushed.accepted))
        }
        Ok(Ok(flushed)) => {
            let why = flushed.failure.unwrap_or_else(|| STOPPING.to_owned());
            Err(format!("{} windows wait: {why}", flushed.waiting))
        }
        Ok(Err(why)) => Err(why.to_owned()),
        Err(_) => Err(format!("it has not answered within {LONGEST:?}; what waits is kept")),
    };
    Part { name: delivery.publisher, result }
}

async fn write(history: &Writes) -> Part {
    let (reply, written) = oneshot::channel();
    let result = match history.try_send(reply) {
        Err(error) => Err(not_taken(&error).to_owned()),
        Ok(()) => match timeout(LONGEST, written).await {
            Ok(Ok(Ok(()))) => Ok("it is written".to_owned()),
            Ok(Ok(Err(why))) => Err(why),
            Ok(Err(_)) => Err(STOPPING.to_owned()),
            Err(_) => Err(format!("its disk has not answered within {LONGEST:?}")),
        },
    };
    Part { name: HISTORY, result }
}

fn not_taken<T>(error: &TrySendError<T>) -> &'static str {
    match error {
        TrySendError::Full(_) => "too many flushes are under way",
        TrySendError::Closed(_) => STOPPING,
    }
}

/// Flushes at once. More are of a client that runs wild.
const DEPTH: usize = 4;

/// A send that is retried takes no longer.
const LONGEST: Duration = Duration::from_secs(20);
