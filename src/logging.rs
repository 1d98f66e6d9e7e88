//! The log: on standard error, as RUST_LOG says, errors only by default.

use std::env;
use std::io::Write;
use std::time::SystemTime;

use crate::screen;

/// Starts the log.
pub fn init() {
    let filters = env::var("RUST_LOG").unwrap_or_default();
    env_logger::Builder::new()
        .parse_filters(&resolve_alias(if filters.is_empty() { "error" } else { &filters }))
        .format(|out, record| {
            let now = humantime::format_rfc3339_millis(SystemTime::now());
            let erase = screen::erase_for_log();
            let (level, target) = (record.level(), record.target());
            writeln!(out, "{erase}[{now} {level:5} {target}] {}", record.args())
        })
        .init();
}

/// `cloudwatch_metrics_agent::cloudwatch` stands for the publisher of that name, wherever its
/// module lies.
fn resolve_alias(filters: &str) -> String {
    filters.replace(
        concat!(env!("CARGO_PKG_NAME"), "::cloudwatch"),
        concat!(env!("CARGO_PKG_NAME"), "::publisher::cloudwatch"),
    )
}
