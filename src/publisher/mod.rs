//! Sends summaries. A new publisher is a file here, a `mod` line and a row in [`open`].

pub mod cloudwatch;
mod console;
mod emf;
mod line;
mod metrics;
mod stdout;

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use self::metrics::Choice;
use crate::model::Summary;
use crate::settings::{Publish, Settings};

/// Takes summaries to where somebody looks at them.
pub trait Publisher {
    /// What it is chosen by.
    fn name(&self) -> &'static str;

    /// How many of the oldest summaries of a backlog one call of [`publish`](Publisher::publish)
    /// takes; none where the oldest alone is too large, which is then published in parts.
    fn batch(&self, _backlog: &[Summary]) -> usize {
        1
    }

    /// The part of a period over which the sends of a fleet are spread; 0 to send at once.
    fn spread(&self) -> f64 {
        0.0
    }

    /// Sends the summaries, oldest first, all of them or none. A retry that is waiting is given
    /// up when `hurry` is cancelled; the summaries are then to be tried again.
    fn publish<'a>(
        &'a mut self,
        summaries: &'a [Summary],
        hurry: &'a CancellationToken,
    ) -> Publishing<'a>;

    /// The names of the data that a summary is sent as.
    fn data(&self, _summary: &Summary) -> Vec<String> {
        vec!["all".to_owned()]
    }

    /// How many of the data of a summary, from a place among them on, one call of
    /// [`publish_part`](Publisher::publish_part) takes. At least one.
    fn part(&self, _summary: &Summary, _from: usize) -> usize {
        1
    }

    /// Sends some of the data of a summary, by their places among them: where all are too much for
    /// one request, or the one is looked for that makes the service reject the summary.
    fn publish_part<'a>(
        &'a mut self,
        summary: &'a Summary,
        _places: Range<usize>,
        hurry: &'a CancellationToken,
    ) -> Publishing<'a> {
        self.publish(std::slice::from_ref(summary), hurry)
    }

    /// Hears of each summary of which all data were taken.
    fn taken(&self, _summary: &Summary) {}

    /// How old a window may be to be taken, if there is such a bound.
    fn max_age(&self) -> Option<Duration> {
        None
    }

    /// How many attempts were made beside the first of each send.
    fn retries(&self) -> u64 {
        0
    }

    /// To where and as whom it would publish.
    fn explain(&self) -> Explaining<'_>;
}

/// A send that is under way.
pub type Publishing<'a> = Pin<Box<dyn Future<Output = Result<(), PublishError>> + 'a>>;

/// Something about a publisher: what, and what it is.
pub type Fact = (&'static str, String);

/// Facts that are being found out.
pub type Explaining<'a> = Pin<Box<dyn Future<Output = Vec<Fact>> + 'a>>;

/// One of the publishers that the settings ask for.
pub fn open(publish: Publish, settings: &Settings) -> Box<dyn Publisher> {
    match publish {
        Publish::CloudWatch => Box::new(cloudwatch::CloudWatch::new(settings)),
        Publish::Console => Box::new(console::Console::new(settings)),
        Publish::Emf => Box::new(emf::Emf::new(settings)),
    }
}

/// Whether the files that the user names for one of the publishers can be used, or what is wrong
/// with them. What cannot be known now is said when the first window is sent.
pub async fn check(settings: &Settings) -> Result<(), String> {
    match settings.publish.contains(&Publish::CloudWatch) {
        true => cloudwatch::check().await,
        false => Ok(()),
    }
}

/// The same beside a command, which runs already: its signals do not wait for a disk that hangs. What
/// is wrong is an error in the log.
pub fn check_beside(settings: &Settings) {
    let settings = settings.clone();
    tokio::task::spawn_local(async move {
        if let Err(problem) = check(&settings).await {
            log::error!("{problem}");
        }
    });
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
    /// The same, but nobody was asked: this machine has no thread, descriptor or memory to spare.
    OutOfResources,
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
