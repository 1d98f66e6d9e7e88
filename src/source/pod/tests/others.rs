//! The numbers beside CPU and memory, of each container and of all.

use std::collections::BTreeMap;

use super::Machine;
use crate::model::{Number, Numbers, Raw, ReadError, Reading};
use crate::source::Source;
use crate::source::pod::Pod;

/// What a container has read of a disk and waited for it, and its processes.
fn counted(machine: &Machine, container: &str, bytes: u64, waited: u64, processes: u64) {
    let directory = match container {
        "own" => "sys/fs/cgroup".to_owned(),
        name => format!("containers/{name}/sys/fs/cgroup"),
    };
    let line = |waited| format!("avg10=0.00 avg60=0.00 avg300=0.00 total={waited}");
    machine.tree.change(&format!(
        "== {directory}/io.stat\n8:0 rbytes={bytes} wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n\
         == {directory}/io.pressure\nsome {}\nfull {}\n\
         == {directory}/pids.current\n{processes}\n== {directory}/pids.max\n10\n",
        line(waited),
        line(0)
    ));
}

fn machine() -> Machine {
    let machine = Machine::new();
    machine.tree.change("== sys/block/sda/dev\n8:0\n== sys/block/sda/slaves/\n");
    machine.tree.change("== proc/7/net/dev\nInter-| Receive\n face |bytes\n lo: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0\n eth0: 5 0 0 0 0 0 0 0 6 0 0 0 0 0 0 0\n");
    machine
}

/// The values of a reading by the names of the numbers, or the errors.
fn values(reading: &Reading) -> BTreeMap<&'static str, Result<f64, String>> {
    let value = |(number, raw): &(Number, Result<Raw, ReadError>)| {
        let value = raw.clone().map(|raw| match raw {
            Raw::Total(value) | Raw::Level(value) => value,
        });
        (number.name(), value.map_err(|error| error.to_string()))
    };
    reading.others.iter().map(value).collect()
}

fn asked(words: &[&str]) -> Numbers {
    words.iter().fold(Numbers::default(), |all, word| all.and(Numbers::of_word(word)))
}

#[test]
fn totals_of_disks_are_added_up_and_stay_when_a_container_ends() {
    let machine = machine();
    counted(&machine, "own", 100, 0, 1);
    counted(&machine, "app", 1000, 0, 3);
    let mut pod = machine.pod().reporting(asked(&["io"]));
    let mut read = || values(&pod.read(machine.later(0.9)))["disk-read-bytes"].clone();
    assert_eq!(read(), Ok(0.0), "what was before the agent is none of its");
    counted(&machine, "own", 150, 0, 1);
    counted(&machine, "app", 3000, 0, 3);
    assert_eq!(read(), Ok(2050.0));
    machine.container("new", 0.0, 1);
    counted(&machine, "new", 7, 0, 1);
    machine.process(23, "/../new", "/../new", "new");
    assert_eq!(read(), Ok(2057.0), "a new one counts from 0");
    machine.end(22);
    assert_eq!(read(), Ok(2057.0));
    counted(&machine, "own", 250, 0, 1);
    assert_eq!(read(), Ok(2157.0));
}

#[test]
fn pressure_is_that_of_each_container_and_the_network_that_of_the_pod() {
    let machine = machine();
    counted(&machine, "own", 0, 10_000, 1);
    counted(&machine, "app", 0, 30_000, 3);
    let mut pod = machine.pod().reporting(asked(&["pressure", "network"])).by_container();
    let whole = values(&pod.read(machine.later(0.9)));
    assert_eq!(whole["network-received-bytes"], Ok(0.0), "what was before is none of it");
    assert_eq!(whole.len(), 2, "{whole:?}");
    let each: BTreeMap<_, _> = pod.containers().into_iter().collect();
    assert_eq!(values(&each["app"])["io-pressure"], Ok(3.0));
    assert_eq!(values(&each["own"])["io-pressure"], Ok(1.0));
    let missing = values(&each["app"])["cpu-pressure"].clone().expect_err("there is no file");
    assert!(missing.contains("root/sys/fs/cgroup/cpu.pressure not found"), "{missing}");
    let said = once(&mut pod);
    assert!(said["io-pressure"].as_ref().is_err_and(|why| why.ends_with("as a whole has none")));
}

#[test]
fn processes_are_added_up_and_their_percent_is_of_each_limit() {
    let machine = machine();
    counted(&machine, "own", 0, 0, 1);
    counted(&machine, "app", 0, 0, 4);
    let mut pod = machine.pod().reporting(asked(&["processes", "memory-peak"])).by_container();
    pod.read(machine.later(0.9));
    machine.tree.change("== containers/app/sys/fs/cgroup/memory.peak\n67108864\n");
    let said = once(&mut pod);
    assert_eq!(said["processes"], Ok(5.0));
    assert_eq!(said["processes of app"], Ok(4.0));
    assert_eq!(said["process-utilization of app"], Ok(40.0));
    assert_eq!(said["memory-peak of app"], Ok(50.0));
    assert!(said["memory-peak of own"].is_err(), "there is no file");
    assert!(said["memory-peak"].as_ref().is_err_and(|why| why.ends_with("as a whole has none")));
}

#[test]
fn what_was_not_asked_for_is_not_read() {
    let machine = machine();
    let mut pod = machine.pod().reporting(asked(&["cpu", "memory"])).by_container();
    let reading = pod.read(machine.later(0.9));
    assert!(reading.others.is_empty() && pod.window_readings().is_empty(), "{reading:?}");
}

/// What is read once a window, by number and container.
fn once(pod: &mut Pod) -> BTreeMap<String, Result<f64, String>> {
    let named = pod.window_readings().into_iter().filter_map(|reading| {
        let of = reading.container.map(|name| format!(" of {name}")).unwrap_or_default();
        let value = reading.value?.map_err(|error| error.to_string());
        Some((format!("{}{of}", reading.number.name()), value))
    });
    named.collect()
}

#[test]
fn a_sum_lacks_what_one_container_lacks() {
    let machine = machine();
    counted(&machine, "own", 100, 0, 1);
    counted(&machine, "app", 1000, 0, 3);
    let mut pod = machine.pod().reporting(asked(&["io", "processes"])).by_container();
    pod.read(machine.later(0.9));
    machine.tree.change("== containers/late/tmp/\n");
    machine.process(50, "/../late", "/../late", "late");
    pod.read(machine.later(0.9));
    pod.read(machine.later(9.5));
    let lacks = |value: &Result<f64, String>| {
        value.as_ref().is_err_and(|error| error.starts_with("container late cannot be read"))
    };
    let whole = values(&pod.read(machine.later(0.9)));
    assert!(lacks(&whole["disk-read-bytes"]), "{whole:?}");
    let said = once(&mut pod);
    assert!(lacks(&said["processes"]), "{said:?}");
    assert_eq!(said["processes of app"], Ok(3.0), "the others go on");
    machine.container("late", 0.0, 1);
    counted(&machine, "late", 5000, 0, 1);
    let whole = values(&pod.read(machine.later(15.0)));
    assert_eq!(
        whole["disk-read-bytes"],
        Ok(0.0),
        "what it read while it was unknown is of no sample"
    );
    assert_eq!(once(&mut pod)["processes"], Ok(5.0));
}

#[test]
fn a_group_that_gets_processes_again_has_its_transfers_counted_once() {
    let machine = machine();
    counted(&machine, "own", 0, 0, 1);
    counted(&machine, "app", 1000, 0, 3);
    let mut pod = machine.pod().reporting(asked(&["io"]));
    let mut read = || values(&pod.read(machine.later(0.9)))["disk-read-bytes"].clone();
    assert_eq!(read(), Ok(0.0));
    counted(&machine, "app", 3000, 0, 3);
    assert_eq!(read(), Ok(2000.0));
    machine.end(22);
    assert_eq!(read(), Ok(2000.0));
    machine.process(70, "/../app", "/../app", "app");
    assert_eq!(read(), Ok(2000.0));
    counted(&machine, "app", 3500, 0, 3);
    assert_eq!(read(), Ok(2500.0));
}
