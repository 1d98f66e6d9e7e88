//! The resources, a file for each kind of them. Each is a row of the table of routes.

pub mod about;
pub mod agent;
pub mod alarm;
pub mod alarm_change;
pub mod blacklist;
pub mod change;
mod changing;
pub mod check;
pub mod check_type;
pub mod config;
pub mod delivery;
pub mod entity;
pub mod event;
pub mod host_info;
pub mod metric;
pub mod notification;
pub mod notification_type;
pub mod numbers;
pub mod overview;
pub mod page;
pub mod pushed;
pub mod run;
mod suppressed;
pub mod threshold;
pub mod threshold_change;
pub mod time;
pub mod told;
pub mod value;
pub mod value_stream;

pub use crate::clock::milliseconds;
use crate::config::number;
