//! What can be asked of the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::{Configured, Metric, Pushed, Report};
use crate::overlay::{Difference, Origin, Reloading};

/// A question or an order, with the way back for the answer. An order is carried out when it is answered.
pub enum Request {
    /// All checks, in the order of their ids.
    List(oneshot::Sender<Vec<Listed>>),
    /// What was changed beside the files: a check, or nothing where one of theirs was removed.
    Changes(oneshot::Sender<BTreeMap<String, Option<Rc<Configured>>>>),
    /// Other checks, all at once.
    Reload(Reload, Reply<Difference>),
    Add(Configured, Reply<()>),
    /// Removes a check, if it is as this expects.
    Remove(String, Expecting, Reply<()>),
    /// Other settings for a check. What they do not change goes on as it is: the phase, unless the period is
    /// another, and what a counter is compared with, unless type or details are.
    Change(String, Changing, Reply<()>),
    /// Opens a check anew in the same phase: what its counters were compared with is forgotten.
    Restart(String, Reply<()>),
    /// Runs a check at once, also one that is disabled; the report is the answer. If it is running, it runs
    /// again afterwards.
    RunNow(String, Reply<Rc<Report>>),
    /// Hands values to a check. The answer has of each the metric that it is of, or why it is not taken.
    Push(String, Rc<Vec<Pushed>>, Reply<Vec<Result<Rc<Metric>, String>>>),
}

/// Whether a check is as who asks believes. The error says why not; without one, it is removed at this instant.
pub type Expecting = Box<dyn FnOnce(&Configured) -> Result<(), Refused>>;

/// Makes other settings of those that a check has, while nobody else changes them; or says why not.
pub type Changing = Box<dyn FnOnce(&Configured) -> Result<Configured, Refused>>;

/// A change of all checks.
pub struct Reload {
    pub to: To,
    /// Is done at the same instant, where the change is not refused, with the ids of all checks.
    pub then: Box<dyn FnOnce(BTreeSet<String>)>,
}

/// Which checks there are to be.
pub enum To {
    /// Those of the files.
    Files { checks: Vec<Configured>, how: Reloading },
    /// Those that the files had before the last reload.
    Before,
}

/// The way back.
pub type Reply<T> = oneshot::Sender<Result<T, Refused>>;

/// A check and how it is.
#[derive(Clone, Debug)]
pub struct Listed {
    pub configured: Rc<Configured>,
    pub origin: Origin,
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
    /// It was changed since who asks has looked at it.
    Changed(String),
    /// What it would have is not valid.
    Invalid(Vec<String>),
    Disabled(String),
    /// It takes no values; of which type it is.
    TakesNothing(String, &'static str),
    /// So many orders to run this check wait already.
    Busy(String),
    /// There was no reload.
    NothingBefore,
    /// There are so many already.
    TooManyChecks(usize),
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
            Self::Changed(id) => write!(f, "check {id} was changed meanwhile: get it anew"),
            Self::Invalid(problems) => f.write_str(&problems.join("; ")),
            Self::Disabled(id) => write!(f, "check {id} is disabled: enable it first"),
            Self::TakesNothing(id, kind) => write!(
                f,
                "check {id} is of type {kind}, which takes no values: name one of type agent.push"
            ),
            Self::Busy(id) => {
                write!(f, "check {id} has as many orders to run waiting as it can take")
            }
            Self::NothingBefore => {
                f.write_str("there is nothing to go back to: the configuration was not reloaded")
            }
            Self::TooManyChecks(most) => {
                write!(f, "there are {most} checks, and more are not taken")
            }
            Self::TooManyMetrics { metrics, most } => write!(
                f,
                "the checks would publish {metrics} metrics, and {most} are allowed: raise --max-metrics"
            ),
        }
    }
}

impl std::error::Error for Refused {}
