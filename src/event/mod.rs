//! Events: what has changed by itself or by a request, and what others report. The newest ones are kept, listed and
//! followed.

mod availability;
mod events;
mod follower;
pub mod journal;
mod text;

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Map, Value};

use self::availability::Availability;
pub use self::events::{Events, Gap, length};
pub use self::follower::{Followed, Follower};
use crate::clock::now_ms;
use crate::collector::Collector;
use crate::shown::shown;

/// What has happened at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Grows from event to event, also over a restart. 0 as long as it is not raised.
    pub id: u64,
    /// Milliseconds since 1970.
    pub time_ms: i64,
    pub severity: Severity,
    pub kind: Kind,
    pub check: Option<String>,
    pub alarm: Option<String>,
    pub threshold: Option<String>,
    /// What it is in since then, and what it was in before: of alarms, thresholds and checks.
    pub state: Option<String>,
    pub previous_state: Option<String>,
    pub message: String,
    /// Further facts, for programs.
    pub details: Map<String, Value>,
}

/// How much an event matters, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The state of an alarm has changed.
    Alarm,
    /// The state of a metric that a threshold is of has changed.
    Threshold,
    /// A check became unavailable, or is available again.
    Check,
    /// A request has changed something.
    Configuration,
    /// Nobody could be told of an alarm or a threshold.
    Notification,
    /// Somebody has sent it.
    Posted,
}

/// The events that others follow and raise.
pub type Shared = Rc<RefCell<Events>>;

/// Keeps the events of what is collected, and of all who raise some.
pub fn open(collector: &mut Collector) -> Shared {
    let events = Shared::default();
    collector.add_sink(Box::new(Availability::of(events.clone())));
    events
}

impl Event {
    /// One of now, which is not raised yet.
    pub fn of(kind: Kind, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            id: 0,
            time_ms: now_ms(),
            severity,
            kind,
            check: None,
            alarm: None,
            threshold: None,
            state: None,
            previous_state: None,
            message: message.into(),
            details: Map::new(),
        }
    }

    /// The alarm or threshold that it is of, to be read in the log.
    pub fn subject(&self) -> Option<String> {
        match (&self.alarm, &self.threshold) {
            (Some(alarm), _) => Some(format!("alarm {}", shown(alarm))),
            (None, Some(threshold)) => Some(format!("threshold {}", shown(threshold))),
            (None, None) => None,
        }
    }

    pub fn about(self, check: impl Into<String>) -> Self {
        Self { check: Some(check.into()), ..self }
    }
}

impl Severity {
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// As it is written in requests, answers and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Alarm,
        Self::Threshold,
        Self::Check,
        Self::Configuration,
        Self::Notification,
        Self::Posted,
    ];

    /// As it is written in answers and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Threshold => "threshold",
            Self::Check => "check",
            Self::Configuration => "configuration",
            Self::Notification => "notification",
            Self::Posted => "posted",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Bytes of the message of an event, and of its details as JSON. More is cut, or left out.
pub const MOST_TEXT: usize = 1000;
