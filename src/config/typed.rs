//! A value as a text, and where it stands.

use super::endpoint;

/// A value as it was typed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    pub text: String,
    /// An option such as `--period`, a variable such as `CLOUDWATCH_METRICS_AGENT_PERIOD`, or a place in a
    /// file such as `agent.yaml:3:9: period`.
    pub origin: String,
    pub is_in_file: bool,
    /// What stands in the file, where variables were replaced in it: they may hold secrets.
    pub literal: Option<String>,
}

impl Typed {
    /// A value of the command line or of a variable.
    pub fn new(text: impl Into<String>, origin: impl Into<String>) -> Self {
        let (text, origin) = (text.into(), origin.into());
        Self { text, origin, is_in_file: false, literal: None }
    }

    /// A value of a file.
    pub fn in_file(text: impl Into<String>, origin: impl Into<String>) -> Self {
        Self { is_in_file: true, ..Self::new(text, origin) }
    }

    /// The same, of which a password is not shown.
    pub fn without_password(&self) -> Self {
        Self { literal: Some(endpoint::without_password(self.shown())), ..self.clone() }
    }

    /// The text as it may be shown.
    pub fn shown(&self) -> &str {
        self.literal.as_deref().unwrap_or(&self.text)
    }
}
