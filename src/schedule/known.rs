//! The metrics of a check that its runs have found.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use crate::model::{Configured, Dimensions, Discovered, Finding, Metric};

/// What each value that was found is of. A metric is the same one from run to run, because counters are
/// compared with what they were before.
#[derive(Default)]
pub struct Known {
    /// By name and by dimensions: a value is looked up without a copy of either.
    all: HashMap<Cow<'static, str>, HashMap<Dimensions, One>>,
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

impl Known {
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
        let metric = Rc::new(configured.metric(name.clone(), dimensions, found));
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
                all.retain(|_, one| one.is_declared || one.seen >= oldest);
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
        let (check, mut known) = (finding(|_| Vec::new()), Known::default());
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
