//! Standard output, which may be a pipe that nobody reads.

use std::io::{Write, stdout};
use std::sync::Arc;

use crate::blocking::{self, Purpose};

/// Whether a text could be printed on standard output. A pipe that is full is waited for in a thread of its
/// own.
pub async fn print(text: String) -> bool {
    let text: Arc<str> = text.into();
    let to_print = text.clone();
    let write = move || writeln!(stdout(), "{to_print}").is_ok();
    // Without a thread it is printed all the same.
    let printed = blocking::call(Purpose::Output, write).await;
    printed.unwrap_or_else(|_| writeln!(stdout(), "{text}").is_ok())
}
