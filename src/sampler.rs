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
use self::watch::{ClockWatch, EventWatch, LimitWatch};
use crate::model::{Bytes, Cores, CpuReading, Measured, MemoryReading, Reading, Sample, Summary};
use crate::source::Source;
use crate::window::Windows;

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
    cpu: LimitWatch<Cores>,
    memory: LimitWatch<Bytes>,
}

impl Gauge {
    /// `of` follows the names of the parts in the log.
    fn new(of: &str) -> Self {
        let (cpu, memory) = (format!("CPU{of}"), format!("memory{of}"));
        Self { previous: None, cpu: LimitWatch::of(cpu), memory: LimitWatch::of(memory) }
    }

    /// The sample that a reading gives. The first one has no CPU part.
    fn sample(&mut self, reading: Reading) -> Sample {
        let cpu = self.cpu.watch(reading.cpu, |cpu| &cpu.limit);
        let memory = self.memory.watch(reading.memory, |memory| &memory.limit);
        Sample {
            cpu: cpu.and_then(|next| self.cpu_utilization(next)),
            memory: memory.as_ref().and_then(memory_utilization),
        }
    }

    /// The sample with the limits that it is of.
    fn measured(&self, sample: Sample) -> Measured {
        let (cpu_limit, memory_limit) = (self.cpu.limit().cloned(), self.memory.limit().cloned());
        Measured { sample, cpu_limit, memory_limit }
    }

    /// The utilization between the previous reading and this one. A counter that went back was
    /// restarted, and the difference says nothing.
    fn cpu_utilization(&mut self, next: CpuReading) -> Option<f32> {
        let Some(before) = &self.previous else {
            self.previous = Some(next);
            return None;
        };
        let elapsed = next.at.duration_since(before.at);
        if elapsed < MIN_CPU_INTERVAL {
            return None;
        }
        let used = next.used.checked_sub(before.used);
        let available = elapsed.as_secs_f64() * next.limit.amount.0;
        self.previous = Some(next);
        percent(used?.as_secs_f64(), available)
    }
}

fn memory_utilization(memory: &MemoryReading) -> Option<f32> {
    percent(memory.used.0 as f64, memory.limit.amount.0 as f64)
}

/// `part` in percent of `whole`. The kernel's clock ticks can make a difference of readings a
/// little larger than the time that passed, which is no more than a hundred percent.
fn percent(part: f64, whole: f64) -> Option<f32> {
    (whole > 0.0).then(|| (100.0 * part / whole).clamp(0.0, 100.0) as f32)
}

/// A CPU sample over less than this would be made of a few clock ticks: the kernel counts in
/// steps of 10 ms, a fifth of this. Such a reading is left to the next one, which covers it.
const MIN_CPU_INTERVAL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
