//! Who can change a file that decides what this process does with its rights.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

use crate::shown::shown;

/// The problem of a file or folder to which any user can write: what stands in it decides what this process
/// does with its rights. A volume of Kubernetes has such folders, which nobody can write to all the same.
pub fn writable_by_others(path: &Path, metadata: &Metadata) -> Option<String> {
    let is_writable = metadata.permissions().mode() & 0o002 != 0;
    let is_read_only = || {
        let mount = rustix::fs::statvfs(path);
        mount.is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY))
    };
    (is_writable && !is_read_only()).then(|| {
        let path = shown(&path.display().to_string());
        format!("any user can write to {path}, so it is not used: chmod o-w {path}")
    })
}

/// Why nothing can be written to a folder, with the cure where the rights or the mount are the reason.
pub fn unwritable(error: &io::Error) -> String {
    let cure = match error.kind() {
        ErrorKind::PermissionDenied => format!(
            ": user {} may not write there; let this user own the folder, or name another one",
            rustix::process::geteuid().as_raw()
        ),
        ErrorKind::ReadOnlyFilesystem => {
            "; in a container mount a volume there, or name another folder".to_owned()
        }
        _ => String::new(),
    };
    format!("{error}{cure}")
}

/// The problem of a program that another user than root or this one owns, or can put another in the place of.
pub fn replaceable_by_others(path: &Path, metadata: &Metadata) -> Option<String> {
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        let path = shown(&path.display().to_string());
        return Some(format!("user {owner} owns {path}, so it is not used: chown root {path}"));
    }
    let parents = path.ancestors().skip(1);
    writable_by_others(path, metadata).or_else(|| {
        let mut parents = parents.filter_map(|parent| {
            let metadata = std::fs::metadata(parent).ok()?;
            // In a folder such as /tmp only the owner of a file can rename it.
            let is_sticky = metadata.permissions().mode() & 0o1000 != 0;
            writable_by_others(parent, &metadata).filter(|_| !is_sticky)
        });
        parents.next()
    })
}
