//! Sends summaries. A new publisher is a file here, a `mod` line and a row in [`open`].

pub mod cloudwatch;
mod console;
mod metrics;
mod stdout;

use std::fmt;
use std::pin::Pin;

use tokio_util::sync::CancellationToken;

pub use self::metrics::metric_names;
use crate::model::Summary;
use crate::settings::{Publish, Settings};

/// Takes summaries to where somebody looks at them.
pub trait Publisher {
    /// The most summaries that one call of [`publish`](Publisher::publish) takes.
    fn batch_limit(&self) -> usize;

    /// The part of a period over which the sends of a fleet are spread; 0 to send at once.
    fn spread(&self) -> f64;

    /// Sends the summaries, oldest first, all of them or none. A retry that is waiting is given
    /// up when `hurry` is cancelled; the summaries are then to be tried again.
    fn publish<'a>(
        &'a mut self,
        summaries: &'a [Summary],
        hurry: &'a CancellationToken,
    ) -> Publishing<'a>;

    /// To where and as whom it would publish.
    fn explain(&self) -> Explaining<'_>;
}

/// A send that is under way.
pub type Publishing<'a> = Pin<Box<dyn Future<Output = Result<(), PublishError>> + 'a>>;

/// Something about a publisher: what, and what it is.
pub type Fact = (&'static str, String);

/// Facts that are being found out.
pub type Explaining<'a> = Pin<Box<dyn Future<Output = Vec<Fact>> + 'a>>;

/// The publisher that the settings ask for.
pub fn open(settings: &Settings) -> Box<dyn Publisher> {
    match settings.publish {
        Publish::CloudWatch => Box::new(cloudwatch::CloudWatch::new(settings)),
        Publish::Console => Box::new(console::Console::new(settings)),
    }
}

/// Why the summaries were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishError {
    pub kind: Failure,
    /// The whole chain of causes.
    pub causes: String,
    /// What to do about it, where that is known.
    pub advice: Option<&'static str>,
}

/// What a failed send means for its summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// They may be taken later as they are: the network, the service, credentials.
    TryAgain,
    /// One of them at least will never be taken.
    Rejected,
    /// Nothing will ever be taken until somebody changes something.
    Misconfigured,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.causes)?;
        match self.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PublishError {}
