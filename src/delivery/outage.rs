//! The time in which nothing is accepted.

use log::{Level, debug, info, log};
use tokio::time::Instant;

use crate::logging::DELIVERY;
use crate::publisher::{Failure, PublishError};

/// Failures one after another, since the first of them.
pub struct Outage {
    pub since: Instant,
    failures: u32,
    /// The newest failure.
    pub error: PublishError,
    /// How many windows were dropped since.
    pub overflowed: u64,
}

/// Logs a failure: as an error if somebody has to act, or if it is known what might help.
pub fn say(what: &str, error: &PublishError) {
    let level = match error.kind {
        Failure::Misconfigured => Level::Error,
        _ if error.advice.is_some() => Level::Error,
        _ => Level::Warn,
    };
    log!(target: DELIVERY, level, "{what}: {error}");
    if error.brief.is_some() {
        debug!(target: DELIVERY, "the causes of this failure: {}", error.causes);
    }
}

impl Outage {
    /// The outage after one more failure. Says so when it starts or changes its kind, not each time that
    /// a send fails.
    pub fn goes_on(before: Option<Self>, error: PublishError, windows_kept: usize) -> Self {
        if before.as_ref().is_none_or(|outage| outage.error.kind != error.kind) {
            let windows = if windows_kept == 1 { "window" } else { "windows" };
            say(&format!("publishing failed ({windows_kept} {windows} kept)"), &error);
        }
        let (since, failures, overflowed) = match before {
            Some(outage) => (outage.since, outage.failures, outage.overflowed),
            None => (Instant::now(), 0, 0),
        };
        Self { since, failures: failures + 1, error, overflowed }
    }

    /// Whether it may pass by itself, without anybody doing anything about it.
    pub fn may_pass(&self) -> bool {
        let kinds = [Failure::TryAgain, Failure::OutOfResources];
        kinds.contains(&self.error.kind) && self.error.advice.is_none()
    }

    /// Something is accepted again.
    pub fn ends(self) {
        let Self { since, failures, overflowed, .. } = self;
        let elapsed = since.elapsed().as_secs();
        info!(
            target: DELIVERY,
            "publishing works again after {failures} failed sends in {elapsed} s; dropped {overflowed} windows"
        );
    }
}
