//! A Fargate task whose every figure is known: a machine of which the platform uses a part, and an
//! endpoint whose figures are late. Time is a value here, so nothing waits and nothing is by chance.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::config::MemoryUse;
use crate::model::{CpuReading, Limit, MemoryReading, Origin, ReadError};
use crate::source::host::{Used, Work};
use crate::source::proc::memory;
use crate::source::task::account::Now;
use crate::source::task::news::{News, NewsSender};
use crate::source::task::poll::StatisticsClock;
use crate::source::task::{Task, stats};

/// What happens in a simulation. Times are seconds since its start.
#[derive(Clone)]
pub struct Fargate {
    pub vcpus: f64,
    pub mebibytes: f64,
    /// Seconds between two samples.
    pub every: f64,
    /// Cores and MiB that the task uses.
    pub cpu: Steps,
    pub memory: Steps,
    /// Cores and MiB that the platform uses beside it.
    pub overhead_cpu: Steps,
    pub overhead_memory: Steps,
    /// The statistics are of multiples of ten seconds after this, and are out so much later.
    pub refreshed: f64,
    pub delay: f64,
    /// When the endpoint does not answer.
    pub silent: Range<f64>,
    /// When the larger container, which has three quarters of everything, is started anew.
    pub restarted: f64,
    /// When the wall clock is set, and by how many seconds.
    pub clock_set: (f64, f64),
}

/// A quantity that changes in steps: since when it has which value.
#[derive(Clone)]
pub struct Steps(pub Vec<(f64, f64)>);

/// What came out at one reading, and what is true, in percent of the task's limits.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub second: f64,
    pub cpu: Option<f64>,
    pub memory: Option<f64>,
    pub true_cpu: f64,
    pub true_memory: f64,
}

impl Fargate {
    /// A task with a steady load of 40 % of both of its limits, a platform that uses 0.02 cores and
    /// 180 MiB, and statistics that are four seconds old when they are out.
    pub fn new(vcpus: f64, mebibytes: f64) -> Self {
        Self {
            vcpus,
            mebibytes,
            every: 0.9,
            cpu: Steps::steady(0.4 * vcpus),
            memory: Steps::steady(0.4 * mebibytes),
            overhead_cpu: Steps::steady(0.02),
            overhead_memory: Steps::steady(180.0),
            refreshed: 3.3,
            delay: 4.0,
            silent: 0.0..0.0,
            restarted: f64::INFINITY,
            clock_set: (f64::INFINITY, 0.0),
        }
    }

    /// Samples for some seconds.
    pub fn run(&self, seconds: f64) -> Vec<Sample> {
        let ((mut task, news), mut work) = (self.open(), Work::default());
        let start = Instant::now() + Duration::from_secs(86_400);
        let (mut samples, mut last, mut clock) = (Vec::new(), None, StatisticsClock::default());
        let mut polls = (0_u32..).map(|n| f64::from(n) * POLL_SECONDS + FIRST_POLL).peekable();
        for second in (0_u32..).map(|n| f64::from(n) * self.every).take_while(|s| *s < seconds) {
            while let Some(poll) = polls.next_if(|poll| *poll <= second) {
                self.answer(poll, start, &mut clock, &news);
            }
            let at = start + Duration::from_secs_f64(second);
            let used = self.used(&mut work, second);
            let reading = task.read_task(at, |_| used);
            samples.push(Sample {
                second,
                cpu: part(reading.cpu).and_then(|next| cpu_percent(&mut last, &next)),
                memory: part(reading.memory).as_ref().map(memory_percent),
                true_cpu: self.cpu.mean(second - self.every, second) / self.vcpus * 100.0,
                true_memory: self.memory.at(second) / self.mebibytes * 100.0,
            });
        }
        samples
    }

    /// The task as it is after the endpoint has told what it is.
    fn open(&self) -> (Task, NewsSender) {
        let limits = format!("\"CPU\":{},\"Memory\":{}", self.vcpus, self.mebibytes);
        let containers = "{\"Type\":\"NORMAL\"},{\"Type\":\"NORMAL\"}";
        let body = format!(
            "{{\"LaunchType\":\"FARGATE\",\"Limits\":{{{limits}}},\"Containers\":[{containers}]}}"
        );
        super::task(body.as_bytes(), Path::new("/nonexistent"))
    }

    /// Answers a poll with the newest statistics that are out.
    fn answer(&self, poll: f64, start: Instant, clock: &mut StatisticsClock, news: &NewsSender) {
        let refreshes = ((poll - self.delay - self.refreshed) / REFRESH_SECONDS).floor();
        let read = self.refreshed + refreshes * REFRESH_SECONDS;
        if read < 0.0 || self.silent.contains(&poll) {
            return;
        }
        let usage = stats::parse(self.stats(read).as_bytes(), MemoryUse::Used).expect("statistics");
        let now = Now {
            instant: start + Duration::from_secs_f64(poll),
            wall_clock: self.wall_clock(poll),
        };
        if clock.dates(usage["app"].read, now) {
            news.send(News::Usage(usage, now));
        }
    }

    /// The statistics of the two containers as they were at some time.
    fn stats(&self, second: f64) -> String {
        let read = humantime::format_rfc3339_nanos(self.wall_clock(second));
        let mut body = String::new();
        for (id, share, since) in [("app", 0.75, self.restarted), ("side", 0.25, f64::INFINITY)] {
            // Both have run for a while before the simulation starts.
            let (before, since) = if second < since { (100.0, 0.0) } else { (0.0, since) };
            let cpu = before + share * (self.cpu.sum(second) - self.cpu.sum(since));
            let memory = share * self.memory.at(second) * MIB;
            let separator = if body.is_empty() { "" } else { "," };
            write!(
                body,
                "{separator}\"{id}\":{{\"read\":\"{read}\",\
                 \"cpu_stats\":{{\"cpu_usage\":{{\"total_usage\":{}}}}},\
                 \"memory_stats\":{{\"usage\":{},\"limit\":9223372036854771712,\"stats\":{{\
                 \"total_inactive_file\":40000000,\"total_active_file\":20000000}}}}}}",
                (cpu * 1e9) as u64,
                memory as u64 + 60_000_000,
            )
            .expect("a text takes all");
        }
        format!("{{{body}}}")
    }

    fn wall_clock(&self, second: f64) -> SystemTime {
        let (when, by) = self.clock_set;
        let step = if second < when { 0.0 } else { by };
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(1_793_000_000.0 + second + step)
    }

    /// The machine has more cores than the task may use.
    fn machine_cores(&self) -> f64 {
        2.0 * self.vcpus.ceil()
    }

    /// What the files of the machine tell, as the kernel writes them at some time: CPU time in whole
    /// ticks, each column for itself.
    fn used(&self, work: &mut Work, second: f64) -> Used {
        let busy = 100.0 * (30.0 + self.cpu.sum(second) + self.overhead_cpu.sum(second));
        let ticks = |share: f64| (busy * share).floor();
        let (user, system, softirq) = (ticks(0.7), ticks(0.25), ticks(0.05));
        let idle = (100.0 * (60.0 + self.machine_cores() * second) - busy).floor();
        let stat = format!(
            "cpu  {user} 0 {system} {idle} 11 0 {softirq} 0 0 0\ncpu0 {user} 0 {system} {idle} 11 0 \
             {softirq} 0 0 0\nintr 884213 0 9 0\nctxt 1734512\nbtime 1793000000\nprocesses 512\n"
        );
        let used = self.memory.at(second) + self.overhead_memory.at(second);
        let total = 2.0 * self.mebibytes + 64.0;
        let kibibytes = |mebibytes: f64| (mebibytes * 1024.0) as u64;
        // 90 MiB of buffers, cache and slabs, of which 6 MiB are shared memory.
        let free = kibibytes(total - used - 84.0);
        let meminfo = format!(
            "MemTotal: {} kB\nMemFree: {free} kB\nMemAvailable: {free} kB\nBuffers: {} kB\n\
             Cached: {} kB\nShmem: {} kB\nSReclaimable: {} kB\n",
            kibibytes(total),
            kibibytes(10.0),
            kibibytes(60.0),
            kibibytes(6.0),
            kibibytes(20.0),
        );
        let memory = memory(&meminfo).expect("it is complete");
        let limit = Limit { amount: memory.total, origin: Origin::Call("meminfo") };
        Used {
            cpu: Ok(work.add(&stat).expect("it is complete")),
            memory: Ok(MemoryReading { used: memory.used, limit }),
        }
    }
}

impl Steps {
    pub fn steady(value: f64) -> Self {
        Self(vec![(0.0, value)])
    }

    /// One step.
    pub fn step(before: f64, second: f64, after: f64) -> Self {
        Self(vec![(0.0, before), (second, after)])
    }

    /// `high` for the first `length` seconds of each `every` seconds, else `low`.
    pub fn bursts(low: f64, high: f64, length: f64, every: f64) -> Self {
        let starts = (0..1000_u32).map(|n| f64::from(n) * every);
        Self(starts.flat_map(|start| [(start, high), (start + length, low)]).collect())
    }

    pub fn at(&self, second: f64) -> f64 {
        self.0.iter().rev().find(|(since, _)| *since <= second).unwrap_or(&self.0[0]).1
    }

    /// The integral from the start.
    fn sum(&self, second: f64) -> f64 {
        let ends = self.0.iter().skip(1).map(|(since, _)| *since).chain([f64::INFINITY]);
        let pieces = self.0.iter().zip(ends).take_while(|((since, _), _)| *since < second);
        pieces.map(|((since, value), end)| (end.min(second) - since) * value).sum()
    }

    fn mean(&self, from: f64, to: f64) -> f64 {
        (self.sum(to) - self.sum(from.max(0.0))) / (to - from)
    }
}

/// A part of a reading; in these simulations none fails.
fn part<T>(part: Option<Result<T, ReadError>>) -> Option<T> {
    part.map(|part| part.expect("the machine is readable"))
}

/// As the sampler does it.
fn cpu_percent(last: &mut Option<CpuReading>, next: &CpuReading) -> Option<f64> {
    let last = last.replace(next.clone())?;
    let used = next.used.checked_sub(last.used).expect("time does not go back").as_secs_f64();
    let available = next.at.duration_since(last.at).as_secs_f64() * next.limit.amount.0;
    Some((100.0 * used / available).min(100.0))
}

fn memory_percent(memory: &MemoryReading) -> f64 {
    (100.0 * memory.used.0 as f64 / memory.limit.amount.0 as f64).min(100.0)
}

const MIB: f64 = 1024.0 * 1024.0;

/// How often the platform reads the statistics, and how often they are asked for.
const REFRESH_SECONDS: f64 = 10.0;
const POLL_SECONDS: f64 = 3.0;

/// The first poll is right after the start; at odd times, so that it meets no reading.
const FIRST_POLL: f64 = 0.01;
