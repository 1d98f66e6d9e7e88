//! `agent.filesystem_state`: which file systems can only be read, as the kernel makes them after errors.

use crate::model::{CheckType, Declared, Discovers, Opening, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.filesystem_state",
    about: "How many file systems can be written to, and how many are read-only",
    settings: &[],
    one_of: &[],
    metrics: &[
        Declared::gauge("total_ro", Unit::Count, TOTAL_RO_SOURCE).headline(),
        Declared::gauge(
            "total_rw",
            Unit::Count,
            "the file systems among these that can be written to",
        ),
        Declared::text("devices_ro", "the devices of total_ro, with commas"),
        Declared::text("devices_rw", "the devices of total_rw, with commas"),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    #[cfg(target_os = "linux")]
    open: |of: &Opening| Box::new(linux::State { proc: of.roots.proc.clone() }),
    #[cfg(not(target_os = "linux"))]
    open: |_: &Opening| Box::new(super::macos::State::new()),
};

const TOTAL_RO_SOURCE: &str = "/proc/self/mountinfo: the file systems that have the option ro themselves, and not only on a mount. \
    File systems on a device or a server count, each once even if it is mounted several times. Those in memory \
    (tmpfs), overlay and pseudo file systems, and read-only images (squashfs, iso9660) do not count";

#[cfg(target_os = "linux")]
mod linux {
    use std::path::PathBuf;

    use super::super::mounts::{self, Mount};
    use crate::model::{Check, Findings, ReadError, Running};

    pub struct State {
        pub proc: PathBuf,
    }

    impl State {
        fn read(&self) -> Result<Findings, ReadError> {
            let mut counted: Vec<Mount> = Vec::new();
            for mount in mounts::all(&self.proc)? {
                let is_new = counted.iter().all(|other| other.device != mount.device);
                if mount.is_writable_device() && is_new {
                    counted.push(mount);
                }
            }
            let (read_only, writable): (Vec<_>, Vec<_>) =
                counted.iter().partition(|mount| mount.is_file_system_read_only());
            let devices = |mounts: &[&Mount]| {
                mounts.iter().map(|mount| &*mount.source).collect::<Vec<_>>().join(",")
            };
            let mut found = Findings::default();
            found.number("total_ro", read_only.len() as f64);
            found.number("total_rw", writable.len() as f64);
            found.text("devices_ro", devices(&read_only));
            found.text("devices_rw", devices(&writable));
            let origin = self.proc.join("self/mountinfo").display().to_string();
            for mount in read_only.iter().chain(&writable).take(SHOWN) {
                let state = if mount.is_file_system_read_only() { "ro" } else { "rw" };
                let Mount { source, kind, point, .. } = mount;
                found.raw(&*origin, format_args!("{source} {kind} {state} on {point}"));
            }
            Ok(found)
        }
    }

    impl Check for State {
        fn run(&mut self) -> Running<'_> {
            Box::pin(async { self.read().map_err(|error| error.to_string()) })
        }
    }

    /// File systems that are shown: a person looks at no more.
    const SHOWN: usize = 16;
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::super::tests::{assert_complete, number, open, roots, run, text};
    use super::*;
    use support::tree::Tree;

    /// Of some lines of mountinfo: totals and devices.
    async fn state(lines: &str) -> ([f64; 2], [String; 2]) {
        let tree = Tree::new(&format!("== proc/self/mountinfo\n{lines}"));
        let found = run(&mut open(&TYPE, &[], &roots(&tree)), &tree).await.expect("it can be read");
        assert_complete(&TYPE, &found);
        (
            ["total_ro", "total_rw"].map(|name| number(&found, name)),
            ["devices_ro", "devices_rw"].map(|name| text(&found, name).to_owned()),
        )
    }

    const MACHINE: &str = "1 0 8:1 / / rw - ext4 /dev/sda1 rw,errors=remount-ro\n2 1 0:5 / /proc rw - proc proc rw\n\
        3 1 8:2 / /home rw - xfs /dev/sda2 rw\n4 1 0:9 / /run rw - tmpfs tmpfs rw\n\
        5 1 0:7 / /data rw - nfs4 server:/data ro\n6 1 0:8 / /sys ro - sysfs sysfs ro\n";

    #[tokio::test]
    async fn devices_and_servers_count_and_pseudo_file_systems_do_not() {
        let devices = ["server:/data", "/dev/sda1,/dev/sda2"].map(str::to_owned);
        assert_eq!(state(MACHINE).await, ([1.0, 2.0], devices));
    }

    #[tokio::test]
    async fn an_error_makes_a_file_system_read_only_and_not_its_mounts() {
        let error = MACHINE.replace("/dev/sda1 rw", "/dev/sda1 ro");
        let devices = ["/dev/sda1,server:/data", "/dev/sda2"].map(str::to_owned);
        assert_eq!(state(&error).await, ([2.0, 1.0], devices));
    }

    #[tokio::test]
    async fn a_file_system_counts_once_and_a_mount_that_is_read_only_on_purpose_is_no_fault() {
        let bound =
            "7 1 8:2 /bin /opt ro - xfs /dev/sda2 rw\n8 1 8:1 /etc /mnt ro - ext4 /dev/sda1 rw\n";
        let images = "9 1 7:0 / /snap/core ro - squashfs /dev/loop0 ro\n10 1 11:0 / /cd ro - iso9660 /dev/sr0 ro\n\
            11 1 0:30 / /merged ro - overlay overlay ro\n12 1 0:31 / /x ro - tmpfs none ro\n";
        let found = state(&format!("{MACHINE}{bound}{images}")).await;
        assert_eq!(found, state(MACHINE).await);
    }

    #[tokio::test]
    async fn a_container_may_have_no_device_at_all() {
        let container = "1 0 0:40 / / rw - overlay overlay rw\n2 1 0:5 / /proc rw - proc proc rw\n";
        assert_eq!(state(container).await, ([0.0, 0.0], [String::new(), String::new()]));
        // Or one of which it has a file that it may only read.
        let bound = "3 1 8:1 /hosts /etc/hosts ro - ext4 /dev/sda1 rw\n";
        let devices = [String::new(), "/dev/sda1".to_owned()];
        assert_eq!(state(&format!("{container}{bound}")).await, ([0.0, 1.0], devices));
    }

    #[tokio::test]
    async fn what_is_not_there_is_an_error() {
        let tree = Tree::new("== proc/\n");
        let mut check = open(&TYPE, &[], &roots(&tree));
        assert_eq!(run(&mut check, &tree).await, Err("proc/self/mountinfo not found".to_owned()));
        tree.change("== proc/self/mountinfo\nno mounts\n");
        let error = "proc/self/mountinfo has no mounts with ten fields each".to_owned();
        assert_eq!(run(&mut check, &tree).await, Err(error));
    }
}
