//! What the task metadata endpoint tells of the containers, where it is an ECS task: names and limits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use log::debug;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{sleep, timeout};

use super::neighbours::Neighbours;
use crate::model::{Limit, Limits, Origin, ReadError, TaskSize};
use crate::source::LIMITS_GOOD_FOR;
use crate::source::others::NO_TASK;
use crate::source::task::metadata::{Storage, TaskMetadata, own_id};
use crate::source::task::others;
use crate::surroundings::ecs::TaskEndpoint;

/// The task, as far as it is told.
#[derive(Debug, Default)]
pub struct TaskFacts {
    shared: Rc<Shared>,
    /// Where the endpoint is, if there is one.
    address: Option<String>,
    asking: Option<AbortHandle>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Whether the use of the task's disk is wanted.
    wants_storage: bool,
    /// What was last told of it; at first nothing.
    storage: RefCell<Option<Result<Option<Storage>, ReadError>>>,
    task: RefCell<Option<TaskMetadata>>,
    /// The id of the agent's own container, which has no trace in a private control group namespace.
    own_id: RefCell<Option<String>>,
    is_new: Cell<bool>,
    /// Wakes who asks.
    has_questions: Notify,
}

impl TaskFacts {
    /// Starts to ask the endpoint, if there is one, and waits a while for the first answer: then the
    /// first reading has names and limits.
    pub async fn by(endpoint: Option<TaskEndpoint>, wants_storage: bool) -> Self {
        let Some(endpoint) = endpoint else { return Self::default() };
        let shared = Rc::new(Shared { wants_storage, ..Shared::default() });
        let address = Some(endpoint.url("/task"));
        let _ = timeout(FIRST_ANSWER, shared.ask(&endpoint)).await;
        let asking = shared.clone();
        let asking = spawn_local(async move { asking.go_on_asking(&endpoint).await });
        Self { shared, address, asking: Some(asking.abort_handle()) }
    }

    /// Whether there is something new since this was asked last.
    pub fn has_news(&self) -> bool {
        self.shared.is_new.take()
    }

    /// Gives the containers the names that the task has for them. One that is not told of has none yet.
    pub fn name(&self, neighbours: &mut Neighbours) {
        if self.address.is_none() {
            return;
        }
        let (task, own_id) = (self.shared.task.borrow(), self.shared.own_id.borrow());
        let own_number = neighbours.own();
        for neighbour in &mut neighbours.all {
            if neighbour.id.is_none() && own_number == Some(neighbour.number) {
                neighbour.id.clone_from(&own_id);
            }
            let own = neighbour.id.as_deref().unwrap_or_default();
            let mut names = task.iter().flat_map(TaskMetadata::named_containers);
            let name = names.find(|(id, ..)| *id == own).map(|(_, name, _)| name);
            neighbour.is_named = name.is_some();
            match name {
                Some(name) if *name != *neighbour.name => neighbour.name = name.into(),
                Some(_) => {}
                None => self.shared.has_questions.notify_one(),
            }
        }
    }

    /// Whether a container with this id is none of those that the user has put into the task.
    pub fn is_platforms(&self, id: &str) -> bool {
        let task = self.shared.task.borrow();
        task.as_ref().is_some_and(|task| task.is_platforms(id))
    }

    /// How much of the task's disk is in use, in percent. `None` as long as there is no answer.
    pub fn storage(&self) -> Option<Result<f64, ReadError>> {
        let Some(address) = &self.address else { return Some(Err(ReadError::absent(NO_TASK))) };
        let told = self.shared.storage.borrow();
        Some(told.clone()?.and_then(|storage| others::storage(storage, address)))
    }

    /// What was ordered for the task, as far as it is told.
    pub fn size(&self) -> Option<TaskSize> {
        self.shared.task.borrow().as_ref().map(TaskMetadata::size)
    }

    /// The limits of the task.
    pub fn limits(&self) -> Limits {
        let task = self.shared.task.borrow();
        let Some(task) = &*task else { return Limits::default() };
        let address = self.address.as_deref().unwrap_or_default();
        let origin = || Origin::Endpoint(address.into());
        Limits {
            cpu: task.cpu_limit().map(|amount| Limit { amount, origin: origin() }),
            memory: task.memory_limit().map(|amount| Limit { amount, origin: origin() }),
        }
    }
}

impl Drop for TaskFacts {
    fn drop(&mut self) {
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}

impl Shared {
    /// Asks what the task is. Tells whether that can change by itself.
    async fn ask(&self, endpoint: &TaskEndpoint) -> bool {
        if self.own_id.borrow().is_none() {
            match endpoint.get("", own_id).await {
                Ok(id) => {
                    self.own_id.replace(Some(id));
                    self.is_new.set(true);
                }
                Err(error) => debug!("the agent's own container is not told: {error}"),
            }
        }
        match endpoint.get("/task", TaskMetadata::parse).await {
            Ok(mut task) => {
                self.storage.replace(Some(Ok(task.take_storage())));
                let may_change =
                    self.wants_storage || !task.is_complete() || task.is_limited_by_containers();
                if self.task.borrow().as_ref() != Some(&task) {
                    self.is_new.set(true);
                    self.task.replace(Some(task));
                }
                may_change
            }
            Err(error) => {
                debug!("names and limits of the task are not told: {error}");
                self.storage.replace(Some(Err(others::failure_of_endpoint(&error.to_string()))));
                true
            }
        }
    }

    /// Asks again as long as the answer may change, and when a container is seen that was not told of.
    async fn go_on_asking(&self, endpoint: &TaskEndpoint) {
        loop {
            sleep(SHORTEST).await;
            let may_change = self.ask(endpoint).await;
            tokio::select! {
                () = self.has_questions.notified() => {}
                () = sleep(LIMITS_GOOD_FOR), if may_change => {}
            }
        }
    }
}

/// How long the first sample waits for the endpoint. It answers in milliseconds.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// Between two requests. The endpoint allows some forty a second to all of a task together.
const SHORTEST: Duration = Duration::from_secs(3);
