//! Checks of what a service tells of itself.

pub mod apache;
mod page;
pub mod prometheus;
