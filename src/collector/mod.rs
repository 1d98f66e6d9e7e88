//! Puts samples into windows and reduces each window to a summary.

pub mod aggregate;
pub mod window;
