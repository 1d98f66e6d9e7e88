//! What each container is in the pod.

use std::collections::BTreeSet;

use log::{info, warn};
use tokio::time::Instant;

use super::ALONE;
use super::neighbour::Role;
use super::neighbours::Neighbours;

/// Says which containers are left out, and what is odd about them.
#[derive(Debug, Default)]
pub struct Roles {
    /// Names or ids that the user wants left out.
    excluded: Vec<String>,
    /// Those of them that were seen.
    seen: BTreeSet<String>,
    /// The first time that they were looked for.
    since: Option<Instant>,
    is_said: bool,
    /// Why the container of the first process is left out, if it looks like one of the user's.
    first: Option<String>,
    is_first_said: bool,
}

impl Roles {
    pub fn leaving_out(excluded: Vec<String>) -> Self {
        Self { excluded, ..Self::default() }
    }

    /// Gives each container its role. `is_platforms` tells of an id whether it is none of the user's.
    /// Tells whether one is counted that was not, or the other way round.
    pub fn give(
        &mut self,
        neighbours: &mut Neighbours,
        is_platforms: impl Fn(&str) -> bool,
    ) -> bool {
        let (own, first) = (neighbours.own(), neighbours.of_process(1));
        self.first = None;
        let is_kubernetes = neighbours.all.iter().any(|of| of.is_of_kubernetes);
        let mut has_changed = false;
        for neighbour in &mut neighbours.all {
            let is_first = first == Some(neighbour.number);
            let holds_namespace = neighbour.program == "pause"
                || neighbour.opened.is_err()
                || is_kubernetes && !neighbour.is_of_kubernetes;
            let excluded = self.excluded.iter().find(|name| {
                ***name == *neighbour.name || is_beginning(name, neighbour.id.as_deref())
            });
            let role = if let Some(name) = excluded {
                self.seen.insert(name.clone());
                Role::Excluded
            } else if own == Some(neighbour.number) {
                Role::Own
            } else if neighbour.id.as_deref().is_some_and(&is_platforms) {
                Role::Platform
            } else if is_first && holds_namespace {
                Role::Pause
            } else {
                Role::Counted
            };
            let counted_before = neighbour.is_counted();
            neighbour.role = role;
            let is_new = !std::mem::replace(&mut neighbour.has_role, true);
            has_changed |= !is_new && neighbour.is_counted() != counted_before;
            if let (Role::Pause, Err(error)) = (role, &neighbour.opened)
                && neighbour.program != "pause"
            {
                self.first = Some(error.to_string());
            }
        }
        has_changed
    }

    /// Why the container of the first process is left out, if it looks like one of the user's.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Says what is left out without being asked for, and after a while which containers to leave out
    /// have never been seen.
    pub fn say(&mut self, neighbours: &Neighbours, at: Instant) {
        if let Some(first) = &self.first
            && !std::mem::replace(&mut self.is_first_said, true)
        {
            info!("the container of the first process is left out: {first}");
        }
        let since = *self.since.get_or_insert(at);
        if self.is_said || at.duration_since(since) < ALONE {
            return;
        }
        self.is_said = true;
        let names: Vec<_> = neighbours.all.iter().map(|of| &*of.name).collect();
        let seen = names.join(", ");
        for name in self.excluded.iter().filter(|name| !self.seen.contains(*name)) {
            warn!("--pod-exclude {name}: no container has this name or id; those seen: {seen}");
        }
    }
}

/// Whether a text is a part of an id that is long enough to tell it.
fn is_beginning(text: &str, id: Option<&str>) -> bool {
    text.len() >= SHORT_ID && id.is_some_and(|id| id.starts_with(text))
}

/// As many digits as Docker shows.
const SHORT_ID: usize = 12;
