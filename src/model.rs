//! The values that pass between the stages. They depend on nothing.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use tokio::time::Instant;

/// A number of CPU cores, fractions included: a quota of 25 ms in 100 ms is 0.25.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Cores(pub f64);

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores", self.0)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

/// What a percent is of, and the file or endpoint that says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit<T> {
    pub amount: T,
    pub origin: Arc<str>,
}

impl<T> Limit<T> {
    /// A limit that stands in a file.
    pub fn in_file(amount: T, file: &Path) -> Self {
        Self { amount, origin: file.display().to_string().into() }
    }
}

impl<T: fmt::Display> fmt::Display for Limit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.amount, self.origin)
    }
}

/// Raw counters, as the kernel or an endpoint gives them. A part of which there is nothing newer
/// than in the reading before is `None`.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub cpu: Option<Result<CpuReading, ReadError>>,
    pub memory: Option<Result<MemoryReading, ReadError>>,
}

/// CPU time used since some fixed moment; only differences of it mean anything, and only those
/// within one account.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuReading {
    /// When the counter stood like this.
    pub at: Instant,
    pub used: Duration,
    pub limit: Limit<Cores>,
    pub account: CpuAccount,
}

/// Whose CPU time a reading counts. A source that goes over to another group opens another account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuAccount(u32);

impl CpuAccount {
    /// An account that differs from all others of this process.
    pub fn open() -> Self {
        static OPENED: AtomicU32 = AtomicU32::new(0);
        Self(OPENED.fetch_add(1, Ordering::Relaxed))
    }
}

/// Memory that could not be given back without losing something: no page cache, no reclaimable
/// slabs, but shared memory.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryReading {
    pub used: Bytes,
    pub limit: Limit<Bytes>,
}

/// Counters of what went wrong, since some fixed moment. What is not asked for, or not known where
/// this runs, is `None`.
#[derive(Debug, Default)]
pub struct Events {
    pub throttling: Option<Result<Throttling, ReadError>>,
    /// Processes that were killed because the memory limit was reached.
    pub oom_kills: Option<Result<u64, ReadError>>,
}

/// How often the CPU quota was enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttling {
    /// Scheduling periods in which there was something to run.
    pub periods: u64,
    /// Those in which the quota was used up.
    pub throttled: u64,
}

/// What one part of the readings is made of, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// `CPU` or `memory`.
    pub part: &'static str,
    pub values: Vec<RawValue>,
    /// How the values give what is used, in their names.
    pub formula: Cow<'static, str>,
    /// What a reader has to know beside the formula, a sentence each.
    pub notes: Vec<String>,
}

/// A number as a file or endpoint gives it, or why it cannot be told.
#[derive(Clone, Debug, PartialEq)]
pub struct RawValue {
    pub name: Cow<'static, str>,
    pub origin: String,
    pub value: Result<u64, String>,
}

/// Why a counter could not be read. None of these is ever a zero.
#[derive(Clone, Debug)]
pub enum ReadError {
    Missing(PathBuf),
    Unreadable(PathBuf, Arc<io::Error>),
    Malformed {
        path: PathBuf,
        expected: &'static str,
    },
    /// The figures were read, and cannot all be true, or nothing can be made of them.
    Unusable(Arc<str>),
    /// A counter of CPU time is less than it was: what counts was started again.
    WentBack {
        from: Duration,
        to: Duration,
    },
}

impl ReadError {
    /// The error of figures that nothing can be made of.
    pub fn unusable(reason: impl Into<Arc<str>>) -> Self {
        Self::Unusable(reason.into())
    }

    /// The error of a file that could not be read.
    pub fn of(path: PathBuf, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(path),
            _ => Self::Unreadable(path, Arc::new(error)),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "{} does not exist", path.display()),
            Self::Unreadable(path, error) => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            Self::Malformed { path, expected } => {
                write!(f, "{} has no {expected}", path.display())
            }
            Self::Unusable(reason) => f.write_str(reason),
            Self::WentBack { from, to } => {
                let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
                write!(f, "the counter of CPU time went back from {from:.3} s to {to:.3} s")
            }
        }
    }
}

impl std::error::Error for ReadError {}

/// CPU and memory utilization at one instant, each in percent of its limit, 0 to 100.
///
/// A part that could not be measured is `None`. Single precision halves the memory of a long
/// window and still resolves a hundred-thousandth of a percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub cpu: Option<f32>,
    pub memory: Option<f32>,
}

/// A sample, and what its parts are in percent of, as far as that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub sample: Sample,
    pub cpu_limit: Option<Limit<Cores>>,
    pub memory_limit: Option<Limit<Bytes>>,
}

/// The values of one metric in one window, in percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    pub count: usize,
    pub median: f64,
    pub max: f64,
    pub min: f64,
    pub mean: f64,
    /// How often each value was there, smallest first, where that was asked for; else empty.
    pub distribution: Vec<ValueCount>,
}

/// How often a value was there. There are 10,001 different ones at most, however long the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueCount {
    /// In hundredths of a percent, rounded.
    pub hundredths: u16,
    pub count: u32,
}

impl ValueCount {
    /// The value in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }
}

/// One window, reduced. A metric without a single value in the window is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The window's start: a multiple of the period since the Unix epoch.
    pub start: SystemTime,
    pub cpu: Option<Statistics>,
    pub memory: Option<Statistics>,
    /// Percent of the scheduling periods in which the CPU quota was used up.
    pub throttling: Option<f64>,
    pub oom_kills: Option<u64>,
    /// Each container by itself, where that was asked for and is known.
    pub containers: Vec<ContainerSummary>,
}

impl Summary {
    /// The summary of a window without a value.
    pub fn empty(start: SystemTime) -> Self {
        let containers = Vec::new();
        Self { start, cpu: None, memory: None, throttling: None, oom_kills: None, containers }
    }
}

/// One container in one window.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerSummary {
    pub name: Arc<str>,
    pub cpu: Option<Statistics>,
    pub memory: Option<Statistics>,
}
