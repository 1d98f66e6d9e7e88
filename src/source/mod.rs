//! Where readings come from. A new source is a file here, a `mod` line and a row in [`open`].

#[cfg(target_os = "linux")]
mod host;
#[cfg(not(target_os = "linux"))]
#[path = "host_macos.rs"]
mod host;
#[cfg(target_os = "linux")]
mod kernel_file;
#[cfg(target_os = "linux")]
mod proc;

use crate::model::Reading;

/// Gives the raw counters of what is measured.
pub trait Source {
    /// The counters as they stand now. Cheap and never blocking: it is called for every sample.
    fn read(&mut self) -> Reading;
}

/// The source that this process measures.
pub fn open() -> Box<dyn Source> {
    Box::new(host::Host::open())
}
