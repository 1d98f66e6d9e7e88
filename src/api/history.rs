//! What the API asks of the history.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use crate::store::Described;
use crate::store::aside;
use crate::store::keep::Shared;
pub use crate::store::{Bucket, Change, Counts, Part, Plot, Unplottable, Unread};

/// The history, as far as it is read.
pub trait History {
    /// The checks of which something is kept.
    fn checks(&self) -> Vec<Rc<str>>;

    /// The metrics of a check that are kept, by name, each with the time of its newest value in milliseconds since
    /// 1970, where that is known.
    fn metrics(&self, check: &str) -> Vec<(Described, Option<i64>)>;

    /// How many points are not kept.
    fn counts(&self) -> Counts;

    /// When the oldest block of each resolution or of a finer one begins, or the oldest hour that is in no block yet.
    fn reaches(&self) -> LocalBoxFuture<'_, Result<[Option<i64>; 6], Unread>>;

    /// The points of a metric of a check, oldest first.
    fn plot<'a>(
        &'a self,
        name: [&'a str; 2],
        part: Part,
    ) -> LocalBoxFuture<'a, Result<Plot, Unplottable>>;

    /// The text that a metric had when a range begins, and its changes in the range.
    fn texts(&self, name: [&str; 2], range_ms: [i64; 2]) -> Result<Vec<Change>, Unplottable>;
}

impl History for Shared {
    fn checks(&self) -> Vec<Rc<str>> {
        self.borrow().checks().cloned().collect()
    }

    fn metrics(&self, check: &str) -> Vec<(Described, Option<i64>)> {
        self.borrow().metrics(check).map(|(of, updated_ms)| (of.clone(), updated_ms)).collect()
    }

    fn counts(&self) -> Counts {
        self.borrow().counts()
    }

    fn reaches(&self) -> LocalBoxFuture<'_, Result<[Option<i64>; 6], Unread>> {
        Box::pin(aside::reaches(self))
    }

    fn plot<'a>(
        &'a self,
        name: [&'a str; 2],
        part: Part,
    ) -> LocalBoxFuture<'a, Result<Plot, Unplottable>> {
        Box::pin(aside::plot(self, name, part))
    }

    fn texts(&self, name: [&str; 2], range_ms: [i64; 2]) -> Result<Vec<Change>, Unplottable> {
        self.borrow().texts(name, range_ms)
    }
}
