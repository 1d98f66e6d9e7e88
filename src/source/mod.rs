//! Where readings come from. A new source is a file here, a `mod` line and a row in [`open`].

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod host;
#[cfg(not(target_os = "linux"))]
#[path = "host_macos.rs"]
mod host;
#[cfg(target_os = "linux")]
mod kernel_file;
#[cfg(target_os = "linux")]
mod proc;

use log::info;

use crate::model::Reading;
use crate::settings::{Scope, Settings};

/// Gives the raw counters of what is measured.
pub trait Source {
    /// The counters as they stand now. Cheap and never blocking: it is called for every sample.
    fn read(&mut self) -> Reading;
}

/// The source that the settings ask for, which is said with its reason.
pub fn open(settings: &Settings) -> Box<dyn Source> {
    let (source, scope, reason): (Box<dyn Source>, _, _) = match settings.scope {
        Scope::Host => (Box::new(host::Host::open()), "host", ASKED.to_owned()),
        #[cfg(target_os = "linux")]
        Scope::Container => (Box::new(container(settings)), "container", ASKED.to_owned()),
        #[cfg(target_os = "linux")]
        Scope::Auto => {
            let mut container = container(settings);
            match container.limited_by() {
                Some(limits) => (
                    Box::new(container),
                    "container",
                    format!("its control group has limits: {limits}"),
                ),
                None => {
                    let reason = "its control group has no CPU or memory limit".to_owned();
                    (Box::new(host::Host::open()), "host", reason)
                }
            }
        }
        #[cfg(not(target_os = "linux"))]
        Scope::Auto | Scope::Container => {
            (Box::new(host::Host::open()), "host", "only Linux has control groups".to_owned())
        }
    };
    info!("scope: {scope}, because {reason}");
    source
}

#[cfg(target_os = "linux")]
fn container(settings: &Settings) -> container::Container {
    container::Container::open(std::path::Path::new("/"), settings.memory)
}

const ASKED: &str = "it was asked for";
