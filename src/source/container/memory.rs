//! Memory used by the group, and how much it may use.

use std::path::{Path, PathBuf};

use log::{info, warn};

use super::{Binds, smallest};
use crate::config::MemoryUse;
use crate::model::{Bytes, Evidence, Limit, MemoryReading, Part, ReadError};
use crate::source::cgroup::{Group, Version, field, v1, v2};
use crate::source::kernel_file::{KernelFile, PAGE, optional, required};
use crate::source::plausible::left_of;
use crate::source::proc;

/// Reads `memory.usage_in_bytes` or `memory.current`, and `memory.stat`.
#[derive(Debug)]
pub struct ContainerMemory {
    group: Group,
    which: MemoryUse,
    usage: KernelFile,
    stat: KernelFile,
    meminfo: PathBuf,
    limit: Option<Limit<Bytes>>,
    binds: Binds,
    /// Whether the limit is set on a group that cannot be seen.
    is_hidden: bool,
    /// The last warning about a group above that is nearer to its limit.
    fuller_above: Option<String>,
    /// The file that counts killed processes: always the same one, because a difference between the
    /// counters of two files would mean nothing.
    killed: Option<KernelFile>,
    /// Of the task that the container is the only one of.
    pub task_limit: Option<Limit<Bytes>>,
}

/// The limit of a group, and the group.
struct OfGroup {
    limit: Limit<Bytes>,
    directory: PathBuf,
    is_hidden: bool,
}

impl ContainerMemory {
    /// The memory of the group that `group` finds for a controller. The files of the machine lie below
    /// `machine`.
    pub fn of(
        group: impl Fn(&str) -> Option<Group>,
        machine: &Path,
        which: MemoryUse,
    ) -> Option<Self> {
        let group = group("memory")?;
        let (usage, stat) = files_of(&group, group.own());
        Some(Self {
            group,
            which,
            usage,
            stat,
            meminfo: machine.join("proc/meminfo"),
            limit: None,
            binds: Binds::Machine,
            is_hidden: false,
            fuller_above: None,
            killed: None,
            task_limit: None,
        })
    }

    pub fn read(&mut self, limit_is_good: bool) -> Result<MemoryReading, ReadError> {
        let limit = match self.limit.take() {
            Some(limit) if limit_is_good => limit,
            _ => self.look_for_limit()?,
        };
        // `self.limit` is empty if this fails. So the next reading looks for the limit again, and with it
        // for the group, which may have been removed.
        let used = self.used()?;
        // Not for each sample: it reads files of every group above.
        if !limit_is_good {
            self.compare_with_groups_above(used, limit.amount);
        }
        Ok(MemoryReading { used, limit: self.limit.insert(limit).clone() })
    }

    /// The raw values behind the memory in use.
    pub fn explain(&mut self) -> Evidence {
        let usage = usage_file(self.group.version);
        let mut values = self.usage.raw_values(&[usage], |text, _| text.trim().parse().ok());
        let (names, formula): (&[_], _) = match (self.group.version, self.which) {
            (Version::V1, MemoryUse::Used) if self.knows_shared_memory() => (
                &["total_cache", "total_shmem"],
                "(memory.usage_in_bytes − (total_cache − total_shmem)) bytes",
            ),
            (Version::V1, MemoryUse::Used) => (
                &["total_inactive_file", "total_active_file"],
                "(memory.usage_in_bytes − total_inactive_file − total_active_file) bytes",
            ),
            (Version::V1, MemoryUse::WorkingSet) => {
                (&["total_inactive_file"], "(memory.usage_in_bytes − total_inactive_file) bytes")
            }
            (Version::V2, MemoryUse::Used) => (
                &["file", "shmem", "slab_reclaimable"],
                "(memory.current − (file − shmem) − slab_reclaimable) bytes",
            ),
            (Version::V2, MemoryUse::WorkingSet) => {
                (&["inactive_file"], "(memory.current − inactive_file) bytes")
            }
        };
        values.extend(self.stat.raw_values(names, field));
        let hidden = self.is_hidden.then(|| {
            "the limit is set on a parent control group that is not visible here; the usage is of this group"
                .to_owned()
        });
        let notes = hidden.into_iter().chain(self.fuller_above.clone()).collect();
        Evidence { part: Part::Memory, values, formula: formula.into(), notes }
    }

    /// How many processes of the group were killed because its memory limit was reached: since
    /// Linux 4.13, in `memory.oom_control` or `memory.events`.
    pub fn oom_kills(&mut self) -> Result<u64, ReadError> {
        let mut file = match self.killed.take() {
            Some(file) => file,
            None => {
                // The group whose usage is read is known when the limit is.
                self.look_for_limit()?;
                KernelFile::new(self.usage.directory().join(match self.group.version {
                    Version::V1 => "memory.oom_control",
                    Version::V2 => "memory.events",
                }))
            }
        };
        let mut page = [0; PAGE];
        let kills = file.read(&mut page).map(|text| field(text, "oom_kill"));
        let kills = kills.and_then(|kills| kills.ok_or_else(|| file.malformed("oom_kill")));
        self.killed = Some(file);
        kills
    }

    /// The most memory that was ever in use, page cache included, in percent of the limit as it is now.
    pub fn peak(&mut self) -> Result<f64, ReadError> {
        let limit = match &self.limit {
            Some(limit) => limit.clone(),
            None => self.look_for_limit()?,
        };
        let name = match self.group.version {
            Version::V1 => "memory.max_usage_in_bytes",
            Version::V2 => "memory.peak",
        };
        let path = self.usage.directory().join(name);
        let text = required(&path).map_err(|error| error.because(NO_PEAK))?;
        let expected = "number of bytes";
        let peak: u64 = text.trim().parse().map_err(|_| ReadError::Malformed { path, expected })?;
        let Bytes(most) = limit.amount;
        if most == 0 {
            return Err(ReadError::unusable(format!("the limit is zero: {limit}")));
        }
        // The limit may have been lowered since.
        Ok((100.0 * peak as f64 / most as f64).min(100.0))
    }

    /// Whether no visible group counts memory, and so none limits it: in the machine's root group of
    /// version 2, or where the kernel's memory controller is off, as in kernels for the Raspberry Pi by
    /// default.
    pub fn is_not_counted(&self) -> bool {
        let controllers = self.group.own().join("cgroup.controllers");
        let is_off = |text: String| !text.split_whitespace().any(|name| name == "memory");
        self.group.is_root_of_version_2()
            || self.group.version == Version::V2
                && !self.group.own().join("memory.current").exists()
                && optional(&controllers).is_ok_and(|text| text.is_some_and(is_off))
    }

    /// Whether the last reading is in percent of a control group's limit.
    pub fn is_limited(&self) -> bool {
        self.binds == Binds::Group
    }

    /// The limit, if a control group sets it.
    pub fn own_limit(&mut self) -> Option<Limit<Bytes>> {
        let limit = self.look_for_limit().ok()?;
        (self.binds == Binds::Group).then_some(limit)
    }

    /// The memory in use.
    pub fn used(&mut self) -> Result<Bytes, ReadError> {
        // One after the other in the same place: to make it empty costs more than to read.
        let mut page = [0; PAGE];
        let usage = self.usage.read(&mut page)?.trim().parse();
        let usage: u64 = usage.map_err(|_| self.usage.malformed("number of bytes"))?;
        let stat = self.stat.read(&mut page)?;
        let (droppable, expected) = match self.group.version {
            Version::V1 => (v1::droppable(stat, self.which), V1_FIELDS),
            Version::V2 => (v2::droppable(stat, self.which), V2_FIELDS),
        };
        let droppable = droppable.ok_or_else(|| self.stat.malformed(expected))?.0;
        left_of(usage, droppable).ok_or_else(|| {
            let directory = self.stat.directory().display();
            ReadError::unusable(format!(
                "{directory}/memory.stat has {droppable} reclaimable bytes, more than the {usage} bytes in use"
            ))
        })
    }

    /// Finds the smallest of the machine's memory, the task's limit, and the limits of the group and of
    /// each visible group above it; and the group whose usage is to be compared with it.
    pub fn look_for_limit(&mut self) -> Result<Limit<Bytes>, ReadError> {
        let of_group = match self.group.version {
            Version::V1 => self.limit_of_version_1()?,
            Version::V2 => self.limit_of_version_2()?,
        };
        let group = of_group.as_ref().map(|of_group| of_group.limit.clone());
        let (binds, limit) = smallest(
            [(Binds::Group, group), (Binds::Task, self.task_limit.clone())],
            self.machine(),
        )?;
        let (directory, is_hidden) = match of_group {
            Some(of_group) if binds == Binds::Group => (of_group.directory, of_group.is_hidden),
            _ => (self.group.own().to_owned(), false),
        };
        let usage = usage_file(self.group.version);
        let own = self.group.own();
        let nearest = self.group.nearest_with(&directory, usage);
        let nearest = nearest.or_else(|| self.group.nearest_with(own, usage));
        let directory = nearest.unwrap_or(own).to_owned();
        if directory != self.usage.directory() {
            (self.usage, self.stat) = files_of(&self.group, &directory);
        }
        (self.binds, self.is_hidden) = (binds, is_hidden);
        Ok(limit)
    }

    /// One file has the smallest limit of all groups above, hidden ones included. Where a group above has
    /// the same limit in this file, its usage reaches the limit first.
    fn limit_of_version_1(&self) -> Result<Option<OfGroup>, ReadError> {
        let stat = |directory: &Path| directory.join("memory.stat");
        let own = stat(self.group.own());
        let expected = "hierarchical_memory_limit";
        let malformed = || ReadError::Malformed { path: own.clone(), expected };
        let bytes = v1::memory_limit(&required(&own)?).ok_or_else(malformed)?;
        let Some(bytes) = bytes else { return Ok(None) };
        let mut directory = self.group.own();
        // Not above a container: those groups hold other containers.
        for above in self.group.directories().skip(1).filter(|_| !self.group.is_container) {
            let Some(text) = optional(&stat(above))? else { break };
            if v1::memory_limit(&text) != Some(Some(bytes)) {
                break;
            }
            directory = above;
        }
        let set_here = self.limit_set_on(directory)?;
        // No visible group sets so small a limit, so a hidden one above them does.
        let is_hidden = set_here.is_some_and(|set| set.is_none_or(|set| set.amount > bytes));
        let limit = Limit::in_file(bytes, &own);
        Ok(Some(OfGroup { limit, directory: directory.to_owned(), is_hidden }))
    }

    fn limit_of_version_2(&self) -> Result<Option<OfGroup>, ReadError> {
        let mut found: Option<OfGroup> = None;
        for directory in self.group.directories() {
            let Some(limit) = self.limit_set_on(directory)?.flatten() else { continue };
            // The outer of two equal limits is reached first: its group holds more processes.
            if found.as_ref().is_none_or(|found| limit.amount <= found.limit.amount) {
                // Groups above a container hold other containers, so only its own usage is read.
                let directory = if self.group.is_container { self.group.own() } else { directory };
                found = Some(OfGroup { limit, directory: directory.to_owned(), is_hidden: false });
            }
        }
        Ok(found)
    }

    /// The limit that is set on a group itself; within, `None` for none. `None` where there is no
    /// such file.
    fn limit_set_on(&self, directory: &Path) -> Result<Option<Option<Limit<Bytes>>>, ReadError> {
        let (name, parse): (_, fn(&str) -> _) = match self.group.version {
            Version::V1 => ("memory.limit_in_bytes", v1::limit_in_bytes),
            Version::V2 => ("memory.max", v2::memory_limit),
        };
        let file = directory.join(name);
        let Some(text) = optional(&file)? else { return Ok(None) };
        let Some(bytes) = parse(&text) else {
            return Err(ReadError::Malformed { path: file, expected: "bytes or max" });
        };
        Ok(Some(bytes.map(|bytes| Limit::in_file(bytes, &file))))
    }

    fn machine(&self) -> Result<Limit<Bytes>, ReadError> {
        let text = required(&self.meminfo)?;
        let malformed =
            ReadError::Malformed { path: self.meminfo.clone(), expected: "MemTotal in kB" };
        proc::memory_total(&text).map(|total| Limit::in_file(total, &self.meminfo)).ok_or(malformed)
    }

    /// Warns when a group above is nearer to its limit than this one: it holds other processes, and may
    /// run out of memory first.
    fn compare_with_groups_above(&mut self, used: Bytes, limit: Bytes) {
        let own = fullness(used, limit);
        let fullest =
            self.fullest_above().filter(|(_, above)| *above >= NEARLY_FULL && *above > own);
        let said = fullest.map(|(limit, above)| {
            format!(
                "a parent control group is nearer to its limit: {above:.2}% of {limit} (this group: {own:.2}%)"
            )
        });
        match (&self.fuller_above, &said) {
            (None, Some(text)) => warn!("memory: {text}"),
            (Some(_), None) => info!("memory: no parent control group is nearer to its limit"),
            _ => {}
        }
        self.fuller_above = said;
    }

    fn fullest_above(&self) -> Option<(Limit<Bytes>, f64)> {
        let own = self.usage.directory();
        let above = self.group.directories().skip_while(|directory| *directory != own).skip(1);
        // A group above that cannot be read is skipped: only a warning depends on it.
        let full = |directory: &Path| {
            let limit = self.limit_set_on(directory).ok()?.flatten()?;
            let usage = optional(&directory.join(usage_file(self.group.version))).ok()??;
            let stat = optional(&directory.join("memory.stat")).ok()?.unwrap_or_default();
            let droppable = match self.group.version {
                Version::V1 => v1::droppable(&stat, self.which),
                Version::V2 => v2::droppable(&stat, self.which),
            };
            // If memory.stat cannot be used, the whole usage counts: a warning too early is better than
            // none.
            let used = left_of(usage.trim().parse().ok()?, droppable.map_or(0, |bytes| bytes.0))?;
            let full = fullness(used, limit.amount);
            Some((limit, full))
        };
        above.filter_map(full).max_by(|one, other| one.1.total_cmp(&other.1))
    }

    fn knows_shared_memory(&mut self) -> bool {
        let mut page = [0; PAGE];
        self.stat.read(&mut page).is_ok_and(|stat| field(stat, "total_shmem").is_some())
    }
}

fn usage_file(version: Version) -> &'static str {
    match version {
        Version::V1 => "memory.usage_in_bytes",
        Version::V2 => "memory.current",
    }
}

fn files_of(group: &Group, directory: &Path) -> (KernelFile, KernelFile) {
    let file = |name| KernelFile::new(directory.join(name));
    (file(usage_file(group.version)), file("memory.stat"))
}

/// How full a group is, in percent. Above 100 counts too: the fuller one of two groups is looked for.
fn fullness(used: Bytes, limit: Bytes) -> f64 {
    used.percent_of(limit.max(Bytes(1)))
}

/// In percent. A group above that is less full than this has room enough.
const NEARLY_FULL: f64 = 80.0;

const V1_FIELDS: &str = "total_cache and total_shmem, or total_inactive_file and total_active_file";
const V2_FIELDS: &str = "file, shmem, slab_reclaimable and inactive_file";

/// What tells the peak.
const NO_PEAK: &str = "memory.peak needs Linux 5.19 and a group with the memory controller";
