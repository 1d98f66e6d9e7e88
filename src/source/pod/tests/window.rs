//! What is read once a window, and the fullest container.

use super::Machine;
use crate::model::{Number, Numbers, Raw};
use crate::source::Source;
use crate::source::pod::Pod;

/// Scheduling periods of a container, those in which it was throttled, and processes killed.
fn events(machine: &Machine, container: &str, periods: u64, throttled: u64, kills: u64) {
    let directory = match container {
        "own" => "sys/fs/cgroup".to_owned(),
        name => format!("containers/{name}/sys/fs/cgroup"),
    };
    machine.tree.change(&format!(
        "== {directory}/cpu.stat\nusage_usec 1\nnr_periods {periods}\nnr_throttled {throttled}\n\
         == {directory}/memory.events\noom_kill {kills}\n"
    ));
}

/// Name, container and value of each reading that has one.
fn readings(pod: &mut Pod) -> Vec<(String, Option<String>, f64)> {
    let readings = pod.window_readings().into_iter().filter_map(|reading| {
        let value = reading.value?.expect("it can be read");
        Some((reading.number.label().to_owned(), reading.container.map(|of| of.to_string()), value))
    });
    readings.collect()
}

fn reporting(machine: &Machine) -> Pod {
    machine.pod().reporting(Numbers::of(&[Number::Throttling, Number::OomKills]))
}

#[test]
fn throttling_is_that_of_the_most_throttled_and_kills_are_those_of_all() {
    let machine = Machine::new();
    events(&machine, "app", 100, 10, 2);
    events(&machine, "own", 100, 0, 1);
    let mut pod = reporting(&machine).by_container();
    pod.read(machine.later(0.9));
    let kills = |of: Option<&str>, kills| ("OOM kills".to_owned(), of.map(str::to_owned), kills);
    // What was before the agent is none of its.
    let first = [kills(None, 0.0), kills(Some("own"), 0.0), kills(Some("app"), 0.0)];
    assert_eq!(readings(&mut pod), first);
    events(&machine, "app", 200, 60, 3);
    events(&machine, "own", 200, 5, 1);
    let throttling =
        |of: Option<&str>, percent| ("throttling".to_owned(), of.map(str::to_owned), percent);
    let second = [
        throttling(None, 50.0),
        throttling(Some("own"), 5.0),
        throttling(Some("app"), 50.0),
        kills(None, 1.0),
        kills(Some("own"), 0.0),
        kills(Some("app"), 1.0),
    ];
    assert_eq!(readings(&mut pod), second);
}

#[test]
fn what_is_read_for_a_sample_is_of_that_sample_and_leaves_the_window_as_it_is() {
    let machine = Machine::new();
    events(&machine, "app", 100, 10, 2);
    let mut pod = reporting(&machine);
    pod.read(machine.later(0.9));
    pod.window_readings();
    let both = Numbers::of(&[Number::Throttling, Number::OomKills]);
    let prompt = |pod: &mut Pod, wanted: Numbers| {
        let readings = pod.prompt_readings(wanted).into_iter();
        let readings = readings.filter_map(|of| Some((of.number, of.value?.expect("readable"))));
        readings.collect::<Vec<_>>()
    };
    assert_eq!(prompt(&mut pod, both), [(Number::OomKills, 0.0)], "nothing to compare with");
    events(&machine, "app", 110, 20, 3);
    let second = [(Number::Throttling, 100.0), (Number::OomKills, 1.0)];
    assert_eq!(prompt(&mut pod, both), second);
    events(&machine, "app", 200, 20, 3);
    // One that ends was throttled in the sample in which it ended, too.
    events(&machine, "own", 10, 5, 0);
    machine.end(22);
    pod.read(machine.later(0.9));
    assert_eq!(prompt(&mut pod, both), [(Number::Throttling, 50.0), (Number::OomKills, 1.0)]);
    assert_eq!(readings(&mut pod)[0].2, 50.0, "the window has the time since the last window");
    assert_eq!(prompt(&mut pod, Numbers::default()), []);
}

#[test]
fn kills_of_a_container_that_has_ended_stay_in_the_total() {
    let machine = Machine::alone();
    let mut pod = reporting(&machine);
    assert_eq!(readings(&mut pod).len(), 1, "it looks by itself");
    machine.container("app", 5.0, 30);
    machine.process(22, "/../app", "/../app", "app");
    events(&machine, "app", 0, 0, 2);
    pod.read(machine.later(0.9));
    let total = |pod: &mut Pod| readings(pod).last().map(|(_, _, kills)| *kills);
    assert_eq!(total(&mut pod), Some(2.0));
    machine.end(22);
    pod.read(machine.later(0.9));
    assert_eq!(total(&mut pod), Some(2.0), "a total never goes back");
}

#[test]
fn a_container_that_is_full_is_seen_in_a_sum_that_is_not() {
    let machine = Machine::alone();
    machine.limited("small", 0.0, 60, ("max", "67108864"));
    machine.limited("large", 0.0, 10, ("max", "1073741824"));
    machine.process(22, "/../small", "/../small", "small");
    machine.process(23, "/../large", "/../large", "large");
    let mut pod = machine.pod().reporting(Numbers::of(&[Number::Fullest]));
    let reading = pod.read(machine.later(0.9));
    let [(Number::Fullest, Ok(Raw::Level(percent)))] = reading.others[..] else {
        panic!("{reading:?}")
    };
    assert_eq!(percent, 93.75);
    // The fullest may be the one that cannot be read.
    machine.tree.change("== containers/none/tmp/\n");
    machine.process(24, "/../none", "/../none", "none");
    pod.read(machine.later(0.9));
    let others = pod.read(machine.later(10.0)).others;
    assert!(matches!(others[..], [(Number::Fullest, Err(_))]), "{others:?}");
}

#[test]
fn a_container_is_throttled_until_it_ends() {
    let machine = Machine::new();
    let mut pod = reporting(&machine).by_container();
    pod.read(machine.later(0.9));
    pod.window_readings();
    events(&machine, "app", 50, 30, 0);
    machine.end(22);
    pod.read(machine.later(0.9));
    let throttling = |pod: &mut Pod| {
        let all = readings(pod).into_iter().filter(|(name, ..)| name == "throttling");
        all.map(|(_, of, percent)| (of.unwrap_or_default(), percent)).collect::<Vec<_>>()
    };
    let named = |name: &str, percent| (name.to_owned(), percent);
    let expected = [named("", 60.0), named("app", 60.0), named("own", 0.0)];
    assert_eq!(throttling(&mut pod), expected);
    assert_eq!(throttling(&mut pod), [named("", 0.0), named("own", 0.0)], "it is told once");
}

#[test]
fn a_container_that_is_new_was_throttled_since_it_began() {
    let machine = Machine::alone();
    let mut pod = reporting(&machine).by_container();
    pod.read(machine.later(0.9));
    pod.window_readings();
    machine.container("job", 0.3, 8);
    events(&machine, "job", 4, 1, 1);
    machine.process(50, "/../job", "/../job", "job");
    pod.read(machine.later(0.9));
    let all = readings(&mut pod);
    assert!(all.contains(&("throttling".to_owned(), Some("job".to_owned()), 25.0)), "{all:?}");
    assert!(all.contains(&("OOM kills".to_owned(), None, 1.0)), "{all:?}");
}

/// A runtime that keeps the group, or a supervisor that starts its workers anew.
#[test]
fn a_group_that_gets_processes_again_is_not_counted_twice() {
    let machine = Machine::alone();
    let mut pod = reporting(&machine);
    pod.read(machine.later(0.9));
    machine.container("app", 1.0, 30);
    events(&machine, "app", 10, 5, 2);
    machine.process(22, "/../app", "/../app", "app");
    pod.read(machine.later(0.9));
    pod.window_readings();
    machine.end(22);
    pod.read(machine.later(0.9));
    events(&machine, "app", 20, 5, 3);
    machine.process(70, "/../app", "/../app", "app");
    pod.read(machine.later(0.9));
    let expected = [("throttling".to_owned(), None, 0.0), ("OOM kills".to_owned(), None, 3.0)];
    assert_eq!(readings(&mut pod), expected);
}

#[test]
fn the_whole_lacks_what_one_container_lacks() {
    let machine = Machine::new();
    let mut pod = reporting(&machine).by_container();
    pod.read(machine.later(0.9));
    pod.window_readings();
    machine.tree.change("== containers/late/tmp/\n");
    machine.process(50, "/../late", "/../late", "late");
    pod.read(machine.later(0.9));
    pod.read(machine.later(10.0));
    for reading in pod.window_readings() {
        let (of, value) = (reading.container, reading.value.expect("it was read before"));
        match of {
            None => {
                let error = value.expect_err("the sum lacks one").to_string();
                assert!(error.starts_with("container late cannot be read"), "{error}");
            }
            Some(name) => assert!(value.is_ok(), "{name}"),
        }
    }
}
