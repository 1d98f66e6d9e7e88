//! Opens the file of a history. A damaged one is put aside, and a new one takes over what is whole in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::disk::{Disk, Found};
use super::file::{NAME, file_in, open_file, open_in};
use super::salvage::{self, Salvaged};
use super::unusable::Unusable;
use crate::put_aside::free_name;
use crate::shown::shown;

/// What became of a file that was to be opened.
pub struct Opening {
    pub opened: Result<(Disk, Found), Unusable>,
    /// It was damaged, and was replaced.
    pub replaced: Option<Replaced>,
}

/// A damaged file was replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The name that it has now.
    pub aside: String,
    /// What the new one took over, if there was anything.
    pub salvaged: Option<Salvaged>,
}

impl Replaced {
    /// What an agent says of it. `name` is that of the folder.
    pub fn told(self, name: &str) -> String {
        let Self { aside, salvaged } = self;
        let with =
            salvaged.map(|of| format!(" with what is whole in it, {of}")).unwrap_or_default();
        format!(
            "the history in {name} is damaged: a new one begins{with}, and the old file is {aside}"
        )
    }
}

/// Opens the file of a folder, or a new one in the place of a damaged one. As soon as `is_given_up` a damaged one is
/// left as it is.
pub fn open_or_replace(folder: &Path, is_given_up: &dyn Fn() -> bool) -> Opening {
    let opened =
        open_file(folder).and_then(|file| opened_unless_damaged(folder, &file, is_given_up));
    match opened {
        Ok(Err(replaced)) => Opening { opened: Disk::open(folder), replaced: Some(replaced) },
        Ok(Ok(opened)) => Opening { opened: Ok(opened), replaced: None },
        Err(unusable) => Opening { opened: Err(unusable), replaced: None },
    }
}

/// The same for a command: the new file is not opened, and where nothing of a damaged one is whole there is none.
pub fn open_unless_damaged(folder: &Path) -> Result<Result<(Disk, Found), Replaced>, Unusable> {
    let file = open_in(folder, false)?.map_err(|error| match error.kind() {
        // Another process has put it aside since it was found damaged.
        io::ErrorKind::NotFound => Unusable::Taken,
        _ => failed(&file_in(folder))(error),
    })?;
    opened_unless_damaged(folder, &file, &|| false)
}

fn opened_unless_damaged(
    folder: &Path,
    file: &File,
    is_given_up: &dyn Fn() -> bool,
) -> Result<Result<(Disk, Found), Replaced>, Unusable> {
    match Disk::of(file) {
        Err(Unusable::Damaged) => {}
        opened => return opened.map(Ok),
    }
    replace(folder, file, is_given_up).map(Err).map_err(|unusable| match unusable {
        Unusable::Failed(text) => Unusable::Unreplaced(text),
        unusable => unusable,
    })
}

/// Puts a damaged file aside, and a new one with what is whole in it in its place. Until that is done the file keeps its
/// name, and all its bytes.
pub(super) fn replace(
    folder: &Path,
    damaged: &File,
    is_given_up: &dyn Fn() -> bool,
) -> Result<Replaced, Unusable> {
    let (file, new) = (file_in(folder), folder.join(NEW));
    // Who has it open has this lock, too, and so has another process that replaces it.
    match damaged.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Unusable::Taken),
        Err(TryLockError::Error(error)) => return Err(failed(&file)(error)),
    }
    // Another process may have replaced it before the lock was taken.
    if !is_same(&file, damaged).map_err(failed(&file))? {
        return Err(Unusable::Taken);
    }
    let aside = free_name(folder, NAME).map_err(failed(&file))?;
    let filled = fill(damaged, &new, is_given_up);
    let has_any = |of: &Salvaged| of.blocks + of.points + of.texts > 0;
    if !filled.as_ref().is_ok_and(has_any) {
        // What was begun is of no use to anybody.
        let _ = fs::remove_file(&new);
    }
    let salvaged = match filled {
        Ok(salvaged) => Some(salvaged).filter(has_any),
        Err(Unusable::Damaged) => None,
        Err(_) if is_given_up() => {
            return Err(Unusable::Failed("the agent was stopped first".to_owned()));
        }
        Err(unusable) => return Err(unusable),
    };
    swap(folder, &aside, salvaged.is_some()).map_err(failed(&file))?;
    Ok(Replaced { aside, salvaged })
}

/// Gives the damaged file its new name, and its old one to the new file, where there is one.
fn swap(folder: &Path, aside: &str, has_new: bool) -> io::Result<()> {
    let (file, new, aside) = (file_in(folder), folder.join(NEW), folder.join(aside));
    if !has_new {
        fs::rename(&file, &aside)?;
    } else if fs::hard_link(&file, &aside).is_ok() {
        // With the second name there is a history at each instant.
        fs::rename(&new, &file)?;
    } else {
        // Not every file system has second names. Another agent may begin a history before the next step.
        fs::rename(&file, &aside)?;
        match renameat_with(CWD, &new, CWD, &file, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => fs::rename(&new, &file)?,
            renamed => renamed?,
        }
    }
    File::open(folder)?.sync_all()
}

/// Fills a new file with what is whole in a damaged one.
fn fill(damaged: &File, new: &Path, is_given_up: &dyn Fn() -> bool) -> Result<Salvaged, Unusable> {
    // One that a kill has left.
    let _ = fs::remove_file(new);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(new);
    let file = file.map_err(failed(new))?;
    let filled =
        Disk::of(&file).and_then(|(disk, _)| salvage::salvage(damaged, &disk, is_given_up));
    filled.map_err(|unusable| match unusable {
        Unusable::Failed(text) => Unusable::Failed(named(new, &text)),
        unusable => unusable,
    })
}

/// Whether a file is the one of this name.
fn is_same(path: &Path, file: &File) -> io::Result<bool> {
    let opened = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Unusable {
    |error| Unusable::Failed(named(path, &error.to_string()))
}

fn named(path: &Path, why: &str) -> String {
    format!("{}: {why}", shown(&path.display().to_string()))
}

/// The new file until it is filled.
const NEW: &str = "history.redb.new";
