//! What is not collected: lists of checks, metrics and targets that are left out, or that alone are taken.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use regex_lite::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

use crate::model::{Metric, Report, TARGET};

/// All entries, by their ids. Without any, everything is collected.
#[derive(Debug, Default)]
pub struct Blacklist {
    entries: BTreeMap<String, Entry>,
    /// Whether metrics are collected that were seen already: patterns take a while, and each run of a check has the
    /// same metrics. A metric that is held here keeps its address.
    seen: RefCell<HashMap<*const Metric, (Rc<Metric>, bool)>>,
}

/// One entry. What it does not name it says nothing of.
#[derive(Clone, Debug)]
pub struct Entry {
    mode: Mode,
    /// Whether the texts are regular expressions.
    is_pattern: bool,
    check: Option<Text>,
    metric: Option<Text>,
    target: Option<Text>,
}

/// What becomes of what an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Exclude,
    /// Of the checks that it names, only these metrics and targets are collected.
    Include,
}

#[derive(Clone, Debug)]
struct Text {
    text: String,
    pattern: Option<Regex>,
}

/// What a metric is called here.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    pub check: &'a str,
    pub metric: &'a str,
    /// Nothing where it is of the check as a whole.
    pub target: Option<&'a str>,
}

impl Blacklist {
    pub fn all(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    pub fn set(&mut self, id: String, entry: Entry) {
        self.seen.take();
        self.entries.insert(id, entry);
    }

    pub fn into_all(self) -> BTreeMap<String, Entry> {
        self.entries
    }

    /// Sets an entry if there is none of its id, and room for it. Whether it was set.
    pub fn bring_back(&mut self, id: &str, entry: Entry) -> bool {
        let is_free = !self.entries.contains_key(id) && self.entries.len() < MOST_ENTRIES;
        if is_free {
            self.set(id.to_owned(), entry);
        }
        is_free
    }

    /// Whether there was such an entry.
    pub fn remove(&mut self, id: &str) -> bool {
        self.seen.take();
        self.entries.remove(id).is_some()
    }

    /// The entry that keeps a metric from being collected; nothing where it is collected.
    pub fn reason(&self, name: Name<'_>) -> Option<&str> {
        let excluded =
            self.entries.iter().find(|(_, of)| of.mode == Mode::Exclude && of.names(name));
        if let Some((id, _)) = excluded {
            return Some(id);
        }
        let concerned = |(_, of): &(&String, &Entry)| {
            of.mode == Mode::Include && of.check.as_ref().is_none_or(|text| text.is(name.check))
        };
        let mut concerned = self.entries.iter().filter(concerned).peekable();
        let (first, _) = concerned.peek()?;
        let first = first.as_str();
        concerned.all(|(_, of)| !of.names(name)).then_some(first)
    }

    /// What is collected of a report; nothing where that is all of it.
    pub fn filtered(&self, report: &Report) -> Option<Report> {
        if self.entries.is_empty() {
            return None;
        }
        let mut seen = self.seen.borrow_mut();
        if seen.len() > MOST_SEEN {
            seen.clear();
        }
        let mut is_collected = |metric: &Rc<Metric>| {
            let found = || (metric.clone(), self.is_collected(&report.check, metric));
            seen.entry(Rc::as_ptr(metric)).or_insert_with(found).1
        };
        let is_missed = |metric: &'static str| {
            let name = Name { check: &report.check, metric, target: None };
            self.reason(name).is_none()
        };
        if report.values.iter().all(|(metric, _)| is_collected(metric))
            && report.absent.iter().all(|(name, _)| is_missed(name))
        {
            return None;
        }
        let mut report = report.clone();
        report.values.retain(|(metric, _)| is_collected(metric));
        // Nobody misses what is not to be collected.
        report.absent.retain(|(name, _)| is_missed(name));
        Some(report)
    }

    fn is_collected(&self, check: &str, metric: &Metric) -> bool {
        let target = metric.dimensions.iter().find(|(name, _)| name == TARGET);
        let target = target.map(|(_, value)| &**value);
        let name = Name { check, metric: &metric.name, target };
        metric.is_availability || self.reason(name).is_none()
    }
}

impl Entry {
    /// The entry that a body describes, or all that is wrong with it.
    pub fn of(body: &Map<String, Value>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut word = |name: &str, default, known: [&str; 2]| match body.get(name) {
            None | Some(Value::Null) => default,
            Some(Value::String(text)) if known.contains(&&**text) => text == known[1],
            Some(other) => {
                problems
                    .push(format!("{name}: expected {} or {}, not {other}", known[0], known[1]));
                default
            }
        };
        let mode =
            if word("mode", false, ["exclude", "include"]) { Mode::Include } else { Mode::Exclude };
        let is_pattern = word("match", false, ["exact", "regex"]);
        let mut text = |name: &str| match body.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => match Text::of(text, is_pattern) {
                Ok(text) => Some(text),
                Err(why) => {
                    problems.push(format!("{name} {text:?}: {why}"));
                    None
                }
            },
            Some(other) => {
                problems.push(format!("{name}: expected a text, not {other}"));
                None
            }
        };
        let [check, metric, target] = ["check", "metric", "target"].map(&mut text);
        for name in body.keys().filter(|name| !KEYS.contains(&&***name)) {
            problems.push(format!("unknown key {name:?}: an entry has {}", KEYS.join(", ")));
        }
        if problems.is_empty() && [&check, &metric, &target].iter().all(|text| text.is_none()) {
            problems.push("expected at least one of check, metric and target".to_owned());
        }
        if problems.is_empty() {
            Ok(Self { mode, is_pattern, check, metric, target })
        } else {
            Err(problems)
        }
    }

    /// The same as it was sent.
    pub fn body(&self) -> Value {
        let text = |of: &Option<Text>| of.as_ref().map(|of| of.text.clone());
        json!({
            "mode": if self.mode == Mode::Include { "include" } else { "exclude" },
            "match": if self.is_pattern { "regex" } else { "exact" },
            "check": text(&self.check),
            "metric": text(&self.metric),
            "target": text(&self.target),
        })
    }

    fn names(&self, name: Name<'_>) -> bool {
        let is = |text: &Option<Text>, of: &str| text.as_ref().is_none_or(|text| text.is(of));
        let is_target =
            self.target.as_ref().is_none_or(|text| name.target.is_some_and(|of| text.is(of)));
        is(&self.check, name.check) && is(&self.metric, name.metric) && is_target
    }
}

impl Text {
    fn of(text: &str, is_pattern: bool) -> Result<Self, String> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(format!("expected 1 to {LONGEST} bytes"));
        }
        let pattern = || RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build();
        let pattern = is_pattern.then(pattern).transpose();
        let pattern = pattern.map_err(|why| format!("expected a regular expression: {why}"))?;
        Ok(Self { text: text.to_owned(), pattern })
    }

    fn is(&self, of: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.is_match(of),
            None => self.text == of,
        }
    }
}

const KEYS: [&str; 5] = ["mode", "match", "check", "metric", "target"];

/// Each entry is looked at for each value.
pub const MOST_ENTRIES: usize = 100;

/// Names are shorter.
const LONGEST: usize = 256;

/// Bytes of a compiled regular expression: what a person writes has less.
const LARGEST_PATTERN: usize = 16 << 10;

/// As many metrics as there may be, and those that were replaced by others of the same name.
const MOST_SEEN: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Number, Quantity};

    fn list(entries: &[(&str, Value)]) -> Blacklist {
        let mut list = Blacklist::default();
        for (id, body) in entries {
            let entry = Entry::of(body.as_object().expect("an object")).expect("it is valid");
            assert_eq!(
                Entry::of(entry.body().as_object().expect("one")).expect("valid").body(),
                entry.body()
            );
            list.set((*id).to_owned(), entry);
        }
        list
    }

    fn reason<'a>(list: &'a Blacklist, name: &str) -> Option<&'a str> {
        let mut parts = name.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let (check, metric) = (next(), next());
        list.reason(Name { check, metric, target: parts.next() })
    }

    #[test]
    fn an_empty_list_collects_everything() {
        assert_eq!(reason(&Blacklist::default(), "disk/reads/sda"), None);
    }

    #[test]
    fn what_is_excluded_is_left_out_by_exact_names_or_patterns() {
        let list = list(&[
            ("loops", json!({ "target": "^loop[0-9]+$", "match": "regex" })),
            ("one", json!({ "check": "disk", "metric": "reads", "target": "sda" })),
            ("check", json!({ "check": "old" })),
        ]);
        for (name, expected) in [
            ("disk/reads/sda", Some("one")),
            ("disk/reads/sdb", None),
            ("disk/reads", None),
            ("disks/reads/sda", None),
            ("disk/writes/loop12", Some("loops")),
            ("disk/writes/loop", None),
            ("old/any", Some("check")),
            ("older/any", None),
        ] {
            assert_eq!(reason(&list, name), expected, "{name}");
        }
    }

    #[test]
    fn where_something_is_included_only_that_is_taken_of_the_same_checks() {
        let list = list(&[
            (
                "rx",
                json!({ "mode": "include", "check": "net", "metric": "^rx_", "match": "regex" }),
            ),
            (
                "tx",
                json!({ "mode": "include", "check": "net", "metric": "tx_bytes" , "match": "exact" }),
            ),
            ("no", json!({ "check": "^net$", "metric": "errors$", "match": "regex" })),
        ]);
        // With `regex` all texts of an entry are patterns.
        for (name, expected) in [
            ("net/rx_bytes", None),
            ("net/tx_bytes", None),
            ("net/tx_packets", Some("rx")),
            ("net/rx_errors", Some("no")),
            ("disk/reads", None),
        ] {
            assert_eq!(reason(&list, name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_together() {
        let body = json!({ "mode": "x", "match": 1, "check": 5, "metrc": "a" });
        let problems = Entry::of(body.as_object().expect("an object")).expect_err("it is wrong");
        assert_eq!(problems.len(), 4, "{problems:?}");
        for (body, expected) in [
            (json!({}), "expected at least one of check, metric and target"),
            (json!({ "check": "" }), "check \"\": expected 1 to 256 bytes"),
            (
                json!({ "check": "(", "match": "regex" }),
                "check \"(\": expected a regular expression: ",
            ),
            (
                json!({ "check": "a{1000}{1000}", "match": "regex" }),
                "check \"a{1000}{1000}\": expected a reg",
            ),
        ] {
            let problems =
                Entry::of(body.as_object().expect("an object")).expect_err("it is wrong");
            assert!(problems[0].starts_with(expected), "{problems:?}");
        }
    }

    #[test]
    fn a_report_keeps_what_is_collected_and_its_availability() {
        let metric = |name: &'static str, is_availability| {
            Rc::new(Metric { name: name.into(), is_availability, ..Number::Cpu.of(None) })
        };
        let value = |name, is_availability| (metric(name, is_availability), Quantity::Number(1.0));
        let values = vec![value("a", false), value("b", false), value("available", true)];
        let report = Report { check: "x".into(), values, ..Report::of_window(Vec::new()) };
        assert!(list(&[("id", json!({ "check": "y" }))]).filtered(&report).is_none());
        let filtered =
            list(&[("id", json!({ "mode": "include", "metric": "b" }))]).filtered(&report);
        let names = filtered.expect("something is left out").values;
        let names: Vec<_> = names.iter().map(|(metric, _)| metric.name.to_string()).collect();
        assert_eq!(names, ["b", "available"]);
    }

    #[test]
    fn nobody_misses_what_is_left_out() {
        let absent = vec![("a", "why".to_owned()), ("b", "why".to_owned())];
        let report = Report { check: "x".into(), absent, ..Report::of_window(Vec::new()) };
        let missed = |entry: Value| {
            let filtered = list(&[("id", entry)]).filtered(&report);
            filtered.map(|of| of.absent.iter().map(|(name, _)| *name).collect::<Vec<_>>())
        };
        assert_eq!(missed(json!({ "check": "y", "metric": "a" })), None);
        assert_eq!(missed(json!({ "metric": "a", "target": "sda" })), None, "it is of no target");
        assert_eq!(missed(json!({ "check": "x", "metric": "a" })), Some(vec!["b"]));
        assert_eq!(missed(json!({ "metric": "^[ab]$", "match": "regex" })), Some(vec![]));
        assert_eq!(missed(json!({ "mode": "include", "metric": "a" })), Some(vec!["a"]));
    }
}
