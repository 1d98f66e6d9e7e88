//! The log: on standard error, as RUST_LOG says, warnings and errors by default.

use std::env;
use std::io::{self, IsTerminal, Write, stderr};
use std::time::SystemTime;

use env_logger::Target;

use crate::local_time::time_of_day;
use crate::shown::shown;
use crate::terminal::screen;
use crate::writable::{PIPE_BUF, is_writable};

/// Starts the log.
pub fn init() {
    let filters = env::var("RUST_LOG").unwrap_or_default();
    // On a terminal neither the date nor where a line comes from is worth its room.
    let for_a_person = stderr().is_terminal();
    // Without filters, env_logger would show errors only.
    env_logger::Builder::new()
        .parse_filters(&resolve_alias(if filters.is_empty() { "warn" } else { &filters }))
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
}

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
pub const CLOUDWATCH: &str = concat!(env!("CARGO_PKG_NAME"), "::publisher::cloudwatch");

/// The log target of the estimated cost.
pub const COST: &str = concat!(env!("CARGO_PKG_NAME"), "::cost");

/// The log target of deliveries.
pub const DELIVERY: &str = concat!(env!("CARGO_PKG_NAME"), "::delivery");

/// The log target of command mode, and of all code about child processes.
pub const COMMAND: &str = concat!(env!("CARGO_PKG_NAME"), "::command");
