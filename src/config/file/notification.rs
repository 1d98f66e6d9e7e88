//! Notifications, their plans and suppressions, of a file or of the body of a request.

use std::collections::BTreeMap;

use super::details;
use super::document::{Document, is_nothing};
use crate::clock::milliseconds;
use crate::config::files::Named;
use crate::config::near::did_you_mean;
use crate::config::yaml::{Key, Node, Value};
use crate::config::{is_http_url, name};
use crate::notification::{Notification, NotificationType, Plan, Suppression, TABLE};

/// Something with an id and keys.
struct Object<'n, 'd, 'a> {
    what: &'static str,
    id: &'n Key,
    entries: &'n [(Key, Node)],
    document: &'d mut Document<'a>,
    before: usize,
}

/// A notification, if all of it is valid.
pub fn notification(id: &Key, node: &Node, document: &mut Document<'_>) -> Option<Notification> {
    let mut object = Object::of("notification", id, node, NOTIFICATION, document)?;
    let label = object.label();
    let metadata = object.metadata();
    let kind = object.kind()?;
    let details =
        details::of_settings(kind.name, kind.settings, object.node("details"), object.document);
    let place = object.node("details").map_or(id.place, |node| node.place);
    let given: Vec<_> = details.0.keys().map(String::as_str).collect();
    if object.is_fine() {
        for of in kind.settings.iter().filter(|of| of.is_required && !given.contains(&of.name)) {
            let text = format!(
                "details: {} is missing: {}, such as {}: {}",
                of.name, of.about, of.name, of.example
            );
            object.document.note(place, &text);
        }
    }
    if let Some(mistake) = mistake_of_url(details.text("url")).or_else(|| kind.mistake(&details)) {
        object.document.note(place, &mistake);
    }
    let is_fine = object.is_fine();
    is_fine.then(|| Notification { id: id.text.clone(), label, kind, details, metadata })
}

/// The same of a plan, with the notifications that it names.
pub fn plan(id: &Key, node: &Node, document: &mut Document<'_>) -> Option<(Plan, Vec<Named>)> {
    let mut object = Object::of("notification plan", id, node, PLAN, document)?;
    let (label, metadata) = (object.label(), object.metadata());
    let mut named = Vec::new();
    let [ok, warning, critical] = ["ok_state", "warning_state", "critical_state"].map(|state| {
        let ids = object.list(state);
        let origin = object.origin(state);
        named.extend(ids.iter().map(|id| Named { origin: origin.clone(), id: id.clone() }));
        ids
    });
    let is_fine = object.is_fine();
    is_fine.then(|| (Plan { id: id.text.clone(), label, ok, warning, critical, metadata }, named))
}

/// The same of a suppression. Without a start it begins at `now_ms`; an end of 0 is none.
pub fn suppression(
    id: &Key,
    node: &Node,
    now_ms: i64,
    document: &mut Document<'_>,
) -> Option<Suppression> {
    let mut object = Object::of("suppression", id, node, SUPPRESSION, document)?;
    let label = object.label();
    let start_ms = object.time("start_time").filter(|ms| *ms > 0).unwrap_or(now_ms);
    let end_ms = object.time("end_time").filter(|ms| *ms > 0);
    if let Some(end) = end_ms.filter(|end| *end <= start_ms) {
        let text = format!("end_time: expected a time after the start, and {end} is not");
        object.document.note(id.place, &text);
    }
    let [entities, checks, alarms, plans] =
        ["entities", "checks", "alarms", "notification_plans"].map(|key| object.list(key));
    let is_fine = object.is_fine();
    let id = id.text.clone();
    is_fine.then_some(Suppression { id, label, start_ms, end_ms, entities, checks, alarms, plans })
}

impl<'n, 'd, 'a> Object<'n, 'd, 'a> {
    fn of(
        what: &'static str,
        id: &'n Key,
        node: &'n Node,
        keys: &[&str],
        document: &'d mut Document<'a>,
    ) -> Option<Self> {
        let before = document.problems.len();
        if let Err(expected) = name::dimension_value(&id.text) {
            document.note(id.place, &format!("{what} {:?}: expected {expected}", id.text));
        } else if id.text.len() > MOST_OF_ID {
            let text = format!("{what} {:?}: expected at most {MOST_OF_ID} characters", id.text);
            document.note(id.place, &text);
        }
        let entries = match is_nothing(node) {
            true => &[],
            false => document.map(&format!("{what} {}", id.text), node)?,
        };
        for (key, _) in entries.iter().filter(|(key, _)| !keys.contains(&&*key.text)) {
            let (unknown, known) = (&key.text, keys.join(", "));
            if document.is_foreign(unknown, keys) {
                let text = format!("unknown key {unknown:?} is ignored: a {what} has {known}");
                document.warn(Some(key.place), &text);
            } else {
                let near = did_you_mean(unknown, keys);
                let text = format!("unknown key {unknown:?}: a {what} has {known}{near}");
                document.note(key.place, &text);
            }
        }
        Some(Self { what, id, entries, document, before })
    }

    fn is_fine(&self) -> bool {
        self.document.problems.len() == self.before
    }

    fn node(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
    }

    fn origin(&self, key: &str) -> String {
        self.node(key).map(|node| self.document.told(node.place, key)).unwrap_or_default()
    }

    fn label(&mut self) -> String {
        let typed = self.node("label").and_then(|node| self.document.scalar("label", node));
        let label = typed.map_or_else(|| self.id.text.clone(), |typed| typed.text);
        if label.chars().count() > MOST_OF_LABEL {
            let text = format!("label: expected at most {MOST_OF_LABEL} characters");
            self.document.note(self.id.place, &text);
        }
        label
    }

    fn metadata(&mut self) -> BTreeMap<String, String> {
        let node = self.node("metadata");
        node.map(|node| self.document.texts("metadata", node)).unwrap_or_default()
    }

    fn kind(&mut self) -> Option<&'static NotificationType> {
        let names: Vec<_> = TABLE.iter().map(|kind| kind.name).collect();
        let expected = format!("one of {}", names.join(", "));
        let typed = self.node("type").and_then(|node| self.document.scalar("type", node));
        let Some(typed) = typed else {
            if self.is_fine() {
                let text =
                    format!("{} {}: type is missing: expected {expected}", self.what, self.id.text);
                self.document.note(self.id.place, &text);
            }
            return None;
        };
        let kind = NotificationType::of(&typed.text);
        if kind.is_none() {
            self.document.wrong(&typed, &(expected + &did_you_mean(&typed.text, &names)));
        }
        kind
    }

    /// Ids, one or several.
    fn list(&mut self, key: &str) -> Vec<String> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let texts: Vec<_> = match &node.value {
            Value::List(nodes) => {
                nodes.iter().filter_map(|node| self.document.item(key, node)).collect()
            }
            _ => self.document.scalar(key, node).into_iter().collect(),
        };
        if texts.len() > crate::notification::MOST {
            let text = format!("{key}: expected at most {} ids", crate::notification::MOST);
            self.document.note(node.place, &text);
        }
        texts.into_iter().map(|typed| typed.text).collect()
    }

    /// Milliseconds since 1970.
    fn time(&mut self, key: &str) -> Option<i64> {
        let typed = self.document.scalar(key, self.node(key)?)?;
        let text = typed.text.trim();
        let ms = text.parse().ok().filter(|ms| (0..MOST_MS).contains(ms));
        let time = ms.or_else(|| humantime::parse_rfc3339(text).ok().map(milliseconds));
        if time.is_none() {
            self.document.wrong(&typed, EXPECTED_TIME);
        }
        time
    }
}

/// A password in a URL would be shown with it.
fn mistake_of_url(url: Option<&str>) -> Option<String> {
    let url = url?;
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("url: expected no user and password in it".to_owned());
    }
    // It may be a secret as a whole.
    let expected =
        "url: expected one that begins with http:// or https://, such as https://example.com/hook";
    (!is_http_url(url)).then(|| expected.to_owned())
}

/// What each may have.
pub const NOTIFICATION: &[&str] = &["type", "label", "details", "metadata"];
pub const PLAN: &[&str] = &["label", "critical_state", "warning_state", "ok_state", "metadata"];
pub const SUPPRESSION: &[&str] =
    &["label", "start_time", "end_time", "entities", "checks", "alarms", "notification_plans"];

const EXPECTED_TIME: &str =
    "a time such as 2026-11-18T22:00:00Z, or milliseconds since 1970 such as 1795039200000";

/// Beyond this it is no time in milliseconds.
const MOST_MS: i64 = 100_000_000_000_000;

const MOST_OF_ID: usize = 64;
const MOST_OF_LABEL: usize = 255;
