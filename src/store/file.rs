//! The file of a history in its folder.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::unusable::Unusable;
use crate::permissions::{unwritable, writable_by_others};
use crate::shown::shown;

/// Opens the file of a folder. Both are made where they are missing.
pub fn open_file(folder: &Path) -> Result<File, Unusable> {
    let name = || shown(&folder.display().to_string());
    let failed = |error: io::Error| Unusable::Failed(format!("{}: {}", name(), unwritable(&error)));
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        // The mask of the process may have taken the right to enter it.
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    let metadata = folder.metadata().map_err(failed)?;
    if let Some(problem) = writable_by_others(folder, &metadata) {
        return Err(Unusable::Failed(problem));
    }
    let file = open_in(folder, true)?.map_err(|error| {
        let name = shown(&file_in(folder).display().to_string());
        Unusable::Failed(format!("{name}: {}", unwritable(&error)))
    })?;
    // One that came with the folder may have other rights: history tells what a machine does.
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(file)
}

/// Opens the file of a folder that is there. It is unusable where something else is in its place.
pub fn open_in(folder: &Path, makes_one: bool) -> Result<io::Result<File>, Unusable> {
    let path = file_in(folder);
    let name = || shown(&path.display().to_string());
    let mut options = OpenOptions::new();
    // Opening it writes: what a kill has left is put in order first.
    options.read(true).write(true).create(makes_one).truncate(false).mode(0o600);
    // Somebody else may have put a link there, to a file that only this process can write to.
    options.custom_flags(OFlags::NOFOLLOW.bits() as i32);
    match options.open(&path) {
        Ok(file) if !file.metadata().is_ok_and(|metadata| metadata.is_file()) => {
            Err(Unusable::Failed(format!("{} is no regular file", name())))
        }
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            let name = name();
            Err(Unusable::Failed(format!("{name} is a symbolic link: expected a file of its own")))
        }
        opened => Ok(opened),
    }
}

/// The file of a store.
pub fn file_in(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// Its name.
pub const NAME: &str = "history.redb";
