//! Sends data. A new publisher is a file here, a `mod` line and a row in [`choose::open`].

pub mod choose;
pub mod cloudwatch;
mod console;
pub mod emf;
mod endpoints;
pub mod line;
pub mod names;
pub mod otlp;
mod stdout;
mod table;

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

pub use self::stdout::print;
use crate::clock::Exchange;
use crate::model::{Datum, Summary};

/// Sends data to a place where people look at them.
pub trait Publisher {
    /// Its name in `--publish`.
    fn name(&self) -> &'static str;

    /// The rules for sends to it.
    fn terms(&self) -> Terms;

    /// A bound on the size of a datum in a request.
    fn size(&self, _summary: &Summary, _datum: Datum) -> Size {
        Size::default()
    }

    /// Sends the data of all parcels, oldest window first, all of them or none. A retry that is waiting
    /// is given up when `hurry` is cancelled; the data are then to be tried again.
    fn send<'a>(
        &'a mut self,
        parcels: &'a [Parcel<'a>],
        hurry: &'a CancellationToken,
    ) -> Sending<'a>;

    /// Finds what the first send needs, so that what is missing is known before there are data. The
    /// place that it then publishes to, for people, where that is worth a word.
    fn prepare(&mut self) -> Preparing<'_> {
        Box::pin(async { Ok(None) })
    }

    /// Sees each window once, in their order, before any of it is sent. Windows that are dropped later were
    /// seen, too.
    fn sees(&mut self, _summary: &Rc<Summary>) {}

    /// Whether a window has to wait, because the clock of the endpoint is behind its time. A send that
    /// begins with such a window fails.
    fn waits(&self, _summary: &Summary) -> bool {
        false
    }

    /// Learns that what is sent from now on is the last, and that so much time is left for it at most.
    fn ends(&mut self, _left: Duration) {}

    /// Which of its endpoints gets everything, where it has several.
    fn primary(&self) -> Option<Primary> {
        None
    }

    /// What the newest answer told of the clock of the endpoint; this agent is who has asked.
    fn endpoint_clock(&self) -> Option<Exchange> {
        None
    }

    /// Where to and with whose credentials it would publish. With `connecting` it also sees whether
    /// there is a server. A fact without a value is one that is missing to publish.
    fn explain(&self, connecting: bool) -> Explaining<'_>;
}

/// The endpoint that gets everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    /// For people.
    pub endpoint: String,
    /// Why it is this one.
    pub why: String,
    pub since: SystemTime,
}

/// The rules for sends to a publisher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// How many data a datum becomes: one for each set of dimensions; 1 where all sets go together.
    pub sets: usize,
    /// One request takes data of this many windows, and as much as this in all.
    pub most_windows: usize,
    pub most: Size,
    /// Whether a window without a single datum is sent, too.
    pub empty_windows: bool,
    /// Windows of this age are no longer accepted.
    pub oldest: Option<Duration>,
    /// The part of a period over which the sends of a fleet are spread; 0 to send at once.
    pub spread: f64,
    /// The name under which the log shows each window that was accepted.
    pub log: Option<&'static str>,
    /// Whether all values of a number are a datum beside its median and its maximum.
    pub with_values: bool,
    /// Whether each sample is a datum, too.
    pub with_samples: bool,
}

/// The size of data in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Counted as the service does.
    pub data: usize,
    pub bytes: usize,
}

impl Size {
    pub const UNLIMITED: Self = Self { data: usize::MAX, bytes: usize::MAX };

    pub fn add(&mut self, other: Self) {
        self.data += other.data;
        self.bytes += other.bytes;
    }

    pub fn is_within(self, most: Self) -> bool {
        self.data <= most.data && self.bytes <= most.bytes
    }
}

/// Some of the data of a window, to be sent together.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    pub summary: &'a Summary,
    pub data: &'a [Datum],
}

/// A send that is under way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Accepted, PublishError>> + 'a>>;

/// A preparation that is under way.
pub type Preparing<'a> = Pin<Box<dyn Future<Output = Result<Option<String>, PublishError>> + 'a>>;

/// The result of an accepted send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// How many of the data were refused; the service does not say which.
    pub refused: u64,
}

/// How many attempts were made after the first of each send. The publisher also counts the attempts of
/// a send that is given up.
#[derive(Clone, Debug, Default)]
pub struct Retries(Arc<AtomicU64>);

impl Retries {
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something about a publisher.
#[derive(Debug)]
pub struct Fact {
    /// For programs; people see a blank for each `_`.
    pub name: &'static str,
    /// Its value, where that is known.
    pub value: Option<String>,
    /// More about it: its source, or why it is not known.
    pub note: Option<String>,
    /// What to do where it is not known, if the note is long.
    pub cure: Option<String>,
}

impl Fact {
    /// A fact that is known.
    pub fn known(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: Some(value.into()), note: None, cure: None }
    }

    /// A fact without a value, with a note that says why.
    pub fn noted(name: &'static str, note: impl Into<String>) -> Self {
        Self { name, value: None, note: Some(note.into()), cure: None }
    }

    /// The same with what to do.
    pub fn cured_by(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }
}

/// Facts that are being found out.
pub type Explaining<'a> = Pin<Box<dyn Future<Output = Vec<Fact>> + 'a>>;

/// Why data were not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishError {
    pub kind: Failure,
    /// The whole chain of causes.
    pub causes: String,
    /// What of them a user needs to know, where that is less.
    pub brief: Option<String>,
    /// What to do about it, where that is known.
    pub advice: Option<&'static str>,
    pub at: Place,
}

/// Where a send failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Before the endpoint was asked: another endpoint would have failed as well.
    Here,
    /// The endpoint refused the connection.
    Refused,
    /// At the endpoint, or on the way to it.
    #[default]
    Endpoint,
}

impl PublishError {
    /// Whether the next send may find that the user or the machine has mended it: credentials in a file, trusted
    /// roots, the region, a descriptor. So it has to look anew.
    pub fn may_be_mended(&self) -> bool {
        self.advice.is_some() || self.kind == Failure::OutOfResources
    }

    pub fn new(kind: Failure, causes: String) -> Self {
        Self { kind, causes, brief: None, advice: None, at: Place::Endpoint }
    }

    /// The same, which the endpoint has no part in.
    pub fn here(self) -> Self {
        Self { at: Place::Here, ..self }
    }

    /// What a user needs to know of it.
    pub fn what(&self) -> &str {
        self.brief.as_ref().unwrap_or(&self.causes)
    }

    /// The same with what to do about it.
    pub fn advising(self, advice: &'static str) -> Self {
        Self { advice: Some(advice), ..self }
    }
}

/// What a failed send means for its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// They may be accepted later as they are: the network, the service, credentials.
    TryAgain,
    /// The same, but nothing was sent: this machine refused a thread, descriptor or memory.
    OutOfResources,
    /// One of them at least will never be accepted.
    Rejected,
    /// Nothing will be accepted until a person changes something.
    Misconfigured,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what();
        match self.advice {
            // First, because that is what a reader looks for, and a view may cut the end.
            Some(advice) => write!(f, "{advice} ({what})"),
            None => f.write_str(what),
        }
    }
}

impl std::error::Error for PublishError {}
