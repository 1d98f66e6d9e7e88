//! What is configured of notifications: where they go, which states go where, and when there are none. All of it is
//! pure: what sends them is in `notify`.

mod kind;
mod suppression;

use std::collections::BTreeMap;

pub use self::kind::{EXEC, NotificationType, TABLE, WEBHOOK};
pub use self::suppression::{Of, Suppression};
use crate::alarm::state::State;
use crate::model::Details;

/// All that is configured, valid by itself. What is named may still be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configured {
    pub notifications: Vec<Notification>,
    pub plans: Vec<Plan>,
    pub suppressions: Vec<Suppression>,
}

/// A place where somebody is told of changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    pub id: String,
    /// Its name for people; the id where none is given.
    pub label: String,
    pub kind: &'static NotificationType,
    pub details: Details,
    /// Names and values of the user's own, which mean nothing here.
    pub metadata: BTreeMap<String, String>,
}

/// Which notifications are sent when an alarm changes to a state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub id: String,
    /// Its name for people; the id where none is given.
    pub label: String,
    /// Ids of notifications.
    pub ok: Vec<String>,
    pub warning: Vec<String>,
    pub critical: Vec<String>,
    /// Names and values of the user's own, which mean nothing here.
    pub metadata: BTreeMap<String, String>,
}

impl Configured {
    pub fn is_empty(&self) -> bool {
        self.notifications.is_empty() && self.plans.is_empty() && self.suppressions.is_empty()
    }
}

impl Plan {
    /// The notifications of a state.
    pub fn of(&self, state: State) -> &[String] {
        match state {
            State::Ok => &self.ok,
            State::Warning => &self.warning,
            State::Critical => &self.critical,
        }
    }

    /// Whether it names a notification.
    pub fn names(&self, notification: &str) -> bool {
        State::ALL.iter().any(|state| self.of(*state).iter().any(|id| id == notification))
    }
}

/// The plan of alarms that name none.
pub const DEFAULT_PLAN: &str = "default";

/// How files of another agent name the plan that each account has. Where there is no such plan here, it is
/// [`DEFAULT_PLAN`].
pub const ACCOUNT_PLAN: &str = "npTechnicalContactsEmail";

/// More of one sort are refused.
pub const MOST: usize = 100;
