//! Configuration files: options under the names of the command line, and checks.

mod alarm;
mod body;
mod check;
mod details;
mod disk;
mod document;
mod notification;
mod object;
mod publish;
mod reading;
#[cfg(test)]
mod tests;
mod threshold;
mod variables;

pub use self::body::{
    OfBody, alarm_of_body, notification_of_body, of_body, plan_of_body, suppression_of_body,
    threshold_of_body,
};
pub use self::check::expected_type;
pub use self::details::value;
use self::disk::Unread;
use self::document::{Document, is_nothing};
pub use self::object::{
    HIDDEN, body_of_alarm, body_of_check, body_of_notification, body_of_plan, body_of_suppression,
    body_of_threshold, number, shown_check, shown_notification,
};
pub use self::threshold::MOST_THRESHOLDS;
pub use self::variables::replaced;
use super::files::{Files, Named};
use super::near::did_you_mean;
use super::options::{self, CONFIG, DIMENSION, TAGS};
use super::problems::{Blame, Problem};
use super::text::{Form, Source};
use super::typed::Typed;
use super::yaml::{self, Key, Node, Value};

use crate::model::CheckType;

impl Files {
    fn of(sources: Vec<Result<Source, Unread>>, table: &[&'static CheckType]) -> Self {
        let read = sources.iter().filter_map(|of| of.as_ref().ok().cloned());
        let mut files = Self { sources: read.collect(), ..Self::default() };
        sources.into_iter().for_each(|source| files.add(source, table));
        files
    }

    /// Adds one file, or why it cannot be read.
    fn add(&mut self, source: Result<Source, Unread>, table: &[&'static CheckType]) {
        let Source { name, form, text } = match source {
            Ok(source) => source,
            Err(Unread { text, is_of_checks }) => {
                let blame = if is_of_checks { Blame::Check } else { Blame::File };
                return self.problems.push(Problem { text, blame });
            }
        };
        let mut document = Document::of(&name);
        let root = match yaml::parse(&text) {
            Ok(root) => root,
            Err(problems) => {
                for problem in problems {
                    document.note(problem.place, &problem.text);
                }
                None
            }
        };
        match (root, form) {
            (None, Form::Main) if document.problems.is_empty() => {
                document.warn(None, "it is empty: it has no option and no check");
            }
            (None, Form::Main) => {}
            (None, Form::Check(_)) if !document.problems.is_empty() => {
                document.blame_check_since(0);
            }
            (None, Form::Check(_)) => {
                document.warn(None, "it is empty, and no check comes of it");
            }
            (Some(root), Form::Main) => self.main(&root, table, &mut document),
            (Some(root), Form::Check(id)) => {
                let id = Key { place: root.place, text: id };
                self.check(&id, &root, table, &mut document);
            }
        }
        self.problems.append(&mut document.problems);
        self.warnings.append(&mut document.warnings);
    }

    /// A file with options and checks.
    fn main(&mut self, root: &Node, table: &[&'static CheckType], document: &mut Document<'_>) {
        let Some(entries) = document.map("the file", root) else { return };
        let known = options_of_file();
        let mut names: Vec<_> = known.iter().map(String::as_str).collect();
        names.extend([CHECKS, THRESHOLDS]);
        names.extend(OF_NOTIFICATIONS);
        let has_type = entries.iter().any(|(key, _)| key.text == "type");
        for (key, node) in entries {
            match key.text.as_str() {
                CHECKS => self.checks(node, table, document),
                THRESHOLDS => self.thresholds(node, document),
                section if OF_NOTIFICATIONS.contains(&section) => {
                    self.notifications(section, node, document);
                }
                option if names.contains(&option) => self.option(key, node, document),
                _ if has_type && check::is_key(&key.text) => {}
                id if is_check(node) => {
                    let text = format!("{id} is a check: put it below checks:, indented");
                    document.note(key.place, &text);
                }
                unknown => document.note(key.place, &unknown_option(unknown, &names)),
            }
        }
        if has_type {
            let text =
                "this is one check: put it below checks: and an id, or into a folder of checks";
            document.note(root.place, text);
        }
    }

    fn option(&mut self, key: &Key, node: &Node, document: &mut Document<'_>) {
        let option = key.text.as_str();
        let Some(values) = values(option, node, document) else { return };
        if !self.is_first(option, &document.at(key.place), key, document) {
            return;
        }
        self.options.insert(option.to_owned(), values);
    }

    fn checks(&mut self, node: &Node, table: &[&'static CheckType], document: &mut Document<'_>) {
        let before = document.problems.len();
        if let Value::List(_) = node.value {
            let text =
                "checks: expected each check below its id, such as root-disk:, and this is a list";
            document.note(node.place, text);
        } else if let Some(entries) = document.map(CHECKS, node) {
            if let Some((key, _)) = entries.iter().find(|(key, node)| is_misplaced(key, node)) {
                let text = format!(
                    "{0} stands where an id is expected: indent {0} below the id of its check",
                    key.text
                );
                document.note(key.place, &text);
            } else {
                entries.iter().for_each(|(id, node)| self.check(id, node, table, document));
            }
        } else if is_nothing(node) {
            document.warn(Some(node.place), "checks: there is no check below it");
        }
        document.blame_check_since(before);
    }

    /// What is below one of [`OF_NOTIFICATIONS`]. Beside a command, mistakes in it are as those of single checks.
    fn notifications(&mut self, section: &str, node: &Node, document: &mut Document<'_>) {
        let before = document.problems.len();
        for (id, node) in document.map(section, node).unwrap_or_default() {
            let what = format!("{} {}", section.trim_end_matches('s').replace('_', " "), id.text);
            if !self.is_first(&what, &document.at(id.place), id, document) {
                continue;
            }
            let all = &mut self.notifications;
            match section {
                NOTIFICATIONS => {
                    all.notifications.extend(notification::notification(id, node, document));
                }
                PLANS => {
                    if let Some((plan, named)) = notification::plan(id, node, document) {
                        all.plans.push(plan);
                        self.named_notifications.extend(named);
                    }
                }
                _ => {
                    // Times are those of the file: what has none begins with the agent.
                    all.suppressions.extend(notification::suppression(id, node, 0, document));
                }
            }
        }
        document.blame_check_since(before);
    }

    fn check(
        &mut self,
        id: &Key,
        node: &Node,
        table: &[&'static CheckType],
        document: &mut Document<'_>,
    ) {
        let before = document.problems.len();
        let alarms_of = |entries: &[(Key, Node)], document: &mut Document<'_>| {
            let alarms = entries.iter().find(|(key, _)| key.text == check::ALARMS);
            alarms.map(|(_, node)| alarm::alarms(&id.text, node, document))
        };
        let place = document.at(id.place);
        let is_first = self.is_first(&format!("check {}", id.text), &place, id, document);
        let (configured, alarms) = match &node.value {
            // CPU and memory are measured in any case, and can only have alarms.
            Value::Map(entries) if check::is_of_utilization(id, entries) => {
                (None, alarms_of(entries, document))
            }
            value => {
                let configured = check::configured(id, node, table, document);
                let alarms = match value {
                    Value::Map(entries) if configured.is_some() => alarms_of(entries, document),
                    _ => None,
                };
                (configured, alarms)
            }
        };
        for (id, alarm) in alarms.into_iter().flatten() {
            let place = document.at(id.place);
            if self.is_first(&format!("alarm {}", id.text), &place, &id, document) && is_first {
                if let Some(plan) = &alarm.notification_plan {
                    let origin = format!("{place}: alarm {}: notification_plan_id", id.text);
                    self.named_plans.push(Named { origin, id: plan.clone() });
                }
                self.alarms.push(alarm);
            }
        }
        document.blame_check_since(before);
        self.checks.extend(configured.filter(|_| is_first));
    }

    fn thresholds(&mut self, node: &Node, document: &mut Document<'_>) {
        let before = document.problems.len();
        for (id, node) in document.map(THRESHOLDS, node).unwrap_or_default() {
            let place = document.at(id.place);
            let is_first = self.is_first(&format!("threshold {}", id.text), &place, id, document);
            let threshold = threshold::threshold(id, node, document);
            let plan = threshold.as_ref().and_then(|of| of.notification_plan.clone());
            if let Some(plan) = plan {
                let origin = format!("{place}: threshold {}: notification_plan_id", id.text);
                self.named_plans.push(Named { origin, id: plan });
            }
            self.thresholds.extend(threshold.filter(|_| is_first));
            if self.thresholds.len() > MOST_THRESHOLDS {
                let text = format!("thresholds: expected at most {MOST_THRESHOLDS} of them");
                document.note(id.place, &text);
                self.thresholds.pop();
                break;
            }
        }
        document.blame_check_since(before);
    }

    /// Whether nothing else has this name. Two files that set the same would depend on their order.
    fn is_first(
        &mut self,
        what: &str,
        place: &str,
        key: &Key,
        document: &mut Document<'_>,
    ) -> bool {
        let before = self.places.insert(what.to_owned(), place.to_owned());
        if let Some(before) = &before {
            // An option has no id, which could be another one.
            let cure = if what.contains(' ') { ", or give one of them another id" } else { "" };
            let text = format!("{what} is set in {before}, too: keep one of them{cure}");
            document.note(key.place, &text);
        }
        before.is_none()
    }

    fn note(&mut self, text: String) {
        self.problems.push(Problem { text, blame: Blame::File });
    }
}

/// Whether a value is what a check has.
fn is_check(node: &Node) -> bool {
    matches!(&node.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.text == "type"))
}

/// Whether a key of a check stands where its id is expected. An id may have the same name.
fn is_misplaced(key: &Key, node: &Node) -> bool {
    check::is_key(&key.text) && matches!(node.value, Value::Scalar { .. }) && !is_nothing(node)
}

/// What a file may have, for documents.
pub mod definition {
    pub use super::check::KEYS as KEYS_OF_CHECK;
    pub use super::notification::{NOTIFICATION, PLAN, SUPPRESSION};
    pub use super::threshold::KEYS as KEYS_OF_THRESHOLD;
    pub use super::{CHECKS, NOTIFICATIONS, PLANS, SUPPRESSIONS, THRESHOLDS};
    pub use super::{options_of_file as options, takes_commas};
    pub use crate::notification::TABLE as NOTIFICATION_TYPES;
}

/// The options that a file may have: those of the command line.
pub fn options_of_file() -> Vec<String> {
    let all = options::options();
    let names = all.iter().map(|option| option.get_id().to_string());
    names.filter(|name| name != CONFIG).collect()
}

/// The values of an option: one, or a list where the option takes several.
fn values(option: &str, node: &Node, document: &mut Document<'_>) -> Option<Vec<Vec<Typed>>> {
    let is_repeated = options::is_list(option);
    match &node.value {
        Value::Map(entries) if matches!(option, DIMENSION | TAGS) => {
            let mut pairs = Vec::new();
            for (name, value) in entries {
                if name.text.contains('=') {
                    let text = format!("{option}: expected a name without =, not {:?}", name.text);
                    document.note(name.place, &text);
                }
                if let Some(value) = document.item(option, value) {
                    let text = format!("{}={}", name.text, value.text);
                    pairs.push(vec![Typed { text, ..value }]);
                }
            }
            Some(pairs)
        }
        Value::List(nodes) if is_repeated || takes_commas(option) => {
            let typed = nodes.iter().filter_map(|node| document.item(option, node));
            let typed: Vec<_> = typed.collect();
            if nodes.is_empty() && !is_repeated {
                document
                    .note(node.place, &format!("{option}: expected at least one word in the list"));
            }
            if is_repeated {
                return Some(typed.into_iter().map(|typed| vec![typed]).collect());
            }
            // Between commas an item must not have one: it would be two.
            let texts: Vec<_> = typed.iter().map(|typed| typed.text.as_str()).collect();
            let (first, text) = (typed.first()?.clone(), texts.join(","));
            Some(vec![vec![Typed { text, ..first }]])
        }
        _ => {
            let typed = document.scalar(option, node)?;
            // Blanks between commas are no values, as on the command line.
            let is_list = is_repeated && option != TAGS && !options::keeps_commas(option);
            let texts: Vec<_> = match is_list {
                true => typed.text.split(',').filter(|text| !text.trim().is_empty()).collect(),
                false => vec![typed.text.as_str()],
            };
            let typed = |text: &&str| vec![Typed { text: (*text).to_owned(), ..typed.clone() }];
            Some(texts.iter().map(typed).collect())
        }
    }
}

/// The options that take several words in one value, with commas between them.
pub fn takes_commas(option: &str) -> bool {
    matches!(option, "metrics" | "publish" | "auto-dimensions")
}

fn unknown_option(key: &str, names: &[&str]) -> String {
    format!(
        "unknown key {key:?}: expected an option such as period, checks or thresholds{}",
        did_you_mean(key, names)
    )
}

/// The key of the checks.
pub const CHECKS: &str = "checks";

/// The key of the thresholds.
pub const THRESHOLDS: &str = "thresholds";
/// The keys of what notifications are made of.
pub const NOTIFICATIONS: &str = "notifications";
pub const PLANS: &str = "notification_plans";
pub const SUPPRESSIONS: &str = "suppressions";
const OF_NOTIFICATIONS: [&str; 3] = [NOTIFICATIONS, PLANS, SUPPRESSIONS];
