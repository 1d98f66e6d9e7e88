//! Runs checks, each at its own steady pace: the registry, what can be asked of it, and the instances.

mod instance;
mod known;
mod phase;
mod push;
mod registry;
mod remarks;
mod request;
mod requests;
#[cfg(test)]
mod tests;

pub use self::instance::{Ran, Trial};
pub use self::registry::Registry;
pub use self::request::{Listed, Refused, Reload, Reply, Request, To};
pub use self::requests::{Requests, Unanswered, Undone};
