//! What readings are made of, for people.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// Where the value of CPU or memory comes from, as `explain` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub part: Part,
    pub values: Vec<RawValue>,
    /// How the values give what is used, in their names.
    pub formula: Cow<'static, str>,
    /// What a reader has to know beside the formula, a sentence each.
    pub notes: Vec<String>,
}

/// A number as a file or endpoint gives it, or why it cannot be told.
#[derive(Clone, Debug, PartialEq)]
pub struct RawValue {
    pub name: Cow<'static, str>,
    pub origin: String,
    pub value: Result<u64, String>,
}

/// The parts of a reading, which are measured, and fail, each by itself. Programs know them as `cpu` and
/// `memory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Cpu,
    Memory,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "CPU",
            Self::Memory => "memory",
        })
    }
}
