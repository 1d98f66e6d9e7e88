//! A folder with what is to last over a restart: changes through the API, states of alarms.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use tokio::time::timeout;

use crate::blocking::{self, Purpose};
use crate::permissions::{unwritable, writable_by_others};
use crate::put_aside::free_name;
use crate::shown::shown;

/// A folder that this process alone writes to as long as this lives.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    /// The last change that was begun of each file.
    last: RefCell<BTreeMap<String, Turn>>,
    /// The files that nothing is written over.
    untouched: RefCell<BTreeSet<String>>,
    /// Others see by its lock that the folder is in use.
    _lock: File,
}

impl StateFolder {
    /// Opens a folder, which is made where it is missing.
    pub async fn open(path: &Path) -> Result<Self, String> {
        let folder = path.to_owned();
        let lock = on_disk(path, move || lock(&folder)).await?;
        let (last, untouched) = (RefCell::default(), RefCell::default());
        Ok(Self { path: path.to_owned(), last, untouched, _lock: lock })
    }

    /// What stands in a file of it; nothing where there is no such file.
    pub async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let path = self.path.join(name);
        on_disk(&self.path, move || read(&path)).await
    }

    /// Puts a text in the place of that of a file. After a crash there is the old or the new one.
    pub async fn write(&self, name: &str, text: impl Into<Arc<str>>) -> Result<(), String> {
        let text = text.into();
        self.check(name, text.len())?;
        let (folder, name, turn) = (self.path.clone(), name.to_owned(), self.turn(name));
        on_disk(&self.path, move || write(&folder, &name, &text, &turn)).await
    }

    /// Adds a text at the end of a file, which is made where it is missing. After a crash its end may be missing.
    pub async fn append(&self, name: &str, text: String) -> Result<(), String> {
        self.check(name, text.len())?;
        let (path, turn) = (self.path.join(name), self.turn(name));
        on_disk(&self.path, move || turn.take(|| append(&path, &text)).map(drop)).await
    }

    /// Puts a file out of the way, so that another one can be written and this one can be looked at; its name is then
    /// that of the answer. Where that fails, nothing is written over it.
    pub async fn put_aside(&self, name: &str) -> Result<String, String> {
        // If this is given up, it may be done later.
        self.untouched.borrow_mut().insert(name.to_owned());
        let (folder, file) = (self.path.clone(), name.to_owned());
        let aside = on_disk(&self.path, move || put_aside(&folder, &file)).await?;
        self.untouched.borrow_mut().remove(name);
        Ok(aside)
    }

    /// Whether this file may be written.
    pub fn takes(&self, name: &str) -> bool {
        !self.untouched.borrow().contains(name)
    }

    /// The folder as it is shown.
    pub fn shown(&self) -> String {
        of(&self.path)
    }

    /// Why so many bytes cannot be written, however the disk is.
    pub fn check(&self, name: &str, bytes: usize) -> Result<(), String> {
        let folder = self.shown();
        if !self.takes(name) {
            return Err(format!(
                "{folder}: nothing is written over {name}, which could not be read at the start: move it away, and restart the agent"
            ));
        }
        match u64::try_from(bytes) {
            Ok(bytes) if bytes <= LARGEST => Ok(()),
            _ => Err(format!(
                "{folder}: {name} would have {bytes} bytes, and only {LARGEST} are read again: remove what is large in it"
            )),
        }
    }

    fn turn(&self, name: &str) -> Turn {
        let mut last = self.last.borrow_mut();
        let last = last.entry(name.to_owned()).or_default();
        last.number += 1;
        last.clone()
    }
}

/// One change of a file among others. One that hangs in its thread is given up, and may go on long after a later one
/// is done: then it is not to undo that one.
#[derive(Clone, Debug, Default)]
struct Turn {
    number: u64,
    /// The number of the last one that is done.
    done: Arc<Mutex<u64>>,
}

impl Turn {
    /// Makes the change, unless a later one is done. Whether it was made.
    fn take(&self, change: impl FnOnce() -> io::Result<()>) -> io::Result<bool> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if *done > self.number {
            return Ok(false);
        }
        change()?;
        *done = self.number;
        Ok(true)
    }
}

/// What stands in a file of a folder that another process may use.
pub async fn read_of_other(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, String> {
    let (path, own) = (folder.join(name), folder.to_owned());
    let read = move || match fs::metadata(&own) {
        Ok(metadata) => {
            refuse_writable(&own, &metadata)?;
            read(&path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    on_disk(folder, read).await
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > LARGEST => {
            let text = format!("{} has more than {LARGEST} bytes", path.display());
            Err(io::Error::other(text))
        }
        Ok(_) => fs::read(path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    refuse_writable(folder, &fs::metadata(folder)?)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(folder.join(LOCK))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(io::Error::other("another agent uses it")),
        Err(error) => return Err(error.into()),
    }
    // A crash has left them. They only take room, so nothing depends on this.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_temporary) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(file)
}

fn refuse_writable(folder: &Path, metadata: &fs::Metadata) -> io::Result<()> {
    match writable_by_others(folder, metadata) {
        Some(problem) => Err(io::Error::other(problem)),
        None => Ok(()),
    }
}

/// Others may hang with their own temporary files.
fn temporary(name: &str, turn: &Turn) -> String {
    format!("{name}.{}{NEW}", turn.number)
}

fn is_temporary(name: &str) -> bool {
    let number = name.strip_suffix(NEW).and_then(|rest| rest.rsplit_once('.'));
    number.is_some_and(|(_, number)| number.parse::<u64>().is_ok())
}

fn write(folder: &Path, name: &str, text: &str, turn: &Turn) -> io::Result<()> {
    let (new, old) = (folder.join(temporary(name, turn)), folder.join(name));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| turn.take(|| fs::rename(&new, &old)));
    if !matches!(renamed, Ok(true)) {
        // It takes room that is missing, perhaps.
        let _ = fs::remove_file(&new);
    }
    renamed?;
    File::open(folder)?.sync_all()
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Renames a file to a name that no other has.
fn put_aside(folder: &Path, name: &str) -> io::Result<String> {
    let aside = free_name(folder, name)?;
    fs::rename(folder.join(name), folder.join(&aside))?;
    Ok(aside)
}

fn of(folder: &Path) -> String {
    format!("--state {}", shown(&folder.display().to_string()))
}

/// What a call on the folder gives, or a sentence that says why it gives nothing.
async fn on_disk<T: Send + 'static>(
    folder: &Path,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, String> {
    let name = of(folder);
    match timeout(LONGEST, blocking::call(Purpose::State, call)).await {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(error))) => Err(format!("{name}: {}", unwritable(&error))),
        Ok(Err(refused)) => Err(format!("{name}: {refused}")),
        Err(_) => Err(format!("{name}: its disk has not answered within {LONGEST:?}")),
    }
}

const LOCK: &str = "lock";

/// The end of the name of a file that is being written.
const NEW: &str = ".new";

/// After this a write that has failed is tried again, where nothing changes meanwhile.
pub const RETRY: Duration = Duration::from_secs(60);

/// A disk that works is done in far less; who waits is to have an answer.
const LONGEST: Duration = Duration::from_secs(5);

/// More than thousands of checks need.
const LARGEST: u64 = 16 << 20;

#[cfg(test)]
mod tests;
