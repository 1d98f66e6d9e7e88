//! The socket that the API listens at.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener, UnixSocket, UnixStream};
use tokio::time::timeout;

use crate::config::ApiAddress;
use crate::exchange::Connection;
use crate::shown::shown;

/// A socket that listens.
pub enum Listener {
    Unix { listener: UnixListener, _place: Place },
    Tcp(TcpListener),
}

/// A socket in the file system, which is removed with this.
pub struct Place {
    path: PathBuf,
    /// Device and number of what was made here.
    made: Option<(u64, u64)>,
}

impl Listener {
    /// Listens at an address. The error says what is wrong with it.
    pub async fn bind(address: &ApiAddress) -> Result<Self, String> {
        match address {
            ApiAddress::Tcp(address) => {
                let bound = TcpListener::bind(address).await;
                bound
                    .map(Self::Tcp)
                    .map_err(|error| format!("--api {address}: {}", cause(&error, false)))
            }
            ApiAddress::Unix(path) => Self::bind_unix("--api unix:", path).await,
        }
    }

    /// Listens at a socket for this user alone. The error names the option with which it was asked for.
    pub async fn bind_unix(option: &str, path: &Path) -> Result<Self, String> {
        let name = shown(&path.display().to_string());
        let failed = |why: String| format!("{option}{name}: {why}");
        make_room(path).await.map_err(failed)?;
        let bound = bind_private(path).map_err(|error| failed(cause(&error, true)))?;
        let made = fs::symlink_metadata(path).ok();
        let made = made.map(|of| (of.dev(), of.ino()));
        Ok(Self::Unix { listener: bound, _place: Place { path: path.to_owned(), made } })
    }

    /// The next connection.
    pub async fn accept(&self) -> io::Result<Box<dyn Connection>> {
        Ok(match self {
            Self::Unix { listener, .. } => Box::new(listener.accept().await?.0),
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // An answer is written at once, so nothing is gained by waiting for more of it.
                let _ = stream.set_nodelay(true);
                Box::new(stream)
            }
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Another agent may have taken the place since.
        let there = fs::symlink_metadata(&self.path).ok().map(|of| (of.dev(), of.ino()));
        if there.is_some() && there == self.made {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket on which no process answers. A file that is no socket stays.
async fn make_room(path: &Path) -> Result<(), String> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    if !metadata.file_type().is_socket() {
        return Err("there is a file that is no socket: expected another path".to_owned());
    }
    match timeout(ANSWER, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| error.to_string())
        }
        Ok(Err(error)) => Err(error.to_string()),
        // A backlog that is full does not answer, either.
        Ok(Ok(_)) | Err(_) => Err(IN_USE.to_owned()),
    }
}

/// Makes the socket for this user alone. No connection can be made before it listens, so the mode is set between the two.
/// A umask holds for all threads: a folder that a helper made under it could not be entered.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let private = fs::set_permissions(path, Permissions::from_mode(0o600));
    private.and_then(|()| socket.listen(BACKLOG)).inspect_err(|_| {
        // What cannot be used is not left there; the first error says more than another one.
        let _ = fs::remove_file(path);
    })
}

fn cause(error: &io::Error, is_socket: bool) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => IN_USE.to_owned(),
        ErrorKind::NotFound => "the folder of the socket does not exist: create it".to_owned(),
        ErrorKind::PermissionDenied if is_socket => format!(
            "{error}: user {} may not write to the folder of the socket",
            rustix::process::geteuid().as_raw()
        ),
        ErrorKind::PermissionDenied => {
            format!("{error}: a port below 1024 needs root or CAP_NET_BIND_SERVICE")
        }
        _ => error.to_string(),
    }
}

const IN_USE: &str = "another program listens there: expected an address that is free";

/// As many as the standard library has wait for their turn.
const BACKLOG: u32 = 128;

/// The other end is in the same machine.
const ANSWER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::DirBuilderExt;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;
    use support::folder::Folder;

    async fn bind(path: &str) -> Result<Listener, String> {
        Listener::bind(&ApiAddress::Unix(path.into())).await
    }

    #[tokio::test]
    async fn a_socket_is_for_its_user_alone_and_is_removed() {
        let folder = Folder::of(&[]);
        let path = folder.path("api.sock");
        let listener = bind(&path).await.expect("the path is free");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        drop(listener);
        assert!(!Path::new(&path).exists());
    }

    /// A mask would be that of all threads.
    #[tokio::test]
    async fn what_others_make_meanwhile_has_the_mode_that_they_give_it() {
        let folder = Folder::of(&[]);
        let (path, made) = (folder.path("api.sock"), PathBuf::from(folder.path("made")));
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    fs::DirBuilder::new().mode(0o700).create(&made).expect("it is not there");
                    let mode = fs::metadata(&made).expect("it is there").permissions().mode();
                    assert_eq!(mode & 0o777, 0o700);
                    fs::remove_dir(&made).expect("it is empty");
                }
            });
            for _ in 0..2000 {
                drop(bind_private(Path::new(&path)).expect("the path is free"));
                fs::remove_file(&path).expect("it was made");
            }
            is_over.store(true, Ordering::Relaxed);
        });
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_one_that_answers_is_not() {
        let folder = Folder::of(&[("file", "")]);
        let path = folder.path("api.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("the path is free"));
        let first = bind(&path).await.expect("nobody answers");
        let refused = bind(&path).await.err().expect("somebody answers");
        let expected =
            "--api unix:api.sock: another program listens there: expected an address that is free";
        assert_eq!(folder.relative(&refused), expected);
        // What another has put there is not removed.
        fs::remove_file(&path).expect("it is there");
        let second = bind(&path).await.expect("the path is free");
        drop(first);
        assert!(Path::new(&path).exists());
        drop(second);
        let refused = bind(&folder.path("file")).await.err().expect("it is a file");
        let expected = "--api unix:file: there is a file that is no socket: expected another path";
        assert_eq!(folder.relative(&refused), expected);
        let refused = bind(&folder.path("no/x")).await.err().expect("no folder");
        let expected = "--api unix:no/x: the folder of the socket does not exist: create it";
        assert_eq!(folder.relative(&refused), expected);
    }

    #[tokio::test]
    async fn a_port_in_use_is_told() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address");
        let refused = Listener::bind(&ApiAddress::Tcp(address)).await.err().expect("in use");
        let expected = format!("--api {address}: {IN_USE}");
        assert_eq!(refused, expected);
    }
}
