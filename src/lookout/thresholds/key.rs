//! Which metric of which check.

use std::ops::RangeFrom;
use std::rc::Rc;

use crate::model::Metric;

/// A metric by its check and its whole name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub check: Rc<str>,
    pub name: Rc<str>,
}

impl Key {
    pub fn of(metric: &Metric) -> Self {
        Self { check: (&*metric.check).into(), name: metric.full_name().into() }
    }

    /// All of a check, and what comes behind.
    pub fn from(check: &str) -> RangeFrom<Self> {
        Self { check: check.into(), name: "".into() }..
    }

    /// As it is written in requests and in the log.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.check, self.name)
    }
}
