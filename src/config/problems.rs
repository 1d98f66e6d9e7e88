//! The problems in the typed settings.

use std::ffi::OsString;
use std::fmt;

use super::endpoint;
use super::typed::Typed;

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub text: String,
    pub blame: Blame,
}

/// Where something that is wrong stands. Beside a command this decides what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// On the command line or in a variable.
    Typed,
    /// Nowhere: it is not set.
    Missing,
    /// In a configuration file.
    File,
    /// In a configuration file, in one of the checks.
    Check,
}

impl Problems {
    /// An endpoint. A problem does not show a password that is in it.
    pub(super) fn url(&mut self, typed: &Typed) -> Option<String> {
        let shown = typed.without_password();
        endpoint::url(&typed.text).map_err(|expected| self.add(&shown, &expected)).ok()
    }

    pub(super) fn command(&mut self, command: &[OsString]) -> Vec<OsString> {
        if command.is_empty() {
            let text = "no command after --: expected a command and its arguments";
            self.note(Blame::Typed, text.into());
        }
        command.to_vec()
    }

    pub(super) fn check<T>(&mut self, typed: &Typed, parse: Parse<T>) -> Option<T> {
        parse(&typed.text).map_err(|expected| self.add(typed, &expected)).ok()
    }

    /// A value of the API. In a file it is beside a command as if it was one of a check: only the API is left
    /// out.
    pub(super) fn of_api<T>(
        &mut self,
        typed: &Typed,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let wrong_as = |expected: String| wrong(&typed.origin, typed.shown(), &expected);
        let blame = if typed.is_in_file { Blame::Check } else { Blame::Typed };
        parse(&typed.text).map_err(|expected| self.note(blame, wrong_as(expected))).ok()
    }

    pub fn add(&mut self, typed: &Typed, expected: &str) {
        let blame = if typed.is_in_file { Blame::File } else { Blame::Typed };
        self.note(blame, wrong(&typed.origin, typed.shown(), expected));
    }

    pub(super) fn note(&mut self, blame: Blame, text: String) {
        self.0.push(Problem { text, blame });
    }

    /// Notes what is wrong with several options together.
    pub fn of_several(&mut self, text: String) {
        self.note(Blame::Typed, text);
    }

    /// Notes that an option is missing that has no variable.
    pub fn required(&mut self, option: &str, expected: &str) {
        self.note(Blame::Missing, format!("--{option} is missing: expected {expected}"));
    }

    /// Adds the problems of others.
    pub(super) fn extend(&mut self, others: &[Problem]) {
        self.0.extend_from_slice(others);
    }

    /// One problem of a configuration file.
    pub fn of_file(text: String) -> Self {
        Self(vec![Problem { text, blame: Blame::File }])
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of them are of configuration files, which never keep a command from starting. What is
    /// missing might stand in a file that is wrong.
    pub fn are_of_files(&self) -> bool {
        let is_of_file = |problem: &Problem| matches!(problem.blame, Blame::File | Blame::Check);
        self.0.iter().any(is_of_file)
            && self.0.iter().all(|problem| is_of_file(problem) || problem.blame == Blame::Missing)
    }

    /// Whether all of them are of single checks, without which the rest is right.
    pub(super) fn are_of_checks(&self) -> bool {
        self.0.iter().all(|problem| problem.blame == Blame::Check)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|problem| &*problem.text)
    }
}

/// The sentence for a value that is not what was expected.
pub fn wrong(origin: &str, text: &str, expected: &str) -> String {
    let quotes = if has_quotes(text) { QUOTES } else { "" };
    format!("{origin} {}: expected {expected}{quotes}", quoted(text))
}

/// The text in quotes; of a long one its beginning.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}

/// A value may be as long as the kernel or a file allows, and the beginning tells which one it is.
const MOST_SHOWN: usize = 200;

/// Whether a value begins or ends with quotes, as it does where a file keeps them or splits it, or where
/// they are those of a web page.
pub fn has_quotes(text: &str) -> bool {
    let inner = text.strip_prefix(QUOTE_MARKS).unwrap_or(text);
    let inner = inner.strip_suffix(QUOTE_MARKS).unwrap_or(inner);
    // With more of them, as in a part of JSON, they are meant.
    inner.len() < text.len() && !inner.contains(QUOTE_MARKS)
}

const QUOTE_MARKS: [char; 6] = ['"', '\'', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];

pub const QUOTES: &str = "; the quotes are a part of the value: leave them out";

/// The value of a text, or what was expected instead.
pub type Parse<T> = fn(&str) -> Result<T, String>;

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Problems {}
