//! A preview leaves no files behind, answers no requests and sends no notifications. The folders, addresses and sockets that a configuration file
//! names are those of the run that it is written for: a preview of it that was typed uses them only where they are
//! typed, too.

use super::Settings;
use super::cli::Cli;
use super::history::{History, Place};
use super::options::{API, COLLECTD_SOCKET, STATE, STORE};
use super::quantity;
use super::typed::Typed;
use crate::notification;

/// Takes back what only a file names of these, with a warning for each.
pub fn take_back(settings: &mut Settings, cli: &Cli) {
    if !is_typed(cli) {
        return;
    }
    // Each preview would send all alarms that are not OK once more.
    let notifications = settings.notifications.notifications.len();
    if notifications > 0 {
        settings.notifications = notification::Configured::default();
        settings.warnings.push(format!(
            "a preview sends no notifications; ignored from the configuration files: {notifications}"
        ));
    }
    if let Some(History { place: Place::Folder(_), .. }) = &settings.history
        && let Some(typed) = of_file(cli, STORE)
    {
        settings.history = settings.history.take().map(History::in_memory);
        settings.warnings.push(folder_warning(&typed, STORE, "the history is in memory"));
    }
    if settings.state.is_some()
        && let Some(typed) = of_file(cli, STATE)
    {
        settings.state = None;
        settings.warnings.push(folder_warning(&typed, STATE, "no changes are kept"));
    }
    // An agent with the same file may be running.
    if settings.api.is_some()
        && let Some(typed) = of_file(cli, API)
    {
        settings.api = None;
        settings.warnings.push(address_warning(&typed, API));
    }
    if settings.collectd_socket.is_some()
        && let Some(typed) = of_file(cli, COLLECTD_SOCKET)
    {
        settings.collectd_socket = None;
        settings.warnings.push(address_warning(&typed, COLLECTD_SOCKET));
    }
}

/// Whether the address that this option has in a file is left to the agent that runs with it.
pub fn leaves(cli: &Cli, option: &str) -> bool {
    is_typed(cli) && of_file(cli, option).is_some()
}

/// The value of an option, where it is that of a configuration file.
fn of_file(cli: &Cli, option: &str) -> Option<Typed> {
    cli.value(option).filter(|typed| typed.is_in_file)
}

/// Whether `--dry-run` stands on the command line. `--publish console` may be all that a machine without AWS publishes for
/// years, and so may `dry-run` of a file or of a variable.
pub fn is_typed(cli: &Cli) -> bool {
    let dry_run = cli.value_of_start("dry-run");
    let is_on = dry_run.is_some_and(|typed| quantity::boolean(&typed.text) == Ok(true));
    is_on && cli.is_typed("dry-run")
}

fn folder_warning(typed: &Typed, option: &str, instead: &str) -> String {
    format!(
        "{} has no effect in a preview, which leaves no files behind: {instead}; to use the folder, add --{option} {}",
        typed.origin,
        typed.shown()
    )
}

fn address_warning(typed: &Typed, option: &str) -> String {
    format!(
        "{} has no effect in a preview, because an agent with this file may use it; for the preview, add --{option} with another value",
        typed.origin
    )
}
