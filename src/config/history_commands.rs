//! The definition of the commands that read a history: `store` and `query`.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command, ValueHint};

use super::control_commands::api;
use super::options::{
    API_TOKEN_FILE, EXPORT, FORMAT, FROM, LIST, METRIC, OUTPUT, PATH, POINTS, PRUNE, QUERY,
    RESOLUTION, SALVAGE, SELECT, STORE, STORE_SIZE, TO, VERIFY, option, output,
};

/// What is done with the file of a history that no agent has open.
pub fn store() -> Command {
    Command::new(STORE)
        .about("Verify, export, shrink or salvage the history in a folder that no agent has open")
        .defer(with_commands_of_store)
}

fn with_commands_of_store(command: Command) -> Command {
    command
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand(
            Command::new(VERIFY)
                .about(
                    "Read all of it, print what is there, and exit with 1 where a part is damaged",
                )
                .arg(path())
                .arg(output()),
        )
        .subcommand(
            Command::new(EXPORT)
                .about("Print its points")
                .arg(path())
                .arg(metric("What to print, such as utilization/cpu [default: all]").num_args(0..))
                .arg(plain(FORMAT, "FORMAT", "csv, json (an object a line) or openmetrics"))
                .arg(resolution("[default: FULL]"))
                .arg(time(FROM, "Leave out what is older, in the forms of query --from"))
                .arg(time(TO, "Only points before this time [default: now]")),
        )
        .subcommand(
            Command::new(PRUNE)
                .about(
                    "Delete points past their retention, then the oldest until the data fits --store-size, \
                     then compact the file",
                )
                .arg(path())
                .arg(option(
                    STORE_SIZE,
                    "SIZE",
                    "Most bytes that stay, 1MB to 1TB [default: all that is not too old]",
                )),
        )
        .subcommand(
            Command::new(SALVAGE)
                .about("Make a new history of what is whole in a damaged one, as the agent does at its start")
                .arg(path()),
        )
}

/// What was measured in a range of time.
pub fn query() -> Command {
    Command::new(QUERY)
        .about("Print what was measured: of an agent that runs, or from the history in a folder")
        .defer(with_options_of_query)
}

fn with_options_of_query(command: Command) -> Command {
    command
        .arg(metric("CHECK/METRIC, such as utilization/cpu, or METRIC alone where one check has it"))
        .arg(
            Arg::new(LIST)
                .long(LIST)
                .help("List the metrics that the history has")
                .action(ArgAction::SetTrue),
        )
        .args(api())
        .arg(
            option(API_TOKEN_FILE, "FILE", "Token file; the first token is sent")
                .value_hint(ValueHint::FilePath),
        )
        .arg(
            option(STORE, "DIR", "Read the folder of a history that no agent has open: its --store")
                .value_hint(ValueHint::DirPath),
        )
        .arg(time(
            FROM,
            "Since when: -90m, -7d, now, today, yesterday, 2026-11-29 (local midnight), 2026-11-29T08:00:00Z or \
             milliseconds since 1970 [default: -1h]",
        ))
        .arg(time(TO, "Until when, the same way [default: now]"))
        .arg(resolution("[default: as many points as the terminal has columns]"))
        .arg(
            plain(POINTS, "COUNT", "About so many points, in place of --resolution")
                .conflicts_with(RESOLUTION),
        )
        .arg(plain(
            SELECT,
            "NAMES",
            "Any of average, min, max and variance, with commas [default: average,min,max]",
        ))
        .arg(option(OUTPUT, "FORMAT", "text, json or csv [default: text]"))
}

fn path() -> Arg {
    Arg::new(PATH)
        .value_name("PATH")
        .help("The folder of the history, as the agent has it in --store")
        .value_parser(ValueParser::path_buf())
        .value_hint(ValueHint::DirPath)
        .required(true)
}

fn metric(help: &'static str) -> Arg {
    Arg::new(METRIC).value_name("METRIC").help(help)
}

fn resolution(default: &str) -> Arg {
    let help = format!("FULL, MIN5, MIN20, MIN60, MIN240 or MIN1440 {default}");
    plain(RESOLUTION, "RESOLUTION", "").help(help)
}

/// A time may begin with a hyphen.
fn time(name: &'static str, help: &'static str) -> Arg {
    plain(name, "TIME", help).allow_hyphen_values(true)
}

/// An option of a command alone, which has no variable.
fn plain(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help).allow_negative_numbers(true)
}
