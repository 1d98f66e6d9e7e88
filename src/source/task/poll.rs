//! Asks the task metadata endpoint, beside the sampling.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use log::{error, info};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep};

use super::account::Now;
use super::metadata::Task;
use super::stats::{self, Usage};
use crate::ecs::Endpoint;
use crate::settings::MemoryUse;

/// What the endpoint has told.
#[derive(Debug)]
pub enum News {
    Task(Task),
    Usage(BTreeMap<String, Usage>, Now),
    Failed(String),
}

/// Asks what the task is until that is known for good, and its usage, until nobody listens.
pub async fn run(endpoint: Endpoint, memory: MemoryUse, news: Sender<News>) {
    let mut failing = false;
    let mut known: Option<Task> = None;
    loop {
        let mut answers = Vec::new();
        if !known.as_ref().is_some_and(Task::is_complete) {
            match task(&endpoint).await {
                // It is told again only if there is something new in it.
                Ok(task) if known.as_ref() == Some(&task) => {}
                Ok(task) => answers.push(Ok(News::Task(known.insert(task).clone()))),
                Err(text) => answers.push(Err(text)),
            }
        }
        let single = known.as_ref().is_some_and(|task| task.containers() == 1);
        if known.is_some() && !single {
            answers.push(usage(&endpoint, memory).await);
        }
        for answer in answers {
            match &answer {
                Err(text) if !failing => error!("the task metadata endpoint fails: {text}"),
                Ok(_) if failing => info!("the task metadata endpoint works again"),
                _ => {}
            }
            failing = answer.is_err();
            if news.send(answer.unwrap_or_else(News::Failed)).await.is_err() {
                return;
            }
        }
        // A task of one container needs no more than this.
        if single && known.as_ref().is_some_and(Task::is_complete) {
            return;
        }
        sleep(POLL_INTERVAL).await;
    }
}

async fn task(endpoint: &Endpoint) -> Result<Task, String> {
    let body = endpoint.get("/task").await.map_err(|error| describe(endpoint, "/task", &error))?;
    Task::parse(&body).map_err(|error| describe(endpoint, "/task", &error))
}

async fn usage(endpoint: &Endpoint, memory: MemoryUse) -> Result<News, String> {
    let describe = |error: &dyn std::error::Error| describe(endpoint, "/task/stats", error);
    let body = endpoint.get("/task/stats").await.map_err(|error| describe(&error))?;
    let now = Now { instant: Instant::now(), wall_clock: SystemTime::now() };
    let usage = stats::parse(&body, memory).map_err(|error| describe(&error))?;
    Ok(News::Usage(usage, now))
}

fn describe(endpoint: &Endpoint, path: &str, error: &dyn std::error::Error) -> String {
    format!("{}: {error}", endpoint.url(path))
}

/// On EC2 the endpoint has new figures each second, on Fargate every ten. It allows some forty
/// requests a second to all of a task together, so this is far from its throttle.
const POLL_INTERVAL: Duration = Duration::from_secs(3);
