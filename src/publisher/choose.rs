//! The publishers that the settings ask for.

use super::cloudwatch::{self, CloudWatch};
use super::console::Console;
use super::emf::Emf;
use super::{Publisher, Retries};
use crate::config::{Publish, Settings};

/// One of the publishers that the settings ask for.
///
/// Counts in `retries` how many attempts it makes beside the first of each send.
pub fn open(publish: Publish, settings: &Settings, retries: &Retries) -> Box<dyn Publisher> {
    match publish {
        Publish::CloudWatch => Box::new(CloudWatch::new(settings, retries.clone())),
        Publish::Console => Box::new(Console::new(settings)),
        Publish::Emf => Box::new(Emf::new(settings)),
    }
}

/// Whether the files that the user names for one of the publishers can be used, or what is wrong
/// with them.
pub fn check(settings: &Settings) -> Result<(), String> {
    match settings.publishing.publishers.contains(&Publish::CloudWatch) {
        true => cloudwatch::check(),
        false => Ok(()),
    }
}

/// The same beside a command, which runs already: its signals do not wait for a disk that hangs, so
/// this has a thread of its own. What is wrong is an error in the log; without a thread it is said
/// when the first window is sent.
pub fn check_beside(settings: &Settings) {
    let settings = settings.clone();
    let check = move || {
        if let Err(problem) = check(&settings) {
            log::error!("{problem}");
        }
    };
    let _ = std::thread::Builder::new().spawn(check);
}
