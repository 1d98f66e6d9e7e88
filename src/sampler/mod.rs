//! Turns readings into samples, at a steady pace, and hands them to the collector.

mod pace;
mod watch;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log::debug;
use tokio::sync::watch::Sender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::pace::Pace;
use self::watch::{ClockWatch, FailureWatch, LimitWatch, ReportWatch};
use crate::collector::Collector;
use crate::collector::sink::HandedOut;
use crate::model::{
    Bytes, Cores, CpuReading, Evidence, Limits, MemoryReading, Number, Numbers, ReadError, Reading,
    Sample, Series,
};
use crate::source::Source;
use crate::source::choose::Chosen;

/// Samples at a pace until `stop` is cancelled; each sample goes to the collector. Then takes a last
/// reading, closes the open window and ends. What the samples are in percent of goes to `limits`, where
/// somebody looks at it.
///
/// `wall_clock` tells to which window a sample belongs; every interval is measured on the
/// monotonic clock. Returns what became of the windows.
pub async fn run(
    chosen: Chosen,
    numbers: Numbers,
    mut pace: Pace,
    mut collector: Collector,
    wall_clock: impl Fn() -> SystemTime,
    limits: Option<Sender<Limits>>,
    stop: CancellationToken,
) -> HandedOut {
    let mut sampler = Sampler::new(chosen, numbers, limits, &mut collector);
    let mut clock = ClockWatch::default();
    loop {
        let stopping = tokio::select! {
            biased;
            // First: a tick that is due as well is this last reading.
            () = stop.cancelled() => true,
            // The first is due at once: the first difference is taken from the first reading.
            () = pace.tick() => false,
        };
        let (instant, now) = (Instant::now(), wall_clock());
        clock.watch(instant, now);
        let reading = sampler.read(instant);
        sampler.take(reading, now, &mut collector);
        if stopping {
            break;
        }
    }
    sampler.close(&mut collector);
    collector.finish()
}

/// Computes samples from the readings of a source.
pub struct Sampler {
    source: Box<dyn Source>,
    whole: Gauge,
    containers: BTreeMap<Arc<str>, Gauge>,
    reports: ReportWatch,
    /// Those of one sample: kept, so that none has to make room for them.
    values: Vec<(Series, f32)>,
}

impl Sampler {
    /// A sampler that says which of the numbers cannot be measured by this source.
    pub fn new(
        chosen: Chosen,
        numbers: Numbers,
        limits: Option<Sender<Limits>>,
        collector: &mut Collector,
    ) -> Self {
        let mut sampler = Self {
            source: chosen.source,
            whole: Gauge { limits, ..Gauge::of(None, collector) },
            containers: BTreeMap::new(),
            reports: ReportWatch::new(numbers),
            values: Vec::new(),
        };
        // Counters count from here on.
        sampler.report(collector);
        sampler
    }

    /// The counters as they stand now.
    pub fn read(&mut self, instant: Instant) -> Reading {
        self.source.read(instant)
    }

    /// Makes a sample of what was just read. If it belongs to the next window, the report of the open
    /// one is taken first.
    pub fn take(&mut self, reading: Reading, now: SystemTime, collector: &mut Collector) {
        self.values.clear();
        let sample = self.whole.sample(reading, &mut self.values);
        debug!("{sample:?}");
        for (name, reading) in self.source.containers() {
            let gauge = self.containers.entry(name.clone());
            let gauge = gauge.or_insert_with(|| Gauge::of(Some(&name), collector));
            let sample = gauge.sample(reading, &mut self.values);
            debug!("{name}: {sample:?}");
        }
        if collector.would_close(now) {
            self.close(collector);
        }
        collector.sample(now, &self.values);
    }

    /// Completes the open window. One without a sample has no summary: what happened in it is then
    /// reported with the next one, and not lost.
    fn close(&mut self, collector: &mut Collector) {
        if collector.has_sample() {
            self.report(collector);
            self.reports.say_missing();
        }
    }

    /// Takes the numbers that are read once a window.
    pub fn report(&mut self, collector: &mut Collector) {
        let (reported, unreported) = (self.source.reported(), self.source.unreported());
        let report = self.reports.watch(reported, unreported, collector);
        collector.report(&report);
    }

    /// The numbers that were asked for and had no value in the newest report, each with the reason.
    pub fn missing(&self) -> &[(Number, String)] {
        self.reports.missing()
    }

    /// The parts of each container that runs, each with why it cannot be read, while that is so.
    pub fn containers(&self) -> Vec<(Arc<str>, Number, Option<ReadError>)> {
        let mut parts = Vec::new();
        for name in self.source.running() {
            let gauge = self.containers.get(&name);
            let failure = |watch: &FailureWatch| watch.failure().cloned();
            let cpu = gauge.and_then(|gauge| failure(&gauge.cpu_failures));
            let memory = gauge.and_then(|gauge| failure(&gauge.memory_failures));
            parts.push((name.clone(), Number::Cpu, cpu));
            parts.push((name, Number::Memory, memory));
        }
        parts
    }

    /// What the readings are made of.
    pub fn explain(&mut self) -> Vec<Evidence> {
        self.source.explain()
    }
}

/// Computes the samples of one thing from its readings.
struct Gauge {
    cpu: Series,
    memory: Series,
    previous: Option<CpuReading>,
    cpu_limit: LimitWatch<Cores>,
    memory_limit: LimitWatch<Bytes>,
    cpu_failures: FailureWatch,
    memory_failures: FailureWatch,
    /// Where somebody looks at the limits.
    limits: Option<Sender<Limits>>,
}

impl Gauge {
    /// That of the whole, or of one of its containers.
    fn of(container: Option<&Arc<str>>, collector: &mut Collector) -> Self {
        let of = container.map(|name| format!(" of {name}")).unwrap_or_default();
        let dimension = container.map(|name| Rc::from(&**name));
        let (cpu, memory) = (Number::Cpu, Number::Memory);
        let series = |number: Number| collector.sampled(number.of(dimension.as_ref()));
        let [cpu_series, memory_series] = [cpu, memory].map(series);
        let [cpu, memory] = [cpu, memory].map(|number| format!("{}{of}", number.label()));
        Self {
            cpu: cpu_series,
            memory: memory_series,
            previous: None,
            cpu_limit: LimitWatch::of(&cpu),
            memory_limit: LimitWatch::of(&memory),
            cpu_failures: FailureWatch::of(cpu),
            memory_failures: FailureWatch::of(memory),
            limits: None,
        }
    }

    /// The sample that a reading gives, of which what has a value is added to `values`. The first one
    /// has no CPU part.
    fn sample(&mut self, reading: Reading, values: &mut Vec<(Series, f32)>) -> Sample {
        let cpu = reading.cpu.map(|cpu| self.cpu_utilization(cpu?));
        let memory = reading.memory.map(|memory| self.memory_utilization(&memory?));
        let sample = Sample {
            cpu: self.cpu_failures.watch(cpu).flatten(),
            memory: self.memory_failures.watch(memory),
        };
        values.extend(sample.cpu.map(|cpu| (self.cpu, cpu)));
        values.extend(sample.memory.map(|memory| (self.memory, memory)));
        sample
    }

    fn memory_utilization(&mut self, memory: &MemoryReading) -> Result<f32, ReadError> {
        if self.memory_limit.watch(&memory.limit) {
            self.show_limits(|limits| limits.memory = Some(memory.limit.clone()));
        }
        memory_utilization(memory)
    }

    fn show_limits(&self, change: impl FnOnce(&mut Limits)) {
        if let Some(limits) = &self.limits {
            limits.send_modify(change);
        }
    }

    fn cpu_utilization(&mut self, next: CpuReading) -> Result<Option<f32>, ReadError> {
        if self.cpu_limit.watch(&next.limit) {
            self.show_limits(|limits| limits.cpu = Some(next.limit.clone()));
        }
        let Some(before) = &self.previous else {
            self.previous = Some(next);
            return Ok(None);
        };
        if next.at.duration_since(before.at) < MIN_CPU_INTERVAL {
            // It is left to the next reading, which covers its time.
            return Ok(None);
        }
        let utilization = cpu_utilization(before, &next);
        self.previous = Some(next);
        utilization
    }
}

/// CPU utilization between two readings, in percent of the limit. `None` where they are of different
/// accounts. A counter that went back was restarted, and the difference says nothing.
pub fn cpu_utilization(before: &CpuReading, next: &CpuReading) -> Result<Option<f32>, ReadError> {
    if before.account != next.account {
        return Ok(None);
    }
    let went_back = || ReadError::WentBack { from: before.used, to: next.used };
    let used = next.used.checked_sub(before.used).ok_or_else(went_back)?.as_secs_f64();
    let elapsed = next.at.duration_since(before.at).as_secs_f64();
    let limit = next.limit.amount.0;
    // A limit that was lowered meanwhile was the larger one for a part of the time.
    let larger = limit.max(before.limit.amount.0);
    let most = MOST_OF_LIMIT * elapsed * larger + BURST.as_secs_f64() * larger + LATE.as_secs_f64();
    if used > most {
        return Err(ReadError::unusable(format!(
            "{used:.3} s of CPU time in {elapsed:.3} s exceeds the limit of {}",
            next.limit
        )));
    }
    Ok(percent(used, elapsed * limit))
}

/// Memory in use in percent of the limit.
pub fn memory_utilization(memory: &MemoryReading) -> Result<f32, ReadError> {
    let (used, limit) = (memory.used.0, memory.limit.amount.0);
    // Up to a sixteenth and LATE_BYTES above is the kernel's delay, and counts as 100 percent.
    if used > limit.saturating_add(limit / 16).saturating_add(LATE_BYTES) {
        return Err(ReadError::unusable(format!(
            "{used} bytes in use exceed the limit of {}",
            memory.limit
        )));
    }
    let none = || ReadError::unusable(format!("the limit is zero: {}", memory.limit));
    percent(used as f64, limit as f64).ok_or_else(none)
}

/// `part` in percent of `whole`. What is over is the rounding of the kernel's counters and ticks; the
/// callers have refused what is more than that.
fn percent(part: f64, whole: f64) -> Option<f32> {
    (whole > 0.0).then(|| (100.0 * part / whole).clamp(0.0, 100.0) as f32)
}

/// A CPU sample over less than this would be made of a few clock ticks: the kernel counts in
/// steps of 10 ms, a fifth of this.
const MIN_CPU_INTERVAL: Duration = Duration::from_millis(50);

/// A group may use a little more than its quota: what each CPU has left of an earlier period
/// (a quarter is more than that), and the quota of one whole period more, which it may have saved up
/// for a burst or not used yet. A period is a second at the most (`max_cfs_quota_period` of the
/// kernel). Clock ticks of 10 ms come in three columns. More than that is no figure of this group, or
/// the limit was raised since it was read.
const MOST_OF_LIMIT: f64 = 1.25;
const BURST: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_millis(100);

/// The kernel adds memory up in batches, and makes a group that is over its limit give some back.
const LATE_BYTES: u64 = 16 << 20;

#[cfg(test)]
mod tests;
