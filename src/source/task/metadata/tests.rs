//! What the endpoint tells of tasks of all kinds.

use super::*;
use crate::source::task::tests::fixture;

fn task(name: &str) -> TaskMetadata {
    TaskMetadata::parse(&fixture(name)).expect("the fixture has the documented shape")
}

/// The task of the fixture with some text of it replaced.
fn altered(name: &str, from: &str, to: &str) -> TaskMetadata {
    let text = String::from_utf8(fixture(name)).expect("JSON is text");
    assert!(text.contains(from), "{name} has no {from}");
    TaskMetadata::parse(text.replace(from, to).as_bytes()).expect("it is still JSON")
}

/// Its kind and limits alone, which is what most of these tests are about.
fn container(kind: &str, cpu: Option<f64>, memory: Option<u64>) -> ContainerMetadata {
    let (limits, none) = (ToldLimits { cpu, memory }, String::new);
    ContainerMetadata {
        docker_id: none(),
        name: none(),
        known_status: none(),
        limits,
        kind: kind.into(),
        has_network_of_task: None,
    }
}

/// The same task without the ids and names of its containers.
fn nameless(task: &TaskMetadata) -> TaskMetadata {
    let mut task = task.clone();
    task.storage = None;
    task.arn.clear();
    task.pull_started_at.clear();
    for container in &mut task.containers {
        container.docker_id.clear();
        container.name.clear();
        container.known_status.clear();
        container.has_network_of_task = None;
    }
    task
}

#[test]
fn a_task_on_fargate() {
    let task = task("task-fargate.json");
    let expected = TaskMetadata {
        launch_type: "FARGATE".into(),
        known_status: "RUNNING".into(),
        limits: ToldLimits { cpu: Some(0.25), memory: Some(512) },
        containers: vec![
            container("NORMAL", Some(192.0), None),
            container("NORMAL", Some(64.0), None),
        ],
        arn: String::new(),
        pull_started_at: String::new(),
        storage: None,
    };
    assert_eq!(nameless(&task), expected);
    assert_eq!(task.cpu_limit(), Some(Cores(0.25)));
    assert_eq!(task.memory_limit(), Some(Bytes(512 << 20)));
    assert_eq!((task.containers(), task.has_own_machine()), (2, true));
    let containers = [
        ("5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-1740082371", "app", None),
        ("5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-2263981050", "metrics", None),
    ];
    assert_eq!(task.named_containers().collect::<Vec<_>>(), containers);
}

#[test]
fn the_tasks_limits_go_before_those_of_its_containers() {
    let task = task("task-ec2.json");
    let expected = TaskMetadata {
        launch_type: "EC2".into(),
        known_status: "RUNNING".into(),
        limits: ToldLimits { cpu: Some(2.0), memory: Some(1024) },
        containers: vec![
            container(&["CNI", "PAUSE"].join("_"), Some(2.0), Some(0)),
            container("NORMAL", Some(1536.0), Some(896)),
            container("NORMAL", Some(64.0), Some(64)),
        ],
        arn: String::new(),
        pull_started_at: String::new(),
        storage: None,
    };
    assert_eq!(nameless(&task), expected);
    assert_eq!(task.cpu_limit(), Some(Cores(2.0)));
    assert_eq!(task.memory_limit(), Some(Bytes(1 << 30)));
    assert_eq!((task.containers(), task.has_own_machine()), (2, false));
    let limits: Vec<_> = task.named_containers().map(|(_, name, limit)| (name, limit)).collect();
    assert_eq!(limits, [("worker", Some(Bytes(896 << 20))), ("metrics", Some(Bytes(64 << 20)))]);
}

#[test]
fn where_the_task_has_no_limits_its_containers_memory_limits_add_up() {
    let task = task("task-ec2-no-task-limits.json");
    assert_eq!(task.limits, ToldLimits::default());
    assert_eq!(task.cpu_limit(), None, "CPU units are shares, and no limit");
    assert_eq!(task.memory_limit(), Some(Bytes(512 << 20)));
    assert_eq!((task.containers(), task.has_own_machine()), (2, false));
}

#[test]
fn the_platforms_own_containers_are_not_the_users_and_have_no_part_in_the_limits() {
    let task = task("task-single.json");
    assert_eq!((task.containers(), task.has_own_machine()), (1, false));
    let limits = r#""Limits": { "CPU": 0.125, "Memory": 96 },"#;
    let task = altered("task-single.json", limits, "");
    assert_eq!(task.cpu_limit(), None);
    assert_eq!(task.memory_limit(), Some(Bytes(96 << 20)));
}

#[test]
fn one_part_may_be_limited_by_the_task_and_the_other_by_the_containers() {
    let limits = r#""Limits": { "CPU": 2, "Memory": 1024 }"#;
    let task = altered("task-ec2.json", limits, r#""Limits": { "CPU": 2 }"#);
    assert_eq!(task.cpu_limit(), Some(Cores(2.0)));
    assert_eq!(task.memory_limit(), Some(Bytes((896 + 64) << 20)));
}

#[test]
fn a_container_without_a_limit_may_use_all_so_there_is_none() {
    let (name, limits) = ("task-ec2-no-task-limits.json", r#"{ "CPU": 128, "Memory": 212 }"#);
    let task = altered(name, limits, "{}");
    assert_eq!((task.cpu_limit(), task.memory_limit()), (None, None));
    let task = altered(name, limits, r#"{ "CPU": 128 }"#);
    assert_eq!((task.cpu_limit(), task.memory_limit()), (None, None));
    let text = String::from_utf8(fixture(name)).expect("JSON is text");
    let text = text.replace("\"Limits\"", "\"Unlimited\"");
    let task = TaskMetadata::parse(text.as_bytes()).expect("it is still JSON");
    assert_eq!((task.cpu_limit(), task.memory_limit()), (None, None));
}

#[test]
fn a_limit_of_nothing_is_no_limit() {
    let limits = r#""Limits": { "CPU": 2, "Memory": 1024 }"#;
    let task = altered("task-ec2.json", limits, r#""Limits": { "CPU": 0, "Memory": 0 }"#);
    assert_eq!((task.cpu_limit(), task.memory_limit()), (None, Some(Bytes(960 << 20))));
    // As the kernel writes for no limit, in MiB and in bytes.
    for huge in ["8796093022207", "9223372036854771712", "18446744073709551615"] {
        let huge = format!(r#""Limits": {{ "CPU": 2, "Memory": {huge} }}"#);
        let task = altered("task-ec2.json", limits, &huge);
        assert_eq!(task.memory_limit(), Some(Bytes(960 << 20)), "{huge}");
    }
}

#[test]
fn what_the_endpoint_says_of_tasks_in_the_field() {
    let mebibytes = |task: &TaskMetadata| task.memory_limit().map(|bytes| bytes.0 >> 20);
    for (name, cores, memory) in [
        ("field-ec2floor.json", None, Some(320)),
        ("field-ec2shares.json", None, Some(320)),
        ("field-ec2init.json", None, Some(320)),
        ("field-mi.json", Some(1.0), Some(512)),
        ("field-fargate2.json", Some(0.25), Some(512)),
        ("field-pi-task.json", Some(2.0), Some(512)),
    ] {
        let task = task(name);
        let cpu = task.cpu_limit().map(|cores| cores.0);
        assert_eq!((cpu, mebibytes(&task)), (cores, memory), "{name}");
    }
}

#[test]
fn a_container_that_has_stopped_takes_its_limit_with_it() {
    let stopped = |text: &str| task_of(&text.replace("RUNNING", "STOPPED"));
    let one = r#"{"Type":"NORMAL","KnownStatus":"RUNNING","Limits":{"Memory":300}}"#;
    let none = r#"{"Type":"NORMAL","KnownStatus":"RUNNING","Limits":{}}"#;
    assert_eq!(task_of(&format!("{one},{one}")).memory_limit(), Some(Bytes(600 << 20)));
    assert_eq!(task_of(&format!("{one},{none}")).memory_limit(), None);
    assert_eq!(stopped(&format!("{one},{one}")).memory_limit(), None, "nothing runs");
    let task = task_of(&format!("{one},{}", none.replace("RUNNING", "STOPPED")));
    assert_eq!(task.memory_limit(), Some(Bytes(300 << 20)));
    // One that is about to run will have its limit.
    let task = task_of(&format!("{one},{}", one.replace("RUNNING", "CREATED")));
    assert_eq!(task.memory_limit(), Some(Bytes(600 << 20)));
}

fn task_of(containers: &str) -> TaskMetadata {
    let text = format!(r#"{{"KnownStatus":"RUNNING","Containers":[{containers}]}}"#);
    TaskMetadata::parse(text.as_bytes()).expect("a task")
}

#[test]
fn an_answer_may_lack_what_is_not_needed() {
    let task = TaskMetadata::parse(b"{}").expect("an object");
    let nothing = TaskMetadata {
        launch_type: "".into(),
        known_status: "".into(),
        limits: ToldLimits::default(),
        containers: vec![],
        arn: String::new(),
        pull_started_at: String::new(),
        storage: None,
    };
    assert_eq!(task, nothing);
    assert_eq!((task.containers(), task.has_own_machine()), (0, false));
}

#[test]
fn garbage_is_an_error() {
    for text in ["", "Too Many Requests", "<html>", "[", "null", "{\"Containers\":7}"] {
        assert!(TaskMetadata::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn a_limit_of_zero_is_none() {
    // The ECS agent writes zeros for a container that has no limits.
    let json = br#"{"KnownStatus": "RUNNING", "Containers": [
        {"Type": "NORMAL", "Limits": {"CPU": 384, "Memory": 300}},
        {"Type": "NORMAL", "Limits": {"CPU": 0, "Memory": 0}}]}"#;
    let task = TaskMetadata::parse(json).expect("a task");
    assert_eq!((task.cpu_limit(), task.memory_limit()), (None, None));
}

#[test]
fn a_task_is_complete_when_all_of_its_containers_run() {
    let task = |status| {
        TaskMetadata::parse(format!(r#"{{"KnownStatus": "{status}"}}"#).as_bytes()).expect("a task")
    };
    assert!(task("RUNNING").is_complete());
    assert!(!task("PENDING").is_complete() && !task("CREATED").is_complete());
}

#[test]
fn an_id_is_the_users_or_the_platforms_or_unknown() {
    let json = br#"{"Containers": [{"DockerId": "a", "Type": "OTHER"}, {"DockerId": "b"}]}"#;
    let task = TaskMetadata::parse(json).expect("a task");
    assert_eq!(["a", "b", "c"].map(|id| task.is_platforms(id)), [true, false, false]);
}
