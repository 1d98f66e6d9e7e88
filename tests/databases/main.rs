//! Checks of real servers, held against what the servers' own clients say at the same time.
#![cfg(target_os = "linux")]

mod check;
mod mysql;
mod redis;
mod server;
