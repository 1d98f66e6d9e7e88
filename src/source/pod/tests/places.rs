//! What of a container is read, and what is none.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::{MACHINE, Machine};
use crate::source::Source;
use crate::source::pod::evidence;
use crate::source::pod::neighbour::Role;

#[test]
fn a_pod_is_the_sum_of_its_containers() {
    let machine = Machine::new();
    machine.container("db", 7.5, 100);
    machine.process(30, "/../db", "/../db", "db");
    machine.process(31, "/../db/worker", "/../db", "db");
    assert_eq!(machine.read(&mut machine.pod()), (Ok(1000 + 5000 + 7500), Ok(4 + 30 + 100)));
}

#[test]
fn of_groups_of_its_own_the_container_is_all_that_its_mount_shows() {
    let machine = Machine::alone();
    machine.container("dind", 0.945, 50);
    machine.tree.change("== containers/dind/sys/fs/cgroup/docker/x/cpu.stat\nusage_usec 3000\n");
    machine.process(22, "/../dind/docker/x", "/../dind", "dind");
    machine.process(23, "/../dind/init", "/../dind", "dind");
    assert_eq!(machine.read(&mut machine.pod()), (Ok(1945), Ok(54)));
}

/// A process within a container that has a container in it is seen, too, with a mount of its own.
#[test]
fn a_container_within_another_one_is_counted_once() {
    for first in [22, 24] {
        let machine = Machine::alone();
        machine.container("dind", 2.0, 50);
        machine.tree.change("== containers/inner/sys/fs/cgroup/cpu.stat\nusage_usec 500000\n");
        machine.container("inner", 0.5, 10);
        machine.process(first, "/../dind", "/../dind", "dind");
        machine.process(23, "/../dind/docker/x", "/../dind/docker/x", "inner");
        assert_eq!(machine.read(&mut machine.pod()), (Ok(3000), Ok(54)), "{first}");
    }
}

#[test]
fn the_machines_hierarchy_that_does_not_hold_the_group_is_not_read() {
    let machine = Machine::alone();
    machine.container("hostns", 9999.0, 7000);
    machine.process(22, "/../hostns", "/../../..", "hostns");
    let why = "container hostns cannot be read: no mount of process 22 shows its control group /../hostns; \
               it needs one of its own at /sys/fs/cgroup, not the machine's";
    assert_eq!(machine.read(&mut machine.pod()), (Err(why.into()), Err(why.into())));
}

#[test]
fn of_the_machines_hierarchy_the_group_of_the_process_is_read() {
    let machine = Machine::alone();
    machine.tree.change("== proc/7/cgroup\n0::/kubepods/pod1/agent\n== proc/7/mountinfo\n");
    machine.tree.change(&format!("== proc/7/mountinfo\n{}", super::v2("/kubepods/pod1/agent")));
    machine.container("app", 9999.0, 7000);
    let own = "containers/app/sys/fs/cgroup/kubepods/pod1/app";
    machine.tree.change(&super::group(own, 2.5, 20, "max", "max"));
    for file in ["cgroup.events", "memory.current", "cpu.max", "memory.max"] {
        // The root of the machine has none of these.
        machine.tree.change(&format!("== containers/app/sys/fs/cgroup/{file} (missing)\n"));
    }
    machine.process(22, "/kubepods/pod1/app", "/", "app");
    assert_eq!(machine.read(&mut machine.pod()), (Ok(3500), Ok(24)));
}

#[test]
fn a_container_without_its_control_groups_is_named_and_never_0() {
    let machine = Machine::alone();
    machine.tree.change("== containers/app/sys/fs/\n");
    machine.process(22, "/../app", "/../app", "app");
    let why = "container app cannot be read: proc/22/root/sys/fs/cgroup not found";
    assert_eq!(machine.read(&mut machine.pod()), (Err(why.into()), Err(why.into())));
    let machine = Machine::alone();
    machine.tree.change("== containers/app/sys/fs/cgroup/\n");
    machine.process(22, "/../app", "/../app", "app");
    let (cpu, memory) = machine.read(&mut machine.pod());
    assert_eq!(cpu, Err("container app: proc/22/root/sys/fs/cgroup/cpu.stat not found".into()));
    assert_eq!(
        memory,
        Err("container app: proc/22/root/sys/fs/cgroup/memory.current not found".into())
    );
}

/// A link that begins with `/` leads into the container of whoever follows it.
#[test]
fn no_link_of_another_container_is_followed() {
    for link in ["sys", "sys/fs", "sys/fs/cgroup", "sys/fs/cgroup/cpu.stat"] {
        let machine = Machine::new();
        let of_app = machine.tree.root().join("containers/app").join(link);
        if of_app.is_dir() {
            std::fs::remove_dir_all(&of_app).expect("it was there");
        } else {
            std::fs::remove_file(&of_app).expect("it was there");
        }
        symlink(machine.tree.root().join(link), &of_app).expect("a new name");
        let (cpu, _) = machine.read(&mut machine.pod());
        let error = cpu.expect_err("a link is none of its files");
        assert!(error.starts_with("container app"), "{error}");
        assert!(
            error.contains("link, which is not followed") || error.contains("os error 40"),
            "{error}"
        );
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_nothing_up() {
    for file in ["cpu.stat", "memory.current", "memory.max", "cpu.max"] {
        let machine = Machine::new();
        let path = machine.tree.root().join("containers/app/sys/fs/cgroup").join(file);
        std::fs::remove_file(&path).expect("it was there");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|status| status.success()), "coreutils are there");
        let (cpu, memory) = machine.read(&mut machine.pod());
        assert!(cpu.is_err() || memory.is_err(), "{file}: {cpu:?} {memory:?}");
    }
}

#[test]
fn what_holds_the_namespaces_is_no_container_of_the_pod() {
    for (program, is_readable) in [("pause", true), ("pause", false), ("catatonit", false)] {
        let machine = Machine::new();
        if is_readable {
            machine.container("sandbox", 100.0, 1);
        } else {
            machine.tree.change("== containers/sandbox/etc/\n");
        }
        machine.process(1, "/../sandbox", "/../sandbox", "sandbox");
        machine.tree.change(&format!("== proc/1/comm\n{program}\n"));
        let mut pod = machine.pod();
        assert_eq!(machine.read(&mut pod), (Ok(6000), Ok(34)), "{program}");
        assert_eq!(pod.others(), 1, "the app alone");
    }
}

/// The container of an image that is not called `pause`, and that the agent may look into.
#[test]
fn the_first_process_is_no_container_of_kubernetes_where_others_are() {
    let machine = Machine::new();
    machine.container("infra", 100.0, 1);
    machine.process(1, "/../infra", "/../infra", "infra");
    assert_eq!(machine.read(&mut machine.pod()), (Ok(106000), Ok(35)), "as in Docker");
    let kubelet = "/pods/1/containers/main/0a1b2c3d /dev/termination-log rw - ext4 /dev/vda rw\n";
    let mountinfo = format!("== proc/22/mountinfo\n{}9 9 9:9 {kubelet}", super::v2("/../app"));
    machine.tree.change(&mountinfo);
    assert_eq!(machine.read(&mut machine.pod()), (Ok(6000), Ok(34)));
}

#[test]
fn a_container_that_ecs_has_put_into_the_task_is_not_the_pause_container() {
    let machine = Machine::new();
    let id = "5d0f2a7be4c94e0c8d7a9b1f3c6e2a40-1740082371";
    machine.tree.change("== containers/helper/\n");
    machine.process(30, &format!("/../{id}"), &format!("/../{id}"), "helper");
    let mut pod = machine.pod();
    pod.neighbours.look(machine.later(0.9)).expect("/proc is there");
    pod.roles.give(&mut pod.neighbours, |of| of == id);
    let role = |name: &str| {
        let named = pod.neighbours.all.iter().find(|of| *of.name == *name);
        named.map(|of| of.role)
    };
    assert_eq!(role(id), Some(Role::Platform));
    assert_eq!(role("app"), Some(Role::Counted));
    assert_eq!(pod.roles.first(), None, "the first process is in no container that is left out");
    let evidence = evidence::of(&mut pod);
    let note = format!("container {id} is left out: it is not in the task definition");
    assert!(evidence[0].notes.contains(&note), "{:?}", evidence[0].notes);
}

#[test]
fn a_process_that_has_ended_and_was_not_waited_for_is_passed_over() {
    let machine = Machine::new();
    machine.tree.change("== proc/40/cgroup\n0::/../gone\n== proc/41/comm\nnothing\n");
    assert_eq!(machine.read(&mut machine.pod()), (Ok(6000), Ok(34)));
}

#[test]
fn where_the_first_process_of_a_container_does_not_let_in_the_next_does() {
    let machine = Machine::alone();
    machine.container("app", 5.0, 30);
    machine.process(22, "/../app", "/../app", "without");
    machine.tree.change("== containers/without/tmp/\n");
    machine.process(23, "/../app", "/../app", "app");
    assert_eq!(machine.read(&mut machine.pod()), (Ok(6000), Ok(34)));
}

#[test]
fn the_processes_of_the_whole_machine_are_refused() {
    let machine = Machine::new();
    machine.tree.change("== proc/2/comm\nkthreadd\n");
    let (cpu, memory) = machine.read(&mut machine.pod());
    let error = cpu.expect_err("it is refused");
    assert!(error.starts_with("the PID namespace is the whole machine's"), "{error}");
    assert_eq!(memory, Err(error));
    let machine = Machine::new();
    machine.tree.change("== proc/7/ns/\n");
    let link = machine.tree.root().join("proc/7/ns/pid");
    symlink("pid:[4026531836]", &link).expect("a new name");
    assert!(machine.read(&mut machine.pod()).0.is_err());
    std::fs::remove_file(&link).expect("it was made");
    symlink("pid:[4026532201]", &link).expect("a new name");
    assert_eq!(machine.read(&mut machine.pod()).0, Ok(6000));
}

#[test]
fn the_machines_files_are_the_agents_own_and_not_a_neighbours() {
    let machine = Machine::new();
    machine.limited("app", 5.0, 30, ("max", "max"));
    let other = MACHINE.replace("0-3", "0-63").replace("8388608", "1048576");
    machine.tree.change(&other.replace("== ", "== containers/app/"));
    let reading = machine.pod().read(machine.later(0.9));
    let cpu = reading.cpu.expect("news").expect("readable");
    assert_eq!(cpu.limit.amount.0, 4.0);
    assert_eq!(reading.memory.expect("news").expect("readable").limit.amount.0, 8 << 30);
}

/// As a process that a runtime or an administrator puts into the namespaces of a container before, or
/// without, putting it into its control group.
#[test]
fn a_process_in_a_group_above_all_is_in_no_container_and_takes_none_away() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    let before = machine.read(&mut pod);
    assert_eq!(before, (Ok(6000), Ok(34)));
    for (pid, path) in [(30, "/.."), (31, "/../.."), (32, "/../../system.slice")] {
        machine.process(pid, path, "/../app", "app");
        if pid < 32 {
            assert_eq!(machine.read(&mut pod), before, "{path}");
        }
    }
    machine.end(32);
    assert_eq!(machine.read(&mut pod), before);
    // It is moved into its container.
    machine.container("new", 1.0, 2);
    machine.tree.change("== proc/30/cgroup\n0::/../new\n");
    machine.process(33, "/../new", "/../new", "new");
    assert_eq!(machine.read(&mut pod), (Ok(7000), Ok(36)));
}

/// As `nsenter -t PID -m -p` does, on the node of a pod.
#[test]
fn a_process_that_comes_into_a_container_from_outside_is_none_of_the_pod() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    pod.read(machine.later(0.9));
    machine.process(40, "/../../../user.slice/session-1.scope", "/../app", "app");
    for _ in 0..3 {
        assert_eq!(machine.read(&mut pod), (Ok(6000), Ok(34)));
    }
    // One that is seen before the container.
    machine.container("late", 1.0, 8);
    machine.process(50, "/../../../user.slice/session-2.scope", "/../late", "late");
    pod.read(machine.later(0.9));
    machine.process(51, "/../late", "/../late", "late");
    for _ in 0..3 {
        pod.read(machine.later(0.9));
    }
    pod.read(machine.later(15.0));
    assert_eq!(machine.read(&mut pod), (Ok(7000), Ok(42)));
    assert_eq!(pod.neighbours.all.len(), 3);
}
