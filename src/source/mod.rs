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
#[cfg(target_os = "linux")]
mod task;

#[cfg(target_os = "linux")]
use std::path::Path;

use tokio::time::Instant;

#[cfg(target_os = "linux")]
use crate::ecs::Endpoint;
use crate::model::{Events, Evidence, Reading};
#[cfg(target_os = "linux")]
use crate::settings::Scope;
use crate::settings::Settings;

/// Gives the raw counters of what is measured.
pub trait Source {
    /// The counters as they stand now, at `instant`. Cheap and never blocking: it is called for
    /// every sample.
    fn read(&mut self, instant: Instant) -> Reading;

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
pub async fn open(settings: &Settings) -> Chosen {
    let (source, scope, reason) = choose(settings).await;
    Chosen { source, scope, reason }
}

type Choice = (Box<dyn Source>, &'static str, String);

#[cfg(target_os = "linux")]
async fn choose(settings: &Settings) -> Choice {
    let host = || Box::new(host::Host::open());
    let asked = || "it was asked for".to_owned();
    let mut container =
        container::Container::open(Path::new("/"), settings.memory).with_events(settings.metrics);
    let endpoint = Endpoint::from_environment();
    let task = async |endpoint| Box::new(task::Task::open(endpoint, settings.memory).await);
    match (settings.scope, endpoint) {
        (Scope::Host, _) => (host(), "host", asked()),
        (Scope::Container, _) => (Box::new(container), "container", asked()),
        (Scope::Task, Some(endpoint)) => (task(endpoint).await, "task", asked()),
        (Scope::Task, None) => (task(Endpoint::unset()).await, "task", asked()),
        (Scope::Auto, Some(endpoint)) => {
            (task(endpoint).await, "task", format!("{} is set", crate::ecs::VARIABLE))
        }
        (Scope::Auto, None) => match container.limited_by() {
            Some(limits) => {
                let reason = format!("its control group is limited to {limits}");
                (Box::new(container), "container", reason)
            }
            None => (host(), "host", "its control group has no CPU or memory limit".to_owned()),
        },
    }
}

#[cfg(not(target_os = "linux"))]
async fn choose(_settings: &Settings) -> Choice {
    let reason = "only Linux has containers".to_owned();
    (Box::new(host::Host::open()), "host", reason)
}
