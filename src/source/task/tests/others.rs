//! The numbers beside CPU and memory, of a task on Fargate and on an instance.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use tokio::time::Instant;

use super::{News, TaskMetadata, fixture, task_with};
use crate::config::MemoryUse;
use crate::model::{Number, Numbers, Raw};
use crate::source::Source;
use crate::source::task::account::Now;
use crate::source::task::{Task, stats};
use support::tree::Tree;

fn all() -> Numbers {
    Numbers::of(Number::ALL)
}

fn told_storage(name: &str) -> News {
    let mut task = TaskMetadata::parse(&fixture(name)).expect("a task");
    News::Storage(task.take_storage())
}

fn usage(name: &str) -> News {
    let usage = stats::parse(&fixture(name), MemoryUse::Used).expect("statistics");
    News::Usage(usage, Now { instant: Instant::now(), wall_clock: SystemTime::now() })
}

/// What a reading and a window give of a task beside CPU and memory.
fn told(task: &mut Task) -> BTreeMap<&'static str, Option<Result<f64, String>>> {
    let sampled = task.read(Instant::now()).others.into_iter().map(|(number, raw)| {
        let value = raw.map(|raw| match raw {
            Raw::Total(value) | Raw::Level(value) => value,
        });
        (number.name(), Some(value.map_err(|error| error.to_string())))
    });
    let sampled: Vec<_> = sampled.collect();
    let windows = task.window_readings().into_iter();
    let windows = windows.map(|reading| {
        let value = reading.value.map(|value| value.map_err(|error| error.to_string()));
        (reading.number.name(), value)
    });
    // What comes with the samples has no value of the window.
    let mut all: BTreeMap<_, _> = windows.collect();
    all.extend(sampled);
    all
}

fn error(value: &Option<Result<f64, String>>) -> &str {
    let error = value.as_ref().and_then(|value| value.as_ref().err());
    error.expect("there is no such number here")
}

#[tokio::test]
async fn on_fargate_the_disk_is_told_by_the_endpoint_and_the_rest_by_the_machine() {
    let tree = Tree::new(
        "== proc/pressure/cpu\nsome total=50000\nfull total=0\n== proc/diskstats\n8 0 sda 1 2 3 4 5 6 7 8 9\n\
         == sys/block/sda/\n== proc/self/net/dev\nInter-| Receive\n face |bytes\n\
         eth1: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n",
    );
    let (mut task, sender) = task_with(&fixture("task-fargate.json"), tree.root(), all());
    let before = told(&mut task);
    assert_eq!(before["ephemeral-storage"], None, "the endpoint has not told it yet");
    assert_eq!(before["fullest"], None);
    sender.send(told_storage("task-fargate.json"));
    sender.send(usage("stats-fargate.json"));
    let told = told(&mut task);
    assert_eq!(told["ephemeral-storage"], Some(Ok(100.0 * 318.0 / 20_496.0)));
    // 208 of the task's 512 MiB.
    assert_eq!(told["fullest"], Some(Ok(40.625)));
    assert_eq!(told["cpu-pressure"], Some(Ok(5.0)));
    assert_eq!(told["disk-read-bytes"], Some(Ok(0.0)));
    assert_eq!(told["network-sent-bytes"], Some(Ok(0.0)));
    for number in ["processes", "memory-peak"] {
        assert!(error(&told[number]).contains("--scope container has it"), "{number}: {told:#?}");
    }
    assert!(error(&told["io-pressure"]).contains("psi=1"), "{told:#?}");
    assert_eq!(told.len(), Number::ALL.len() - 4, "each is told or has its reason: {told:#?}");
}

#[tokio::test]
async fn on_an_instance_each_has_a_value_or_its_reason() {
    let numbers = all();
    let (mut task, sender) =
        task_with(&fixture("task-ec2.json"), Path::new("/nonexistent"), numbers);
    sender.send(told_storage("task-ec2.json"));
    sender.send(usage("stats-ec2.json"));
    let of_task = told(&mut task);
    // The worker has 492.0 of its 896 MiB.
    let worker: f64 = 734_003_200.0 - 115_343_360.0 - 104_857_600.0 - 20_971_520.0;
    assert_eq!(of_task["fullest"], Some(Ok(100.0 * worker / f64::from(896 << 20))));
    assert_eq!(
        error(&of_task["ephemeral-storage"]),
        "http://169.254.170.2/v4/x/task has no EphemeralStorageMetrics: Fargate tells them since platform \
         version 1.4.0"
    );
    assert!(matches!(of_task["network-sent-bytes"], Some(Ok(_))), "awsvpc: {of_task:#?}");
    assert!(error(&of_task["io-pressure"]).contains("does not tell it"), "{of_task:#?}");
    let bridge = fixture("task-ec2-no-task-limits.json");
    let (mut task, _sender) = task_with(&bridge, Path::new("/nonexistent"), numbers);
    let of_task = told(&mut task);
    assert!(error(&of_task["network-sent-bytes"]).contains("is not awsvpc"), "{of_task:#?}");
    assert_eq!(of_task.len(), Number::ALL.len() - 4, "{of_task:#?}");
}

#[tokio::test]
async fn a_disk_that_is_not_told_any_more_is_absent_with_the_failure() {
    let asked = Numbers::of(&[Number::EphemeralStorage]);
    let (mut task, sender) =
        task_with(&fixture("task-fargate.json"), Path::new("/nonexistent"), asked);
    sender.send(told_storage("task-fargate.json"));
    assert!(matches!(told(&mut task)["ephemeral-storage"], Some(Ok(_))));
    sender.send(News::Failed("no answer within 2s".to_owned()));
    let fails = "the task metadata endpoint fails: no answer within 2s";
    assert_eq!(error(&told(&mut task)["ephemeral-storage"]), fails);
    sender.send(told_storage("task-fargate.json"));
    let told = told(&mut task);
    assert!(matches!(told["ephemeral-storage"], Some(Ok(_))));
    assert_eq!(told.len(), 1, "nothing else was asked for: {told:#?}");
}

#[test]
fn a_disk_of_another_shape_takes_nothing_else_away() {
    let text = String::from_utf8(fixture("task-fargate.json")).expect("JSON is text");
    let storage = |replaced: &str| {
        let text = text.replace(r#"{ "Utilized": 318, "Reserved": 20496 }"#, replaced);
        let mut task = TaskMetadata::parse(text.as_bytes()).expect("the task is told all the same");
        assert_eq!(task.containers(), 2);
        task.take_storage().map(|storage| (storage.utilized, storage.reserved))
    };
    assert_eq!(storage(r#"{ "Utilized": 0, "Reserved": 20496 }"#), Some((0, 20_496)));
    for odd in
        ["null", "7", "{}", r#"{"Utilized":1.5,"Reserved":3}"#, r#"{"Utilized":-1,"Reserved":3}"#]
    {
        assert_eq!(storage(odd), None, "{odd}");
    }
}
