//! The place of a metric among all that are collected.

/// The place of a metric in the collector's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series(pub usize);
