//! What is kept over a restart: what was changed through the API, and the files that were good last.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::Hasher;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use log::{error, info};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::Control;
use super::keeping::at_a_pace;
use crate::config::{
    body_of_alarm, body_of_check, body_of_notification, body_of_plan, body_of_suppression,
    body_of_threshold, shown_check, shown_notification,
};
use crate::event::journal::Journal;
use crate::logging::CHECKS;
use crate::model::Configured;
use crate::schedule::Request;
use crate::sorted::object_of;
use crate::state_folder::RETRY;

impl Control {
    /// Writes what is in force, where there is a folder for it.
    pub(super) async fn keep(&self) -> Result<(), String> {
        let Some(folder) = self.folder.get() else { return Ok(()) };
        let keeping = &self.keeping;
        let own = keeping.ask();
        let _turn = keeping.turn.lock().await;
        if let Some(kept) = keeping.covered(own) {
            return kept;
        }
        // Whoever waits behind this one has made the change already that is written here.
        let covered = keeping.asked();
        let changes = self.requests.ask(Request::Changes).await;
        let changes = changes.map_err(|why| why.to_string())?;
        let hash = self.hash().await.map_err(|why| why.to_string())?;
        let kept: Arc<str> = self.kept(&changes, &hash).to_string().into();
        // What the disk takes never is not tried again.
        folder.check(OVERLAY, kept.len())?;
        keeping.begin(kept.clone());
        let result = folder.write(OVERLAY, kept).await;
        keeping.conclude(covered, &result);
        result
    }

    /// Writes again what could not be written, until that succeeds.
    pub(super) async fn keep_again(&self) {
        loop {
            self.keeping.failed.notified().await;
            while self.keeping.unwritten().is_some() {
                sleep(RETRY).await;
                if self.keeping.unwritten().is_some() {
                    // That it fails was said.
                    let _ = self.keep().await;
                }
            }
        }
    }

    /// The last attempt of all that is not written: changes, where the alarms stand, and events.
    pub(super) async fn write_at_last(&self, journal: Option<Journal>) {
        let Some(folder) = self.folder.get() else { return };
        let changes = async {
            // What is being written is newer.
            let _turn = self.keeping.turn.lock().await;
            // What is in force can no longer be asked for.
            let Some(kept) = self.keeping.unwritten() else { return };
            let result = folder.write(OVERLAY, kept).await;
            self.keeping.conclude(self.keeping.asked(), &result);
        };
        let standings = async {
            if let Err(problem) = self.write_standings().await {
                error!("{problem}; where the alarms stand is lost");
            }
        };
        let events = async {
            // Some may have come before it began.
            let mut journal = journal.unwrap_or_else(|| Journal::of(self.notifications.events()));
            journal.finish(folder).await;
        };
        let all = async { tokio::join!(changes, standings, events) };
        if timeout(LONGEST_END, all).await.is_err() {
            error!(
                "{}: its disk has not answered within {LONGEST_END:?}; where the alarms stand and the newest events may be lost",
                folder.shown()
            );
        }
    }

    fn kept(&self, changes: &Changes, hash: &str) -> Value {
        let told = self.notifications.set.borrow();
        let mut kept = json!({
            "version": VERSION,
            "generation": self.generation(),
            "hash": hash,
            "checks": object(changes, |of| body_of_check(of)),
            "alarms": object(self.alarms.borrow().overlay().changes(), body_of_alarm),
            "buffers": self.limits(),
            "blacklist": self.entries(),
            "thresholds": object(self.thresholds.borrow().overlay().changes(), body_of_threshold),
            "notifications": object(told.notifications.overlay().changes(), |of| body_of_notification(of)),
            "notification_plans": object(told.plans.overlay().changes(), |of| body_of_plan(of)),
            "suppressions": object(told.suppressions.overlay().changes(), |of| body_of_suppression(of)),
            "files": self.keeping.good(&self.cli.borrow().files.sources),
        });
        self.keeping.add_unused(&mut kept);
        kept
    }

    /// The hash of the configuration that is in force: of checks, alarms, thresholds and notifications, without their
    /// secrets. It changes when one of them changes.
    pub async fn hash(&self) -> Result<String, crate::schedule::Unanswered> {
        let checks = self.requests.ask(Request::List).await?;
        Ok(self.hash_of(checks.iter().map(|of| &of.configured)))
    }

    pub(super) fn hash_of<'a>(&self, checks: impl Iterator<Item = &'a Rc<Configured>>) -> String {
        let mut hasher = Fnv::default();
        checks.for_each(|of| hasher.write(shown_check(of).to_string().as_bytes()));
        for (id, of) in self.alarms.borrow().all() {
            hasher.write(id.as_bytes());
            hasher.write(body_of_alarm(&of.alarm).to_string().as_bytes());
        }
        for (id, of) in self.thresholds.borrow().all() {
            // Not the same as an alarm of this id.
            hasher.write(b"threshold");
            hasher.write(id.as_bytes());
            hasher.write(body_of_threshold(of).to_string().as_bytes());
        }
        let told = self.notifications.set.borrow();
        for (id, of) in told.notifications.all() {
            hasher.write(id.as_bytes());
            hasher.write(shown_notification(of).to_string().as_bytes());
        }
        for (id, of) in told.plans.all() {
            hasher.write(id.as_bytes());
            hasher.write(body_of_plan(of).to_string().as_bytes());
        }
        for (id, of) in told.suppressions.all() {
            hasher.write(id.as_bytes());
            hasher.write(body_of_suppression(of).to_string().as_bytes());
        }
        format!("{:016x}", hasher.finish())
    }

    /// The limits of windows that wait, where they are other ones than at the start.
    pub(super) fn limits(&self) -> Value {
        let deliveries = self.ways.deliveries.iter();
        let limits = deliveries.map(|of| (of.publisher.to_owned(), of.standing().limit));
        let changed = limits.filter(|(_, limit)| *limit != self.ways.first_limit);
        Value::Object(object_of(changed.map(|(name, limit)| (name, limit.into()))))
    }

    /// The entries of the blacklist.
    pub(super) fn entries(&self) -> Value {
        let list = self.blacklist.borrow();
        Value::Object(object_of(list.all().iter().map(|(id, of)| (id.clone(), of.body()))))
    }

    pub(super) async fn keep_standings(&self) {
        let alarms = self.alarms.borrow().changed();
        let thresholds = self.thresholds.borrow().changed();
        let changed = async || {
            tokio::select! {
                () = alarms.notified() => {}
                () = thresholds.notified() => {}
            }
        };
        let is_failing = Cell::new(false);
        let write = async || {
            let written = self.write_standings().await;
            let was_failing = is_failing.replace(written.is_err());
            match &written {
                Ok(()) if was_failing => {
                    info!(target: CHECKS, "where the alarms stand is kept again");
                }
                Err(problem) if !was_failing => {
                    error!("{problem}; where the alarms stand is lost when the agent ends");
                }
                _ => {}
            }
            written.is_ok()
        };
        at_a_pace(changed, write).await;
    }

    pub(super) async fn write_standings(&self) -> Result<(), String> {
        let Some(folder) = self.folder.get() else { return Ok(()) };
        let alarms = self.alarms.borrow().standings();
        let thresholds = self.thresholds.borrow().standings();
        let text = json!({ "version": VERSION, "alarms": alarms, "thresholds": thresholds });
        let text = text.to_string();
        folder.write(STANDINGS, text).await
    }
}

/// What was changed of the checks.
type Changes = BTreeMap<String, Option<Rc<Configured>>>;

fn object<T>(changes: &BTreeMap<String, Option<T>>, body: impl Fn(&T) -> Value) -> Value {
    let changes = changes.iter();
    let changes =
        changes.map(|(id, change)| (id.clone(), change.as_ref().map_or(Value::Null, &body)));
    Value::Object(object_of(changes))
}

/// The hash FNV-1a of 64 bits: it is the same in each build and each process.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The end of the agent does not wait longer for the folder, whose disk may be dead.
const LONGEST_END: Duration = Duration::from_secs(2);

/// The file of what was changed, and of the files that were good last.
pub const OVERLAY: &str = "overlay.json";

/// The file of where alarms and the metrics of thresholds stand.
pub const STANDINGS: &str = "alarms.json";

/// Of both files; another one is not read.
pub const VERSION: u64 = 1;
