//! What a reload has discarded of the changes that are of no file: the blacklist, and the limits of what waits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Control, Ways};
use crate::blacklist::{Blacklist, Entry};
use crate::overlay::{Difference, Reloading};

/// What an undo brings back.
#[derive(Default)]
pub struct Discarded {
    entries: BTreeMap<String, Entry>,
    /// By the names of the publishers.
    limits: BTreeMap<&'static str, usize>,
}

impl Discarded {
    /// Takes the entries of the blacklist away where they are to be discarded. What was discarded before cannot
    /// come back any more, but where the files are as they were.
    pub fn begin(&mut self, blacklist: &RefCell<Blacklist>, how: Reloading) -> Difference {
        if how != Reloading::SameFiles {
            *self = Self::default();
        }
        if how != Reloading::FilesAlone {
            return Difference::default();
        }
        self.entries = blacklist.take().into_all();
        Difference { removed: self.entries.keys().cloned().collect(), ..Difference::default() }
    }

    /// Brings the entries back, but for those in whose place there are others by now, or that find no room.
    pub fn undo(&mut self, blacklist: &RefCell<Blacklist>) -> Difference {
        let mut added = Vec::new();
        for (id, entry) in std::mem::take(&mut self.entries) {
            if blacklist.borrow_mut().bring_back(&id, entry) {
                added.push(id);
            }
        }
        Difference { added, ..Difference::default() }
    }
}

impl Control {
    /// Has all publishers keep as many windows as at the start.
    pub(super) async fn discard_limits(&self) -> Difference {
        let Ways { deliveries, first_limit, .. } = &self.ways;
        let mut changed = Vec::new();
        for of in deliveries {
            let limit = of.standing().limit;
            if limit != *first_limit {
                self.discarded.borrow_mut().limits.insert(of.publisher, limit);
                of.bring_limit(*first_limit).await;
                changed.push(of.publisher.to_owned());
            }
        }
        Difference { changed, ..Difference::default() }
    }

    /// Brings the limits back, but for those that were changed since.
    pub(super) async fn bring_limits_back(&self) -> Difference {
        let limits = std::mem::take(&mut self.discarded.borrow_mut().limits);
        let mut changed = Vec::new();
        for of in &self.ways.deliveries {
            let is_as_at_start = of.standing().limit == self.ways.first_limit;
            if let Some(limit) = limits.get(of.publisher).filter(|_| is_as_at_start) {
                of.bring_limit(*limit).await;
                changed.push(of.publisher.to_owned());
            }
        }
        Difference { changed, ..Difference::default() }
    }
}

/// What was discarded, for those who discard it and bring it back.
pub type Shared = Rc<RefCell<Discarded>>;
