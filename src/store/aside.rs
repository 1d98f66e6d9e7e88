//! Questions whose answers are read from the file in another thread: a disk that does not answer must not hold the
//! samples.

use std::time::Duration;

use tokio::time::timeout;

use super::keep::Shared;
use super::plot::{self, Part, Plot, Unplottable};
use super::shelf::View;
use super::{Shelf, Store};
use crate::blocking::{self, Purpose};

/// The same as [`Store::plot`].
pub async fn plot(store: &Shared, name: [&str; 2], part: Part) -> Result<Plot, Unplottable> {
    let prepare = |store: &Store| {
        let series = store.numbers(name)?;
        let (number, open) = (series.number, series.open.clone());
        Ok(move |view: &dyn View| part.plot(view, number, &open))
    };
    read(store, prepare).await
}

/// How far back each level reaches: when its oldest block begins.
pub async fn reaches(store: &Shared) -> Result<[Option<i64>; 6], Unplottable> {
    read(store, |_| Ok(|view: &dyn View| Ok(plot::reaches(view)?))).await
}

/// Takes what it needs from the store, and then looks at the blocks.
async fn read<T, L>(
    store: &Shared,
    prepare: impl FnOnce(&Store) -> Result<L, Unplottable>,
) -> Result<T, Unplottable>
where
    T: Send + 'static,
    L: FnOnce(&dyn View) -> Result<T, Unplottable> + Send + 'static,
{
    let answer = async {
        let readers = store.borrow().readers.clone();
        // It is never closed.
        let place = readers.acquire_owned().await.map_err(|_| Unplottable::Closed)?;
        let (disk, look) = {
            let store = store.borrow();
            let look = prepare(&store)?;
            match &store.shelf {
                Shelf::Memory(memory) => return look(memory),
                Shelf::Disk(_, None) => return Err(Unplottable::Closed),
                Shelf::Disk(_, Some(disk)) => (disk.clone(), look),
            }
        };
        let looked = blocking::call(Purpose::Plot, move || {
            let answer = disk.view().map_err(Unplottable::from).and_then(|view| look(&view));
            // The file is no longer in use when the place is free.
            drop(disk);
            drop(place);
            answer
        });
        looked.await.map_err(|refused| Unplottable::NoThread(refused.to_string()))?
    };
    timeout(SILENT, answer).await.unwrap_or(Err(Unplottable::Silent(SILENT)))
}

/// A disk that answers has read in far less, also with other questions before this one.
const SILENT: Duration = Duration::from_secs(5);
