//! CPU time used by the group, and the cores that it may use.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::{limit, optional, required, smallest};
use crate::model::{Cores, CpuReading, Evidence, Limit, ReadError, Throttling};
use crate::source::cgroup::{Group, Version, field, v1, v2};
use crate::source::kernel_file::{KernelFile, PAGE};
use crate::source::proc::count_cores;

/// Reads `cpuacct.usage` or `cpu.stat`.
#[derive(Debug)]
pub struct Cpu {
    version: Version,
    usage: KernelFile,
    quota: Group,
    cpuset: Option<Group>,
    online: PathBuf,
    limit: Option<Limit<Cores>>,
    /// Where it is counted how often the quota was enforced: always the same file, because a
    /// difference between two would mean nothing.
    throttled: Option<PathBuf>,
    /// Of the task that the container is the only one of.
    pub task_limit: Option<Limit<Cores>>,
}

impl Cpu {
    /// Finds the groups in the texts of /proc/self/cgroup and /proc/self/mountinfo.
    pub fn find((cgroup, mountinfo): (&str, &str), root: &Path) -> Option<Self> {
        let find = |controller| Group::find(controller, cgroup, mountinfo, root);
        let account = find("cpuacct")?;
        let file = match account.version {
            Version::V1 => "cpuacct.usage",
            Version::V2 => "cpu.stat",
        };
        Some(Self {
            version: account.version,
            usage: KernelFile::new(account.own().join(file)),
            quota: find("cpu")?,
            cpuset: find("cpuset"),
            online: root.join("sys/devices/system/cpu/online"),
            limit: None,
            throttled: None,
            task_limit: None,
        })
    }

    pub fn read(&mut self, at: Instant, limit_is_good: bool) -> Result<CpuReading, ReadError> {
        let used = self.used()?;
        let limit = match self.limit.take() {
            Some(limit) if limit_is_good => limit,
            _ => self.find_limit()?,
        };
        Ok(CpuReading { at, used, limit: self.limit.insert(limit).clone() })
    }

    /// What the CPU time is made of.
    pub fn explain(&mut self) -> Evidence {
        let (name, formula) = match self.version {
            Version::V1 => ("cpuacct.usage", "cpuacct.usage ns"),
            Version::V2 => ("usage_usec", "usage_usec µs"),
        };
        let values = self.usage.raw_values(&[name], |text, name| match self.version {
            Version::V1 => text.trim().parse().ok(),
            Version::V2 => field(text, name),
        });
        Evidence { part: "CPU", values, formula: formula.into() }
    }

    /// How often the quota was enforced, from `cpu.stat` of either version: of the group whose quota
    /// binds, since that of a group above is counted there alone.
    pub fn throttling(&mut self) -> Result<Throttling, ReadError> {
        let file = match self.throttled.take() {
            Some(file) => file,
            None => self.binding_group()?.join("cpu.stat"),
        };
        let file = self.throttled.insert(file).clone();
        let text = required(&file)?;
        let throttling = field(&text, "nr_periods").zip(field(&text, "nr_throttled"));
        let malformed =
            ReadError::Malformed { path: file, expected: "nr_periods and nr_throttled" };
        throttling.map(|(periods, throttled)| Throttling { periods, throttled }).ok_or(malformed)
    }

    /// The group whose quota is the limit; where none is, its own.
    fn binding_group(&self) -> Result<PathBuf, ReadError> {
        let limit = self.find_limit()?;
        let group = Path::new(&*limit.origin).parent();
        let mut groups = self.quota.directories();
        Ok(groups.find(|directory| Some(*directory) == group).unwrap_or(self.quota.own()).into())
    }

    /// The limit, if it is less than all cores that are online.
    pub fn own_limit(&self) -> Option<&Limit<Cores>> {
        self.limit.as_ref().filter(|limit| Path::new(&*limit.origin) != self.online)
    }

    fn used(&mut self) -> Result<Duration, ReadError> {
        let mut page = [0; PAGE];
        let text = self.usage.read(&mut page)?;
        match self.version {
            Version::V1 => v1::cpu_used(text).ok_or_else(|| self.usage.malformed("nanoseconds")),
            Version::V2 => v2::cpu_used(text).ok_or_else(|| self.usage.malformed("usage_usec")),
        }
    }

    /// The smallest of the cores that are online, the cpuset, and the quotas of the group and of
    /// each group above it that can be seen.
    fn find_limit(&self) -> Result<Limit<Cores>, ReadError> {
        let mut limits = vec![self.online_cores()?];
        limits.extend(self.cpuset_cores()?);
        for directory in self.quota.directories() {
            limits.extend(self.quota_cores(directory)?);
        }
        limits.extend(self.task_limit.clone());
        Ok(smallest(limits).expect("the cores that are online are among them"))
    }

    fn online_cores(&self) -> Result<Limit<Cores>, ReadError> {
        cores_of_list(&required(&self.online)?, &self.online)
    }

    /// The cpuset of the nearest group that has one.
    fn cpuset_cores(&self) -> Result<Option<Limit<Cores>>, ReadError> {
        let Some(group) = &self.cpuset else { return Ok(None) };
        let names: &[&str] = match group.version {
            // The first is newer and follows CPUs that are taken offline.
            Version::V1 => &["cpuset.effective_cpus", "cpuset.cpus"],
            Version::V2 => &["cpuset.cpus.effective"],
        };
        for file in group.directories().flat_map(|dir| names.iter().map(|name| dir.join(name))) {
            match optional(&file)? {
                Some(list) if !list.trim().is_empty() => {
                    return cores_of_list(&list, &file).map(Some);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn quota_cores(&self, directory: &Path) -> Result<Option<Limit<Cores>>, ReadError> {
        let (file, quota) = match self.quota.version {
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
            Some(quota) => Ok(quota.map(|cores| limit(cores, &file))),
            None => Err(ReadError::Malformed { path: file, expected: "quota and period" }),
        }
    }
}

fn cores_of_list(list: &str, file: &Path) -> Result<Limit<Cores>, ReadError> {
    let expected = "list of CPUs such as 0-3";
    let malformed = || ReadError::Malformed { path: file.to_owned(), expected };
    count_cores(list).map(|cores| limit(Cores(cores as f64), file)).ok_or_else(malformed)
}
