//! Turns readings into samples, at a steady pace, and puts them into windows.

mod pace;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log::{debug, error};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::pace::Pace;
use self::watch::{ClockWatch, EventWatch, FailureWatch, LimitWatch};
use crate::collector::window::Windows;
use crate::model::{
    Bytes, Cores, CpuReading, Measured, MemoryReading, ReadError, Reading, Sample, Summary,
};
use crate::source::Source;

/// Samples at a pace until `stop` is cancelled, and sends the summary of each window that
/// closes to all who take summaries. Then takes a last reading, closes the open window and ends.
/// Each sample goes to `samples` as it is made, if somebody looks at them.
///
/// `wall_clock` tells to which window a sample belongs; every interval is measured on the
/// monotonic clock. Returns what became of the windows.
pub async fn run(
    source: Box<dyn Source>,
    mut pace: Pace,
    mut windows: Windows,
    wall_clock: impl Fn() -> SystemTime,
    summaries: Vec<Sender<Summary>>,
    samples: Option<Sender<Measured>>,
    stop: CancellationToken,
) -> Sampled {
    let mut sampler = Sampler::new(source);
    let mut clock = ClockWatch::default();
    let mut events = EventWatch::new(sampler.source.events());
    let mut sampled = Sampled { windows: 0, dropped: vec![0; summaries.len()] };
    loop {
        let stopping = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            // The first is due at once: the first difference is taken from the first reading.
            () = pace.tick() => false,
        };
        let (instant, now) = (Instant::now(), wall_clock());
        clock.watch(instant, now);
        let sample = sampler.sample(instant);
        if let Some(samples) = &samples {
            // Who looks at them may miss one, and never holds up the next.
            let _ = samples.try_send(sampler.whole.measured(sample));
        }
        if let Some(mut summary) = windows.add(now, sample) {
            events.complete(&mut summary, sampler.source.events());
            sampled.send(&summary, &summaries);
        }
        for (name, sample) in sampler.containers() {
            windows.add_container(name, sample);
        }
        if stopping {
            break;
        }
    }
    if let Some(mut summary) = windows.close() {
        events.complete(&mut summary, sampler.source.events());
        sampled.send(&summary, &summaries);
    }
    sampled
}

/// What became of the windows that were closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    pub windows: u64,
    /// Those that could not even be queued for each delivery, because it had stalled.
    pub dropped: Vec<u64>,
}

impl Sampled {
    fn send(&mut self, summary: &Summary, summaries: &[Sender<Summary>]) {
        self.windows += 1;
        for (summaries, dropped) in summaries.iter().zip(&mut self.dropped) {
            if summaries.try_send(summary.clone()).is_err() {
                *dropped += 1;
                error!("a window was dropped, {dropped} so far: the delivery has stalled");
            }
        }
    }
}

/// Computes samples from the readings of a source.
struct Sampler {
    source: Box<dyn Source>,
    whole: Gauge,
    containers: BTreeMap<Arc<str>, Gauge>,
}

impl Sampler {
    fn new(source: Box<dyn Source>) -> Self {
        Self { source, whole: Gauge::new(""), containers: BTreeMap::new() }
    }

    /// The sample at this instant.
    fn sample(&mut self, instant: Instant) -> Sample {
        let sample = self.whole.sample(self.source.read(instant));
        debug!("{sample:?}");
        sample
    }

    /// The samples of those containers that have one.
    fn containers(&mut self) -> Vec<(Arc<str>, Sample)> {
        let readings = self.source.containers().into_iter();
        let samples = readings.map(|(name, reading)| {
            let gauge = self.containers.entry(name.clone());
            let gauge = gauge.or_insert_with(|| Gauge::new(&format!(" of {name}")));
            let sample = gauge.sample(reading);
            debug!("{name}: {sample:?}");
            (name, sample)
        });
        samples.collect()
    }
}

/// Computes the samples of one thing from its readings.
struct Gauge {
    previous: Option<CpuReading>,
    cpu_limit: LimitWatch<Cores>,
    memory_limit: LimitWatch<Bytes>,
    cpu_failures: FailureWatch,
    memory_failures: FailureWatch,
}

impl Gauge {
    /// `of` follows the names of the parts in the log.
    fn new(of: &str) -> Self {
        let (cpu, memory) = (format!("CPU{of}"), format!("memory{of}"));
        Self {
            previous: None,
            cpu_limit: LimitWatch::of(&cpu),
            memory_limit: LimitWatch::of(&memory),
            cpu_failures: FailureWatch::of(cpu),
            memory_failures: FailureWatch::of(memory),
        }
    }

    /// The sample that a reading gives. The first one has no CPU part.
    fn sample(&mut self, reading: Reading) -> Sample {
        let cpu = reading.cpu.map(|cpu| self.cpu_utilization(cpu?));
        let memory = reading.memory.map(|memory| {
            let memory = memory?;
            self.memory_limit.watch(&memory.limit);
            memory_utilization(&memory)
        });
        Sample {
            cpu: self.cpu_failures.watch(cpu).flatten(),
            memory: self.memory_failures.watch(memory),
        }
    }

    /// The sample with the limits that it is of.
    fn measured(&self, sample: Sample) -> Measured {
        let cpu_limit = self.cpu_limit.limit().cloned();
        Measured { sample, cpu_limit, memory_limit: self.memory_limit.limit().cloned() }
    }

    fn cpu_utilization(&mut self, next: CpuReading) -> Result<Option<f32>, ReadError> {
        self.cpu_limit.watch(&next.limit);
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
            "{used:.3} s of CPU time in {elapsed:.3} s is more than the limit allows, {}",
            next.limit
        )));
    }
    Ok(percent(used, elapsed * limit))
}

/// Memory in use in percent of the limit.
pub fn memory_utilization(memory: &MemoryReading) -> Result<f32, ReadError> {
    let (used, limit) = (memory.used.0, memory.limit.amount.0);
    if used > limit.saturating_add(limit / 16).saturating_add(LATE_BYTES) {
        return Err(ReadError::unusable(format!(
            "{used} bytes in use are more than the limit allows, {}",
            memory.limit
        )));
    }
    let none = || ReadError::unusable(format!("a limit of nothing, {}", memory.limit));
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
