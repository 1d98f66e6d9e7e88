//! Reads the configuration files of a command line.

use std::time::Duration;

use tokio::time::timeout;

use super::disk::{self, Unread};
use crate::blocking::{self, Purpose};
use crate::config::cli::Cli;
use crate::config::files::Files;
use crate::config::options::CONFIG;
use crate::config::text::Source;
use crate::model::CheckType;

impl Cli {
    /// Reads the configuration files that are asked for. What is wrong with them is among the problems of
    /// the settings. A disk that does not answer is waited for [`LONGEST_READ`].
    pub async fn read_files(&mut self, table: &[&'static CheckType]) {
        if !self.has_files() {
            return;
        }
        self.files = match self.sources().await {
            Ok(sources) => Files::of(sources, table),
            Err(problem) => {
                let mut files = Files::default();
                files.note(problem);
                files
            }
        };
    }

    /// What the files say just now, to be compared.
    pub async fn look(&self) -> Vec<Result<Source, String>> {
        match self.sources().await {
            Ok(sources) => sources.into_iter().map(|of| of.map_err(|of| of.text)).collect(),
            Err(problem) => vec![Err(problem)],
        }
    }

    async fn sources(&self) -> Result<Vec<Result<Source, Unread>>, String> {
        let paths = self.values(CONFIG);
        let names: Vec<_> = paths.iter().map(|path| path.text.clone()).collect();
        let read = blocking::call(Purpose::Files, move || disk::read(&paths));
        match timeout(LONGEST_READ, read).await {
            Ok(Ok(sources)) => Ok(sources),
            Ok(Err(refused)) => Err(format!("--config cannot be read: {refused}")),
            Err(_) => Err(format!(
                "--config {}: its disk has not answered within {LONGEST_READ:?}",
                names.join(", ")
            )),
        }
    }

    /// Takes these texts in place of the files.
    pub fn take_files(&mut self, sources: Vec<Source>, table: &[&'static CheckType]) {
        self.files = Files::of(sources.into_iter().map(Ok).collect(), table);
    }
}

/// A disk on a network may hang for good, and a command must start all the same.
const LONGEST_READ: Duration = Duration::from_secs(2);
