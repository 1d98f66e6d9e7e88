//! A minute of silence and its end, by readings that are made here.

use super::*;
use crate::config::MemoryUse;
use crate::model::{Bytes, Cores, CpuAccount, CpuReading, Limit, MemoryReading, Origin};
use crate::source::container::tests::fixture;
use support::tree::Tree;

const INTERVAL: Duration = Duration::from_millis(900);

/// The readings of an endpoint, one after the other.
struct Readings {
    fallback: Fallback,
    tree: Tree,
    at: Instant,
    account: CpuAccount,
}

impl Readings {
    /// In a container of this layout.
    fn new(may_measure_container: bool, container: &str) -> Self {
        let (fallback, tree) = (Fallback::new(may_measure_container), fixture(container));
        Self { fallback, tree, at: Instant::now(), account: CpuAccount::open() }
    }

    /// What a reading with these parts gives: bytes of memory, `-` for nothing, or the error.
    fn read(&mut self, cpu: bool, memory: bool, every: Duration) -> (String, String) {
        self.at += every;
        let limit = Limit { amount: Cores(1.0), origin: Origin::Call("task") };
        let (at, used, account) = (self.at, Duration::ZERO, self.account);
        let cpu = cpu.then_some(Ok(CpuReading { at, used, limit, account }));
        let limit = Limit { amount: Bytes(10), origin: Origin::Call("task") };
        let memory = memory.then_some(Ok(MemoryReading { used: Bytes(5), limit }));
        let root = self.tree.root();
        let open = || Container::open(root, MemoryUse::Used);
        let reading = Reading::of(cpu, memory);
        let reading = self.fallback.complete(reading, self.at, Some("HTTP 404"), open);
        let cpu = reading.cpu.map(|cpu| cpu.map(|cpu| cpu.limit.amount.0.to_string()));
        let memory = reading.memory.map(|memory| memory.map(|memory| memory.used.0.to_string()));
        let text = |part: Option<Result<String, ReadError>>| match part {
            Some(part) => part.unwrap_or_else(|error| error.to_string()),
            None => "-".to_owned(),
        };
        (text(cpu), text(memory))
    }

    /// As [`read`](Self::read), again and again for so long.
    fn last_of(&mut self, cpu: bool, memory: bool, seconds: u64) -> (String, String) {
        let end = self.at + Duration::from_secs(seconds);
        let mut last = (String::new(), String::new());
        while self.at < end {
            last = self.read(cpu, memory, INTERVAL);
        }
        last
    }
}

fn both(cpu: &str, memory: &str) -> (String, String) {
    (cpu.to_owned(), memory.to_owned())
}

const SILENT: &str = "no data from the task metadata endpoint for 60 s (HTTP 404)";

#[test]
fn after_a_minute_it_is_the_container_and_with_the_first_figure_the_task() {
    let mut readings = Readings::new(true, "v2-private-docker");
    assert_eq!(readings.last_of(false, false, 60), both("-", "-"));
    assert_eq!(readings.last_of(false, false, 2), both("0.25", "144187392"));
    assert_eq!(readings.last_of(false, false, 600), both("0.25", "144187392"));
    assert_eq!(readings.read(false, true, INTERVAL), both("-", "5"));
    assert_eq!(readings.last_of(true, true, 5), both("1", "5"));
    assert_eq!(readings.last_of(false, false, 59), both("-", "-"));
    assert_eq!(readings.last_of(false, false, 4), both("0.25", "144187392"));
}

#[test]
fn without_a_limit_and_where_the_task_was_asked_for_there_is_the_reason_and_nothing_else() {
    let unlimited = Readings::new(true, "v2-private-ecs-al2023");
    let asked_for = Readings::new(false, "v2-private-docker");
    for mut readings in [unlimited, asked_for] {
        assert_eq!(readings.last_of(false, false, 60), both("-", "-"));
        assert_eq!(readings.last_of(false, false, 2), both(SILENT, SILENT));
        assert_eq!(readings.read(true, true, INTERVAL), both("1", "5"));
    }
}

#[test]
fn a_limit_that_is_set_later_is_found_within_a_minute() {
    let mut readings = Readings::new(true, "v2-private-ecs-al2023");
    assert_eq!(readings.last_of(false, false, 62), both(SILENT, SILENT));
    readings.tree.change("== sys/fs/cgroup/memory.max\n67108864\n");
    assert_eq!(readings.last_of(false, false, 62), both(SILENT, "38281216"));
}

#[test]
fn a_part_that_the_container_has_no_limit_of_is_not_that_of_the_machine() {
    let mut readings = Readings::new(true, "v2-private-docker");
    readings.tree.change("== sys/fs/cgroup/memory.max\nmax\n");
    assert_eq!(readings.last_of(false, false, 62), both("0.25", SILENT));
    let mut readings = Readings::new(true, "v2-private-docker");
    readings.tree.change("== sys/fs/cgroup/cpu.max\nmax 100000\n");
    assert_eq!(readings.last_of(false, false, 62), both(SILENT, "144187392"));
}

#[test]
fn a_part_that_is_never_told_has_its_reason_while_the_other_goes_on() {
    let mut readings = Readings::new(true, "v2-private-docker");
    assert_eq!(readings.last_of(true, false, 60), both("1", "-"));
    assert_eq!(readings.last_of(true, false, 2), both("1", SILENT));
    assert_eq!(readings.last_of(false, true, 60), both("-", "5"));
    assert_eq!(readings.last_of(false, true, 3), both(SILENT, "5"));
}

#[test]
fn few_readings_that_are_far_apart_are_no_silence() {
    let mut readings = Readings::new(true, "v2-private-docker");
    let minute = Duration::from_secs(60);
    for _ in 0..6 {
        assert_eq!(readings.read(false, false, minute), both("-", "-"));
    }
    assert_eq!(readings.read(false, false, minute), both("0.25", "144187392"));
}

#[test]
fn figures_that_come_now_and_then_are_no_silence() {
    let mut readings = Readings::new(true, "v2-private-docker");
    for _ in 0..20 {
        assert_eq!(readings.last_of(false, false, 50), both("-", "-"));
        assert_eq!(readings.read(true, true, INTERVAL), both("1", "5"));
    }
}
