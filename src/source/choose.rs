//! Which source the settings ask for, and which one `auto` takes.

#[cfg(target_os = "linux")]
use std::path::Path;

#[cfg(target_os = "linux")]
use log::warn;

use super::Source;
#[cfg(target_os = "linux")]
use super::container::{Container, Limited};
use super::host::Host;
#[cfg(target_os = "linux")]
use super::task::Task;
use crate::config::{Scope, Settings};
#[cfg(target_os = "linux")]
use crate::surroundings::ecs::{self, Endpoint};

/// A source, and why it is this one.
pub struct Chosen {
    pub source: Box<dyn Source>,
    /// Never `auto`.
    pub scope: Scope,
    pub reason: String,
}

/// The source that the settings ask for.
#[cfg(target_os = "linux")]
pub async fn open(settings: &Settings) -> Chosen {
    let container = || {
        let container = Container::open(Path::new("/"), settings.measuring.memory);
        container.with_events(settings.measuring.metrics)
    };
    let task = async |endpoint, reason| {
        Chosen::new(Task::open(endpoint, settings).await, Scope::Task, reason)
    };
    let asked = || "it was asked for".to_owned();
    match (settings.measuring.scope, Endpoint::from_environment()) {
        (Scope::Host, _) => Chosen::new(Host::open(), Scope::Host, asked()),
        (Scope::Container, _) => Chosen::new(container(), Scope::Container, asked()),
        (Scope::Task, endpoint) => task(endpoint.unwrap_or_else(Endpoint::unset), asked()).await,
        (Scope::Auto, Some(endpoint)) => task(endpoint, format!("{} is set", ecs::VARIABLE)).await,
        (Scope::Auto, None) => {
            let mut container = container();
            let host = |reason: String| Chosen::new(Host::open(), Scope::Host, reason);
            match container.limited_by() {
                Limited::By(limits) => {
                    let reason = format!("its control group is limited to {limits}");
                    Chosen::new(container, Scope::Container, reason)
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
    Chosen::new(Host::open(), Scope::Host, "only Linux has containers".to_owned())
}

impl Chosen {
    fn new(source: impl Source + 'static, scope: Scope, reason: String) -> Self {
        Self { source: Box::new(source), scope, reason }
    }
}
