//! What is kept, and where.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::cli::Cli;
use super::options::{STORE, STORE_SIZE, STORE_SYNC};
use super::problems::Problems;
use super::quantity::{bytes, lasting};
use crate::model::amount;
use crate::shown::shown;

/// Where the history is, and how it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    pub place: Place,
    /// Time between two commits.
    pub sync: Duration,
    /// Most bytes on disk.
    pub most_bytes: u64,
}

/// Where the history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many bytes that end with the process.
    Memory(u64),
    Folder(PathBuf),
}

impl History {
    /// Nothing without `--store`.
    pub fn new(cli: &Cli, problems: &mut Problems) -> Option<Self> {
        let place = problems.optional(cli, STORE, place);
        let sync = problems.optional(cli, STORE_SYNC, sync);
        let most_bytes = problems.optional(cli, STORE_SIZE, size);
        Some(Self {
            place: place?,
            sync: sync.unwrap_or(DEFAULT_SYNC),
            most_bytes: most_bytes.unwrap_or(DEFAULT_SIZE),
        })
    }

    /// The same without a folder.
    pub fn in_memory(self) -> Self {
        Self { place: Place::Memory(DEFAULT_MEMORY), ..self }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Memory(bytes) => write!(f, "in memory, up to {}", megabytes(*bytes)),
            Place::Folder(folder) => write!(
                f,
                "in {}, up to {}, written every {} s",
                shown(&folder.display().to_string()),
                megabytes(self.most_bytes),
                self.sync.as_secs_f64()
            ),
        }
    }
}

/// As sizes are typed: a million bytes.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", amount::rounded(bytes as f64 / 1e6))
}

/// The folder of `--store`, for a command that reads what is in it.
pub fn folder_of_history(cli: &Cli, problems: &mut Problems) -> Option<PathBuf> {
    problems.require(cli, STORE);
    problems.optional(cli, STORE, folder)
}

/// The most bytes of `--store-size`.
pub fn size_of_history(cli: &Cli, problems: &mut Problems) -> u64 {
    problems.optional(cli, STORE_SIZE, size).unwrap_or(u64::MAX)
}

fn folder(text: &str) -> Result<PathBuf, String> {
    match place(text) {
        Ok(Place::Folder(folder)) => Ok(folder),
        _ => Err("the folder of a history, such as /var/lib/history or ./history; what is in memory ends \
                  with its agent"
            .to_owned()),
    }
}

fn place(text: &str) -> Result<Place, String> {
    let expected = || {
        "memory, memory:SIZE with 100kB to 1GB, such as memory:8MB, or a folder with a slash in its path, such as \
         /var/lib/history or ./history"
            .to_owned()
    };
    match text.strip_prefix("memory") {
        Some("") => Ok(Place::Memory(DEFAULT_MEMORY)),
        Some(size) if size.starts_with(':') => {
            bytes(&size[1..], 100_000..=1_000_000_000).map(Place::Memory).ok_or_else(expected)
        }
        // A folder has a slash in it, so that a typing error of the word does not become one.
        _ if text.contains('/') => Ok(Place::Folder(text.into())),
        _ => Err(expected()),
    }
}

fn sync(text: &str) -> Result<Duration, String> {
    let expected = "seconds from 1 to 3600, such as 60, 30s or 5m";
    lasting(text, 1.0..=3600.0).ok_or_else(|| expected.to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    let expected = "bytes from 1MB to 1TB, such as 256MB or 2GiB";
    bytes(text, 1_000_000..=1_000_000_000_000).ok_or_else(|| expected.to_owned())
}

/// Two days of CPU and memory at every sample, or two hours of 200 series at 30 s.
const DEFAULT_MEMORY: u64 = 4_000_000;

/// Five years of some 100 series.
const DEFAULT_SIZE: u64 = 256_000_000;

/// A kill loses no more than this.
const DEFAULT_SYNC: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_in_memory_or_in_a_folder() {
        assert_eq!(place("memory"), Ok(Place::Memory(4_000_000)));
        assert_eq!(place("memory:8MB"), Ok(Place::Memory(8_000_000)));
        assert_eq!(place("memory:1MiB"), Ok(Place::Memory(1_048_576)));
        assert_eq!(place("./memory"), Ok(Place::Folder("./memory".into())));
        assert_eq!(place("/var/lib/history"), Ok(Place::Folder("/var/lib/history".into())));
        for wrong in ["", "memry", "memory:", "memory:1", "memory:2GB", "memory:-4MB", "memory4MB"]
        {
            assert!(
                place(wrong).is_err_and(|expected| expected.starts_with("memory, ")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn limits_have_ranges() {
        assert_eq!(sync("30"), Ok(Duration::from_secs(30)));
        assert_eq!(size("256MB"), Ok(256_000_000));
        for wrong in ["0", "3601", "x"] {
            assert!(sync(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0", "999kB", "2TB", "MB", "1e400"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
