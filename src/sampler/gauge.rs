//! Makes samples of readings: utilization in percent of the limit, and rates of totals.

use std::sync::Arc;
use std::time::Duration;

use log::debug;
use tokio::time::Instant;

use super::numbers::{Other, label, metric};
use super::watch::{FailureWatch, LimitWatch};
use crate::collector::Collector;
use crate::collector::series::MIN_INTERVAL;
use crate::model::{
    Bytes, Cores, CpuReading, Limits, MemoryReading, Number, Numbers, ReadError, Reading, Sample,
    Series, Unavailable,
};

/// Computes the samples of the whole or of a container from its readings.
pub struct Gauge {
    container: Option<Arc<str>>,
    cpu: Series,
    memory: Series,
    previous: Option<CpuReading>,
    cpu_limit: LimitWatch<Cores>,
    memory_limit: LimitWatch<Bytes>,
    cpu_failures: FailureWatch,
    memory_failures: FailureWatch,
    others: Vec<Other>,
    /// Whether the limits are others than they were, and nobody has asked yet.
    has_new_limits: bool,
}

impl Gauge {
    /// That of the whole, or of one of its containers.
    pub fn of(container: Option<&Arc<str>>, collector: &mut Collector) -> Self {
        let (cpu, memory) = (Number::Cpu, Number::Memory);
        let series = |number| collector.sampled(&metric(number, container));
        let [cpu_series, memory_series] = [cpu, memory].map(series);
        let [cpu, memory] = [cpu, memory].map(|number| label(number, container));
        Self {
            container: container.cloned(),
            cpu: cpu_series,
            memory: memory_series,
            previous: None,
            cpu_limit: LimitWatch::of(&cpu),
            memory_limit: LimitWatch::of(&memory),
            cpu_failures: FailureWatch::of(cpu),
            memory_failures: FailureWatch::of(memory),
            others: Vec::new(),
            has_new_limits: false,
        }
    }

    /// Adds what a reading gives to `values`. The first one gives no CPU.
    pub fn sample(
        &mut self,
        reading: Reading,
        at: Instant,
        collector: &mut Collector,
        values: &mut Vec<(Series, f64)>,
    ) {
        let cpu = reading.cpu.map(|cpu| self.cpu_utilization(cpu?));
        let memory = reading.memory.map(|memory| self.percent_of(&memory?));
        let sample = Sample {
            cpu: self.cpu_failures.watch(cpu).flatten(),
            memory: self.memory_failures.watch(memory),
        };
        match &self.container {
            Some(name) => debug!("{name}: {sample:?}"),
            None => debug!("{sample:?}"),
        }
        values.extend(sample.cpu.map(|cpu| (self.cpu, cpu.into())));
        values.extend(sample.memory.map(|memory| (self.memory, memory.into())));
        for (number, raw) in reading.others {
            let other = self.other(number, collector);
            let value = other.value(at, raw);
            values.extend(value.map(|value| (other.series, value)));
        }
    }

    /// Whether the source gives a number at each sample.
    pub fn offers(&self, number: Number) -> bool {
        self.others.iter().any(|other| other.number == number)
    }

    /// Why a number could not be read the last time.
    pub fn failure(&self, number: Number) -> Option<&ReadError> {
        match number {
            Number::Cpu => self.cpu_failures.failure(),
            Number::Memory => self.memory_failures.failure(),
            _ => self.others.iter().find(|other| other.number == number)?.failures.failure(),
        }
    }

    /// Whether a failure is another than the last time that was asked.
    pub fn take_change(&mut self) -> bool {
        let others = self.others.iter_mut().map(|other| &mut other.failures);
        let all = [&mut self.cpu_failures, &mut self.memory_failures].into_iter().chain(others);
        all.fold(false, |has_changed, failures| failures.take_change() | has_changed)
    }

    /// What of these has no value, and why. CPU and memory are measured also where nobody has asked for them.
    pub fn unavailable(&self, asked: Numbers) -> impl Iterator<Item = Unavailable> {
        let others = self.others.iter().map(|other| (other.number, &other.failures));
        let both = [(Number::Cpu, &self.cpu_failures), (Number::Memory, &self.memory_failures)];
        let all = both.into_iter().chain(others);
        all.filter(move |(number, _)| asked.contains(*number)).filter_map(|(number, failures)| {
            failures.unavailable(|| metric(number, self.container.as_ref()).full_name())
        })
    }

    /// The numbers that there are none of, if that was not said yet.
    pub fn unsaid(&mut self) -> impl Iterator<Item = (String, String)> {
        self.others.iter_mut().filter_map(|other| other.failures.take_unsaid())
    }

    fn other(&mut self, number: Number, collector: &mut Collector) -> &mut Other {
        let known = self.others.iter().position(|other| other.number == number);
        let place = known.unwrap_or_else(|| {
            let container = self.container.as_ref();
            let series = collector.sampled(&metric(number, container));
            self.others.push(Other::new(number, series, label(number, container)));
            self.others.len() - 1
        });
        &mut self.others[place]
    }

    fn percent_of(&mut self, memory: &MemoryReading) -> Result<f32, ReadError> {
        self.has_new_limits |= self.memory_limit.watch(&memory.limit);
        Ok(memory.percent()? as f32)
    }

    /// What the samples are in percent of, as far as it is known.
    pub fn limits(&self) -> Limits {
        let (cpu, memory) = (self.cpu_limit.limit(), self.memory_limit.limit());
        Limits { cpu: cpu.cloned(), memory: memory.cloned() }
    }

    /// Whether the limits have changed since this was asked last.
    pub fn take_new_limits(&mut self) -> bool {
        std::mem::take(&mut self.has_new_limits)
    }

    fn cpu_utilization(&mut self, next: CpuReading) -> Result<Option<f32>, ReadError> {
        self.has_new_limits |= self.cpu_limit.watch(&next.limit);
        let Some(before) = &self.previous else {
            self.previous = Some(next);
            return Ok(None);
        };
        if next.at.duration_since(before.at) < MIN_INTERVAL {
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
    // A limit that was lowered meanwhile was the larger one for a part of the time: the sum of a pod's
    // limits, when a container ends whose last CPU time is in this sample.
    let limit = larger_limit(before, next);
    let most = MOST_OF_LIMIT * elapsed * limit + BURST.as_secs_f64() * limit + LATE.as_secs_f64();
    if used > most {
        return Err(ReadError::unusable(format!(
            "{used:.3} s of CPU time in {elapsed:.3} s exceeds the limit of {}",
            next.limit
        )));
    }
    Ok(percent(used, elapsed * limit))
}

/// What CPU between two readings is in percent of, in cores.
pub fn larger_limit(before: &CpuReading, next: &CpuReading) -> f64 {
    next.limit.amount.0.max(before.limit.amount.0)
}

/// `part` in percent of `whole`. What is over is the rounding of the kernel's counters and ticks; the
/// callers have refused what is more than that.
fn percent(part: f64, whole: f64) -> Option<f32> {
    (whole > 0.0).then(|| (100.0 * part / whole).clamp(0.0, 100.0) as f32)
}

/// A group may use a little more than its quota: what each CPU has left of an earlier period
/// (a quarter is more than that), and the quota of one whole period more, which it may have saved up
/// for a burst or not used yet. A period is a second at the most (`max_cfs_quota_period` of the
/// kernel). Clock ticks of 10 ms come in three columns. More than that is no figure of this group, or
/// the limit was raised since it was read.
const MOST_OF_LIMIT: f64 = 1.25;
const BURST: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CpuAccount, Limit, Origin};

    #[test]
    fn a_limit_of_nothing_gives_no_percent() {
        assert_eq!(percent(1.0, 0.0), None);
        assert_eq!(percent(1.0, f64::NAN), None);
        assert_eq!(percent(1.0, 0.5), Some(100.0));
        assert_eq!(percent(-1.0, 4.0), Some(0.0));
    }

    /// What two readings that are 0.9 s apart give of a limit in cores, by the CPU time between them.
    fn utilization(seconds: f64, cores: f64, same_account: bool) -> Result<Option<f32>, String> {
        let limit = Limit { amount: Cores(cores), origin: Origin::Call("a test") };
        let (at, used, account) = (Instant::now(), Duration::from_secs(5), CpuAccount::open());
        let before = CpuReading { at, used, limit, account };
        let next = CpuReading {
            at: at + Duration::from_millis(900),
            used: Duration::from_secs_f64(5.0 + seconds),
            account: if same_account { account } else { CpuAccount::open() },
            ..before.clone()
        };
        cpu_utilization(&before, &next).map_err(|error| error.to_string())
    }

    #[test]
    fn a_little_over_the_limit_is_all_of_it_and_much_over_it_is_no_figure() {
        assert_eq!(utilization(0.45, 1.0, true), Ok(Some(50.0)));
        assert_eq!(utilization(0.99, 1.0, true), Ok(Some(100.0)), "a burst of a period");
        assert_eq!(utilization(0.27, 0.25, true), Ok(Some(100.0)));
        // A quota of 500 ms in a period of a second, at the end of one and the start of the next.
        assert_eq!(utilization(1.0, 0.5, true), Ok(Some(100.0)));
        let over = "2.700 s of CPU time in 0.900 s exceeds the limit of 1 cores (a test)";
        assert_eq!(utilization(2.7, 1.0, true), Err(over.to_owned()));
        assert!(utilization(0.54, 0.0039, true).is_err());
    }

    #[test]
    fn a_limit_that_was_lowered_binds_from_the_next_sample_on() {
        let limit = |cores| Limit { amount: Cores(cores), origin: Origin::Call("a test") };
        let (at, used, account) = (Instant::now(), Duration::from_secs(5), CpuAccount::open());
        let before = CpuReading { at, used, limit: limit(0.6), account };
        // A container of half a core has ended, whose last CPU time is in the sum.
        let next = CpuReading {
            at: at + Duration::from_secs(1),
            used: Duration::from_millis(5300),
            limit: limit(0.1),
            account,
        };
        assert_eq!(cpu_utilization(&before, &next).ok().flatten(), Some(50.0));
        assert_eq!(cpu_utilization(&next, &next).ok().flatten(), None, "no time has passed");
    }

    #[test]
    fn counters_of_two_accounts_are_not_compared() {
        assert_eq!(utilization(0.45, 1.0, false), Ok(None));
        assert_eq!(utilization(9e9, 1.0, false), Ok(None));
        assert_eq!(utilization(-4.0, 1.0, false), Ok(None));
        let back = "the CPU counter was reset from 5.000 s to 1.000 s";
        assert_eq!(utilization(-4.0, 1.0, true), Err(back.to_owned()));
    }

    #[test]
    fn memory_beyond_its_limit_is_no_figure() {
        let of = |used: u64, limit: u64| {
            let limit = Limit { amount: Bytes(limit << 20), origin: Origin::Call("a test") };
            let reading = MemoryReading { used: Bytes(used << 20), limit };
            reading.percent().map_err(|error| error.to_string())
        };
        assert_eq!(of(64, 256), Ok(25.0));
        assert_eq!(of(270, 256), Ok(100.0), "counters that are late");
        let over = "314572800 bytes in use exceed the limit of 268435456 bytes (a test)";
        assert_eq!(of(300, 256), Err(over.to_owned()));
        assert_eq!(of(0, 0), Err("the limit is zero: 0 bytes (a test)".to_owned()));
    }
}
