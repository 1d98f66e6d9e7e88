//! Checks of other programs, by what they say of themselves when they are asked.

pub mod apache;
pub mod mysql;
mod page;
pub mod prometheus;
pub mod redis;
mod stream;

use crate::shown::shown;

/// What a server said, for an error: cut, fit to be shown, and without the password, which some servers
/// repeat.
fn said(text: &[u8], password: Option<&str>) -> String {
    let mut text = String::from_utf8_lossy(text).into_owned();
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        text = text.replace(password, "***");
    }
    let cut: String = text.chars().take(LONGEST_SAID).collect();
    shown(&cut)
}

/// Characters of what a server said, of which a status has room beside what is to be done.
const LONGEST_SAID: usize = 120;

/// What the tests of the types share.
#[cfg(test)]
mod tests;
