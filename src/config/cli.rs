//! The command line and the environment, as text.
//!
//! [`settings`](crate::config) checks all values together. So here they stay text, each with the option
//! or variable that it came from.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

pub use super::commands::definition;
use super::files::Files;
pub use super::mistyped::Refusal;
use super::options::{
    ARGUMENTS, CHECK, COMMAND, CTL, DETAILS, DIRECTORY, EXAMPLE, EXPLAIN, EXPORT, HEALTHCHECK,
    HOST_INFO, INSTALL, LIST, METRIC, NAME, PATH, PATHS, PRUNE, QUERY, READY, SALVAGE, STORE,
    TARGETS, TOP, is_list, keeps_commas,
};
pub use super::options::{CONFIG, PREFIX, known_variables, variable};
use super::problems::{Blame, Parse, Problems};
use super::typed::Typed;
use crate::verb::Verb;

/// The command line and environment of one run.
#[derive(Clone, Debug)]
pub struct Cli {
    matches: ArgMatches,
    pub asked: Asked,
    /// The command and its arguments after `--`; `None` without `--`.
    pub command: Option<Vec<OsString>>,
    /// What stands in the configuration files, as soon as they are read.
    pub files: Files,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Measure and publish.
    Run,
    /// Explain what would be done.
    Explain,
    /// Run one check once: of a type with these details, or of a file.
    Check {
        name: String,
        details: Vec<String>,
        /// Whether the sources of the values are printed, too.
        is_explained: bool,
    },
    /// List the types of checks, or what there is to point one at.
    ListChecks,
    ListTargets(String),
    /// Tell what is wrong with these files.
    CheckConfig,
    ExampleConfig,
    /// Print something about this machine, or list what there is to print.
    HostInfo(Option<String>),
    /// Copy this program into a directory.
    Install(PathBuf),
    /// Print the points of a metric of a history, or list the metrics.
    Query(Option<String>),
    /// Something with the whole history in a folder.
    Store(PathBuf, Upkeep),
    /// Something with an agent that runs.
    Ctl(&'static Verb, Vec<String>),
    /// Show live what an agent that runs measures.
    Top,
    /// Whether an agent that runs is healthy, or whether it is ready.
    Healthcheck {
        is_ready: bool,
    },
}

/// What to do with a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Tell what is in it and whether it is whole.
    Verify,
    /// Print the points of these metrics, or of all where none is named.
    Export(Vec<String>),
    /// Remove what is too old or has no room.
    Prune,
    /// Make a new one of what is whole in a damaged one.
    Salvage,
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
        let mut asked = Asked::Run;
        if let Some((name, own)) = matches.remove_subcommand() {
            matches = own;
            asked = Asked::of(&name, &mut matches).map_err(Refusal::of_use)?;
        }
        let takes_command = matches!(asked, Asked::Run | Asked::Explain);
        let command = (takes_command && separated)
            .then(|| matches.remove_many(COMMAND).into_iter().flatten().collect());
        Ok(Self { asked, command, matches, files: Files::default() })
    }

    /// Whether there are configuration files.
    pub fn has_files(&self) -> bool {
        !self.values(CONFIG).is_empty()
    }

    pub fn is_explain(&self) -> bool {
        self.asked == Asked::Explain
    }

    /// Whether a window would be published, so that it needs names.
    pub fn is_run(&self) -> bool {
        self.asked == Asked::Run
    }

    /// The value of an option: of the command line, else of its variable, else of a file. A variable that
    /// is set to nothing counts as not set.
    pub fn value(&self, option: &str) -> Option<Typed> {
        self.values(option).pop()
    }

    /// The same without the files.
    pub fn value_of_start(&self, option: &str) -> Option<Typed> {
        self.typed(option).pop()?.pop()
    }

    /// Whether an option is on the command line itself.
    pub fn is_typed(&self, option: &str) -> bool {
        let is_there = self.matches.try_contains_id(option).is_ok();
        is_there && self.matches.value_source(option) == Some(ValueSource::CommandLine)
    }

    /// Whether a switch of the command itself is there, which has no variable.
    pub fn is_switched_on(&self, name: &str) -> bool {
        self.matches.get_flag(name)
    }

    /// All values of an option that may be given more than once, or with commas between several.
    pub fn values(&self, option: &str) -> Vec<Typed> {
        self.occurrences(option).into_iter().flatten().collect()
    }

    /// The values of an option that takes several at once: one list for each use.
    pub fn occurrences(&self, option: &str) -> Vec<Vec<Typed>> {
        let typed = match option {
            // The paths of `config check` stand alone.
            CONFIG if self.asked == Asked::CheckConfig => self.paths(),
            _ => self.typed(option),
        };
        if typed.is_empty() { self.files.values(option) } else { typed }
    }

    /// The paths that are to be checked.
    fn paths(&self) -> Vec<Vec<Typed>> {
        let paths = self.matches.get_many::<String>(PATHS).into_iter().flatten();
        let typed = |text: &String| vec![Typed::new(&**text, "config check")];
        let paths: Vec<_> = paths.map(typed).collect();
        let name = variable(CONFIG);
        let text = std::env::var(&name).ok().filter(|_| paths.is_empty()).unwrap_or_default();
        let texts = text.split(',').filter(|text| !text.trim().is_empty());
        let of_variable = texts.map(|text| vec![Typed::new(text, &*name)]);
        let of_variable: Vec<_> = of_variable.collect();
        if paths.is_empty() { of_variable } else { paths }
    }

    /// The same of the command line and the variables alone.
    fn typed(&self, option: &str) -> Vec<Vec<Typed>> {
        if self.matches.try_contains_id(option).is_err() {
            return Vec::new();
        }
        let from_environment = self.matches.value_source(option) == Some(ValueSource::EnvVariable);
        let occurrences = self.matches.get_occurrences::<String>(option).into_iter().flatten();
        let origin = if from_environment { variable(option) } else { format!("--{option}") };
        let is_list = is_list(option) && (from_environment || !keeps_commas(option));
        let typed = |text: &str| Typed::new(text, &*origin);
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

impl Asked {
    /// What a subcommand asks for. `matches` are its own, and become those of the options.
    fn of(name: &str, matches: &mut ArgMatches) -> Result<Self, &'static str> {
        Ok(match name {
            INSTALL => match matches.remove_one(DIRECTORY) {
                Some(directory) => Self::Install(directory),
                None => Self::Run,
            },
            QUERY if matches.get_flag(LIST) => match matches.remove_one::<String>(METRIC) {
                None => Self::Query(None),
                Some(_) => return Err("query --list lists all metrics: expected no metric"),
            },
            QUERY => match matches.remove_one(METRIC) {
                Some(metric) => Self::Query(Some(metric)),
                None => return Err(NO_METRIC),
            },
            STORE => {
                let Some((name, own)) = matches.remove_subcommand() else { return Ok(Self::Run) };
                *matches = own;
                let Some(folder) = matches.remove_one(PATH) else { return Ok(Self::Run) };
                let upkeep = match &*name {
                    EXPORT => {
                        let metrics = matches.remove_many(METRIC).into_iter().flatten();
                        Upkeep::Export(metrics.collect())
                    }
                    PRUNE => Upkeep::Prune,
                    SALVAGE => Upkeep::Salvage,
                    _ => Upkeep::Verify,
                };
                Self::Store(folder, upkeep)
            }
            CTL => {
                let Some((name, mut own)) = matches.remove_subcommand() else {
                    return Ok(Self::Run);
                };
                let Some(verb) = Verb::of_name(&name) else { return Ok(Self::Run) };
                let takes = verb.takes.1 > 0;
                let arguments = takes.then(|| own.remove_many(ARGUMENTS)).flatten();
                let arguments = arguments.into_iter().flatten().collect();
                *matches = own;
                Self::Ctl(verb, arguments)
            }
            TOP => Self::Top,
            HEALTHCHECK => Self::Healthcheck { is_ready: matches.get_flag(READY) },
            HOST_INFO => Self::HostInfo(matches.remove_one(NAME)),
            CONFIG => match matches.remove_subcommand() {
                Some((name, _)) if name == EXAMPLE => Self::ExampleConfig,
                Some((_, own)) => {
                    *matches = own;
                    Self::CheckConfig
                }
                None => Self::ExampleConfig,
            },
            CHECK if matches.get_flag(LIST) => Self::ListChecks,
            CHECK => {
                let details = matches.remove_many(DETAILS).into_iter().flatten().collect();
                match matches.remove_one(NAME) {
                    Some(name) if matches.get_flag(TARGETS) => Self::ListTargets(name),
                    Some(name) => {
                        let is_explained = matches.get_flag(EXPLAIN);
                        Self::Check { name, details, is_explained }
                    }
                    None => return Err(NO_TYPE),
                }
            }
            _ => Self::Explain,
        })
    }
}

const NO_METRIC: &str = concat!(
    "query: expected a metric, such as utilization/cpu; ",
    env!("CARGO_PKG_NAME"),
    " query --list lists them"
);

const NO_TYPE: &str = concat!(
    "check: expected a type, such as agent.filesystem target=/; ",
    env!("CARGO_PKG_NAME"),
    " check --list lists them"
);

impl Problems {
    /// The value of an option, or its absence: nothing typed, or a problem noted.
    pub fn optional<T>(&mut self, cli: &Cli, option: &str, parse: Parse<T>) -> Option<T> {
        self.check(&cli.value(option)?, parse)
    }

    /// Notes an option that is missing.
    pub(super) fn require(&mut self, cli: &Cli, option: &str) {
        if cli.value(option).is_none() {
            self.note(Blame::Missing, missing(option));
        }
    }
}

/// The problem of an option that is not set.
pub fn missing(option: &str) -> String {
    format!("--{option} is missing: set it or {}", variable(option))
}
