//! What was asked for and has no value.

use serde_json::Value as Json;

use super::text;

/// A metric that has no value now.
#[derive(Clone, Debug)]
pub struct Unavailable {
    pub metric: String,
    pub reason: String,
    pub since_ms: Option<i64>,
}

impl Unavailable {
    /// Those of a list of an agent. One of another version has none.
    pub fn all(of: &Json) -> Vec<Self> {
        let all = of["unavailable"].as_array().into_iter().flatten();
        let one = |of: &Json| Self {
            metric: text(&of["metric"]),
            reason: text(&of["reason"]),
            since_ms: of["since"].as_i64(),
        };
        all.map(one).collect()
    }
}
