//! Joins two views of a Fargate task: the machine's own counters, which are immediate but include
//! the platform's processes, and the exact figures of the task, which are some ten seconds old.
//!
//! Exact figures give the platform's overhead: the machine's counters at the instant of the exact
//! figures, minus these figures. Until the next exact figures arrive, the overhead is subtracted from
//! the machine's counters. So the error is at most the change of the overhead since then.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::account::Exact;
use super::ticks::Ticks;
use crate::model::{Bytes, Cores};

/// Both parts, neither of which needs the other.
#[derive(Debug, Default)]
pub struct Fusion {
    pub cpu: CpuFusion,
    pub memory: MemoryFusion,
}

impl Fusion {
    /// Measures the overhead of each part that the exact figures have.
    pub fn exact(&mut self, exact: &Exact) {
        match exact.cpu {
            Ok(cpu) => self.cpu.exact(exact.at, cpu, exact.is_comparable),
            // The next sum may be over other containers than the last one, so the two are not compared.
            Err(_) => self.cpu.exact = None,
        }
        if let (Ok(memory), true) = (&exact.memory, exact.is_comparable) {
            self.memory.exact(exact.at, *memory);
        }
    }
}

/// CPU time of the machine, less the platform's.
#[derive(Debug, Default)]
pub struct CpuFusion {
    history: Recent<Duration>,
    /// The last exact figure: its instant, its CPU time, and the machine's CPU time at that instant.
    exact: Option<(Instant, Duration, Duration)>,
    /// Cores that the platform uses.
    pub overhead: Option<f64>,
    used: Duration,
    /// Overhead that is not subtracted yet.
    debt: Duration,
    ticks: Ticks,
}

impl CpuFusion {
    /// The task's CPU time and its instant, from the machine's CPU time since boot. `None` until the
    /// overhead is known.
    pub fn machine(
        &mut self,
        at: Instant,
        cpu: Duration,
        limit: Cores,
    ) -> Option<(Instant, Duration)> {
        if let (Some((last_at, last)), Some(cores)) = (self.history.last(), self.overhead) {
            let overhead = at.duration_since(last_at).mul_f64(cores);
            let busy = cpu.saturating_sub(last);
            // Where the platform used less than its average, the machine may have used less than the
            // overhead. Later intervals subtract the rest: a sum cut off at 0 in each would be too high.
            let owed = overhead + self.debt;
            self.used += busy.saturating_sub(owed);
            self.debt = owed.saturating_sub(busy);
        }
        self.history.push(at, cpu);
        self.overhead.map(|_| self.ticks.even_out(at, self.used, limit))
    }

    fn exact(&mut self, at: Instant, used: Duration, is_comparable: bool) {
        let Some((last, next)) = self.history.around(at) else { return };
        let busy = last.1 + next.1.saturating_sub(last.1).mul_f64(part(last.0, next.0, at));
        let Some((last_at, last_used, last_busy)) = self.exact.replace((at, used, busy)) else {
            return;
        };
        let elapsed = at.duration_since(last_at);
        if is_comparable && !elapsed.is_zero() {
            let busy = busy.saturating_sub(last_busy).as_secs_f64();
            let used = used.saturating_sub(last_used).as_secs_f64();
            // Below 0 only by ticks and by the line drawn between two readings of the machine.
            self.overhead = Some(((busy - used) / elapsed.as_secs_f64()).max(0.0));
        }
    }
}

/// Memory of the machine, less the platform's.
#[derive(Debug, Default)]
pub struct MemoryFusion {
    history: Recent<Bytes>,
    /// Bytes that the platform uses; negative if the machine's figure leaves out what the
    /// containers are charged with.
    pub overhead: Option<i128>,
}

impl MemoryFusion {
    /// The task's memory, from the machine's. `None` until the overhead is known.
    pub fn machine(&mut self, at: Instant, memory: Bytes) -> Option<Bytes> {
        self.history.push(at, memory);
        less(memory, self.overhead?)
    }

    /// Memory may have changed at any instant between the two machine readings around `at`, so the
    /// overhead is only known to lie between theirs. The current overhead is kept and moved into
    /// that range. Without one, memory is assumed to change evenly: the error is less than the
    /// change and ends with the next answer, while waiting for an exact value could leave a busy
    /// task without memory for ever.
    fn exact(&mut self, at: Instant, exact: Bytes) {
        let Some((last, next)) = self.history.around(at) else { return };
        let overhead = |machine: Bytes| i128::from(machine.0) - i128::from(exact.0);
        let (one, other) = (overhead(last.1), overhead(next.1));
        let between = || {
            let part = part(last.0, next.0, at);
            let memory = last.1.0 as f64 * (1.0 - part) + next.1.0 as f64 * part;
            overhead(Bytes(memory as u64))
        };
        let overhead = self.overhead.unwrap_or_else(between);
        self.overhead = Some(overhead.clamp(one.min(other), one.max(other)));
    }
}

/// The machine's recent readings.
#[derive(Debug)]
struct Recent<T>(VecDeque<(Instant, T)>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Copy> Recent<T> {
    fn push(&mut self, at: Instant, value: T) {
        self.0.push_back((at, value));
        // Two at least: with the longest sample interval, 60 s, HISTORY could keep one, and
        // `around` needs two.
        while self.0.front().is_some_and(|first| at - first.0 > HISTORY) && self.0.len() > 2 {
            self.0.pop_front();
        }
    }

    fn last(&self) -> Option<(Instant, T)> {
        self.0.back().copied()
    }

    /// The readings before and after an instant, or twice the reading of that instant.
    fn around(&self, at: Instant) -> Option<((Instant, T), (Instant, T))> {
        let later = self.0.iter().position(|reading| reading.0 >= at)?;
        let next = self.0[later];
        if next.0 == at {
            return Some((next, next));
        }
        Some((self.0[later.checked_sub(1)?], next))
    }
}

/// The part, 0 to 1, of the time between two instants that had passed at another.
fn part(last: Instant, next: Instant, at: Instant) -> f64 {
    let whole = next.duration_since(last).as_secs_f64();
    if whole == 0.0 { 0.0 } else { at.duration_since(last).as_secs_f64() / whole }
}

/// How long readings are kept, to look up the machine's at the instant of the exact figures. Exact
/// figures are some ten seconds old when they come; older ones than this give no overhead.
const HISTORY: Duration = Duration::from_secs(60);

/// The machine's memory without the overhead. `None` where the overhead exceeds it, because the
/// platform has given memory back since the overhead was measured: the next answer corrects that.
fn less(memory: Bytes, overhead: i128) -> Option<Bytes> {
    let left = i128::from(memory.0) - overhead;
    (left >= -MOST_MISSING).then(|| Bytes(u64::try_from(left).unwrap_or(0)))
}

/// Late counters can make the memory of a small task come out a little below 0.
const MOST_MISSING: i128 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// What the machine's counters say at one instant.
    #[derive(Clone, Copy)]
    struct Machine {
        at: Instant,
        cpu: Duration,
        memory: Bytes,
    }

    impl Fusion {
        /// Takes a reading in for a task of a core, whose CPU time is that of the last reading.
        fn read(&mut self, machine: Machine) -> (Option<Duration>, Option<Bytes>) {
            let cpu = self.cpu.machine(machine.at, machine.cpu, Cores(1.0));
            assert!(cpu.is_none_or(|(at, _)| at == machine.at));
            (cpu.map(|(_, used)| used), self.memory.machine(machine.at, machine.memory))
        }
    }

    /// Time, CPU time and MiB, from one start.
    struct Clock(Instant);

    impl Clock {
        fn new() -> Self {
            Self(Instant::now() + Duration::from_secs(86_400))
        }

        fn machine(&self, second: f64, cpu: f64, mebibytes: u64) -> Machine {
            let (at, cpu) =
                (self.0 + Duration::from_secs_f64(second), Duration::from_secs_f64(cpu));
            Machine { at, cpu, memory: Bytes(mebibytes * MIB) }
        }

        fn exact(&self, second: f64, cpu: f64, mebibytes: u64) -> Exact {
            let Machine { at, cpu, memory } = self.machine(second, cpu, mebibytes);
            Exact { at, cpu: Ok(cpu), memory: Ok(memory), is_comparable: true }
        }
    }

    fn time(seconds: f64) -> Option<Duration> {
        Some(Duration::from_secs_f64(seconds))
    }

    fn memory(mebibytes: u64) -> Option<Bytes> {
        Some(Bytes(mebibytes * MIB))
    }

    #[test]
    fn memory_is_known_from_the_first_exact_figures_and_cpu_time_from_the_second() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        assert_eq!(fusion.read(clock.machine(0.0, 50.0, 700)), (None, None));
        assert_eq!(fusion.read(clock.machine(1.0, 50.75, 700)), (None, None));
        fusion.exact(&clock.exact(1.0, 0.0, 500));
        assert_eq!(fusion.read(clock.machine(2.0, 51.5, 710)), (None, memory(510)));
        assert_eq!(fusion.read(clock.machine(3.0, 52.25, 710)), (None, memory(510)));
        // 1.5 s of which the task used 1.0: the platform uses a quarter of a core.
        fusion.exact(&clock.exact(3.0, 1.0, 500));
        assert_eq!(fusion.read(clock.machine(4.0, 53.25, 720)), (time(0.75), memory(510)));
        assert_eq!(fusion.read(clock.machine(6.0, 54.25, 700)), (time(1.25), memory(490)));
    }

    #[test]
    fn between_two_readings_the_machine_is_taken_to_be_steady() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        for (second, cpu, mebibytes) in [(0.0, 0.0, 600), (1.0, 1.0, 800), (2.0, 1.0, 800)] {
            fusion.read(clock.machine(second, cpu, mebibytes));
        }
        fusion.exact(&clock.exact(0.25, 0.0, 500));
        assert_eq!(fusion.read(clock.machine(3.0, 1.0, 800)), (None, memory(650)));
        // Three quarters of a second were busy, of which the task used a half.
        fusion.exact(&clock.exact(2.25, 0.5, 500));
        assert_eq!(fusion.cpu.overhead, Some(0.125));
        assert_eq!(fusion.read(clock.machine(4.0, 2.0, 800)), (time(0.875), memory(500)));
    }

    #[test]
    fn memory_that_changes_between_two_readings_moves_the_overhead_no_further_than_it_must() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        for (second, mebibytes) in [(0.0, 600), (1.0, 600), (2.0, 900), (3.0, 900), (4.0, 920)] {
            fusion.read(clock.machine(second, 0.0, mebibytes));
        }
        let mut overhead = |second, mebibytes| {
            fusion.exact(&clock.exact(second, 0.0, mebibytes));
            fusion.memory.overhead.map(|bytes| bytes >> 20)
        };
        assert_eq!(overhead(0.5, 500), Some(100));
        // The task, before or after the change; then something of both.
        assert_eq!(overhead(1.5, 500), Some(100));
        assert_eq!(overhead(1.5, 800), Some(100));
        assert_eq!(overhead(1.5, 400), Some(200));
        assert_eq!(overhead(3.5, 850), Some(70));
        assert_eq!(overhead(3.5, 790), Some(110));
    }

    #[test]
    fn exact_figures_from_outside_of_what_is_remembered_change_nothing() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        fusion.exact(&clock.exact(5.0, 0.0, 500));
        for second in 10..100 {
            fusion.read(clock.machine(f64::from(second), f64::from(second), 700));
        }
        assert_eq!(fusion.cpu.history.0.len(), 61, "a minute of readings, one a second");
        for second in [9.0, 19.5, 99.5] {
            fusion.exact(&clock.exact(second, 0.0, 500));
        }
        assert_eq!(fusion.read(clock.machine(100.0, 100.0, 700)), (None, None));
        fusion.exact(&clock.exact(60.0, 0.0, 500));
        assert_eq!(fusion.read(clock.machine(101.0, 101.0, 700)), (None, memory(500)));
    }

    #[test]
    fn a_machine_that_counts_less_than_the_containers_has_less_taken_off() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        fusion.read(clock.machine(0.0, 0.0, 400));
        fusion.exact(&clock.exact(0.0, 0.0, 500));
        assert_eq!(fusion.read(clock.machine(1.0, 0.5, 420)), (None, memory(520)));
        fusion.exact(&clock.exact(1.0, 0.75, 520));
        // CPU time that the machine does not have cannot be added to it.
        assert_eq!(fusion.cpu.overhead, Some(0.0));
        assert_eq!(fusion.read(clock.machine(2.0, 1.0, 300)), (time(0.5), memory(400)));
    }

    #[test]
    fn less_than_the_overhead_is_nothing_and_time_never_goes_back() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        fusion.read(clock.machine(0.0, 0.0, 400));
        fusion.exact(&clock.exact(0.0, 0.0, 100));
        fusion.read(clock.machine(1.0, 0.5, 400));
        fusion.exact(&clock.exact(1.0, 0.0, 100));
        assert_eq!(fusion.read(clock.machine(2.0, 1.5, 290)), (time(0.5), memory(0)));
        assert_eq!(fusion.read(clock.machine(3.0, 1.5, 400)), (time(0.5), memory(100)));
    }

    #[test]
    fn memory_far_below_the_overhead_is_not_known_and_not_0() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        fusion.read(clock.machine(0.0, 0.0, 400));
        fusion.exact(&clock.exact(0.0, 0.0, 100));
        assert_eq!(fusion.read(clock.machine(1.0, 0.0, 250)), (None, None));
        fusion.exact(&clock.exact(1.0, 0.0, 100));
        assert_eq!(fusion.read(clock.machine(2.0, 0.0, 250)).1, memory(100));
    }

    #[test]
    fn one_part_is_measured_without_the_other() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        let lacking = || crate::source::task::account::Lacking("a".to_owned());
        for second in 0..=10 {
            fusion.read(clock.machine(f64::from(second), f64::from(second), 400));
        }
        fusion.exact(&Exact { memory: Err(lacking()), ..clock.exact(0.0, 0.0, 0) });
        fusion.exact(&Exact { memory: Err(lacking()), ..clock.exact(10.0, 9.0, 0) });
        assert_eq!((fusion.cpu.overhead, fusion.memory.overhead), (Some(0.1), None));
        fusion.exact(&Exact { cpu: Err(lacking()), ..clock.exact(10.0, 0.0, 300) });
        assert_eq!((fusion.cpu.overhead, fusion.memory.overhead), (Some(0.1), Some(100 << 20)));
    }

    #[test]
    fn a_refresh_bends_no_interval_that_has_passed() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        for second in 0..=2 {
            fusion.read(clock.machine(f64::from(second), f64::from(second), 400));
        }
        fusion.exact(&clock.exact(0.0, 0.0, 400));
        fusion.exact(&clock.exact(1.0, 1.0, 400));
        assert_eq!(fusion.read(clock.machine(3.0, 3.0, 400)).0, time(1.0));
        // The platform has had half of the time since.
        fusion.exact(&clock.exact(3.0, 2.0, 400));
        assert_eq!(fusion.read(clock.machine(4.0, 4.0, 400)).0, time(1.5));
    }

    #[test]
    fn an_idle_task_does_not_gain_from_a_platform_that_works_in_bursts() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        fusion.read(clock.machine(0.0, 0.0, 400));
        fusion.exact(&clock.exact(0.0, 0.0, 100));
        fusion.read(clock.machine(10.0, 1.0, 400));
        fusion.exact(&clock.exact(10.0, 0.0, 100));
        let mut cpu = None;
        for (second, used) in [(11.0, 1.0), (12.0, 1.0), (13.0, 1.0), (14.0, 1.4)] {
            cpu = fusion.read(clock.machine(second, used, 400)).0;
        }
        assert_eq!(cpu, time(0.0), "0.4 s of bursts are 4 s of a tenth of a core");
    }

    #[test]
    fn figures_of_other_containers_than_before_measure_no_overhead() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        for second in 0..=30 {
            fusion.read(clock.machine(f64::from(second), f64::from(second), 400));
        }
        fusion.exact(&clock.exact(0.0, 0.0, 300));
        fusion.exact(&clock.exact(10.0, 9.0, 300));
        assert_eq!(fusion.cpu.overhead, Some(0.1));
        fusion.exact(&Exact { is_comparable: false, ..clock.exact(20.0, 12.0, 100) });
        assert_eq!((fusion.cpu.overhead, fusion.memory.overhead), (Some(0.1), Some(100 << 20)));
        fusion.exact(&clock.exact(30.0, 20.0, 300));
        assert_eq!(fusion.cpu.overhead, Some(0.2));
    }
}
