//! Where points come from.

use std::future::ready;
use std::path::Path;

use futures_util::future::LocalBoxFuture;

use crate::clock::now_ms;
use crate::store::{
    Bucket, Change, Failure, Opened, Part, Resolution, Store, Unopened, Unplottable,
};

/// A metric that a source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    pub check: String,
    pub name: String,
    pub unit: String,
    /// The letter of its type.
    pub letter: char,
    pub is_counter: bool,
    /// About when its newest point is, where that is known.
    pub newest_ms: Option<i64>,
}

impl Metric {
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.check, self.name)
    }

    pub fn is_text(&self) -> bool {
        self.letter == 's'
    }
}

/// Points of a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// In the order of time.
    pub points: Vec<Bucket>,
    /// Parts that are left out because they are damaged.
    pub damaged: usize,
}

/// What can be asked for points. Errors are sentences.
pub trait Source {
    /// In the order of their names.
    fn metrics(&self) -> LocalBoxFuture<'_, Result<Vec<Metric>, String>>;

    /// What begins within the range, and the bucket that the range begins in.
    fn points<'a>(
        &'a self,
        metric: &'a Metric,
        resolution: Resolution,
        range_ms: [i64; 2],
    ) -> LocalBoxFuture<'a, Result<Points, String>>;

    /// The text that a metric had when a range begins, and its changes in the range.
    fn texts<'a>(
        &'a self,
        metric: &'a Metric,
        range_ms: [i64; 2],
    ) -> LocalBoxFuture<'a, Result<Vec<Change>, String>>;

    /// The time from which it is counted how long each level is kept.
    fn now_ms(&self) -> i64;
}

/// The file of a history that no agent has open.
pub struct OnDisk {
    store: Store,
    /// How many notes of points that are in no block, or of what series there are, could not be read.
    pub damaged: usize,
    now_ms: i64,
}

impl OnDisk {
    pub fn open(folder: &Path) -> Result<Self, String> {
        let opened = Store::existing(folder).map_err(|why| match why {
            Unopened::Taken(text) => {
                format!(
                    "{text}: ask the agent that has it open, through its --api, or end it first"
                )
            }
            Unopened::Damaged(text) | Unopened::Other(text) => text,
        })?;
        Self::of(opened)
    }

    pub fn of(opened: Opened) -> Result<Self, String> {
        let Opened { store, damaged } = opened;
        let newest_ms = store.newest_ms().map_err(|failure| unreadable(&failure))?;
        // A clock that was ahead for a while does not make old what is not.
        Ok(Self { store, damaged, now_ms: newest_ms.min(now_ms()) })
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn close(self) {
        self.store.end();
    }

    /// About when the newest point of a metric is that has none in the last hour.
    fn newest_ms(&self, metric: &Metric) -> Option<i64> {
        let mut range_ms = [0, i64::MAX];
        let mut newest = None;
        for level in [Resolution::Min1440, Resolution::Min60, Resolution::Full] {
            let points = self.points(metric, level, range_ms).ok()?.points;
            // What is that old may be gone on finer levels.
            let Some(last) = points.last() else { break };
            newest = Some(last.start_ms);
            range_ms = [last.start_ms, last.start_ms + level.length_ms().unwrap_or(1)];
        }
        newest
    }

    /// In the order of their names.
    pub fn metrics(&self) -> Result<Vec<Metric>, String> {
        let mut all = Vec::new();
        for check in self.store.checks() {
            for (described, newest_ms) in self.store.metrics(check) {
                let mut metric = Metric {
                    check: described.check.as_ref().to_owned(),
                    name: described.name.as_ref().to_owned(),
                    unit: described.unit.as_ref().to_owned(),
                    letter: described.letter,
                    is_counter: described.is_counter,
                    newest_ms,
                };
                metric.newest_ms = newest_ms.or_else(|| self.newest_ms(&metric));
                all.push(metric);
            }
        }
        Ok(all)
    }

    fn points(
        &self,
        metric: &Metric,
        resolution: Resolution,
        range_ms: [i64; 2],
    ) -> Result<Points, String> {
        let name = [&*metric.check, &*metric.name];
        let part = Part { resolution, range_ms, most: usize::MAX, now_ms: self.now_ms };
        match self.store.plot(name, part) {
            Ok(plot) => Ok(Points { points: plot.points, damaged: plot.damaged }),
            // Texts are no points, and a metric that is listed is there.
            Err(Unplottable::Unread(why)) => Err(why.to_string()),
            Err(_) => Ok(Points::default()),
        }
    }
}

fn unreadable(failure: &Failure) -> String {
    format!("the history cannot be read: {failure}")
}

impl Source for OnDisk {
    fn metrics(&self) -> LocalBoxFuture<'_, Result<Vec<Metric>, String>> {
        Box::pin(ready(self.metrics()))
    }

    fn points<'a>(
        &'a self,
        metric: &'a Metric,
        resolution: Resolution,
        range_ms: [i64; 2],
    ) -> LocalBoxFuture<'a, Result<Points, String>> {
        Box::pin(ready(self.points(metric, resolution, range_ms)))
    }

    fn texts<'a>(
        &'a self,
        metric: &'a Metric,
        range_ms: [i64; 2],
    ) -> LocalBoxFuture<'a, Result<Vec<Change>, String>> {
        let found = self.store.texts([&metric.check, &metric.name], range_ms);
        // A metric that is listed is there.
        Box::pin(ready(Ok(found.unwrap_or_default())))
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }
}
