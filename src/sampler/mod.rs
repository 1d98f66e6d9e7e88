//! Turns readings into samples, at a steady pace, and hands them to the collector.

mod gauge;
mod numbers;
mod pace;
mod watch;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::OptionFuture;
use log::warn;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::gauge::Gauge;
pub use self::gauge::{cpu_utilization, larger_limit};
use self::numbers::{WindowWatch, metric};
pub use self::pace::Pace;
use self::watch::{ClockWatch, by_reason};
use crate::collector::Collector;
use crate::collector::sink::HandedOut;
use crate::config::Scope;
use crate::model::{
    Evidence, Measured, Number, Numbers, ReadError, Reading, Report, Series, Unavailable,
    WindowReading,
};
use crate::right_size;
use crate::source::Source;
use crate::source::choose::Chosen;

/// What comes to the collector beside samples, as far as it can come.
#[derive(Default)]
pub struct Beside {
    /// The results of checks.
    pub reports: Option<Receiver<Rc<Report>>>,
    /// Has the open window closed before its time, and is told when that is done: its period has two summaries then.
    pub closings: Option<Receiver<oneshot::Sender<()>>>,
    /// What is to be read at each sample, of what is else read once a window, as far as each of these wants it
    /// now.
    pub prompt: Vec<Rc<Cell<Numbers>>>,
    /// What a report at the end is made of.
    pub record: Option<right_size::Shared>,
}

/// Samples at a pace until `stop` is cancelled; each sample goes to the collector, and so do the reports
/// of checks. Then takes a last reading, closes the open window and ends.
///
/// `wall_clock` tells to which window a sample belongs; every interval is measured on the
/// monotonic clock. Returns what became of the windows.
pub async fn run(
    chosen: Chosen,
    numbers: Numbers,
    mut pace: Pace,
    mut collector: Collector,
    beside: Beside,
    wall_clock: impl Fn() -> SystemTime,
    stop: CancellationToken,
) -> HandedOut {
    let Beside { mut reports, mut closings, prompt, record } = beside;
    let mut sampler = Sampler { prompt, ..Sampler::new(chosen, numbers, &mut collector) };
    let mut clock = ClockWatch::default();
    loop {
        let stopping = tokio::select! {
            biased;
            // First: a tick that is due as well is this last reading.
            () = stop.cancelled() => true,
            // The first is due at once: the first difference is taken from the first reading.
            () = pace.tick() => false,
            Some(Some(report)) = OptionFuture::from(reports.as_mut().map(Receiver::recv)) => {
                sampler.check(&report, wall_clock(), &mut collector);
                continue;
            }
            Some(Some(reply)) = OptionFuture::from(closings.as_mut().map(Receiver::recv)) => {
                sampler.close(&mut collector);
                collector.close();
                // Who asked may be gone.
                let _ = reply.send(());
                continue;
            }
        };
        let (instant, now) = (Instant::now(), wall_clock());
        clock.watch(instant, now);
        let reading = sampler.read(instant);
        sampler.take(reading, now, &mut collector);
        if let Some(record) = &record {
            record.begin(|| sampler.source.totals());
            if stopping {
                record.end(sampler.source.totals());
            }
        }
        if stopping {
            // The registry ends as well, and has handed over all that there was.
            while let Some(Some(report)) =
                OptionFuture::from(reports.as_mut().map(Receiver::recv)).await
            {
                sampler.check(&report, now, &mut collector);
            }
        }
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
    /// The scope of the last sample.
    scope: Option<Scope>,
    whole: Gauge,
    containers: BTreeMap<Arc<str>, Gauge>,
    windows: WindowWatch,
    /// The numbers that were asked for.
    asked: Numbers,
    /// What is to be read at each sample, by who wants it.
    prompt: Vec<Rc<Cell<Numbers>>>,
    /// What was wanted at the last one.
    prompted: Numbers,
    /// Whether there was a reading of CPU or memory.
    has_read: bool,
    /// Whether the log has which numbers cannot be measured here.
    is_said: bool,
    /// Whether a window was closed, or scope or limits changed, since what is unavailable was told.
    is_due: bool,
    /// When the last reading was made.
    read_at: Instant,
    /// The values of one sample. Kept, so that a sample does not allocate.
    values: Vec<(Series, f64)>,
}

impl Sampler {
    /// A sampler that says which of the numbers cannot be measured by this source.
    pub fn new(chosen: Chosen, numbers: Numbers, collector: &mut Collector) -> Self {
        let mut sampler = Self {
            source: chosen.source,
            scope: None,
            whole: Gauge::of(None, collector),
            containers: BTreeMap::new(),
            windows: WindowWatch::default(),
            asked: numbers,
            prompt: Vec::new(),
            prompted: Numbers::default(),
            has_read: false,
            is_said: false,
            is_due: false,
            read_at: Instant::now(),
            values: Vec::new(),
        };
        // Counters count from here on.
        sampler.report(collector);
        sampler
    }

    /// The counters as they stand now.
    pub fn read(&mut self, instant: Instant) -> Reading {
        self.read_at = instant;
        self.source.read(instant)
    }

    /// Makes a sample of what was just read. If it belongs to the next window, the report of the open
    /// one is taken first.
    pub fn take(&mut self, reading: Reading, now: SystemTime, collector: &mut Collector) {
        self.has_read |= reading.cpu.is_some() || reading.memory.is_some();
        self.values.clear();
        let (at, values) = (self.read_at, &mut self.values);
        self.whole.sample(reading, at, collector, values);
        for (name, reading) in self.source.containers() {
            let gauge = self.containers.entry(name.clone());
            let gauge = gauge.or_insert_with(|| Gauge::of(Some(&name), collector));
            gauge.sample(reading, at, collector, values);
        }
        if collector.would_close(now) {
            self.close(collector);
        }
        self.read_prompt(collector);
        collector.sample(now, &self.values);
        // After the sample, which may have closed a window whose samples were of something else.
        let scope = self.source.scope();
        if self.whole.take_new_limits() || self.scope != Some(scope) {
            self.scope = Some(scope);
            collector.measures(Measured { scope: scope.name(), limits: self.whole.limits() });
            self.is_due = true;
        }
        self.tell_unavailable(collector);
    }

    /// Reads what is wanted at each sample, of what is else read once a window. A failure is said at the end of
    /// the window, if it lasts.
    fn read_prompt(&mut self, collector: &mut Collector) {
        let wanted = self.prompt.iter().map(|wanted| wanted.get());
        let wanted = wanted.fold(Numbers::default(), Numbers::and);
        let before = std::mem::replace(&mut self.prompted, wanted);
        if wanted.is_empty() && before.is_empty() {
            return;
        }
        let mut values = Vec::new();
        for WindowReading { number, container, value } in self.source.prompt_readings(wanted) {
            if let Some(Ok(value)) = value {
                values.push((Rc::new(metric(number, container.as_ref())), value));
            }
        }
        collector.prompt(&values);
    }

    /// Takes the result of a check. If it belongs to the next window, the report of the open one is taken
    /// first.
    fn check(&mut self, report: &Report, now: SystemTime, collector: &mut Collector) {
        if collector.would_close(now) {
            self.close(collector);
        }
        collector.check(now, report);
    }

    /// Completes the open window. One in which nothing was measured has no summary: what happened in it is
    /// then reported with the next one, and not lost.
    fn close(&mut self, collector: &mut Collector) {
        if collector.has_value() {
            self.report(collector);
            self.say_missing();
        }
    }

    /// Takes the numbers that are read once a window.
    pub fn report(&mut self, collector: &mut Collector) {
        let report = self.windows.report(self.source.window_readings());
        collector.report(&report);
        // A container that has ended says so by nothing else.
        self.is_due = true;
    }

    /// Says once which of the numbers that were asked for there are none of here. What has failed, the log
    /// has already.
    fn say_missing(&mut self) {
        let mut missing = Vec::new();
        // Before that, nothing is known of what the source gives.
        if self.has_read && !std::mem::replace(&mut self.is_said, true) {
            let named = |number: Number| (number.published().to_owned(), self.does_not_measure());
            missing.extend(self.not_offered().map(named));
        }
        missing.extend(self.whole.unsaid());
        missing.extend(self.containers.values_mut().flat_map(Gauge::unsaid));
        missing.extend(self.windows.unsaid());
        by_reason(missing).iter().for_each(|sentence| warn!("{sentence}"));
    }

    /// The numbers beside CPU and memory that were asked for and could not be read the last time, each
    /// with the reason.
    pub fn missing(&self) -> Vec<(Number, String)> {
        let error = |number: Number| {
            let error = self.whole.failure(number).or_else(|| self.windows.failure(number));
            error.map(|error| (number, error.to_string()))
        };
        let not_offered = self.not_offered().map(|number| (number, self.does_not_measure()));
        self.asked.iter().filter_map(error).chain(not_offered).collect()
    }

    /// Tells what is not measured, where that may have changed, if somebody takes it.
    fn tell_unavailable(&mut self, collector: &mut Collector) {
        if !collector.takes_unavailable() {
            return;
        }
        let containers = self.containers.values_mut().map(Gauge::take_change);
        let containers = containers.fold(false, std::ops::BitOr::bitor);
        let changes = self.whole.take_change() | self.windows.take_change() | containers;
        // Before that, nothing is known of what the source gives.
        if self.has_read && (changes | std::mem::take(&mut self.is_due)) {
            collector.unavailable(self.unavailable());
        }
    }

    /// What was asked for and has no value: of the whole, and of each container that runs.
    fn unavailable(&self) -> Vec<Unavailable> {
        let running = self.source.running();
        let since_start = |number, container, reason| {
            let metric = metric(number, container).full_name();
            Unavailable { metric, reason, since: None }
        };
        let asked = self.asked;
        let whole = self.whole.unavailable(asked).chain(self.windows.unavailable(&running));
        let not_offered = self.not_offered();
        let not_offered =
            not_offered.map(|number| since_start(number, None, self.does_not_measure()));
        let mut all: Vec<_> = whole.chain(not_offered).collect();
        for name in &running {
            match self.containers.get(name) {
                Some(gauge) => all.extend(gauge.unavailable(asked)),
                None => {
                    let both = [Number::Cpu, Number::Memory].into_iter();
                    all.extend(both.filter(|number| asked.contains(*number)).map(|number| {
                        let failure = self.whole.failure(number).map(ToString::to_string);
                        let reason = failure.unwrap_or_else(|| NO_READING.to_owned());
                        since_start(number, Some(name), reason)
                    }));
                }
            }
        }
        all
    }

    fn not_offered(&self) -> impl Iterator<Item = Number> {
        let is_offered = |number: &Number| {
            matches!(number, Number::Cpu | Number::Memory)
                || self.whole.offers(*number)
                || self.windows.offers(*number)
        };
        self.asked.iter().filter(move |number| !is_offered(number))
    }

    fn does_not_measure(&self) -> String {
        format!(
            "scope {} does not measure it: a container has it, by --scope container or pod",
            self.source.scope()
        )
    }

    /// The parts of each container that runs, each with why it cannot be read, while that is so.
    pub fn containers(&self) -> Vec<(Arc<str>, Number, Option<ReadError>)> {
        let mut parts = Vec::new();
        for name in self.source.running() {
            let gauge = self.containers.get(&name);
            for number in [Number::Cpu, Number::Memory] {
                let failure = gauge.and_then(|gauge| gauge.failure(number).cloned());
                parts.push((name.clone(), number, failure));
            }
        }
        parts
    }

    /// What the readings are made of.
    pub fn explain(&mut self) -> Vec<Evidence> {
        self.source.explain()
    }
}

/// Of a container that has only just started, or of which the source has no figures.
const NO_READING: &str = "there are no figures of this container yet";

#[cfg(test)]
mod tests;
