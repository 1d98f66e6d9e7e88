//! The definition of the commands that ask an agent that runs: `ctl`, `top` and `healthcheck`.

use clap::{Arg, ArgAction, Command, ValueHint};

use super::options::{
    API, API_TLS_CERT, API_TOKEN_FILE, ARGUMENTS, CTL, DISCARD_CHANGES, FOLLOW, FROM, HEALTHCHECK,
    OUTPUT, READY, SEVERITY, TIMEOUT, TOP, WHY, option,
};
use crate::verb::{Does, RELOAD, VERBS, Verb};

/// What is done with an agent that runs.
pub fn ctl() -> Command {
    Command::new(CTL)
        .about("Show and change what an agent that runs does: its checks, alarms and more")
        .defer(with_verbs)
}

fn with_verbs(command: Command) -> Command {
    command
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand_value_name("VERB")
        .subcommand_help_heading("Verbs")
        .args(api().map(|arg| arg.global(true)))
        .arg(token_file().global(true))
        .arg(
            option(OUTPUT, "FORMAT", "text, or json: the answer as the API gives it [default: text]")
                .global(true),
        )
        .subcommands(VERBS.iter().map(verb))
        .after_help(
            "Exit codes: 0 it is done, 1 the agent has refused it or failed, 2 the command line is wrong, \
             3 no agent has answered.",
        )
}

/// A live view of an agent that runs.
pub fn top() -> Command {
    Command::new(TOP)
        .about(
            "Show live what an agent that runs measures: CPU, memory, containers, checks, alarms",
        )
        .defer(with_options_of_top)
}

fn with_options_of_top(command: Command) -> Command {
    command.args(api()).arg(token_file()).after_help(
        "Press ? for the keys. Where standard output is no terminal, one table is printed.\n\
             Exit codes: 0 it was shown, 1 the agent has refused it, 2 the command line is wrong, \
             3 no agent has answered.",
    )
}

/// Whether an agent lives, for probes that run a command.
pub fn healthcheck() -> Command {
    Command::new(HEALTHCHECK)
        .about(
            "Exit with 0 where the agent that runs is healthy, else print why not and exit with 1",
        )
        .defer(with_options_of_healthcheck)
}

fn with_options_of_healthcheck(command: Command) -> Command {
    command
        .args(api())
        .arg(
            plain(TIMEOUT, "DURATION", "Time limit for the whole check, 0.1 s to 1 h [default: 5]")
                .allow_negative_numbers(true),
        )
        .arg(switch(READY, "Ask whether values can be asked for yet"))
}

fn verb(verb: &'static Verb) -> Command {
    let mut command = Command::new(verb.name).about(verb.about);
    let (least, most, name) = (verb.takes.0, verb.takes.1, verb.takes.2);
    if most > 0 {
        let arguments = Arg::new(ARGUMENTS).value_name(name).num_args(least.max(1)..=most);
        command = command.arg(arguments.required(least > 0).allow_negative_numbers(true));
    }
    if verb.may_change() {
        command = command.arg(plain(WHY, "TEXT", "Why it is changed, for the log of the agent"));
    }
    if verb.does == RELOAD {
        let discard = switch(DISCARD_CHANGES, "Also drop what was changed through the API");
        command = command.arg(discard);
    }
    if verb.does == Does::Events {
        command = command
            .arg(
                plain(FROM, "TIME", "Since when, in the forms of query --from [default: all]")
                    .allow_hyphen_values(true),
            )
            .arg(plain(SEVERITY, "NAME", "Only those of this severity and above"))
            .arg(switch(FOLLOW, "Print each as it happens, until this is ended"));
    }
    command
}

/// Where the agent that is asked runs.
pub fn api() -> [Arg; 2] {
    [
        option(API, "ADDRESS", "Ask the agent that runs there: its --api"),
        option(API_TLS_CERT, "FILE", "Ask with TLS the agent that has this certificate (PEM)")
            .value_hint(ValueHint::FilePath),
    ]
}

fn token_file() -> Arg {
    option(API_TOKEN_FILE, "FILE", "Token file; the first token is sent")
        .value_hint(ValueHint::FilePath)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

/// An option of a command alone, which has no variable.
fn plain(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}
