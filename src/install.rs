//! `install`: the program copies itself into a directory that containers share, because an image of
//! the binary alone has no `cp`.

use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::shown::shown;

/// Copies this program into the directory. What to print: where to, or why not.
///
/// The copy gets its name when it is complete. So a process that finds it can run it, and one that
/// runs an earlier copy is not disturbed.
pub fn run(directory: &Path) -> Result<String, String> {
    let mut program = open().map_err(|error| format!("cannot read this program: {error}"))?;
    let target = directory.join(env!("CARGO_PKG_NAME"));
    // In a container every process has the id 1, and two of them may install at the same time.
    let random = RandomState::new().hash_one(());
    let unfinished = directory.join(format!(".{}.{random:016x}", env!("CARGO_PKG_NAME")));
    match create(&unfinished).and_then(|copy| finish(&mut program, copy, &unfinished, &target)) {
        Ok(()) => Ok(format!("installed {}", path(&target))),
        Err(error) => {
            Err(format!("cannot install into {}: {}", path(directory), reason(directory, &error)))
        }
    }
}

/// This program's file, also if it has been replaced or removed since it was started.
fn open() -> io::Result<File> {
    File::open(match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe()?,
    })
}

fn create(unfinished: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o700).open(unfinished)
}

fn finish(program: &mut File, mut copy: File, from: &Path, to: &Path) -> io::Result<()> {
    let copied = io::copy(program, &mut copy)
        // Whatever the umask is, other users can run it.
        .and_then(|_| copy.set_permissions(Permissions::from_mode(0o755)))
        // A network's file system may tell only now that it is full.
        .and_then(|()| copy.sync_all());
    // Linux runs no file that is open for writing.
    drop(copy);
    copied.and_then(|()| fs::rename(from, to)).inspect_err(|_| {
        // What went wrong before is what has to be told.
        let _ = fs::remove_file(from);
    })
}

fn reason(directory: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound if !directory.exists() => "there is no such directory".to_owned(),
        ErrorKind::NotADirectory => "it is not a directory".to_owned(),
        ErrorKind::PermissionDenied => {
            format!("user {} may not write there", geteuid().as_raw())
        }
        _ => error.to_string(),
    }
}

fn path(path: &Path) -> String {
    shown(&path.to_string_lossy())
}
