//! The problems in the typed settings.

use std::ffi::OsString;
use std::fmt;

use super::cli::{Cli, Typed, variable};
use super::endpoint;

/// Everything that is wrong with the settings, a line each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems(pub(super) Vec<String>);

impl Problems {
    /// The value of an option, or its absence: nothing typed, or a problem noted.
    pub(super) fn optional<T>(&mut self, cli: &Cli, option: &str, parse: Parse<T>) -> Option<T> {
        self.check(&cli.value(option)?, parse)
    }

    /// Notes an option that is missing.
    pub(super) fn require(&mut self, cli: &Cli, option: &str) {
        if cli.value(option).is_none() {
            self.0.push(missing(option));
        }
    }

    /// An endpoint. A problem does not show a password that is in it.
    pub(super) fn url(&mut self, typed: &Typed) -> Option<String> {
        let shown = Typed { text: endpoint::without_password(&typed.text), ..typed.clone() };
        endpoint::url(&typed.text).map_err(|expected| self.add(&shown, &expected)).ok()
    }

    pub(super) fn command(&mut self, command: &[OsString]) -> Vec<OsString> {
        if command.is_empty() {
            self.0.push("no command after --: expected a command and its arguments".into());
        }
        command.to_vec()
    }

    pub(super) fn check<T>(&mut self, typed: &Typed, parse: Parse<T>) -> Option<T> {
        parse(&typed.text).map_err(|expected| self.add(typed, &expected)).ok()
    }

    pub(super) fn add(&mut self, typed: &Typed, expected: &str) {
        let quotes = if has_quotes(&typed.text) { QUOTES } else { "" };
        self.0.push(format!("{} {:?}: expected {expected}{quotes}", typed.origin, typed.text));
    }
}

/// Whether a value begins or ends with quotes, as it does where a file keeps them or splits it.
fn has_quotes(text: &str) -> bool {
    text.starts_with(['"', '\'']) || text.ends_with(['"', '\''])
}

const QUOTES: &str = "; the quotes are a part of the value: leave them out";

/// The problem of an option that is not set.
pub fn missing(option: &str) -> String {
    format!("--{option} is missing: set it or {}", variable(option))
}

/// The value of a text, or what was expected instead.
pub type Parse<T> = fn(&str) -> Result<T, String>;

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}
