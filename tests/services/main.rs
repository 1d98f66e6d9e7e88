//! Checks of services: real servers, started by the test, and the real binary.
#![cfg(target_os = "linux")]

mod apache;
mod http;
mod program;
mod prometheus;
mod tcp;
mod tls;
mod web;
