//! Utilization at one instant.

/// CPU and memory utilization at one instant, each in percent of its limit, 0 to 100.
///
/// A part that could not be measured is `None`. Single precision halves the memory of a long
/// window and still resolves a hundred-thousandth of a percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub cpu: Option<f32>,
    pub memory: Option<f32>,
}
