//! The beginning: what was kept comes back.

use std::path::Path;
use std::rc::Rc;
use std::time::SystemTime;

use log::error;
use serde_json::{Map, Value};

use super::keeping::{OBJECTS, last_good};
use super::kept::{OVERLAY, STANDINGS, VERSION};
use super::{Attempt, Control};
use crate::blacklist::Entry;
use crate::check::TABLE;
use crate::config::cli::Cli;
use crate::config::{
    OfBody, STATE, alarm_of_body, notification_of_body, of_body, plan_of_body, suppression_of_body,
    threshold_of_body,
};
use crate::event::{Event, Kind, Severity, journal};
use crate::model::Configured;
use crate::notify::Kept;
use crate::overlay::Overlay;
use crate::shown::shown;
use crate::sorted::set_of;
use crate::state_folder::{StateFolder, read_of_other};

impl Control {
    /// Notes that the files have these mistakes, and that those that were good last are in force.
    pub fn begin_despite(&self, problems: Vec<String>) {
        if problems.is_empty() {
            return;
        }
        let text = "the configuration files are broken, and those that were good last are in force";
        let event = Event::of(Kind::Configuration, Severity::Warning, text.to_owned());
        self.notifications.events().borrow_mut().raise(event);
        let by = "the start of the agent".to_owned();
        let attempt = Attempt { time: SystemTime::now(), by, result: Err(problems) };
        self.last.replace(Some(attempt));
    }

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
            let events = async {
                if let Err(problem) = journal::restore(self.notifications.events(), folder).await {
                    let problem = format!("{problem}; earlier events are not listed");
                    put_aside(folder, journal::FILE, &problem).await;
                }
            };
            // A disk that hangs is waited for once.
            (kept, standings, ()) =
                tokio::join!(read(folder, OVERLAY), read(folder, STANDINGS), events);
        }
        self.keeping.take_good(&kept["files"]);
        let parts = kept.as_object().into_iter().flatten();
        for (part, whole) in parts.filter(|(part, _)| !is_known(part)) {
            error!("{} of {OVERLAY} is not used: this version does not know it", shown(part));
            self.keeping.keep_unused_part(part, whole);
        }
        self.take_checks(&kept["checks"], &mut overlay);
        self.take_alarms(&kept["alarms"]);
        self.take_limits(&kept["buffers"]);
        self.take_blacklist(&kept["blacklist"]);
        self.take_thresholds(&kept["thresholds"]);
        self.take_notifications(&kept);
        let checks = overlay.effective();
        let ids = set_of(checks.keys().cloned());
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
                Err(problems) => self.unusable("blacklist entry", id, body, &problems),
            }
        }
    }

    fn take_limits(&self, kept: &Value) {
        for (publisher, limit) in entries(kept) {
            let number = limit.as_u64().and_then(|limit| usize::try_from(limit).ok());
            let mut deliveries = self.ways.deliveries.iter();
            match deliveries.find(|of| of.publisher == publisher).zip(number) {
                // Nothing else was asked of it yet.
                Some((delivery, limit)) => drop(delivery.set_limit(limit)),
                // Another start may have this publisher again.
                None => self.keeping.keep_unused("buffers", publisher, limit),
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
                Err(problems) => self.unusable("check", id, body, &problems),
            }
        }
    }

    fn take_notifications(&self, kept: &Value) {
        let mut told = self.notifications.set.borrow_mut();
        let set = &mut *told;
        self.take_all(kept, "notification", &mut set.notifications, notification_of_body);
        self.take_all(kept, "notification plan", &mut set.plans, plan_of_body);
        self.take_all(kept, "suppression", &mut set.suppressions, suppression_of_body);
    }

    fn take_all<T: PartialEq>(
        &self,
        kept: &Value,
        what: &str,
        all: &mut Kept<T>,
        of_body: fn(&str, &Value) -> Parsed<T>,
    ) {
        for (id, body) in entries(&kept[part_of(what)]) {
            if body.is_null() {
                all.remove(id);
                continue;
            }
            match of_body(id, body) {
                Ok(OfBody { configured, .. }) => all.set(id, configured),
                Err(problems) => self.unusable(what, id, body, &problems),
            }
        }
    }

    /// Tells what is not used, which stays in the file: a later version may take it again.
    fn unusable(&self, what: &str, id: &str, body: &Value, problems: &[String]) {
        let problems = problems.join("; ");
        error!("{what} {} of {OVERLAY} is not used: {}", shown(id), shown(&problems));
        self.keeping.keep_unused(part_of(what), id, body);
    }

    fn take_alarms(&self, kept: &Value) {
        let mut alarms = self.alarms.borrow_mut();
        for (id, body) in entries(kept) {
            if body.is_null() {
                alarms.remove(id);
                continue;
            }
            let check = body["check_id"].as_str().unwrap_or_default();
            let mut of_alarm = body.clone();
            of_alarm.as_object_mut().map(|body| body.remove("check_id"));
            match alarm_of_body(check, id, &of_alarm) {
                Ok(OfBody { configured, .. }) => alarms.set(configured),
                Err(problems) => self.unusable("alarm", id, body, &problems),
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
                Err(problems) => self.unusable("threshold", id, body, &problems),
            }
        }
        self.thresholds.borrow_mut().take_changes(changes);
    }
}

/// What the body of a request gives.
type Parsed<T> = Result<OfBody<T>, Vec<String>>;

fn entries(kept: &Value) -> impl Iterator<Item = (&String, &Value)> {
    kept.as_object().into_iter().flat_map(Map::iter)
}

/// The part of the file with things of this sort.
fn part_of(what: &str) -> &'static str {
    match what {
        "check" => "checks",
        "alarm" => "alarms",
        "threshold" => "thresholds",
        "notification" => "notifications",
        "notification plan" => "notification_plans",
        "suppression" => "suppressions",
        _ => "blacklist",
    }
}

fn is_known(part: &str) -> bool {
    OBJECTS.contains(&part) || OTHERS.contains(&part)
}

/// The object of a file, or nothing. One that cannot be read or is damaged is put aside.
async fn read(folder: &StateFolder, name: &str) -> Value {
    let problem = match folder.read(name).await {
        Ok(None) => return Value::Null,
        Ok(Some(text)) => match parsed(&text) {
            Ok(value) => return value,
            Err(why) => format!("{name} in --state cannot be read: {why}"),
        },
        Err(problem) => format!("{problem}; {name} is not used"),
    };
    put_aside(folder, name, &problem).await;
    Value::Null
}

/// The object of a text, as this version writes it.
fn parsed(text: &[u8]) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if value["version"] != VERSION {
        return Err(format!("its version is {}, and this agent reads {VERSION}", value["version"]));
    }
    let is_other = |part: &&&str| !matches!(value[**part], Value::Null | Value::Object(_));
    match OBJECTS.iter().find(is_other) {
        Some(part) => Err(format!("{part}: expected an object")),
        None => Ok(value),
    }
}

/// Puts a file aside, and tells that with the reason.
async fn put_aside(folder: &StateFolder, name: &str, problem: &str) {
    match folder.put_aside(name).await {
        Ok(aside) => error!("{problem}; {name} is renamed to {aside}"),
        Err(why) => {
            error!("{problem}; {name} cannot be renamed, so nothing is written over it: {why}");
        }
    }
}

/// What was typed with the files that were good last, where such are kept: for files that are broken now. The
/// folder is that of the command line or its variable, as what files say is not known.
pub async fn with_last_good(cli: &Cli) -> Option<Cli> {
    let folder = cli.value_of_start(STATE)?;
    // What is wrong with it is told by who opens it.
    let kept = read_of_other(Path::new(&folder.text), OVERLAY).await.ok()??;
    let sources = last_good(&parsed(&kept).ok()?);
    let mut cli = cli.clone();
    cli.take_files(sources, TABLE);
    (!cli.files.sources.is_empty()).then_some(cli)
}

/// The parts beside [`OBJECTS`] that this version writes.
const OTHERS: &[&str] = &["version", "generation", "hash", "files"];
