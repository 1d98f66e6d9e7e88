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
use crate::model::{Bytes, Cores, Limit, ReadError};
use crate::source::cgroup::Group;
use crate::source::container::cpu::ContainerCpu;
use crate::source::container::memory::ContainerMemory;

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

/// A container that is read through one of its processes. Its descriptors go on when that has ended.
#[derive(Debug)]
pub struct Opened {
    pub pid: u32,
    pub key: Key,
    groups: Vec<Group>,
    root: PathBuf,
    counters: Rc<RefCell<Counters>>,
    process: Option<WatchedProcess>,
    pub limits: OwnLimits,
}

/// The files of a container, and what they said last.
#[derive(Debug)]
pub struct Counters {
    pub cpu: Result<ContainerCpu, ReadError>,
    pub memory: Result<ContainerMemory, ReadError>,
    /// The CPU time, when it was last read.
    pub used: Duration,
}

/// What each part of a container is in percent of.
#[derive(Clone, Debug)]
pub struct OwnLimits {
    pub cpu: Result<Bound<Cores>, ReadError>,
    pub memory: Result<Bound<Bytes>, ReadError>,
}

/// A limit, and whether it is the container's own and not the machine's.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound<T> {
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
    /// runs before and after.
    pub fn open(traces: &Traces, memory: MemoryUse, view: &View) -> Result<Self, Blocked> {
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
        let texts = traces.texts();
        let names = ["cpuacct", "memory", "cpu", "cpuset"];
        let groups: Vec<_> = names.iter().filter_map(|name| texts.group(name)).collect();
        let mut keys = groups.iter().map(|group| walk(&traces.root, group, view));
        let none = || ReadError::unusable("no control group of it is mounted");
        let key = keys.next().unwrap_or_else(|| Err(Blocked::Unfit(none())))?;
        keys.try_for_each(|key| key.map(|_| ()))?;
        let mut counters = Counters {
            cpu: ContainerCpu::of(|name| texts.group(name), &view.root)
                .ok_or_else(|| lacking("CPU time", &traces.cgroup)),
            memory: ContainerMemory::of(|name| texts.group(name), &view.root, memory)
                .ok_or_else(|| lacking("memory", &traces.cgroup)),
            used: Duration::ZERO,
        };
        let limits = counters.limits();
        // Opens the files while the process is known to be this one.
        let _ = (counters.read_cpu(), counters.read_memory());
        let counters = Rc::new(RefCell::new(counters));
        let root = traces.root.clone();
        let mut opened = Self { pid, key, groups, root, counters, process, limits };
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
                // An error keeps what was read before.
                let _ = counters.borrow_mut().read_cpu();
            });
        }
    }

    pub fn counters(&self) -> std::cell::RefMut<'_, Counters> {
        self.counters.borrow_mut()
    }

    /// Whether the process has been seen to end.
    pub fn has_lost_its_process(&self) -> bool {
        self.process.as_ref().is_some_and(WatchedProcess::was_seen_to_end)
    }

    /// Whether the container can still be read through the process: it runs, and shows the same group.
    pub fn is_reachable(&self, view: &View) -> bool {
        let is_running = self.process.as_ref().is_none_or(WatchedProcess::is_running);
        let same = || {
            let group = self.groups.first()?;
            walk(&self.root, group, view).ok().filter(|key| *key == self.key)
        };
        is_running && same().is_some()
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

impl Counters {
    pub fn read_cpu(&mut self) -> Result<Duration, ReadError> {
        let used = self.cpu.as_mut().map_err(|error| error.clone())?.used()?;
        self.used = used;
        Ok(used)
    }

    pub fn read_memory(&mut self) -> Result<Bytes, ReadError> {
        self.memory.as_mut().map_err(|error| error.clone())?.used()
    }

    fn limits(&mut self) -> OwnLimits {
        let cpu = self.cpu.as_mut().map_err(|error| error.clone());
        let memory = self.memory.as_mut().map_err(|error| error.clone());
        OwnLimits {
            cpu: cpu.and_then(|cpu| {
                let limit = cpu.look_for_limit()?;
                Ok(Bound { limit, is_own: cpu.is_limited() })
            }),
            memory: memory.and_then(|memory| {
                let limit = memory.look_for_limit()?;
                Ok(Bound { limit, is_own: memory.is_limited() })
            }),
        }
    }
}

/// Whether an error says that the group was removed while its file was open.
pub fn is_removed(error: &ReadError) -> bool {
    let removed = rustix::io::Errno::NODEV.raw_os_error();
    matches!(error, ReadError::Unreadable(_, error) if error.raw_os_error() == Some(removed))
}

fn lacking(what: &str, cgroup: &str) -> ReadError {
    let groups = cgroup.lines().collect::<Vec<_>>().join(" ");
    ReadError::unusable(format!(
        "none of its mounts shows the {what} of its control groups ({groups})"
    ))
}
