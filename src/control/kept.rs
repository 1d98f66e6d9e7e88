//! What is kept over a restart: what was changed through the API, and the files that were good last.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::Control;
use crate::config::{
    Form, Source, body_of_alarm, body_of_check, body_of_notification, body_of_plan,
    body_of_suppression, body_of_threshold, shown_check, shown_notification,
};
use crate::model::Configured;
use crate::schedule::Request;

impl Control {
    /// Writes what is in force, where there is a folder for it.
    pub(super) async fn keep(&self) -> Result<(), String> {
        let Some(folder) = self.folder.get() else { return Ok(()) };
        // Whoever waits here writes what all have changed before.
        let _turn = self.keeping.lock().await;
        let changes = self.requests.ask(Request::Changes).await;
        let changes = changes.map_err(|why| why.to_string())?;
        let hash = self.hash().await.map_err(|why| why.to_string())?;
        let kept = self.kept(&changes, &hash).to_string();
        folder.write(OVERLAY, kept).await
    }

    fn kept(&self, changes: &Changes, hash: &str) -> Value {
        let told = self.notifications.set.borrow();
        json!({
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
            "files": sources(&self.cli.borrow().files.sources),
        })
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
        Value::Object(changed.map(|(name, limit)| (name, limit.into())).collect())
    }

    /// The entries of the blacklist.
    pub(super) fn entries(&self) -> Value {
        let list = self.blacklist.borrow();
        Value::Object(list.all().iter().map(|(id, of)| (id.clone(), of.body())).collect())
    }

    pub(super) async fn keep_standings(&self) {
        let alarms = self.alarms.borrow().changed();
        let thresholds = self.thresholds.borrow().changed();
        let mut is_failing = false;
        loop {
            tokio::select! {
                () = alarms.notified() => {}
                () = thresholds.notified() => {}
            }
            match self.write_standings().await {
                Ok(()) => is_failing = false,
                Err(problem) if !is_failing => {
                    is_failing = true;
                    log::error!("{problem}; where the alarms stand is lost when the agent ends");
                }
                Err(_) => {}
            }
        }
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
    Value::Object(changes.collect::<Map<_, _>>())
}

fn sources(of: &[Source]) -> Value {
    let source = |Source { name, form, text }: &Source| {
        let check = match form {
            Form::Main => None,
            Form::Check(id) => Some(id),
        };
        json!({ "name": name, "check": check, "text": text })
    };
    of.iter().map(source).collect()
}

/// The files that were good last, of what is kept.
pub fn last_good(kept: &Value) -> Vec<Source> {
    let source = |of: &Value| {
        let text = |name: &str| of[name].as_str().map(str::to_owned);
        let form = text("check").map_or(Form::Main, Form::Check);
        Some(Source { name: text("name")?, form, text: text("text")? })
    };
    kept["files"].as_array().into_iter().flatten().filter_map(source).collect()
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

/// The file of what was changed, and of the files that were good last.
pub const OVERLAY: &str = "overlay.json";

/// The file of where alarms and the metrics of thresholds stand.
pub const STANDINGS: &str = "alarms.json";

/// Of both files; another one is not read.
pub const VERSION: u64 = 1;
