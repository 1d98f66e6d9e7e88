//! One container: its name, its processes' way in, and what it has used.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::access::{Blocked, Key};
use super::name;
use super::opened::{Counted, Opened, Traces, Wanted};
use super::rights;
use super::view::View;
use crate::model::ReadError;

/// A container of the pod.
#[derive(Debug)]
pub struct Neighbour {
    /// Tells it from the others as long as the agent runs.
    pub number: u32,
    /// The path of its group. A process whose group is that or below is a part of it.
    pub place: String,
    /// Whether a mount of a process was found that shows the group.
    pub is_placed: bool,
    pub name: Arc<str>,
    /// Whether that is its name for good: the endpoint of a task may tell a better one.
    pub is_named: bool,
    pub id: Option<String>,
    /// Whether it is known to be a container, and not a service or a session of a machine.
    pub is_surely_one: bool,
    /// Whether the kubelet has made it.
    pub is_of_kubernetes: bool,
    /// The program of the process that it was first seen by.
    pub program: String,
    pub role: Role,
    /// Whether the role was given, and is not the one to begin with.
    pub has_role: bool,
    /// `Err` with the reason where it cannot be read.
    pub opened: Result<Opened, ReadError>,
    /// Whether the process that it was opened through has ended.
    is_lost: bool,
    retry: Retry,
    /// What its group had counted in an earlier time, as another container, which is counted already.
    earlier: Option<Counted>,
    /// Whether all that it has used is of the time since it was first looked for.
    pub is_from_start: bool,
    /// When it was first seen.
    pub seen: Instant,
    /// The last look at which it was not there yet.
    pub began: Option<Instant>,
}

/// What a container is in the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The agent's own.
    Own,
    Counted,
    /// Has the first process, and holds the namespaces or cannot be read: what it uses is next to nothing.
    Pause,
    /// ECS has put it into the task: it is not in the task definition.
    Platform,
    /// The user wants it left out.
    Excluded,
}

/// When a container that could not be read is tried again: soon, since many begin as root and become
/// another user in milliseconds, and then more and more seldom.
#[derive(Debug)]
struct Retry {
    at: Instant,
    wait: Duration,
}

/// What became of an attempt to open a container.
#[derive(Debug)]
pub enum Attempt {
    /// It can be read. What was open before is of another group, which has ended.
    Opened(Option<Box<Opened>>),
    /// It is no longer what it was, or not yet to be read.
    Failed,
    /// None of its processes runs.
    Gone,
    /// There is a mount now that shows its group.
    Elsewhere,
}

impl Neighbour {
    pub fn new(number: u32, place: String, traces: &Traces, view: &View, at: Instant) -> Self {
        let mut neighbour = Self {
            number,
            name: "".into(),
            is_named: true,
            id: None,
            is_placed: traces.place.is_some(),
            is_surely_one: false,
            is_of_kubernetes: false,
            program: view.program(traces.pid),
            place,
            role: Role::Counted,
            has_role: false,
            opened: Err(ReadError::unusable("not looked at yet")),
            is_lost: false,
            retry: Retry { at, wait: FIRST_WAIT },
            earlier: None,
            is_from_start: true,
            seen: at,
            began: None,
        };
        neighbour.call(traces);
        neighbour
    }

    /// Takes its name from the texts of a process.
    fn call(&mut self, traces: &Traces) {
        self.id = traces.id().map(str::to_owned);
        let kubernetes = traces.kubernetes_name();
        self.is_surely_one = traces.is_of_container();
        self.is_of_kubernetes = kubernetes.is_some();
        let short = || name::short(self.id.as_deref(), &self.place);
        self.name = kubernetes.unwrap_or_else(short).into();
    }

    /// Whether it has to be opened, or through another process.
    pub fn has_to_open(&self, at: Instant) -> bool {
        let is_open = |opened: &Opened| !self.is_lost && !opened.has_lost_its_process();
        !self.opened.as_ref().is_ok_and(is_open) && at >= self.retry.at
    }

    /// Has it opened at once: it has new processes.
    pub fn hurry(&mut self, at: Instant) {
        self.retry.at = at;
    }

    /// One of its processes has ended. It may have been the last.
    pub fn lose(&mut self, pid: u32, at: Instant) {
        match &self.opened {
            Ok(opened) if opened.pid != pid => {}
            Ok(_) | Err(_) => {
                self.is_lost = true;
                self.hurry(at);
            }
        }
    }

    /// Another group under the same path: it begins at 0.
    pub fn begin(&mut self) {
        (self.earlier, self.is_from_start) = (None, true);
    }

    /// Opens it through the first of these processes that lets the agent in. `is_known` tells whether a
    /// group was counted before.
    pub fn open(
        &mut self,
        pids: impl Iterator<Item = u32>,
        wanted: Wanted,
        is_known: impl Fn(Key) -> bool,
        view: &View,
        at: Instant,
    ) -> Attempt {
        let mut failure = None;
        for pid in pids {
            let Some(traces) = Traces::of(pid, view) else { continue };
            // There is more to see than at first, when a runtime had not made all mounts.
            self.call(&traces);
            let Some(place) = &traces.place else {
                failure = failure.or_else(|| Some(self.no_mount(pid)));
                continue;
            };
            if !self.is_placed {
                if *place != self.place {
                    return Attempt::Elsewhere;
                }
                self.is_placed = true;
            }
            if *place != self.place {
                continue;
            }
            // Of a group that was counted before, totals are what they grow by from now on.
            let is_new = |key| self.is_from_start && !is_known(key);
            match Opened::open(&traces, wanted, is_new, view) {
                Ok(opened) => {
                    self.program = view.program(pid);
                    self.is_lost = false;
                    self.retry = Retry { at, wait: FIRST_WAIT };
                    let before = std::mem::replace(&mut self.opened, Ok(opened)).ok();
                    let before = before.filter(|before| {
                        let is_another = Some(before.key) != self.key();
                        if let (false, Ok(opened)) = (is_another, &self.opened) {
                            opened.go_on_from(before);
                        }
                        is_another
                    });
                    return Attempt::Opened(before.map(Box::new));
                }
                Err(Blocked::Gone) => {}
                Err(Blocked::Forbidden) => {
                    failure = failure.or_else(|| Some(self.forbidden(pid, view)));
                }
                Err(Blocked::Unfit(error)) => {
                    failure = failure.or_else(|| Some(self.unfit(&error.to_string())));
                }
            }
        }
        let Some(failure) = failure else { return Attempt::Gone };
        self.retry.at = at + self.retry.wait;
        self.retry.wait = (self.retry.wait * 2).min(LONGEST_WAIT);
        // What is open stays open: the group is there for as long as it can be read.
        if self.opened.is_err() {
            self.opened = Err(failure);
            self.is_from_start &= self.is_starting(at);
        }
        Attempt::Failed
    }

    pub fn key(&self) -> Option<Key> {
        self.opened.as_ref().ok().map(|opened| opened.key)
    }

    /// Whether it cannot be read yet: a runtime puts a process into its group before it has made its
    /// mounts and changed its user, and containerd makes a container before it starts it.
    pub fn is_starting(&self, at: Instant) -> bool {
        let is_new = at.duration_since(self.seen) < LONGEST_START;
        self.is_from_start && self.opened.is_err() && is_new
    }

    /// Whether it is a part of the sum.
    pub fn is_counted(&self) -> bool {
        matches!(self.role, Role::Own | Role::Counted)
    }

    /// What it has used that is not counted yet with an earlier time of its group.
    pub fn used(&self, used: Duration) -> Duration {
        let earlier = self.earlier.as_ref().map(|earlier| earlier.used);
        used.saturating_sub(earlier.unwrap_or_default())
    }

    /// The group was counted before, up to here.
    pub fn continues(&mut self, earlier: Counted) {
        (self.earlier, self.is_from_start) = (Some(earlier), true);
    }

    /// What its group had counted when it was first looked for. Unknown of one that was there before.
    pub fn before(&self) -> Counted {
        match &self.earlier {
            Some(earlier) => earlier.clone(),
            None if self.is_from_start => Counted::NOTHING,
            None => Counted::default(),
        }
    }

    /// Its name, if that is its name for good.
    pub fn named(&self) -> Option<Arc<str>> {
        self.is_named.then(|| self.name.clone())
    }

    fn no_mount(&self, pid: u32) -> ReadError {
        self.unfit(&format!(
            "no mount of process {pid} shows its control group {}; it needs one of its own at /sys/fs/cgroup, \
             not the machine's",
            self.place
        ))
    }

    fn forbidden(&self, pid: u32, view: &View) -> ReadError {
        let own = view.own_pid().and_then(|own| view.identity(own));
        let why = match (view.identity(pid), own) {
            (Some(process), Some(agent)) => rights::why(&process, &agent),
            _ => "permission denied".to_owned(),
        };
        self.unfit(&format!("process {pid} may not be looked into: {why}"))
    }

    fn unfit(&self, why: &str) -> ReadError {
        ReadError::unusable(format!("container {} cannot be read: {why}", self.name))
    }
}

/// The second attempt is at the next sample.
const FIRST_WAIT: Duration = Duration::from_millis(1);

/// A runtime makes a container in less than a second, and on a busy machine in some. After this it is
/// one that cannot be read.
const LONGEST_START: Duration = Duration::from_secs(10);

/// As often as limits are read.
const LONGEST_WAIT: Duration = super::LIMITS_GOOD_FOR;
