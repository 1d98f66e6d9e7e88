//! One check of a file.

use std::time::Duration;

use super::document::{Document, is_nothing};
use super::{details, publish};
use crate::config::near::{did_you_mean, nearest};
use crate::config::typed::Typed;
use crate::config::yaml::{Key, Node, Place};
use crate::config::{name, quantity};
use crate::model::{
    CheckType, Configured, DEFAULT_CHECK_PERIOD, DEFAULT_CHECK_TIMEOUT, Publication, UTILIZATION,
};

/// A check, if all of it is valid. The id is a key of the file, or the name of the file.
pub fn configured(
    id: &Key,
    node: &Node,
    table: &[&'static CheckType],
    document: &mut Document<'_>,
) -> Option<Configured> {
    let before = document.problems.len();
    if let Err(expected) = name::dimension_value(&id.text).and_then(|id| short(&id, MOST_OF_ID)) {
        document.note(id.place, &format!("check {:?}: expected {expected}", id.text));
    }
    if [".", ".."].contains(&&*id.text) {
        let text = format!("check {:?}: expected another id: paths leave it out", id.text);
        document.note(id.place, &text);
    }
    if id.text.contains("${") {
        let text =
            format!("check {:?}: variables are replaced in values, and not in an id", id.text);
        document.note(id.place, &text);
    }
    if id.text == UTILIZATION {
        let text = format!(
            "check {UTILIZATION:?}: expected another id, or alarms: alone: CPU and memory are that check"
        );
        document.note(id.place, &text);
    }
    if is_nothing(node) {
        let text = format!(
            "check {}: expected its type and what else it has, and there is nothing",
            id.text
        );
        document.note(id.place, &text);
    }
    let entries = document.map(&format!("check {}", id.text), node)?;
    unknown_keys(entries, table, document);
    let parts = Parts { entries, place: id.place, document };
    let configured = parts.configured(&id.text, table);
    configured.filter(|_| document.problems.len() == before)
}

/// Whether these are the alarms of CPU and memory.
pub fn is_of_utilization(id: &Key, entries: &[(Key, Node)]) -> bool {
    id.text == UTILIZATION && matches!(entries, [(key, _)] if key.text == ALARMS)
}

/// Whether a check has such a key.
pub fn is_key(key: &str) -> bool {
    KEYS.contains(&key) || WITHOUT_EFFECT.contains(&key)
}

/// The values of a check as they are looked for.
struct Parts<'n, 'd, 'a> {
    entries: &'n [(Key, Node)],
    place: Place,
    document: &'d mut Document<'a>,
}

impl<'n> Parts<'n, '_, '_> {
    fn configured(mut self, id: &str, table: &[&'static CheckType]) -> Option<Configured> {
        let kind = self.kind(table);
        let label = self.parse("label", |text| short(text, MOST_OF_LABEL));
        let is_disabled = self.parse("disabled", quantity::boolean).unwrap_or(false);
        let metadata = self.node("metadata");
        let metadata =
            metadata.map(|node| self.document.texts("metadata", node)).unwrap_or_default();
        let period = match self.node("period") {
            Some(_) => self.parse("period", quantity::check_period),
            None => Some(DEFAULT_CHECK_PERIOD),
        };
        let timeout = self.timeout(period);
        let period = period.unwrap_or(DEFAULT_CHECK_PERIOD);
        let kind = kind?;
        let before = self.document.problems.len();
        let details = details::details(kind, self.node("details"), self.place, self.document);
        let publish = match self.node("publish") {
            Some(node) => publish::publication(kind, node, self.document),
            None => Some(Publication::by_default(kind)),
        };
        let configured = Configured {
            id: id.to_owned(),
            kind,
            label: label.unwrap_or_else(|| id.to_owned()),
            details,
            is_disabled,
            metadata,
            period,
            timeout,
            publish: publish?,
        };
        // Incomplete details have been told already.
        if self.document.problems.len() == before
            && let Some(mistake) = configured.mistake()
        {
            let place = self.node("details").map_or(self.place, |node| node.place);
            self.document.note(place, &mistake);
        }
        Some(configured)
    }

    fn node(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
    }

    fn scalar(&mut self, key: &str) -> Option<Typed> {
        self.document.scalar(key, self.node(key)?)
    }

    fn parse<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let typed = self.scalar(key)?;
        parse(&typed.text).map_err(|expected| self.document.wrong(&typed, &expected)).ok()
    }

    fn kind(&mut self, table: &[&'static CheckType]) -> Option<&'static CheckType> {
        let names: Vec<_> = table.iter().map(|kind| kind.name).collect();
        let Some(typed) = self.scalar("type") else {
            let text = format!("type is missing: expected one of {}", names.join(", "));
            self.document.note(self.place, &text);
            return None;
        };
        let kind = table.iter().find(|kind| kind.name == typed.text);
        if kind.is_none() {
            self.document.wrong(&typed, &expected_type(&typed.text, table));
        }
        kind.copied()
    }

    /// How long a run may take: less than the period, so that no run is there when the next one is due. Where the period is
    /// wrong, nothing is said about that.
    fn timeout(&mut self, period: Option<Duration>) -> Duration {
        let period = period.unwrap_or(Duration::MAX);
        let default = DEFAULT_CHECK_TIMEOUT.min(period / 2);
        let Some(typed) = self.scalar("timeout") else { return default };
        let expected = match quantity::check_timeout(&typed.text) {
            Ok(timeout) if timeout < period => return timeout,
            Ok(_) => format!("less than the period of {} s", period.as_secs_f64()),
            Err(expected) => expected,
        };
        self.document.wrong(&typed, &expected);
        default
    }
}

/// What was expected in place of a type that there is none of. One may be meant by its last part, as in
/// `filesystem`.
pub fn expected_type(typed: &str, table: &[&'static CheckType]) -> String {
    let names: Vec<_> = table.iter().map(|kind| kind.name).collect();
    let last = |name: &&&str| name.rsplit('.').next().is_some_and(|last| last == typed);
    let near = names.iter().find(last).copied().or_else(|| nearest(typed, &names));
    let near = near.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    format!("one of {}{near}", names.join(", "))
}

fn unknown_keys(
    entries: &[(Key, Node)],
    table: &[&'static CheckType],
    document: &mut Document<'_>,
) {
    let is_detail = |key: &str| {
        let settings = table.iter().flat_map(|kind| kind.settings);
        settings.map(|setting| setting.name).any(|name| name == key)
    };
    for (key, _) in entries {
        let unknown = key.text.as_str();
        let is_foreign = document.is_foreign(unknown, KEYS) && !is_detail(unknown);
        if document.is_body() && unknown == ALARMS {
            document.warn(Some(key.place), "alarms has no effect: they are resources of their own");
        } else if WITHOUT_EFFECT.contains(&unknown) {
            document.warn(Some(key.place), &format!("{unknown} has no effect"));
        } else if KEYS.contains(&unknown) {
            continue;
        } else if is_foreign {
            let text =
                format!("unknown key {unknown:?} is ignored: a check has {}", KEYS.join(", "));
            document.warn(Some(key.place), &text);
        } else if is_detail(unknown) {
            document.note(key.place, &format!("{unknown} is a detail: put it below details:"));
        } else {
            let near = did_you_mean(unknown, KEYS);
            let text = format!("unknown key {unknown:?}: a check has {}{near}", KEYS.join(", "));
            document.note(key.place, &text);
        }
    }
}

fn short(text: &str, most: usize) -> Result<String, String> {
    match text.chars().count() {
        length if (1..=most).contains(&length) => Ok(text.to_owned()),
        length => Err(format!("1 to {most} characters, not {length}")),
    }
}

/// The key of the alarms of a check.
pub const ALARMS: &str = "alarms";

/// What a check has.
pub const KEYS: &[&str] =
    &["type", "label", "disabled", "period", "timeout", "details", "publish", "alarms", "metadata"];

/// What files of other agents have, and what is of no use here.
const WITHOUT_EFFECT: &[&str] =
    &["monitoring_zones_poll", "target_alias", "target_hostname", "target_resolver"];

const MOST_OF_ID: usize = 64;
const MOST_OF_LABEL: usize = 255;
