//! What is mounted where, from /proc/self/mountinfo (proc_pid_mountinfo(5)).
//!
//! Reading it asks no file system for anything, so one that does not answer delays nothing.

use std::path::Path;

use crate::model::ReadError;
use crate::secret;
use crate::source::cgroup::unescape;
use crate::source::kernel_file::bytes;

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    id: u32,
    /// That of the mount that it lies on.
    parent: u32,
    /// The numbers of its device: all mounts of one file system have the same.
    pub device: String,
    /// Where it is mounted.
    pub point: String,
    /// The type of the file system.
    pub kind: String,
    /// What is mounted, such as a device or a path on a server.
    pub source: String,
    /// Those of this mount.
    options: String,
    /// Those of the file system, which all of its mounts have.
    file_system_options: String,
}

/// What can be seen at its mount point: what is mounted at the same point or at one above it hides a mount,
/// unless that lies on it.
pub fn visible(proc: &Path) -> Result<Vec<Mount>, ReadError> {
    let mounts = all(proc)?;
    let is_hidden = |(place, mount): (usize, &Mount)| {
        mounts.iter().enumerate().any(|(at, other)| {
            // Of two at one point of which neither lies on the other, the later one is seen.
            let is_above =
                other.point != mount.point || lies_on(other, mount, &mounts) || at > place;
            at != place
                && is_in(&mount.point, &other.point)
                && is_above
                && !lies_on(mount, other, &mounts)
        })
    };
    let seen = mounts.iter().enumerate().filter(|mount| !is_hidden(*mount));
    Ok(seen.map(|(_, mount)| mount.clone()).collect())
}

/// Whether a mount lies on another, be it on one that lies on that.
fn lies_on(mount: &Mount, other: &Mount, all: &[Mount]) -> bool {
    let mut parent = mount.parent;
    // A line of a table that changes while it is read may lead back to an earlier one.
    for _ in 0..all.len() {
        if parent == other.id {
            return true;
        }
        let Some(next) = all.iter().find(|mount| mount.id == parent) else { return false };
        parent = next.parent;
    }
    false
}

/// All of them.
pub fn all(proc: &Path) -> Result<Vec<Mount>, ReadError> {
    let path = proc.join("self/mountinfo");
    // As bytes: one mount whose name is no text, of all on this machine, is no reason to know of none.
    let text = bytes(&path).map_err(|error| ReadError::of(path.clone(), error))?;
    let text = String::from_utf8_lossy(&text);
    let mounts = text.lines().map(Mount::parse).collect::<Option<Vec<_>>>();
    let mounts = mounts.filter(|mounts| !mounts.is_empty());
    mounts.ok_or(ReadError::Malformed { path, expected: "mounts with ten fields each" })
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        // The number of optional fields before this separator varies.
        let (mount, file_system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ');
        let (id, parent) = (mount.next()?.parse().ok()?, mount.next()?.parse().ok()?);
        let device = mount.next()?.to_owned();
        let point = unescape(mount.nth(1)?);
        let options = mount.next()?.to_owned();
        let mut file_system = file_system.split(' ');
        let (kind, source) = (file_system.next()?, file_system.next()?);
        Some(Self {
            id,
            parent,
            device,
            point,
            kind: unescape(kind),
            source: secret::device(&unescape(source)),
            options,
            file_system_options: file_system.next()?.to_owned(),
        })
    }

    /// Whether the file system itself can only be read, whatever of this mount.
    pub fn is_file_system_read_only(&self) -> bool {
        is_read_only(&self.file_system_options)
    }

    /// The options as /proc/mounts has them: first `ro` if the mount or the file system can only be read,
    /// else `rw`; then those of both, each once.
    pub fn options(&self) -> String {
        let read_only =
            [&self.options, &self.file_system_options].into_iter().any(|of| is_read_only(of));
        let mut options = vec![if read_only { "ro" } else { "rw" }];
        for option in self.options.split(',').chain(self.file_system_options.split(',')) {
            if !["ro", "rw"].contains(&option) && !options.contains(&option) {
                options.push(option);
            }
        }
        secret::mount_options(&unescape(&options.join(",")))
    }

    /// Whether it has a size of its own: files are stored in it, on a device, a server or in memory.
    pub fn has_size(&self) -> bool {
        !PSEUDO.contains(&&*self.kind) && !PSEUDO_FUSE.contains(&&*self.kind)
    }

    /// Whether it is on a device or a server, and meant to be written to. What can never be written to
    /// says nothing by being read-only, and what is in memory, or made of other file systems, has no
    /// device that could fail.
    pub fn is_writable_device(&self) -> bool {
        self.has_size()
            && !NO_DEVICE.contains(&&*self.kind)
            && !NEVER_WRITTEN.contains(&&*self.kind)
    }
}

fn is_read_only(options: &str) -> bool {
    options.split(',').any(|option| option == "ro")
}

/// Types of file systems that show what the kernel or a program knows, and store nothing.
const PSEUDO: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
    "tracefs",
];

/// The same of programs.
const PSEUDO_FUSE: &[&str] = &["fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal", "fuse.snapfuse"];

/// In memory, or made of other file systems.
const NO_DEVICE: &[&str] = &["aufs", "devtmpfs", "overlay", "ramfs", "tmpfs"];

/// Images and disks that can only be read.
const NEVER_WRITTEN: &[&str] = &["cramfs", "erofs", "iso9660", "romfs", "squashfs"];

/// Whether another machine or a program answers for it, or for what it is mounted in.
pub fn may_hang(mount: &Mount, all: &[Mount]) -> bool {
    all.iter().any(|outer| !is_answered_by_kernel(outer) && is_in(&mount.point, &outer.point))
}

/// Whether a path is this folder, or lies in it.
fn is_in(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_answered_by_kernel(mount: &Mount) -> bool {
    let is_on_device = mount.source.starts_with("/dev/") && !mount.kind.starts_with("fuse");
    is_on_device || !mount.has_size() || IN_KERNEL.contains(&&*mount.kind)
}

/// In memory, on devices that have no path, or made of other file systems.
const IN_KERNEL: &[&str] =
    &["aufs", "bcachefs", "btrfs", "devtmpfs", "overlay", "ramfs", "squashfs", "tmpfs", "zfs"];

#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    fn mount(line: &str) -> Mount {
        Mount::parse(line).expect("it has all fields")
    }

    #[test]
    fn a_line_is_read_with_any_number_of_optional_fields() {
        let optional = ["", " shared:2", " shared:7 master:1 propagate_from:2"];
        for optional in optional {
            let line = format!(
                "36 35 98:0 /mnt1 /data\\040\\134\\011x rw,noatime{optional} - ext3 /dev/a\\043b \
                 ro,errors=continue,noatime"
            );
            let found = mount(&line);
            assert_eq!([&*found.device, &found.point], ["98:0", "/data \\\tx"], "{optional}");
            assert_eq!([&*found.kind, &found.source], ["ext3", "/dev/a#b"]);
            assert!(found.is_file_system_read_only());
            assert_eq!(found.options(), "ro,noatime,errors=continue");
        }
    }

    #[test]
    fn either_side_makes_a_mount_read_only() {
        let of = |mount_options: &str, others: &str| {
            let line = format!("36 35 98:0 / / {mount_options} - ext4 /dev/sda {others}");
            (mount(&line).options(), mount(&line).is_file_system_read_only())
        };
        assert_eq!(of("ro,nosuid", "rw"), ("ro,nosuid".to_owned(), false));
        assert_eq!(of("rw", "ro"), ("ro".to_owned(), true));
        assert_eq!(of("rw", "rw,errors=remount-ro"), ("rw,errors=remount-ro".to_owned(), false));
    }

    #[test]
    fn a_later_mount_hides_an_earlier_one() {
        let tree = Tree::new(
            "== self/mountinfo\n1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /mnt rw - tmpfs none rw\n\
             3 1 8:2 / /mnt rw - xfs /dev/sda2 rw\n",
        );
        let points = |mounts: Vec<Mount>| {
            mounts.into_iter().map(|mount| mount.source).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(visible(tree.root()).map(points).expect("readable"), "/dev/sda1 /dev/sda2");
        // A folder above is mounted over, and so is one that was mounted before the root was.
        tree.change(
            "== self/mountinfo\n4 6 0:4 / /dev rw - tmpfs dev rw\n5 0 0:5 / / rw - rootfs none rw\n\
             6 5 8:1 / / rw - ext4 /dev/sda1 rw\n7 6 0:9 / /mnt/a rw - tmpfs hidden rw\n\
             8 6 8:2 / /mnt rw - xfs /dev/sda2 rw\n9 8 8:3 / /mnt/b rw - xfs /dev/sda3 rw\n",
        );
        assert_eq!(
            visible(tree.root()).map(points).expect("readable"),
            "dev /dev/sda1 /dev/sda2 /dev/sda3"
        );
        tree.change(
            "== self/mountinfo\n1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /mnt rw - tmpfs none rw\n\
             3 1 8:2 / /mnt rw - xfs /dev/sda2 rw\n",
        );
        assert_eq!(all(tree.root()).map(points).expect("readable"), "/dev/sda1 none /dev/sda2");
    }

    #[test]
    fn a_name_that_is_no_text_leaves_the_others() {
        let tree = Tree::new("== self/\n");
        let lines = b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /\xff rw - ext4 /dev/sda2 rw\n";
        std::fs::write(tree.root().join("self/mountinfo"), lines).expect("a folder of this test");
        let points: Vec<_> =
            all(tree.root()).expect("readable").into_iter().map(|m| m.point).collect();
        assert_eq!(points, ["/", "/\u{fffd}"]);
    }

    #[test]
    fn what_is_no_list_of_mounts_is_an_error() {
        for text in ["", "1 0 8:1 / / rw\n", "1 0 8:1 / / rw - ext4\n", "garbage - of all kinds\n"]
        {
            let tree = Tree::new(&format!("== self/mountinfo\n{text}"));
            assert!(matches!(all(tree.root()), Err(ReadError::Malformed { .. })), "{text:?}");
        }
        let missing = all(Tree::new("").root());
        assert!(matches!(missing, Err(ReadError::Missing(_))));
    }
}
