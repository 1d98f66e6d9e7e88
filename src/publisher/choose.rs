//! The publishers that the settings ask for.

use super::cloudwatch::{self, CloudWatch};
use super::console::Console;
use super::emf::Emf;
use super::otlp::Otlp;
use super::{Publisher, Retries};
use crate::config::{Publish, Settings};

/// One of the publishers that the settings ask for. It counts in `retries` the attempts of each send
/// after the first.
pub fn open(publish: Publish, settings: &Settings, retries: &Retries) -> Box<dyn Publisher> {
    match publish {
        Publish::CloudWatch => Box::new(CloudWatch::new(settings, retries.clone())),
        Publish::Console => Box::new(Console::new(settings)),
        Publish::Emf => Box::new(Emf::new(settings)),
        Publish::Otlp => Box::new(Otlp::new(settings, retries.clone())),
    }
}

/// Whether the files that the user names for one of the publishers can be used. The error says what is
/// wrong. Problems that cannot be known yet are reported when the first window is sent.
pub async fn check(settings: &Settings) -> Result<(), String> {
    let has = |publish| settings.publishing.publishers.contains(&publish);
    match has(Publish::CloudWatch) || has(Publish::Otlp) {
        true => cloudwatch::check().await,
        false => Ok(()),
    }
}

/// The same beside a command, which runs already: its signals must not wait for a disk that hangs. A
/// problem is an error in the log.
pub fn check_beside(settings: &Settings) {
    let settings = settings.clone();
    tokio::task::spawn_local(async move {
        if let Err(problem) = check(&settings).await {
            log::error!("{problem}");
        }
    });
}
