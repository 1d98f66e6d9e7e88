//! The thresholds of an agent: each value is compared with the bounds of the threshold that wins for its metric, and
//! what changes is told.

mod judged;
mod kept;
mod key;
#[cfg(test)]
mod tests;
mod watch;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::SystemTime;

use log::error;
use serde_json::{Map, Value};
use tokio::sync::Notify;

pub use self::judged::Judged;
use self::judged::{Bases, Come, Feed};
pub use self::key::Key;
use super::prompt::{self, Wanted};
use crate::collector::Collector;
use crate::config::Settings;
use crate::event;
use crate::model::{AVAILABLE, Metric, Number, UTILIZATION};
use crate::overlay::{Difference, Overlay, Reloading};
use crate::sorted::{map_of, set_of, sort_by};
use crate::threshold::{Named, Threshold, by_rank};

/// All thresholds, and where each metric stands that one of them is of.
#[derive(Debug, Default)]
pub struct Thresholds {
    overlay: Overlay<Threshold>,
    all: BTreeMap<String, Rc<Threshold>>,
    /// Those that are not disabled, in the order in which they win.
    ranked: Vec<Rc<Threshold>>,
    /// What is read at each sample because one of them is of it.
    prompt: Wanted,
    /// What it is at the sample that comes next.
    prompted: Vec<(Rc<Metric>, f64)>,
    /// Whether one of them is of whether checks are available.
    names_availability: bool,
    states: BTreeMap<Key, Judged>,
    /// The metrics that were seen, with their names where a threshold is of them.
    places: HashMap<Rc<Metric>, Option<Key>>,
    /// Metrics that have no state because there are too many.
    dropped: u64,
    /// How many samples, results and windows there were.
    turn: u64,
    /// The checks with a result since the last window.
    ran: BTreeSet<Rc<str>>,
    /// Whether it is known where they stood before a restart. Until then nothing is compared.
    is_begun: bool,
    /// Is told of each state that has changed.
    changed: Rc<Notify>,
    /// The events, of which these changes are some.
    events: event::Shared,
}

/// The thresholds that others ask about and change.
pub type Shared = Rc<RefCell<Thresholds>>;

/// Compares with the thresholds of the files, and those that come later.
pub fn open(settings: &Settings, events: &event::Shared, collector: &mut Collector) -> Shared {
    let thresholds = Thresholds::of(&settings.checks.thresholds, events.clone());
    let thresholds = Rc::new(RefCell::new(thresholds));
    collector.add_sink(Box::new(watch::Watch(thresholds.clone())));
    thresholds
}

impl Thresholds {
    fn of(thresholds: &[Threshold], events: event::Shared) -> Self {
        let by_id = thresholds.iter().map(|of| (of.id.clone(), of.clone()));
        let mut all = Self { overlay: Overlay::of_files(by_id), events, ..Self::default() };
        all.follow();
        all
    }

    /// From now on values are compared; where metrics of these checks stood before a restart is here.
    pub fn begin(&mut self, checks: &BTreeSet<String>, standings: Option<&Map<String, Value>>) {
        self.is_begun = true;
        standings.into_iter().for_each(|standings| self.restore(checks, standings));
    }

    /// All that are in force, by their ids.
    pub fn all(&self) -> &BTreeMap<String, Rc<Threshold>> {
        &self.all
    }

    pub fn overlay(&self) -> &Overlay<Threshold> {
        &self.overlay
    }

    /// All metrics that have a state, or of which it is unknown.
    pub fn states(&self) -> &BTreeMap<Key, Judged> {
        &self.states
    }

    /// Those that are of a metric, the one that wins first.
    pub fn of_metric(&self, of: Named<'_>) -> impl Iterator<Item = &Rc<Threshold>> {
        self.ranked.iter().filter(move |threshold| threshold.matches.is_of(of))
    }

    /// Is told of each state that has changed.
    pub fn changed(&self) -> Rc<Notify> {
        self.changed.clone()
    }

    /// What they want to have at each sample, of what is else read once a window.
    pub fn prompt(&self) -> Wanted {
        self.prompt.clone()
    }

    /// Adds a threshold, or puts it in the place of the one with its id.
    pub fn set(&mut self, threshold: Threshold) {
        self.overlay.set(threshold.id.clone(), threshold);
        self.follow();
    }

    pub fn remove(&mut self, id: &str) {
        self.overlay.remove(id);
        self.follow();
    }

    /// Does so with many at once: those without a threshold are removed.
    pub fn take_changes(&mut self, changes: Vec<(String, Option<Threshold>)>) {
        for (id, change) in changes {
            match change {
                Some(threshold) => self.overlay.set(id, threshold),
                None => self.overlay.remove(&id),
            }
        }
        self.follow();
    }

    /// Forgets where the metrics of a check stood that is no more.
    pub fn forget_check(&mut self, check: &str) {
        self.keep_checks(|of| of != check);
    }

    /// Takes what the files say now, with the checks that there are then.
    pub fn reload(
        &mut self,
        thresholds: Vec<Threshold>,
        how: Reloading,
        checks: &BTreeSet<String>,
    ) -> Difference {
        let by_id = map_of(thresholds.into_iter().map(|of| (of.id.clone(), of)));
        let mut overridden = Vec::new();
        let difference = self.change(checks, |overlay| overridden = overlay.reload(by_id, how));
        difference.with_overridden(overridden)
    }

    /// Goes back to what was there before the last reload, with the checks that there are then.
    pub fn undo(&mut self, checks: &BTreeSet<String>) -> Difference {
        self.change(checks, |overlay| {
            overlay.undo();
        })
    }

    fn change(
        &mut self,
        checks: &BTreeSet<String>,
        change: impl FnOnce(&mut Overlay<Threshold>),
    ) -> Difference {
        let before = self.overlay.effective();
        change(&mut self.overlay);
        self.follow();
        self.keep_checks(|check| check == UTILIZATION || checks.contains(check));
        Difference::between(&before, &self.overlay.effective())
    }

    fn keep_checks(&mut self, is_kept: impl Fn(&str) -> bool) {
        let before = self.states.len();
        self.states.retain(|key, _| is_kept(&key.check));
        self.ran.retain(|check| is_kept(check));
        self.places.clear();
        if self.states.len() < before {
            self.changed.notify_one();
        }
    }

    /// Follows what is in force now. A metric stays where it stood as long as a threshold is of it.
    fn follow(&mut self) {
        let before = std::mem::take(&mut self.all);
        let known = |(id, of): (String, Threshold)| {
            let known = before.get(&id).filter(|known| ***known == of).cloned();
            (id, known.unwrap_or_else(|| Rc::new(of)))
        };
        self.all = map_of(self.overlay.effective().into_iter().map(known));
        self.ranked = self.all.values().filter(|of| !of.is_disabled).cloned().collect();
        sort_by(&mut self.ranked, |one, other| by_rank(one, other));
        let names_it = |of: &Rc<Threshold>| of.matches.metric.as_deref() == Some(AVAILABLE);
        self.names_availability = self.ranked.iter().any(names_it);
        self.prompt.set(prompt::those(|number| self.ranked.iter().any(|of| is_prompt(of, number))));
        self.places.clear();
        let count = self.states.len();
        let Self { all, ranked, states, .. } = self;
        let is_same = |all: &BTreeMap<String, Rc<Threshold>>, of: &Rc<Threshold>| {
            all.get(&of.id).is_some_and(|other| Rc::ptr_eq(of, other))
        };
        let new: Vec<_> = ranked.iter().filter(|of| !is_same(&before, of)).collect();
        states.retain(|key, judged| {
            let of = judged.named(key);
            let is_taken = new.iter().any(|threshold| threshold.matches.is_of(of));
            if is_same(all, &judged.threshold) && !is_taken {
                return true;
            }
            let wins = ranked.iter().find(|threshold| threshold.matches.is_of(of)).cloned();
            let is_of_any = wins.is_some();
            wins.into_iter().for_each(|threshold| judged.turn_to(threshold));
            is_of_any
        });
        if self.states.len() < count {
            self.changed.notify_one();
        }
    }

    /// Whether a value of this check may be one to compare.
    fn is_concerned(&self, check: &str) -> bool {
        self.is_begun && self.ranked.iter().any(|of| of.matches.may_be_of(check))
    }

    /// Takes the values that came together from a feed: of one check, or of all of them where they are of a window.
    fn take(&mut self, feed: Feed, values: &[Come<'_>], time: SystemTime) {
        self.turn += 1;
        let names = set_of(self.ranked.iter().filter_map(|of| of.percentage.clone()));
        let mut bases = BTreeMap::<&str, Bases<'_>>::new();
        for come in values.iter().filter(|come| names.contains(&*come.metric.name)) {
            bases.entry(&come.metric.check).or_default().add(come);
        }
        for come in values {
            let Some(key) = self.place(come.metric, feed) else { continue };
            let Self { states, changed, turn, events, .. } = self;
            let Some(judged) = states.get_mut(&key) else { continue };
            if judged.threshold.of.is_of_windows() != (feed == Feed::Window) {
                continue;
            }
            (judged.feed, judged.turn) = (feed, *turn);
            let bases = bases.get(&*come.metric.check);
            if judged.take(&key, Some((come, bases)), time, events) {
                changed.notify_one();
            }
        }
    }

    /// Where the state of a metric is, which begins here; nothing where no threshold is of it.
    fn place(&mut self, metric: &Rc<Metric>, feed: Feed) -> Option<Key> {
        if let Some(known) = self.places.get(metric) {
            return known.clone();
        }
        if self.places.len() >= MOST_PLACES {
            self.places.clear();
        }
        let target = metric.of_what();
        let of = Named { check: &metric.check, metric: &metric.name, target: target.as_deref() };
        let wins = self.of_metric(of).next().cloned();
        if feed == Feed::Window && wins.as_ref().is_some_and(|of| !of.of.is_of_windows()) {
            return None;
        }
        let key = wins.and_then(|threshold| {
            let key = Key::of(metric);
            if !self.states.contains_key(&key) {
                let expected = self.expected(&threshold, &key);
                self.make_room()?;
                let mut judged = Judged::of(threshold, &metric.name, target, feed);
                expected.into_iter().for_each(|expected| judged.follow(expected));
                self.states.insert(key.clone(), judged);
            }
            Some(key)
        });
        self.places.insert(metric.clone(), key.clone());
        key
    }

    /// Makes room for one more state; nothing where there is none.
    fn make_room(&mut self) -> Option<()> {
        if self.states.len() < MOST_STATES {
            return Some(());
        }
        if self.dropped == 0 {
            error!(
                "there are {MOST_STATES} metrics with a state of thresholds, and others have none: have thresholds name a check or a metric"
            );
        }
        self.dropped += 1;
        None
    }

    /// How many metrics have no state because there are too many.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What was expected without a target, where this metric is that and has one.
    fn expected(&mut self, threshold: &Threshold, key: &Key) -> Option<Judged> {
        let name = threshold.matches.metric.as_deref()?;
        let expected = Key { check: key.check.clone(), name: name.into() };
        self.states.get(&expected).filter(|of| of.is_expected)?;
        self.states.remove(&expected)
    }

    /// Expects the metrics of a check that thresholds name, where those want to know that they are missing.
    fn expect(&mut self, check: &str) {
        let wanted = self.ranked.iter().filter(|of| {
            of.missing.state().is_some()
                && !of.of.is_of_windows()
                && of.matches.check.as_deref() == Some(check)
        });
        let wanted: Vec<_> = wanted.cloned().collect();
        if wanted.is_empty() {
            return;
        }
        let of_check = self.states.range(Key::from(check));
        let of_check = of_check.take_while(|(key, _)| &*key.check == check);
        let known = set_of(of_check.map(|(_, of)| of.threshold.id.clone()));
        for threshold in wanted.into_iter().filter(|of| !known.contains(&of.id)) {
            let Some(name) = threshold.matches.metric.clone() else { continue };
            let target = threshold.matches.target.clone();
            let of = Named { check, metric: &name, target: target.as_deref() };
            let wins = self.of_metric(of).next();
            if wins.is_none_or(|wins| wins.id != threshold.id) {
                continue;
            }
            let whole = target.as_ref().map_or(name.clone(), |target| match target.contains('=') {
                true => format!("{name}{{{target}}}"),
                false => format!("{target}.{name}"),
            });
            let key = Key { check: check.into(), name: whole.as_str().into() };
            if self.make_room().is_some() {
                let mut judged = Judged::of(threshold, &name, target, Feed::Report);
                judged.is_expected = true;
                self.states.entry(key).or_insert(judged);
            }
        }
    }

    /// Takes that the metrics of a check, or of all, have no value that this feed had to bring.
    fn miss(&mut self, feed: Feed, check: Option<&str>, time: SystemTime) {
        let Self { states, changed, turn, ran, events, .. } = self;
        let mut forgotten = Vec::new();
        let of_check = states.range_mut(Key::from(check.unwrap_or_default()));
        for (key, judged) in of_check {
            if check.is_some_and(|check| *key.check != *check) {
                break;
            }
            let is_of_windows = judged.threshold.of.is_of_windows();
            let is_of_feed = judged.feed == feed && is_of_windows == (feed == Feed::Window);
            // No run, no value: that is no matter.
            let is_due = feed != Feed::Window || ran.contains(&key.check);
            if !is_of_feed || !is_due || judged.turn == *turn {
                continue;
            }
            if judged.take(key, None, time, events) {
                changed.notify_one();
            }
            if judged.is_forgettable() {
                forgotten.push(key.clone());
            }
        }
        if !forgotten.is_empty() {
            // They begin anew when they come back.
            self.places.clear();
            forgotten.iter().for_each(|key| drop(self.states.remove(key)));
        }
    }
}

/// Whether a threshold wants a number at each sample.
fn is_prompt(threshold: &Threshold, number: Number) -> bool {
    let Threshold { matches, percentage, of, .. } = threshold;
    let is_it = |name: &Option<String>| name.as_deref() == Some(number.name());
    // One of a target alone is mostly of another check.
    let names_check = matches.metric.is_none() && matches.check.is_some();
    !of.is_of_windows()
        && matches.may_be_of(UTILIZATION)
        && (is_it(&matches.metric) || is_it(percentage) || names_check)
}

/// Metrics with a state; each is looked at with each result of its check.
pub const MOST_STATES: usize = 20_000;

/// Metrics of which it is known whether a threshold is of them. Then that is found out anew.
const MOST_PLACES: usize = 2 * MOST_STATES;
