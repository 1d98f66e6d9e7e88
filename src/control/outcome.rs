//! What came of a reload.

use std::fmt;
use std::time::SystemTime;

use log::{error, info, warn};

use crate::clock::milliseconds;
use crate::event::{self, Event, Kind, Severity};
use crate::logging::CHECKS;
use crate::overlay::Difference;
use crate::schedule::{Refused, Unanswered, Undone};
use crate::store::utc;

/// What a reload has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub checks: Difference,
    pub alarms: Difference,
    pub thresholds: Difference,
    /// Those of notifications, their plans and suppressions.
    pub notifications: Difference,
    /// The entries of the blacklist.
    pub blacklist: Difference,
    /// The publishers whose limit of what waits has changed.
    pub buffers: Difference,
    /// Whether the tokens of the API are others now.
    pub tokens: bool,
    /// The options of the files that are other ones than at the start, and that only a restart would put in force.
    pub needs_restart: Vec<String>,
    /// Of an undo: when the reload was that it took back, and by whom.
    pub undone: Option<(SystemTime, String)>,
    pub generation: u64,
    /// Why it could not be kept.
    pub unkept: Option<String>,
}

/// Why the configuration is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unloaded {
    /// There is none to read.
    NoFiles,
    /// What is wrong with the files, a sentence each.
    Invalid(Vec<String>),
    Refused(Refused),
    Unanswered(Unanswered),
}

impl Outcome {
    pub fn changes_nothing(&self) -> bool {
        !self.tokens && self.parts().iter().all(|(_, of)| of.is_none())
    }

    fn parts(&self) -> [(&'static str, &Difference); 6] {
        [
            ("checks", &self.checks),
            ("alarms", &self.alarms),
            ("thresholds", &self.thresholds),
            ("notifications", &self.notifications),
            ("blacklist", &self.blacklist),
            ("buffers", &self.buffers),
        ]
    }

    /// What was done, without what it has changed.
    fn done(&self, by: &str) -> String {
        match &self.undone {
            None => format!("the configuration was reloaded by {by}"),
            Some((time, who)) => {
                format!("the reload of {} by {who} was undone by {by}", utc(milliseconds(*time)))
            }
        }
    }
}

impl From<Undone> for Unloaded {
    fn from(why: Undone) -> Self {
        match why {
            Undone::Refused(why) => Self::Refused(why),
            Undone::Unanswered(why) => Self::Unanswered(why),
        }
    }
}

impl fmt::Display for Unloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFiles => f.write_str(
                "there is no configuration file to read again: start the agent with --config FILE",
            ),
            Self::Invalid(problems) => f.write_str(&problems.join("; ")),
            Self::Refused(why) => why.fmt(f),
            Self::Unanswered(why) => why.fmt(f),
        }
    }
}

/// Says in the log what came of a reload.
pub fn tell(by: &str, loaded: &Result<Outcome, Unloaded>) {
    match loaded {
        Ok(outcome) if outcome.changes_nothing() => {
            info!(target: CHECKS, "{}: nothing has changed", outcome.done(by));
        }
        Ok(outcome) => {
            let (done, generation) = (outcome.done(by), outcome.generation);
            let changed = outcome.parts();
            let changed = changed.into_iter().filter_map(|(what, of)| difference(what, of));
            let tokens = outcome.tokens.then(|| "other tokens of the API".to_owned());
            let changed = changed.chain(tokens).collect::<Vec<_>>().join("; ");
            info!(target: CHECKS, "{done}: generation {generation}; {changed}");
        }
        Err(Unloaded::Invalid(problems)) => {
            problems.iter().for_each(|problem| error!("{problem}"));
            error!("the configuration was not reloaded by {by}: what was in force stays in force");
        }
        Err(why) => error!(
            "the configuration was not reloaded by {by}: {why}; what was in force stays in force"
        ),
    }
    let Ok(outcome) = loaded else { return };
    for (what, Difference { overridden, .. }) in outcome.parts() {
        if !overridden.is_empty() {
            let ids = overridden.join(", ");
            info!(target: CHECKS, "the files have other {what} now, which stay as requests have changed them: {ids}");
        }
    }
    if !outcome.needs_restart.is_empty() {
        let options = outcome.needs_restart.join(", ");
        warn!("a restart is needed to put these options of the files in force: {options}");
    }
}

/// Raises the event of a reload that has changed something, or failed.
pub fn raise(by: &str, loaded: &Result<Outcome, Unloaded>, events: &event::Shared) {
    let event = match loaded {
        Ok(outcome) if outcome.changes_nothing() => return,
        Ok(outcome) => {
            let text = format!("{}: generation {}", outcome.done(by), outcome.generation);
            Event::of(Kind::Configuration, Severity::Info, text)
        }
        Err(_) => {
            let text = format!("the configuration was not reloaded by {by}: the log says why");
            Event::of(Kind::Configuration, Severity::Warning, text)
        }
    };
    events.borrow_mut().raise(event);
}

fn difference(what: &str, of: &Difference) -> Option<String> {
    let parts = [("added", &of.added), ("changed", &of.changed), ("removed", &of.removed)];
    let parts = parts.iter().filter(|(_, ids)| !ids.is_empty());
    let parts: Vec<_> = parts.map(|(verb, ids)| format!("{verb} {}", ids.join(", "))).collect();
    (!parts.is_empty()).then(|| format!("{what}: {}", parts.join("; ")))
}
