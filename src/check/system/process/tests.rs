use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::poll;

use super::super::tests::{absent, assert_complete, number, open};
use super::snapshot::{Process, found};
use super::*;
use crate::model::Detail;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A process with a start and a CPU time in milliseconds.
fn process(pid: u32, start: u64, cpu: u64) -> Process {
    Process {
        pid,
        start: ms(start),
        start_of_clock: 1_000_000 + start / 1000,
        name: "worker".to_owned(),
        cpu: ms(cpu),
        resident: 1000,
        proportional: Ok(400),
        threads: Ok(2),
        open_files: Ok(3),
    }
}

fn at(at: u64, processes: &[Process]) -> Snapshot {
    Snapshot { at: ms(at), is_proportional: true, processes: processes.to_vec(), zombies: 0 }
}

/// The percentage between these two, ten seconds apart.
fn cpu_percent(before: &[Process], now: &[Process]) -> f64 {
    let before = at(100_000, before).baseline();
    number(&found(Some(&before), &at(110_000, now)), "cpu_percent")
}

#[test]
fn the_sums_are_of_all_and_the_age_of_the_oldest() {
    let one = Process { resident: 5, threads: Ok(7), open_files: Ok(0), ..process(9, 2_000, 0) };
    let now = at(10_500, &[process(1, 4_000, 0), one, process(3, 9_000, 0)]);
    let found = found(Some(&at(500, &[]).baseline()), &now);
    assert_complete(&TYPE, &found);
    let names = ["count", "memory_resident", "memory_proportional", "threads", "open_files"];
    assert_eq!(names.map(|name| number(&found, name)), [3.0, 2005.0, 1200.0, 11.0, 6.0]);
    let oldest = ["oldest_age", "oldest_start"].map(|name| number(&found, name));
    assert_eq!(oldest, [8.5, 1_000_002.0]);
}

#[test]
fn cpu_is_what_each_has_used_since_the_run_before() {
    let before = [process(1, 0, 50_000), process(2, 0, 7_000)];
    // 1 s and 20 s of 10 s: several threads take more than one CPU.
    assert_eq!(cpu_percent(&before, &[process(1, 0, 51_000), process(2, 0, 27_000)]), 210.0);
    assert_eq!(cpu_percent(&before, &before), 0.0);
}

#[test]
fn one_that_started_between_two_runs_counts_from_its_start() {
    let before = [process(1, 0, 50_000)];
    let new = process(2, 104_000, 3_000);
    assert_eq!(cpu_percent(&before, &[process(1, 0, 50_000), new.clone()]), 30.0);
    assert_eq!(cpu_percent(&[], &[new]), 30.0);
    // A start is rounded down: this one may have started right after the run before.
    assert_eq!(cpu_percent(&[], &[process(2, 99_995, 3_000)]), 30.0);
}

#[test]
fn of_one_that_ended_between_two_runs_nothing_is_made_up() {
    let before = [process(1, 0, 50_000), process(2, 0, 7_000)];
    assert_eq!(cpu_percent(&before, &[process(1, 0, 52_000)]), 20.0, "not less for it");
    assert_eq!(cpu_percent(&before, &[]), 0.0);
    // It came and went in between.
    assert_eq!(cpu_percent(&[], &[]), 0.0);
}

#[test]
fn a_pid_that_is_used_again_is_another_process() {
    let before = [process(7, 1_000, 50_000)];
    // With less and with more time than the one before it.
    assert_eq!(cpu_percent(&before, &[process(7, 105_000, 2_000)]), 20.0);
    assert_eq!(cpu_percent(&[process(7, 1_000, 500)], &[process(7, 105_000, 2_000)]), 20.0);
    // In the same second, with another tick.
    assert_eq!(cpu_percent(&[process(7, 100_000, 500)], &[process(7, 100_010, 600)]), 6.0);
}

#[test]
fn one_that_was_there_with_another_name_counts_from_now_on() {
    assert_eq!(cpu_percent(&[], &[process(7, 50_000, 40_000)]), 0.0);
    let before = [process(7, 50_000, 40_000)];
    assert_eq!(cpu_percent(&before, &[process(7, 50_000, 41_000)]), 10.0);
}

#[test]
fn one_figure_that_may_not_be_read_makes_no_sum_of_the_others() {
    let reason = "/proc/2/fd cannot be read: Permission denied (os error 13)";
    let hidden = Process { open_files: Err(reason.to_owned()), ..process(2, 0, 0) };
    let now = at(1_000, &[process(1, 0, 0), hidden, process(3, 0, 0)]);
    let found = found(Some(&at(0, &[]).baseline()), &now);
    assert_complete(&TYPE, &found);
    assert_eq!(absent(&found, "open_files"), reason);
    assert_eq!([number(&found, "count"), number(&found, "threads")], [3.0, 6.0]);
}

#[test]
fn without_any_the_count_is_zero_and_there_is_no_age() {
    let found = found(Some(&at(0, &[process(1, 0, 9)]).baseline()), &at(1_000, &[]));
    assert_complete(&TYPE, &found);
    for metric in TYPE.metrics.iter().filter(|metric| !metric.name.starts_with("oldest")) {
        let value = number(&found, metric.name);
        assert!(value == 0.0 && value.is_sign_positive(), "{}: {value}", metric.name);
    }
    for name in ["oldest_age", "oldest_start"] {
        assert_eq!(absent(&found, name), "there is no such process");
    }
    let unread = Snapshot { is_proportional: false, ..at(1_000, &[]) };
    let found = snapshot::found(Some(&at(0, &[]).baseline()), &unread);
    assert_complete(&TYPE, &found);
    assert_eq!(absent(&found, "memory_proportional"), snapshot::NOT_PROPORTIONAL);
    assert_eq!(number(&found, "count"), 0.0);
}

#[test]
fn without_time_between_two_runs_there_is_no_percentage() {
    for then in [1_000, 2_000] {
        let before = at(then, &[process(1, 0, 10)]).baseline();
        let found = found(Some(&before), &at(1_000, &[process(1, 0, 20)]));
        assert_complete(&TYPE, &found);
        assert_eq!(absent(&found, "cpu_percent"), "no time has passed since the run before");
    }
}

#[test]
fn what_is_shown_is_short_and_of_pids_names_and_numbers() {
    let odd = Process { name: "a\u{1b}[2Jb".to_owned(), ..process(1, 0, 1_230) };
    let mut now = at(4_000, &[odd]);
    let raw = |now: &Snapshot| found(None, now).raw;
    let text = r"a\u{1b}[2Jb: CPU 1.23 s, resident 1000 bytes, age 4.00 s";
    assert_eq!(raw(&now), [("process 1".to_owned(), text.to_owned())]);
    now.processes = (0..20).map(|pid| process(pid, 0, 0)).collect();
    now.zombies = 2;
    let raw = raw(&now);
    assert_eq!((raw.len(), &*raw[8].1), (10, "and 12 more"));
    assert_eq!(raw[9].1, "2, which are not counted");
}

/// A check that reads in another way.
fn read_by(read: Read) -> Processes {
    let name = ("name".to_owned(), Detail::Text("worker".to_owned()));
    Processes { read, ..Processes::of(&Details([name].into_iter().collect()), &Roots::default()) }
}

#[tokio::test(start_paused = true)]
async fn the_first_run_has_two_readings_and_a_later_one_that_of_the_run_before() {
    static READINGS: AtomicUsize = AtomicUsize::new(0);
    let mut check = read_by(|_, _| {
        let reading = READINGS.fetch_add(1, Ordering::Relaxed) as u64;
        Ok(at(1_000 * reading, &[process(1, 0, 100 * reading * reading)]))
    });
    for (run, (percent, waited)) in [(10.0, FIRST_INTERVAL), (30.0, ms(0))].into_iter().enumerate()
    {
        let started = tokio::time::Instant::now();
        let found = check.run().await.expect("there is one");
        assert_eq!(number(&found, "cpu_percent"), percent);
        assert_eq!(started.elapsed(), waited);
        assert_eq!(READINGS.load(Ordering::Relaxed), run + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_keeps_what_the_run_before_has_read() {
    static READINGS: AtomicUsize = AtomicUsize::new(0);
    let mut check = read_by(|_, _| match READINGS.fetch_add(1, Ordering::Relaxed) {
        2 => Err("unreadable".to_owned()),
        reading => Ok(at(1_000 * reading as u64, &[process(1, 0, 100 * reading as u64)])),
    });
    assert!(check.run().await.is_ok());
    assert_eq!(check.run().await, Err("unreadable".to_owned()));
    // 200 ms since the last that is known, two seconds before.
    let found = check.run().await.expect("there is one");
    assert_eq!(number(&found, "cpu_percent"), 10.0);
}

/// Held while a reading is to hang.
static HELD: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(start_paused = true)]
async fn a_reading_that_hangs_is_not_made_again_and_others_go_on() {
    let held = HELD.lock().await;
    let hangs: Read = |_, _| {
        drop(HELD.blocking_lock());
        Ok(Snapshot::default())
    };
    let mut check = read_by(hangs);
    let mut dropped = check.run();
    assert!(poll!(dropped.as_mut()).is_pending());
    drop(dropped);
    for _ in 0..20 {
        let error = "the list of processes has not answered for 0 s".to_owned();
        assert_eq!(check.run().await, Err(error));
    }
    // More than the threads that there may be, one after another.
    for _ in 0..8 {
        let mut other = read_by(|_: &Wanted, _: &Path| Ok(at(1, &[process(1, 0, 0)])));
        assert!(other.snapshot().await.is_ok());
    }
    drop(held);
}

#[tokio::test]
async fn what_is_meant_has_to_be_said() {
    let mut check = open(&TYPE, &[], &Roots::default());
    assert_eq!(check.run().await, Err(NOTHING_WANTED.to_owned()));
}

#[test]
fn a_pattern_or_a_path_in_place_of_a_name_is_a_mistake() {
    let mistake = |name| open(&TYPE, &[("name", name)], &Roots::default()).mistake();
    for name in ["ngin*", "*", "/usr/sbin/nginx"] {
        let begin = format!("name {name:?}: expected the file name of a program, ");
        assert!(mistake(name).is_some_and(|text| text.starts_with(&begin)), "{name}");
    }
    for name in ["nginx", "a) (b", "amavisd (master)", "php-fpm8.2"] {
        assert_eq!(mistake(name), None, "{name}");
    }
    let command = open(&TYPE, &[("command", "/usr/bin/java *")], &Roots::default());
    assert_eq!(command.mistake(), None);
}
