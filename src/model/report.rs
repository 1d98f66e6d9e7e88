//! The result of one run of a check.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::metric::UTILIZATION;
use super::{Distribution, Metric};

/// What one run of a check found. What could not be measured is not among the values.
#[derive(Clone, Debug)]
pub struct Report {
    /// The id of the check.
    pub check: Rc<str>,
    /// When its values were read.
    pub time: SystemTime,
    /// The same on the clock that is never set.
    pub at: Instant,
    /// From the beginning of a run to that of the next; nothing where that is not known.
    pub period: Duration,
    /// How long the run took.
    pub took: Duration,
    /// Whether it gave a result. Without one there are no values.
    pub is_available: bool,
    /// What there is to say about the result, or why there is none: at most [`LONGEST_STATUS`] bytes.
    pub status: String,
    /// The declared metrics that have no value, each with the reason, cut as a status is.
    pub absent: Vec<(&'static str, String)>,
    /// Each in the unit of its metric.
    pub values: Vec<(Rc<Metric>, Quantity)>,
}

/// A value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    Number(f64),
    Text(String),
    Many(Distribution),
}

impl Report {
    /// The values that the source gives once a window.
    pub fn of_window(values: Vec<(Metric, f64)>) -> Self {
        let number = |(metric, value)| (Rc::new(metric), Quantity::Number(value));
        Self {
            check: UTILIZATION.into(),
            time: SystemTime::now(),
            at: Instant::now(),
            period: Duration::ZERO,
            took: Duration::ZERO,
            is_available: true,
            status: SUCCESS.to_owned(),
            absent: Vec::new(),
            values: values.into_iter().map(number).collect(),
        }
    }

    /// The values that are numbers; of many values their mean.
    pub fn numbers(&self) -> impl Iterator<Item = (&Rc<Metric>, f64)> {
        self.values.iter().filter_map(|(metric, value)| Some((metric, value.number()?)))
    }
}

impl Quantity {
    /// The number, or the mean of many, unless it is a text.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Many(values) => Some(values.mean()),
            Self::Text(_) => None,
        }
    }
}

/// A text cut to what a status may have, at a character.
pub fn cut_status(mut status: String) -> String {
    status.truncate(status.floor_char_boundary(LONGEST_STATUS));
    status
}

/// The status of a run without anything to say.
pub const SUCCESS: &str = "success";

/// Bytes of a status; what is longer is cut.
pub const LONGEST_STATUS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_cut_at_a_character() {
        assert_eq!(cut_status("x".repeat(256)).len(), 256);
        // 128 letters of two bytes fit behind none, and 127 behind one of one byte.
        assert_eq!(cut_status("é".repeat(200)), "é".repeat(128));
        assert_eq!(cut_status(format!("x{}", "é".repeat(200))), format!("x{}", "é".repeat(127)));
    }
}
