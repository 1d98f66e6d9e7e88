//! A container whose counters are open.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use log::debug;

use super::access::{Blocked, Key, walk};
use super::end::WatchedProcess;
use super::name;
use super::place::Texts;
use super::view::View;
use crate::config::MemoryUse;
use crate::model::{Bytes, Cores, Limit, Numbers, ReadError};
use crate::source::cgroup::Group;
use crate::source::container::cpu::{ContainerCpu, Throttling};
use crate::source::container::memory::ContainerMemory;
use crate::source::others::{Others, Process};

/// What the texts of a process tell of its container, without any right.
#[derive(Debug)]
pub struct Traces {
    pub pid: u32,
    cgroup: String,
    mountinfo: String,
    /// Its root directory.
    root: PathBuf,
    /// The path of the container's group, where a mount of the process holds it.
    pub place: Option<String>,
}

/// What is read of each container.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub memory: MemoryUse,
    /// Beside CPU and memory.
    pub others: Numbers,
    /// Whether it is counted how many of its processes were killed.
    pub kills: bool,
    pub throttling: bool,
}

/// A container that is read through one of its processes. Its descriptors go on when that has ended.
#[derive(Debug)]
pub struct Opened {
    pub pid: u32,
    pub key: Key,
    /// What its key is of.
    group: Group,
    root: PathBuf,
    counters: Rc<RefCell<ContainerFiles>>,
    process: Option<WatchedProcess>,
    pub limits: OwnLimits,
}

/// The files of a container, and what they said last.
#[derive(Debug)]
pub struct ContainerFiles {
    pub cpu: Result<ContainerCpu, ReadError>,
    pub memory: Result<ContainerMemory, ReadError>,
    /// The other numbers that were asked for.
    pub others: Others,
    pub counted: Counted,
    wanted: Wanted,
}

/// What the counters of a container were when they were last read.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Its CPU time.
    pub used: Duration,
    /// How many of its processes were killed, if that was read.
    pub kills: Option<u64>,
    pub throttling: Option<Throttling>,
}

impl Counted {
    /// Of a container that has not begun.
    pub const NOTHING: Self = Self {
        used: Duration::ZERO,
        kills: Some(0),
        throttling: Some(Throttling { periods: 0, throttled: 0 }),
    };
}

/// What each part of a container is in percent of.
#[derive(Clone, Debug)]
pub struct OwnLimits {
    pub cpu: Result<OwnLimit<Cores>, ReadError>,
    pub memory: Result<OwnLimit<Bytes>, ReadError>,
}

/// A limit, and whether it is the container's own and not the machine's.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnLimit<T> {
    pub limit: Limit<T>,
    pub is_own: bool,
}

impl Traces {
    /// `None` of a process that has ended.
    pub fn of(pid: u32, view: &View) -> Option<Self> {
        let cgroup = view.text(pid, "cgroup").ok()?;
        let mountinfo = view.text(pid, "mountinfo").ok()?;
        // What this process sees itself needs no way round, and is easier to read.
        let is_own = view.own_pid() == Some(pid);
        let root = if is_own { view.root.clone() } else { view.of_process(pid, "root") };
        let mut traces = Self { pid, cgroup, mountinfo, root, place: None };
        traces.place = traces.texts().container();
        Some(traces)
    }

    fn texts(&self) -> Texts<'_> {
        Texts { cgroup: &self.cgroup, mountinfo: &self.mountinfo, root: &self.root }
    }

    /// The other numbers of its container.
    fn others(&self, numbers: Numbers, view: &View) -> Others {
        if numbers.is_empty() {
            return Others::default();
        }
        let directory = &view.root.join("proc").join(self.pid.to_string());
        let process = Process {
            cgroup: &self.cgroup,
            mountinfo: &self.mountinfo,
            root: &self.root,
            directory,
            container: Group::of_neighbour,
        };
        Others::of_process(process, &view.root, numbers)
    }

    /// Whether the process is known to be in a container: it sees a part of the hierarchy, its root is
    /// that of a private namespace, or a runtime has named it.
    pub fn is_of_container(&self) -> bool {
        let shows_part = |place: &str| {
            place == "/"
                || self.texts().group("cpuacct").is_some_and(|group| !group.is_of_whole_mount())
        };
        self.place.as_deref().is_some_and(shows_part)
            || self.id().is_some()
            || self.kubernetes_name().is_some()
    }

    /// Whether the process sees the group of a container.
    pub fn shows(&self, place: &str) -> bool {
        self.texts().shows(place)
    }

    /// The name that Kubernetes gives the container.
    pub fn kubernetes_name(&self) -> Option<&str> {
        name::of_kubernetes(&self.mountinfo)
    }

    /// The id of the container.
    pub fn id(&self) -> Option<&str> {
        name::id(self.place.as_deref().unwrap_or_default(), &self.mountinfo)
    }
}

impl Opened {
    /// Opens the container of a process, and reads it once. All that was read is of that process: it
    /// runs before and after. Where its group `is_new`, all that it has counted is of now.
    pub fn open(
        traces: &Traces,
        wanted: Wanted,
        is_new: impl FnOnce(Key) -> bool,
        view: &View,
    ) -> Result<Self, Blocked> {
        let pid = traces.pid;
        let process = match (view.open_process)(pid) {
            Ok(process) => Some(WatchedProcess::of(process)),
            Err(error)
                if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::SRCH) =>
            {
                return Err(Blocked::Gone);
            }
            Err(error) => {
                debug!("the end of process {pid} cannot be waited for: {error}");
                None
            }
        };
        let ways = Ways::of(traces, view)?;
        let mut counters = ContainerFiles {
            cpu: ways.part("cpuacct", |group| ContainerCpu::of(group, &view.root)),
            memory: ways
                .part("memory", |group| ContainerMemory::of(group, &view.root, wanted.memory)),
            others: traces.others(wanted.others, view),
            counted: Counted::default(),
            wanted,
        };
        let (group, key) = ways.told_by();
        let limits = counters.limits();
        // Opens the files while the process is known to be this one.
        if is_new(key) {
            counters.others.count_from_zero();
        }
        counters.read_last();
        let _ = (counters.read_memory(), counters.others.read());
        let counters = Rc::new(RefCell::new(counters));
        let root = traces.root.clone();
        let mut opened = Self { pid, key, group, root, counters, process, limits };
        if !opened.is_reachable(view) {
            return Err(Blocked::Gone);
        }
        opened.watch();
        Ok(opened)
    }

    /// Has the counters read once more when the process ends.
    fn watch(&mut self) {
        let counters = self.counters.clone();
        if let Some(process) = &mut self.process {
            process.at_end(move || {
                counters.borrow_mut().read_last();
            });
        }
    }

    pub fn counters(&self) -> std::cell::RefMut<'_, ContainerFiles> {
        self.counters.borrow_mut()
    }

    /// Takes over from the same container, which was open through another process, what it has counted.
    pub fn go_on_from(&self, before: &Self) {
        self.counters().others.go_on_from(&mut before.counters().others);
    }

    /// Whether the process has been seen to end.
    pub fn has_lost_its_process(&self) -> bool {
        self.process.as_ref().is_some_and(WatchedProcess::was_seen_to_end)
    }

    /// Whether the container can still be read through the process: it runs, and shows the same group.
    pub fn is_reachable(&self, view: &View) -> bool {
        let is_running = self.process.as_ref().is_none_or(WatchedProcess::is_running);
        is_running && walk(&self.root, &self.group, view).is_ok_and(|key| key == self.key)
    }

    /// Reads the limits again. Those of a process that has ended are none: its files are missing, and
    /// the limits stay what they were. Tells whether they could be read.
    pub fn read_limits(&mut self, view: &View) -> bool {
        if !self.is_reachable(view) {
            return false;
        }
        let limits = self.counters().limits();
        let is_true = self.is_reachable(view);
        if is_true {
            self.limits = limits;
        }
        is_true
    }
}

impl ContainerFiles {
    pub fn read_cpu(&mut self) -> Result<Duration, ReadError> {
        let used = self.cpu.as_mut().map_err(|error| error.clone())?.used()?;
        self.counted.used = used;
        Ok(used)
    }

    /// Reads what counts when it has ended. An error keeps what was read before.
    pub fn read_last(&mut self) {
        let _ = self.read_cpu();
        if self.wanted.kills {
            let _ = self.read_kills();
        }
        if self.wanted.throttling {
            let _ = self.read_throttling();
        }
    }

    pub fn read_throttling(&mut self) -> Result<Throttling, ReadError> {
        let throttling = self.cpu.as_mut().map_err(|error| error.clone())?.throttling()?;
        self.counted.throttling = Some(throttling);
        Ok(throttling)
    }

    pub fn read_memory(&mut self) -> Result<Bytes, ReadError> {
        self.memory.as_mut().map_err(|error| error.clone())?.used()
    }

    pub fn read_kills(&mut self) -> Result<u64, ReadError> {
        let kills = self.memory.as_mut().map_err(|error| error.clone())?.oom_kills()?;
        self.counted.kills = Some(kills);
        Ok(kills)
    }

    fn limits(&mut self) -> OwnLimits {
        let cpu = self.cpu.as_mut().map_err(|error| error.clone());
        let memory = self.memory.as_mut().map_err(|error| error.clone());
        OwnLimits {
            cpu: cpu.and_then(|cpu| {
                let limit = cpu.look_for_limit()?;
                Ok(OwnLimit { limit, is_own: cpu.is_limited() })
            }),
            memory: memory.and_then(|memory| {
                let limit = memory.look_for_limit()?;
                Ok(OwnLimit { limit, is_own: memory.is_limited() })
            }),
        }
    }
}

/// Whether an error says that the group was removed while its file was open.
pub fn is_removed(error: &ReadError) -> bool {
    let removed = rustix::io::Errno::NODEV.raw_os_error();
    matches!(error, ReadError::Unreadable(_, error) if error.raw_os_error() == Some(removed))
}

/// The groups of a container that there is a way to.
struct Ways {
    found: Vec<(&'static str, Group, Key)>,
    blocked: Vec<(&'static str, ReadError)>,
    cgroup: String,
}

impl Ways {
    /// An error where there is a way to none that counts something. A mount may be hidden by another
    /// one; what is limited there and counted elsewhere has no limit that can be seen.
    fn of(traces: &Traces, view: &View) -> Result<Self, Blocked> {
        let (mut found, mut blocked) = (Vec::new(), Vec::new());
        for name in ["cpuacct", "memory", "cpu", "cpuset"] {
            let Some(group) = traces.texts().group(name) else { continue };
            match walk(&traces.root, &group, view) {
                Ok(key) => found.push((name, group, key)),
                Err(Blocked::Unfit(error)) => blocked.push((name, error)),
                Err(gone_or_forbidden) => return Err(gone_or_forbidden),
            }
        }
        if found.first().is_some_and(|(name, ..)| is_counting(name)) {
            return Ok(Self { found, blocked, cgroup: traces.cgroup.clone() });
        }
        let none = || ReadError::unusable("no control group of it is mounted");
        let error = blocked.into_iter().next().map_or_else(none, |(_, error)| error);
        Err(Blocked::Unfit(error))
    }

    /// A part, of the groups that were found, or why there is none.
    fn part<T>(
        &self,
        name: &str,
        open: impl FnOnce(&dyn Fn(&str) -> Option<Group>) -> Option<T>,
    ) -> Result<T, ReadError> {
        let group = |name: &str| {
            let found = self.found.iter().find(|(found, ..)| *found == name);
            found.map(|(_, group, _)| group.clone())
        };
        let blocked = || self.blocked.iter().find(|(of, _)| *of == name);
        let lacking = || {
            let groups = self.cgroup.lines().collect::<Vec<_>>().join(" ");
            let none = format!("none of its mounts shows its control group with {name} ({groups})");
            ReadError::unusable(none)
        };
        open(&group).ok_or_else(|| blocked().map_or_else(lacking, |(_, error)| error.clone()))
    }

    /// The group that the container is told by: the first that counts something.
    fn told_by(&self) -> (Group, Key) {
        let (_, group, key) = &self.found[0];
        (group.clone(), *key)
    }
}

fn is_counting(name: &str) -> bool {
    matches!(name, "cpuacct" | "memory")
}
