//! History: what is kept of each metric, at full resolution and rolled up.

pub mod resolution;
