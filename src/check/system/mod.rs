//! Checks of the machine or container that this process runs in.

pub mod load_average;
