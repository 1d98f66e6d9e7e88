//! Looks for a pattern in what a server answered.

use regex_lite::{Regex, RegexBuilder};
use tokio::sync::Semaphore;

use crate::blocking::{self, Purpose};

/// What an answer has to have: a regular expression, or a text where it is plain.
#[derive(Clone, Debug)]
pub enum Pattern {
    Plain(String),
    Regular(Regex),
}

impl Pattern {
    /// Of a setting of this name.
    pub fn of(setting: &str, text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!(
                "{setting}: expected at most {LONGEST} bytes, and it has {}",
                text.len()
            ));
        }
        if !text.contains(['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$']) {
            return Ok(Self::Plain(text.to_owned()));
        }
        let regular = RegexBuilder::new(text).size_limit(LARGEST).build();
        let regular = regular.map_err(|error| {
            format!("{setting} {text:?}: expected a regular expression ({error}); escape special characters with \\")
        })?;
        Ok(Self::Regular(regular))
    }

    /// The first place that matches.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Plain(plain) => {
                text.find(plain).and_then(|start| text.get(start..start + plain.len()))
            }
            Self::Regular(regular) => regular.find(text).map(|found| found.as_str()),
        }
    }

    /// The same for a long text. A regular expression takes its time, and so a helper thread.
    pub async fn find_in_long(&self, text: String) -> Result<(String, Option<String>), String> {
        let Self::Regular(_) = self else {
            let found = self.find(&text).map(str::to_owned);
            return Ok((text, found));
        };
        // One of each: a short text does not wait for a long one.
        static LONG: Semaphore = Semaphore::const_new(1);
        static SHORT: Semaphore = Semaphore::const_new(1);
        let turns = if text.len() > MOST_OF_SHORT { &LONG } else { &SHORT };
        // The semaphores are never closed. Also where the run is given up, the next waits for the thread.
        let turn = turns.acquire().await.ok();
        let pattern = self.clone();
        let look = move || {
            let found = pattern.find(&text).map(str::to_owned);
            // The turn goes back with the result: by then the thread no longer counts.
            (text, found, turn)
        };
        let found = blocking::call(Purpose::Matching, look).await;
        found.map(|(text, found, _)| (text, found)).map_err(|error| error.to_string())
    }
}

/// The beginning of a text, for a status.
pub fn beginning(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Of a pattern, in bytes.
const LONGEST: usize = 1000;

/// Of a regular expression that is ready to be used, in bytes: with more, a text of a megabyte would take
/// seconds.
const LARGEST: usize = 8 << 10;

/// Bytes of a text that is searched within some milliseconds.
const MOST_OF_SHORT: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_searches_at_once_wait_for_each_other_and_all_have_a_result() {
        let pattern = Pattern::of("body_match", "b+").expect("a pattern");
        let searches = (0..100).map(|_| pattern.find_in_long("abba".to_owned()));
        for found in join_all(searches).await {
            assert_eq!(found, Ok(("abba".to_owned(), Some("bb".to_owned()))));
        }
    }
}
