//! A regular expression that a text is compared with.

use regex_lite::{Regex, RegexBuilder};

/// Found anywhere in a text, unless it has `^` and `$`.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// The error says what was expected.
    pub fn of(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a regular expression of at most {LONGEST} bytes"));
        }
        let regex = RegexBuilder::new(text).size_limit(LARGEST).build();
        regex.map(Self).map_err(|error| {
            format!("a regular expression ({error}); escape special characters with \\")
        })
    }

    /// Whether it is found; nothing where the text is too long to be searched in time.
    pub fn is_in(&self, text: &str) -> Option<bool> {
        (text.len() <= LONGEST_SEARCHED).then(|| self.0.is_match(text))
    }
}

/// Of a regular expression, in bytes.
const LONGEST: usize = 1000;

/// Of one that is ready to be used, in bytes. The time of a search grows with it.
const LARGEST: usize = 8 << 10;

/// Bytes of a text. Criteria are evaluated in the one thread, where the slowest search of such a text takes 20
/// milliseconds. A status and what a server answers first are shorter.
pub const LONGEST_SEARCHED: usize = 4 << 10;
