//! What can be asked of the registry.

use std::fmt;
use std::rc::Rc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::{Configured, Report};

/// A question or an order, with the way back for the answer. An order is carried out when it is answered.
#[cfg_attr(not(test), expect(dead_code, reason = "the API only lists the checks so far"))]
pub enum Request {
    /// All checks, in the order of their ids.
    List(oneshot::Sender<Vec<Listed>>),
    Add(Configured, Reply<()>),
    Remove(String, Reply<()>),
    Enable(String, Reply<()>),
    Disable(String, Reply<()>),
    /// Other settings for the check of the same id. What they do not change goes on as it is: the phase,
    /// unless the period is another, and what a counter is compared with, unless type or details are.
    Reconfigure(Configured, Reply<()>),
    /// Runs a check at once, also one that is disabled; the report is the answer. If it is running, it runs
    /// again afterwards.
    RunNow(String, Reply<Rc<Report>>),
}

/// The way back.
pub type Reply<T> = oneshot::Sender<Result<T, Refused>>;

/// A check and how it is.
#[derive(Clone, Debug)]
pub struct Listed {
    pub configured: Rc<Configured>,
    /// When it runs next; never while it is disabled.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests look at it so far"))]
    pub next: Option<Instant>,
    /// The result of its last run.
    pub last: Option<Rc<Report>>,
}

/// Why an order was not carried out. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    NotFound(String),
    Exists(String),
    /// So many orders to run this check wait already.
    Busy(String),
    /// The published metrics of all checks would be more than are allowed.
    TooManyMetrics {
        metrics: usize,
        most: usize,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(id) => write!(f, "check {id} not found"),
            Self::Exists(id) => write!(f, "there is a check {id} already"),
            Self::Busy(id) => {
                write!(f, "check {id} has as many orders to run waiting as it can take")
            }
            Self::TooManyMetrics { metrics, most } => write!(
                f,
                "the checks would publish {metrics} metrics, and {most} are allowed: raise --max-metrics"
            ),
        }
    }
}

impl std::error::Error for Refused {}
