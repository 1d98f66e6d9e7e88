//! The program's life: take over the signals, parse, settle, log, start the command, run, exit
//! code.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use cloudwatch_metrics_agent::cli::Cli;
use cloudwatch_metrics_agent::command::Child;
use cloudwatch_metrics_agent::settings::Settings;
use cloudwatch_metrics_agent::signals::Signals;
use cloudwatch_metrics_agent::{agent, explain, logging, publisher};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(NAME_LOOKUP_KEEP_ALIVE)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let code = runtime.block_on(run());
    // A name lookup may still hang in its thread, and must not hold up the exit.
    runtime.shutdown_background();
    code
}

async fn run() -> ExitCode {
    // Before anything else, so that there is no instant at which a signal loses data.
    let mut signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => return failed(&error),
    };
    let cli = match Cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let settings = match Settings::new(&cli) {
        Ok(settings) => settings,
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(2);
        }
    };
    logging::init();
    if cli.explain {
        return match writeln!(std::io::stdout(), "{}", explain::run(&settings).await) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let mut child = None;
    if let Some((program, arguments)) = settings.command.split_first() {
        match Child::spawn(program, arguments, &mut signals) {
            Ok(spawned) => child = Some(spawned),
            Err(error) => {
                complain(&error);
                return error.exit_code();
            }
        }
    }
    if let Err(problem) = publisher::check(&settings) {
        // Only what was typed may keep a command from starting.
        if child.is_none() {
            complain(&problem);
            return ExitCode::from(2);
        }
        log::error!("{problem}");
    }
    let stop = CancellationToken::new();
    let measure = async {
        let ended = agent::run(&settings, stop.clone()).await;
        // A command goes on even where nothing is measured any more.
        stop.cancelled().await;
        ended
    };
    let watch = async {
        match &mut child {
            Some(child) => child.watch(&mut signals, &stop).await,
            None => signals.watch(&stop).await,
        }
    };
    let code = tokio::select! {
        ended = measure => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(agent::Undelivered) => ExitCode::FAILURE,
        },
        () = watch => {
            log::error!("a second signal: stopped at once, without delivering what was left");
            ExitCode::FAILURE
        }
    };
    child.map_or(code, |child| child.exit_code())
}

fn failed(error: &std::io::Error) -> ExitCode {
    complain(&format_args!("cannot start: {error}"));
    ExitCode::FAILURE
}

/// Where nobody reads it, the exit code still tells.
fn complain(text: &dyn Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The thread that looks up a name ends soon after it, so that there is one thread again.
const NAME_LOOKUP_KEEP_ALIVE: std::time::Duration = std::time::Duration::from_millis(10);
