//! The command line and the environment, as text.
//!
//! [`settings`](crate::config) checks all values together. So here they stay text, each with the option
//! or variable that it came from.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

pub use super::mistyped::Refusal;
use super::options::{COMMAND, DIMENSION, DIMENSION_SET, DIRECTORY, INSTALL, POD_EXCLUDE, TAGS};
pub use super::options::{PREFIX, definition, known_variables, variable};

/// The command line and environment of one run.
#[derive(Debug)]
pub struct Cli {
    matches: ArgMatches,
    /// Whether to explain what would be done instead of doing it.
    pub explain: bool,
    /// The directory to copy the program into instead; then no option means anything.
    pub install: Option<PathBuf>,
    /// The command and its arguments after `--`; `None` without `--`.
    pub command: Option<Vec<OsString>>,
}

/// A value as it was typed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    pub text: String,
    /// An option such as `--period` or a variable such as `CLOUDWATCH_METRICS_AGENT_PERIOD`.
    pub origin: String,
}

impl Cli {
    /// Reads the arguments, program name first, and for options that are not among them the
    /// environment. The refusal may also be what `--help` or `--version` asks for.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, Refusal> {
        let args: Vec<_> = args.into_iter().collect();
        if let Some(misspelt) = Refusal::of_spelling(&args) {
            return Err(misspelt);
        }
        // clap's result is the same for `--` with nothing after it and for no `--`.
        let separated = args.iter().any(|arg| arg == "--");
        let matches = definition().try_get_matches_from(&args);
        let mut matches = matches.map_err(|error| Refusal::of(&args, &error))?;
        let mut explain = false;
        match matches.remove_subcommand() {
            Some((name, mut install)) if name == INSTALL => {
                let install = install.remove_one(DIRECTORY);
                return Ok(Self { explain, install, command: None, matches });
            }
            Some((_explain, own)) => (explain, matches) = (true, own),
            None => {}
        }
        let command = matches.remove_many(COMMAND).into_iter().flatten().collect();
        let command = separated.then_some(command);
        Ok(Self { explain, install: None, command, matches })
    }

    /// The value of an option. A variable that is set to nothing counts as not set.
    pub fn value(&self, option: &str) -> Option<Typed> {
        self.values(option).pop()
    }

    /// All values of an option that may be given more than once, or with commas between several.
    pub fn values(&self, option: &str) -> Vec<Typed> {
        self.occurrences(option).into_iter().flatten().collect()
    }

    /// The values of an option that takes several at once: one list for each use.
    pub fn occurrences(&self, option: &str) -> Vec<Vec<Typed>> {
        if self.matches.try_contains_id(option).is_err() {
            return Vec::new();
        }
        let from_environment = self.matches.value_source(option) == Some(ValueSource::EnvVariable);
        let occurrences = self.matches.get_occurrences::<String>(option).into_iter().flatten();
        let origin = if from_environment { variable(option) } else { format!("--{option}") };
        let is_list = matches!(option, DIMENSION | DIMENSION_SET | TAGS | POD_EXCLUDE);
        let typed = |text: &str| Typed { text: text.to_owned(), origin: origin.clone() };
        let mut all = Vec::new();
        for values in occurrences {
            match *values.collect::<Vec<_>>() {
                // An empty variable counts as not set, and so do blanks between two commas of a list.
                [text] if is_list => {
                    let is_empty = text.trim().is_empty() && !from_environment;
                    let texts = text.split(',').filter(|text| !text.trim().is_empty() || is_empty);
                    all.extend(texts.map(|text| vec![typed(text)]));
                }
                [text] if text.is_empty() && from_environment => {}
                ref several => all.push(several.iter().map(|text| typed(text)).collect()),
            }
        }
        all
    }
}
