//! The alarms of an agent: each result of a check is taken by its alarms, and what changes is told.

mod kept;
mod prompt;
pub mod thresholds;
mod watched;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use self::watched::Watched;
use crate::alarm::Alarm;
use crate::alarm::observation::Observation;
use crate::collector::Collector;
use crate::collector::series::Table;
use crate::collector::sink::Sink;
use crate::config::Settings;
use crate::event;
use crate::model::{Metric, Quantity, Report, SUCCESS, Series, UTILIZATION};
use crate::overlay::{Difference, Overlay, Reloading};
use crate::sorted::map_of;

/// All alarms, and where each stands.
#[derive(Debug)]
pub struct Alarms {
    overlay: Overlay<Alarm>,
    /// The ids of the checks that are there. Alarms of others wait for theirs to come back.
    checks: BTreeSet<String>,
    all: BTreeMap<String, Watched>,
    /// The values of the newest sample, by the names of their metrics.
    sampled: HashMap<String, Quantity>,
    /// The same of what the source gives once a window, but for what is read at each sample.
    of_window: HashMap<String, Quantity>,
    /// What is read at each sample because alarms are of it.
    prompt: prompt::Wanted,
    /// What it was at the newest sample.
    prompted: HashMap<String, Quantity>,
    sample_interval: Duration,
    /// Whether it is known where they stood before a restart. Until then nothing is evaluated, so that nobody is told
    /// again of what has not changed.
    is_begun: bool,
    /// When this process began, for times that are compared.
    start: Instant,
    /// Is told of each state that has changed.
    changed: Rc<Notify>,
    /// The events, of which these changes are some.
    events: event::Shared,
    /// How many metrics of checks and alarms are published, and may be.
    published: Rc<Cell<usize>>,
    most_published: usize,
    /// The ids of those that publish their states from the next window on.
    unpublished: BTreeSet<String>,
}

/// The alarms that others ask about and change.
pub type Shared = Rc<RefCell<Alarms>>;

/// All that looks at what is collected.
pub struct Watchers {
    pub alarms: Shared,
    pub thresholds: thresholds::Shared,
}

impl Watchers {
    /// What alarms and thresholds want to have at each sample, of what is else read once a window.
    pub fn prompt(&self) -> Vec<prompt::Wanted> {
        vec![self.alarms.borrow().prompt.clone(), self.thresholds.borrow().prompt()]
    }
}

/// Watches over the alarms and thresholds of the files, and those that come later.
pub fn open(settings: &Settings, events: &event::Shared, collector: &mut Collector) -> Watchers {
    let alarms = settings.checks.alarms.iter().cloned();
    let alarms = Alarms::of(alarms, settings.measuring.sample_interval, events.clone());
    let most_published = settings.checks.max_metrics / settings.identity.number_of_sets().max(1);
    let alarms = Alarms { published: collector.published(), most_published, ..alarms };
    let alarms = Rc::new(RefCell::new(alarms));
    collector.add_sink(Box::new(Watch(alarms.clone())));
    Watchers { alarms, thresholds: thresholds::open(settings, events, collector) }
}

impl Alarms {
    fn of(
        alarms: impl Iterator<Item = Alarm>,
        sample_interval: Duration,
        events: event::Shared,
    ) -> Self {
        let overlay = Overlay::of_files(alarms.map(|alarm| (alarm.id.clone(), alarm)));
        Self {
            overlay,
            checks: BTreeSet::new(),
            all: BTreeMap::new(),
            sampled: HashMap::new(),
            of_window: HashMap::new(),
            prompt: prompt::Wanted::default(),
            prompted: HashMap::new(),
            sample_interval,
            is_begun: false,
            start: Instant::now(),
            changed: Rc::default(),
            events,
            published: Rc::default(),
            most_published: usize::MAX,
            unpublished: BTreeSet::new(),
        }
    }

    /// From now on there are these checks, and their results are evaluated; where the alarms stood before a restart
    /// is here.
    pub fn begin(&mut self, checks: BTreeSet<String>, standings: Option<&Map<String, Value>>) {
        self.is_begun = true;
        self.checks = checks;
        self.follow();
        standings.into_iter().for_each(|standings| self.restore(standings));
    }

    /// There is a check of this id now.
    pub fn add_check(&mut self, id: &str) {
        self.checks.insert(id.to_owned());
        self.follow();
    }

    /// All that are in force, by their ids.
    pub fn all(&self) -> &BTreeMap<String, Watched> {
        &self.all
    }

    pub fn overlay(&self) -> &Overlay<Alarm> {
        &self.overlay
    }

    /// Is told of each state that has changed.
    pub fn changed(&self) -> Rc<Notify> {
        self.changed.clone()
    }

    /// Adds an alarm, or puts it in the place of the one with its id.
    pub fn set(&mut self, alarm: Alarm) {
        let is_known = self.all.get(&alarm.id).is_some_and(|of| of.alarm.published().is_some());
        if alarm.published().is_some() && !is_known {
            self.unpublished.insert(alarm.id.clone());
        }
        self.overlay.set(alarm.id.clone(), alarm);
        self.follow();
    }

    pub fn remove(&mut self, id: &str) {
        self.overlay.remove(id);
        self.follow();
    }

    /// Removes the alarms of a check that is no more.
    pub fn remove_of_check(&mut self, check: &str) {
        let of_check = self.all.values().filter(|of| of.alarm.check == check);
        let ids: Vec<_> = of_check.map(|of| of.alarm.id.clone()).collect();
        ids.iter().for_each(|id| self.remove(id));
        self.checks.remove(check);
    }

    /// Takes what the files say now, with the checks that there are then.
    pub fn reload(
        &mut self,
        alarms: Vec<Alarm>,
        how: Reloading,
        checks: BTreeSet<String>,
    ) -> Difference {
        let before = self.in_force();
        self.checks = checks;
        let alarms = alarms.into_iter().map(|alarm| (alarm.id.clone(), alarm));
        let overridden = self.overlay.reload(map_of(alarms), how);
        self.follow();
        Difference::between(&before, &self.in_force()).with_overridden(overridden)
    }

    /// Goes back to what was there before the last reload, with the checks that there are then.
    pub fn undo(&mut self, checks: BTreeSet<String>) -> Difference {
        let before = self.in_force();
        self.checks = checks;
        self.overlay.undo();
        self.follow();
        Difference::between(&before, &self.in_force())
    }

    fn in_force(&self) -> BTreeMap<String, Alarm> {
        let mut all = self.overlay.effective();
        all.retain(|_, of| of.check == UTILIZATION || self.checks.contains(&of.check));
        all
    }

    /// Follows what is in force now. An alarm whose criteria and check are the same stands where it stood.
    fn follow(&mut self) {
        let mut before = std::mem::take(&mut self.all);
        for (id, alarm) in self.in_force() {
            let known = before.remove(&id).filter(|known| known.alarm.is_same_question(&alarm));
            let watched = match known {
                Some(known) => Watched { alarm, ..known },
                None => Watched::of(alarm),
            };
            self.all.insert(id, watched);
        }
        let of_utilization = self.all.values().filter(|of| of.alarm.check == UTILIZATION);
        let on: Vec<_> = of_utilization.filter(|of| of.is_on()).collect();
        let is_used = |number| {
            let is_it = |name: &str| prompt::is_name_of(number, name);
            on.iter().any(|of| of.alarm.criteria.uses_any(is_it))
        };
        self.prompt.set(prompt::those(is_used));
        self.leave_to_samples();
    }

    /// What is read at each sample is not what the last window had.
    fn leave_to_samples(&mut self) {
        let prompt = self.prompt.get();
        if !prompt.is_empty() {
            let is_prompt = |name: &str| prompt.iter().any(|of| prompt::is_name_of(of, name));
            self.of_window.retain(|name, _| !is_prompt(name));
        }
    }

    fn take(&mut self, report: &Report) {
        if *report.check == *UTILIZATION {
            let values = report.values.iter();
            self.of_window = values.map(|(of, value)| (of.full_name(), value.clone())).collect();
            self.leave_to_samples();
            if self.has_utilization() {
                self.take_utilization(report.time, true);
            }
            return;
        }
        let Self { all, start, changed, events, .. } = self;
        // Checks begin when this has begun.
        for watched in all.values_mut().filter(|of| *of.alarm.check == *report.check) {
            if watched.is_on() {
                let now = Observation::of(report, *start, |name| watched.alarm.criteria.uses(name));
                if watched.take(now, report.time, report.period, events) {
                    changed.notify_one();
                }
            }
        }
    }

    /// Of CPU and memory each sample is a result. What comes once a window stays until the next; its end is a
    /// result for those alone who look at that.
    fn take_utilization(&mut self, time: SystemTime, is_end_of_window: bool) {
        let Self {
            all, sampled, of_window, prompted, start, sample_interval, changed, events, ..
        } = self;
        let since_start = start.elapsed();
        for watched in all.values_mut().filter(|of| of.alarm.check == UTILIZATION) {
            let is_of_window =
                || watched.alarm.criteria.uses_any(|name| of_window.contains_key(name));
            if watched.is_on() && (!is_end_of_window || is_of_window()) {
                let known = of_window.iter().chain(prompted.iter()).chain(sampled.iter());
                let used = known.filter(|(name, _)| watched.alarm.criteria.uses(name));
                let values = used.map(|(name, value)| (name.clone(), value.clone())).collect();
                let status = SUCCESS.to_owned();
                let now = Observation { since_start, is_available: true, status, values };
                if watched.take(now, time, *sample_interval, events) {
                    changed.notify_one();
                }
            }
        }
    }

    /// The states that are published with the window that is closed now.
    fn closing(&mut self) -> Vec<(Rc<Metric>, f64)> {
        let since_start = self.start.elapsed();
        self.unpublished.clear();
        self.all.values_mut().filter_map(|watched| watched.closing(since_start)).collect()
    }

    /// Whether the state of one alarm more can be published.
    pub fn has_room(&self) -> bool {
        self.published.get() + self.unpublished.len() < self.most_published
    }

    /// How many metrics of checks and alarms may be published.
    pub fn most_published(&self) -> usize {
        self.most_published
    }

    fn has_utilization(&self) -> bool {
        self.is_begun && self.all.values().any(|of| of.alarm.check == UTILIZATION && of.is_on())
    }
}

/// Hands the results of checks to the alarms.
struct Watch(Shared);

impl Sink for Watch {
    fn sample(&mut self, at: SystemTime, values: &[(Series, f64)], table: &Table) {
        let mut alarms = self.0.borrow_mut();
        if alarms.has_utilization() {
            let named = |(series, value): &(Series, f64)| {
                (table.metric(*series).full_name(), Quantity::Number(*value))
            };
            alarms.sampled = values.iter().map(named).collect();
            alarms.take_utilization(at, false);
        }
    }

    fn prompt(&mut self, values: &[(Rc<Metric>, f64)]) {
        let named =
            |(metric, value): &(Rc<Metric>, f64)| (metric.full_name(), Quantity::Number(*value));
        self.0.borrow_mut().prompted = values.iter().map(named).collect();
    }

    fn report(&mut self, report: &Report) {
        self.0.borrow_mut().take(report);
    }

    fn closing(&mut self) -> Vec<(Rc<Metric>, f64)> {
        self.0.borrow_mut().closing()
    }
}
