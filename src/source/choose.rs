//! Which source the settings ask for, and which one `auto` takes.

#[cfg(target_os = "linux")]
use std::path::Path;

#[cfg(target_os = "linux")]
use log::warn;
use tokio::sync::watch;
#[cfg(target_os = "linux")]
use tokio::time::Instant;

use super::Source;
#[cfg(target_os = "linux")]
use super::container::{Container, Limited};
use super::host::Host;
#[cfg(target_os = "linux")]
use super::pod::{self, Pod};
#[cfg(target_os = "linux")]
use super::task::Task;
use crate::config::Measuring;
#[cfg(target_os = "linux")]
use crate::config::Scope;
use crate::model::Company;
#[cfg(target_os = "linux")]
use crate::surroundings::ecs::{self, TaskEndpoint};

/// A source, and why it is this one.
pub struct Chosen {
    pub source: Box<dyn Source>,
    pub reason: String,
}

/// The source that the settings ask for. A pod tells `company` which other containers there are.
#[cfg(target_os = "linux")]
pub async fn open(measuring: &Measuring, company: watch::Sender<Company>) -> Chosen {
    let endpoint = TaskEndpoint::from_environment();
    let asked = || "--scope is set".to_owned();
    match measuring.scope {
        Scope::Host => Chosen::new(host(measuring), asked()),
        Scope::Container => Chosen::new(container(measuring), asked()),
        Scope::Task => Chosen::new(Task::open(endpoint, measuring).await, asked()),
        Scope::Pod => {
            let pod = Pod::open(endpoint, measuring, company).await;
            Chosen::new(pod, asked())
        }
        // Apart, because it holds several sources at once and would make every caller's future large.
        Scope::Auto => Box::pin(auto(endpoint, measuring, company)).await,
    }
}

/// The pod, where other containers can be read. Otherwise what there is, until they can.
#[cfg(target_os = "linux")]
async fn auto(
    endpoint: Option<TaskEndpoint>,
    measuring: &Measuring,
    company: watch::Sender<Company>,
) -> Chosen {
    if pod::is_of_whole_machine() {
        return without_pod(endpoint, measuring).await;
    }
    let mut pod = Pod::open(endpoint.clone(), measuring, company).await;
    if let Some(reason) = pod.is_ready(Instant::now()) {
        return Chosen::new(pod, reason);
    }
    let chosen = without_pod(endpoint, measuring).await;
    let is_awaited = measuring.until_alone.is_some();
    let mut until = pod::until::UntilPod::of(chosen.source, pod, is_awaited);
    let reason = match until.barred() {
        Some(why) => format!("{}; {why}", chosen.reason),
        None => chosen.reason,
    };
    Chosen { source: Box::new(until), reason }
}

#[cfg(target_os = "linux")]
async fn without_pod(endpoint: Option<TaskEndpoint>, measuring: &Measuring) -> Chosen {
    if endpoint.is_some() {
        let reason = format!("{} is set", ecs::VARIABLE);
        return Chosen::new(Task::open(endpoint, measuring).await, reason);
    }
    let mut container = container(measuring);
    let host = |reason: String| Chosen::new(host(measuring), reason);
    match container.limited_by() {
        Limited::By(limits) => {
            let reason = format!("its control group is limited to {limits}");
            Chosen::new(container, reason)
        }
        Limited::ByNothing => host("its control group has no CPU or memory limit".to_owned()),
        // A warning: the metrics are then the machine's, where the user may expect a container's.
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

#[cfg(target_os = "linux")]
fn host(measuring: &Measuring) -> Host {
    Host::open().reporting(measuring.metrics)
}

#[cfg(target_os = "linux")]
fn container(measuring: &Measuring) -> Container {
    let container = Container::open(Path::new("/"), measuring.memory);
    container.reporting(measuring.metrics)
}

/// The source that the settings ask for.
#[cfg(not(target_os = "linux"))]
pub async fn open(_measuring: &Measuring, _company: watch::Sender<Company>) -> Chosen {
    Chosen::new(Host::open(), "other scopes need Linux".to_owned())
}

impl Chosen {
    pub fn new(source: impl Source + 'static, reason: String) -> Self {
        Self { source: Box::new(source), reason }
    }
}
