//! Questions whose answers are read from the file in another thread: a disk that does not answer must not hold the
//! samples.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Shelf;
use super::keep::Shared;
use super::plot::{self, Part, Plot, Unplottable, Unread};
use super::shelf::{Failure, View};
use crate::blocking::{self, Purpose};

/// The same as [`Store::plot`].
pub async fn plot(store: &Shared, name: [&str; 2], part: Part) -> Result<Plot, Unplottable> {
    let turn = turn(store).await?;
    let (of, open) = {
        let store = store.borrow();
        let series = store.numbers(name)?;
        ((series.number, series.described.is_counter), series.open.clone())
    };
    Ok(read(store, turn, move |view| part.plot(view, of, &open)).await?)
}

/// How far back each level reaches: when the oldest block of it or of a finer one begins, or the oldest hour that is in
/// no block yet.
pub async fn reaches(store: &Shared) -> Result<[Option<i64>; 6], Unread> {
    let turn = turn(store).await?;
    let open = store.borrow().oldest_open_ms();
    read(store, turn, move |view| plot::reaches(view, open)).await
}

/// A turn among the readers.
async fn turn(store: &Shared) -> Result<OwnedSemaphorePermit, Unread> {
    let readers = store.borrow().readers.clone();
    let turn = timeout(SILENT, readers.acquire_owned()).await;
    // It is never closed.
    turn.map_err(|_| Unread::Silent(SILENT))?.map_err(|_| Unread::Closed)
}

/// Looks at the blocks as they are now.
async fn read<T: Send + 'static>(
    store: &Shared,
    turn: OwnedSemaphorePermit,
    look: impl FnOnce(&dyn View) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Unread> {
    let disk = match &store.borrow().shelf {
        Shelf::Memory(memory) => return Ok(look(memory)?),
        Shelf::Disk(_, None) => return Err(Unread::Closed),
        Shelf::Disk(_, Some(disk)) => disk.clone(),
    };
    let looked = blocking::call(Purpose::Plot, move || {
        let answer = disk.view().and_then(|view| look(&view));
        // The file is no longer in use when the turn is over, and the turn is over when this thread is.
        drop(disk);
        (answer, turn)
    });
    match timeout(SILENT, looked).await {
        Ok(Ok((answer, _turn))) => Ok(answer?),
        Ok(Err(refused)) => Err(Unread::NoThread(refused.to_string())),
        Err(_) => Err(Unread::Silent(SILENT)),
    }
}

/// A disk that answers has read in far less, also with other questions before this one.
const SILENT: Duration = Duration::from_secs(5);
