//! Each container by itself.

use super::Machine;
use crate::source::Source;
use crate::source::pod::Pod;

/// Name, instant in tenths of a second, CPU time in milliseconds, CPU limit, MiB and limit in MiB of each
/// reading since the last call.
fn readings(machine: &Machine, pod: &mut Pod) -> Vec<String> {
    pod.read(machine.later(0.9));
    let text = |(name, reading): (std::sync::Arc<str>, crate::model::Reading)| {
        let cpu = reading.cpu.expect("each has CPU").expect("it can be read");
        let at = (cpu.at - machine.start).as_millis() / 100;
        let memory = reading.memory.map(|memory| memory.expect("it can be read"));
        let memory = memory.map(|memory| {
            format!(", {} of {} MiB", memory.used.0 >> 20, memory.limit.amount.0 >> 20)
        });
        let (used, cores) = (cpu.used.as_millis(), cpu.limit.amount.0);
        format!("{name} at {at}: {used} ms of {cores}{}", memory.unwrap_or_default())
    };
    pod.containers().into_iter().map(text).collect()
}

/// The reading of the agent's own container at an instant in tenths of a second, and then those of others.
fn beside_own(at: u32, others: &[&str]) -> Vec<String> {
    let own = format!("own at {at}: 1000 ms of 0.25, 4 of 64 MiB");
    std::iter::once(own).chain(others.iter().map(|other| (*other).to_owned())).collect()
}

#[test]
fn each_is_read_under_its_name_in_percent_of_its_own_limits() {
    let machine = Machine::new();
    machine.limited("db", 2.0, 100, ("max", "max"));
    machine.process(30, "/../db", "/../db", "db");
    let mut pod = machine.pod().by_container();
    let expected = beside_own(
        9,
        &["app at 9: 5000 ms of 0.5, 30 of 128 MiB", "db at 9: 2000 ms of 4, 100 of 8192 MiB"],
    );
    assert_eq!(readings(&machine, &mut pod), expected);
    assert!(pod.containers().is_empty(), "until the next reading");
}

#[test]
fn a_new_one_begins_with_nothing_at_the_look_before() {
    let machine = Machine::alone();
    let mut pod = machine.pod().by_container();
    readings(&machine, &mut pod);
    machine.container("job", 0.3, 8);
    machine.process(50, "/../job", "/../job", "job");
    let expected =
        beside_own(18, &["job at 9: 0 ms of 0.5", "job at 18: 300 ms of 0.5, 8 of 128 MiB"]);
    assert_eq!(readings(&machine, &mut pod), expected);
    machine.end(50);
    machine.container("job", 0.4, 8);
    let expected = beside_own(27, &["job at 27: 400 ms of 0.5"]);
    assert_eq!(readings(&machine, &mut pod), expected, "its last reading");
    readings(&machine, &mut pod);
    // It is started again, and its counter does not go back.
    machine.container("job-again", 0.1, 8);
    machine.process(51, "/../job", "/../job", "job-again");
    let expected =
        beside_own(45, &["job at 36: 400 ms of 0.5", "job at 45: 500 ms of 0.5, 8 of 128 MiB"]);
    assert_eq!(readings(&machine, &mut pod), expected);
}

#[test]
fn one_that_restarts_between_two_looks_continues_from_its_last_counter() {
    let machine = Machine::new();
    let mut pod = machine.pod().by_container();
    readings(&machine, &mut pod);
    machine.end(22);
    machine.container("app", 5.4, 8);
    machine.container("app-again", 0.1, 8);
    machine.process(51, "/../app", "/../app", "app-again");
    let expected = beside_own(18, &["app at 18: 5500 ms of 0.5, 8 of 128 MiB"]);
    assert_eq!(readings(&machine, &mut pod), expected);
}

#[test]
fn one_that_cannot_be_read_does_not_keep_the_others_from_being_read() {
    let machine = Machine::new();
    machine.tree.change("== containers/db/tmp/\n");
    machine.process(30, "/../db", "/../db", "db");
    let mut pod = machine.pod().by_container();
    let expected = beside_own(9, &["app at 9: 5000 ms of 0.5, 30 of 128 MiB"]);
    assert_eq!(readings(&machine, &mut pod), expected);
    assert!(machine.read(&mut pod).0.is_err());
}

const ID: &str = "9c40d7e21b6f83a5c7e8f01d2a4b69835e7c1d0f6a2b4e8d93c5f7a1b0e6d482";

#[test]
fn one_that_is_left_out_is_in_neither_sum() {
    let path = format!("/../{ID}");
    for name in ["9c40d7e21b6f", ID] {
        let machine = Machine::new();
        machine.limited("proxy", 50.0, 500, ("max", "max"));
        machine.process(30, &path, &path, "proxy");
        let mut pod = machine.pod().by_container().without(vec![name.to_owned()]);
        assert_eq!(machine.read(&mut pod), (Ok(6000), Ok(34)), "{name}");
        assert_eq!(pod.containers().len(), 2);
        let cpu = pod.read(machine.later(0.9)).cpu.expect("news").expect("readable");
        assert_eq!(cpu.limit.amount.0, 0.75, "nor does it take the limit away");
        machine.end(30);
        assert_eq!(machine.read(&mut pod), (Ok(6000), Ok(34)), "nor when it has ended");
    }
}

#[test]
fn a_second_agent_is_a_container_and_no_company() {
    let machine = Machine::alone();
    machine.container("agent2", 3.0, 5);
    machine.process(30, "/../agent2", "/../agent2", "agent2");
    machine.tree.change("== proc/30/comm\nagent\n");
    let mut pod = machine.pod();
    assert_eq!(machine.read(&mut pod), (Ok(4000), Ok(9)));
    assert_eq!(pod.others(), 0);
    machine.container("app", 5.0, 30);
    machine.process(22, "/../app", "/../app", "app");
    assert_eq!(machine.read(&mut pod), (Ok(9000), Ok(39)));
    assert_eq!(pod.others(), 1);
}

#[test]
fn explain_shows_each_value_by_its_name_and_where_the_limit_comes_from() {
    let machine = Machine::new();
    let mut pod = machine.pod();
    pod.read(machine.later(0.9));
    let [cpu, memory] = &pod.explain()[..] else { panic!("two parts") };
    let values: Vec<_> =
        cpu.values.iter().map(|raw| (raw.name.to_string(), raw.value.clone())).collect();
    let expected = [
        ("CPU time of own".to_owned(), Ok(1_000_000_000)),
        ("CPU time of app".to_owned(), Ok(5_000_000_000)),
        ("ended containers".to_owned(), Ok(0)),
    ];
    assert_eq!(values, expected);
    assert_eq!(cpu.formula, "(CPU time of own + CPU time of app + ended containers) ns");
    assert!(cpu.values[1].origin.ends_with("proc/22/root/sys/fs/cgroup/cpu.stat, usage_usec µs"));
    assert_eq!(memory.formula, "(memory of own + memory of app) bytes");
    let root = format!("{}/", machine.tree.root().display());
    let expected = "the limit is that of all containers: own 67108864 bytes (sys/fs/cgroup/memory.max) + \
                    app 134217728 bytes (proc/22/root/sys/fs/cgroup/memory.max)";
    let notes: Vec<_> = memory.notes.iter().map(|note| note.replace(&root, "")).collect();
    assert_eq!(notes, [expected]);
}
