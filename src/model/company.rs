//! Whether the agent is alone.

/// The other containers of a pod or task, as far as they can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Company {
    /// None was seen yet.
    #[default]
    Awaited,
    Present,
    /// All that were seen have ended.
    Gone,
}
