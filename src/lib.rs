//! A sidecar that measures the CPU and memory utilization of what it sits beside and ships one
//! summary a period to Amazon CloudWatch.
//!
//! The modules stand in the order in which data flows through them: a [`source`] gives readings,
//! the `sampler` makes samples of them, the [`collector`] puts them into windows and reduces each
//! to a summary, and [`delivery`] sees to it that a [`publisher`] accepts it.

// How a process comes to run: what was typed, what it means, what runs.
pub mod agent;
pub mod config;

// The way of the data.
pub mod model;

pub mod source;

mod sampler;

pub mod collector;

pub mod delivery;

pub mod publisher;

// Beside it: the endpoints of the place where it runs, and what a person sees.
mod auto_dimensions;
mod blocking;
mod lookup;
mod surroundings;
mod terminal;

pub mod children;
pub mod command;
mod cost;
pub mod explain;
pub mod logging;
#[cfg(test)]
mod properties;
mod shown;
pub mod signals;
