//! All containers whose processes are seen: which there are, which are new, which have ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::access::Key;
use super::listing::Listing;
use super::neighbour::{Attempt, Neighbour};
use super::opened::{Counted, Opened, Traces, Wanted};
use super::place::{is_within, own_path};
use super::view::View;
use crate::config::MemoryUse;
use crate::model::{Numbers, ReadError};

/// The containers of a PID namespace.
#[derive(Debug)]
pub struct Neighbours {
    pub view: View,
    /// What is read of each.
    pub wanted: Wanted,
    listing: Listing,
    own_pid: Option<u32>,
    /// The group of this process's container.
    own_place: Option<String>,
    /// Processes that are in no container, yet or any more. Those in a group above that: a runtime moves a
    /// new process when it has joined the namespaces, and version 1 shows an ending one at the root. And
    /// those that somebody has sent into a container from outside, such as `nsenter` on a node: they see
    /// its mounts, and count in a group that is none of the pod's.
    outside: Vec<u32>,
    /// The program of this process: a second agent is no container that somebody waits for.
    own_program: String,
    /// The container of each process, by its number.
    processes: BTreeMap<u32, u32>,
    pub all: Vec<Neighbour>,
    next_number: u32,
    /// When the processes were last looked at.
    looked: Option<Instant>,
    has_changed: bool,
    /// Those that have ended since they were last asked for.
    pub ended: Vec<Ended>,
    /// What groups have counted that are still there but have no process.
    left: BTreeMap<Key, Counted>,
}

/// A container that has ended.
#[derive(Debug)]
pub struct Ended {
    pub number: u32,
    /// Its name, where that is known for good.
    pub name: Option<Arc<str>>,
    pub is_counted: bool,
    /// What its group had counted before it was looked for.
    pub before: Counted,
    /// What it has used in all.
    pub used: Duration,
    pub opened: Opened,
}

impl Neighbours {
    pub fn of(view: View, memory: MemoryUse) -> Self {
        let own_pid = view.own_pid();
        let own = own_pid.and_then(|pid| Traces::of(pid, &view));
        Self {
            listing: Listing::of(view.root.join("proc")),
            own_program: own_pid.map(|pid| view.program(pid)).unwrap_or_default(),
            own_pid,
            own_place: own.and_then(|own| own.place),
            outside: Vec::new(),
            view,
            wanted: Wanted { memory, others: Numbers::default(), kills: false, throttling: false },
            processes: BTreeMap::new(),
            all: Vec::new(),
            next_number: 0,
            looked: None,
            has_changed: false,
            ended: Vec::new(),
            left: BTreeMap::new(),
        }
    }

    /// Looks at the processes that are new, and opens what has to be.
    pub fn look(&mut self, at: Instant) -> Result<(), ReadError> {
        let changes = self.listing.look()?;
        for pid in &changes.gone {
            let Some(number) = self.processes.remove(pid) else { continue };
            if let Some(neighbour) = self.all.iter_mut().find(|of| of.number == number) {
                neighbour.lose(*pid, at);
            }
        }
        for pid in std::mem::take(&mut self.outside) {
            self.assign(pid, at);
        }
        for pid in &changes.new {
            self.assign(*pid, at);
        }
        // What was taken for a container may turn out to be several others, which are then opened, too.
        for _ in 0..ROUNDS {
            let waiting = self.all.iter().filter(|neighbour| neighbour.has_to_open(at));
            let waiting: Vec<_> = waiting.map(|neighbour| neighbour.number).collect();
            if waiting.is_empty() {
                break;
            }
            waiting.into_iter().for_each(|number| self.open(number, at));
        }
        self.looked = Some(at);
        Ok(())
    }

    /// Whether the containers, or what is open of them, are others than when this was asked last.
    pub fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// Finds the container of a process.
    fn assign(&mut self, pid: u32, at: Instant) {
        let Ok(cgroup) = self.view.text(pid, "cgroup") else { return };
        let Some(path) = own_path(&cgroup) else { return };
        if self.is_above_own(path) {
            self.outside.push(pid);
            return;
        }
        if let Some(known) = self.holding(path) {
            // A new process may let the agent in where the others do not.
            if known.opened.is_err() {
                known.hurry(at);
            }
            let number = known.number;
            self.processes.insert(pid, number);
            return;
        }
        let Some(traces) = Traces::of(pid, &self.view) else { return };
        let place = traces.place.clone().unwrap_or_else(|| path.to_owned());
        if self.is_above_own(&place) || self.is_visitor(&traces) {
            self.outside.push(pid);
            return;
        }
        let number = match self.holding(&place) {
            Some(known) => known.number,
            None => self.add(place, &traces, at),
        };
        self.processes.insert(pid, number);
    }

    /// Whether a group has that of this process's container in it: such a one is no container beside it.
    fn is_above_own(&self, path: &str) -> bool {
        self.own_place.as_deref().is_some_and(|own| own != path && is_within(own, path))
    }

    /// Whether a process has come into a known container from outside.
    fn is_visitor(&self, traces: &Traces) -> bool {
        let mut placed = self.all.iter().filter(|of| of.is_placed);
        traces.place.is_none() && placed.any(|of| traces.shows(&of.place))
    }

    /// Whether all processes of what was taken for a container have come into another one from outside.
    fn has_visitors_alone(&self, number: u32) -> bool {
        let mut pids = self.processes.iter().filter(|(_, of)| **of == number).map(|(pid, _)| *pid);
        pids.all(|pid| Traces::of(pid, &self.view).is_none_or(|traces| self.is_visitor(&traces)))
    }

    /// The container that a group is, or is a part of.
    fn holding(&mut self, path: &str) -> Option<&mut Neighbour> {
        self.all.iter_mut().find(|neighbour| is_within(path, &neighbour.place))
    }

    fn add(&mut self, place: String, traces: &Traces, at: Instant) -> u32 {
        let number = self.next_number;
        self.next_number += 1;
        let mut new = Neighbour::new(number, place, traces, &self.view, at);
        (new.is_from_start, new.began) = (self.looked.is_some(), self.looked);
        // Containers within it were taken for others as long as it was not known.
        let is_part = |other: &Neighbour| is_within(&other.place, &new.place);
        for part in self.all.extract_if(.., |other| is_part(other)) {
            let of_part = self.processes.values_mut().filter(|of| **of == part.number);
            of_part.for_each(|of| *of = number);
        }
        self.all.push(new);
        self.has_changed = true;
        number
    }

    /// Opens a container through one of its processes, or sees that it has ended.
    fn open(&mut self, number: u32, at: Instant) {
        let Some(place) = self.place_of(number) else { return };
        self.has_changed = true;
        let pids = self.processes.iter().filter(|(_, of)| **of == number).map(|(pid, _)| *pid);
        let neighbour = &mut self.all[place];
        let is_known = |key: Key| self.left.contains_key(&key);
        match neighbour.open(pids, self.wanted, is_known, &self.view, at) {
            Attempt::Opened(before) => {
                if let Some(before) = before {
                    // As long as its group is there.
                    before.counters().read_last();
                    self.ended.push(Ended::of(neighbour, *before));
                    neighbour.begin();
                }
                if let Some(left) = neighbour.key().and_then(|key| self.left.remove(&key)) {
                    neighbour.continues(left);
                }
            }
            // The container may have become known after those that came into it.
            Attempt::Failed if !self.all[place].is_placed && self.has_visitors_alone(number) => {
                self.all.remove(place);
                self.look_anew(number, at);
            }
            Attempt::Failed => {}
            Attempt::Gone => self.end(place),
            Attempt::Elsewhere => {
                // It was known by its path alone. Its processes are looked at as if they were new.
                let before = self.all.remove(place);
                let first = self.next_number;
                self.look_anew(number, at);
                for found in self.all.iter_mut().filter(|found| found.number >= first) {
                    found.is_from_start = before.is_from_start;
                    (found.seen, found.began) = (before.seen, before.began);
                }
            }
        }
    }

    /// Reads the limits of each container again. Where the process that one is read through has ended,
    /// another one is looked for.
    pub fn read_limits(&mut self, at: Instant) {
        for neighbour in &mut self.all {
            let Ok(opened) = &mut neighbour.opened else { continue };
            // What was a runtime at first sight has become the container's program.
            let program = self.view.program(opened.pid);
            self.has_changed |= program != neighbour.program && !program.is_empty();
            neighbour.program = program;
            if !opened.read_limits(&self.view) {
                let pid = opened.pid;
                neighbour.lose(pid, at);
            }
        }
    }

    /// The group of a container was removed. A process that is seen all the same is in another one.
    pub fn remove(&mut self, number: u32, at: Instant) {
        if let Some(place) = self.place_of(number) {
            self.end(place);
            self.look_anew(number, at);
        }
    }

    fn end(&mut self, place: usize) {
        let mut neighbour = self.all.remove(place);
        self.has_changed = true;
        let none = Err(ReadError::unusable("it has ended"));
        let Ok(opened) = std::mem::replace(&mut neighbour.opened, none) else { return };
        // A group that is still there may get processes again, and then goes on counting.
        let is_there = opened.counters().read_cpu().is_ok();
        if is_there {
            opened.counters().read_last();
            self.left.insert(opened.key, opened.counters().counted.clone());
        }
        self.ended.push(Ended::of(&neighbour, opened));
    }

    /// Assigns the processes of a container that is none any more.
    fn look_anew(&mut self, number: u32, at: Instant) {
        let of = self.processes.iter().filter(|(_, of)| **of == number);
        for pid in of.map(|(pid, _)| *pid).collect::<Vec<_>>() {
            self.processes.remove(&pid);
            self.assign(pid, at);
        }
    }

    fn place_of(&self, number: u32) -> Option<usize> {
        self.all.iter().position(|neighbour| neighbour.number == number)
    }

    /// The number of a process's container.
    pub fn of_process(&self, pid: u32) -> Option<u32> {
        self.processes.get(&pid).copied()
    }

    pub fn own(&self) -> Option<u32> {
        self.of_process(self.own_pid?)
    }

    /// The containers that are parts of the sum.
    pub fn counted(&self) -> impl Iterator<Item = &Neighbour> {
        self.all.iter().filter(|of| of.is_counted())
    }

    /// Those of them that can be read.
    pub fn readable(&self) -> impl Iterator<Item = (&Neighbour, &Opened)> {
        self.counted().filter_map(|of| Some((of, of.opened.as_ref().ok()?)))
    }

    /// Why one of them cannot be read. Without it there is no sum.
    pub fn unreadable(&self) -> Option<ReadError> {
        let mut counted = self.counted().filter(|of| !self.is_starting(of));
        counted.find_map(|of| of.opened.as_ref().err().cloned())
    }

    /// Whether a container cannot be read yet.
    pub fn is_starting(&self, neighbour: &Neighbour) -> bool {
        self.looked.is_some_and(|looked| neighbour.is_starting(looked))
    }

    /// Whether the processes were looked at before.
    pub fn has_looked(&self) -> bool {
        self.looked.is_some()
    }

    /// Whether it is one that runs this program.
    pub fn is_agent(&self, neighbour: &Neighbour) -> bool {
        neighbour.program == self.own_program
    }
}

/// A container, and what it turns out to be, and once more.
const ROUNDS: u32 = 3;

impl Ended {
    fn of(neighbour: &Neighbour, opened: Opened) -> Self {
        let used = neighbour.used(opened.counters().counted.used);
        Self {
            number: neighbour.number,
            name: neighbour.named(),
            is_counted: neighbour.is_counted(),
            before: neighbour.before(),
            used,
            opened,
        }
    }
}
