//! A small HTTP/1.1 server that records what it is asked, and can be silent or a tunnel.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

/// A running server. Dropping it closes every connection and frees the port.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

/// All that a server has seen.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub connections: Vec<Connection>,
    /// In order of arrival.
    pub requests: Vec<Request>,
}

#[derive(Clone, Debug)]
pub struct Connection {
    pub accepted: SystemTime,
    /// When the client's end was closed, if it was.
    pub closed: Option<SystemTime>,
}

#[derive(Clone, Debug)]
pub struct Request {
    /// Method and target, such as `GET /path`.
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

/// What a request is answered.
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, &'static str)>,
        body: Vec<u8>,
    },
    /// Never anything, on a connection that stays open.
    Silence,
    /// A body without an end, as fast as the client takes it: in chunks, or said to be this long.
    Endless {
        promised: Option<u64>,
    },
    /// Headers without an end.
    EndlessHead,
    /// The answer to CONNECT: bytes to and from this host and port.
    Tunnel(String),
}

struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
    /// The server's own end of the connection that tells it to stop.
    last: Mutex<Option<SocketAddr>>,
    streams: Mutex<Vec<TcpStream>>,
    reply: Box<dyn Fn(&Request) -> Reply + Send + Sync>,
}

impl Server {
    /// Listens on this address; port 0 is any free one.
    pub fn start(
        (address, port): (impl Into<IpAddr>, u16),
        reply: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address.into(), port));
        let listener = listener.expect("nothing else listens in this network");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            log: Mutex::default(),
            changed: Condvar::new(),
            last: Mutex::default(),
            streams: Mutex::default(),
            reply: Box::new(reply),
        });
        let listening = thread::spawn({
            let shared = Arc::clone(&shared);
            move || listen(&listener, &shared)
        });
        Self { address, shared, listening: Some(listening) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Blocks until the predicate holds of what was seen.
    pub fn wait_until(&self, what: &str, holds: impl Fn(&Log) -> bool) -> Log {
        let log = self.shared.log.lock().expect("no thread panics");
        let (log, _) = self
            .shared
            .changed
            .wait_timeout_while(log, HUNG_TEST, |log| !holds(log))
            .expect("no thread panics");
        assert!(holds(&log), "waited in vain for {what}: {log:#?}");
        log.clone()
    }

    /// Ends the server and returns all that it saw. A connection that was made before this is
    /// in the log, since connections are accepted in order and the last one is the server's own.
    pub fn finish(mut self) -> Log {
        self.stop();
        self.shared.log.lock().expect("no thread panics").clone()
    }

    fn stop(&mut self) {
        let Some(listening) = self.listening.take() else { return };
        let mut last = self.shared.last.lock().expect("no thread panics");
        let stream = TcpStream::connect(self.address).expect("it still listens");
        *last = Some(stream.local_addr().expect("a connected socket has an address"));
        drop(last);
        listening.join().expect("the listening thread does not panic");
        for stream in self.shared.streams.lock().expect("no thread panics").drain(..) {
            // Fails where the client was first.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Log {
    /// The first lines of all requests, each once.
    pub fn lines(&self) -> Vec<&str> {
        let mut lines: Vec<_> = self.requests.iter().map(|request| request.line.as_str()).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }
}

impl Request {
    /// The value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value));
        }
        self
    }
}

impl Shared {
    fn note<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let noted = change(&mut self.log.lock().expect("no thread panics"));
        self.changed.notify_all();
        noted
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let (stream, peer) = listener.accept().expect("a listener accepts");
        if *shared.last.lock().expect("no thread panics") == Some(peer) {
            return;
        }
        let number = shared.note(|log| {
            log.connections.push(Connection { accepted: SystemTime::now(), closed: None });
            log.connections.len() - 1
        });
        let clone = stream.try_clone().expect("a socket can be cloned");
        shared.streams.lock().expect("no thread panics").push(clone);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // An error is the client's going away, which is what the log says as well.
            let _ = serve(&stream, &shared);
            shared.note(|log| log.connections[number].closed = Some(SystemTime::now()));
        });
    }
}

/// Answers the requests of a connection until the client closes it.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        let reply = (shared.reply)(&request);
        shared.note(|log| log.requests.push(request));
        match reply {
            Reply::Answer { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head += &format!("{name}: {value}\r\n");
                }
                let answer = [head.as_bytes(), b"\r\n", &body].concat();
                reader.get_mut().write_all(&answer)?;
            }
            Reply::Silence => {}
            Reply::Endless { promised: Some(length) } => {
                let head = format!("HTTP/1.1 200 x\r\ncontent-length: {length}\r\n\r\n");
                return endless(stream, &head, &[b'x'; PIECE]);
            }
            Reply::Endless { promised: None } => {
                let head = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n";
                let size = format!("{PIECE:x}\r\n");
                let chunk = [size.as_bytes(), &[b'x'; PIECE], b"\r\n"].concat();
                return endless(stream, head, &chunk);
            }
            Reply::EndlessHead => {
                let header = format!("x-more: {}\r\n", "x".repeat(PIECE / 64));
                return endless(stream, "HTTP/1.1 200 x\r\n", header.as_bytes());
            }
            Reply::Tunnel(target) => return tunnel(stream, &target),
        }
    }
    Ok(())
}

/// Writes until the client is gone.
fn endless(mut stream: &TcpStream, head: &str, piece: &[u8]) -> io::Result<()> {
    stream.write_all(head.as_bytes())?;
    loop {
        stream.write_all(piece)?;
    }
}

const PIECE: usize = 64 << 10;

/// The next request; none at the end of the connection.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let header = |line: &String| {
        let (name, value) = line.split_once(':').expect("a header has a colon");
        (name.to_lowercase(), value.trim().to_owned())
    };
    let headers = head[1..].iter().map(header).collect();
    let line = head[0].trim_end_matches(" HTTP/1.1").to_owned();
    let mut request = Request { line, headers, body: String::new() };
    let length = request.header("content-length").map_or(0, |l| l.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(request))
}

fn tunnel(client: &TcpStream, target: &str) -> io::Result<()> {
    let (mut client, mut server) = (client.try_clone()?, TcpStream::connect(target)?);
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Write)?;
    up.join().expect("copying does not panic");
    Ok(())
}

/// A guard against a test that would hang; nothing is measured by it.
const HUNG_TEST: Duration = Duration::from_secs(60);
