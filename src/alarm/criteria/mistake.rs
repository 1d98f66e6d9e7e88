//! Why criteria cannot be understood, and where.

use std::error::Error;
use std::fmt;
use std::ops::Range;

/// The first thing that is wrong with criteria.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// How many characters stand before it.
    pub position: usize,
    /// From 1 on.
    pub line: usize,
    /// In characters, from 1 on.
    pub column: usize,
    /// What stands there, at most [`LONGEST_TOKEN`] characters of it; empty at the end of the criteria.
    pub token: String,
    /// What stands there and what was expected, without the place.
    pub message: String,
}

impl ParseError {
    /// Of a mistake in this text.
    pub fn of(text: &str, mistake: Mistake) -> Self {
        let Mistake { at, message } = mistake;
        let before = &text[..at.start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            position: before.chars().count(),
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            token: text[at].chars().take(LONGEST_TOKEN).collect(),
            message,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl Error for ParseError {}

/// The same while the text is read: its place is counted only once, when it is known.
#[derive(Debug)]
pub struct Mistake {
    /// In bytes.
    pub at: Range<usize>,
    pub message: String,
}

/// Characters of a token that are repeated: a text may be as long as all criteria.
const LONGEST_TOKEN: usize = 200;
