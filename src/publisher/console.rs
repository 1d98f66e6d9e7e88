//! Prints one line a window on standard output: a preview that needs no AWS.

use std::io;

use tokio_util::sync::CancellationToken;

use super::metrics::LineFormat;
use super::{Explaining, Failure, PublishError, Publisher, Publishing, stdout};
use crate::model::Summary;
use crate::settings::Settings;

/// The publisher behind `--dry-run`.
#[derive(Debug)]
pub struct Console {
    format: LineFormat,
}

impl Console {
    pub fn new(settings: &Settings) -> Self {
        Self { format: LineFormat::new(settings) }
    }
}

impl Publisher for Console {
    /// One, so that what could not be written is all that is tried again.
    fn batch(&self, _backlog: &[Summary]) -> usize {
        1
    }

    fn spread(&self) -> f64 {
        0.0
    }

    fn publish<'a>(
        &'a mut self,
        summaries: &'a [Summary],
        _hurry: &'a CancellationToken,
    ) -> Publishing<'a> {
        Box::pin(async move {
            for summary in summaries {
                let lines = self.format.lines(summary).join("\n") + "\n";
                stdout::write(&lines).await.map_err(|error| failure(&error))?;
            }
            Ok(())
        })
    }

    fn explain(&self) -> Explaining<'_> {
        Box::pin(async { vec![("publisher", "the console: lines on standard output".to_owned())] })
    }
}

fn failure(error: &io::Error) -> PublishError {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::TimedOut => (Failure::TryAgain, None),
        _ => (Failure::Misconfigured, Some("whoever read standard output has closed it")),
    };
    PublishError { kind, causes: format!("standard output: {error}"), advice }
}
