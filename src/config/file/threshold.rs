//! One threshold.

use super::document::{Document, is_nothing};
use crate::config::near::did_you_mean;
use crate::config::yaml::{Key, Node};
use crate::config::{name, quantity};
use crate::threshold::{Bounds, Missing, Of, Threshold};

/// A threshold, if all of it is valid.
pub fn threshold(id: &Key, node: &Node, document: &mut Document<'_>) -> Option<Threshold> {
    let before = document.problems.len();
    let what = format!("threshold {:?}", id.text);
    if let Err(expected) = name::dimension_value(&id.text) {
        document.note(id.place, &format!("{what}: expected {expected}"));
    }
    if id.text == EFFECTIVE {
        let text =
            format!("{what}: expected another id: /thresholds/{EFFECTIVE} of the API is taken");
        document.note(id.place, &text);
    }
    let entries = document.map(&format!("threshold {}", id.text), node).unwrap_or_default();
    let mut of = Threshold::of(&id.text);
    for (key, node) in entries {
        if !KEYS.contains(&key.text.as_str()) {
            let near = did_you_mean(&key.text, KEYS);
            let known = KEYS.join(", ");
            let text = format!("unknown key {:?}: a threshold has {known}{near}", key.text);
            document.note(key.place, &text);
        } else if !is_nothing(node) {
            set(&mut of, &key.text, node, document);
        }
    }
    if document.problems.len() > before {
        return None;
    }
    if of.matches.is_of_all() {
        let text = format!(
            "threshold {}: expected check, metric or target: it would be of each metric of each check",
            id.text
        );
        document.note(id.place, &text);
    }
    for (word, Bounds { min, max }) in [("warning", of.warning), ("failure", of.failure)] {
        let (Some(min), Some(max)) = (min, max) else { continue };
        let place = |end: &str| {
            let name = format!("{word}_{end}");
            entries.iter().find(|(key, _)| key.text == name).map_or(id.place, |(key, _)| key.place)
        };
        if min > max {
            let text = format!(
                "threshold {}: expected {word}_min {min} not to be above {word}_max {max}",
                id.text
            );
            document.note(place("min"), &text);
        } else if !of.is_inverted && of.hysteresis * 2.0 > max - min {
            // Nothing would be back by that much within both.
            let text = format!(
                "threshold {}: hysteresis {}: expected at most half of what is between {word}_min {min} and {word}_max {max}",
                id.text, of.hysteresis
            );
            document.note(place("max"), &text);
        }
    }
    if document.problems.len() > before {
        return None;
    }
    if !of.has_bounds() && of.missing == Missing::Ignore {
        let text = format!("threshold {} has no bound: all values of its metrics are OK", id.text);
        document.warn(Some(id.place), &text);
    }
    Some(of)
}

fn set(of: &mut Threshold, key: &str, node: &Node, document: &mut Document<'_>) {
    let Some(typed) = document.scalar(key, node) else { return };
    let text = typed.text.as_str();
    let set = match key {
        "label" => short(text).map(|text| of.label = text),
        "check" => short(text).map(|text| of.matches.check = Some(text)),
        "metric" => short(text).map(|text| of.matches.metric = Some(text)),
        "target" => short(text).map(|text| of.matches.target = Some(text)),
        "warning_min" => number(text).map(|number| of.warning.min = Some(number)),
        "warning_max" => number(text).map(|number| of.warning.max = Some(number)),
        "failure_min" => number(text).map(|number| of.failure.min = Some(number)),
        "failure_max" => number(text).map(|number| of.failure.max = Some(number)),
        "invert" => quantity::boolean(text).map(|yes| of.is_inverted = yes),
        "percentage" => base(text).map(|base| of.percentage = base),
        "of" => word(text, &Of::ALL, Of::name).map(|word| of.of = word),
        "hits" => {
            quantity::within(text, 1..=MOST_HITS, "a whole number").map(|hits| of.hits = hits)
        }
        "hysteresis" => match number(text) {
            Ok(number) if number >= 0.0 => Ok(number),
            _ => Err("a number from 0 on, without a unit".to_owned()),
        }
        .map(|number| of.hysteresis = number),
        "persist" => quantity::boolean(text).map(|yes| of.persists = yes),
        "persist_ok" => quantity::boolean(text).map(|yes| of.persists_ok = yes),
        "notification_plan_id" => short(text).map(|text| of.notification_plan = Some(text)),
        "missing" => word(text, &Missing::ALL, Missing::name).map(|word| of.missing = word),
        "missing_after" => quantity::within(text, 1..=MOST_HITS, "a whole number")
            .map(|times| of.missing_after = times),
        _ => quantity::boolean(text).map(|yes| of.is_disabled = yes),
    };
    set.unwrap_or_else(|expected| document.wrong(&typed, &expected));
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "a number without a unit, such as 90, -1.5 or 1e9".to_owned())
}

fn short(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=MOST_CHARACTERS => Ok(text.to_owned()),
        length => Err(format!("1 to {MOST_CHARACTERS} characters, not {length}")),
    }
}

/// The metric that values are in percent of.
fn base(text: &str) -> Result<Option<String>, String> {
    match quantity::boolean(text) {
        Ok(false) => Ok(None),
        Ok(true) => {
            Err("the name of the metric that values are taken in percent of, such as total"
                .to_owned())
        }
        Err(_) => short(text).map(Some),
    }
}

fn word<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().find(|one| name(**one) == text);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
        format!("one of {}{}", names.join(", "), did_you_mean(text, &names))
    })
}

/// What a threshold has.
pub const KEYS: &[&str] = &[
    "label",
    "check",
    "metric",
    "target",
    "warning_min",
    "warning_max",
    "failure_min",
    "failure_max",
    "invert",
    "percentage",
    "of",
    "hits",
    "hysteresis",
    "persist",
    "persist_ok",
    "missing",
    "missing_after",
    "disabled",
    "notification_plan_id",
];

/// The name of the resource that tells which threshold wins.
const EFFECTIVE: &str = "effective";

const MOST_HITS: u8 = 100;

const MOST_CHARACTERS: usize = 512;

/// Each is looked at with each metric that comes; more than this are of a client that runs wild.
pub const MOST_THRESHOLDS: usize = 1000;
