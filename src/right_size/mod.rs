//! A report at the end of a run: what was used, and which size would have been enough.

mod advice;
mod histogram;
mod json;
mod prices;
mod published;
mod record;
mod sizes;
mod text;

use std::time::{Duration, SystemTime};

use self::advice::{Advice, Used};
use self::prices::{LEAST_SECONDS, Price};
use self::record::Record;
pub use self::record::Shared;
use self::sizes::{Kind, Neighbours, Size, next_to};
use crate::model::{Origin, PRESSURES, Periods, ReadError, TaskSize, Totals};

/// What a run was, each figure known or with the reason why it is not.
#[derive(Clone, Debug, PartialEq)]
pub struct RightSize {
    scope: &'static str,
    lasted: Duration,
    left_out: Duration,
    cpu: Result<Cpu, String>,
    memory: Result<Memory, String>,
    /// Percent of the scheduling periods in which the quota was used up.
    throttled: Result<f64, String>,
    oom_kills: Result<u64, String>,
    /// Percent of the time in which some task waited, for each of [`PRESSURES`].
    pressure: [Result<f64, String>; 3],
    size: Result<(Kind, Size), String>,
    smaller: Vec<Would>,
    larger: Vec<Would>,
    advice: Result<Advice, String>,
    cost: Result<Cost, String>,
}

/// CPU in percent of the limit.
#[derive(Clone, Debug, PartialEq)]
struct Cpu {
    samples: u64,
    /// In cores.
    limit: f64,
    origin: String,
    p50: f64,
    p95: f64,
    max: f64,
}

/// Memory in percent of the limit.
#[derive(Clone, Debug, PartialEq)]
struct Memory {
    samples: u64,
    /// In bytes.
    limit: u64,
    origin: String,
    max: f64,
}

/// What another size would have meant.
#[derive(Clone, Debug, PartialEq)]
struct Would {
    size: Size,
    cpu_p95: Option<f64>,
    memory_max: Option<f64>,
    fits: bool,
}

/// What the run has cost.
#[derive(Clone, Debug, PartialEq)]
struct Cost {
    price: Price,
    seconds: f64,
    /// Whether they count from the pull of the image on, as Fargate does.
    is_since_pull: bool,
    dollars: f64,
}

/// So many values of CPU and of memory are needed for advice: p95 then stands on the three highest.
const LEAST_SAMPLES: u64 = 60;

impl RightSize {
    /// The report of a record, as it is now.
    pub fn of(record: &Shared) -> Self {
        Self::at(&record.0.borrow(), SystemTime::now(), std::env::consts::ARCH)
    }

    fn at(record: &Record, now: SystemTime, architecture: &str) -> Self {
        let lasted = record.lasted();
        let cpu = cpu_of(record);
        let memory = memory_of(record);
        let (begin, end) = (&record.begin, &record.end);
        let both = (begin.as_ref(), end.as_ref());
        let task = end.as_ref().and_then(|end| end.task.clone());
        let size = size_of(record, task.as_ref());
        let throttled = grown(both, |of| &of.throttling).and_then(|(one, two)| percent(one, two));
        let oom_kills = grown(both, |of| &of.oom_kills);
        let oom_kills = oom_kills.and_then(|(one, two)| two.checked_sub(one).ok_or_else(went_back));
        let pressure = [0, 1, 2].map(|place| {
            let (one, two) = grown(both, |of| &of.pressure[place])?;
            let seconds = lasted.as_secs_f64();
            match two >= one {
                true if seconds > 0.0 => Ok(((two - one) / seconds).min(100.0)),
                true => Err("no time has passed".to_owned()),
                false => Err(went_back()),
            }
        });
        let region = task.as_ref().and_then(|task| task.region.as_deref());
        let price = Price::of(region, architecture);
        let used = used(&cpu, &memory, &throttled, &oom_kills);
        let (mut smaller, mut larger) = (Vec::new(), Vec::new());
        if let (Ok(used), Ok((kind, size))) = (&used, &size) {
            let next = next_to(*kind, *size);
            let Neighbours { smaller: less, larger: more } = next;
            let would = |size: Size| {
                let (cpu_p95, memory_max) = used.percent_of(size);
                Would { size, cpu_p95, memory_max, fits: used.fits(size) }
            };
            (smaller, larger) =
                (less.into_iter().map(would).collect(), more.into_iter().map(would).collect());
        }
        let advice = advise(record, &used, &size, price.as_ref());
        let cost = cost(task.as_ref(), &size, price, lasted, now);
        Self {
            scope: record.scope,
            lasted,
            left_out: record.left_out,
            cpu,
            memory,
            throttled,
            oom_kills,
            pressure,
            size,
            smaller,
            larger,
            advice,
            cost,
        }
    }
}

fn cpu_of(record: &Record) -> Result<Cpu, String> {
    let [p50, p95] = [50, 95].map(|percent| record.cpu.percentile(percent));
    let (Some(p50), Some(p95), Some(max)) = (p50, p95, record.cpu.max()) else {
        return Err("no sample had a value: two readings are needed for one".to_owned());
    };
    let limit = record.limits.cpu.as_ref().ok_or("its limit is not known")?;
    let (samples, origin) = (record.cpu.count(), limit.origin.to_string());
    Ok(Cpu { samples, limit: limit.amount.0, origin, p50, p95, max })
}

fn memory_of(record: &Record) -> Result<Memory, String> {
    let max = record.memory_max.ok_or("no sample had a value")?;
    let limit = record.limits.memory.as_ref().ok_or("its limit is not known")?;
    let (samples, origin) = (record.memory_count, limit.origin.to_string());
    Ok(Memory { samples, limit: limit.amount.0, origin, max })
}

/// The size that is to be judged.
fn size_of(record: &Record, task: Option<&TaskSize>) -> Result<(Kind, Size), String> {
    if let Some(TaskSize { is_fargate: true, cpu, memory, .. }) = task {
        let (Some(cpu), Some(memory)) = (cpu, memory) else {
            return Err("the task metadata endpoint tells no size of this task".to_owned());
        };
        let size = Size { cpu: Some(cpu.0), memory: Some(memory.0) };
        return match sizes::fargate().any(|of| of == size) {
            true => Ok((Kind::Fargate, size)),
            false => Err(format!("{} is no size of Fargate that is known here", text::named(size))),
        };
    }
    let cpu = record.limits.cpu.as_ref().filter(|limit| !is_of_machine(&limit.origin));
    let memory = record.limits.memory.as_ref().filter(|limit| !is_of_machine(&limit.origin));
    let size = Size { cpu: cpu.map(|of| of.amount.0), memory: memory.map(|of| of.amount.0) };
    match size {
        Size { cpu: None, memory: None } => Err("neither CPU nor memory has a limit".to_owned()),
        size => Ok((Kind::Limits, size)),
    }
}

/// Whether a limit is the size of the machine, which nobody has set.
fn is_of_machine(origin: &Origin) -> bool {
    match origin {
        Origin::File(path) => path.starts_with("/proc") || path.starts_with("/sys/devices"),
        Origin::Call(_) => true,
        Origin::Endpoint(_) | Origin::Containers => false,
    }
}

/// A counter at the begin and at the end.
fn grown<T: Clone>(
    (begin, end): (Option<&Totals>, Option<&Totals>),
    counter: impl Fn(&Totals) -> &Result<T, ReadError>,
) -> Result<(T, T), String> {
    let read = |of: &Totals| counter(of).clone().map_err(|error| error.to_string());
    let end = end.ok_or(if begin.is_some() { CUT_SHORT } else { NOTHING })?;
    // The end first: why a counter cannot be read is the same reason at both.
    let last = read(end)?;
    let begin = begin.ok_or(NOTHING)?;
    match begin.account == end.account {
        true => Ok((read(begin)?, last)),
        false => Err("the control group has changed during the run".to_owned()),
    }
}

fn percent(begin: Periods, end: Periods) -> Result<f64, String> {
    let all = end.all.checked_sub(begin.all).ok_or_else(went_back)?;
    let throttled = end.throttled.checked_sub(begin.throttled).ok_or_else(went_back)?;
    // Where nothing ran or there is no quota, none was.
    Ok(if all == 0 { 0.0 } else { (100.0 * throttled as f64 / all as f64).min(100.0) })
}

fn went_back() -> String {
    "the counter was started again during the run".to_owned()
}

const NOTHING: &str = "nothing was measured";
const CUT_SHORT: &str = "--shutdown-timeout ended the run before the counters were read again";

/// What advice stands on.
fn used(
    cpu: &Result<Cpu, String>,
    memory: &Result<Memory, String>,
    throttled: &Result<f64, String>,
    oom_kills: &Result<u64, String>,
) -> Result<Used, String> {
    let cpu = cpu.as_ref().map_err(|why| format!("CPU is not known: {why}"))?;
    let memory = memory.as_ref().map_err(|why| format!("memory is not known: {why}"))?;
    Ok(Used {
        cpu_p95: cpu.cores(cpu.p95),
        memory_max: memory.bytes(),
        oom_kills: oom_kills.clone().ok(),
        throttled: throttled.clone().ok(),
    })
}

fn advise(
    record: &Record,
    used: &Result<Used, String>,
    size: &Result<(Kind, Size), String>,
    price: Option<&Price>,
) -> Result<Advice, String> {
    let (cpu, memory) = (record.cpu.count(), record.memory_count);
    if cpu.min(memory) < LEAST_SAMPLES {
        return Err(format!(
            "measured too briefly: {cpu} values of CPU and {memory} of memory, {LEAST_SAMPLES} of each are needed"
        ));
    }
    let used = used.as_ref().map_err(String::clone)?;
    let (kind, size) = size.clone()?;
    if record.has_other_limits {
        return Err("the limits have changed during the run".to_owned());
    }
    // The order of prices is the same in each region and for each architecture.
    let price = price.cloned().or_else(|| Price::of(None, "x86_64")).ok_or("there is no price")?;
    Ok(used.advice(kind, size, &price))
}

fn cost(
    task: Option<&TaskSize>,
    size: &Result<(Kind, Size), String>,
    price: Option<Price>,
    lasted: Duration,
    now: SystemTime,
) -> Result<Cost, String> {
    let Some(task) = task.filter(|task| task.is_fargate) else {
        return Err(
            "only a task on Fargate has a price of its own (--scope task, pod or auto)".to_owned()
        );
    };
    let (_, size) = size.clone()?;
    let price = price.ok_or("Fargate has no price for this architecture")?;
    let since_pull = task.pulled.and_then(|pulled| now.duration_since(pulled).ok());
    let seconds = since_pull.unwrap_or(lasted).as_secs_f64().ceil().max(LEAST_SECONDS);
    let dollars = price.dollars(size, seconds).ok_or("the size is not known")?;
    Ok(Cost { price, seconds, is_since_pull: since_pull.is_some(), dollars })
}

impl Cpu {
    fn cores(&self, percent: f64) -> f64 {
        self.limit * percent / 100.0
    }
}

impl Memory {
    fn bytes(&self) -> u64 {
        (self.limit as f64 * self.max / 100.0).round() as u64
    }
}

/// Each pressure with its name.
fn named_pressure(of: &RightSize) -> impl Iterator<Item = (&'static str, &Result<f64, String>)> {
    PRESSURES.into_iter().zip(&of.pressure)
}

#[cfg(test)]
mod tests;
