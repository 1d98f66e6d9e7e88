//! What the task metadata endpoint tells of the containers, where it is an ECS task: names and limits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use log::debug;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

use super::neighbours::Neighbours;
use crate::model::{Limit, Limits, Origin};
use crate::source::LIMITS_GOOD_FOR;
use crate::source::task::metadata::TaskMetadata;
use crate::surroundings::ecs::TaskEndpoint;

/// The task, as far as it is told.
#[derive(Debug, Default)]
pub struct Told {
    shared: Rc<Shared>,
    address: String,
    asking: Option<AbortHandle>,
}

#[derive(Debug, Default)]
struct Shared {
    task: RefCell<Option<TaskMetadata>>,
    is_new: Cell<bool>,
}

impl Told {
    /// Starts to ask the endpoint, if there is one.
    pub fn by(endpoint: Option<TaskEndpoint>) -> Self {
        let Some(endpoint) = endpoint else { return Self::default() };
        let (shared, address) = (Rc::<Shared>::default(), endpoint.url("/task"));
        let ask = ask(endpoint, shared.clone());
        Self { shared, address, asking: Some(spawn_local(ask).abort_handle()) }
    }

    /// Whether there is something new since this was asked last.
    pub fn has_news(&self) -> bool {
        self.shared.is_new.take()
    }

    /// Gives the containers the names that the task has for them.
    pub fn name(&self, neighbours: &mut Neighbours) {
        let task = self.shared.task.borrow();
        let Some(task) = &*task else { return };
        for neighbour in &mut neighbours.all {
            let Some(own) = &neighbour.id else { continue };
            let name = task.named_containers().find(|(id, ..)| id == own).map(|(_, name, _)| name);
            if let Some(name) = name.filter(|name| **name != *neighbour.name) {
                neighbour.name = name.into();
            }
        }
    }

    /// Whether a container with this id is none of those that the user has put into the task.
    pub fn is_platforms(&self, id: &str) -> bool {
        let task = self.shared.task.borrow();
        task.as_ref().is_some_and(|task| task.is_platforms(id))
    }

    /// The limits of the task.
    pub fn limits(&self) -> Limits {
        let task = self.shared.task.borrow();
        let Some(task) = &*task else { return Limits::default() };
        let origin = || Origin::Endpoint((&*self.address).into());
        Limits {
            cpu: task.cpu_limit().map(|amount| Limit { amount, origin: origin() }),
            memory: task.memory_limit().map(|amount| Limit { amount, origin: origin() }),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}

/// Asks until all containers run, and where they are what limits the task, as long as it runs.
async fn ask(endpoint: TaskEndpoint, shared: Rc<Shared>) {
    loop {
        match endpoint.get("/task", TaskMetadata::parse).await {
            Ok(task) => {
                let is_final = task.is_complete() && !task.is_limited_by_containers();
                if shared.task.borrow().as_ref() != Some(&task) {
                    shared.is_new.set(true);
                    shared.task.replace(Some(task));
                }
                if is_final {
                    return;
                }
            }
            Err(error) => debug!("names and limits of the task are not told: {error}"),
        }
        sleep(LIMITS_GOOD_FOR).await;
    }
}
