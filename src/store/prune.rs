//! Makes the file of a history as small as it can be.

use std::path::Path;
use std::sync::Arc;

use super::condense::{self, Job};
use super::disk::{Notes, failure, file_in};
use super::shelf::Failure;
use super::{Shelf, Store};

/// Bytes of the file before and afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    pub before: u64,
    pub after: u64,
}

impl Store {
    /// Removes what is too old at `now_ms`, and the oldest until the rest has no more than so many bytes; then gives
    /// the space back that nothing uses, and closes the file.
    pub fn prune(mut self, folder: &Path, most_bytes: u64, now_ms: i64) -> Result<Pruned, Failure> {
        let length = || {
            let metadata = file_in(folder).metadata();
            metadata.map(|of| of.len()).map_err(|error| Failure::Failed(error.to_string()))
        };
        let before = length()?;
        self.most_bytes = most_bytes;
        // Hours that have ended since the agent did are condensed, and their points have to stand once.
        self.commit(now_ms)?;
        let job = Job { now_ms: Some(now_ms), most_bytes, ..Job::default() };
        let disk = self.disk()?;
        disk.write(&Notes::default(), |blocks| condense::write(&job, blocks))?;
        let Shelf::Disk(_, disk) = &mut self.shelf else {
            return Ok(Pruned { before, after: before });
        };
        if let Some(mut disk) = disk.take().and_then(Arc::into_inner) {
            if let Some(database) = &mut disk.database {
                database.compact().map_err(failure)?;
            }
            disk.close();
        }
        Ok(Pruned { before, after: length()? })
    }
}
