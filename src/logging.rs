//! The log: on standard error, as RUST_LOG says, warnings and errors by default.

use std::env;
use std::io::{self, IsTerminal, Write, stderr};
use std::time::SystemTime;

use env_logger::Target;

use crate::local_time::time_of_day;
use crate::shown::shown;
use crate::terminal::screen;
use crate::writable::{PIPE_BUF, is_writable};

/// Starts the log. An error says what of RUST_LOG cannot be understood; the log is then as without it.
pub fn init() -> Result<(), String> {
    let typed = env::var("RUST_LOG").unwrap_or_default();
    let filters = filters(&typed);
    // On a terminal neither the date nor where a line comes from is worth its room.
    let for_a_person = stderr().is_terminal();
    env_logger::Builder::new()
        .parse_filters(filters.as_deref().unwrap_or(DEFAULT))
        .format(move |out, record| {
            let now = SystemTime::now();
            let erase = screen::erase_for_log();
            let (level, target) = (record.level(), record.target());
            let text = shown(&record.args().to_string());
            if for_a_person {
                return writeln!(out, "{erase}{} {level:5} {text}", time_of_day(now));
            }
            let now = humantime::format_rfc3339_millis(now);
            writeln!(out, "{erase}[{now} {level:5} {target}] {text}")
        })
        .target(Target::Pipe(Box::new(Log::default())))
        .init();
    filters.map(drop)
}

/// What is shown where RUST_LOG is not set: warnings, errors, and a few lines that say what is done.
const DEFAULT: &str = concat!(
    "warn,",
    env!("CARGO_PKG_NAME"),
    "::start=info,",
    env!("CARGO_PKG_NAME"),
    "::checks=info,",
    env!("CARGO_PKG_NAME"),
    "::delivery=info,",
    env!("CARGO_PKG_NAME"),
    "::report=info"
);

/// The filters that a text means. Errors of every part are shown, unless it says `off`.
fn filters(typed: &str) -> Result<String, String> {
    if typed.trim().is_empty() {
        return Ok(DEFAULT.to_owned());
    }
    // A regular expression for the texts may follow.
    let directives = typed.split('/').next().unwrap_or(typed);
    if typed.matches('/').count() > 1 {
        return Err(unknown_level(typed, ""));
    }
    let mut has_level = false;
    for directive in directives.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        match directive.split_once('=') {
            Some((_, level)) if is_level(level) => {}
            // A part alone, with all that it logs.
            None if directive.contains(['_', ':']) => {}
            None if is_level(directive) => has_level = true,
            _ => return Err(unknown_level(typed, directive)),
        }
    }
    let all = resolve_alias(typed);
    Ok(if has_level { all } else { format!("error,{all}") })
}

fn is_level(text: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text.trim()))
}

fn unknown_level(typed: &str, directive: &str) -> String {
    let word = directive.rsplit('=').next().unwrap_or(directive).to_ascii_lowercase();
    let near = LEVELS.iter().find(|level| word.starts_with(*level) || level.starts_with(&*word));
    let meant = near.filter(|_| !word.is_empty()).map(|level| format!("; did you mean {level}?"));
    format!(
        "RUST_LOG {:?}: expected error, warn, info, debug, trace or off, or PART=LEVEL, with commas{}",
        shown(typed),
        meant.unwrap_or_default()
    )
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Standard error, written to only while it accepts text without blocking. Other lines are dropped
/// and counted; the count is written before the next line that fits. So the log never holds up the
/// agent.
#[derive(Default)]
struct Log {
    dropped: u64,
}

impl Write for Log {
    /// Takes a whole line, or drops it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.dropped > 0 && is_writable(&stderr())? {
            let said = format!("[{} log lines dropped: standard error was full]\n", self.dropped);
            self.dropped = 0;
            stderr().write_all(said.as_bytes())?;
        }
        // A writable pipe is sure to accept PIPE_BUF bytes without blocking, and no more.
        for piece in line.chunks(PIPE_BUF) {
            if !is_writable(&stderr())? {
                self.dropped += 1;
                break;
            }
            stderr().write_all(piece)?;
        }
        // Also for a dropped line: a caller writes again what is reported as not written.
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The older name by which users filter the log stands for [`CLOUDWATCH`], too.
fn resolve_alias(filters: &str) -> String {
    filters.replace(concat!(env!("CARGO_PKG_NAME"), "::cloudwatch"), CLOUDWATCH)
}

/// The log target of the CloudWatch publisher. Users filter by it, also by its prefix
/// `cloudwatch_metrics_agent::publisher`. It is a constant and not the module's path, so that
/// moving code does not change it.
pub const OTLP: &str = concat!(env!("CARGO_PKG_NAME"), "::publisher::otlp");
pub const CLOUDWATCH: &str = concat!(env!("CARGO_PKG_NAME"), "::publisher::cloudwatch");

/// The log target of what is said once where all is well: what is measured, and where it is sent.
pub const START: &str = concat!(env!("CARGO_PKG_NAME"), "::start");

/// The log target of what follows a warning of a check: that it is available again.
pub const CHECKS: &str = concat!(env!("CARGO_PKG_NAME"), "::checks");

/// The log target of the report at the end that `--report` asks for.
pub const REPORT: &str = concat!(env!("CARGO_PKG_NAME"), "::report");

/// The log target of the estimated cost.
pub const COST: &str = concat!(env!("CARGO_PKG_NAME"), "::cost");

/// The log target of deliveries.
pub const DELIVERY: &str = concat!(env!("CARGO_PKG_NAME"), "::delivery");

/// The log target of command mode, and of all code about child processes.
pub const COMMAND: &str = concat!(env!("CARGO_PKG_NAME"), "::command");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_shown_whatever_is_filtered() {
        let publisher = "cloudwatch_metrics_agent::publisher=info";
        for (typed, expected) in [
            ("", DEFAULT.to_owned()),
            (" ", DEFAULT.to_owned()),
            ("info", "info".to_owned()),
            ("WARN", "WARN".to_owned()),
            ("off", "off".to_owned()),
            (publisher, format!("error,{publisher}")),
            ("warn,hyper=debug", "warn,hyper=debug".to_owned()),
            ("rustls_webpki", "error,rustls_webpki".to_owned()),
            ("debug/Sample", "debug/Sample".to_owned()),
        ] {
            assert_eq!(filters(typed), Ok(expected), "{typed:?}");
        }
    }

    #[test]
    fn a_level_that_is_none_is_refused_with_the_known_ones() {
        for (typed, meant) in [
            ("warning", "; did you mean warn?"),
            ("verbose", ""),
            ("err", "; did you mean error?"),
            ("cloudwatch_metrics_agent=information", "; did you mean info?"),
            ("info,all", ""),
            ("info/x/y", ""),
            ("3", ""),
        ] {
            let error = filters(typed).expect_err(typed);
            let start =
                format!("RUST_LOG {typed:?}: expected error, warn, info, debug, trace or off");
            assert!(
                error.starts_with(&start) && error.ends_with(&format!("commas{meant}")),
                "{error}"
            );
        }
    }
}
