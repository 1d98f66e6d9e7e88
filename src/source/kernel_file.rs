//! Reads a file of /proc, /sys or a cgroup again and again.
//!
//! The descriptor stays open. A read at offset 0 makes the kernel write the text again. So a
//! reading takes one system call instead of three or four.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::model::{RawValue, ReadError};

/// A kernel file, opened on the first reading and again after a failed one.
#[derive(Debug)]
pub struct KernelFile {
    path: PathBuf,
    file: Option<File>,
}

/// Only the first page of a file is read. The kernel files read here are shorter, or have what is
/// needed in their first lines.
pub const PAGE: usize = 4096;

impl KernelFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// The directory that the file is in.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// The text of the file's first page, in `page`.
    pub fn read<'page>(&mut self, page: &'page mut [u8; PAGE]) -> Result<&'page str, ReadError> {
        let length = self.read_bytes(page).map_err(|error| {
            // The files of a group that was removed fail for good, even if a new group has its name.
            // So the next reading opens the file again.
            self.file = None;
            ReadError::of(self.path.clone(), error)
        })?;
        std::str::from_utf8(&page[..length]).map_err(|_| self.malformed("text"))
    }

    /// Values of the file as it stands now, each found in its text by `find`.
    pub fn raw_values(
        &mut self,
        names: &[&'static str],
        find: impl Fn(&str, &str) -> Option<u64>,
    ) -> Vec<RawValue> {
        let mut page = [0; PAGE];
        let text = self.read(&mut page).map_err(|error| error.to_string());
        let origin = self.path.display().to_string();
        let value = |name| match &text {
            Ok(text) => find(text, name).ok_or_else(|| format!("not found in {origin}")),
            Err(error) => Err(error.clone()),
        };
        let raw = |name: &&'static str| RawValue {
            name: (*name).into(),
            origin: origin.clone(),
            value: value(name),
        };
        names.iter().map(raw).collect()
    }

    /// The error of a file whose text lacks `expected`.
    pub fn malformed(&self, expected: &'static str) -> ReadError {
        ReadError::Malformed { path: self.path.clone(), expected }
    }

    fn read_bytes(&mut self, page: &mut [u8; PAGE]) -> std::io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            closed => closed.insert(File::open(&self.path)?),
        };
        file.read_at(page, 0)
    }
}

/// The text of a file that is read seldom and may be missing: a group has files of limits only where
/// a controller is on, and the root group of version 2 has none.
pub fn optional(path: &Path) -> Result<Option<String>, ReadError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) => match ReadError::of(path.to_owned(), error) {
            ReadError::Missing(_) => Ok(None),
            error => Err(error),
        },
    }
}

/// The text of a file that is read seldom and must be there.
pub fn required(path: &Path) -> Result<String, ReadError> {
    optional(path)?.ok_or_else(|| ReadError::Missing(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_anew_each_time() {
        let path = std::env::temp_dir().join(format!("kernel_file-{}", std::process::id()));
        fs::write(&path, "1\n").expect("the temporary directory is writable");
        let mut file = KernelFile::new(path.clone());
        let mut page = [0; PAGE];
        assert_eq!(file.read(&mut page).ok(), Some("1\n"));
        fs::write(&path, "23\n").expect("the temporary directory is writable");
        assert_eq!(file.read(&mut page).ok(), Some("23\n"));
        fs::remove_file(&path).expect("the file was just written");
    }

    #[test]
    fn missing_and_unreadable_are_different_errors() {
        let mut page = [0; PAGE];
        let missing = KernelFile::new("/nonexistent/stat".into()).read(&mut page);
        assert!(matches!(missing, Err(ReadError::Missing(_))), "{missing:?}");
        let unreadable = KernelFile::new("/".into()).read(&mut page);
        assert!(matches!(unreadable, Err(ReadError::Unreadable(..))), "{unreadable:?}");
    }
}
