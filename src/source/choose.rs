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
use tokio::sync::watch;

use crate::config::{Measuring, Scope};
use crate::model::Company;
#[cfg(target_os = "linux")]
use crate::surroundings::ecs::{self, TaskEndpoint};

/// A source, and why it is this one.
pub struct Chosen {
    pub source: Box<dyn Source>,
    /// Never `auto`.
    pub scope: Scope,
    pub reason: String,
}

/// The source that the settings ask for.
#[cfg(target_os = "linux")]
pub async fn open(measuring: &Measuring, _company: watch::Sender<Company>) -> Chosen {
    let container = || {
        let container = Container::open(Path::new("/"), measuring.memory);
        container.reporting(measuring.metrics)
    };
    let task = async |endpoint, reason| {
        Chosen::new(Task::open(endpoint, measuring).await, Scope::Task, reason)
    };
    let asked = || "--scope is set".to_owned();
    match (measuring.scope, TaskEndpoint::from_environment()) {
        (Scope::Host, _) => Chosen::new(Host::open(), Scope::Host, asked()),
        (Scope::Container, _) => Chosen::new(container(), Scope::Container, asked()),
        (Scope::Task, endpoint) => task(endpoint, asked()).await,
        (Scope::Auto, Some(endpoint)) => {
            task(Some(endpoint), format!("{} is set", ecs::VARIABLE)).await
        }
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
                    warn!("control group not found, measuring the machine: {error}");
                    host("its control group was not found".to_owned())
                }
                Limited::Unknown(error) => {
                    warn!("control group unreadable, using the machine: {error}");
                    host("the limits of its control group could not be read".to_owned())
                }
            }
        }
    }
}

/// The source that the settings ask for.
#[cfg(not(target_os = "linux"))]
pub async fn open(_measuring: &Measuring, _company: watch::Sender<Company>) -> Chosen {
    Chosen::new(Host::open(), Scope::Host, "other scopes need Linux".to_owned())
}

impl Chosen {
    pub fn new(source: impl Source + 'static, scope: Scope, reason: String) -> Self {
        Self { source: Box::new(source), scope, reason }
    }
}
