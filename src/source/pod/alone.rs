//! Whether there is another container.

use log::{info, warn};
use tokio::time::Instant;

use super::ALONE;

/// Says when no other container is seen for long. A sidecar is often the first to start, so at first
/// that is nothing to speak of.
#[derive(Debug, Default)]
pub struct Alone {
    since: Option<Instant>,
    is_said: bool,
}

impl Alone {
    pub fn watch(&mut self, others: usize, first: Option<&str>, at: Instant) {
        if others > 0 {
            if std::mem::take(&mut self.is_said) {
                info!("another container is visible");
            }
            self.since = None;
            return;
        }
        let since = *self.since.get_or_insert(at);
        if !self.is_said && at.duration_since(since) >= ALONE {
            self.is_said = true;
            let first = first.map(|why| format!(" ({why})")).unwrap_or_default();
            warn!("no other container is visible for 60 s{first}: {CURE}");
        }
    }

    pub fn is_alone(&self) -> bool {
        self.since.is_some()
    }
}

/// What makes the processes of the other containers visible.
pub const CURE: &str = "set shareProcessNamespace: true in Kubernetes, pidMode task in an ECS task, or \
                        --pid container:NAME of Docker; only this container is measured until then";
