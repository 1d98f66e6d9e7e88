//! How what is to last is written: by one at a time, at a pace, and again where that failed.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use log::info;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, Notify};
use tokio::time::{sleep, timeout};

use crate::config::{Form, Source};
use crate::logging::CHECKS;
use crate::state_folder::RETRY;

/// What was written of the changes, and what belongs to them that this run does not use.
#[derive(Default)]
pub struct Keeping {
    /// One at a time writes.
    pub turn: Mutex<()>,
    /// Is told of each write that failed.
    pub failed: Notify,
    /// How often somebody has asked for a write.
    asked: Cell<u64>,
    /// How many of them the last write has answered, and how it ended.
    last: RefCell<(u64, Option<String>)>,
    /// What is being written, or could not be.
    unwritten: RefCell<Option<Arc<str>>>,
    is_failing: Cell<bool>,
    /// What of the file cannot be used, by this version at least: as it stands there.
    unused: RefCell<Map<String, Value>>,
    /// The files of the start, where they have mistakes.
    broken: Option<Vec<Source>>,
    /// Those that were good last, where these are not.
    good: RefCell<Value>,
}

impl Keeping {
    /// With the files of the start, which may have mistakes.
    pub fn of(files: &[Source], are_broken: bool) -> Self {
        Self { broken: are_broken.then(|| files.to_vec()), ..Self::default() }
    }

    /// Asks for a write: the number of this request.
    pub fn ask(&self) -> u64 {
        self.asked.set(self.asked() + 1);
        self.asked()
    }

    /// How many requests there were.
    pub fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// How the write ended that was begun after this request.
    pub fn covered(&self, own: u64) -> Option<Result<(), String>> {
        let last = self.last.borrow();
        (last.0 >= own).then(|| last.1.clone().map_or(Ok(()), Err))
    }

    /// Notes what is about to be written, which is there as well if whoever writes it is gone meanwhile.
    pub fn begin(&self, text: Arc<str>) {
        self.unwritten.replace(Some(text));
    }

    /// Notes how that write ended, which answers so many requests.
    pub fn conclude(&self, covered: u64, result: &Result<(), String>) {
        self.last.replace((covered, result.clone().err()));
        let was_failing = self.is_failing.replace(result.is_err());
        if result.is_err() {
            self.failed.notify_one();
            return;
        }
        self.unwritten.take();
        if was_failing {
            info!(target: CHECKS, "what is changed through the API is kept again");
        }
    }

    pub fn unwritten(&self) -> Option<Arc<str>> {
        self.unwritten.borrow().clone()
    }

    /// Notes something of the file that cannot be used, so that it stays there.
    pub fn keep_unused(&self, part: &str, id: &str, body: &Value) {
        let mut unused = self.unused.borrow_mut();
        unused.entry(part).or_insert_with(|| json!({}))[id] = body.clone();
    }

    /// The same of a whole part.
    pub fn keep_unused_part(&self, part: &str, whole: &Value) {
        self.unused.borrow_mut().insert(part.to_owned(), whole.clone());
    }

    /// Forgets what cannot be used, where all changes that a reload can discard are discarded.
    pub fn discard_unused(&self) {
        self.unused.borrow_mut().retain(|part, _| !OBJECTS.contains(&&**part));
    }

    /// Adds it to what is written. What has the same id by now has replaced it.
    pub fn add_unused(&self, kept: &mut Value) {
        for (part, unused) in self.unused.borrow_mut().iter_mut() {
            match (&mut kept[part], unused) {
                (Value::Object(known), Value::Object(unused)) => {
                    unused.retain(|id, _| !known.contains_key(id));
                    known.extend(unused.clone());
                }
                (other @ Value::Null, unused) => *other = unused.clone(),
                _ => {}
            }
        }
    }

    /// Notes the files that were good last, of what is kept.
    pub fn take_good(&self, files: &Value) {
        if self.broken.is_some() {
            self.good.replace(files.clone());
        }
    }

    /// The files that were good last, where these are in force.
    pub fn good(&self, files: &[Source]) -> Value {
        match &self.broken {
            Some(broken) if broken == files => self.good.borrow().clone(),
            Some(_) => {
                self.good.replace(sources(files));
                self.good.borrow().clone()
            }
            None => sources(files),
        }
    }
}

pub(super) fn sources(of: &[Source]) -> Value {
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

/// Writes after each change, but not more often than a disk bears; again after a while where that has failed. `write`
/// tells whether it has succeeded.
pub async fn at_a_pace(changed: impl AsyncFn(), write: impl AsyncFn() -> bool) {
    let mut is_written = true;
    loop {
        if is_written {
            changed().await;
        } else {
            let _ = timeout(RETRY, changed()).await;
        }
        is_written = write().await;
        sleep(PAUSE).await;
    }
}

/// The parts of a file that have an object each: what was changed through the API, and what a reload can discard.
pub const OBJECTS: &[&str] = &[
    "checks",
    "alarms",
    "buffers",
    "blacklist",
    "thresholds",
    "notifications",
    "notification_plans",
    "suppressions",
];

/// A state that flaps changes with each sample. What a kill loses of it is measured again.
const PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
