//! The names under which damaged files are kept, so that somebody can look at them.

use std::fs;
use std::io;
use std::path::Path;

/// A name that no file of the folder has, for a file of this name that is damaged. Fails where there are many: a file
/// that was put aside earlier may still be needed, so none is ever replaced.
pub fn free_name(folder: &Path, name: &str) -> io::Result<String> {
    let first = format!("{name}.damaged");
    let further = (2..=MOST).map(|number| format!("{first}.{number}"));
    let is_free = |aside: &String| {
        let found = fs::symlink_metadata(folder.join(aside));
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    std::iter::once(first.clone()).chain(further).find(is_free).ok_or_else(|| {
        io::Error::other(format!("there are {MOST} files {first} already: remove them"))
    })
}

/// Damaged versions of one file. Whoever has so many is to look at them.
const MOST: u8 = 9;
