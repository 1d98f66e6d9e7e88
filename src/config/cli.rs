//! What the user typed: the command line and the environment, as text.
//!
//! What the values mean is checked in [`settings`](crate::config), all of them together, so
//! here they stay text, each with the option or variable that it came from.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// The command line and environment of one run.
#[derive(Debug)]
pub struct Cli {
    matches: ArgMatches,
    /// Whether to explain what would be done instead of doing it.
    pub explain: bool,
    /// What stands after `--`, if that is there: a command and its arguments.
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
    /// environment. The error may also be `--help` or `--version`.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let args: Vec<_> = args.into_iter().collect();
        // What clap gives does not tell `--` with nothing after it from no `--`.
        let separated = args.iter().any(|arg| arg == "--");
        let mut matches = definition().try_get_matches_from(args)?;
        let explain = matches.remove_subcommand().map(|(_explain, matches)| matches);
        let is_explain = explain.is_some();
        let mut matches = explain.unwrap_or(matches);
        let command = matches.remove_many(COMMAND).into_iter().flatten().collect();
        Ok(Self { explain: is_explain, command: separated.then_some(command), matches })
    }

    /// The value of an option. A variable that is set to nothing counts as not set.
    pub fn value(&self, option: &str) -> Option<Typed> {
        self.values(option).pop()
    }

    /// All values of an option that may be given more than once. A variable gives several, with
    /// commas between them.
    pub fn values(&self, option: &str) -> Vec<Typed> {
        self.occurrences(option).into_iter().flatten().collect()
    }

    /// The values of an option that takes several at once, those of each use together.
    pub fn occurrences(&self, option: &str) -> Vec<Vec<Typed>> {
        if self.matches.try_contains_id(option).is_err() {
            return Vec::new();
        }
        let from_environment = self.matches.value_source(option) == Some(ValueSource::EnvVariable);
        let occurrences = self.matches.get_occurrences::<String>(option).into_iter().flatten();
        if !from_environment {
            let typed = |text: &String| Typed { text: text.clone(), origin: format!("--{option}") };
            return occurrences.map(|values| values.map(typed).collect()).collect();
        }
        let repeatable = matches!(option, DIMENSION | DIMENSION_SET | TAGS | POD_EXCLUDE);
        occurrences
            .flatten()
            .flat_map(|text| text.split(move |c| repeatable && c == ','))
            // An empty variable counts as not set; in a list also blanks between two commas.
            .filter(|text| !text.trim().is_empty() || !repeatable && !text.is_empty())
            .map(|text| vec![Typed { text: text.to_owned(), origin: variable(option) }])
            .collect()
    }
}

/// The environment variable of an option.
pub fn variable(option: &str) -> String {
    format!("{PREFIX}{}", option.to_uppercase().replace('-', "_"))
}

/// The variables of all options.
pub fn known_variables() -> Vec<String> {
    options().iter().map(|option| variable(option.get_id().as_str())).collect()
}

/// What the variables of this program begin with.
pub const PREFIX: &str = "CLOUDWATCH_METRICS_AGENT_";

/// The definition of the command line.
pub fn definition() -> Command {
    Command::new(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Measures CPU and memory use and sends a summary every period to Amazon CloudWatch.")
        .override_usage(concat!(
            env!("CARGO_PKG_NAME"),
            " [explain] --namespace <NAMESPACE> --service <SERVICE> [OPTIONS] [-- <COMMAND>...]"
        ))
        .disable_help_subcommand(true)
        .args(options())
        .arg(command_argument(
            "Run this command, forward signals to it, and exit with its exit code",
        ))
        .args_conflicts_with_subcommands(true)
        .subcommand(
            Command::new("explain")
                .about("Show what would be measured and published, and why, then exit")
                .args(options())
                .arg(command_argument("A command that would be run; it is not")),
        )
        .after_help(
            "Each option has an environment variable, such as CLOUDWATCH_METRICS_AGENT_PERIOD for \
             --period;\nthe command line wins.\n\nRUST_LOG sets the log level on standard error, for example RUST_LOG=info [default: warn].",
        )
}

fn command_argument(help: &'static str) -> Arg {
    Arg::new(COMMAND)
        .value_name("COMMAND")
        .help(help)
        .value_parser(ValueParser::os_string())
        .num_args(1..)
        .last(true)
}

fn options() -> Vec<Arg> {
    vec![
        option("namespace", "NAMESPACE", "CloudWatch namespace of the metrics; required")
            .short('n'),
        option("service", "SERVICE", "Value of the dimension ServiceName; required")
            .short('s')
            .visible_alias("service-name"),
        option("period", "SECONDS", "Time between two summaries, 1 to 86400 [default: 60]")
            .short('p'),
        flag(
            "dry-run",
            "Print the metrics, publish nothing (same as --publish console); needs no AWS",
        )
        .short('d')
        .visible_alias("dryrun"),
        option(DIMENSION, "NAME=VALUE", "Add a dimension to every metric; may be repeated")
            .action(ArgAction::Append),
        option(TAGS, "NAME VALUE", "The same as --dimension NAME=VALUE; may be repeated")
            .value_names(["NAME", "VALUE"])
            .num_args(1..=2)
            .action(ArgAction::Append),
        option(
            "auto-dimensions",
            "NAMES",
            "Dimensions to find: cluster, task-family, task-id, container, availability-zone, instance-id, hostname",
        ),
        option(
            DIMENSION_SET,
            "NAMES",
            "Publish with these dimensions only, such as A+B; may be repeated for more sets",
        )
        .action(ArgAction::Append),
        option("scope", "SCOPE", "What to measure: auto, host, container, task or pod [default: auto]"),
        option(
            "memory",
            "FORMULA",
            "Memory of a container or task: used or working-set [default: used]",
        ),
        option(
            "metrics",
            "METRICS",
            "Any of cpu, memory, throttling, oom-kills, pressure, pressure-full, io, network, processes, \
             swap, memory-peak, ephemeral-storage and fullest, with commas [default: cpu,memory]",
        ),
        flag(
            "per-container",
            "Also publish each container of an ECS task or a pod (dimension ContainerName)",
        ),
        option(
            POD_EXCLUDE,
            "NAME",
            "Leave this container out of a pod, by name or id; may be repeated",
        )
        .action(ArgAction::Append),
        option(
            "until-alone",
            "SECONDS",
            "At a signal to end, measure until the other containers of the pod or task have ended, at most this long [without a value: 30]",
        )
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true"),
        option(
            "statistics",
            "FORM",
            "median-max, or distribution (all values, so CloudWatch can compute any percentile) [default: median-max]",
        ),
        option(
            "publish",
            "PUBLISHERS",
            "Any of cloudwatch, emf and console, with commas [default: cloudwatch]",
        ),
        option(OUTPUT, "FORMAT", "Console and explain: text or json [default: text]"),
        option("sample-interval", "SECONDS", "Time between two samples, 0.1 to 60 [default: 0.9]"),
        option(
            "buffer",
            "PERIODS",
            "Undelivered summaries to keep, 0 to 1440; 0 drops them at once [default: 60]",
        ),
        option(
            "shutdown-timeout",
            "SECONDS",
            "Time limit for the last delivery at shutdown, 0 to 3600 [default: 8]",
        ),
        option(
            "region",
            "REGION",
            "AWS region [default: from the environment, the profile or the instance]",
        ),
        option("endpoint-url", "URL", "CloudWatch endpoint [default: the region's]"),
        option(
            "profile",
            "PROFILE",
            "Profile of the AWS configuration files [default: AWS_PROFILE or `default`]",
        ),
    ]
}

/// An option that may stand alone, and whose variable says yes or no.
fn flag(name: &'static str, help: &'static str) -> Arg {
    // `--dry-run=no`, never `--dry-run no`: the next argument is not the flag's value.
    let flag = option(name, "BOOL", help).num_args(0..=1).require_equals(true);
    flag.default_missing_value("true")
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    // A negative number is a wrong value and not an option, and is reported as one.
    let arg = Arg::new(name).long(name).value_name(value).help(help).allow_negative_numbers(true);
    arg.env(variable(name)).hide_env(true)
}

const COMMAND: &str = "command";
const DIMENSION: &str = "dimension";
const DIMENSION_SET: &str = "dimension-set";
const TAGS: &str = "tags";
const POD_EXCLUDE: &str = "pod-exclude";
const OUTPUT: &str = "output";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn every_option_has_its_variable() {
        for arg in definition()
            .get_arguments()
            .filter(|arg| !["help", "version", COMMAND].contains(&arg.get_id().as_str()))
        {
            let expected = variable(arg.get_id().as_str());
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
        }
    }
}
