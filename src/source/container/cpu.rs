//! CPU time used by the group, and the cores that it may use.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::{Binds, smallest};
use crate::model::{Cores, CpuAccount, CpuReading, Evidence, Limit, Part, ReadError};
use crate::source::cgroup::{Group, Version, field, v1, v2};
use crate::source::cores::CoreFiles;
use crate::source::kernel_file::{KernelFile, PAGE, optional};
use crate::source::proc::count_cores;

/// Reads `cpuacct.usage` or `cpu.stat`.
#[derive(Debug)]
pub struct ContainerCpu {
    /// The group whose CPU time is counted. In version 1 that, the quota and the cpuset may each be
    /// in a hierarchy of its own.
    group: Group,
    usage: KernelFile,
    account: CpuAccount,
    quota: Option<Group>,
    cpuset: Option<Group>,
    /// Where /proc and /sys are.
    machine: PathBuf,
    limit: Option<Limit<Cores>>,
    binds: Binds,
    /// The file that counts how often the quota was enforced: always the same one, because a difference
    /// between the counters of two files would mean nothing.
    throttled: Option<KernelFile>,
    /// Of the task that the container is the only one of.
    pub task_limit: Option<Limit<Cores>>,
}

/// A limit, and the directory of the group that it is set on.
struct OfGroup<'cpu> {
    limit: Limit<Cores>,
    hierarchy: &'cpu Group,
    directory: &'cpu Path,
    is_quota: bool,
}

/// How often the CPU quota was enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttling {
    /// Scheduling periods in which there was something to run.
    pub periods: u64,
    /// The periods in which the quota was used up.
    pub throttled: u64,
}

impl Throttling {
    /// Percent of the periods since an earlier reading in which the quota was used up. Where there were
    /// none, as in an idle container or one without a quota, none was.
    pub fn percent_since(self, before: Self) -> Option<f64> {
        let periods = self.periods.checked_sub(before.periods)?;
        let throttled = self.throttled.checked_sub(before.throttled)?;
        Some(if periods == 0 { 0.0 } else { 100.0 * throttled as f64 / periods as f64 }.min(100.0))
    }
}

impl ContainerCpu {
    /// The CPU of the groups that `group` finds for a controller. The files of the machine lie below
    /// `machine`.
    pub fn of(group: impl Fn(&str) -> Option<Group>, machine: &Path) -> Option<Self> {
        // Only the usage must be there: version 1 may have neither quotas nor cpusets mounted.
        let counting = group("cpuacct")?;
        Some(Self {
            usage: usage_of(&counting, counting.own()),
            group: counting,
            account: CpuAccount::open(),
            quota: group("cpu"),
            cpuset: group("cpuset"),
            machine: machine.to_owned(),
            limit: None,
            binds: Binds::Machine,
            throttled: None,
            task_limit: None,
        })
    }

    pub fn read(&mut self, at: Instant, limit_is_good: bool) -> Result<CpuReading, ReadError> {
        let limit = match self.limit.take() {
            Some(limit) if limit_is_good => limit,
            _ => self.look_for_limit()?,
        };
        // `self.limit` is empty if this fails. So the next reading looks for the limit again, and with it
        // for the group, which may have been removed.
        let used = self.used()?;
        let limit = self.limit.insert(limit).clone();
        Ok(CpuReading { at, used, limit, account: self.account })
    }

    /// The raw values behind the CPU time.
    pub fn explain(&mut self) -> Evidence {
        let version = self.group.version;
        let (name, formula) = match version {
            Version::V1 => ("cpuacct.usage", "cpuacct.usage ns"),
            Version::V2 => ("usage_usec", "usage_usec µs"),
        };
        let values = self.usage.raw_values(&[name], |text, name| match version {
            Version::V1 => text.trim().parse().ok(),
            Version::V2 => field(text, name),
        });
        Evidence { part: Part::Cpu, values, formula: formula.into(), notes: Vec::new() }
    }

    /// How often the quota was enforced, from `cpu.stat` of either version. It is read from the group
    /// whose quota binds, because the kernel counts in that group alone. If no quota binds, it is read
    /// from this process's group.
    pub fn throttling(&mut self) -> Result<Throttling, ReadError> {
        let mut file = match self.throttled.take() {
            Some(file) => file,
            None => {
                let own = self.quota.as_ref().unwrap_or(&self.group).own();
                let all = self.all_cores();
                let found = self.find_limit(all)?;
                let of_quota = found.1.filter(|found| found.is_quota);
                KernelFile::new(of_quota.map_or(own, |found| found.directory).join("cpu.stat"))
            }
        };
        let mut page = [0; PAGE];
        let throttling = file.read(&mut page).map(|text| {
            let periods = field(text, "nr_periods").zip(field(text, "nr_throttled"));
            periods.map(|(periods, throttled)| Throttling { periods, throttled })
        });
        let expected = "nr_periods and nr_throttled";
        let throttling = throttling.and_then(|some| some.ok_or_else(|| file.malformed(expected)));
        self.throttled = Some(file);
        throttling
    }

    /// Whose CPU time it counts.
    pub fn account(&self) -> CpuAccount {
        self.account
    }

    /// Whether the last reading is in percent of a control group's limit.
    pub fn is_limited(&self) -> bool {
        self.binds == Binds::Group
    }

    /// The limit, if a control group sets it.
    pub fn own_limit(&mut self) -> Option<Limit<Cores>> {
        let limit = self.look_for_limit().ok()?;
        (self.binds == Binds::Group).then_some(limit)
    }

    /// The CPU time that was used.
    pub fn used(&mut self) -> Result<Duration, ReadError> {
        let mut page = [0; PAGE];
        let text = self.usage.read(&mut page)?;
        match self.group.version {
            Version::V1 => v1::cpu_used(text).ok_or_else(|| self.usage.malformed("nanoseconds")),
            Version::V2 => v2::cpu_used(text).ok_or_else(|| self.usage.malformed("usage_usec")),
        }
    }

    /// Finds the limit, and the group whose CPU time is to be compared with it.
    pub fn look_for_limit(&mut self) -> Result<Limit<Cores>, ReadError> {
        let all = self.all_cores();
        let ((binds, limit), of_group) = self.find_limit(all)?;
        let own = self.group.own();
        let directory = of_group.and_then(|found| self.counting(&found)).unwrap_or(own);
        let usage = usage_file(self.group.version);
        let nearest = self.group.nearest_with(directory, usage);
        let nearest = nearest.or_else(|| self.group.nearest_with(own, usage));
        let directory = nearest.unwrap_or(own).to_owned();
        if directory != self.usage.directory() {
            self.usage = usage_of(&self.group, &directory);
            // The counters of two groups have no meaningful difference.
            self.account = CpuAccount::open();
        }
        self.binds = binds;
        Ok(limit)
    }

    /// All cores of the machine. The files are closed again: a pod may have many containers.
    fn all_cores(&self) -> Result<Limit<Cores>, ReadError> {
        CoreFiles::at(&self.machine.join("proc"), &self.machine.join("sys")).count()
    }

    /// The smallest of all cores of the machine, the task's limit, the cpuset, and the quotas of the group
    /// and of each visible group above it; with the group that sets it, if a group does.
    fn find_limit(
        &self,
        all: Result<Limit<Cores>, ReadError>,
    ) -> Result<(Bound, Option<OfGroup<'_>>), ReadError> {
        let cpuset = self.smallest_cpuset(all.as_ref().ok())?;
        let of_group = match (self.smallest_quota()?, cpuset) {
            (Some(quota), Some(cpuset)) if cpuset.limit.amount < quota.limit.amount => Some(cpuset),
            (quota, cpuset) => quota.or(cpuset),
        };
        let group = of_group.as_ref().map(|found| found.limit.clone());
        let candidates = [(Binds::Group, group), (Binds::Task, self.task_limit.clone())];
        let bound = smallest(candidates, all)?;
        let of_group = of_group.filter(|_| bound.0 == Binds::Group);
        Ok((bound, of_group))
    }

    /// The directory that counts the CPU time of the group that sets a limit. `None` if another group
    /// is to be measured: groups above a container hold other containers, and unrelated processes often
    /// share a group of the cpuset hierarchy of version 1.
    fn counting(&self, limit: &OfGroup<'_>) -> Option<&Path> {
        let is_shared = !limit.is_quota && limit.hierarchy.version == Version::V1;
        if self.group.is_container || is_shared {
            return None;
        }
        self.group.same_as(limit.hierarchy, limit.directory)
    }

    fn smallest_quota(&self) -> Result<Option<OfGroup<'_>>, ReadError> {
        let Some(hierarchy) = &self.quota else { return Ok(None) };
        let mut found: Option<OfGroup<'_>> = None;
        for directory in hierarchy.directories() {
            let Some(limit) = quota_of(hierarchy.version, directory)? else { continue };
            // The outer of two equal quotas is used up first: its group holds more processes.
            if found.as_ref().is_none_or(|found| limit.amount <= found.limit.amount) {
                found = Some(OfGroup { limit, hierarchy, directory, is_quota: true });
            }
        }
        Ok(found)
    }

    /// The cpuset of the nearest group that has one, if it is less than `all` cores. A group inherits the
    /// set of the group above, so the outermost group with the same number of cores counts as its
    /// owner.
    fn smallest_cpuset(
        &self,
        all: Option<&Limit<Cores>>,
    ) -> Result<Option<OfGroup<'_>>, ReadError> {
        let Some(hierarchy) = &self.cpuset else { return Ok(None) };
        let mut found: Option<OfGroup<'_>> = None;
        for directory in hierarchy.directories() {
            let Some(limit) = cpuset_of(hierarchy.version, directory)? else { continue };
            found = match found {
                None => Some(OfGroup { limit, hierarchy, directory, is_quota: false }),
                Some(found) if found.limit.amount == limit.amount => {
                    Some(OfGroup { directory, ..found })
                }
                // A group can only have CPUs of the group above, so further up the sets only grow.
                Some(_) => break,
            };
        }
        let is_less = |found: &OfGroup<'_>| all.is_none_or(|all| found.limit.amount < all.amount);
        Ok(found.filter(is_less))
    }
}

/// A limit, and who sets it.
type Bound = (Binds, Limit<Cores>);

/// The quota that is set on a group, in cores.
fn quota_of(version: Version, directory: &Path) -> Result<Option<Limit<Cores>>, ReadError> {
    let (file, quota) = match version {
        Version::V1 => {
            let file = directory.join("cpu.cfs_quota_us");
            let period_file = directory.join("cpu.cfs_period_us");
            let period = optional(&period_file)?;
            let Some((quota, period)) = optional(&file)?.zip(period) else { return Ok(None) };
            let expected = "number of microseconds";
            let period = v1::cpu_period(&period)
                .ok_or(ReadError::Malformed { path: period_file, expected })?;
            (file, v1::cpu_quota(&quota, period))
        }
        Version::V2 => {
            let file = directory.join("cpu.max");
            let Some(text) = optional(&file)? else { return Ok(None) };
            (file, v2::cpu_quota(&text))
        }
    };
    match quota {
        Some(quota) => Ok(quota.map(|cores| Limit::in_file(cores, &file))),
        None => Err(ReadError::Malformed { path: file, expected: "quota and period" }),
    }
}

/// The CPUs that a group may use.
fn cpuset_of(version: Version, directory: &Path) -> Result<Option<Limit<Cores>>, ReadError> {
    let names: &[&str] = match version {
        // The first is newer, and shrinks when a CPU is taken offline.
        Version::V1 => &["cpuset.effective_cpus", "cpuset.cpus"],
        Version::V2 => &["cpuset.cpus.effective"],
    };
    for file in names.iter().map(|name| directory.join(name)) {
        // In version 1 the set of a new group is empty until it is written (cpuset(7)).
        let Some(list) = optional(&file)?.filter(|list| !list.trim().is_empty()) else { continue };
        let expected = "list of CPUs such as 0-3";
        let count =
            count_cores(&list).ok_or(ReadError::Malformed { path: file.clone(), expected })?;
        return Ok(Some(Limit::in_file(Cores(count as f64), &file)));
    }
    Ok(None)
}

fn usage_of(group: &Group, directory: &Path) -> KernelFile {
    KernelFile::new(directory.join(usage_file(group.version)))
}

fn usage_file(version: Version) -> &'static str {
    match version {
        Version::V1 => "cpuacct.usage",
        Version::V2 => "cpu.stat",
    }
}
