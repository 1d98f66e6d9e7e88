//! Which processes there are: the numbers in /proc, and what changed since the look before.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::{FileType, OFlags, RawDir, SeekFrom, seek};

use crate::model::ReadError;

/// The processes of a PID namespace.
#[derive(Debug)]
pub struct Listing {
    proc: PathBuf,
    directory: Option<File>,
    /// What the kernel writes the names into.
    buffer: Vec<u8>,
    now: Vec<u32>,
    before: Vec<u32>,
}

/// The processes that came and went between two listings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub new: Vec<u32>,
    pub gone: Vec<u32>,
}

impl Listing {
    pub fn of(proc: PathBuf) -> Self {
        let buffer = Vec::with_capacity(BUFFER);
        Self { proc, directory: None, buffer, now: Vec::new(), before: Vec::new() }
    }

    /// Lists anew. A number that another process got since the last listing is no change.
    pub fn look(&mut self) -> Result<Changes, ReadError> {
        std::mem::swap(&mut self.now, &mut self.before);
        if let Err(error) = self.list() {
            // What was seen last stays what the next listing is compared with.
            std::mem::swap(&mut self.now, &mut self.before);
            self.directory = None;
            return Err(ReadError::of(self.proc.clone(), error));
        }
        // The kernel lists them in order, and no file system has to.
        if !self.now.is_sorted() {
            self.now.sort_unstable();
        }
        Ok(Changes::between(&self.before, &self.now))
    }

    fn list(&mut self) -> std::io::Result<()> {
        let directory = match &mut self.directory {
            Some(directory) => {
                seek(&*directory, SeekFrom::Start(0))?;
                directory
            }
            none => {
                let flags = (OFlags::DIRECTORY | OFlags::CLOEXEC).bits().cast_signed();
                let open = File::options().read(true).custom_flags(flags).open(&self.proc)?;
                none.insert(open)
            }
        };
        self.now.clear();
        let mut names = RawDir::new(directory, self.buffer.spare_capacity_mut());
        while let Some(name) = names.next() {
            let name = name?;
            // Files are no processes, and their names need not be looked at.
            if name.file_type() != FileType::RegularFile {
                self.now.extend(number(name.file_name().to_bytes()));
            }
        }
        Ok(())
    }
}

impl Changes {
    /// Between two lists in ascending order. Empty ones take no memory.
    pub fn between(before: &[u32], now: &[u32]) -> Self {
        let mut changes = Self::default();
        let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
        loop {
            match (before.peek(), now.peek()) {
                (Some(old), Some(new)) if old == new => {
                    before.next();
                    now.next();
                }
                (Some(&&old), new) if new.is_none_or(|new| old < **new) => {
                    changes.gone.push(old);
                    before.next();
                }
                (_, Some(&&new)) => {
                    changes.new.push(new);
                    now.next();
                }
                (_, None) => return changes,
            }
        }
    }
}

/// The number of a process, if that is what the name is.
fn number(name: &[u8]) -> Option<u32> {
    // Most other names are known by their first letter.
    name.first().filter(|first| first.is_ascii_digit())?;
    name.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The names of a thousand processes, which the kernel then tells in one call.
const BUFFER: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    #[test]
    fn what_is_new_and_gone_is_told_by_two_lists() {
        let table: [[&[u32]; 4]; 8] = [
            [&[], &[], &[], &[]],
            [&[], &[1, 7, 22], &[1, 7, 22], &[]],
            [&[1, 7, 22], &[1, 7, 22], &[], &[]],
            [&[1, 7, 22], &[1, 22], &[], &[7]],
            [&[1, 7, 22], &[1, 7, 22, 23], &[23], &[]],
            [&[7, 22], &[1, 7], &[1], &[22]],
            [&[1, 7, 22], &[2, 8, 23], &[2, 8, 23], &[1, 7, 22]],
            [&[5], &[], &[], &[5]],
        ];
        for [before, now, new, gone] in table {
            let expected = Changes { new: new.to_vec(), gone: gone.to_vec() };
            assert_eq!(Changes::between(before, now), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn only_numbers_are_processes() {
        for (name, expected) in [
            ("1", Some(1)),
            ("4194304", Some(4_194_304)),
            ("self", None),
            ("12a", None),
            ("", None),
            ("-1", None),
            ("99999999999", None),
        ] {
            assert_eq!(number(name.as_bytes()), expected, "{name:?}");
        }
    }

    #[test]
    fn each_look_tells_what_changed_since_the_one_before() {
        let tree = Tree::new("== proc/22/\n== proc/7/\n== proc/self/\n== proc/meminfo\nx\n");
        let mut listing = Listing::of(tree.root().join("proc"));
        let changes = |new: &[u32], gone: &[u32]| {
            let (new, gone) = (new.to_vec(), gone.to_vec());
            Some(Changes { new, gone })
        };
        assert_eq!(listing.look().ok(), changes(&[7, 22], &[]));
        assert_eq!(listing.look().ok(), changes(&[], &[]));
        tree.change("== proc/100/\n");
        std::fs::remove_dir(tree.root().join("proc/22")).expect("it is empty");
        assert_eq!(listing.look().ok(), changes(&[100], &[22]));
    }

    /// A listing takes several calls where there are more names than fit, and none is lost between.
    #[test]
    fn thousands_are_listed_as_one() {
        let all: Vec<u32> = (1..=3000).collect();
        let names: String = all.iter().map(|number| format!("== proc/{number}/\n")).collect();
        let tree = Tree::new(&names);
        let mut listing = Listing::of(tree.root().join("proc"));
        assert_eq!(listing.look().ok(), Some(Changes { new: all, gone: vec![] }));
    }

    #[test]
    fn a_failed_look_changes_nothing() {
        let tree = Tree::new("== proc/7/\n");
        let mut listing = Listing::of(tree.root().join("none"));
        assert!(matches!(listing.look(), Err(ReadError::Missing(_))));
        std::fs::rename(tree.root().join("proc"), tree.root().join("none")).expect("same disk");
        assert_eq!(listing.look().ok(), Some(Changes { new: vec![7], gone: vec![] }));
        assert_eq!(listing.look().ok(), Some(Changes::default()));
    }
}
