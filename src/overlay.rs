//! What configuration files say, and what was changed beside them.

use crate::sorted::map_of;
use std::collections::BTreeMap;

/// Things by their ids: those of the files, with the changes laid over them. A change wins, also after the files
/// were read again, until it is discarded.
#[derive(Clone, Debug)]
pub struct Overlay<T> {
    files: BTreeMap<String, T>,
    /// What was set while the agent runs; nothing where something of the files was removed.
    changes: BTreeMap<String, Option<T>>,
    /// What [`undo`](Self::undo) brings back.
    before: Option<Before<T>>,
}

/// What the last reload has replaced.
#[derive(Clone, Debug)]
struct Before<T> {
    files: BTreeMap<String, T>,
    /// The changes that it has discarded.
    discarded: BTreeMap<String, Option<T>>,
}

/// What a reload does beside taking what the files say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloading {
    /// Changes stay.
    Files,
    /// Changes are discarded.
    FilesAlone,
    /// The files are as they were: what was there before the last reload is still what there is to go back to.
    SameFiles,
}

/// Where something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    File,
    Api,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
        }
    }
}

/// What a change has changed, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    pub unchanged: usize,
    /// What the files have another one of now, and what stays as it is, because a request has changed or removed it.
    pub overridden: Vec<String>,
}

impl Difference {
    pub fn between<T: PartialEq>(
        before: &BTreeMap<String, T>,
        after: &BTreeMap<String, T>,
    ) -> Self {
        let mut found = Self::default();
        for (id, thing) in after {
            match before.get(id) {
                None => found.added.push(id.clone()),
                Some(known) if known == thing => found.unchanged += 1,
                Some(_) => found.changed.push(id.clone()),
            }
        }
        found.removed = before.keys().filter(|id| !after.contains_key(*id)).cloned().collect();
        found
    }

    /// All of several sorts.
    pub fn of_all(all: Vec<Self>) -> Self {
        let mut together = Self::default();
        for mut one in all {
            together.added.append(&mut one.added);
            together.changed.append(&mut one.changed);
            together.removed.append(&mut one.removed);
            together.unchanged += one.unchanged;
            together.overridden.append(&mut one.overridden);
        }
        together
    }

    pub fn with_overridden(self, overridden: Vec<String>) -> Self {
        Self { overridden, ..self }
    }

    pub fn is_none(&self) -> bool {
        [&self.added, &self.changed, &self.removed].iter().all(|ids| ids.is_empty())
    }
}

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Self { files: BTreeMap::new(), changes: BTreeMap::new(), before: None }
    }
}

impl<T: Clone> Overlay<T> {
    /// What stands in the files and is changed by nothing so far.
    pub fn of_files(files: impl IntoIterator<Item = (String, T)>) -> Self {
        Self { files: map_of(files), ..Self::default() }
    }

    /// All that is in force.
    pub fn effective(&self) -> BTreeMap<String, T> {
        let mut all = self.files.clone();
        for (id, change) in &self.changes {
            match change {
                Some(changed) => drop(all.insert(id.clone(), changed.clone())),
                None => drop(all.remove(id)),
            }
        }
        all
    }

    pub fn origin(&self, id: &str) -> Origin {
        if self.changes.contains_key(id) { Origin::Api } else { Origin::File }
    }

    pub fn changes(&self) -> &BTreeMap<String, Option<T>> {
        &self.changes
    }

    pub fn set(&mut self, id: String, thing: T) {
        self.changes.insert(id, Some(thing));
    }

    pub fn remove(&mut self, id: &str) {
        match self.files.contains_key(id) {
            true => drop(self.changes.insert(id.to_owned(), None)),
            false => drop(self.changes.remove(id)),
        }
    }

    /// Takes what the files say now. That something was removed which the files no longer have is forgotten. What the
    /// files have another one of, and what stays as it was changed.
    pub fn reload(&mut self, files: BTreeMap<String, T>, how: Reloading) -> Vec<String>
    where
        T: PartialEq,
    {
        let discarded = match how {
            Reloading::FilesAlone => std::mem::take(&mut self.changes),
            Reloading::Files | Reloading::SameFiles => BTreeMap::new(),
        };
        let files = std::mem::replace(&mut self.files, files);
        self.changes.retain(|id, change| change.is_some() || self.files.contains_key(id));
        let is_other = |id: &&String| files.get(*id) != self.files.get(*id);
        let overridden = self.changes.keys().filter(is_other).cloned().collect();
        if how != Reloading::SameFiles {
            self.before = Some(Before { files, discarded });
        }
        overridden
    }

    /// Goes back to what was there before the last reload, without what was changed since: that stays. Done
    /// again, it goes forward again. Whether there is anything to go back to.
    pub fn undo(&mut self) -> bool {
        let Some(Before { files, discarded }) = self.before.take() else { return false };
        let files = std::mem::replace(&mut self.files, files);
        let mut changes = discarded;
        changes.append(&mut self.changes);
        changes.retain(|id, change| change.is_some() || self.files.contains_key(id));
        self.changes = changes;
        self.before = Some(Before { files, discarded: BTreeMap::new() });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(of: &[(&str, u8)]) -> BTreeMap<String, u8> {
        of.iter().map(|(id, value)| ((*id).to_owned(), *value)).collect()
    }

    #[test]
    fn a_change_wins_over_the_files_until_it_is_discarded() {
        let mut overlay = Overlay::of_files(map(&[("a", 1), ("b", 2)]));
        overlay.set("a".into(), 10);
        overlay.set("c".into(), 30);
        overlay.remove("b");
        assert_eq!(overlay.effective(), map(&[("a", 10), ("c", 30)]));
        assert_eq!((overlay.origin("a"), overlay.origin("b")), (Origin::Api, Origin::Api));
        overlay.reload(map(&[("a", 2), ("b", 3), ("d", 4)]), Reloading::Files);
        assert_eq!(overlay.effective(), map(&[("a", 10), ("c", 30), ("d", 4)]));
        overlay.reload(map(&[("a", 2), ("b", 3), ("d", 4)]), Reloading::FilesAlone);
        assert_eq!(overlay.effective(), map(&[("a", 2), ("b", 3), ("d", 4)]));
        assert_eq!(overlay.origin("a"), Origin::File);
    }

    #[test]
    fn what_was_added_and_removed_again_leaves_nothing() {
        let mut overlay = Overlay::default();
        overlay.set("a".into(), 1);
        overlay.remove("a");
        assert!(overlay.changes().is_empty());
        // The files have no longer what was removed, and have it anew later.
        let mut overlay = Overlay::of_files(map(&[("a", 1)]));
        overlay.remove("a");
        overlay.reload(map(&[]), Reloading::Files);
        overlay.reload(map(&[("a", 2)]), Reloading::Files);
        assert_eq!(overlay.effective(), map(&[("a", 2)]));
    }

    #[test]
    fn undo_goes_back_and_forward_and_keeps_what_was_changed_since() {
        let mut overlay = Overlay::of_files(map(&[("a", 1), ("b", 1)]));
        assert!(!overlay.undo());
        overlay.set("a".into(), 10);
        overlay.reload(map(&[("b", 2), ("c", 2)]), Reloading::FilesAlone);
        overlay.set("d".into(), 40);
        assert!(overlay.undo());
        assert_eq!(overlay.effective(), map(&[("a", 10), ("b", 1), ("d", 40)]));
        assert!(overlay.undo());
        assert_eq!(overlay.effective(), map(&[("a", 10), ("b", 2), ("c", 2), ("d", 40)]));
    }
    #[test]
    fn files_that_are_the_same_leave_the_way_back() {
        let mut overlay = Overlay::of_files(map(&[("a", 1)]));
        overlay.reload(map(&[("a", 2)]), Reloading::Files);
        overlay.reload(map(&[("a", 2)]), Reloading::SameFiles);
        assert!(overlay.undo());
        assert_eq!(overlay.effective(), map(&[("a", 1)]));
    }

    #[test]
    fn a_reload_names_what_is_another_one_in_the_files_and_stays_as_it_was_changed() {
        let mut overlay = Overlay::of_files(map(&[("a", 1), ("b", 1), ("c", 1)]));
        overlay.set("a".into(), 10);
        overlay.set("new".into(), 20);
        overlay.remove("b");
        overlay.set("c".into(), 30);
        let files = map(&[("a", 2), ("b", 2), ("c", 1)]);
        assert_eq!(overlay.reload(files.clone(), Reloading::Files), ["a", "b"]);
        assert_eq!(overlay.reload(files.clone(), Reloading::SameFiles), [""; 0]);
        assert_eq!(overlay.reload(files, Reloading::FilesAlone), [""; 0]);
    }
}
