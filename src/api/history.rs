//! What the API asks of history.

use std::rc::Rc;

use crate::model::Kind;
use crate::store::resolution::Resolution;

/// History, as far as it is read.
pub trait History {
    /// The metrics of a check that are kept, by name.
    fn metrics(&self, check: &str) -> Vec<Kept>;

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

/// A metric that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    pub name: Rc<str>,
    pub unit: Rc<str>,
    /// One of `i I l L n D s`.
    pub letter: &'static str,
    pub kind: Kind,
    pub updated_ms: i64,
}

/// Some points.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    pub points: Vec<Bucket>,
    /// The start of the first point that is left out.
    pub next_ms: Option<i64>,
    /// How many points could not be read.
    pub damaged: usize,
}

/// A point: all values of a while, or one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    pub start_ms: i64,
    pub count: u64,
    pub average: f64,
    pub variance: f64,
    pub min: f64,
    pub max: f64,
}

/// Why there are no points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "nothing keeps history yet"))]
pub enum Unplottable {
    NoCheck,
    NoMetric,
    /// Its values are texts.
    Text,
}
