//! The program's life: take over the signals, parse, settle, log, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use cloudwatch_metrics_agent::cli::Cli;
use cloudwatch_metrics_agent::settings::Settings;
use cloudwatch_metrics_agent::signals::Signals;
use cloudwatch_metrics_agent::{agent, explain, logging};
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
    let signals = match Signals::install() {
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
            eprintln!("{problems}");
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
    let stop = CancellationToken::new();
    tokio::select! {
        ended = agent::run(&settings, stop.clone()) => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(agent::Undelivered) => ExitCode::FAILURE,
        },
        () = signals.watch(&stop) => {
            log::error!("a second signal: stopped at once, without delivering what was left");
            ExitCode::FAILURE
        }
    }
}

fn failed(error: &std::io::Error) -> ExitCode {
    eprintln!("cannot start: {error}");
    ExitCode::FAILURE
}

/// The thread that looks up a name ends soon after it, so that there is one thread again.
const NAME_LOOKUP_KEEP_ALIVE: std::time::Duration = std::time::Duration::from_millis(10);
