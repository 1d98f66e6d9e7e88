//! What configuration files say, and what was changed beside them.

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
        }
        together
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
        Self { files: files.into_iter().collect(), ..Self::default() }
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

    /// Takes what the files say now. Changes stay, unless they are to be discarded; that something was removed
    /// which the files no longer have is forgotten.
    pub fn reload(&mut self, files: BTreeMap<String, T>, discards: bool) {
        let discarded = match discards {
            true => std::mem::take(&mut self.changes),
            false => BTreeMap::new(),
        };
        let files = std::mem::replace(&mut self.files, files);
        self.changes.retain(|id, change| change.is_some() || self.files.contains_key(id));
        self.before = Some(Before { files, discarded });
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
        overlay.reload(map(&[("a", 2), ("b", 3), ("d", 4)]), false);
        assert_eq!(overlay.effective(), map(&[("a", 10), ("c", 30), ("d", 4)]));
        overlay.reload(map(&[("a", 2), ("b", 3), ("d", 4)]), true);
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
        overlay.reload(map(&[]), false);
        overlay.reload(map(&[("a", 2)]), false);
        assert_eq!(overlay.effective(), map(&[("a", 2)]));
    }

    #[test]
    fn undo_goes_back_and_forward_and_keeps_what_was_changed_since() {
        let mut overlay = Overlay::of_files(map(&[("a", 1), ("b", 1)]));
        assert!(!overlay.undo());
        overlay.set("a".into(), 10);
        overlay.reload(map(&[("b", 2), ("c", 2)]), true);
        overlay.set("d".into(), 40);
        assert!(overlay.undo());
        assert_eq!(overlay.effective(), map(&[("a", 10), ("b", 1), ("d", 40)]));
        assert!(overlay.undo());
        assert_eq!(overlay.effective(), map(&[("a", 10), ("b", 2), ("c", 2), ("d", 40)]));
    }
}
