//! The metrics of a check that its runs have found.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::model::{Configured, Dimensions, Discovered, Finding, Metric, SAME};

/// What each value that was found is of. A metric is the same one from run to run, because counters are
/// compared with what they were before.
pub struct Known {
    /// By name and by dimensions: a value is looked up without a copy of either.
    all: HashMap<Cow<'static, str>, HashMap<Dimensions, One>>,
    /// The agent's own, where it is published.
    availability: Option<Rc<Metric>>,
    /// All that are published.
    published: HashSet<Published>,
    /// How many runs have ended.
    runs: u64,
    has_new: bool,
}

struct One {
    metric: Rc<Metric>,
    /// Of what a type declares there is so much and no more, so it stays.
    is_declared: bool,
    /// The last run that found it.
    seen: u64,
}

/// A metric by what it is in CloudWatch: no two may be the same there, else their values would be mixed.
struct Published(Rc<Metric>);

impl Published {
    fn key(&self) -> (Option<&str>, &Dimensions) {
        (self.0.published.as_deref(), &self.0.dimensions)
    }
}

impl PartialEq for Published {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Published {}

impl Hash for Published {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Known {
    /// Those that are known before the first run.
    pub fn of(configured: &Configured) -> Self {
        let published = configured.declared().into_iter().map(|of| Published(Rc::new(of)));
        Self {
            all: HashMap::new(),
            availability: configured.availability().map(Rc::new),
            published: published.collect(),
            runs: 0,
            has_new: false,
        }
    }

    /// The agent's own metric of whether the check is available, where it is published.
    pub fn availability(&self) -> Option<Rc<Metric>> {
        self.availability.clone()
    }

    /// What a value is of.
    pub fn metric(&mut self, configured: &Configured, value: &Finding) -> Rc<Metric> {
        let Finding { name, dimensions, discovered, .. } = value;
        let known = self.all.get_mut(&**name).and_then(|all| all.get_mut(&**dimensions));
        if let Some(known) = known {
            known.seen = self.runs;
            return known.metric.clone();
        }
        let declared = configured.kind.metric(name);
        let is_declared = declared.is_some() && dimensions.is_empty();
        let declared =
            declared.map(|of| Discovered { unit: of.unit, kind: of.kind, ..Discovered::NUMBER });
        let found = declared.or_else(|| discovered.clone()).unwrap_or(Discovered::NUMBER);
        let mut metric = Rc::new(configured.metric(name.clone(), dimensions, found));
        // What is declared has its place from the beginning.
        let is_other = metric.published.is_some() && !is_declared;
        if is_other && !self.published.insert(Published(metric.clone())) {
            let (published, refused) = (None, Some(SAME));
            metric = Rc::new(Metric { published, refused, ..Metric::clone(&metric) });
        }
        let one = One { metric: metric.clone(), is_declared, seen: self.runs };
        self.all.entry(name.clone()).or_default().insert(dimensions.clone(), one);
        self.has_new = true;
        metric
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.all.values().map(HashMap::len).sum()
    }

    /// Ends a run. Where it found new ones, those that were not found for long are forgotten: names with the
    /// id of a process or request never end.
    pub fn end_run(&mut self) {
        if std::mem::take(&mut self.has_new) {
            let oldest = self.runs.saturating_sub(MOST_IDLE_RUNS);
            self.all.retain(|_, all| {
                all.retain(|_, one| {
                    let stays = one.is_declared || one.seen >= oldest;
                    if !stays && one.metric.published.is_some() {
                        self.published.remove(&Published(one.metric.clone()));
                    }
                    stays
                });
                !all.is_empty()
            });
        }
        self.runs += 1;
    }
}

/// Runs without a value after which a metric is forgotten. Of a counter that comes back the growth in between
/// is lost then, and of others nothing.
const MOST_IDLE_RUNS: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::tests::{finding, found};

    #[test]
    fn what_is_found_again_is_the_same_metric_and_what_is_not_is_forgotten() {
        let check = finding(|_| Vec::new());
        let mut known = Known::of(&check);
        let lasting = found("lasting", "a");
        let first = known.metric(&check, &lasting);
        let mut most = 0;
        for run in 0..1000 {
            assert!(Rc::ptr_eq(&first, &known.metric(&check, &lasting)));
            known.metric(&check, &found("job", &run.to_string()));
            known.metric(&check, &found(&format!("job{run}"), "a"));
            known.end_run();
            most = most.max(known.len());
        }
        assert_eq!(most as u64, 1 + 2 * (MOST_IDLE_RUNS + 1));
        assert_eq!(known.all.len() as u64, 2 + MOST_IDLE_RUNS + 1);
    }
}
