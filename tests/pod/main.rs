//! `--scope pod` with real processes in a PID namespace, control groups and users of their own, against
//! the kernel's own counters.

#![cfg(target_os = "linux")]

mod namespace;

use namespace::{Namespace, remove};
use support::endpoint::{Answer, Endpoint};

const APP: &[&str] = &["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"];

/// The value of a name in the CPU part of an explanation, or the error.
fn cpu_time(explanation: &serde_json::Value, container: &str) -> Option<u64> {
    let values = explanation["parts"][0]["values"].as_array().expect("a list");
    let name = format!("CPU time of {container}");
    values.iter().find(|value| value["name"] == *name)?["value"].as_u64()
}

fn error(explanation: &serde_json::Value, part: usize) -> String {
    explanation["parts"][part]["error"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn neighbours_are_read_to_the_digit_and_pause_is_none_of_them() {
    let Some(namespace) = Namespace::new() else { return };
    let mut app = namespace.container("app");
    let mut db = namespace.container_by("db", APP, false);
    for container in [&mut app, &mut db] {
        container.run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
    }
    let explanation = namespace.explain(&[], &["--scope", "pod"]);
    assert_eq!(cpu_time(&explanation, "app"), Some(app.used()), "{explanation:#}");
    assert_eq!(cpu_time(&explanation, "db"), Some(db.used()), "{explanation:#}");
    assert_eq!(cpu_time(&explanation, "pause"), None);
    let notes = explanation["parts"][0]["notes"].to_string();
    assert!(notes.contains("container pause is left out: it holds the namespaces"), "{notes}");
    assert!(notes.contains("the limit is the machine's, because container"), "{notes}");
    assert_eq!(explanation["scope"], "pod");
    let percent = explanation["parts"][1]["percent"].as_f64().expect("memory can be read");
    assert!(percent > 0.0 && percent < 100.0, "{explanation:#}");
}

#[test]
fn auto_takes_the_pod_where_others_can_be_read() {
    let Some(namespace) = Namespace::new() else { return };
    assert_ne!(namespace.explain(&[], &[])["scope"], "pod", "nobody else is there");
    let _app = namespace.container("app");
    let explanation = namespace.explain(&[], &[]);
    assert_eq!(explanation["scope"], "pod");
    let reason = "1 other container is visible and can be read";
    assert_eq!(explanation["reason"], reason);
    let other = namespace.explain(APP, &[]);
    assert_ne!(other["scope"], "pod", "root may not be looked into by 1000: {other:#}");
    let reason = other["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("other containers are visible, but container app cannot be read"),
        "{other:#}"
    );
    assert!(reason.contains("SYS_PTRACE"), "with the cure: {other:#}");
}

/// A sidecar is often the first to start.
#[test]
fn auto_takes_the_pod_as_soon_as_another_container_comes() {
    let Some(namespace) = Namespace::new() else { return };
    let agent = namespace.agent(&[], &["--scope", "auto", "--sample-interval", "0.1"]);
    agent.wait_for_log("Sample {");
    let app = namespace.container("app");
    let line = agent.wait_for_log("scope: pod, because ");
    assert!(line.ends_with("1 other container is visible and can be read"), "{line}");
    let log = agent_log(agent);
    assert!(!log.contains("ERROR") && !log.contains("the pod is not measured"), "{log}");
    drop(app);
}

#[test]
fn limits_of_all_containers_add_up_and_follow_a_change() {
    let Some(namespace) = Namespace::new() else { return };
    let app = namespace.container("app");
    let agent = namespace.container("agent");
    for (container, quota) in [(&app, "50000"), (&agent, "25000")] {
        container.set("cpu", "cpu.cfs_quota_us", quota);
        container.set("memory", "memory.limit_in_bytes", "67108864");
    }
    let limits = |explanation: &serde_json::Value| {
        let limit = |part: usize| explanation["parts"][part]["limit"]["amount"].as_f64();
        (limit(0), limit(1))
    };
    let scope = &["--scope", "pod"];
    let both = f64::from(2 << 26);
    assert_eq!(limits(&namespace.explain(&[], scope)), (Some(0.75), Some(both)));
    app.set("cpu", "cpu.cfs_quota_us", "100000");
    assert_eq!(limits(&namespace.explain(&[], scope)), (Some(1.25), Some(both)));
    app.set("cpu", "cpu.cfs_quota_us", "-1");
    let (cpu, memory) = limits(&namespace.explain(&[], scope));
    assert!(cpu > Some(1.25) && memory == Some(both), "the machine's cores: {cpu:?} {memory:?}");
}

#[test]
fn who_may_not_look_is_told_why_and_what_helps() {
    let Some(namespace) = Namespace::new() else { return };
    let _app = namespace.container_by("app", APP, false);
    let scope = &["--scope", "pod"];
    let as_user = |uid, gid| ["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups"];
    let refused = |means: &[&str]| error(&namespace.explain(means, scope), 0);
    assert_eq!(refused(&as_user("1000", "1000")), "", "the same user and group");
    let other_group = refused(&as_user("1000", "0"));
    assert!(other_group.contains("the gid differs: run the agent as 1000:1000"), "{other_group}");
    let other_user = refused(&as_user("2000", "2000"));
    assert!(
        other_user.contains("agent as uid 2000 and gid 2000: run the agent as 1000:1000"),
        "{other_user}"
    );
    let root = |capabilities| {
        ["setpriv", "--bounding-set", capabilities, "--inh-caps", "-all", "--no-new-privs"]
    };
    let root_alone = refused(&root("-all"));
    let cure = "without the capability SYS_PTRACE: add that to the agent's container";
    assert!(root_alone.contains(cure), "{root_alone}");
    assert_eq!(refused(&root("-all,+sys_ptrace")), "", "the recipe");
}

/// A root that becomes another user without a new program, as the workers of nginx do, may not be looked
/// into by that user. Another process of the same container may be.
#[test]
fn the_first_process_that_may_be_looked_into_is_enough() {
    let Some(namespace) = Namespace::new() else { return };
    let mut app = namespace.container("app");
    // The shell is root's, and stays the first process.
    app.run("setpriv --reuid 1000 --regid 1000 --clear-groups sleep infinity & :");
    let explanation = namespace.explain(APP, &["--scope", "pod"]);
    assert_eq!(error(&explanation, 0), "");
    assert_eq!(cpu_time(&explanation, "app"), Some(app.used()), "{explanation:#}");
}

#[test]
fn a_container_without_control_groups_is_named_and_never_0() {
    let Some(namespace) = Namespace::new() else { return };
    let _app = namespace.container_by("app", &[], true);
    let explanation = namespace.explain(&[], &["--scope", "pod"]);
    for part in [0, 1] {
        let error = error(&explanation, part);
        assert!(error.contains("container app cannot be read: no mount of process"), "{error}");
    }
    let excluded = namespace.explain(&[], &["--scope", "pod", "--pod-exclude", "app"]);
    assert_eq!(error(&excluded, 0), "");
}

#[test]
fn something_that_is_mounted_over_the_control_groups_is_none() {
    let Some(namespace) = Namespace::new() else { return };
    let mut app = namespace.container("app");
    app.run(
        "mount -t tmpfs none /sys/fs/cgroup/cpuacct; echo 7 > /sys/fs/cgroup/cpuacct/cpuacct.usage",
    );
    let error = error(&namespace.explain(&[], &["--scope", "pod"]), 0);
    assert!(
        error.contains(
            "/sys/fs/cgroup/cpuacct has no control groups: something else is mounted there"
        ),
        "{error}"
    );
}

#[test]
fn an_ended_process_that_nobody_waited_for_is_no_container() {
    let Some(namespace) = Namespace::new() else { return };
    let mut app = namespace.container("app");
    // Its parent has become a program that waits for no child.
    app.run("(sh -c 'exit 0' & exec sleep infinity) & sleep 0");
    let explanation = namespace.explain(&[], &["--scope", "pod"]);
    assert_eq!(cpu_time(&explanation, "app"), Some(app.used()), "{explanation:#}");
}

#[test]
fn the_machines_namespace_is_refused() {
    let mut command = support::command();
    command.args(["--namespace", "Test", "--service", "Foo", "--dry-run", "--scope", "pod"]);
    let agent = support::Agent::start(command.env("RUST_LOG", "info"));
    agent.wait_for_log("CPU unavailable: the PID namespace is the whole machine's");
    let ended = agent.terminate().expect_code(0);
    assert_eq!(ended.stderr.matches("CPU unavailable").count(), 1, "{ended:#?}");
    assert!(!ended.stdout.contains("CPUUtilization=0"), "{ended:#?}");
}

/// The CPU time of a sample in the log, in nanoseconds, by the time since the one before.
fn nanoseconds(before: &str, line: &str, cores: f64) -> f64 {
    let time = |line: &str| {
        let text = line.trim_start_matches('[').split(' ').next().unwrap_or_default();
        humantime::parse_rfc3339(text).expect("a line begins with its time")
    };
    // A machine that is busy takes a sample late.
    let interval = time(line).duration_since(time(before)).expect("it is later").as_secs_f64();
    let percent = line.split_once("cpu: Some(").expect("it has CPU").1;
    let percent: f64 = percent.split_once(')').expect("a number").0.parse().expect("a number");
    percent / 100.0 * cores * interval * 1e9
}

/// What a container uses between its last sample and its end is in the sum, though its group is gone at
/// the next sample: it is read when its process ends.
#[test]
fn what_a_container_used_before_its_end_is_in_the_sum() {
    let Some(namespace) = Namespace::new() else { return };
    let mut job = namespace.container("job");
    let agent = namespace.agent(&[], &["--sample-interval", "2"]);
    let second = agent.wait_for_log_lines("Sample {", 2);
    let before = job.used();
    job.run(":");
    let (used, group) = job.end("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done");
    agent.wait_for_log("has ended: it was read once more");
    remove(&group);
    let line = agent.wait_for_log_lines("Sample {", 3);
    let cores = std::thread::available_parallelism().expect("it is told").get() as f64;
    let seen = nanoseconds(&second, &line, cores);
    let truth = (used - before) as f64;
    assert!(truth > 5e7, "it has worked: {truth}");
    // The agent's own work comes on top.
    let difference = seen - truth;
    assert!(difference > -0.02 * truth && difference < 0.05 * truth + 1e8, "{seen} {truth}");
    let next = agent.wait_for_log_lines("Sample {", 4);
    assert!(nanoseconds(&line, &next, cores) < 1e8, "{next}");
    drop(agent);
}

/// A container that is started again under its path has another group, which counts from 0.
#[test]
fn a_container_that_restarts_goes_on_and_no_counter_goes_back() {
    let Some(namespace) = Namespace::new() else { return };
    let mut app = namespace.container("app");
    app.run("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    let agent =
        namespace.agent(&[], &["--sample-interval", "1", "--per-container", "--period", "2"]);
    agent.wait_for_log_lines("app: Sample {", 2);
    let (_, group) = app.end(":");
    remove(&group);
    let mut app = namespace.container("app");
    app.run("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done");
    agent.wait_for_log_lines("app: Sample {", 5);
    agent.wait_for_stdout_lines("ContainerName=app", 2);
    let ended = agent_log(agent);
    assert!(!ended.contains("reset from"), "{ended}");
    assert!(!ended.contains("unavailable"), "{ended}");
}

fn agent_log(agent: support::Agent) -> String {
    let child = namespace::child_of(agent.id());
    let pid = rustix::process::Pid::from_raw(child.parse().expect("a number")).expect("not 0");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    agent.wait().stderr
}

/// Hundreds of new processes do not hold the end up.
#[test]
fn it_ends_at_once_in_the_middle_of_many_new_processes() {
    let Some(namespace) = Namespace::new() else { return };
    let mut app = namespace.container("app");
    let agent = namespace.agent(&[], &["--sample-interval", "0.1"]);
    agent.wait_for_log("Sample {");
    app.run("i=0; while [ $i -lt 300 ]; do sleep infinity & i=$((i+1)); done");
    let start = tokio::time::Instant::now();
    let log = agent_log(agent);
    assert!(log.contains("stopped; windows=1"), "{log}");
    // It takes milliseconds; this machine may be busy with other tests.
    assert!(start.elapsed().as_secs_f64() < 5.0, "{:?}", start.elapsed());
}

/// Processes that were there at the sample before are not looked at again, however many they are.
#[test]
fn a_thousand_processes_cost_no_more_than_a_few() {
    let Some(namespace) = Namespace::new() else { return };
    let mut app = namespace.container("app");
    app.run("i=0; while [ $i -lt 1000 ]; do sleep infinity & i=$((i+1)); done");
    let agent = namespace.agent(&[], &["--sample-interval", "0.1"]);
    // Its own file of what it reads: the calls so far.
    let file = format!("/proc/{}/io", namespace::child_of(agent.id()));
    let reads = || {
        let text = std::fs::read_to_string(&file).expect("it runs");
        let calls = text.lines().find_map(|line| line.strip_prefix("syscr: "));
        calls.and_then(|calls| calls.parse::<u64>().ok()).expect("the calls of read(2)")
    };
    agent.wait_for_log_lines("Sample {", 3);
    let before = reads();
    agent.wait_for_log_lines("Sample {", 23);
    let calls = reads() - before;
    // Three of each of the two containers, one of the timer, and the limits every fifteen seconds.
    assert!(calls < 20 * 20, "{calls} in about 20 samples");
    drop(agent);
}

/// What enters the namespaces of a container from outside, as an administrator does, stays in its own
/// group, which may be above all others.
#[test]
fn a_process_from_outside_takes_no_container_away() {
    let Some(namespace) = Namespace::new() else { return };
    let app = namespace.container("app");
    let mut entered = namespace.enter();
    let agent = namespace.agent(&[], &["--sample-interval", "0.1", "--per-container"]);
    agent.wait_for_log_lines("app: Sample {", 5);
    let explanation = namespace.explain(&[], &["--scope", "pod"]);
    assert_eq!(cpu_time(&explanation, "app"), Some(app.used()), "{explanation:#}");
    assert_eq!(error(&explanation, 0), "", "{explanation:#}");
    let log = agent_log(agent);
    assert!(!log.contains("unavailable"), "{log}");
    entered.kill().expect("it runs");
    entered.wait().expect("it is a child");
}

/// A task on Fargate with `pidMode`: names, limits and the use of its disk are what the endpoint tells,
/// and CPU and memory are those of each container.
#[test]
fn a_task_that_shares_its_pid_namespace_is_read_in_place_of_its_statistics() {
    let Some(namespace) = Namespace::new() else { return };
    let task = include_str!("../fixtures/ecs/task-fargate.json");
    let endpoint = Endpoint::start(move |path, _| match path {
        "/task" => Answer::Ok(task.to_owned()),
        "" => Answer::Ok(
            "{\"DockerId\":\"5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-2263981050\",\"Name\":\"metrics\"}"
                .to_owned(),
        ),
        _ => Answer::Status(404),
    });
    let id = |number| format!("5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-{number}");
    let mut app = namespace.container(&id("1740082371"));
    app.run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
    let variable = format!("ECS_CONTAINER_METADATA_URI_V4={}", endpoint.url());
    let metrics = ["--metrics", "cpu,memory,ephemeral-storage,throttling", "--per-container"];
    let explanation = namespace.explain_in(&id("2263981050"), &["env", &variable], &metrics);
    assert_eq!(explanation["scope"], "pod", "{explanation:#}");
    let limits = [0, 1].map(|part| explanation["parts"][part]["limit"]["amount"].as_f64());
    assert_eq!(limits, [Some(0.25), Some(f64::from(512 << 20))], "{explanation:#}");
    assert_eq!(cpu_time(&explanation, "app"), Some(app.used()), "{explanation:#}");
    assert!(cpu_time(&explanation, "metrics").is_some(), "the agent's own: {explanation:#}");
    let published = explanation["metrics"].as_array().expect("a list");
    let value = |name: &str, container: Option<&str>| {
        let is_it = |metric: &&serde_json::Value| {
            metric["name"] == name && metric["dimensions"]["ContainerName"].as_str() == container
        };
        published.iter().find(is_it).and_then(|metric| metric["value"].as_f64())
    };
    let storage = value("EphemeralStorageUtilization", None);
    assert_eq!(storage, Some(100.0 * 318.0 / 20_496.0), "{explanation:#}");
    assert!(value("MemoryUtilization", Some("app")).is_some(), "{explanation:#}");
    // What takes two readings is there, too, and in the price.
    assert_eq!(value("CPUThrottling", Some("app")), Some(0.0), "{explanation:#}");
    assert!(value("CPUUtilization", Some("app")).is_some(), "{explanation:#}");
    let asked: Vec<_> = endpoint.requests().into_iter().map(|request| request.path).collect();
    assert!(asked.iter().all(|path| path != "/task/stats"), "no statistics are needed: {asked:?}");
}
