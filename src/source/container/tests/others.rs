//! The numbers beside CPU and memory, of each version and of both at once, with the files that are
//! missing, unreadable or garbage.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{fixture, open, relative};
use crate::model::{Number, Numbers, Raw};
use crate::source::Source;
use support::tree::Tree;

const HEAD: &str = "Inter-| Receive | Transmit\n face |bytes\n";
const PRESSURE: &str = "some avg10=0.00 avg60=0.00 avg300=0.00 total=30000\n\
    full avg10=0.00 avg60=0.00 avg300=0.00 total=10000\n";

/// All that a container tells beside CPU and memory, by its name: totals, values, or why there are none.
fn told(tree: &Tree, numbers: Numbers) -> BTreeMap<&'static str, Result<f64, String>> {
    let mut container = open(tree).reporting(numbers);
    let sampled = container.read(Instant::now()).others.into_iter().map(|(number, raw)| {
        let value = raw.map(|raw| match raw {
            Raw::Total(value) | Raw::Level(value) => value,
        });
        (number, value)
    });
    let sampled: Vec<_> = sampled.collect();
    let events = [Number::Throttling, Number::OomKills];
    let windows = container.window_readings().into_iter();
    let windows = windows.filter(|reading| !events.contains(&reading.number));
    let windows = windows.filter_map(|reading| Some((reading.number, reading.value?)));
    let all = sampled.into_iter().chain(windows);
    let text = |value: Result<f64, _>| {
        value.map_err(|error: crate::model::ReadError| relative(&error.to_string(), tree))
    };
    all.map(|(number, value)| (number.name(), text(value))).collect()
}

fn all() -> Numbers {
    Numbers::of(Number::ALL)
}

fn with_network(tree: &Tree) {
    let line = "eth0: 700 1 0 0 0 0 0 0 300 1 0 0 0 0 0 0\n";
    tree.change(&format!("== proc/self/net/dev\n{HEAD}{line}"));
}

#[test]
fn version_2_has_all_of_them_in_one_group() {
    let tree = fixture("v2-private-docker");
    with_network(&tree);
    for resource in ["cpu", "memory", "io"] {
        tree.change(&format!("== sys/fs/cgroup/{resource}.pressure\n{PRESSURE}"));
    }
    tree.change(
        "== sys/fs/cgroup/io.stat\n8:0 rbytes=1 wbytes=2 rios=3 wios=4\n\
         == sys/fs/cgroup/pids.current\n12\n== sys/fs/cgroup/pids.max\n48\n\
         == sys/fs/cgroup/memory.swap.current\n1024\n== sys/fs/cgroup/memory.swap.max\n4096\n\
         == sys/fs/cgroup/memory.max\n1048576\n== sys/fs/cgroup/memory.peak\n524288\n",
    );
    let told = told(&tree, all());
    let names = ["processes", "process-utilization", "swap", "memory-peak"];
    assert_eq!(names.map(|name| told[name].clone()), [Ok(12.0), Ok(25.0), Ok(25.0), Ok(50.0)]);
    for name in ["cpu", "memory", "io"] {
        assert_eq!(told[&*format!("{name}-pressure")], Ok(3.0), "{name}");
        assert_eq!(told[&*format!("{name}-full-pressure")], Ok(1.0), "{name}");
    }
    for name in ["disk-read-bytes", "disk-write-operations", "network-sent-bytes"] {
        assert_eq!(told[name], Ok(0.0), "{name} counts from the first reading on");
    }
    let elsewhere = Err("only an ECS task on Fargate has it: --scope task or pod".to_owned());
    assert_eq!(told["ephemeral-storage"], elsewhere);
    assert_eq!(told.len(), Number::ALL.len() - 4, "each that was asked for: {told:#?}");
}

#[test]
fn what_is_missing_is_named_and_takes_nothing_else_away() {
    let tree = fixture("v2-private-docker");
    let told = told(&tree, all());
    let error = |name: &str| told[name].clone().expect_err("it is not there");
    for (name, file) in [
        ("cpu-pressure", "sys/fs/cgroup/cpu.pressure not found: pressure needs Linux 4.20"),
        ("io-full-pressure", "sys/fs/cgroup/io.pressure not found: pressure needs Linux 4.20"),
        ("disk-read-bytes", "sys/fs/cgroup/io.stat not found: the io controller is off"),
        ("network-sent-bytes", "proc/self/net/dev not found"),
        ("processes", "sys/fs/cgroup/pids.current not found: the pids controller is off"),
        ("process-utilization", "sys/fs/cgroup/pids.current not found: the pids controller is off"),
        ("swap", "sys/fs/cgroup/memory.swap.current not found: the kernel counts no swap"),
        ("memory-peak", "sys/fs/cgroup/memory.peak not found: memory.peak needs Linux 5.19"),
        ("fullest", "it is of the containers of a task or pod"),
    ] {
        assert!(error(name).starts_with(file), "{name}: {}", error(name));
    }
    assert_eq!(told.len(), Number::ALL.len() - 4, "{told:#?}");
}

#[test]
fn processes_without_a_limit_are_counted_and_have_no_percent() {
    let tree = fixture("v2-private-docker");
    tree.change("== sys/fs/cgroup/pids.current\n7\n== sys/fs/cgroup/pids.max\nmax\n");
    let told = told(&tree, all());
    assert_eq!(told["processes"], Ok(7.0));
    let none = "no limit of processes in sys/fs/cgroup/pids.max";
    assert_eq!(told["process-utilization"], Err(none.to_owned()));
    tree.change("== sys/fs/cgroup/pids.max\nseven\n");
    let malformed = "sys/fs/cgroup/pids.max has no number of processes or max";
    assert_eq!(self::told(&tree, all())["process-utilization"], Err(malformed.to_owned()));
}

#[test]
fn version_1_has_them_in_several_hierarchies_and_no_pressure() {
    let tree = fixture("v1-host-docker-cgroupfs");
    with_network(&tree);
    let text = std::fs::read_to_string(tree.root().join("proc/self/cgroup")).expect("the fixture");
    let path = text.lines().next().and_then(|line| line.rsplit(':').next()).expect("a path");
    tree.change(&format!("== proc/self/cgroup\n{text}21:blkio:{path}\n22:pids:{path}\n"));
    let mounts =
        std::fs::read_to_string(tree.root().join("proc/self/mountinfo")).expect("the fixture");
    let mount = |id: u8, name: &str| {
        format!("{id} 24 0:{id} {path} /sys/fs/cgroup/{name} ro - cgroup cgroup rw,{name}\n")
    };
    let more = mount(91, "blkio") + &mount(92, "pids");
    tree.change(&format!("== proc/self/mountinfo\n{mounts}{more}"));
    tree.change(
        "== sys/fs/cgroup/blkio/blkio.throttle.io_service_bytes\n8:0 Read 5\n8:0 Write 6\nTotal 11\n\
         == sys/fs/cgroup/blkio/blkio.throttle.io_serviced\n8:0 Read 1\n8:0 Write 1\nTotal 2\n\
         == sys/fs/cgroup/pids/pids.current\n5\n== sys/fs/cgroup/pids/pids.max\n10\n\
         == sys/fs/cgroup/memory/memory.max_usage_in_bytes\n1048576\n",
    );
    let told = told(&tree, all());
    let names = ["processes", "process-utilization", "disk-write-bytes", "network-sent-bytes"];
    assert_eq!(names.map(|name| told[name].clone()), [Ok(5.0), Ok(50.0), Ok(0.0), Ok(0.0)]);
    let peak = told["memory-peak"].clone().expect("the fixture has a limit");
    assert!(peak > 0.0 && peak < 100.0, "{peak}");
    let pressure = told["memory-pressure"].clone().expect_err("version 1 has none");
    assert!(pressure.starts_with("pressure of a container needs cgroup version 2"), "{pressure}");
    let swap = "sys/fs/cgroup/memory/memory.stat: swap has no limit here";
    assert_eq!(told["swap"], Err(swap.to_owned()));
}

#[test]
fn on_a_hybrid_system_pressure_is_that_of_the_group_of_version_2() {
    let tree = fixture("hybrid-host-systemd");
    let own = "sys/fs/cgroup/unified/system.slice/foo.service";
    tree.change(&format!("== {own}/cpu.pressure\n{PRESSURE}"));
    let asked = Numbers::of(&[Number::CpuPressure, Number::MemoryPressure]);
    let told = told(&tree, asked);
    assert_eq!(told["cpu-pressure"], Ok(3.0));
    let missing = told["memory-pressure"].clone().expect_err("it is not there");
    assert!(missing.starts_with(&format!("{own}/memory.pressure not found")), "{missing}");
    assert_eq!(told.len(), 2, "what was not asked for is not told");
}

#[test]
fn without_a_group_each_has_the_reason() {
    let tree = Tree::new("== proc/self/cgroup\n5:cpu:/\n== proc/self/mountinfo\n");
    let told = told(&tree, Numbers::of(&[Number::Swap, Number::Processes, Number::DiskReadBytes]));
    for (name, controller) in
        [("swap", "memory"), ("processes", "pids"), ("disk-read-bytes", "blkio or io")]
    {
        let error = format!("no control group with the {controller} controller");
        assert_eq!(told[name], Err(error), "{name}");
    }
    let tree = Tree::new("== proc/self/cgroup\n0::/\n");
    let missing = "proc/self/mountinfo not found".to_owned();
    let asked = Numbers::of(&[Number::Processes]);
    assert_eq!(self::told(&tree, asked)["processes"], Err(missing));
}
