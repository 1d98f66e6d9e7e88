//! What the resources are made of. The API owns none of it: it asks.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::failure::Failure;
use super::history::History;
use super::latest::Latest;
use super::posts::Posts;
use crate::config::{ApiAddress, SERVICE_NAME, Settings};
use crate::control::Control;
use crate::event;
use crate::model::Roots;
use crate::schedule::{Listed, Reply, Request};
use crate::sorted::map_of;

/// What the resources are made of.
pub struct State {
    /// Changes the configuration, and asks the registry of the checks.
    pub control: Rc<Control>,
    pub latest: Rc<RefCell<Latest>>,
    /// What is kept; nothing where history is off.
    pub history: Option<Box<dyn History>>,
    pub address: ApiAddress,
    /// The name of this host.
    pub host: String,
    /// The id of the task or the instance, as soon as it is found.
    entity: OnceCell<String>,
    /// The service, if it has a name.
    pub service: Option<String>,
    /// The dimensions of all metrics, as far as they are found.
    pub dimensions: RefCell<BTreeMap<String, String>>,
    pub sample_interval: Duration,
    pub period: Duration,
    pub max_metrics: usize,
    pub roots: Roots,
    pub started: Instant,
    pub started_time: SystemTime,
    pub counts: Counts,
    /// The events that requests raise.
    pub posts: Posts,
}

/// What the API has done.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections that are open.
    pub connections: Cell<usize>,
    /// Requests that are being answered.
    pub requests: Cell<usize>,
    /// Answers by the first digit of their status, from 2 to 5.
    pub answers: [Cell<u64>; 4],
    /// Connections that were refused because there were too many.
    pub refused: Cell<u64>,
    /// Streams that are open.
    pub streams: Cell<usize>,
}

impl State {
    pub fn of(
        settings: &Settings,
        address: ApiAddress,
        control: Rc<Control>,
        latest: Rc<RefCell<Latest>>,
        history: Option<Box<dyn History>>,
    ) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let dimensions = dimensions_of(settings);
        let plugins = settings.checks.plugins.clone();
        Self {
            control,
            latest,
            history,
            address,
            host,
            entity: OnceCell::new(),
            service: dimensions.get(SERVICE_NAME).cloned(),
            dimensions: RefCell::new(dimensions),
            sample_interval: settings.measuring.sample_interval,
            period: settings.measuring.period,
            max_metrics: settings.checks.max_metrics,
            roots: Roots { plugins, ..Roots::default() },
            started: Instant::now(),
            started_time: SystemTime::now(),
            counts: Counts::default(),
            posts: Posts::default(),
        }
    }

    /// The id of this entity: of the task or the instance where that is known, else the name of the host.
    pub fn entity(&self) -> &str {
        self.entity.get().unwrap_or(&self.host)
    }

    /// Whether this is a name of this entity, and of this agent, which has the same.
    pub fn is_entity(&self, id: &str) -> bool {
        id == SELF || id == self.entity() || id == self.host
    }

    /// Notes what was found of this machine for the dimensions: of a task or an instance also the id.
    pub fn found(&self, settings: &Settings) {
        if let Some(id) = settings.identity.found_id() {
            // The first one stays.
            let _ = self.entity.set(id.to_owned());
        }
        self.dimensions.replace(dimensions_of(settings));
    }

    pub fn events(&self) -> &event::Shared {
        self.control.notifications.events()
    }

    /// Waits until what was kept over a restart is there.
    pub async fn begun(&self) -> Result<(), Failure> {
        self.checks().await.map(drop)
    }

    /// All checks that are configured, in the order of their ids.
    pub async fn checks(&self) -> Result<Vec<Listed>, Failure> {
        Ok(self.control.requests.ask(Request::List).await?)
    }

    /// Has the registry carry out an order.
    pub async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Request) -> Result<T, Failure> {
        Ok(self.control.requests.order(order).await?)
    }

    /// Notes that something was changed, and keeps it.
    pub async fn changed(&self) -> Result<(), Failure> {
        let kept = self.control.changed().await;
        kept.map_err(|problem| {
            Failure::internal(format!(
                "{problem}; the change is in force, and is lost when the agent ends"
            ))
        })
    }

    #[cfg(test)]
    pub fn for_tests() -> Self {
        let settings = crate::publisher::cloudwatch::tests::settings(60, &[]);
        let address = ApiAddress::Unix("/run/x".into());
        let control = Rc::new(Control::for_tests(&settings));
        let state = Self::of(&settings, address, control, Rc::default(), None);
        Self { host: "host-1".to_owned(), ..state }
    }
}

fn dimensions_of(settings: &Settings) -> BTreeMap<String, String> {
    let dimensions = settings.identity.dimensions.iter();
    map_of(dimensions.map(|of| (of.name.clone(), of.value.clone())))
}

/// The name of this entity and this agent that always works.
const SELF: &str = "self";
