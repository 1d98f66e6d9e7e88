//! The alarms of one check.

use std::collections::BTreeMap;

use super::document::Document;
use crate::alarm::Alarm;
use crate::alarm::criteria::Criteria;
use crate::config::near::did_you_mean;
use crate::config::yaml::{Key, Node};
use crate::config::{name, quantity};

/// Those that are valid, of the value of `alarms:` of a check with this id.
pub fn alarms(check: &str, node: &Node, document: &mut Document<'_>) -> Vec<(Key, Alarm)> {
    let entries = document.map("alarms", node).unwrap_or_default();
    let alarm = |(id, node): &(Key, Node)| Some((id.clone(), alarm(check, id, node, document)?));
    entries.iter().filter_map(alarm).collect()
}

/// An alarm of a check, if all of it is valid.
pub fn alarm(check: &str, id: &Key, node: &Node, document: &mut Document<'_>) -> Option<Alarm> {
    let before = document.problems.len();
    if let Err(expected) = name::dimension_value(&id.text) {
        document.note(id.place, &format!("alarm {:?}: expected {expected}", id.text));
    }
    let entries = document.map(&format!("alarm {}", id.text), node).unwrap_or_default();
    let mut alarm = Alarm {
        id: id.text.clone(),
        check: check.to_owned(),
        label: id.text.clone(),
        text: String::new(),
        criteria: Criteria::of_availability(),
        is_disabled: false,
        publishes: false,
        notification_plan: None,
        metadata: BTreeMap::new(),
    };
    for (key, node) in entries {
        match key.text.as_str() {
            "criteria" => {
                // Its own language has #{…} and no variables.
                let Some(typed) = document.literal("criteria", node) else { continue };
                match Criteria::parse(&typed.text) {
                    Ok(criteria) => (alarm.criteria, alarm.text) = (criteria, typed.text),
                    Err(mistake) => document.note(node.place, &format!("criteria: {mistake}")),
                }
            }
            "metadata" => alarm.metadata = document.texts("metadata", node),
            "label" => {
                let typed = document.scalar("label", node);
                alarm.label = typed.map_or_else(|| id.text.clone(), |typed| typed.text);
            }
            "notification_plan_id" => {
                let typed = document.scalar("notification_plan_id", node);
                alarm.notification_plan = typed.map(|typed| typed.text);
            }
            "disabled" | "publish" => {
                let Some(typed) = document.scalar(&key.text, node) else { continue };
                match quantity::boolean(&typed.text) {
                    Ok(is_so) if key.text == "publish" => alarm.publishes = is_so,
                    Ok(is_so) => alarm.is_disabled = is_so,
                    Err(expected) => document.wrong(&typed, &expected),
                }
            }
            unknown if document.is_foreign(unknown, KEYS) => {
                let text =
                    format!("unknown key {unknown:?} is ignored: an alarm has {}", KEYS.join(", "));
                document.warn(None, &text);
            }
            unknown => {
                let (near, known) = (did_you_mean(unknown, KEYS), KEYS.join(", "));
                let text = format!("unknown key {unknown:?}: an alarm has {known}{near}");
                document.note(key.place, &text);
            }
        }
    }
    (document.problems.len() == before).then_some(alarm)
}

const KEYS: &[&str] =
    &["label", "notification_plan_id", "criteria", "disabled", "publish", "metadata"];
