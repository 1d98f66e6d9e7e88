//! The counters of events, and the evidence of a reading: of each version and of both at once,
//! with the files that are missing, unreadable or garbage.

use super::{Container, MemoryUse, fixture, open, relative};
use crate::model::{Evidence, Number, Numbers, Part, RawValue, ReadError, WindowReading};
use crate::source::Source;
use crate::source::container::cpu::ContainerCpu;
use support::tree::Tree;

/// A fixture with counters of events, and the files that they stand in.
struct Layout {
    fixture: &'static str,
    cpu_stat: &'static str,
    oom: &'static str,
}

const LAYOUTS: [Layout; 4] = [
    Layout {
        fixture: "v2-private-docker",
        cpu_stat: "sys/fs/cgroup/cpu.stat",
        oom: "sys/fs/cgroup/memory.events",
    },
    Layout {
        fixture: "v1-host-docker-cgroupfs",
        cpu_stat: "sys/fs/cgroup/cpu,cpuacct/cpu.stat",
        oom: "sys/fs/cgroup/memory/memory.oom_control",
    },
    Layout {
        fixture: "hybrid-host-docker",
        cpu_stat: "sys/fs/cgroup/cpu,cpuacct/cpu.stat",
        oom: "sys/fs/cgroup/memory/memory.oom_control",
    },
    // Each controller of another version.
    Layout {
        fixture: "hybrid-memory-on-v2",
        cpu_stat: "sys/fs/cgroup/cpu,cpuacct/system.slice/foo.service/cpu.stat",
        oom: "sys/fs/cgroup/unified/system.slice/foo.service/memory.events",
    },
];

/// As Linux 6.1 writes them; the first is that of version 1 after what version 2 has besides.
const CPU_STAT: &str = "usage_usec 61412008\nuser_usec 42988405\nsystem_usec 18423603\n\
    nr_periods 8412\nnr_throttled 155\nthrottled_usec 9204118\nnr_bursts 0\nburst_usec 0\n";
const V1_OOM_CONTROL: &str = "oom_kill_disable 0\nunder_oom 1\noom_kill 3\n";
const V2_EVENTS: &str = "low 0\nhigh 7\nmax 1290\noom 5\noom_kill 3\noom_group_kill 1\n";

impl Layout {
    fn tree(&self) -> Tree {
        let tree = fixture(self.fixture);
        let is_v1 = self.oom.ends_with("oom_control");
        let oom = if is_v1 { V1_OOM_CONTROL } else { V2_EVENTS };
        tree.change(&format!("== {}\n{CPU_STAT}== {}\n{oom}", self.cpu_stat, self.oom));
        tree
    }
}

/// The throttling and the OOM kills: the numbers, the error, or `not asked for`.
fn events(tree: &Tree, metrics: Numbers) -> (String, String) {
    let mut container = open(tree).reporting(metrics);
    let tell = |part: Option<Result<String, ReadError>>| match part {
        Some(Ok(numbers)) => numbers,
        Some(Err(error)) => relative(&error.to_string(), tree),
        None => "not asked for".to_owned(),
    };
    let readings = container.window_readings();
    let asked = |number| readings.iter().any(|reading| reading.number == number);
    let throttling =
        container.cpu.as_mut().map_or_else(|none| Err(none.clone()), ContainerCpu::throttling);
    let throttling = throttling.map(|found| format!("{} of {}", found.throttled, found.periods));
    let kills = readings.iter().find(|reading| reading.number == Number::OomKills);
    let kills = kills.and_then(|reading| reading.value.clone());
    (
        tell(asked(Number::Throttling).then_some(throttling)),
        tell(kills.map(|kills| kills.map(|count| count.to_string()))),
    )
}

fn both(throttling: &str, oom_kills: &str) -> (String, String) {
    (throttling.to_owned(), oom_kills.to_owned())
}

#[test]
fn the_groups_own_events_are_counted() {
    for layout in LAYOUTS {
        assert_eq!(
            events(&layout.tree(), Numbers::of(Number::ALL)),
            both("155 of 8412", "3"),
            "{}",
            layout.fixture
        );
    }
}

#[test]
fn only_what_is_asked_for_is_read() {
    for layout in LAYOUTS {
        let tree = layout.tree();
        let neither = Numbers::of(&[Number::Cpu, Number::Memory]);
        assert_eq!(events(&tree, neither), both("not asked for", "not asked for"));
        let throttling = Numbers::of(&[Number::Throttling]);
        assert_eq!(events(&tree, throttling), both("155 of 8412", "not asked for"));
        let oom_kills = Numbers::of(&[Number::OomKills]);
        assert_eq!(events(&tree, oom_kills), both("not asked for", "3"));
    }
}

#[test]
fn what_is_read_for_a_sample_leaves_the_window_as_it_is() {
    let tree = LAYOUTS[0].tree();
    let both = [Number::Throttling, Number::OomKills];
    let mut container = open(&tree).reporting(Numbers::of(&both));
    let set = |periods: i64, throttled: i64, kills: i64| {
        let stat = format!("nr_periods {periods}\nnr_throttled {throttled}\n");
        let oom = format!("oom_kill {kills}\n");
        tree.change(&format!("== {}\n{stat}== {}\n{oom}", LAYOUTS[0].cpu_stat, LAYOUTS[0].oom));
    };
    let values = |readings: Vec<WindowReading>| {
        let values = readings.into_iter().filter_map(|of| of.value?.ok());
        values.collect::<Vec<_>>()
    };
    set(100, 0, 3);
    assert_eq!(values(container.window_readings()), [3.0]);
    assert_eq!(values(container.prompt_readings(Numbers::of(&both))), [3.0], "the first one");
    set(110, 10, 4);
    assert_eq!(values(container.prompt_readings(Numbers::of(&both))), [100.0, 4.0]);
    set(200, 10, 4);
    let throttling = Numbers::of(&[Number::Throttling]);
    assert_eq!(values(container.prompt_readings(throttling)), [0.0], "kills are not wanted");
    assert_eq!(values(container.window_readings()), [10.0, 4.0]);
    // What nobody wants is forgotten: the next one begins anew.
    assert_eq!(values(container.prompt_readings(Numbers::default())), [0.0; 0]);
    assert_eq!(values(container.prompt_readings(throttling)), [0.0; 0]);
    // What was not asked for with --metrics is not there for alarms either.
    let mut container = open(&tree).reporting(throttling);
    assert_eq!(values(container.prompt_readings(Numbers::of(&both))), [0.0; 0]);
}

#[test]
fn throttling_is_the_part_of_the_periods_since_the_last_report() {
    let tree = LAYOUTS[0].tree();
    let mut container = open(&tree).reporting(Numbers::of(&[Number::Throttling]));
    let mut report = |periods: i64, throttled: i64| {
        let stat = format!("nr_periods {periods}\nnr_throttled {throttled}\n");
        tree.change(&format!("== {}\n{stat}", LAYOUTS[0].cpu_stat));
        let reading = container.window_readings().remove(0);
        reading.value.map(|value| value.map_err(|error| error.to_string().contains("nr_throttled")))
    };
    assert_eq!(report(1000, 900), None, "nothing is known of the time before");
    assert_eq!(report(1600, 1050), Some(Ok(25.0)));
    assert_eq!(report(1600, 1050), Some(Ok(0.0)), "there was nothing to run");
    assert_eq!(report(1700, 1150), Some(Ok(100.0)));
    assert_eq!(report(10, 5), None, "the counters were started again");
    assert_eq!(report(20, 10), Some(Ok(50.0)));
    assert_eq!(report(20, -1), Some(Err(true)), "they cannot be read");
    assert_eq!(
        report(40, 14),
        Some(Ok(20.0)),
        "and can be again: since they could be the last time"
    );
    assert_eq!(report(50, 15), Some(Ok(10.0)));
    assert_eq!(report(-1, 0), Some(Err(true)));
    assert_eq!(report(0, -1), Some(Err(true)), "for longer");
    assert_eq!(report(60, 18), Some(Ok(30.0)));
    assert_eq!(report(0, -1), Some(Err(true)));
    assert_eq!(report(10, 5), None, "the counters were started again meanwhile");
    assert_eq!(report(20, 5), Some(Ok(0.0)));
}

#[test]
fn a_group_that_never_ran_out_of_anything_has_zeros_and_no_absence() {
    for layout in LAYOUTS {
        let tree = layout.tree();
        let (cpu_stat, oom) = (layout.cpu_stat, layout.oom);
        tree.change(&format!("== {cpu_stat}\nnr_periods 0\nnr_throttled 0\n"));
        tree.change(&format!("== {oom}\noom_kill 0\n"));
        assert_eq!(
            events(&tree, Numbers::of(Number::ALL)),
            both("0 of 0", "0"),
            "{}",
            layout.fixture
        );
    }
}

#[test]
fn events_are_absent_with_the_file_that_fails_and_the_other_ones_stay() {
    const NOT_READ: &str = "cannot be read: Is a directory (os error 21)";
    for Layout { fixture, cpu_stat, oom } in LAYOUTS {
        let tree = || Layout { fixture, cpu_stat, oom }.tree();
        for (fault, message) in [
            (" (missing)", "not found"),
            (" (unreadable)", NOT_READ),
            ("", "has no nr_periods and nr_throttled"),
            // Without CONFIG_CFS_BANDWIDTH version 2 has no more than this.
            ("\nusage_usec 61412008\n", "has no nr_periods and nr_throttled"),
            ("\nnr_periods 8412\n", "has no nr_periods and nr_throttled"),
            ("\nnr_periods many\nnr_throttled 155\n", "has no nr_periods and nr_throttled"),
            ("\nnr_periods 8412\nnr_throttled -1\n", "has no nr_periods and nr_throttled"),
        ] {
            let tree = tree();
            tree.change(&format!("== {cpu_stat}{fault}"));
            let expected = both(&format!("{cpu_stat} {message}"), "3");
            assert_eq!(events(&tree, Numbers::of(Number::ALL)), expected, "{fixture}{fault}");
        }
        for (fault, message) in [
            (" (missing)", "not found"),
            (" (unreadable)", NOT_READ),
            ("", "has no oom_kill"),
            // Before Linux 4.13 kills were not counted.
            ("\noom_kill_disable 0\nunder_oom 0\n", "has no oom_kill"),
            ("\noom 5\noom_group_kill 1\n", "has no oom_kill"),
            ("\noom_kill 1.5\n", "has no oom_kill"),
        ] {
            let tree = tree();
            tree.change(&format!("== {oom}{fault}"));
            let expected = both("155 of 8412", &format!("{oom} {message}"));
            assert_eq!(events(&tree, Numbers::of(Number::ALL)), expected, "{fixture}{fault}");
        }
    }
}

#[test]
fn a_process_that_is_in_no_group_has_no_events() {
    let tree = fixture("v1-host-docker-cgroupfs");
    tree.change("== proc/self/cgroup\n");
    let expected = both(
        "proc/self/cgroup has no group with the cpu controller",
        "proc/self/cgroup has no group with the memory controller",
    );
    assert_eq!(events(&tree, Numbers::of(Number::ALL)), expected);
}

/// The evidence of CPU and of memory: each formula and its values.
type Expected<'a> = [(&'a str, &'a [(&'static str, &'a str, Result<u64, &'a str>)]); 2];

fn check_evidence(tree: &Tree, memory: MemoryUse, expected: Expected<'_>) {
    let mut found = Container::open(tree.root(), memory).explain();
    for raw in found.iter_mut().flat_map(|evidence| &mut evidence.values) {
        raw.origin = relative(&raw.origin, tree);
        raw.value = raw.value.clone().map_err(|error| relative(&error, tree));
    }
    let parts = [Part::Cpu, Part::Memory].into_iter().zip(expected);
    let expected: Vec<_> = parts
        .map(|(part, (formula, values))| {
            let values = values.iter().map(|&(name, origin, value)| RawValue {
                name: name.into(),
                origin: origin.to_owned(),
                value: value.map_err(str::to_owned),
            });
            // The formulas live as long as the program, those of the tables here do not.
            let formula: &'static str = String::from(formula).leak();
            let (values, formula) = (values.collect(), formula.into());
            Evidence { part, values, formula, notes: Vec::new() }
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn version_2_tells_its_files_its_values_and_its_formulas() {
    let (current, stat) = ("sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory.stat");
    let cpu = [("usage_usec", "sys/fs/cgroup/cpu.stat", Ok(61_412_008))];
    let memory = [
        ("memory.current", current, Ok(249_946_112)),
        ("file", stat, Ok(112_197_632)),
        ("shmem", stat, Ok(7_340_032)),
        ("slab_reclaimable", stat, Ok(901_120)),
    ];
    let formula = "(memory.current − (file − shmem) − slab_reclaimable) bytes";
    let tree = fixture("v2-private-docker");
    check_evidence(&tree, MemoryUse::Used, [("usage_usec µs", &cpu), (formula, &memory)]);

    let memory = [memory[0], ("inactive_file", stat, Ok(73_400_320))];
    let formula = "(memory.current − inactive_file) bytes";
    check_evidence(&tree, MemoryUse::WorkingSet, [("usage_usec µs", &cpu), (formula, &memory)]);
}

#[test]
fn version_1_tells_its_files_its_values_and_its_formulas() {
    let usage_in_bytes = "sys/fs/cgroup/memory/memory.usage_in_bytes";
    let stat = "sys/fs/cgroup/memory/memory.stat";
    let cpu = [("cpuacct.usage", "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", Ok(7_007_007_007))];
    let memory = [
        ("memory.usage_in_bytes", usage_in_bytes, Ok(212_180_992)),
        ("total_cache", stat, Ok(95_420_416)),
        ("total_shmem", stat, Ok(3_145_728)),
    ];
    let formula = "(memory.usage_in_bytes − (total_cache − total_shmem)) bytes";
    // The same of a hybrid system, whose controllers are those of version 1.
    let tree = fixture("hybrid-host-docker");
    check_evidence(&tree, MemoryUse::Used, [("cpuacct.usage ns", &cpu), (formula, &memory)]);

    let memory = [memory[0], ("total_inactive_file", stat, Ok(69_206_016))];
    let formula = "(memory.usage_in_bytes − total_inactive_file) bytes";
    check_evidence(&tree, MemoryUse::WorkingSet, [("cpuacct.usage ns", &cpu), (formula, &memory)]);
}

#[test]
fn each_controller_tells_the_files_of_its_version() {
    let cpu = "sys/fs/cgroup/cpu,cpuacct/system.slice/foo.service/cpuacct.usage";
    let memory = "sys/fs/cgroup/unified/system.slice/foo.service";
    let (current, stat) = (format!("{memory}/memory.current"), format!("{memory}/memory.stat"));
    let cpu = [("cpuacct.usage", cpu, Ok(10_020_030_040))];
    let memory = [
        ("memory.current", current.as_str(), Ok(80_076_800)),
        ("file", stat.as_str(), Ok(32_505_856)),
        ("shmem", stat.as_str(), Ok(1_048_576)),
        ("slab_reclaimable", stat.as_str(), Ok(901_120)),
    ];
    let formula = "(memory.current − (file − shmem) − slab_reclaimable) bytes";
    let tree = fixture("hybrid-memory-on-v2");
    check_evidence(&tree, MemoryUse::Used, [("cpuacct.usage ns", &cpu), (formula, &memory)]);
}

#[test]
fn what_cannot_be_told_is_said_with_the_reason() {
    let (current, stat) = ("sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory.stat");
    let tree = fixture("v2-private-docker");
    tree.change("== sys/fs/cgroup/cpu.stat\nusage_usec -1\n");
    tree.change(&format!("== {current} (missing)"));
    tree.change(&format!("== {stat}\nfile 112197632\nslab_reclaimable garbage\n"));
    let told = format!("not found in {stat}");
    let cpu_told = "not found in sys/fs/cgroup/cpu.stat";
    let cpu = [("usage_usec", "sys/fs/cgroup/cpu.stat", Err(cpu_told))];
    let memory = [
        ("memory.current", current, Err("sys/fs/cgroup/memory.current not found")),
        ("file", stat, Ok(112_197_632)),
        ("shmem", stat, Err(told.as_str())),
        ("slab_reclaimable", stat, Err(told.as_str())),
    ];
    let formula = "(memory.current − (file − shmem) − slab_reclaimable) bytes";
    check_evidence(&tree, MemoryUse::Used, [("usage_usec µs", &cpu), (formula, &memory)]);
}
