//! A connection to a server over TCP or a unix socket. What is read from it has a limit.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use crate::check::connect::{self, Awaited};
use crate::check::tls::{self, Switches, Trust};
use crate::exchange::Connection;
use crate::model::Details;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A server, and how long an answer of it may take.
#[derive(Debug)]
pub struct Server {
    pub address: Address,
    limit: Duration,
}

impl Server {
    /// With the detail `timeout`.
    pub fn of(address: Address, details: &Details) -> Self {
        Self { address, limit: details.lasting("timeout").unwrap_or(DEFAULT_LIMIT) }
    }

    /// Connects and talks, both within the limit. Each error has the address.
    pub async fn ask<T>(
        &self,
        talk: impl AsyncFnOnce(Stream) -> Result<T, String>,
    ) -> Result<T, String> {
        let (address, seconds) = (&self.address, self.limit.as_secs_f64());
        let until = Instant::now() + self.limit;
        let connected = timeout_at(until, connect(address)).await.unwrap_or_else(|_| {
            Err(format!(
                "{address}: no connection within {seconds} s: correct the address, or open its firewall"
            ))
        });
        let answered = timeout_at(until, talk(connected?)).await.unwrap_or_else(|_| {
            Err(format!(
                "connected, but no answer within {seconds} s: the server hangs, or another one \
                 listens there"
            ))
        });
        answered.map_err(|error| format!("{address}: {error}"))
    }
}

/// A connection, and what was read from it but not taken yet.
pub struct Stream {
    io: Io,
    read: Vec<u8>,
}

enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn of(io: Io) -> Self {
        Self { io, read: Vec::new() }
    }

    /// Whether it ends on this machine, at a socket whose rights say who may listen.
    pub fn is_unix(&self) -> bool {
        matches!(self.io, Io::Unix(_))
    }

    pub fn is_tls(&self) -> bool {
        matches!(self.io, Io::Tls(_))
    }

    /// The same from here on with TLS; a unix socket stays as it is.
    pub async fn with_tls(
        self,
        host: &str,
        trust: Trust,
        switches: Switches,
    ) -> Result<Self, String> {
        // What came before would otherwise be taken for what came under its protection.
        if !self.read.is_empty() {
            return Err("the server sent more than it was asked for before TLS began".to_owned());
        }
        match self.io {
            Io::Tcp(tcp) => {
                Ok(Self::of(Io::Tls(Box::new(tls::connect(tcp, host, trust, switches).await?))))
            }
            io => Ok(Self::of(io)),
        }
    }

    /// So many bytes.
    pub async fn take(&mut self, count: usize) -> Result<Vec<u8>, String> {
        while self.read.len() < count {
            self.fill().await?;
        }
        let rest = self.read.split_off(count);
        Ok(std::mem::replace(&mut self.read, rest))
    }

    /// A line without its end. `None` where there is none in so many bytes.
    pub async fn line(&mut self, most: usize) -> Result<Option<Vec<u8>>, String> {
        loop {
            let end = self.read.iter().take(most).position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let mut line = self.take(end + 1).await?;
                line.truncate(end);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            if self.read.len() >= most {
                return Ok(None);
            }
            self.fill().await?;
        }
    }

    /// What was read and not taken.
    pub fn pending(&self) -> &[u8] {
        &self.read
    }

    /// Reads what there is, once there is something.
    async fn fill(&mut self) -> Result<(), String> {
        let mut bytes = [0; CHUNK];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = poll_fn(|context| self.io.pinned().poll_read(context, &mut buffer)).await;
        read.map_err(|error| format!("reading failed: {}", cause(&error)))?;
        match buffer.filled() {
            [] => Err(ENDED.to_owned()),
            read => {
                self.read.extend_from_slice(read);
                Ok(())
            }
        }
    }

    pub async fn send(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        let failed = |error: &io::Error| format!("sending failed: {}", cause(error));
        while !bytes.is_empty() {
            let sent = poll_fn(|context| self.io.pinned().poll_write(context, bytes)).await;
            match sent.map_err(|error| failed(&error))? {
                0 => return Err(ENDED.to_owned()),
                sent => bytes = bytes.get(sent..).unwrap_or_default(),
            }
        }
        let flushed = poll_fn(|context| self.io.pinned().poll_flush(context)).await;
        flushed.map_err(|error| failed(&error))
    }
}

#[cfg(test)]
impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::of(Io::Tcp(stream))
    }
}

#[cfg(test)]
impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::of(Io::Unix(stream))
    }
}

impl Io {
    fn pinned(&mut self) -> Pin<&mut dyn Connection> {
        let stream: &mut dyn Connection = match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
            Self::Tls(stream) => &mut **stream,
        };
        Pin::new(stream)
    }
}

async fn connect(address: &Address) -> Result<Stream, String> {
    let io = match address {
        Address::Unix(path) => Io::Unix(UnixStream::connect(path).await.map_err(|error| {
            format!("{}: {}: {}", path.display(), cause(&error), cure_of_socket(path, &error))
        })?),
        Address::Tcp(host, port) => {
            let stream = connect::connect(host, *port, &Awaited::default()).await?;
            // A request is one segment; waiting for more would only delay it.
            let _ = stream.set_nodelay(true);
            Io::Tcp(stream)
        }
    };
    Ok(Stream::of(io))
}

fn cure_of_socket(path: &Path, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "start the server, or correct the path of its socket",
        io::ErrorKind::PermissionDenied => "let the agent's user connect to this socket",
        _ if path.exists() => "start the server",
        _ => "correct the path of its socket",
    }
}

/// The error without its number.
fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "the server reset the connection".to_owned(),
        io::ErrorKind::NotFound => "there is no such socket".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// What a read that has nothing any more is called.
pub const ENDED: &str = "the server closed the connection";

/// The timeout of an answer where `details` have none: that of older agents.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);

/// Bytes of a read.
const CHUNK: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_a_user_writes_it() {
        let tcp = |host: &str| Address::Tcp(host.to_owned(), 1).to_string();
        assert_eq!([tcp("db"), tcp("::1")], ["db:1", "[::1]:1"]);
        assert_eq!(Address::Unix("/run/x.sock".into()).to_string(), "/run/x.sock");
    }
}
