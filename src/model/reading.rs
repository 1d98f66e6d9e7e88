//! Raw counters, and why one could not be read.

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

/// The numbers that a source reads once a window, those of them that can be measured where this runs. One
/// of which there is nothing to say yet is `None`.
pub type Reported = Vec<(Number, Option<Result<f64, ReadError>>)>;

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
            Self::Missing(path) => write!(f, "{} not found", path.display()),
            Self::Unreadable(path, error) => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            Self::Malformed { path, expected } => {
                write!(f, "{} has no {expected}", path.display())
            }
            Self::Unusable(reason) => f.write_str(reason),
            Self::WentBack { from, to } => {
                let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
                write!(f, "the CPU counter was reset from {from:.3} s to {to:.3} s")
            }
        }
    }
}

impl std::error::Error for ReadError {}
