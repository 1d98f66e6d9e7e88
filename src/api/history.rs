//! What the API asks of the history.

use crate::clock::now_ms;
use crate::store::keep::Shared;
pub use crate::store::{Bucket, Plot, Unplottable};
use crate::store::{Described, Resolution};

/// The history, as far as it is read.
pub trait History {
    /// The metrics of a check that are kept, by name, each with the time of its newest value in milliseconds since
    /// 1970, where that is known.
    fn metrics(&self, check: &str) -> Vec<(Described, Option<i64>)>;

    /// When the oldest block of each resolution begins; nothing where there is none.
    fn reaches(&self) -> [Option<i64>; 6];

    /// The points of `[from_ms, to_ms)`, oldest first, `most` of them at most.
    fn plot(
        &self,
        check: &str,
        metric: &str,
        resolution: Resolution,
        from_ms: i64,
        to_ms: i64,
        most: usize,
    ) -> Result<Plot, Unplottable>;
}

impl History for Shared {
    fn metrics(&self, check: &str) -> Vec<(Described, Option<i64>)> {
        self.borrow().metrics(check).map(|(of, updated_ms)| (of.clone(), updated_ms)).collect()
    }

    fn reaches(&self) -> [Option<i64>; 6] {
        self.borrow().reaches().unwrap_or_default()
    }

    fn plot(
        &self,
        check: &str,
        metric: &str,
        resolution: Resolution,
        from_ms: i64,
        to_ms: i64,
        most: usize,
    ) -> Result<Plot, Unplottable> {
        self.borrow().plot([check, metric], resolution, [from_ms, to_ms], most, now_ms())
    }
}
