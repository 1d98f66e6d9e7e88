//! Checks of services: real servers, started by the test, and the real binary.
#![cfg(target_os = "linux")]

mod apache;
mod http;
#[expect(clippy::panic, reason = "a test that fails says what it saw")]
mod program;
mod prometheus;
mod tcp;
mod web;
