//! `filesystems`: what is mounted, and how full it is.

use super::HostInfo;

pub const TYPE: HostInfo = HostInfo {
    name: "filesystems",
    about: "What is mounted as this process sees it, in kilobytes; passwords are hidden",
    fields: &[
        "dir_name",
        "dev_name",
        "sys_type_name",
        "total",
        "used",
        "free",
        "avail",
        "files",
        "free_files",
        "options",
        "reason",
    ],
    #[cfg(target_os = "linux")]
    gather: linux::gather,
    #[cfg(not(target_os = "linux"))]
    gather: super::macos::filesystems,
};

/// sysinfo asks each mount in turn, so that one that does not answer hides all others.
#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    use rustix::fs::{StatVfs, statvfs};
    use serde_json::{Value, json};

    use super::super::Unavailable;
    use crate::blocking::{self, Purpose};
    use crate::check::system::mounts::{self, Mount};
    use crate::model::Roots;

    type Size = Result<StatVfs, String>;

    pub fn gather(roots: &Roots) -> Result<Value, Unavailable> {
        of_mounts(roots, |mount, may_hang| match may_hang {
            false => size(statvfs(&*mount.point).map_err(io::Error::from)),
            true => answer(&mount.point),
        })
    }

    /// Each mount with its size, of whoever tells it. Those that may hang are asked last.
    pub fn of_mounts(
        roots: &Roots,
        ask: impl Fn(&Mount, bool) -> Size,
    ) -> Result<Value, Unavailable> {
        let failed = |error: crate::model::ReadError| Unavailable::Failed(error.to_string());
        let mounts = mounts::visible(&roots.proc).map_err(failed)?;
        let may_hang: Vec<_> =
            mounts.iter().map(|mount| mounts::may_hang(mount, &mounts)).collect();
        let mut records = vec![Value::Null; mounts.len()];
        for turn in [false, true] {
            for (place, mount) in mounts.iter().enumerate().filter(|(at, _)| may_hang[*at] == turn)
            {
                let size = match mount.has_size() {
                    true => ask(mount, turn).map(Some),
                    // Some, such as autofs, do something when they are asked.
                    false => Ok(None),
                };
                records[place] = record(mount, size);
            }
        }
        Ok(Value::from(records))
    }

    fn size(size: io::Result<StatVfs>) -> Size {
        size.map_err(|error| format!("statvfs failed: {error}"))
    }

    /// Asks in a thread of its own, and not for long.
    fn answer(point: &str) -> Size {
        let path = point.to_owned();
        let call = move || Ok(statvfs(Path::new(&path))?);
        match blocking::call_within(Purpose::ListedMounts, LIMIT, call) {
            Ok(Some(answer)) => size(answer),
            Ok(None) => Err(format!("it has not answered within {} s", LIMIT.as_secs())),
            Err(refused) => Err(refused.to_string()),
        }
    }

    const LIMIT: Duration = Duration::from_secs(2);

    fn record(mount: &Mount, size: Result<Option<StatVfs>, String>) -> Value {
        let reason = size.as_ref().err().cloned();
        let size = size.ok().flatten();
        let kilobytes = |blocks: fn(&StatVfs) -> u64| {
            size.as_ref().map(|size| {
                let block = if size.f_frsize == 0 { size.f_bsize } else { size.f_frsize };
                (u128::from(blocks(size)) * u128::from(block) / 1024) as u64
            })
        };
        // Some have no fixed number of files.
        let files = size.as_ref().filter(|size| size.f_files > 0);
        json!({
            "dir_name": mount.point,
            "dev_name": mount.source,
            "sys_type_name": mount.kind,
            "options": mount.options(),
            "total": kilobytes(|size| size.f_blocks),
            "free": kilobytes(|size| size.f_bfree),
            "used": kilobytes(|size| size.f_blocks.saturating_sub(size.f_bfree)),
            "avail": kilobytes(|size| size.f_bavail),
            "files": files.map(|size| size.f_files),
            "free_files": files.map(|size| size.f_ffree),
            "reason": reason,
        })
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use rustix::fs::{StatVfs, StatVfsMountFlags};
    use serde_json::{Value, json};

    use super::linux::of_mounts;
    use crate::model::Roots;
    use support::tree::Tree;

    const MOUNTS: &str = "== proc/self/mountinfo\n1 0 8:1 / / rw,noatime - ext4 /dev/sda1 rw,errors=remount-ro\n\
        2 1 0:5 / /proc rw - proc proc rw\n3 1 0:6 / /dev/shm rw - tmpfs tmpfs rw\n\
        4 1 0:7 / /my\\040data ro - cifs //joe:hunter2@server/data rw,username=joe,password=hunter2,vers=3\n\
        5 4 8:2 / /my\\040data/disk rw - xfs /dev/sdb rw\n6 1 0:8 / /my rw - fuse.sshfs joe@s: rw\n\
        7 1 0:9 / /auto rw - autofs systemd-1 rw\n8 1 8:3 / /mydisk rw - ext4 /dev/sdc rw\n";

    /// 100 blocks of 4 kB; 30 are free, 20 of them for everyone.
    fn size() -> StatVfs {
        StatVfs {
            f_bsize: 65_536,
            f_frsize: 4096,
            f_blocks: 100,
            f_bfree: 30,
            f_bavail: 20,
            f_files: 1000,
            f_ffree: 990,
            f_favail: 990,
            f_fsid: 0,
            f_flag: StatVfsMountFlags::empty(),
            f_namemax: 255,
        }
    }

    #[test]
    fn what_may_hang_is_asked_last_and_what_has_no_size_never() {
        let tree = Tree::new(MOUNTS);
        let roots = Roots {
            proc: tree.root().join("proc"),
            sys: tree.root().join("sys"),
            ..Roots::default()
        };
        let asked = RefCell::new(Vec::new());
        let info = of_mounts(&roots, |mount, may_hang| {
            asked.borrow_mut().push((mount.point.clone(), may_hang));
            if mount.point == "/my" { Err("it hangs".to_owned()) } else { Ok(size()) }
        });
        let info = info.expect("the list can be read");
        let asked = asked.into_inner();
        let of = |may_hang: bool| {
            let points = asked.iter().filter(|(_, may)| *may == may_hang);
            points.map(|(point, _)| &**point).collect::<Vec<_>>()
        };
        assert_eq!(of(false), ["/", "/dev/shm", "/mydisk"]);
        // A disk below a mount that hangs cannot be reached either.
        assert_eq!(of(true), ["/my data", "/my data/disk", "/my"]);
        assert!(asked.iter().map(|(_, may)| *may).is_sorted(), "{asked:?}");
        let points = info.as_array().expect("an array").iter().map(|of| &of["dir_name"]);
        let expected =
            ["/", "/proc", "/dev/shm", "/my data", "/my data/disk", "/my", "/auto", "/mydisk"];
        assert!(points.eq(&expected.map(Value::from)), "{info:#}");
        let root = json!({
            "dir_name": "/", "dev_name": "/dev/sda1", "sys_type_name": "ext4",
            "options": "rw,noatime,errors=remount-ro", "total": 400, "free": 120, "used": 280,
            "avail": 80, "files": 1000, "free_files": 990, "reason": null,
        });
        assert_eq!(info[0], root);
        let (none, hangs) = (&info[1], &info[5]);
        assert_eq!([&none["total"], &none["files"], &none["reason"]], [&Value::Null; 3]);
        assert_eq!([&hangs["total"], &hangs["reason"]], [&Value::Null, &json!("it hangs")]);
        assert_eq!(info[3]["options"], "ro,username=***,password=***,vers=3");
        assert_eq!(info[3]["dev_name"], "//***@server/data");
        assert!(!info.to_string().contains("hunter2"));
    }
}
