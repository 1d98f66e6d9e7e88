//! What is said of the results of a check, beside whether it is available.

use log::{info, warn};

use crate::model::{AVAILABLE, Configured, Discovers, Publication, Report, SUCCESS};
use crate::sorted::sort;

/// What was said of one check.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Whether the last result said something of itself.
    was_odd: bool,
    /// Whether what is published was compared with what was found.
    was_compared: bool,
}

impl Remarks {
    /// Says what is new about a result.
    pub fn say(&mut self, configured: &Configured, report: &Report) {
        // The status of a plugin is a text of its own, and most often says that all is well.
        if !matches!(configured.kind.discovers, Discovers::Kept) {
            let is_odd = report.status != SUCCESS;
            if is_odd && !self.was_odd {
                warn!("check {}: {}", report.check, report.status);
            }
            self.was_odd = is_odd;
        }
        if !self.was_compared && !report.values.is_empty() {
            self.was_compared = true;
            compare(configured, report);
        }
    }
}

/// A mistake in the name of a metric that only a run finds is not to be silent.
fn compare(configured: &Configured, report: &Report) {
    let Publication::Some(names) = &configured.publish else { return };
    let mut found: Vec<_> = report.numbers().map(|(metric, _)| &*metric.name).collect();
    sort(&mut found);
    found.dedup();
    let is_missing = |name: &&str| {
        *name != AVAILABLE && configured.kind.metric(name).is_none() && !found.contains(name)
    };
    let missing: Vec<_> = names.keys().map(String::as_str).filter(is_missing).collect();
    found.retain(|name| configured.kind.metric(name).is_none());
    let shown = found[..found.len().min(MOST_NAMES)].join(", ");
    if !missing.is_empty() {
        warn!(
            "check {}: publish names {}, not found in its first result; found: {shown}",
            report.check,
            missing.join(", ")
        );
    } else if names.is_empty() && !found.is_empty() {
        info!(
            "check {} publishes nothing; what it found can be named under publish: {shown}",
            report.check
        );
    }
}

/// How many names a line has.
const MOST_NAMES: usize = 20;
