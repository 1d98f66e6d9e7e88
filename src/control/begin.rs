//! The beginning: what was kept comes back.

use std::path::Path;
use std::rc::Rc;

use log::error;
use serde_json::{Map, Value};

use super::Control;
use super::kept::{OVERLAY, STANDINGS, VERSION, last_good};
use crate::blacklist::Entry;
use crate::check::TABLE;
use crate::config::cli::Cli;
use crate::config::{
    OfBody, STATE, alarm_of_body, notification_of_body, of_body, plan_of_body, suppression_of_body,
    threshold_of_body,
};
use crate::event::journal;
use crate::model::Configured;
use crate::notify::Kept;
use crate::overlay::Overlay;
use crate::shown::shown;
use crate::state_folder::{self, StateFolder};

impl Control {
    /// The checks of the files with what was changed beside them; the alarms get theirs. What cannot be read of it
    /// is told, and the agent goes on with the rest.
    pub async fn begin(&self, checks: Vec<Configured>) -> Overlay<Rc<Configured>> {
        let by_id = checks.into_iter().map(|check| (check.id.clone(), Rc::new(check)));
        let mut overlay = Overlay::of_files(by_id);
        let folder = match &self.path {
            Some(path) => StateFolder::open(path).await.map(Some),
            None => Ok(None),
        };
        let folder = folder.unwrap_or_else(|problem| {
            error!("{problem}; changes through the API and states of alarms are not kept");
            None
        });
        let (mut kept, mut standings) = (Value::Null, Value::Null);
        if let Some(folder) = &folder {
            kept = read(folder, OVERLAY).await.unwrap_or_default();
            standings = read(folder, STANDINGS).await.unwrap_or_default();
            if let Err(problem) = journal::restore(self.notifications.events(), folder).await {
                error!("{problem}; earlier events are not listed");
            }
        }
        self.take_checks(&kept["checks"], &mut overlay);
        self.take_alarms(&kept["alarms"]);
        self.take_limits(&kept["buffers"]);
        self.take_blacklist(&kept["blacklist"]);
        self.take_thresholds(&kept["thresholds"]);
        self.take_notifications(&kept);
        let checks = overlay.effective();
        let ids = checks.keys().cloned().collect();
        self.thresholds.borrow_mut().begin(&ids, standings["thresholds"].as_object());
        self.alarms.borrow_mut().begin(ids, standings["alarms"].as_object());
        let generation = kept["generation"].as_u64().unwrap_or_default();
        let is_same = kept["hash"] == self.hash_of(checks.values()).as_str();
        self.generation.set(if is_same { generation } else { generation + 1 });
        // Nobody else opens it.
        folder.into_iter().for_each(|folder| drop(self.folder.set(folder)));
        self.begun.notify_one();
        overlay
    }

    fn take_blacklist(&self, kept: &Value) {
        for (id, body) in entries(kept) {
            match body.as_object().map_or_else(|| Err(Vec::new()), Entry::of) {
                Ok(entry) => self.blacklist.borrow_mut().set(id.clone(), entry),
                Err(problems) => unusable("blacklist entry", id, &problems),
            }
        }
    }

    fn take_limits(&self, kept: &Value) {
        for delivery in &self.ways.deliveries {
            let limit = kept[delivery.publisher].as_u64();
            if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) {
                // Nothing else was asked of it yet.
                let _ = delivery.set_limit(limit);
            }
        }
    }

    fn take_checks(&self, kept: &Value, overlay: &mut Overlay<Rc<Configured>>) {
        for (id, body) in entries(kept) {
            if body.is_null() {
                overlay.remove(id);
                continue;
            }
            match of_body(id, body, TABLE) {
                Ok(OfBody { configured, .. }) => overlay.set(id.clone(), Rc::new(configured)),
                Err(problems) => unusable("check", id, &problems),
            }
        }
    }

    fn take_notifications(&self, kept: &Value) {
        let mut told = self.notifications.set.borrow_mut();
        let set = &mut *told;
        take(&kept["notifications"], "notification", &mut set.notifications, notification_of_body);
        take(&kept["notification_plans"], "notification plan", &mut set.plans, plan_of_body);
        take(&kept["suppressions"], "suppression", &mut set.suppressions, suppression_of_body);
    }

    fn take_alarms(&self, kept: &Value) {
        let mut alarms = self.alarms.borrow_mut();
        for (id, body) in entries(kept) {
            if body.is_null() {
                alarms.remove(id);
                continue;
            }
            let check = body["check_id"].as_str().unwrap_or_default();
            let mut body = body.clone();
            body.as_object_mut().map(|body| body.remove("check_id"));
            match alarm_of_body(check, id, &body) {
                Ok(OfBody { configured, .. }) => alarms.set(configured),
                Err(problems) => unusable("alarm", id, &problems),
            }
        }
    }

    fn take_thresholds(&self, kept: &Value) {
        let mut changes = Vec::new();
        for (id, body) in entries(kept) {
            if body.is_null() {
                changes.push((id.clone(), None));
                continue;
            }
            match threshold_of_body(id, body) {
                Ok(OfBody { configured, .. }) => changes.push((id.clone(), Some(configured))),
                Err(problems) => unusable("threshold", id, &problems),
            }
        }
        self.thresholds.borrow_mut().take_changes(changes);
    }
}

/// What the body of a request gives.
type Parsed<T> = Result<OfBody<T>, Vec<String>>;

fn take<T: PartialEq>(
    kept: &Value,
    what: &str,
    all: &mut Kept<T>,
    of_body: fn(&str, &Value) -> Parsed<T>,
) {
    for (id, body) in entries(kept) {
        if body.is_null() {
            all.remove(id);
            continue;
        }
        match of_body(id, body) {
            Ok(OfBody { configured, .. }) => all.set(id, configured),
            Err(problems) => unusable(what, id, &problems),
        }
    }
}

fn entries(kept: &Value) -> impl Iterator<Item = (&String, &Value)> {
    kept.as_object().into_iter().flat_map(Map::iter)
}

fn unusable(what: &str, id: &str, problems: &[String]) {
    let problems = problems.join("; ");
    error!("{what} {} of {OVERLAY} is not used: {}", shown(id), shown(&problems));
}

/// The object of a file. One that is damaged is put aside.
async fn read(folder: &StateFolder, name: &str) -> Option<Value> {
    let text = match folder.read(name).await {
        Ok(text) => text?,
        Err(problem) => {
            error!("{problem}; {name} is not used");
            return None;
        }
    };
    let why = match serde_json::from_str::<Value>(&text) {
        Ok(value) if value["version"] == VERSION => return Some(value),
        Ok(value) => format!("its version is {}, and this agent reads {VERSION}", value["version"]),
        Err(error) => error.to_string(),
    };
    error!("{name} in --state cannot be read: {why}; it is renamed to {name}.damaged");
    if let Err(problem) = folder.put_aside(name).await {
        error!("{problem}");
    }
    None
}

/// What was typed with the files that were good last, where such are kept: for files that are broken now. The
/// folder is that of the command line or its variable, as what files say is not known.
pub async fn with_last_good(cli: &Cli) -> Option<Cli> {
    let folder = cli.value(STATE)?;
    // What is wrong with it is told by who opens it.
    let kept = state_folder::read(Path::new(&folder.text), OVERLAY).await.ok()??;
    let kept: Value = serde_json::from_str(&kept).ok()?;
    let sources = last_good(&kept);
    let mut cli = cli.clone();
    cli.take_files(sources, TABLE);
    (!cli.files.sources.is_empty()).then_some(cli)
}
