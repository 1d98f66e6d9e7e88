//! Where readings come from. A new source is a file here, a `mod` line and a row in [`open`].

#[cfg(target_os = "linux")]
mod cgroup;
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

#[cfg(target_os = "linux")]
use std::path::Path;
use std::sync::Arc;

#[cfg(target_os = "linux")]
use log::warn;
use tokio::time::Instant;

#[cfg(target_os = "linux")]
use self::container::Limited;
#[cfg(target_os = "linux")]
use crate::config::Scope;
use crate::config::Settings;
use crate::model::{Events, Evidence, Reading};
#[cfg(target_os = "linux")]
use crate::surroundings::ecs::Endpoint;

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

    /// What the readings are made of, as it stands now.
    fn explain(&mut self) -> Vec<Evidence> {
        Vec::new()
    }

    /// The counters of events as they stand now. Called once a window.
    fn events(&mut self) -> Events {
        Events::default()
    }
}

/// A source, and why it is this one.
pub struct Chosen {
    pub source: Box<dyn Source>,
    pub scope: &'static str,
    pub reason: String,
}

/// The source that the settings ask for.
#[cfg(target_os = "linux")]
pub async fn open(settings: &Settings) -> Chosen {
    let container = || {
        let container = container::Container::open(Path::new("/"), settings.measuring.memory);
        container.with_events(settings.measuring.metrics)
    };
    let task = async |endpoint, reason| {
        Chosen::new(task::Task::open(endpoint, settings).await, "task", reason)
    };
    let asked = || "it was asked for".to_owned();
    match (settings.measuring.scope, Endpoint::from_environment()) {
        (Scope::Host, _) => Chosen::new(host::Host::open(), "host", asked()),
        (Scope::Container, _) => Chosen::new(container(), "container", asked()),
        (Scope::Task, endpoint) => task(endpoint.unwrap_or_else(Endpoint::unset), asked()).await,
        (Scope::Auto, Some(endpoint)) => {
            task(endpoint, format!("{} is set", crate::surroundings::ecs::VARIABLE)).await
        }
        (Scope::Auto, None) => {
            let mut container = container();
            let host = |reason: String| Chosen::new(host::Host::open(), "host", reason);
            match container.limited_by() {
                Limited::By(limits) => {
                    let reason = format!("its control group is limited to {limits}");
                    Chosen::new(container, "container", reason)
                }
                Limited::ByNothing => {
                    host("its control group has no CPU or memory limit".to_owned())
                }
                // The figures are then the machine's, and nobody should take them for a container's.
                Limited::NotFound(error) => {
                    warn!("control group not found, so a limit on it is not known: {error}");
                    host("its control group was not found".to_owned())
                }
                Limited::Unknown(error) => {
                    warn!("a limit of the control group is not known: {error}");
                    host("the limits of its control group could not be read".to_owned())
                }
            }
        }
    }
}

/// The source that the settings ask for.
#[cfg(not(target_os = "linux"))]
pub async fn open(_settings: &Settings) -> Chosen {
    Chosen::new(host::Host::open(), "host", "only Linux has containers".to_owned())
}

impl Chosen {
    fn new(source: impl Source + 'static, scope: &'static str, reason: String) -> Self {
        Self { source: Box::new(source), scope, reason }
    }
}
