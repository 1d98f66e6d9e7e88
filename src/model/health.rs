//! Whether publishers accept their data, for the live view.

use std::time::SystemTime;

/// Whether a publisher's data are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub publisher: &'static str,
    pub state: PublisherState,
}

/// Whether what is sent is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublisherState {
    /// Nothing was sent yet.
    Untried,
    Works,
    Failing {
        since: SystemTime,
        /// What is wrong.
        what: String,
        /// What to do about it, where that is known.
        advice: Option<&'static str>,
    },
}
