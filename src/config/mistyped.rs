//! What is wrong with a command line that cannot be read, with the right spelling.

use std::ffi::OsString;
use std::fmt;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::commands::{complete, with_host_agent};
use super::near::{did_you_mean, nearest};
use super::options::{
    API_TOKEN, CHECK, CTL, HEALTHCHECK, INSTALL, QUERY, STORE, TOP, all, is_switch,
    known_variables, of_host_agent,
};
use super::quantity;
use crate::HOST_AGENT;
use crate::shown::shown;

/// What is printed in place of a run: the help, the version, or what is wrong with the command line.
#[derive(Debug)]
pub struct Refusal {
    text: String,
    /// Whether it is not what was asked for.
    pub is_mistake: bool,
}

impl Refusal {
    /// Of the arguments, program name first, and what clap says of them.
    pub(super) fn of(args: &[OsString], error: &clap::Error) -> Self {
        let is_mistake = error.use_stderr();
        // It has no options, so what is said of those is not meant.
        let is_install = args.get(1).is_some_and(|arg| arg == INSTALL);
        let own = match is_install {
            true => no_directory(error),
            false => is_mistake.then(|| explain(args, error)).flatten(),
        };
        // An argument may be as long as the kernel allows.
        let own = own.map(|text| shown(&text));
        let text = own.unwrap_or_else(|| error.render().to_string());
        Self { text: text.trim_end().to_owned(), is_mistake }
    }

    /// Of a subcommand that lacks something.
    pub(super) fn of_use(text: &str) -> Self {
        Self { text: text.to_owned(), is_mistake: true }
    }

    /// Of an argument that clap would take for something that it is most likely not.
    pub(super) fn of_spelling(args: &[OsString]) -> Option<Self> {
        let mut options = args.iter().skip(1).take_while(|arg| *arg != "--");
        let text = options.find_map(|arg| misspelt_dashes(arg.to_str()?))?;
        Some(Self { text, is_mistake: true })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A long name behind one dash, which clap reads as short names, or behind the dash of a text.
fn misspelt_dashes(arg: &str) -> Option<String> {
    if let Some(name) = arg.strip_prefix(['\u{2013}', '\u{2014}']) {
        let name = name.trim_start_matches(['-', '\u{2013}', '\u{2014}']);
        return Some(format!(
            "unknown option {arg}: it begins with a dash and not with two hyphens; did you mean --{name}?"
        ));
    }
    let name = arg.strip_prefix('-').filter(|name| !name.starts_with('-'))?;
    let name = name.split('=').next().filter(|name| name.len() > 1)?;
    let is_known = long_names().iter().any(|known| known == name);
    is_known.then(|| {
        format!("unknown option -{name}: long names have two hyphens; did you mean --{name}?")
    })
}

/// What is said of `install` where no directory follows, or an empty text.
fn no_directory(error: &clap::Error) -> Option<String> {
    let is_missing =
        matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::InvalidValue);
    is_missing.then(|| {
        let program = env!("CARGO_PKG_NAME");
        format!(
            "{INSTALL}: expected an existing directory into which this program is copied, such as {program} {INSTALL} /agent"
        )
    })
}

fn explain(args: &[OsString], error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let wrong = text(ContextKind::InvalidArg)?;
            let is_option = wrong.starts_with('-');
            Some(if is_option { unknown_option(args, wrong) } else { unexpected(args, wrong) })
        }
        ErrorKind::InvalidSubcommand => {
            Some(no_subcommand(args, Some(text(ContextKind::InvalidSubcommand)?)))
        }
        ErrorKind::MissingSubcommand => Some(no_subcommand(args, None)),
        ErrorKind::InvalidUtf8 => {
            let is_text =
                |name: &String| std::env::var_os(name).is_none_or(|of| of.to_str().is_some());
            let wrong = known_variables().into_iter().find(|name| !is_text(name));
            Some(format!(
                "{}: expected text in UTF-8",
                wrong.unwrap_or_else(|| "an argument".to_owned())
            ))
        }
        _ => None,
    }
}

fn unknown_option(args: &[OsString], wrong: &str) -> String {
    let typed = wrong.split('=').next().unwrap_or(wrong);
    if typed.trim_start_matches('-') == CHECK {
        return format!(
            "{typed} is an option of explain: {} explain {typed} …",
            env!("CARGO_PKG_NAME")
        );
    }
    if is_left_out(typed.trim_start_matches('-')) {
        return format!("{typed} is unknown here: {SIDECAR_ALONE}");
    }
    let definition = complete();
    let (subcommand, command) = subcommand(&definition, args);
    let own = command.get_arguments().filter_map(clap::Arg::get_long).map(str::to_owned);
    // A command has few of all options, and the name of another one is no help with it.
    let names = if subcommand.is_empty() { long_names() } else { own.collect() };
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let program = env!("CARGO_PKG_NAME");
    match nearest(typed.trim_start_matches('-'), &names) {
        Some(name) => format!("unknown option {typed}: did you mean --{name}?"),
        None if subcommand.is_empty() => {
            format!("unknown option {typed}: {program} --help lists all options")
        }
        None => format!(
            "{subcommand} has no option {typed}: {program} {subcommand} --help lists those it has"
        ),
    }
}

/// What is said where the command below another one is none, or missing.
fn no_subcommand(args: &[OsString], wrong: Option<&str>) -> String {
    let definition = complete();
    let (above, command) = subcommand(&definition, args);
    let names: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
    let wrong_text = wrong.map(|wrong| format!(" {wrong:?}")).unwrap_or_default();
    let meant = wrong.map(|wrong| did_you_mean(wrong, &names)).unwrap_or_default();
    format!("{above}{wrong_text}: expected one of {}{meant}", names.join(", "))
}

/// The subcommand of a command line, with the one below it, and its definition; no name without one.
fn subcommand<'d>(definition: &'d Command, args: &[OsString]) -> (String, &'d Command) {
    let mut command = definition;
    let mut names = Vec::new();
    for arg in args.iter().skip(1).map_while(|arg| arg.to_str()) {
        let Some(next) = command.find_subcommand(arg) else { break };
        names.push(next.get_name());
        command = next;
    }
    (names.join(" "), command)
}

/// What stands alone and belongs to nothing: a value of the option before it, or a command.
fn unexpected(args: &[OsString], wrong: &str) -> String {
    let definition = complete();
    let (command, _) = subcommand(&definition, args);
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let place = args.iter().skip(1).position(|arg| arg == wrong).map_or(0, |place| place + 1);
    let before = args.get(place.wrapping_sub(1)).map_or("", |arg| arg);
    let before_that = args.get(place.wrapping_sub(2)).map_or("", |arg| arg);
    if is_switch(before.trim_start_matches('-')) && quantity::boolean(wrong).is_ok() {
        return format!(
            "{before} {wrong}: a switch has its value behind an equals sign: {before}={wrong}"
        );
    }
    if before_that == "--dimension" {
        return format!(
            "{before_that} {before} {wrong}: name and value have an equals sign between them: \
             {before_that} {before}={wrong}"
        );
    }
    let commands: Vec<_> = definition.get_subcommands().map(Command::get_name).collect();
    if [QUERY, STORE, CTL, TOP, HEALTHCHECK].iter().any(|name| command.starts_with(name)) {
        let program = definition.get_name();
        return format!(
            "unexpected argument {wrong:?}: {program} {command} --help says what it takes"
        );
    }
    if commands.contains(&wrong) {
        let program = definition.get_name();
        return format!("{wrong} has to come first: {program} {wrong} …");
    }
    if place == 1
        && !HOST_AGENT
        && with_host_agent(Command::new("")).find_subcommand(wrong).is_some()
    {
        return format!("the command {wrong} is unknown here: {SIDECAR_ALONE}");
    }
    if place == 1 && wrong == "help" {
        return format!("unexpected argument {wrong:?}: did you mean --help?");
    }
    if place == 1
        && let Some(name) = nearest(wrong, &commands)
    {
        return format!("unexpected argument {wrong:?}: did you mean {name}?");
    }
    format!(
        "unexpected argument {wrong:?}: to run it as a command, put -- before it: {} … -- {wrong}",
        env!("CARGO_PKG_NAME")
    )
}

/// Whether it is an option of the host agent, where this build is none.
pub fn is_left_out(option: &str) -> bool {
    let is_option = || of_host_agent().iter().any(|arg| arg.get_long() == Some(option));
    !HOST_AGENT && (option == API_TOKEN || is_option())
}

/// Why an option or a command is not there.
pub const SIDECAR_ALONE: &str =
    "this build is the sidecar, without checks, history and API; the releases have them";

/// The long names of all options, also their other spellings.
fn long_names() -> Vec<String> {
    let all = all();
    let names = all.iter().flat_map(|arg| arg.get_long_and_visible_aliases());
    let own = ["help", "version"].into_iter();
    names.flatten().chain(own).map(str::to_owned).collect()
}
