//! Checks of what a server answers, as its users see it.

pub mod http;
mod matching;
pub mod tcp;

use crate::model::{AVAILABLE, Declared, Unit};

/// Whether it is available, which is published by default: it is what an alarm is to watch.
const AVAILABILITY: Declared = Declared::gauge(
    AVAILABLE,
    Unit::Count,
    "1 where the check is available, else 0, also where it timed out",
)
.headline();
