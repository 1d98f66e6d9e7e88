//! Joins two views of a Fargate task: the machine's own counters, which are immediate but include
//! the platform's processes, and the exact figures of the task, which are some ten seconds old.
//!
//! Whenever exact figures arrive, the platform's overhead is measured: what the machine's counters
//! said at the instant that the exact figures are of, less those. Until the next ones arrive it is
//! taken off the machine's counters. So the result can be wrong by no more than what the overhead
//! has changed since then.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::account::Exact;
use super::ticks::Ticks;
use crate::model::{Bytes, Cores};

/// What the machine's counters say at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    pub at: Instant,
    /// CPU time since boot.
    pub cpu: Duration,
    pub memory: Bytes,
}

/// The machine's counters of the last while, and the overhead that was last measured.
#[derive(Debug, Default)]
pub struct Fusion {
    history: VecDeque<Machine>,
    exact: Option<(Exact, Machine)>,
    /// Cores that the platform uses.
    pub cpu_overhead: Option<f64>,
    /// Bytes that the platform uses; negative if the machine's figure leaves out what the
    /// containers are charged with.
    pub memory_overhead: Option<i128>,
    used: Duration,
    /// Overhead that could not be taken off yet.
    debt: Duration,
    ticks: Ticks,
}

/// How long readings are kept, to look up what the machine said when the exact figures were taken.
/// Those are some ten seconds old when they come; older ones than this give no overhead.
const HISTORY: Duration = Duration::from_secs(60);

impl Fusion {
    /// Takes a reading of the machine in. Returns the task's CPU time, with the instant it is of,
    /// and its memory, each as far as its overhead is known.
    pub fn machine(
        &mut self,
        machine: Machine,
        limit: Cores,
    ) -> (Option<(Instant, Duration)>, Option<Bytes>) {
        if let (Some(last), Some(cores)) = (self.history.back(), self.cpu_overhead) {
            let elapsed = machine.at.duration_since(last.at);
            let overhead = elapsed.mul_f64(cores);
            let busy = machine.cpu.saturating_sub(last.cpu);
            // In an interval in which the platform used less than on the average there may be less
            // to take off from than is owed; the rest is taken off later.
            let owed = overhead + self.debt;
            self.used += busy.saturating_sub(owed);
            self.debt = owed.saturating_sub(busy);
        }
        self.history.push_back(machine);
        while self.history.front().is_some_and(|first| machine.at - first.at > HISTORY)
            && self.history.len() > 2
        {
            self.history.pop_front();
        }
        let memory = self.memory_overhead.map(|overhead| less(machine.memory, overhead));
        let cpu = self.cpu_overhead.map(|_| self.ticks.even_out(machine.at, self.used, limit));
        (cpu, memory)
    }

    /// Takes exact figures in and measures the overhead by them.
    pub fn exact(&mut self, exact: Exact) {
        let Some((last, next)) = self.around(exact.at) else { return };
        let machine = between(last, next, exact.at);
        if !exact.is_comparable {
            self.exact = Some((exact, machine));
            return;
        }
        // Memory may have changed at any instant between the two readings, and then this tells no
        // more than that the overhead lies between theirs. The one in use stays as far as it does.
        // Where there is none, the change is taken to be an even one: memory that is wrong by less
        // than that until the next answer says more than none, which a busy task might never get.
        let overhead = |of: Machine| i128::from(of.memory.0) - i128::from(exact.memory.0);
        let (one, other) = (overhead(last), overhead(next));
        let overhead = self.memory_overhead.unwrap_or_else(|| overhead(machine));
        self.memory_overhead = Some(overhead.clamp(one.min(other), one.max(other)));
        if let Some((last_exact, last_machine)) = self.exact.replace((exact, machine)) {
            let elapsed = exact.at.duration_since(last_exact.at);
            let busy = machine.cpu.saturating_sub(last_machine.cpu).as_secs_f64();
            let used = exact.cpu.saturating_sub(last_exact.cpu).as_secs_f64();
            if !elapsed.is_zero() {
                self.cpu_overhead = Some(((busy - used) / elapsed.as_secs_f64()).max(0.0));
            }
        }
    }

    /// The readings before and after some instant, or twice the one that is of it.
    fn around(&self, at: Instant) -> Option<(Machine, Machine)> {
        let later = self.history.iter().position(|machine| machine.at >= at)?;
        let next = self.history[later];
        if next.at == at {
            return Some((next, next));
        }
        Some((self.history[later.checked_sub(1)?], next))
    }
}

/// What the machine's counters said at an instant between two readings, if it was steady.
fn between(last: Machine, next: Machine, at: Instant) -> Machine {
    let whole = next.at.duration_since(last.at).as_secs_f64();
    if whole == 0.0 {
        return next;
    }
    let part = at.duration_since(last.at).as_secs_f64() / whole;
    let cpu = last.cpu + next.cpu.saturating_sub(last.cpu).mul_f64(part);
    let memory = last.memory.0 as f64 * (1.0 - part) + next.memory.0 as f64 * part;
    Machine { at, cpu, memory: Bytes(memory as u64) }
}

fn less(memory: Bytes, overhead: i128) -> Bytes {
    Bytes(u64::try_from(i128::from(memory.0) - overhead).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    impl Fusion {
        /// Takes a reading in for a task of a core, whose CPU time is that of the last reading.
        fn read(&mut self, machine: Machine) -> (Option<Duration>, Option<Bytes>) {
            let (cpu, memory) = self.machine(machine, Cores(1.0));
            assert!(cpu.is_none_or(|(at, _)| at == machine.at));
            (cpu.map(|(_, used)| used), memory)
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
            Exact { at, cpu, memory, is_comparable: true }
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
        fusion.exact(clock.exact(1.0, 0.0, 500));
        assert_eq!(fusion.read(clock.machine(2.0, 51.5, 710)), (None, memory(510)));
        assert_eq!(fusion.read(clock.machine(3.0, 52.25, 710)), (None, memory(510)));
        // 1.5 s of which the task used 1.0: the platform uses a quarter of a core.
        fusion.exact(clock.exact(3.0, 1.0, 500));
        assert_eq!(fusion.read(clock.machine(4.0, 53.25, 720)), (time(0.75), memory(510)));
        assert_eq!(fusion.read(clock.machine(6.0, 54.25, 700)), (time(1.25), memory(490)));
    }

    #[test]
    fn between_two_readings_the_machine_is_taken_to_be_steady() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        for (second, cpu, mebibytes) in [(0.0, 0.0, 600), (1.0, 1.0, 800), (2.0, 1.0, 800)] {
            fusion.read(clock.machine(second, cpu, mebibytes));
        }
        fusion.exact(clock.exact(0.25, 0.0, 500));
        assert_eq!(fusion.read(clock.machine(3.0, 1.0, 800)), (None, memory(650)));
        // Three quarters of a second were busy, of which the task used a half.
        fusion.exact(clock.exact(2.25, 0.5, 500));
        assert_eq!(fusion.cpu_overhead, Some(0.125));
        assert_eq!(fusion.read(clock.machine(4.0, 2.0, 800)), (time(0.875), memory(500)));
    }

    #[test]
    fn memory_that_changes_between_two_readings_moves_the_overhead_no_further_than_it_must() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        for (second, mebibytes) in [(0.0, 600), (1.0, 600), (2.0, 900), (3.0, 900), (4.0, 920)] {
            fusion.read(clock.machine(second, 0.0, mebibytes));
        }
        let mut overhead = |second, mebibytes| {
            fusion.exact(clock.exact(second, 0.0, mebibytes));
            fusion.memory_overhead.map(|bytes| bytes >> 20)
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
        fusion.exact(clock.exact(5.0, 0.0, 500));
        for second in 10..100 {
            fusion.read(clock.machine(f64::from(second), f64::from(second), 700));
        }
        assert_eq!(fusion.history.len(), 61, "a minute of readings, one a second");
        for second in [9.0, 19.5, 99.5] {
            fusion.exact(clock.exact(second, 0.0, 500));
        }
        assert_eq!(fusion.read(clock.machine(100.0, 100.0, 700)), (None, None));
        fusion.exact(clock.exact(60.0, 0.0, 500));
        assert_eq!(fusion.read(clock.machine(101.0, 101.0, 700)), (None, memory(500)));
    }

    #[test]
    fn a_machine_that_counts_less_than_the_containers_has_less_taken_off() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        fusion.read(clock.machine(0.0, 0.0, 400));
        fusion.exact(clock.exact(0.0, 0.0, 500));
        assert_eq!(fusion.read(clock.machine(1.0, 0.5, 420)), (None, memory(520)));
        fusion.exact(clock.exact(1.0, 0.75, 520));
        // CPU time that the machine does not have cannot be added to it.
        assert_eq!(fusion.cpu_overhead, Some(0.0));
        assert_eq!(fusion.read(clock.machine(2.0, 1.0, 300)), (time(0.5), memory(400)));
    }

    #[test]
    fn less_than_the_overhead_is_nothing_and_time_never_goes_back() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        fusion.read(clock.machine(0.0, 0.0, 400));
        fusion.exact(clock.exact(0.0, 0.0, 100));
        fusion.read(clock.machine(1.0, 0.5, 400));
        fusion.exact(clock.exact(1.0, 0.0, 100));
        assert_eq!(fusion.read(clock.machine(2.0, 1.5, 250)), (time(0.5), memory(0)));
        assert_eq!(fusion.read(clock.machine(3.0, 1.5, 400)), (time(0.5), memory(100)));
    }

    #[test]
    fn a_refresh_bends_no_interval_that_has_passed() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        for second in 0..=2 {
            fusion.read(clock.machine(f64::from(second), f64::from(second), 400));
        }
        fusion.exact(clock.exact(0.0, 0.0, 400));
        fusion.exact(clock.exact(1.0, 1.0, 400));
        assert_eq!(fusion.read(clock.machine(3.0, 3.0, 400)).0, time(1.0));
        // The platform has had half of the time since.
        fusion.exact(clock.exact(3.0, 2.0, 400));
        assert_eq!(fusion.read(clock.machine(4.0, 4.0, 400)).0, time(1.5));
    }

    #[test]
    fn an_idle_task_does_not_gain_from_a_platform_that_works_in_bursts() {
        let (mut fusion, clock) = (Fusion::default(), Clock::new());
        fusion.read(clock.machine(0.0, 0.0, 400));
        fusion.exact(clock.exact(0.0, 0.0, 100));
        fusion.read(clock.machine(10.0, 1.0, 400));
        fusion.exact(clock.exact(10.0, 0.0, 100));
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
        fusion.exact(clock.exact(0.0, 0.0, 300));
        fusion.exact(clock.exact(10.0, 9.0, 300));
        assert_eq!(fusion.cpu_overhead, Some(0.1));
        fusion.exact(Exact { is_comparable: false, ..clock.exact(20.0, 12.0, 100) });
        assert_eq!((fusion.cpu_overhead, fusion.memory_overhead), (Some(0.1), Some(100 << 20)));
        fusion.exact(clock.exact(30.0, 20.0, 300));
        assert_eq!(fusion.cpu_overhead, Some(0.2));
    }
}
