//! Who can change a file that decides what this process does with its rights.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
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
