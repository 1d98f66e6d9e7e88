//! What stands in place of the first screen.

use super::metrics::Metrics;
use super::plotted::Plotted;

/// What was opened.
pub enum Page {
    Metrics(Metrics),
    Chart(Plotted),
    /// A publisher, by its name.
    Publisher(String),
    Help,
}
