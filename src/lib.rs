//! A sidecar that measures the CPU and memory utilization of what it sits beside and ships one
//! summary a period to Amazon CloudWatch.
//!
//! The modules stand in the order in which data flows through them: a [`source`] gives readings,
//! the [`sampler`] makes samples of them, a [`window`] collects the samples of one period,
//! [`aggregate`] reduces them to a summary, and [`delivery`] sees to it that a [`publisher`]
//! takes it.

// How a process comes to run: what was typed, what it means, what runs.
pub mod cli;
pub mod settings;

pub mod agent;
pub mod auto_dimensions;
mod blocking;
pub mod children;
pub mod command;
pub mod cost;
pub mod explain;
pub mod logging;
mod output;
pub mod prices;
pub mod screen;
mod shown;
pub mod signals;

// The endpoints of the place where it runs.
pub mod ecs;
mod http;
mod instance;
mod lookup;

// The way of the data.
pub mod model;

pub mod source;

pub mod sampler;

pub mod window;

pub mod aggregate;

pub mod delivery;

pub mod publisher;

// Beside it: what a terminal shows of the samples and the publishers.
pub mod live;
