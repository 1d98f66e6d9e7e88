//! What Linux tells in files of its own, and macOS through sysinfo.

use std::ffi::OsStr;

use serde_json::{Value, json};
use sysinfo::{Disk, DiskRefreshKind, Disks};

use super::Unavailable;
use crate::model::Roots;

pub fn filesystems(_: &Roots) -> Result<Value, Unavailable> {
    let disks = all(DiskRefreshKind::nothing().with_storage())?;
    let record = |disk: &Disk| {
        let kilobytes = |bytes: u64| bytes / 1024;
        let used = disk.total_space().saturating_sub(disk.available_space());
        json!({
            "dir_name": disk.mount_point().display().to_string(),
            "dev_name": text(disk.name()),
            "sys_type_name": text(disk.file_system()),
            "options": if disk.is_read_only() { "ro" } else { "rw" },
            "total": kilobytes(disk.total_space()),
            "free": null,
            "used": kilobytes(used),
            "avail": kilobytes(disk.available_space()),
            "files": null,
            "free_files": null,
            "reason": null,
        })
    };
    Ok(disks.iter().map(record).collect())
}

pub fn disks(_: &Roots) -> Result<Value, Unavailable> {
    let disks = all(DiskRefreshKind::nothing().with_io_usage())?;
    let record = |disk: &Disk| {
        let usage = disk.usage();
        json!({
            "name": text(disk.name()),
            "reads": null,
            "writes": null,
            "read_bytes": usage.total_read_bytes,
            "write_bytes": usage.total_written_bytes,
            "rtime": null,
            "wtime": null,
            "time": null,
        })
    };
    Ok(disks.iter().map(record).collect())
}

fn all(kind: DiskRefreshKind) -> Result<Disks, Unavailable> {
    let failed = |error| Unavailable::Failed(format!("the volumes: {error}"));
    Disks::new_with_refreshed_list_specifics(kind).map_err(failed)
}

fn text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
