//! A sidecar that measures the CPU and memory utilization of what it sits beside and ships one
//! summary a period to Amazon CloudWatch.
//!
//! The modules stand in the order in which data flows through them: a [`source`] gives readings,
//! the `sampler` makes samples of them, the [`collector`] puts them into windows and reduces each
//! to a summary, and [`delivery`] sees to it that a [`publisher`] accepts it. What configured checks
//! find, run by the `schedule`, comes to the collector as well.

// What the program, the tests and the benchmarks need of the private modules. All else is private, so
// that the compiler finds what nothing uses.
pub use self::api::check as check_api;
pub use self::collector::{Collector, series::Table, sink::HandOut};
pub use self::config::{MemoryUse, Problems, Publish, Settings, cli, config_file};
pub use self::control::with_last_good;
pub use self::delivery::Delivery;
pub use self::model::{
    CheckType, Configured, Detail, Details, Findings, Number, Quantity, Roots, Secret, Summary,
};
pub use self::publisher::choose as publishers;
#[cfg(target_os = "linux")]
pub use self::source::{Source, container::Container, host::Host, pod::Pod, task::stats};
pub use self::store::{Bucket, Described, Part, Resolution, Store};
pub use self::terminal::full::Full;

// How a process comes to run: what was typed, what it means, what runs.
pub mod agent;
mod config;

// The way of the data.
mod model;

mod source;

mod sampler;

mod collector;

pub mod check;

mod schedule;

mod alarm;

mod blacklist;

mod threshold;

mod event;

mod notification;

mod notify;

mod lookout;

mod control;

mod delivery;

mod publisher;

mod store;

mod api;

// Beside it: the endpoints of the place where it runs, and what a person sees.
mod auto_dimensions;
mod blocking;
mod clock;
mod local_time;
mod lookup;
mod overlay;
mod permissions;
mod put_aside;
mod roots;
mod surroundings;
mod terminal;
mod writable;

pub mod answer;
pub mod children;
mod client;
pub mod command;
pub mod cost;
mod ctl;
mod dial;
mod ending;
mod exchange;
pub mod explain;
mod healthcheck;
pub mod host_info;
pub mod install;
pub mod logging;
mod printing;
#[cfg(test)]
mod properties;
mod query;
mod right_size;
mod secret;
mod shown;
pub mod signals;
mod sorted;
mod state_folder;
mod top;
mod trial;
mod upkeep;
mod verb;
mod wildcard;

/// Whether this build is also a host agent: checks, history, API, alarms, page, and the commands for them.
/// Without it, it is a sidecar alone, of a good half of the bytes.
pub const HOST_AGENT: bool = cfg!(feature = "host-agent");
