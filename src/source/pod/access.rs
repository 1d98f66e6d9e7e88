//! The way to a control group of another container, through the root directory of one of its processes.
//!
//! That directory is the other container's, and what stands there may lead anywhere: a link that begins
//! with `/` leads into this container. So each step has to be a directory, and at the end has to be the
//! kernel's file system of control groups.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fstat, fstatfs, openat};
use rustix::io::Errno;

use super::view::View;
use crate::model::ReadError;
use crate::source::cgroup::Group;

/// Tells a directory from all others of the machine, also from one that had its name before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    device: u64,
    inode: u64,
}

/// Why there is no way.
#[derive(Debug)]
pub enum Blocked {
    /// The process has ended.
    Gone,
    /// This process may not look into that one.
    Forbidden,
    /// There is no control group, or it cannot be read.
    Unfit(ReadError),
}

/// Goes to the directory of a group, step by step.
pub fn walk(root: &Path, group: &Group, view: &View) -> Result<Key, Blocked> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat(CWD, root, flags, Mode::empty());
    let directory = directory.map_err(|error| at_root(root, error))?;
    let mount = down(directory, root, group.mount())?;
    let kind = fstatfs(&mount).map_err(|error| unreadable(group.mount(), error))?.f_type;
    if !view.is_of_groups(kind) {
        let mount = group.mount().display();
        return Err(unfit(format!(
            "{mount} has no control groups: something else is mounted there"
        )));
    }
    let own = down(mount, group.mount(), group.own())?;
    let stat = fstat(own).map_err(|error| unreadable(group.own(), error))?;
    Ok(Key { device: stat.st_dev, inode: stat.st_ino })
}

/// From a directory down to one below it.
fn down(mut directory: OwnedFd, from: &Path, to: &Path) -> Result<OwnedFd, Blocked> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut path = from.to_owned();
    for name in to.strip_prefix(from).unwrap_or(to).iter().filter(|name| *name != OsStr::new("/")) {
        path.push(name);
        directory =
            openat(&directory, name, flags, Mode::empty()).map_err(|error| match error {
                Errno::NOTDIR | Errno::LOOP => unfit(format!(
                    "{} is no directory, or a link, which is not followed",
                    path.display()
                )),
                error => unreadable(&path, error),
            })?;
    }
    Ok(directory)
}

fn at_root(root: &Path, error: Errno) -> Blocked {
    match error {
        // Of a process that has ended and that nobody has waited for, there is no root.
        Errno::NOENT | Errno::SRCH => Blocked::Gone,
        Errno::ACCESS | Errno::PERM => Blocked::Forbidden,
        error => unreadable(root, error),
    }
}

fn unreadable(path: &Path, error: Errno) -> Blocked {
    Blocked::Unfit(ReadError::of(PathBuf::from(path), io::Error::from(error)))
}

fn unfit(reason: String) -> Blocked {
    Blocked::Unfit(ReadError::unusable(reason))
}
