//! A value as a text, and where it stands.

/// A value as it was typed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    pub text: String,
    /// An option such as `--period`, a variable such as `CLOUDWATCH_METRICS_AGENT_PERIOD`, or a place in a
    /// file such as `agent.yaml:3:9: period`.
    pub origin: String,
    pub is_in_file: bool,
}
