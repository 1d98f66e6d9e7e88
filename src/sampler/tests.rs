//! The way from readings to summaries on paused time: hours of windows in milliseconds.

mod missing;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::runtime::LocalOptions;
use tokio::sync::mpsc::channel;
use tokio::time::sleep;

use super::*;
use crate::collector::series::Table;
use crate::collector::sink::HandOut;
use crate::config::Scope;
use crate::model::{
    Bytes, Cores, CpuAccount, CpuReading, Limit, MemoryReading, Origin, ReadError, Statistics,
    Summary, WindowReading,
};

const GIB: u64 = 1 << 30;

/// A machine of four cores and 8 GiB that a test sets the load of.
#[derive(Clone)]
struct Machine(Rc<Load>);

struct Load {
    last: Cell<Instant>,
    used: Cell<Duration>,
    /// Cores that are busy at present.
    busy: Cell<f64>,
    memory: Cell<Option<u64>>,
    /// Whether there is nothing to read.
    silent: Cell<bool>,
    oom_kills: Cell<u64>,
    /// What is wanted at each sample, and how often it was read.
    wanted: Rc<Cell<Numbers>>,
    prompt_readings: Cell<u32>,
    readings: Cell<u32>,
    /// How often it was asked which containers run.
    looks: Cell<u32>,
    account: CpuAccount,
}

impl Machine {
    fn new() -> Self {
        Self(Rc::new(Load {
            last: Cell::new(Instant::now()),
            used: Cell::new(Duration::from_secs(1000)),
            busy: Cell::new(1.0),
            memory: Cell::new(Some(2 * GIB)),
            silent: Cell::new(false),
            oom_kills: Cell::new(3),
            wanted: Rc::default(),
            prompt_readings: Cell::new(0),
            readings: Cell::new(0),
            looks: Cell::new(0),
            account: CpuAccount::open(),
        }))
    }

    fn set_busy(&self, cores: f64) {
        self.advance();
        self.0.busy.set(cores);
    }

    fn advance(&self) {
        let elapsed = self.0.last.replace(Instant::now()).elapsed();
        self.0.used.set(self.0.used.get() + elapsed.mul_f64(self.0.busy.get()));
    }
}

impl Source for Machine {
    fn scope(&self) -> Scope {
        Scope::Host
    }

    fn read(&mut self, instant: Instant) -> Reading {
        self.advance();
        self.0.readings.set(self.0.readings.get() + 1);
        if self.0.silent.get() {
            return Reading::default();
        }
        let limit = |amount| Limit { amount, origin: Origin::Call("a test") };
        let cpu = CpuReading {
            at: instant,
            used: self.0.used.get(),
            limit: Limit { amount: Cores(4.0), origin: Origin::Call("a test") },
            account: self.0.account,
        };
        let memory = self
            .0
            .memory
            .get()
            .map(|used| MemoryReading { used: Bytes(used), limit: limit(Bytes(8 * GIB)) });
        let memory = memory.ok_or(ReadError::Missing("meminfo".into()));
        Reading::of(Some(Ok(cpu)), Some(memory))
    }

    fn window_readings(&mut self) -> Vec<WindowReading> {
        vec![WindowReading::of(Number::OomKills, Some(Ok(self.0.oom_kills.get() as f64)))]
    }

    fn running(&self) -> Vec<Arc<str>> {
        self.0.looks.set(self.0.looks.get() + 1);
        Vec::new()
    }

    fn prompt_readings(&mut self, _: Numbers) -> Vec<WindowReading> {
        self.0.prompt_readings.set(self.0.prompt_readings.get() + 1);
        self.window_readings()
    }
}

/// A sampler that runs, and the clock that it is run by.
struct Running {
    machine: Machine,
    summaries: Receiver<Rc<Summary>>,
    stop: CancellationToken,
    sampling: tokio::task::JoinHandle<HandedOut>,
    clock_step: Rc<Cell<i64>>,
}

/// Starts sampling every 0.9 s in windows of a minute, `start` seconds after the epoch.
fn start(start: u64) -> Running {
    let machine = Machine::new();
    let (sender, summaries) = channel(10_000);
    let stop = CancellationToken::new();
    let (origin, clock_step) = (Instant::now(), Rc::new(Cell::new(0)));
    let step = clock_step.clone();
    let wall_clock = move || {
        let seconds = start.checked_add_signed(step.get()).expect("a time after the epoch");
        UNIX_EPOCH + Duration::from_secs(seconds) + origin.elapsed()
    };
    let table = Table::new(68, false);
    let collector = Collector::new(Duration::from_secs(60), table, HandOut::to(vec![sender]));
    let pace = Pace::of_runtime(Duration::from_millis(900));
    let source = Chosen::new(machine.clone(), String::new());
    let numbers = Numbers::of(&[Number::Cpu, Number::Memory]);
    let beside = Beside { prompt: vec![machine.0.wanted.clone()], ..Beside::default() };
    let running = run(source, numbers, pace, collector, beside, wall_clock, stop.clone());
    let sampling = tokio::task::spawn_local(running);
    Running { machine, summaries, stop, sampling, clock_step }
}

impl Running {
    async fn finish(mut self) -> Vec<Rc<Summary>> {
        self.stop.cancel();
        let sampled = self.sampling.await.expect("the sampler ends when it is told to");
        let mut summaries = Vec::new();
        while let Some(summary) = self.summaries.recv().await {
            summaries.push(summary);
        }
        let windows = summaries.len() as u64;
        assert_eq!(sampled, HandedOut { windows, dropped: vec![0], dropped_values: 0 });
        summaries
    }
}

/// Runs a test that needs tasks that stay on their thread, on paused time.
fn paused<F: Future>(test: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build_local(LocalOptions::default());
    runtime.expect("a runtime").block_on(test)
}

fn seconds(summary: &Summary) -> u64 {
    summary.start.duration_since(UNIX_EPOCH).expect("after the epoch").as_secs()
}

fn of_cpu(summary: &Summary) -> &Statistics {
    summary.of(Number::Cpu, None).expect("CPU was measured")
}

fn of_memory(summary: &Summary) -> Option<&Statistics> {
    summary.of(Number::Memory, None)
}

fn cpu(summary: &Summary) -> (usize, f64, f64) {
    let cpu = of_cpu(summary);
    (cpu.count, round(cpu.median), round(cpu.max))
}

fn round(percent: f64) -> f64 {
    (percent * 1000.0).round() / 1000.0
}

#[test]
fn hours_of_windows_are_aligned_and_none_is_missing() {
    paused(async {
        let running = start(3 * 3600 + 30);
        sleep(Duration::from_secs(6 * 3600)).await;
        let summaries = running.finish().await;
        let starts: Vec<_> = summaries.iter().map(|summary| seconds(summary)).collect();
        let expected: Vec<_> = (0..=360).map(|minute| 3 * 3600 + 60 * minute).collect();
        assert_eq!(starts, expected);
        let samples: usize = summaries.iter().map(|s| cpu(s).0).sum();
        assert_eq!(samples, 6 * 3600 * 10 / 9, "a sample every 0.9 s, and none lost");
        assert!(summaries.iter().all(|s| (cpu(s).1, cpu(s).2) == (25.0, 25.0)));
        assert_eq!(of_memory(&summaries[7]).map(|memory| memory.median), Some(25.0));
    });
}

#[test]
fn a_process_of_300_ms_yields_one_true_sample() {
    paused(async {
        let running = start(600);
        running.machine.set_busy(3.0);
        sleep(Duration::from_millis(300)).await;
        let summaries = running.finish().await;
        assert_eq!(
            summaries.iter().map(|summary| cpu(summary)).collect::<Vec<_>>(),
            [(1, 75.0, 75.0)]
        );
        assert_eq!(of_memory(&summaries[0]).map(|memory| memory.count), Some(2));
    });
}

#[test]
fn the_first_cpu_sample_is_the_difference_over_the_first_interval() {
    paused(async {
        let running = start(600);
        running.machine.set_busy(2.0);
        sleep(Duration::from_millis(901)).await;
        running.machine.set_busy(0.0);
        sleep(Duration::from_millis(899)).await;
        let summaries = running.finish().await;
        let cpu = of_cpu(&summaries[0]);
        assert_eq!((cpu.count, round(cpu.max)), (2, 50.0));
        assert!(cpu.min < 0.1, "{cpu:?}");
    });
}

#[test]
fn a_peak_of_one_sample_is_the_maximum_and_leaves_the_median() {
    paused(async {
        let running = start(600);
        sleep(Duration::from_millis(9001)).await;
        running.machine.set_busy(4.0);
        sleep(Duration::from_millis(900)).await;
        running.machine.set_busy(1.0);
        sleep(Duration::from_secs(20)).await;
        let summaries = running.finish().await;
        let (_, median, max) = cpu(&summaries[0]);
        assert_eq!(median, 25.0);
        assert!(max > 99.0, "{max}");
    });
}

#[test]
fn a_stall_skips_ticks_and_the_next_sample_covers_it() {
    paused(async {
        let running = start(600);
        sleep(Duration::from_millis(9001)).await;
        let readings = running.machine.0.readings.get();
        tokio::time::advance(Duration::from_secs(20)).await;
        tokio::task::yield_now().await;
        assert_eq!(running.machine.0.readings.get(), readings + 1, "no burst");
        let summaries = running.finish().await;
        assert_eq!((cpu(&summaries[0]).1, cpu(&summaries[0]).2), (25.0, 25.0));
    });
}

#[test]
fn a_wall_clock_step_loses_no_sample_and_bends_no_figure() {
    for (step, second) in [(3600, 4200), (-3600, 3600 - 3000), (259_200, 259_800)] {
        paused(async {
            let base = if step < 0 { 4200 } else { 600 };
            let running = start(base);
            sleep(Duration::from_millis(18_100)).await;
            running.clock_step.set(step);
            sleep(Duration::from_millis(18_000)).await;
            let summaries = running.finish().await;
            let starts: Vec<_> = summaries.iter().map(|summary| seconds(summary)).collect();
            assert_eq!(starts, [base, second], "step of {step} s");
            let counts: Vec<_> = summaries.iter().map(|s| cpu(s).0).collect();
            assert_eq!(counts.iter().sum::<usize>(), 41, "step of {step} s");
            assert!(summaries.iter().all(|s| cpu(s).2 == 25.0), "step of {step} s");
        });
    }
}

#[test]
fn a_part_that_cannot_be_read_is_absent_and_comes_back() {
    paused(async {
        let running = start(600);
        running.machine.0.memory.set(None);
        sleep(Duration::from_secs(60)).await;
        running.machine.0.memory.set(Some(4 * GIB));
        sleep(Duration::from_secs(60)).await;
        let summaries = running.finish().await;
        assert_eq!(of_memory(&summaries[0]), None);
        assert_eq!(cpu(&summaries[0]), (66, 25.0, 25.0));
        assert_eq!(of_memory(&summaries[1]).map(|memory| memory.median), Some(50.0));
    });
}

#[test]
fn what_nobody_wants_is_not_read_at_each_sample() {
    paused(async {
        let running = start(600);
        // What is unavailable as well: nobody takes it.
        let looks = || running.machine.0.looks.get();
        let count = || running.machine.0.prompt_readings.get();
        sleep(Duration::from_secs(9)).await;
        assert_eq!(count(), 0);
        running.machine.0.wanted.set(Numbers::of(&[Number::OomKills]));
        sleep(Duration::from_secs(9)).await;
        assert_eq!(count(), 10);
        running.machine.0.wanted.set(Numbers::default());
        sleep(Duration::from_secs(9)).await;
        assert_eq!(count(), 11, "once more, so that nothing is kept of it");
        sleep(Duration::from_secs(60)).await;
        assert_eq!(looks(), 0, "also at the end of a window");
        running.finish().await;
    });
}

#[test]
fn what_happened_in_windows_without_a_sample_is_in_the_next_one() {
    paused(async {
        let running = start(600);
        sleep(Duration::from_secs(60)).await;
        running.machine.0.silent.set(true);
        sleep(Duration::from_secs(60)).await;
        running.machine.0.oom_kills.set(10);
        sleep(Duration::from_secs(120)).await;
        running.machine.0.silent.set(false);
        sleep(Duration::from_secs(60)).await;
        let summaries = running.finish().await;
        let kills = |summary: &Rc<Summary>| {
            let kills = summary.of(Number::OomKills, None).and_then(Statistics::growth);
            (seconds(summary) / 60, kills)
        };
        let kills: Vec<_> = summaries.iter().map(kills).collect();
        assert_eq!(kills, [(10, Some(0.0)), (14, Some(7.0)), (15, Some(0.0))]);
    });
}

#[test]
fn a_counter_that_goes_back_is_no_sample() {
    paused(async {
        let running = start(600);
        sleep(Duration::from_millis(9001)).await;
        running.machine.0.used.set(Duration::ZERO);
        sleep(Duration::from_secs(18)).await;
        let summaries = running.finish().await;
        let cpu = of_cpu(&summaries[0]);
        // Ticks at 0.9 s to 27 s and the last reading, less the one that went back; the last
        // reading comes 1 ms after a tick, too soon for a sample.
        assert_eq!((cpu.count, round(cpu.min), round(cpu.max)), (29, 25.0, 25.0));
    });
}
