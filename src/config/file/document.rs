//! One file: the values in it, and what is wrong with it.

use std::collections::BTreeMap;

use super::variables;
use crate::config::near::mistyped;
use crate::config::problems::{Blame, Problem, wrong};
use crate::config::typed::Typed;
use crate::config::yaml::{Key, Node, Place, Value};
use crate::sorted::map_of;

/// A file that is being taken apart, or the body of a request.
pub struct Document<'a> {
    /// The path of a file, as it is shown. A body has none, no places, and no variables.
    name: Option<&'a str>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
}

impl<'a> Document<'a> {
    pub fn of(name: &'a str) -> Self {
        Self { name: Some(name), problems: Vec::new(), warnings: Vec::new() }
    }

    pub fn of_body() -> Self {
        Self { name: None, problems: Vec::new(), warnings: Vec::new() }
    }

    pub fn is_body(&self) -> bool {
        self.name.is_none()
    }

    /// Whether a key of a body is none of these. What other agents and newer clients send is no mistake of a user, and one
    /// of these that is mistyped is.
    pub fn is_foreign(&self, key: &str, known: &[&str]) -> bool {
        self.is_body() && !known.contains(&key) && mistyped(key, known).is_none()
    }

    /// A place in it for people; nothing in a body.
    pub fn at(&self, Place { line, column }: Place) -> String {
        self.name.map(|name| format!("{name}:{line}:{column}")).unwrap_or_default()
    }

    /// A text with its place in front, where it has one.
    pub fn told(&self, place: Place, text: &str) -> String {
        match self.is_body() {
            true => text.to_owned(),
            false => format!("{}: {text}", self.at(place)),
        }
    }

    /// Notes a problem.
    pub fn note(&mut self, place: Place, text: &str) {
        let text = self.told(place, text);
        self.problems.push(Problem { text, blame: Blame::File });
    }

    /// Notes a value that is not what was expected.
    pub fn wrong(&mut self, typed: &Typed, expected: &str) {
        let text = wrong(&typed.origin, typed.shown(), expected);
        self.problems.push(Problem { text, blame: Blame::File });
    }

    /// Notes something that is most likely a mistake, of a place or of the file.
    pub fn warn(&mut self, place: Option<Place>, text: &str) {
        let text = match (place, self.name) {
            (Some(place), _) => self.told(place, text),
            (None, Some(name)) => format!("{name}: {text}"),
            (None, None) => text.to_owned(),
        };
        self.warnings.push(text);
    }

    /// Its problems, without so many that were there before, are those of checks.
    pub fn blame_check_since(&mut self, before: usize) {
        self.problems[before..].iter_mut().for_each(|problem| problem.blame = Blame::Check);
    }

    /// A single value with its variables replaced. Nothing where there is none, and where it is no single
    /// value, which is a problem.
    pub fn scalar(&mut self, key: &str, node: &Node) -> Option<Typed> {
        let typed = self.literal(key, node)?;
        if self.is_body() {
            return Some(typed);
        }
        match variables::replaced(&typed.text) {
            Ok(text) if text == typed.text => Some(typed),
            Ok(text) => Some(Typed { literal: Some(typed.text), text, ..typed }),
            Err(problem) => {
                self.note(node.place, &format!("{key}: {problem}"));
                None
            }
        }
    }

    /// The same of an item of a list or a map, which has to be there.
    pub fn item(&mut self, key: &str, node: &Node) -> Option<Typed> {
        if is_nothing(node) {
            self.note(node.place, &format!("{key}: expected a value, and there is none"));
            return None;
        }
        self.scalar(key, node)
    }

    /// The same as it was written.
    pub fn literal(&mut self, key: &str, node: &Node) -> Option<Typed> {
        match &node.value {
            Value::Scalar { text, is_quoted } => {
                let is_there = *is_quoted || !text.is_empty();
                let origin = self.told(node.place, key);
                is_there.then(|| Typed::in_file(text, origin))
            }
            Value::List(_) => {
                self.note(node.place, &format!("{key}: expected one value, and this is a list"));
                None
            }
            Value::Map(_) => {
                self.note(node.place, &format!("{key}: expected one value, and this is a map"));
                None
            }
        }
    }

    /// Names and values of the user's own, which mean nothing here.
    pub fn texts(&mut self, key: &str, node: &Node) -> BTreeMap<String, String> {
        let entries = self.map(key, node).unwrap_or_default();
        let texts = entries
            .iter()
            .filter_map(|(key, node)| Some((key.text.clone(), self.scalar(&key.text, node)?.text)));
        map_of(texts)
    }

    /// The entries of a map; none where there is no value, or another one, which is a problem.
    pub fn map<'n>(&mut self, key: &str, node: &'n Node) -> Option<&'n [(Key, Node)]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar { text, is_quoted: false } if text.is_empty() => None,
            Value::Scalar { text, .. } => {
                // Without a blank it is one text.
                let cure = match text.split_once(':') {
                    Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                        "; put a blank behind the colon"
                    }
                    _ => "",
                };
                // Details may be secrets.
                let found = match key {
                    "details" => "one text".to_owned(),
                    _ => format!("{text:?}"),
                };
                let text = format!(
                    "{key}: expected keys with values, such as period: 60, not {found}{cure}"
                );
                self.note(node.place, &text);
                None
            }
            Value::List(_) => {
                self.note(
                    node.place,
                    &format!("{key}: expected keys with values, and this is a list"),
                );
                None
            }
        }
    }
}

/// Whether there is no value, as behind `key:` alone.
pub fn is_nothing(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, is_quoted: false } if text.is_empty())
}
