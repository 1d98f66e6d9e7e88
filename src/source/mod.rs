//! Where readings come from. A new source is a file here, a `mod` line and a row in [`choose::open`].

#[cfg(target_os = "linux")]
pub mod cgroup;
pub mod choose;
#[cfg(target_os = "linux")]
pub mod container;
#[cfg(target_os = "linux")]
pub mod cores;
#[cfg(target_os = "linux")]
mod counters;
#[cfg(target_os = "linux")]
pub mod disks;
#[cfg(target_os = "linux")]
pub mod host;
#[cfg(not(target_os = "linux"))]
#[path = "host_macos.rs"]
mod host;
#[cfg(target_os = "linux")]
pub mod kernel_file;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
pub mod others;
#[cfg(target_os = "linux")]
mod plausible;
#[cfg(target_os = "linux")]
pub mod pod;
#[cfg(target_os = "linux")]
pub mod pressure;
#[cfg(target_os = "linux")]
pub mod proc;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(all(test, target_os = "linux"))]
mod properties;
#[cfg(target_os = "linux")]
mod swap;
#[cfg(target_os = "linux")]
pub mod task;

use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Scope;
use crate::model::{Evidence, Numbers, ReadError, Reading, Totals, WindowReading};
#[cfg(target_os = "linux")]
use crate::model::{Number, Raw};

/// Gives the raw counters of what is measured.
pub trait Source {
    /// What is measured now: never `auto`.
    fn scope(&self) -> Scope;

    /// Why what is measured is most likely not what the user wants, and what to do about it.
    fn warning(&self) -> Option<&'static str> {
        None
    }

    /// The counters as they stand now, at `instant`. Cheap and never blocking: it is called for
    /// every sample.
    fn read(&mut self, instant: Instant) -> Reading;

    /// The readings of single containers, if the settings ask for them: of each known container with
    /// new figures since the last call. Called after [`read`](Source::read).
    fn containers(&mut self) -> Vec<(Arc<str>, Reading)> {
        Vec::new()
    }

    /// The containers that run, whether or not there is a reading of them, if each was asked for and they
    /// are known.
    fn running(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    /// The raw values behind the readings, as they are now.
    fn explain(&mut self) -> Vec<Evidence> {
        Vec::new()
    }

    /// The counters of the whole run as they stand now, and the size of the task. Read twice in a run at most,
    /// and only where a report at the end was asked for.
    fn totals(&mut self) -> Totals {
        Totals::none(&ReadError::unusable(NO_TOTALS))
    }

    /// The numbers that are read once a window, if the settings ask for them and they can be measured
    /// here.
    fn window_readings(&mut self) -> Vec<WindowReading> {
        Vec::new()
    }

    /// Those of the wanted numbers that are read once a window, read for a sample. What they are compared with
    /// is the sample before, and what the window gives stays as it is. Of what is not wanted, nothing is
    /// kept.
    fn prompt_readings(&mut self, _wanted: Numbers) -> Vec<WindowReading> {
        Vec::new()
    }
}

/// Why a scope has no counters of a whole run.
const NO_TOTALS: &str = "this scope has no such counter";

/// The numbers that are read at a sample, beside CPU and memory.
#[cfg(target_os = "linux")]
type Sampled = Vec<(Number, Result<Raw, ReadError>)>;

/// Those that are read once a window.
#[cfg(target_os = "linux")]
type OnceAWindow = Vec<(Number, Result<f64, ReadError>)>;

/// Limits change while something runs (`docker update`, a pod that is resized, a core that is taken
/// offline), but seldom: they are read again after this, however far apart the readings are.
#[cfg(target_os = "linux")]
const LIMITS_GOOD_FOR: Duration = Duration::from_secs(15);
