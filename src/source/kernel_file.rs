//! Reads a file of /proc, /sys or a cgroup again and again.
//!
//! The descriptor stays open. A read at offset 0 makes the kernel write the text again. So a
//! reading takes one system call instead of three or four.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

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

    pub fn path(&self) -> &Path {
        &self.path
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

    /// The whole text, however long, in `text`, which keeps its room from reading to reading.
    pub fn read_whole<'text>(&mut self, text: &'text mut Vec<u8>) -> Result<&'text str, ReadError> {
        let length = self.read_all(text).map_err(|error| {
            self.file = None;
            ReadError::of(self.path.clone(), error)
        })?;
        std::str::from_utf8(&text[..length]).map_err(|_| self.malformed("text"))
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

    fn read_bytes(&mut self, page: &mut [u8; PAGE]) -> io::Result<usize> {
        self.open()?.read_at(page, 0)
    }

    fn read_all(&mut self, text: &mut Vec<u8>) -> io::Result<usize> {
        let file = self.open()?;
        let mut length = 0;
        loop {
            if text.len() < length + PAGE {
                text.resize(length + PAGE, 0);
            }
            let read = file.read_at(&mut text[length..], length as u64)?;
            length += read;
            if read < PAGE - LONGEST_LINE {
                return Ok(length);
            }
        }
    }

    fn open(&mut self) -> io::Result<&File> {
        match &mut self.file {
            Some(file) => Ok(file),
            closed => Ok(closed.insert(open(&self.path)?)),
        }
    }
}

/// The kernel gives as many whole lines as fit into a page (seq_file). So what is shorter than a page by
/// more than a line is the end. The longest lines are those of /proc/diskstats and /proc/net/dev, with
/// some 20 numbers.
const LONGEST_LINE: usize = 512;

/// The text of a file that is read seldom and may be missing: a group has files of limits only where
/// a controller is on, and the root group of version 2 has none.
pub fn optional(path: &Path) -> Result<Option<String>, ReadError> {
    match open(path).and_then(|file| text_of(&file)) {
        Ok(text) => Ok(Some(text)),
        Err(error) => match ReadError::of(path.to_owned(), error) {
            ReadError::Missing(_) => Ok(None),
            error => Err(error),
        },
    }
}

/// The whole text of a file.
fn text_of(file: &File) -> io::Result<String> {
    let text = all_of(file.take(LONGEST))?;
    String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// All bytes of a file, however long: a list of mounts or processes, or names, which need not be text. No link is followed.
pub fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    all_of(open(path)?)
}

/// Nearly all files are shorter than a page, and take two calls. They say that they have no length, for which the standard
/// library would begin with 32 bytes, and take up to eight.
fn all_of(mut file: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(PAGE);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file that is read seldom and must be there.
pub fn required(path: &Path) -> Result<String, ReadError> {
    optional(path)?.ok_or_else(|| ReadError::Missing(path.to_owned()))
}

/// Opens a kernel file. What stands in its place may be another container's: a pipe, whose opening
/// would wait for a writer, or a link, which would lead to a file of this container.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// More than any kernel file has that is read whole: /proc/stat of a machine of a thousand cores. What
/// is longer is no kernel file, and may have no end.
const LONGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use support::tree::Tree;

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
    fn all_bytes_of_a_file_are_read_and_no_link_is_followed() {
        let path = std::env::temp_dir().join(format!("kernel_file-bytes-{}", std::process::id()));
        for length in [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 << 20] {
            let expected = vec![0xff; length];
            fs::write(&path, &expected).expect("the temporary directory is writable");
            assert!(bytes(&path).is_ok_and(|read| read == expected), "{length}");
        }
        fs::remove_file(&path).expect("the file was just written");
        assert!(bytes(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
        std::os::unix::fs::symlink("/proc/self/status", &path).expect("nothing is there");
        assert!(bytes(&path).is_err());
        fs::remove_file(&path).expect("it is there");
        assert!(bytes(Path::new("/proc/self/status")).is_ok_and(|read| read.starts_with(b"Name:")));
    }

    #[test]
    fn a_file_of_several_pages_is_read_to_its_end() {
        let path = std::env::temp_dir().join(format!("kernel_file-whole-{}", std::process::id()));
        let (mut file, mut text) = (KernelFile::new(path.clone()), Vec::new());
        // Just below, at and above where one more reading is needed, and shorter than before.
        for lines in [0, 1, 511, 512, 513, 2000, 3] {
            let expected = "1234567\n".repeat(lines);
            fs::write(&path, &expected).expect("the temporary directory is writable");
            assert_eq!(file.read_whole(&mut text).ok(), Some(&*expected), "{lines} lines");
        }
        fs::remove_file(&path).expect("the file was just written");
    }

    #[test]
    fn a_file_of_the_kernel_is_read_to_its_end() {
        // About 4 MB in a debug kernel, 100 kB and more elsewhere: many pages of whole lines.
        let whole = fs::read_to_string("/proc/kallsyms").expect("Linux has its symbols");
        let mut text = Vec::new();
        let read = KernelFile::new("/proc/kallsyms".into()).read_whole(&mut text).map(str::len);
        assert_eq!(read.ok(), Some(whole.len()));
        assert!(whole.len() > 10 * PAGE);
    }

    #[test]
    fn missing_and_unreadable_are_different_errors() {
        let mut page = [0; PAGE];
        let missing = KernelFile::new("/nonexistent/stat".into()).read(&mut page);
        assert!(matches!(missing, Err(ReadError::Missing(_))), "{missing:?}");
        let unreadable = KernelFile::new("/".into()).read(&mut page);
        assert!(matches!(unreadable, Err(ReadError::Unreadable(..))), "{unreadable:?}");
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
        let tree = Tree::new("== sys/\n");
        let path = tree.root().join("sys/cpu.stat");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|status| status.success()), "coreutils are there");
        let mut page = [0; PAGE];
        let read = KernelFile::new(path.clone()).read(&mut page).map(str::to_owned);
        assert!(matches!(read, Err(ReadError::Unreadable(..))), "{read:?}");
        assert_eq!(optional(&path).ok(), Some(Some(String::new())), "nobody has written to it");
    }

    #[test]
    fn a_link_in_the_place_of_a_file_is_not_followed() {
        let tree = Tree::new("== etc/hostname\nsidecar\n== sys/\n");
        let path = tree.root().join("sys/memory.max");
        std::os::unix::fs::symlink(tree.root().join("etc/hostname"), &path).expect("a new name");
        let mut page = [0; PAGE];
        let read = KernelFile::new(path.clone()).read(&mut page).map(str::to_owned);
        assert!(matches!(read, Err(ReadError::Unreadable(..))), "{read:?}");
        assert!(matches!(optional(&path), Err(ReadError::Unreadable(..))));
    }

    #[test]
    fn a_file_without_an_end_is_not_read_to_its_end() {
        let text = optional(Path::new("/dev/zero")).expect("it is there").expect("readable");
        assert_eq!(text.len() as u64, LONGEST);
    }
}
