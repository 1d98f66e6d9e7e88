//! The types of checks. A new one is a file in a folder here, a `mod` line and a row of [`TABLE`].

mod asking;
pub mod plugin;
pub mod service;
pub mod statsd;
pub mod system;
mod tls;

pub use crate::model::{CheckType, Declared, Form, Kind, Setting};

/// All types, in the order of the documents.
pub const TABLE: &[&CheckType] = &[
    &system::cpu::TYPE,
    &system::memory::TYPE,
    &system::filesystem::TYPE,
    &system::filesystem_state::TYPE,
    &system::disk::TYPE,
    &system::load_average::TYPE,
    &system::network::TYPE,
    &system::process::TYPE,
    &system::pressure::TYPE,
    &plugin::TYPE,
    &statsd::TYPE,
    &service::redis::TYPE,
    &service::mysql::TYPE,
];
