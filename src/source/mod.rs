//! Where readings come from. A new source is a file here, a `mod` line and a row in [`choose::open`].

#[cfg(target_os = "linux")]
mod cgroup;
pub mod choose;
#[cfg(target_os = "linux")]
pub mod container;
#[cfg(target_os = "linux")]
mod cores;
#[cfg(target_os = "linux")]
pub mod host;
#[cfg(not(target_os = "linux"))]
#[path = "host_macos.rs"]
mod host;
#[cfg(target_os = "linux")]
mod kernel_file;
#[cfg(target_os = "linux")]
mod plausible;
#[cfg(target_os = "linux")]
mod proc;
#[cfg(all(test, target_os = "linux"))]
pub mod properties;
#[cfg(target_os = "linux")]
pub mod task;

use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Evidence, Reading, Reported};

/// Gives the raw counters of what is measured.
pub trait Source {
    /// The counters as they stand now, at `instant`. Cheap and never blocking: it is called for
    /// every sample.
    fn read(&mut self, instant: Instant) -> Reading;

    /// Each container by itself, as far as that was asked for, is known, and has changed since the
    /// last call. Called after [`read`](Source::read).
    fn containers(&mut self) -> Vec<(Arc<str>, Reading)> {
        Vec::new()
    }

    /// The containers that run, as far as each was asked for and they are known, whether or not there is
    /// a reading of them.
    fn running(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    /// What the readings are made of, as it stands now.
    fn explain(&mut self) -> Vec<Evidence> {
        Vec::new()
    }

    /// The numbers that are read once a window, as far as they were asked for and can be measured here.
    fn reported(&mut self) -> Reported {
        Reported::new()
    }

    /// Why the numbers that are not among the reported ones cannot be measured here. `None` where it is
    /// not known, or not yet.
    fn unreported(&self) -> Option<&'static str> {
        None
    }
}

/// Limits change while something runs (`docker update`, a pod that is resized, a core that is taken
/// offline), but seldom: they are read again after this, however far apart the readings are.
#[cfg(target_os = "linux")]
const LIMITS_GOOD_FOR: Duration = Duration::from_secs(15);
