//! A number that was asked for and has no value.

use std::time::SystemTime;

/// A number of the whole or of a container that is not measured now, for people who look for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The whole name of its metric in the built-in check.
    pub metric: String,
    pub reason: String,
    /// When that began; nothing where it was so from the start.
    pub since: Option<SystemTime>,
}
