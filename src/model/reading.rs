//! Raw counters, and why one could not be read.

use std::mem::discriminant;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fmt, io};

use tokio::time::Instant;

use super::{Bytes, Cores, Limit, Number};

/// Raw counters, as the kernel or an endpoint gives them. A part of which there is nothing newer
/// than in the reading before is `None`.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub cpu: Option<Result<CpuReading, ReadError>>,
    pub memory: Option<Result<MemoryReading, ReadError>>,
    /// The other numbers that have a value at each sample, as far as they were asked for. Empty without
    /// any, and then it costs nothing.
    pub others: Vec<(Number, Result<Raw, ReadError>)>,
}

impl Reading {
    /// A reading of CPU and memory alone.
    #[inline]
    pub const fn of(
        cpu: Option<Result<CpuReading, ReadError>>,
        memory: Option<Result<MemoryReading, ReadError>>,
    ) -> Self {
        Self { cpu, memory, others: Vec::new() }
    }
}

/// A number as it is read at a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has such numbers"))]
pub enum Raw {
    /// Its value, in its unit.
    Level(f64),
    /// A total, whose growth in a second is the value. So the first reading gives no value.
    Total(f64),
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

/// A number as it is read once a window.
#[derive(Clone, Debug)]
pub struct WindowReading {
    pub number: Number,
    /// Of one of the containers; otherwise of the whole.
    pub container: Option<Arc<str>>,
    /// In the unit of the number. `None` where there is nothing to say yet, as after the first reading of
    /// counters of which a difference is wanted.
    pub value: Option<Result<f64, ReadError>>,
}

#[cfg(target_os = "linux")]
impl WindowReading {
    /// Of the whole.
    pub fn of(number: Number, value: Option<Result<f64, ReadError>>) -> Self {
        Self { number, container: None, value }
    }
}

impl MemoryReading {
    /// Memory in use in percent of the limit, 0 to 100.
    pub fn percent(&self) -> Result<f64, ReadError> {
        let (used, limit) = (self.used.0, self.limit.amount.0);
        // Up to a sixteenth and LATE_BYTES above is the kernel's delay, and counts as 100 percent.
        if used > limit.saturating_add(limit / 16).saturating_add(LATE_BYTES) {
            return Err(ReadError::unusable(format!(
                "{used} bytes in use exceed the limit of {}",
                self.limit
            )));
        }
        let zero = || ReadError::unusable(format!("the limit is zero: {}", self.limit));
        self.used.capped_percent_of(self.limit.amount).ok_or_else(zero)
    }
}

/// The kernel adds memory up in batches, and makes a group that is over its limit give some back.
const LATE_BYTES: u64 = 16 << 20;

/// Why a counter could not be read. None of these is ever a zero.
#[derive(Clone, Debug)]
pub enum ReadError {
    Missing(PathBuf),
    Unreadable(PathBuf, Arc<io::Error>),
    Malformed {
        path: PathBuf,
        expected: &'static str,
    },
    /// The values were read but contradict each other, or cannot be used.
    Unusable(Arc<str>),
    /// There is no such number here: the kernel, the group or the scope has none. Nothing is lost.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has such numbers"))]
    Absent(Arc<str>),
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

    /// The error of a number that does not exist here.
    #[cfg(target_os = "linux")]
    pub fn absent(reason: impl Into<Arc<str>>) -> Self {
        Self::Absent(reason.into())
    }

    /// The same with the reason, where a file is missing, or the kernel says that it supports no reading
    /// of it: there is no such number here then.
    #[cfg(target_os = "linux")]
    pub fn because(self, reason: &str) -> Self {
        match &self {
            Self::Missing(_) => Self::absent(format!("{self}: {reason}")),
            Self::Unreadable(_, error) if error.kind() == io::ErrorKind::Unsupported => {
                Self::absent(format!("{self}: {reason}"))
            }
            _ => self,
        }
    }

    /// Whether it is the same failure, also where the figures in it are others: these may be so at each reading.
    pub fn is_like(&self, other: &Self) -> bool {
        let words = |of: &Self| of.to_string().replace(|of: char| of.is_ascii_digit(), "");
        discriminant(self) == discriminant(other) && words(self) == words(other)
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
            Self::Missing(path) => write!(f, "{} not found", path.display()),
            Self::Unreadable(path, error) => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            Self::Malformed { path, expected } => {
                write!(f, "{} has no {expected}", path.display())
            }
            Self::Unusable(reason) | Self::Absent(reason) => f.write_str(reason),
            Self::WentBack { from, to } => {
                let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
                write!(f, "the CPU counter was reset from {from:.3} s to {to:.3} s")
            }
        }
    }
}

impl std::error::Error for ReadError {}
