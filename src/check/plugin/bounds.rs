//! How much a plugin may print. What is more is an error, and not cut.

/// Metrics of one run.
pub const MOST_METRICS: usize = 20_000;

/// Bytes of one run.
pub const MOST_OUTPUT: usize = 4 << 20;

/// Bytes of a line.
pub const LONGEST_LINE: usize = 64 << 10;

/// Lines of standard error that one run puts into the log.
pub const MOST_LOGGED: usize = 20;
