//! Containers that come, go and restart.

use super::Machine;
use crate::source::Source;

/// The account of a reading of the sum.
fn account(machine: &Machine, pod: &mut crate::source::pod::Pod) -> crate::model::CpuAccount {
    let cpu = pod.read(machine.later(0.9)).cpu.expect("news");
    cpu.expect("readable").account
}

#[test]
fn a_container_that_is_new_has_used_all_of_its_time_since() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    assert_eq!(machine.read(&mut pod), (Ok(6000), Ok(34)));
    let first = account(&machine, &mut pod);
    machine.container("job", 0.3, 8);
    machine.process(50, "/../job", "/../job", "job");
    assert_eq!(machine.read(&mut pod), (Ok(6300), Ok(42)));
    assert_eq!(account(&machine, &mut pod), first, "and so the difference is 0.3 s");
}

#[test]
fn what_a_container_has_used_stays_in_the_sum_when_it_has_ended() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    pod.read(machine.later(0.9));
    machine.container("app", 5.4, 31);
    machine.end(22);
    assert_eq!(machine.read(&mut pod), (Ok(6400), Ok(4)), "with its last reading");
    assert_eq!(machine.read(&mut pod), (Ok(6400), Ok(4)));
}

#[test]
fn a_container_that_restarts_under_its_path_begins_at_0_and_the_sum_goes_on() {
    for is_seen_to_be_gone in [false, true] {
        let machine = Machine::new();
        let mut pod = machine.pod();
        pod.read(machine.later(0.9));
        machine.end(22);
        if is_seen_to_be_gone {
            assert_eq!(machine.read(&mut pod), (Ok(6000), Ok(4)));
        }
        machine.container("app-again", 0.2, 20);
        machine.process(60, "/../app", "/../app", "app-again");
        assert_eq!(machine.read(&mut pod), (Ok(6200), Ok(24)), "{is_seen_to_be_gone}");
        machine.container("app-again", 0.7, 20);
        assert_eq!(machine.read(&mut pod), (Ok(6700), Ok(24)));
    }
}

#[test]
fn a_container_goes_on_when_the_process_it_was_read_through_has_ended() {
    let machine = Machine::new();
    machine.process(23, "/../app", "/../app", "app");
    let mut pod = machine.pod();
    pod.read(machine.later(0.9));
    machine.end(22);
    machine.container("app", 5.5, 32);
    assert_eq!(machine.read(&mut pod), (Ok(6500), Ok(36)));
    // Its limits are read through the other one.
    machine.limited("app", 6.0, 32, ("75000", "134217728"));
    let reading = pod.read(machine.later(16.0));
    assert_eq!(reading.cpu.expect("news").expect("readable").limit.amount.0, 1.0);
}

/// A runtime that keeps the group, or a supervisor that starts its workers anew.
#[test]
fn a_group_that_gets_processes_again_is_not_counted_twice() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    pod.read(machine.later(0.9));
    machine.end(22);
    assert_eq!(machine.read(&mut pod).0, Ok(6000));
    machine.container("app", 5.25, 30);
    machine.process(70, "/../app", "/../app", "app");
    assert_eq!(machine.read(&mut pod), (Ok(6250), Ok(34)));
}

#[test]
fn some_looks_may_come_too_early_and_the_next_counts_all_of_it() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    let first = account(&machine, &mut pod);
    // In its group already, and its mounts are not made.
    machine.tree.change("== containers/early/tmp/\n");
    machine.process(50, "/../early", "/../../..", "early");
    for _ in 0..3 {
        let reading = pod.read(machine.later(0.9));
        assert!(reading.cpu.is_none() && reading.memory.is_none(), "it is about to start");
    }
    machine.container("early", 0.1, 8);
    machine.tree.change(&format!("== proc/50/mountinfo\n{}", super::v2("/../early")));
    assert_eq!(machine.read(&mut pod), (Ok(6100), Ok(42)));
    assert_eq!(account(&machine, &mut pod), first);
}

#[test]
fn a_container_that_cannot_be_read_makes_the_sum_absent_and_the_next_sum_begins_anew() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    let first = account(&machine, &mut pod);
    machine.tree.change("== containers/late/tmp/\n");
    machine.process(50, "/../late", "/../late", "late");
    assert!(pod.read(machine.later(0.9)).cpu.is_none(), "it may be about to start");
    pod.read(machine.later(9.5));
    let error = machine.read(&mut pod).0.expect_err("it is no start any more");
    assert_eq!(error, "container late cannot be read: proc/50/root/sys not found");
    machine.container("late", 100.0, 8);
    assert_eq!(machine.read(&mut pod), (Ok(106000), Ok(42)));
    assert_ne!(account(&machine, &mut pod), first);
}

#[test]
fn limits_follow_the_containers() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    let mut limits = |seconds| {
        let reading = pod.read(machine.later(seconds));
        let cpu = reading.cpu.expect("news").expect("readable").limit;
        let memory = reading.memory.expect("news").expect("readable").limit;
        (cpu.amount.0, memory.amount.0 >> 20, memory.origin.to_string())
    };
    let all = "the limits of all containers".to_owned();
    assert_eq!(limits(0.9), (0.75, 192, all.clone()));
    machine.container("db", 0.0, 10);
    machine.process(30, "/../db", "/../db", "db");
    assert_eq!(limits(0.9), (1.25, 320, all.clone()));
    machine.limited("db", 0.0, 10, ("100000", "max"));
    assert_eq!(limits(0.9), (1.25, 320, all), "they are read again after a while");
    let (cpu, memory, origin) = limits(15.0);
    assert_eq!((cpu, memory), (1.75, 8192));
    assert!(origin.ends_with("proc/meminfo"), "the machine is the limit of that part: {origin}");
}

/// A runtime puts the process into its group before it makes the mounts, of which one tells the name.
#[test]
fn a_container_that_is_never_readable_has_the_name_that_it_gets_when_it_is_made() {
    let machine = Machine::new();
    let mut pod = machine.pod().without(vec!["proxy".to_owned()]);
    pod.read(machine.later(0.9));
    machine.tree.change("== containers/made/tmp/\n");
    machine.process(50, "/../made", "/../../..", "made");
    pod.read(machine.later(0.9));
    let named =
        "106 104 0:9 /pods/1/containers/proxy/3a9f01bc /dev/termination-log rw - ext4 d rw\n";
    machine.tree.change(&format!("== proc/50/mountinfo\n{}{named}", super::v2("/../made")));
    pod.read(machine.later(0.9));
    assert_eq!(machine.read(&mut pod), (Ok(6000), Ok(34)), "it is left out by its name");
}
