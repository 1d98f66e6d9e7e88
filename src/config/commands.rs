//! The definition of the command line: what can be asked, each with its help.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command, ValueHint};

use super::control_commands::{ctl, healthcheck, top};
use super::history_commands::{query, store};
use super::options::{
    CHECK, COMMAND, CONFIG, DETAILS, DIRECTORY, EXAMPLE, EXPLAIN, HOST_INFO, INSTALL, LIST, NAME,
    PATHS, TARGETS, check, files, options, output,
};
use crate::HOST_AGENT;

/// The definition of the command line. What each command takes is added as soon as it is the one that is asked for, or
/// with [`complete`]: a start needs none of it.
pub fn definition() -> Command {
    let command = Command::new(env!("CARGO_PKG_NAME"))
        .version(VERSION)
        .about("Measures CPU and memory use and sends a summary every period to Amazon CloudWatch or a receiver of OTLP.")
        .override_usage(usage())
        .disable_help_subcommand(true)
        .args(options())
        .arg(command_argument(
            "Run this command, forward signals to it, and exit with its exit code",
        ))
        // Only options after `explain` are read, so options before it are an error.
        .args_conflicts_with_subcommands(true)
        .subcommand(
            Command::new(EXPLAIN)
                .about("Show what would be measured and published, and why, then exit")
                .defer(with_options_of_explain),
        );
    let command = if HOST_AGENT { with_host_agent(command) } else { command };
    command
        .subcommand(
            Command::new(INSTALL)
                .about(
                    "Copy this program into a directory, for containers that mount it, then exit",
                )
                .arg(
                    Arg::new(DIRECTORY)
                        .value_name("DIR")
                        .help("The directory, which has to exist")
                        .value_parser(ValueParser::path_buf())
                        .value_hint(ValueHint::DirPath)
                        .required(true),
                ),
        )
        .after_help(AFTER_HELP)
}

/// The same with all that each command takes.
pub fn complete() -> Command {
    let mut definition = definition();
    definition.build();
    definition
}

fn with_options_of_explain(command: Command) -> Command {
    command
        .arg(check())
        .args(options())
        .arg(command_argument("A command that would be run; it is not"))
}

fn with_options_of_check(command: Command) -> Command {
    command
        .arg(
            Arg::new(NAME)
                .value_name("TYPE")
                .help("A type of checks, or with --config the id of a check"),
        )
        .arg(
            Arg::new(DETAILS)
                .value_name("KEY=VALUE")
                .help("The details of the check, such as target=/")
                .num_args(0..),
        )
        .args(files())
        .arg(output())
        .arg(switch(EXPLAIN, "Also print of each metric where it comes from, and the raw values"))
        .arg(switch(LIST, "List the types with their details and metrics"))
        .arg(switch(TARGETS, "List what a check of this type can be pointed at here"))
}

/// The commands of the host agent, too.
pub fn with_host_agent(command: Command) -> Command {
    command
        .subcommand(
            Command::new(CHECK)
                .about("Run one check once, print its result and exit with 0 if there is one, else with 1")
                .defer(with_options_of_check),
        )
        .subcommand(
            Command::new(CONFIG)
                .about("Check configuration files, or print an example")
                .subcommand_required(true)
                .disable_help_subcommand(true)
                .subcommand(
                    Command::new(CHECK)
                        .about("Check files and folders, print what is wrong and exit with 2, else with 0")
                        .arg(
                            Arg::new(PATHS)
                                .value_name("PATH")
                                .help("Files and folders [default: CLOUDWATCH_METRICS_AGENT_CONFIG]")
                                .num_args(0..)
                                .value_hint(ValueHint::AnyPath),
                        ),
                )
                .subcommand(
                    Command::new(EXAMPLE).about("Print a file with every key and what it means"),
                ),
        )
        .subcommand(
            Command::new(HOST_INFO)
                .about("Print what this machine or container is and has")
                .arg(
                    Arg::new(NAME)
                        .value_name("TYPE")
                        .help("What to print; without it the types are listed"),
                )
                .arg(output()),
        )
        .subcommand(query())
        .subcommand(store())
        .subcommand(ctl())
        .subcommand(top())
        .subcommand(healthcheck())
}

/// Of both builds, so that a user sees which one it is. The first line of the log has the number alone.
const VERSION: &str = match HOST_AGENT {
    true => env!("CARGO_PKG_VERSION"),
    false => concat!(env!("CARGO_PKG_VERSION"), " (sidecar: without the host agent)"),
};

fn usage() -> String {
    let of_host_agent = if HOST_AGENT { USES_OF_HOST_AGENT } else { &[] };
    let uses = [USES, of_host_agent, &["install DIR"]].concat();
    let lines = uses.iter().map(|of| format!("{} {of}", env!("CARGO_PKG_NAME")));
    lines.collect::<Vec<_>>().join("\n       ")
}

const USES: &[&str] = &["[OPTIONS] [-- COMMAND...]", "explain [--check] [OPTIONS] [-- COMMAND...]"];

const USES_OF_HOST_AGENT: &[&str] = &[
    "check TYPE [KEY=VALUE...]",
    "config check [PATH...] | config example",
    "host-info [TYPE]",
    "query METRIC [OPTIONS]",
    "store verify|export|prune|salvage PATH",
    "ctl VERB [ARGUMENT...] [OPTIONS]",
    "top [OPTIONS]",
    "healthcheck [OPTIONS]",
];

const AFTER_HELP: &str = "\
Examples:
  A preview of what this machine or container uses; needs no AWS and no names:
    cloudwatch_metrics_agent --dry-run --period 10
  Publish beside a service; region and credentials are found as the AWS CLI finds them:
    cloudwatch_metrics_agent --namespace MyApp --service web
  Start the service with the agent, and measure its container:
    cloudwatch_metrics_agent --namespace MyApp --service web -- my-service

Each option has a variable, for --period it is CLOUDWATCH_METRICS_AGENT_PERIOD. The command line wins.
RUST_LOG is what is logged on standard error: error, warn, info, debug or off.
By default: warnings, errors, and what is measured and where it is sent.";

fn command_argument(help: &'static str) -> Arg {
    Arg::new(COMMAND)
        .value_name("COMMAND")
        .help(help)
        .value_parser(ValueParser::os_string())
        .num_args(1..)
        .last(true)
}

/// A switch of a subcommand, which has no variable.
fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::variable;

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
