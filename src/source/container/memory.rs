//! Memory used by the group, and how much it may use.

use std::path::{Path, PathBuf};

use super::{limit, optional, required, smallest};
use crate::model::{Bytes, Evidence, Limit, MemoryReading, ReadError};
use crate::settings::MemoryUse;
use crate::source::cgroup::{Group, Version, field, v1, v2};
use crate::source::kernel_file::{KernelFile, PAGE};
use crate::source::proc;

/// Reads `memory.usage_in_bytes` or `memory.current`, and `memory.stat`.
#[derive(Debug)]
pub struct Memory {
    group: Group,
    which: MemoryUse,
    usage: KernelFile,
    stat: KernelFile,
    meminfo: PathBuf,
    limit: Option<Limit<Bytes>>,
    /// Of the task that the container is the only one of.
    pub task_limit: Option<Limit<Bytes>>,
}

impl Memory {
    /// Finds the group in the texts of /proc/self/cgroup and /proc/self/mountinfo.
    pub fn find((cgroup, mountinfo): (&str, &str), root: &Path, which: MemoryUse) -> Option<Self> {
        let group = Group::find("memory", cgroup, mountinfo, root)?;
        let usage = match group.version {
            Version::V1 => "memory.usage_in_bytes",
            Version::V2 => "memory.current",
        };
        let file = |name| KernelFile::new(group.own().join(name));
        let (usage, stat) = (file(usage), file("memory.stat"));
        let meminfo = root.join("proc/meminfo");
        Some(Self { group, which, usage, stat, meminfo, limit: None, task_limit: None })
    }

    pub fn read(&mut self, limit_is_good: bool) -> Result<MemoryReading, ReadError> {
        let used = self.used()?;
        let limit = match self.limit.take() {
            Some(limit) if limit_is_good => limit,
            _ => self.find_limit()?,
        };
        Ok(MemoryReading { used, limit: self.limit.insert(limit).clone() })
    }

    /// What the memory in use is made of.
    pub fn explain(&mut self) -> Evidence {
        let (usage, stat, formula): (_, &[_], _) = match (self.group.version, self.which) {
            (Version::V1, MemoryUse::Used) => (
                "memory.usage_in_bytes",
                &["total_cache", "total_shmem"],
                "(memory.usage_in_bytes − (total_cache − total_shmem)) bytes",
            ),
            (Version::V1, MemoryUse::WorkingSet) => (
                "memory.usage_in_bytes",
                &["total_inactive_file"],
                "(memory.usage_in_bytes − total_inactive_file) bytes",
            ),
            (Version::V2, MemoryUse::Used) => (
                "memory.current",
                &["file", "shmem", "slab_reclaimable"],
                "(memory.current − (file − shmem) − slab_reclaimable) bytes",
            ),
            (Version::V2, MemoryUse::WorkingSet) => {
                ("memory.current", &["inactive_file"], "(memory.current − inactive_file) bytes")
            }
        };
        let mut values = self.usage.raw_values(&[usage], |text, _| text.trim().parse().ok());
        values.extend(self.stat.raw_values(stat, field));
        Evidence { part: "memory", values, formula: formula.into() }
    }

    /// How many processes of the group were killed because its memory limit was reached: since
    /// Linux 4.13, in `memory.oom_control` or `memory.events`.
    pub fn oom_kills(&self) -> Result<u64, ReadError> {
        let file = self.group.own().join(match self.group.version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        });
        let kills = field(&required(&file)?, "oom_kill");
        kills.ok_or(ReadError::Malformed { path: file, expected: "oom_kill" })
    }

    /// The limit, if it is less than all of the machine's memory.
    pub fn own_limit(&self) -> Option<&Limit<Bytes>> {
        self.limit.as_ref().filter(|limit| Path::new(&*limit.origin) != self.meminfo)
    }

    fn used(&mut self) -> Result<Bytes, ReadError> {
        let (mut usage, mut stat) = ([0; PAGE], [0; PAGE]);
        let usage = self.usage.read(&mut usage)?.trim().parse();
        let usage: u64 = usage.map_err(|_| self.usage.malformed("number of bytes"))?;
        let stat = self.stat.read(&mut stat)?;
        let (droppable, expected) = match self.group.version {
            Version::V1 => (v1::droppable(stat, self.which), V1_FIELDS),
            Version::V2 => (v2::droppable(stat, self.which), V2_FIELDS),
        };
        let droppable = droppable.ok_or_else(|| self.stat.malformed(expected))?;
        // The two files are read one after the other.
        Ok(Bytes(usage.saturating_sub(droppable.0)))
    }

    /// The smallest of the machine's memory and the limits of the group and of each group above it
    /// that can be seen.
    fn find_limit(&self) -> Result<Limit<Bytes>, ReadError> {
        let mut limits = vec![self.machine()?];
        match self.group.version {
            Version::V1 => {
                // One file tells of all groups above, those that cannot be seen included.
                let file = self.group.own().join("memory.stat");
                let bytes = v1::memory_limit(&required(&file)?);
                let expected = "hierarchical_memory_limit";
                let malformed = ReadError::Malformed { path: file.clone(), expected };
                limits.push(limit(bytes.ok_or(malformed)?, &file));
            }
            Version::V2 => {
                for directory in self.group.directories() {
                    let file = directory.join("memory.max");
                    let Some(text) = optional(&file)? else { continue };
                    let malformed =
                        ReadError::Malformed { path: file.clone(), expected: "bytes or max" };
                    let bytes = v2::memory_limit(&text).ok_or(malformed)?;
                    limits.extend(bytes.map(|bytes| limit(bytes, &file)));
                }
            }
        }
        limits.extend(self.task_limit.clone());
        Ok(smallest(limits).expect("the machine's memory is among them"))
    }

    fn machine(&self) -> Result<Limit<Bytes>, ReadError> {
        let text = required(&self.meminfo)?;
        let malformed =
            ReadError::Malformed { path: self.meminfo.clone(), expected: "MemTotal in kB" };
        proc::memory_total(&text).map(|total| limit(total, &self.meminfo)).ok_or(malformed)
    }
}

const V1_FIELDS: &str = "total_cache, total_shmem and total_inactive_file";
const V2_FIELDS: &str = "file, shmem, slab_reclaimable and inactive_file";
