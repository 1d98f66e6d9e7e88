//! The program's life: take over the signals, parse, settle, log, start the command, run, exit
//! code.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use cloudwatch_metrics_agent::agent::Changing;
use cloudwatch_metrics_agent::children::{self, Children};
use cloudwatch_metrics_agent::cli::{Asked, Cli, Refusal};
use cloudwatch_metrics_agent::command::Command;
use cloudwatch_metrics_agent::signals::{self, Signals};
use cloudwatch_metrics_agent::{
    HOST_AGENT, Problems, Settings, agent, answer, check, check_api, cost, explain, install,
    logging, publishers, with_last_good,
};
use futures_util::FutureExt;
use nix::sys::signal::SigSet;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    // Before anything else, so that there is no instant at which a signal loses data.
    let inherited = signals::hold();
    let mut builder = Builder::new_current_thread();
    // While requests keep the thread busy, timers and sockets are looked at after so many steps of tasks, not after 61:
    // a step may take some milliseconds, and a sample would be late by all of them.
    builder.enable_all().event_interval(EVENT_INTERVAL);
    let runtime = match builder.build_local(LocalOptions::default()) {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    // A system call may still hang in its helper thread, which ends with this one.
    runtime.block_on(run(inherited))
}

async fn run(inherited: SigSet) -> ExitCode {
    let mut signals = match Signals::install(inherited) {
        Ok(signals) => signals,
        Err(error) => return failed(&error),
    };
    let mut cli = match Cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(refusal) => return refused(&refusal),
    };
    if HOST_AGENT {
        cli.read_files(check::TABLE).boxed_local().await;
    }
    match &cli.asked {
        Asked::Run | Asked::Explain => {}
        // Signals stay held: nothing half-written is left.
        Asked::Install(directory) => return installed(directory),
        _ if HOST_AGENT => return answered(&cli, &mut signals).boxed_local().await,
        // There is no other command then.
        _ => return ExitCode::FAILURE,
    }
    let typed = cli.command.clone().unwrap_or_default();
    let (mut of_files, mut broken) = (settings(&cli), Vec::new());
    let problems = problems_of_files(&of_files);
    if !problems.is_empty()
        && cli.is_run()
        && HOST_AGENT
        && let Some(last_good) = with_last_good(&cli).boxed_local().await
        && let Ok(settings) = settings(&last_good)
        && settings.errors.is_empty()
    {
        (broken, cli, of_files) = (problems, last_good, Ok(settings));
    }
    let (settings, problems) = match of_files {
        Ok(settings) => (Some(settings), None),
        // Only what was typed keeps a command from running.
        Err(problems) if problems.are_of_files() && cli.is_run() && !typed.is_empty() => {
            (None, Some(problems))
        }
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(2);
        }
    };
    if let Err(problem) = logging::init() {
        // A problem with the log never keeps a command from running.
        if typed.is_empty() {
            complain(&problem);
            return ExitCode::from(2);
        }
        log::error!("{problem}");
    }
    if let Some(settings) = settings.as_ref().filter(|_| cli.is_explain()) {
        return explained(settings, &mut signals).await;
    }
    if !broken.is_empty() {
        broken.iter().for_each(|problem| log::error!("{problem}"));
        log::error!(
            "the configuration files are broken, and those that were good last are in force: correct the files"
        );
    }
    match (&settings, &problems) {
        (Some(settings), _) => {
            settings.errors.iter().for_each(|error| log::error!("{error}"));
            settings.warnings.iter().for_each(|warning| log::warn!("{warning}"));
        }
        (None, problems) => say_unmeasured(problems.as_ref()),
    }
    let (mut command, children) = (None, Children::of_process());
    if let Some((program, arguments)) = typed.split_first() {
        match Command::spawn(program, arguments, &children, &mut signals) {
            Ok(spawned) => command = Some(spawned),
            Err(error) => {
                complain(&error);
                return error.exit_code();
            }
        }
    } else {
        if let Err(error) = signals.install_for_children() {
            return failed(&error);
        }
        // Process 1 of a namespace that others share is the parent of their orphans, also of those that
        // ended before a shell became this process by `exec`.
        if children::is_process_1() {
            children.reap();
        }
        signals.release();
    }
    if let Some(settings) = &settings {
        if command.is_some() {
            // A problem with the metrics never keeps a command from running.
            publishers::check_beside(settings);
        } else if let Err(problem) = check_files(settings).await {
            complain(&problem);
            return ExitCode::from(2);
        }
    }
    let stop = CancellationToken::new();
    // Beside a command SIGHUP is the command's.
    let has_tokens = |of: &Settings| of.api.as_ref().is_some_and(|api| api.token_file.is_some());
    let has_files = cli.has_files() || settings.as_ref().is_some_and(has_tokens);
    let reloads = has_files && command.is_none();
    let (hangups, received) = reloads.then(|| mpsc::channel(1)).unzip();
    let changing = Changing { cli, broken, hangups: received };
    let measure = async {
        let ended = match &settings {
            Some(settings) => Box::pin(agent::run(settings, changing, stop.clone())).await,
            None => Ok(()),
        };
        // The command keeps running even if measuring has ended.
        stop.cancelled().await;
        ended
    };
    let watch = async {
        match &mut command {
            Some(command) => command.watch(&mut signals, &stop).await,
            None => signals.watch(&stop, &children, hangups).await,
        }
    };
    let code = tokio::select! {
        ended = measure => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(agent::Undelivered) => ExitCode::FAILURE,
        },
        () = watch => {
            log::error!("second signal: stopped at once, undelivered windows are lost");
            ExitCode::FAILURE
        }
    };
    command.map_or(code, |command| command.exit_code())
}

/// Tells what is wrong with what the settings name.
async fn check_files(settings: &Settings) -> Result<(), String> {
    publishers::check(settings).await?;
    match HOST_AGENT {
        true => check_api(settings).boxed_local().await,
        false => Ok(()),
    }
}

/// The settings, whose checks do not publish more than is allowed.
fn settings(cli: &Cli) -> Result<Settings, Problems> {
    let mut settings = Settings::new(cli)?;
    if !settings.checks.all.is_empty()
        && let Err(too_many) = cost::check_cap(&settings)
    {
        if settings.command.is_empty() || !cli.is_run() {
            return Err(Problems::of_file(too_many));
        }
        settings.errors.push(format!("{too_many}; no check runs"));
        settings.checks.all.clear();
    }
    Ok(settings)
}

/// What is wrong with the configuration files, where nothing else is wrong.
fn problems_of_files(settings: &Result<Settings, Problems>) -> Vec<String> {
    match settings {
        Ok(settings) => settings.errors.clone(),
        Err(problems) if problems.are_of_files() => problems.iter().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    }
}

/// Says that the command runs without the agent, and why.
fn say_unmeasured(problems: Option<&Problems>) {
    problems.into_iter().flat_map(Problems::iter).for_each(|problem| log::error!("{problem}"));
    log::error!("the command runs, and nothing is measured: correct the configuration files");
}

/// Prints the answer to a question that ends with it.
async fn answered(cli: &Cli, signals: &mut Signals) -> ExitCode {
    if let Err(error) = signals.install_for_children() {
        return failed(&error);
    }
    signals.release();
    if let Asked::Check { .. } = cli.asked
        && let Err(problem) = logging::init()
    {
        complain(&problem);
        return ExitCode::from(2);
    }
    let answer = tokio::select! {
        answer = answer::to(cli) => answer,
        _ = signals.next_end() => return ExitCode::FAILURE,
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(2);
        }
    };
    if let Some(complaint) = &answer.complaint {
        complain(complaint);
    }
    match answer.text {
        Some(text) => print(text, answer.code, signals).await,
        None => answer.code,
    }
}

/// Prints a text. A signal ends that where nobody reads it.
async fn print(text: String, code: ExitCode, signals: &mut Signals) -> ExitCode {
    tokio::select! {
        is_printed = answer::print(text) => if is_printed { code } else { ExitCode::FAILURE },
        _ = signals.next_end() => ExitCode::FAILURE,
    }
}

/// Prints what was asked for, or what is wrong with the command line.
fn refused(refusal: &Refusal) -> ExitCode {
    if refusal.is_mistake {
        complain(refusal);
        return ExitCode::from(2);
    }
    // Not `println!`, which panics when the reader has closed the pipe.
    let _ = writeln!(std::io::stdout(), "{refusal}");
    ExitCode::SUCCESS
}

fn installed(directory: &Path) -> ExitCode {
    match install::run(directory) {
        Ok(done) => {
            let _ = writeln!(std::io::stdout(), "{done}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

async fn explained(settings: &Settings, signals: &mut Signals) -> ExitCode {
    if let Err(error) = signals.install_for_children() {
        return failed(&error);
    }
    signals.release();
    let explained = tokio::select! {
        explained = explain::run(settings) => explained,
        _ = signals.next_end() => return ExitCode::FAILURE,
    };
    let is_fine = explained.is_ready || !settings.check;
    let code = if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    print(explained.text, code, signals).await
}

fn failed(error: &std::io::Error) -> ExitCode {
    complain(&format_args!("cannot start: {error}"));
    ExitCode::FAILURE
}

/// If standard error is closed, the exit code still shows the failure.
fn complain(text: &dyn Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// With ten steps of 10 ms before it, a sample is late by 0.1 s at most. An idle agent looks after each wake-up anyway.
const EVENT_INTERVAL: u32 = 10;
