//! A folder with what is to last over a restart: changes through the API, states of alarms.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use tokio::time::timeout;

use crate::blocking::{self, Purpose};
use crate::permissions::writable_by_others;
use crate::shown::shown;

/// A folder that this process alone writes to as long as this lives.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    /// Others see by its lock that the folder is in use.
    _lock: File,
}

impl StateFolder {
    /// Opens a folder, which is made where it is missing.
    pub async fn open(path: &Path) -> Result<Self, String> {
        let folder = path.to_owned();
        let lock = on_disk(path, move || lock(&folder)).await?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The text of a file in it; nothing where there is no such file.
    pub async fn read(&self, name: &str) -> Result<Option<String>, String> {
        read(&self.path, name).await
    }

    /// Puts a text in the place of that of a file. After a crash there is the old or the new one.
    pub async fn write(&self, name: &str, text: String) -> Result<(), String> {
        let (folder, name) = (self.path.clone(), name.to_owned());
        on_disk(&self.path, move || write(&folder, &name, &text)).await
    }

    /// Adds a text at the end of a file, which is made where it is missing. After a crash its end may be missing.
    pub async fn append(&self, name: &str, text: String) -> Result<(), String> {
        let path = self.path.join(name);
        on_disk(&self.path, move || {
            let mut options = OpenOptions::new();
            let mut file = options.append(true).create(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())
        })
        .await
    }

    /// Puts a file out of the way, so that another one can be written and this one can be looked at.
    pub async fn put_aside(&self, name: &str) -> Result<(), String> {
        let (from, to) = (self.path.join(name), self.path.join(format!("{name}.damaged")));
        on_disk(&self.path, move || fs::rename(from, to)).await
    }
}

/// The text of a file in a folder that another process may use.
pub async fn read(folder: &Path, name: &str) -> Result<Option<String>, String> {
    let path = folder.join(name);
    let read = on_disk(folder, move || match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > LARGEST => {
            let text = format!("{} has more than {LARGEST} bytes", path.display());
            Err(io::Error::other(text))
        }
        Ok(_) => fs::read_to_string(&path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    });
    read.await
}

fn lock(folder: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if let Some(problem) = writable_by_others(folder, &fs::metadata(folder)?) {
        return Err(io::Error::other(problem));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(folder.join(LOCK))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(io::Error::other("another agent uses it")),
        Err(error) => Err(error.into()),
    }
}

fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let (new, old) = (folder.join(format!("{name}.new")), folder.join(name));
    // One that a crash has left may have other rights.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&new, &old)).inspect_err(|_| {
        // It takes room that is missing, perhaps.
        let _ = fs::remove_file(&new);
    })?;
    File::open(folder)?.sync_all()
}

/// What a call on the folder gives, or a sentence that says why it gives nothing.
async fn on_disk<T: Send + 'static>(
    folder: &Path,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, String> {
    let name = shown(&folder.display().to_string());
    match timeout(LONGEST, blocking::call(Purpose::State, call)).await {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(error))) => Err(format!("--state {name}: {error}")),
        Ok(Err(refused)) => Err(format!("--state {name}: {refused}")),
        Err(_) => Err(format!("--state {name}: its disk has not answered within {LONGEST:?}")),
    }
}

const LOCK: &str = "lock";

/// A disk that works is done in far less; who waits is to have an answer.
const LONGEST: Duration = Duration::from_secs(5);

/// More than thousands of checks need.
const LARGEST: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_again_by_the_owner_alone() {
        let folder = std::env::temp_dir().join(format!("state-{}", std::process::id()));
        let state = StateFolder::open(&folder.join("deep")).await.expect("it opens");
        assert_eq!(state.read("a").await, Ok(None));
        for text in ["one", "two"] {
            state.write("a", text.to_owned()).await.expect("it is written");
            assert_eq!(state.read("a").await, Ok(Some(text.to_owned())));
        }
        let mode = fs::metadata(folder.join("deep/a")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = StateFolder::open(&folder.join("deep")).await.expect_err("it is in use");
        assert!(second.ends_with("another agent uses it"), "{second}");
        drop(state);
        assert!(StateFolder::open(&folder.join("deep")).await.is_ok());
        fs::write(folder.join("deep/a.new"), "torn").expect("a rest of a crash");
        let state = StateFolder::open(&folder.join("deep")).await.expect("it opens");
        state.write("a", "three".to_owned()).await.expect("it is written");
        assert_eq!(state.read("a").await, Ok(Some("three".to_owned())));
        state.put_aside("a").await.expect("it is renamed");
        assert_eq!(state.read("a").await, Ok(None));
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).expect("rights");
        let open = StateFolder::open(&folder).await.expect_err("all can write to it");
        assert!(open.contains("chmod o-w"), "{open}");
        fs::remove_dir_all(&folder).expect("it is removed");
    }
}
