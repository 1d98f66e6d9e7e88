//! Which notifications, plans and suppressions there are now.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::notification::{
    ACCOUNT_PLAN, Configured, DEFAULT_PLAN, Notification, Of, Plan, Suppression,
};
use crate::overlay::{Difference, Overlay, Reloading};
use crate::sorted::map_of;

/// All of them, by their ids.
#[derive(Debug, Default)]
pub struct Set {
    pub notifications: Kept<Notification>,
    pub plans: Kept<Plan>,
    pub suppressions: Kept<Suppression>,
}

/// Those of one sort: of the files, with the changes laid over them.
#[derive(Debug)]
pub struct Kept<T> {
    overlay: Overlay<Rc<T>>,
    all: BTreeMap<String, Rc<T>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { overlay: Overlay::default(), all: BTreeMap::new() }
    }
}

impl<T: PartialEq> Kept<T> {
    /// All that are in force.
    pub fn all(&self) -> &BTreeMap<String, Rc<T>> {
        &self.all
    }

    pub fn overlay(&self) -> &Overlay<Rc<T>> {
        &self.overlay
    }

    /// Adds one, or puts it in the place of the one with its id.
    pub fn set(&mut self, id: &str, item: T) {
        self.overlay.set(id.to_owned(), Rc::new(item));
        self.all = self.overlay.effective();
    }

    pub fn remove(&mut self, id: &str) {
        self.overlay.remove(id);
        self.all = self.overlay.effective();
    }

    fn reload(&mut self, files: BTreeMap<String, Rc<T>>, how: Reloading) -> Difference {
        let overridden = self.overlay.reload(files, how);
        self.follow().with_overridden(overridden)
    }

    fn undo(&mut self) -> Difference {
        self.overlay.undo();
        self.follow()
    }

    fn follow(&mut self) -> Difference {
        let all = self.overlay.effective();
        let difference = Difference::between(&self.all, &all);
        self.all = all;
        difference
    }
}

impl Set {
    /// Those of the files.
    pub fn of(configured: Configured) -> Self {
        let mut set = Self::default();
        let Configured { notifications, plans, suppressions } = configured;
        set.notifications = kept(by_id(notifications, |of| &of.id));
        set.plans = kept(by_id(plans, |of| &of.id));
        set.suppressions = kept(by_id(suppressions, |of| &of.id));
        set
    }

    /// Takes what the files say now. What was changed of notifications, plans and suppressions.
    pub fn reload(&mut self, configured: Configured, how: Reloading) -> [Difference; 3] {
        let Configured { notifications, plans, suppressions } = configured;
        [
            self.notifications.reload(by_id(notifications, |of| &of.id), how),
            self.plans.reload(by_id(plans, |of| &of.id), how),
            self.suppressions.reload(by_id(suppressions, |of| &of.id), how),
        ]
    }

    /// Goes back to what was there before the last reload.
    pub fn undo(&mut self) -> [Difference; 3] {
        [self.notifications.undo(), self.plans.undo(), self.suppressions.undo()]
    }

    /// The plan of an alarm that names this one, or none.
    pub fn plan(&self, named: Option<&str>) -> Option<Rc<Plan>> {
        let find = |id: &str| self.plans.all.get(id).cloned();
        match named {
            Some(id) => find(id).or_else(|| find(DEFAULT_PLAN).filter(|_| id == ACCOUNT_PLAN)),
            None => find(DEFAULT_PLAN),
        }
    }

    /// The suppressions that are active for all of this, and those that are still to begin.
    pub fn suppressing(
        &self,
        now_ms: i64,
        is_entity: impl Fn(&str) -> bool,
        of: Of<'_>,
    ) -> [Vec<Rc<Suppression>>; 2] {
        let all = self.suppressions.all.values().filter(|one| one.is_for(&is_entity, of));
        let all: Vec<_> = all.cloned().collect();
        let of = |is_it: fn(&Suppression, i64) -> bool| {
            all.iter().filter(|one| is_it(one, now_ms)).cloned().collect()
        };
        [of(Suppression::is_active), of(Suppression::is_scheduled)]
    }
}

fn kept<T: PartialEq>(all: BTreeMap<String, Rc<T>>) -> Kept<T> {
    Kept { overlay: Overlay::of_files(all.clone()), all }
}

fn by_id<T>(all: Vec<T>, id: fn(&T) -> &String) -> BTreeMap<String, Rc<T>> {
    map_of(all.into_iter().map(|item| (id(&item).clone(), Rc::new(item))))
}
