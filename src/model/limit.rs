//! What a percent is of.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::amount;

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

/// Exact; with `{:#}` also short.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)?;
        match f.alternate() {
            true => write!(f, " = {}", amount::size(self.0 as f64)),
            false => Ok(()),
        }
    }
}

impl Bytes {
    /// These bytes in percent of a limit that is not 0; more than 100 where they exceed it.
    pub fn percent_of(self, limit: Self) -> f64 {
        100.0 * self.0 as f64 / limit.0 as f64
    }

    /// The same, at most 100: more can be in use where the limit was lowered. `None` where it is 0.
    pub fn capped_percent_of(self, limit: Self) -> Option<f64> {
        (limit.0 > 0).then(|| self.percent_of(limit).min(100.0))
    }
}

/// What a percent is of, and where that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit<T> {
    pub amount: T,
    pub origin: Origin,
}

/// Where a limit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    File(Arc<Path>),
    /// The URL of a metadata endpoint.
    Endpoint(Arc<str>),
    /// A call of the operating system or of a library.
    Call(&'static str),
    /// The limits of the containers of a pod, which are added up.
    Containers,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Endpoint(url) => f.write_str(url),
            Self::Call(name) => f.write_str(name),
            Self::Containers => f.write_str("the limits of all containers"),
        }
    }
}

/// What is measured, for people who look at its figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The scope; empty before the first sample.
    pub scope: &'static str,
    pub limits: Limits,
}

impl Measured {
    /// The names of a service, and the scope as soon as it is known: how a title begins.
    pub fn title(&self, names: &[String]) -> Vec<String> {
        let scope = (!self.scope.is_empty()).then(|| format!("scope {}", self.scope));
        names.iter().cloned().chain(scope).collect()
    }
}

/// The limits of one thing, as far as it has any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    pub cpu: Option<Limit<Cores>>,
    pub memory: Option<Limit<Bytes>>,
}

#[cfg(target_os = "linux")]
impl<T> Limit<T> {
    /// A limit that stands in a file.
    pub fn in_file(amount: T, file: &Path) -> Self {
        Self { amount, origin: Origin::File(file.into()) }
    }
}

impl<T: fmt::Display> fmt::Display for Limit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.alternate() {
            true => write!(f, "{:#} ({})", self.amount, self.origin),
            false => write!(f, "{} ({})", self.amount, self.origin),
        }
    }
}
