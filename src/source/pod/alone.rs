//! Whether there is another container.

use log::warn;
use tokio::sync::watch::{self, Sender};
use tokio::time::Instant;

use super::ALONE;
use crate::model::Company;

/// Tells which other containers there are, and says when none is seen for long. A sidecar is often the
/// first to start, so at first that is nothing to speak of.
#[derive(Debug)]
pub struct Alone {
    company: Sender<Company>,
    since: Option<Instant>,
    is_said: bool,
}

impl Default for Alone {
    fn default() -> Self {
        Self::telling(watch::channel(Company::default()).0)
    }
}

impl Alone {
    pub fn telling(company: Sender<Company>) -> Self {
        Self { company, since: None, is_said: false }
    }

    pub fn watch(&mut self, others: usize) {
        self.company.send_if_modified(|company| {
            let now = match (others, *company) {
                (0, Company::Awaited) => Company::Awaited,
                (0, _) => Company::Gone,
                _ => Company::Present,
            };
            std::mem::replace(company, now) != now
        });
    }

    /// Says after a while that none was seen. `first` is why the first process's container is none.
    pub fn say(&mut self, first: Option<&str>, at: Instant) {
        let since = *self.since.get_or_insert(at);
        if !self.is_said && self.is_alone() && at.duration_since(since) >= ALONE {
            self.is_said = true;
            let first = first.map(|why| format!(" ({why})")).unwrap_or_default();
            warn!("no other container is visible{first}: {CURE}");
        }
    }

    /// Whether no other container was ever seen.
    pub fn is_alone(&self) -> bool {
        *self.company.borrow() == Company::Awaited
    }
}

/// What makes the processes of the other containers visible.
pub const CURE: &str = "only this one is measured; set shareProcessNamespace: true in Kubernetes, \
                        pidMode task in an ECS task, or let the containers join the PID namespace of a third one in Docker (--pid container:PAUSE)";
