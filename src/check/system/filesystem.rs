//! `agent.filesystem`: how full a file system is.

use crate::model::{CheckType, Declared, Discovers, Form, Opening, Setting, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.filesystem",
    about: "How full a file system is",
    settings: &[Setting {
        name: "target",
        form: Form::Text,
        about: "The mount point of the file system",
        is_required: true,
        example: "/",
    }],
    one_of: &[],
    metrics: &[
        Declared::gauge("total", Unit::Kilobytes, "statvfs: f_blocks x f_frsize"),
        Declared::gauge(
            "free",
            Unit::Kilobytes,
            "statvfs: f_bfree x f_frsize: with root's reserve",
        ),
        Declared::gauge("used", Unit::Kilobytes, "total - free"),
        Declared::gauge(
            "avail",
            Unit::Kilobytes,
            "statvfs: f_bavail x f_frsize: without root's reserve",
        ),
        Declared::gauge("files", Unit::Count, "statvfs: f_files: how many files it has room for"),
        Declared::gauge("free_files", Unit::Count, "statvfs: f_ffree: how many more can be made"),
        Declared::text(
            "options",
            "/proc/self/mountinfo: the options of the mount and the file system",
        ),
        Declared::gauge("used_percent", Unit::Percent, USED_PERCENT_SOURCE).headline(),
    ],
    discovers: Discovers::Nothing,
    #[cfg(target_os = "linux")]
    targets: Some(linux::targets),
    #[cfg(target_os = "linux")]
    open: |of: &Opening| Box::new(linux::Filesystem::of(of.details, of.roots)),
    #[cfg(not(target_os = "linux"))]
    targets: Some(super::macos::volumes),
    #[cfg(not(target_os = "linux"))]
    open: |of: &Opening| Box::new(super::macos::OneVolume::size_of(of.details)),
};

const USED_PERCENT_SOURCE: &str =
    "100 x used / (used + avail), as df computes it: 100 is full for everyone but root";

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::path::{Path, PathBuf};

    use rustix::fs::{StatVfs, statvfs};

    use super::super::mounts::{self, Mount};
    use crate::blocking::Purpose;
    use crate::check::asking::Asking;
    use crate::model::{Check, Details, Findings, Roots, Running, Target};

    pub struct Filesystem {
        point: String,
        proc: PathBuf,
        asking: Asking<io::Result<StatVfs>>,
        /// What asks the file system, and may never return.
        size: fn(&Path) -> io::Result<StatVfs>,
    }

    impl Filesystem {
        pub fn of(details: &Details, roots: &Roots) -> Self {
            let point = without_end(details.text("target").unwrap_or_default()).to_owned();
            let size = |point: &Path| Ok(statvfs(point)?);
            Self { point, proc: roots.proc.clone(), asking: Asking::new(Purpose::Mounts), size }
        }

        /// The same with another way to ask for the size.
        #[cfg(test)]
        pub fn asked_by(self, size: fn(&Path) -> io::Result<StatVfs>) -> Self {
            Self { size, ..self }
        }

        /// What is mounted at its mount point.
        fn mount(&self) -> Result<(Mount, Purpose), String> {
            let mounts = mounts::visible(&self.proc).map_err(|error| error.to_string())?;
            if let Some(mount) = mounts.iter().find(|mount| mount.point == self.point) {
                // What hangs takes no thread from what answers at once.
                let purpose = match mounts::may_hang(mount, &mounts) {
                    true => Purpose::Mounts,
                    false => Purpose::LocalMounts,
                };
                return Ok((mount.clone(), purpose));
            }
            let with_size = mounts.iter().filter(|mount| mount.has_size());
            let points = with_size.map(|mount| &*mount.point).collect::<Vec<_>>().join(", ");
            Err(format!("nothing is mounted at {}; mount points: {points}", self.point))
        }

        async fn read(&mut self) -> Result<Findings, String> {
            let (mount, purpose) = self.mount()?;
            let (point, size) = (self.point.clone(), self.size);
            let asking = self.asking.for_purpose(purpose);
            let size = asking.ask(&self.point, move || size(Path::new(&point))).await?;
            let size = size.map_err(|error| format!("{}: statvfs failed: {error}", self.point))?;
            let mut found = found(&size);
            found.raw(format!("statvfs {}", self.point), shown(&size));
            let origin = self.proc.join("self/mountinfo").display().to_string();
            let Mount { point, kind, source, .. } = &mount;
            let options = mount.options();
            found.raw(origin, format_args!("{point} {kind} {source} {options}"));
            found.text("options", options);
            Ok(found)
        }
    }

    impl Check for Filesystem {
        fn run(&mut self) -> Running<'_> {
            Box::pin(self.read())
        }
    }

    fn found(size: &StatVfs) -> Findings {
        // Some file systems of programs leave it out.
        let block = if size.f_frsize == 0 { size.f_bsize } else { size.f_frsize };
        let kilobytes = |blocks: u64| blocks as f64 * block as f64 / 1024.0;
        let used = kilobytes(size.f_blocks.saturating_sub(size.f_bfree));
        let avail = kilobytes(size.f_bavail);
        let mut found = Findings::default();
        found.number("total", kilobytes(size.f_blocks));
        found.number("free", kilobytes(size.f_bfree));
        found.number("used", used);
        found.number("avail", avail);
        if size.f_files == 0 {
            for name in ["files", "free_files"] {
                found.absent(name, "the file system has no fixed number of files");
            }
        } else {
            found.number("files", size.f_files as f64);
            found.number("free_files", size.f_ffree as f64);
        }
        if used + avail > 0.0 {
            found.number("used_percent", 100.0 * used / (used + avail));
        } else {
            found.absent("used_percent", "the file system has no size");
        }
        found
    }

    fn shown(size: &StatVfs) -> String {
        let StatVfs { f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, .. } = size;
        format!(
            "f_frsize {f_frsize}, f_blocks {f_blocks}, f_bfree {f_bfree}, f_bavail {f_bavail}, \
             f_files {f_files}, f_ffree {f_ffree}"
        )
    }

    /// A path without slashes at its end.
    fn without_end(point: &str) -> &str {
        match point.trim_end_matches('/') {
            "" if !point.is_empty() => "/",
            point => point,
        }
    }

    /// The mount points of what has a size.
    pub fn targets(roots: &Roots) -> Result<Vec<Target>, String> {
        let mounts = mounts::visible(&roots.proc).map_err(|error| error.to_string())?;
        let target = |mount: Mount| Target { label: mount.point.clone(), id: mount.point };
        Ok(mounts.into_iter().filter(Mount::has_size).map(target).collect())
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use futures_util::{FutureExt, poll};
    use rustix::fs::{StatVfs, StatVfsMountFlags};

    use super::super::tests::{
        absent, asking_mounts, assert_complete, number, open, roots, run, text,
    };
    use super::*;
    use crate::model::{Check, Detail};
    use support::tree::Tree;

    const MOUNTS: &str = "== proc/self/mountinfo\n1 0 8:1 / / rw,noatime - ext4 /dev/sda1 rw,errors=remount-ro\n\
        2 1 0:5 / /proc rw - proc proc rw\n3 1 0:6 / /dev/shm rw - tmpfs tmpfs rw\n\
        4 1 0:7 / /my\\040data ro - nfs4 server:/data rw\n5 1 0:8 / /sys/fs/cgroup rw - cgroup2 c rw\n";

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

    /// A check of a mount point whose size comes from elsewhere.
    fn asked_by(
        target: &str,
        tree: &Tree,
        size: fn(&Path) -> io::Result<StatVfs>,
    ) -> Box<dyn Check> {
        let target = ("target".to_owned(), Detail::Text(target.to_owned()));
        let details = crate::model::Details([target].into_iter().collect());
        Box::new(linux::Filesystem::of(&details, &roots(tree)).asked_by(size))
    }

    #[tokio::test]
    async fn it_is_as_full_as_df_says() {
        let _one = asking_mounts().await;
        let tree = Tree::new(MOUNTS);
        for target in ["/", "/my data/", "/my data"] {
            let mut check = asked_by(target, &tree, |_| Ok(size()));
            let found = run(&mut check, &tree).await.expect("it is mounted");
            assert_complete(&TYPE, &found);
            let names = ["total", "free", "used", "avail", "files", "free_files"];
            let values = names.map(|name| number(&found, name));
            assert_eq!(values, [400.0, 120.0, 280.0, 80.0, 1000.0, 990.0]);
            assert_eq!(number(&found, "used_percent"), 100.0 * 280.0 / 360.0);
            let options = if target == "/" { "rw,noatime,errors=remount-ro" } else { "ro" };
            assert_eq!(text(&found, "options"), options);
        }
    }

    #[tokio::test]
    async fn what_a_file_system_does_not_have_is_absent() {
        let _one = asking_mounts().await;
        let tree = Tree::new(MOUNTS);
        let none =
            |_: &Path| Ok(StatVfs { f_blocks: 0, f_bfree: 0, f_bavail: 0, f_files: 0, ..size() });
        let found = run(&mut asked_by("/proc", &tree, none), &tree).await.expect("it is mounted");
        assert_complete(&TYPE, &found);
        assert_eq!(absent(&found, "used_percent"), "the file system has no size");
        assert_eq!(absent(&found, "free_files"), "the file system has no fixed number of files");
        // More free than there is, as some servers say of quotas.
        let odd = |_: &Path| Ok(StatVfs { f_bfree: 300, f_frsize: 0, ..size() });
        let found = run(&mut asked_by("/", &tree, odd), &tree).await.expect("it is mounted");
        assert_eq!([number(&found, "used"), number(&found, "used_percent")], [0.0, 0.0]);
        assert_eq!(number(&found, "total"), 6400.0, "the size of a block where there is no other");
    }

    #[tokio::test]
    async fn a_path_that_is_no_mount_point_is_an_error_with_those_that_are() {
        let _one = asking_mounts().await;
        let tree = Tree::new(MOUNTS);
        for target in ["/dat", "/my", "/my data/x", "my data", ""] {
            let mut check = open(&TYPE, &[("target", target)], &roots(&tree));
            let error =
                format!("nothing is mounted at {target}; mount points: /, /dev/shm, /my data");
            assert_eq!(run(&mut check, &tree).await, Err(error));
        }
        tree.change("== proc/self/mountinfo (missing)\n");
        let mut check = open(&TYPE, &[("target", "/")], &roots(&tree));
        assert_eq!(run(&mut check, &tree).await, Err("proc/self/mountinfo not found".to_owned()));
    }

    #[tokio::test]
    async fn a_mount_that_vanishes_between_two_runs_is_an_error_until_it_is_back() {
        let _one = asking_mounts().await;
        let tree = Tree::new(MOUNTS);
        let mut check = asked_by("/dev/shm", &tree, |_| Ok(size()));
        assert!(run(&mut check, &tree).await.is_ok());
        tree.change("== proc/self/mountinfo\n1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
        let error = "nothing is mounted at /dev/shm; mount points: /".to_owned();
        assert_eq!(run(&mut check, &tree).await, Err(error));
        tree.change(MOUNTS);
        assert!(run(&mut check, &tree).await.is_ok());
    }

    #[tokio::test]
    async fn an_error_of_the_file_system_is_named() {
        let _one = asking_mounts().await;
        let tree = Tree::new(MOUNTS);
        let stale = |_: &Path| Err(io::Error::from_raw_os_error(116));
        let error = "/my data: statvfs failed: Stale file handle (os error 116)".to_owned();
        assert_eq!(run(&mut asked_by("/my data", &tree, stale), &tree).await, Err(error));
    }

    #[tokio::test]
    async fn a_run_after_one_that_hangs_does_not_hang() {
        let _one = asking_mounts().await;
        let tree = Tree::new(MOUNTS);
        let held = HELD.lock().await;
        let hangs = |_: &Path| {
            drop(HELD.blocking_lock());
            Ok(size())
        };
        let mut check = asked_by("/my data", &tree, hangs);
        let mut dropped = check.run();
        assert!(poll!(dropped.as_mut()).is_pending());
        drop(dropped);
        let error = "/my data has not answered for 0 s".to_owned();
        assert_eq!(run(&mut check, &tree).now_or_never(), Some(Err(error)));
        drop(held);
    }

    /// Held while a file system is to hang.
    static HELD: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    #[test]
    fn the_targets_are_what_has_a_size() {
        let targets = TYPE.targets.expect("it has some")(&roots(&Tree::new(MOUNTS)));
        let targets = targets.expect("they can be read").into_iter().map(|target| target.id);
        assert_eq!(targets.collect::<Vec<_>>(), ["/", "/dev/shm", "/my data"]);
    }
}
