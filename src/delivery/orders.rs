//! What may be asked of a delivery while it runs, and what it tells of itself.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use super::Counts;
use crate::clock::Exchange;
use crate::publisher::Primary;

/// What a delivery is to do.
pub enum Order {
    /// Send all that there is at once.
    Flush(oneshot::Sender<Flushed>),
    /// Keep so many windows from now on. The oldest that are more are dropped and counted.
    Limit(usize),
}

/// What came of a flush.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// The windows that were accepted.
    pub accepted: u64,
    /// Those that were not, and wait.
    pub waiting: usize,
    /// Why they were not.
    pub failure: Option<String>,
}

/// How a delivery stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many windows outlast a failed send.
    pub limit: usize,
    /// How many windows wait.
    pub waiting: usize,
    /// The start of the oldest of them.
    pub oldest: Option<SystemTime>,
    pub counts: Counts,
    pub retries: u64,
    /// Since when and why nothing is accepted.
    pub failing: Option<(SystemTime, String)>,
    /// What the newest answer told of the clock of the endpoint.
    pub endpoint_clock: Option<Exchange>,
    /// Which of its endpoints gets everything, where it has several.
    pub primary: Option<Primary>,
}

/// A delivery as others see it.
#[derive(Clone, Debug)]
pub struct Handle {
    pub publisher: &'static str,
    orders: mpsc::Sender<Order>,
    standing: Rc<RefCell<Standing>>,
}

/// The delivery's side of a handle.
#[derive(Debug)]
pub struct Served {
    orders: mpsc::Receiver<Order>,
    standing: Rc<RefCell<Standing>>,
}

/// Both sides of a delivery that keeps so many windows.
pub fn open(publisher: &'static str, limit: usize) -> (Handle, Served) {
    let (sender, orders) = mpsc::channel(DEPTH);
    let standing = Rc::new(RefCell::new(Standing { limit, ..Standing::default() }));
    let served = Served { orders, standing: standing.clone() };
    (Handle { publisher, orders: sender, standing }, served)
}

impl Handle {
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Has all be sent at once. The error says why that is not done.
    pub async fn flush(&self) -> Result<Flushed, &'static str> {
        let (reply, answer) = oneshot::channel();
        self.orders.try_send(Order::Flush(reply)).map_err(|error| not_taken(&error))?;
        answer.await.map_err(|_| STOPPING)
    }

    /// Sets how many windows are kept. It is so for the next window in any case.
    pub fn set_limit(&self, limit: usize) -> Result<(), &'static str> {
        self.orders.try_send(Order::Limit(limit)).map_err(|error| not_taken(&error))?;
        self.standing.borrow_mut().limit = limit;
        Ok(())
    }

    /// Sets how many windows are kept, also where many orders wait. A delivery that has ended keeps none.
    pub async fn bring_limit(&self, limit: usize) {
        self.standing.borrow_mut().limit = limit;
        let _ = self.orders.send(Order::Limit(limit)).await;
    }
}

fn not_taken(error: &TrySendError<Order>) -> &'static str {
    match error {
        TrySendError::Full(_) => BUSY,
        TrySendError::Closed(_) => STOPPING,
    }
}

impl Served {
    /// The next order. There may never be one.
    pub async fn next(served: &mut Option<Self>) -> Order {
        let next = match served {
            Some(served) => served.orders.recv().await,
            None => None,
        };
        match next {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }

    pub fn tell(&self, standing: Standing) {
        // What is about to be set is set for who asks.
        let limit = self.standing.borrow().limit;
        self.standing.replace(Standing { limit, ..standing });
    }
}

/// Orders that wait while a send is under way, which may take its whole timeout.
const DEPTH: usize = 8;

const BUSY: &str = "it is busy with as many requests as it can take";
pub const STOPPING: &str = "the agent is stopping";
