//! Fills the store with what is collected, and commits it from time to time.

use std::cell::RefCell;
use std::mem::{self, ManuallyDrop};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use log::{error, warn};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::disk::Disk;
use super::header::lost_commit;
use super::replace::{self, open_or_replace};
use super::{Commit, Described, MOST_SERIES, READERS, Shelf, Store, Unusable};
use crate::blocking::{self, Purpose};
use crate::clock::{milliseconds, now_ms};
use crate::collector::Collector;
use crate::collector::series::Table;
use crate::collector::sink::Sink;
use crate::config::{History, Place};
use crate::model::{Quantity, Report, Series, Unit};
use crate::shown::shown;

/// The store that others ask.
pub type Shared = Rc<RefCell<Store>>;

/// Has the store written at once. The answer says why it is not.
pub type Writes = mpsc::Sender<oneshot::Sender<Result<(), String>>>;

/// A store, what commits it, and the way to have that done at once.
pub struct Opening {
    pub store: Shared,
    pub keeper: Keeper,
    pub writes: Writes,
}

/// The store of these settings, which is filled with what is collected.
pub fn open(history: &History, collector: &mut Collector) -> Opening {
    if let Place::Folder(_) = &history.place {
        blocking::confine_panics();
    }
    let store = match &history.place {
        Place::Memory(most_bytes) => Store::in_memory(*most_bytes),
        Place::Folder(folder) => Store::in_folder(folder, history.most_bytes),
    };
    let store = Rc::new(RefCell::new(store));
    // Closing a file writes to it, and a disk that does not answer must not keep this process from ending: where the
    // keeper could not close it, the file is left as a kill leaves it.
    mem::forget(store.clone());
    let (alive, ended) = mpsc::channel(1);
    let still_alive = Arc::new(());
    let is_alive = Arc::downgrade(&still_alive);
    let crowded = Rc::new(Notify::new());
    let (filled, places) = (store.clone(), Vec::new());
    let kept =
        Kept { store: filled, places, crowded: crowded.clone(), _alive: (alive, still_alive) };
    collector.add_sink(Box::new(kept));
    let sync = history.sync;
    let (writes, asked) = mpsc::channel(MOST_ASKING);
    let keeper = Keeper {
        store: store.clone(),
        sync,
        ended,
        is_alive,
        not_before: None,
        asked,
        crowded,
        said: None,
        clock: None,
        steady_since: Instant::now(),
        said_full: false,
    };
    Opening { store, keeper, writes }
}

/// Puts what is collected into the store.
struct Kept {
    store: Shared,
    /// The place in the store of each series of the collector that has a value at each sample.
    places: Vec<Option<usize>>,
    crowded: Rc<Notify>,
    /// Its end tells the keeper, and the thread that may be opening the file, that nothing more comes.
    _alive: (mpsc::Sender<()>, Arc<()>),
}

impl Sink for Kept {
    fn sample(&mut self, at: SystemTime, values: &[(Series, f64)], table: &Table) {
        let mut store = self.store.borrow_mut();
        let at_ms = milliseconds(at);
        for (series, value) in values {
            let number = series.0;
            if self.places.len() <= number {
                self.places.resize(number + 1, None);
            }
            let place = match self.places[number] {
                Some(place) => place,
                None => {
                    let metric = table.metric(*series);
                    let described = Described::of(metric, &metric.full_name(), false);
                    let Some(place) = store.series(described) else { continue };
                    *self.places[number].insert(place)
                }
            };
            let value = match table.metric(*series).unit {
                Unit::Percent => (value * PERCENT_SCALE).round() / PERCENT_SCALE,
                _ => *value,
            };
            store.put(place, at_ms, value, at_ms);
        }
    }

    fn report(&mut self, report: &Report) {
        let mut store = self.store.borrow_mut();
        let (at_ms, now_ms) = (milliseconds(report.time), now_ms());
        for (metric, value) in &report.values {
            let is_text = matches!(value, Quantity::Text(_));
            let described = Described::of(metric, &metric.full_name(), is_text);
            let Some(place) = store.series(described) else { continue };
            match value {
                Quantity::Text(text) => store.put_text(place, at_ms, text, now_ms),
                _ => value.number().into_iter().for_each(|of| store.put(place, at_ms, of, now_ms)),
            }
        }
        // A file that takes nothing at present is tried again at its time.
        if store.is_crowded() && !store.must_rewrite {
            self.crowded.notify_one();
        }
    }
}

/// Percents of samples are kept in steps of 0.0001: over 0.9 s that is a microsecond of CPU time, which is as fine as
/// the kernel counts it. All digits of a quotient would be noise, and three times as many bytes.
const PERCENT_SCALE: f64 = 1e4;

/// Opens the file where there is one, and commits.
pub struct Keeper {
    store: Shared,
    sync: Duration,
    ended: mpsc::Receiver<()>,
    /// Gone at the end: then a damaged file is left to the next start.
    is_alive: Weak<()>,
    /// A file that will most likely not be open next time either is not tried again earlier.
    not_before: Option<Instant>,
    /// Those who want to have it written now.
    asked: mpsc::Receiver<oneshot::Sender<Result<(), String>>>,
    /// More points are in memory than should wait for the next commit.
    crowded: Rc<Notify>,
    /// What is wrong at present, so that it is said once.
    said: Option<String>,
    /// Both clocks at the last commit.
    clock: Option<(Instant, i64)>,
    /// When this began, or the clock was set for the last time.
    steady_since: Instant,
    said_full: bool,
}

impl Keeper {
    /// Commits until nothing more comes, and then once more.
    pub async fn run(mut self) {
        loop {
            self.open().await;
            let is_open = !matches!(self.store.borrow().shelf, Shelf::Disk(_, None));
            let pause = if is_open { self.sync } else { self.sync.min(RETRY) };
            let mut reply = None;
            let is_over = tokio::select! {
                // Nothing is ever sent: it ends when the sink does.
                _ = self.ended.recv() => true,
                () = sleep(pause) => false,
                () = self.crowded.notified() => false,
                Some(asked) = self.asked.recv() => {
                    reply = Some(asked);
                    false
                }
            };
            if is_over {
                // Another process may have given it up by now.
                self.open().await;
            }
            self.commit().await;
            if let Some(reply) = reply {
                // Who asked may be gone.
                let _ = reply.send(self.said.clone().map_or(Ok(()), Err));
            }
            if is_over {
                self.say_what_is_lost();
                return self.close().await;
            }
        }
    }

    /// Opens the file, unless it is open.
    async fn open(&mut self) {
        let folder = match &self.store.borrow().shelf {
            Shelf::Disk(folder, None) => folder.clone(),
            _ => return,
        };
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.not_before = None;
        let (path, is_alive) = (folder.clone(), self.is_alive.clone());
        let name = shown(&folder.display().to_string());
        let open = move || open_or_replace(&path, &|| is_alive.strong_count() == 0);
        let opening = self.patiently(&name, blocking::call(Purpose::Store, open)).await;
        let replace::Opening { opened, replaced } = match opening {
            Ok(opening) => opening,
            Err(refused) => {
                return self.say(format!("the history in {name} cannot be opened: {refused}"));
            }
        };
        if let Some(replaced) = replaced {
            error!("{}", replaced.told(&name));
        }
        if let Err(Unusable::Unreplaced(_) | Unusable::Version(_)) = &opened {
            self.not_before = Some(Instant::now() + REPLACE_AGAIN);
        }
        match opened {
            Ok((disk, found)) => {
                if found.is_behind {
                    warn!("{}", lost_commit(&folder));
                }
                let damaged = self.store.borrow_mut().opened(disk, found);
                if damaged > 0 {
                    error!("the history in {name} has damaged parts, {damaged}, which are left out");
                }
            }
            Err(Unusable::Unreplaced(text)) => {
                let minutes = REPLACE_AGAIN.as_secs() / 60;
                self.say(format!(
                    "the history in {name} is damaged, and what is whole in it could not be taken over: {text}; the \
                     file stays as it is, the history is kept in memory, and this is tried again after {minutes} \
                     minutes and at the next start"
                ));
            }
            Err(unusable) => self.say(match unusable {
                Unusable::Taken => format!(
                    "the history in {name} is open in another process: end that, or name another folder; \
                     until then it is kept in memory"
                ),
                Unusable::Version(version) => format!(
                    "the history in {name} has format {version}, which this version does not read: name \
                     another folder, or use the version that wrote it"
                ),
                Unusable::Damaged => format!("the history in {name} is damaged"),
                Unusable::Failed(text) | Unusable::Unreplaced(text) => {
                    format!("the history in {name} cannot be opened, and is kept in memory meanwhile: {text}")
                }
            }),
        }
    }

    /// Commits what is new.
    async fn commit(&mut self) {
        let now_ms = now_ms();
        let trusts_clock = self.trusts_clock(now_ms);
        if self.store.borrow().counts().rejected_series > 0
            && !mem::replace(&mut self.said_full, true)
        {
            warn!(
                "the history takes no further metric: it has {MOST_SERIES}, or the name is longer than 1,024 bytes"
            );
        }
        let Some((folder, disk, commit)) = self.to_write(now_ms, trusts_clock) else { return };
        let written = blocking::call(Purpose::Store, move || {
            let written = commit.write(&disk);
            (commit, written)
        });
        let name = shown(&folder.display().to_string());
        match self.patiently(&name, written).await {
            Ok((commit, Ok(progress))) => {
                self.store.borrow_mut().committed(&commit, progress);
                self.works_again(&name);
            }
            Ok((_, Err(failure))) => {
                self.say(format!(
                    "the history in {name} cannot be written, and is kept in memory meanwhile: {failure}"
                ));
                // The database takes nothing more after an error: it is opened anew.
                self.close().await;
            }
            Err(refused) => {
                self.store.borrow_mut().not_committed();
                self.say(format!("the history in {name} cannot be written: {refused}"));
            }
        }
    }

    /// What is to be written to a file. A store in memory does it at once.
    fn to_write(&self, now_ms: i64, trusts_clock: bool) -> Option<(PathBuf, Arc<Disk>, Commit)> {
        let mut store = self.store.borrow_mut();
        let (folder, disk) = match &store.shelf {
            Shelf::Memory(_) => {
                // It cannot fail: what is damaged is replaced.
                let _ = store.commit(now_ms, trusts_clock);
                return None;
            }
            // It is tried again; meanwhile points are kept in memory.
            Shelf::Disk(_, None) => return None,
            Shelf::Disk(folder, Some(disk)) => (folder.clone(), disk.clone()),
        };
        let commit = store.commit_at(now_ms, trusts_clock)?;
        Some((folder, disk, commit))
    }

    /// Waits for a call, and says when it takes long.
    async fn patiently<T>(&mut self, name: &str, call: impl Future<Output = T>) -> T {
        tokio::pin!(call);
        match timeout(SILENT, &mut call).await {
            Ok(result) => result,
            Err(_) => {
                self.say(format!(
                    "the history in {name} is kept in memory meanwhile: its disk has not answered for {SILENT:?}"
                ));
                call.await
            }
        }
    }

    /// Whether the clock has gone on for an hour as time has. Where it was set, or is wrong since the start, the history
    /// could be called too old by mistake.
    fn trusts_clock(&mut self, now_ms: i64) -> bool {
        let now = Instant::now();
        if let Some((then, then_ms)) = self.clock.replace((now, now_ms)) {
            let elapsed = i64::try_from(now.duration_since(then).as_millis()).unwrap_or(i64::MAX);
            if (now_ms - then_ms - elapsed).abs() >= MOST_DRIFT_MS {
                self.steady_since = now;
            }
        }
        now.duration_since(self.steady_since) >= STEADY
    }

    /// Closes the file, which may block as well.
    async fn close(&mut self) {
        // Those that read it end first: it cannot be opened again while one of them has it.
        let readers = self.store.borrow().readers.clone();
        let _all = readers.acquire_many(READERS as u32).await;
        let disk = self.store.borrow_mut().close().and_then(Arc::into_inner);
        if let Some(disk) = disk {
            // Without a thread it stays as a kill would leave it: it must not be closed in this one.
            let disk = ManuallyDrop::new(disk);
            let close = move || drop(ManuallyDrop::into_inner(disk));
            let _ = blocking::call(Purpose::Store, close).await;
        }
    }

    /// Says at the end how many points were never written.
    fn say_what_is_lost(&self) {
        let store = self.store.borrow();
        if let Shelf::Disk(folder, open) = &store.shelf
            && (open.is_none() || store.must_rewrite)
            && store.open_points > 0
        {
            let name = shown(&folder.display().to_string());
            let points = store.open_points;
            error!(
                "the history in {name} could not be written before the end: points lost, at most {points}"
            );
        }
    }

    /// Says once that something is wrong.
    fn say(&mut self, text: String) {
        if self.said.as_ref() != Some(&text) {
            error!("{text}");
            self.said = Some(text);
        }
    }

    fn works_again(&mut self, name: &str) {
        if self.said.take().is_some() {
            let dropped = self.store.borrow().counts().dropped;
            warn!("the history in {name} is written again; points dropped meanwhile: {dropped}");
        }
    }
}

/// A disk that answers has written in far less.
const SILENT: Duration = Duration::from_secs(10);

/// Who asks for a commit waits for it. More are of a client that runs wild.
const MOST_ASKING: usize = 4;

/// A file that cannot be opened is tried again so often at least.
const RETRY: Duration = Duration::from_secs(60);

/// A damaged file is read as a whole for that, and most likely the disk is full; nor does a file of a newer version
/// change by itself. So neither is tried again at each write.
const REPLACE_AGAIN: Duration = Duration::from_secs(600);

/// So long the clock has to go on as time does before anything is removed as too old.
const STEADY: Duration = Duration::from_secs(3600);

/// A clock that is further from the time that has passed was set.
const MOST_DRIFT_MS: i64 = 60_000;

#[cfg(test)]
mod tests;
