//! Where processes are looked at, and how.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::FsWord;

use super::end;
use super::rights::RunsAs;
use crate::source::kernel_file::bytes;

/// What of the kernel this process sees.
#[derive(Clone, Debug)]
pub struct View {
    /// Below it are `/proc` and `/sys`.
    pub root: PathBuf,
    /// The types of the file systems that hold control groups.
    groups: Vec<FsWord>,
    /// Opens a descriptor that tells when a process has ended.
    pub open_process: fn(u32) -> io::Result<OwnedFd>,
}

impl View {
    /// The kernel's own.
    pub fn of_kernel() -> Self {
        let groups = vec![CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC];
        Self { root: PathBuf::from("/"), groups, open_process: end::open }
    }

    /// A copy below a directory, of which no process can be waited for.
    pub fn of_copy(root: &Path) -> Self {
        let kind = rustix::fs::statfs(root).map(|system| system.f_type);
        let open_process = |_| Err(io::ErrorKind::Unsupported.into());
        Self { root: root.to_owned(), groups: kind.into_iter().collect(), open_process }
    }

    pub fn is_of_groups(&self, file_system: FsWord) -> bool {
        self.groups.contains(&file_system)
    }

    /// A file of a process.
    pub fn of_process(&self, pid: u32, file: &str) -> PathBuf {
        self.root.join("proc").join(pid.to_string()).join(file)
    }

    /// The text of a file of a process. Mount points need not be UTF-8.
    pub fn text(&self, pid: u32, file: &str) -> io::Result<String> {
        let text = bytes(&self.of_process(pid, file))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The name of a process's program, cut to 15 bytes.
    pub fn program(&self, pid: u32) -> String {
        let name = self.text(pid, "comm").unwrap_or_default();
        name.trim_end().to_owned()
    }

    pub fn identity(&self, pid: u32) -> Option<RunsAs> {
        RunsAs::parse(&self.text(pid, "status").ok()?)
    }

    /// The number of this process in the namespace that /proc is of.
    pub fn own_pid(&self) -> Option<u32> {
        fs::read_link(self.root.join("proc/self")).ok()?.to_str()?.parse().ok()
    }

    /// Whether the processes of the whole machine are seen: its PID namespace has this number, and its
    /// second process makes the kernel's threads.
    pub fn is_whole_machine(&self) -> bool {
        let namespace = fs::read_link(self.root.join("proc/self/ns/pid"));
        let is_first = namespace.is_ok_and(|name| name.to_str() == Some(FIRST_PID_NAMESPACE));
        is_first || self.program(2) == "kthreadd"
    }
}

/// PROC_PID_INIT_INO of the kernel, 0xEFFFFFFC.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Of the kernel's magic.h.
const CGROUP_SUPER_MAGIC: FsWord = 0x0027_e0eb;
const CGROUP2_SUPER_MAGIC: FsWord = 0x6367_7270;
