//! The result of one run of a check.

use super::Metric;

/// What one run of a check found. What could not be measured is not among the values.
#[derive(Debug, Default)]
pub struct Report {
    /// Each in the unit of its metric.
    pub values: Vec<(Metric, f64)>,
}
