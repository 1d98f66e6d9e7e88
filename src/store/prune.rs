//! Makes the file of a history as small as it can be.

use std::sync::Arc;

use super::Store;
use super::condense::{self, Job};
use super::disk::Notes;
use super::shelf::Failure;
use super::unusable::failure;

impl Store {
    /// Removes what is too old at `now_ms`, and the oldest until the rest has no more than so many bytes; then gives
    /// the space back that nothing uses, and closes the file.
    pub fn prune(mut self, most_bytes: u64, now_ms: i64) -> Result<(), Failure> {
        self.most_bytes = most_bytes;
        // Hours that have ended since the agent did are condensed, and their points have to stand once.
        self.commit(now_ms, true)?;
        let current_ms = i64::MAX;
        let job = Job { now_ms: Some(now_ms), most_bytes, current_ms, ..Job::default() };
        let disk = self.disk()?;
        disk.write(&Notes::default(), |blocks| condense::write(&job, blocks))?;
        let mut found = disk.found()?;
        disk.forget(&mut found)?;
        if let Some(mut disk) = self.close().and_then(Arc::into_inner) {
            disk.database.compact().map_err(failure)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
