//! The task by a simulated machine and endpoint.

mod fargate;
mod field;
mod others;
mod simulation;

use std::path::Path;

use super::fallback::Fallback;
use super::metadata::TaskMetadata;
use super::news::{News, NewsSender, channel};
use super::others::TaskNumbers;
use super::{Containers, Task, Way};
use crate::config::MemoryUse;
use crate::model::Numbers;
use crate::source::host::Host;

/// The body of an answer of the endpoint, from tests/fixtures/ecs.
pub fn fixture(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ecs");
    std::fs::read(root.join(name)).expect("the fixture is there")
}

/// The task of an answer of the endpoint, on a machine below `root`, and the way for more answers.
fn task(body: &[u8], root: &Path) -> (Task, NewsSender) {
    task_with(body, root, Numbers::of(&[]))
}

/// The same with numbers beside CPU and memory.
fn task_with(body: &[u8], root: &Path, numbers: Numbers) -> (Task, NewsSender) {
    let (sender, news) = channel();
    let mut task = Task {
        news,
        address: "http://169.254.170.2/v4/x/task".to_owned(),
        memory: MemoryUse::Used,
        others: TaskNumbers::of(numbers),
        failure: None,
        way: Way::Unknown,
        containers: Containers::default(),
        per_container: false,
        own: None,
        fallback: Fallback::new(true),
        size: None,
    };
    task.take(News::Task(TaskMetadata::parse(body).expect("a task")));
    let (Way::Fused(told, _) | Way::Exact(told, _)) = &mut task.way else { panic!("{task:?}") };
    let machine = Host::at(&root.join("proc"), &root.join("sys"));
    *told.machine = machine.reporting(task.others.of_machine());
    (task, sender)
}
