//! A task metadata endpoint on a loopback address, which answers as a test says.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

/// What a request is answered.
pub enum Answer {
    Ok(String),
    Status(u16),
    /// Never anything, until the client goes away.
    Silence,
    /// The head and the first bytes of a body, and then never the rest.
    Stall,
    /// The body, as soon as [`Endpoint::release`] is called.
    Held(String),
}

/// An endpoint that runs as long as the test.
pub struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A request: what was asked for, and when.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub at: Instant,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    /// How many connections the clients have closed.
    closed: usize,
    released: bool,
}

impl Endpoint {
    /// `answer` is given the path below the base, and how often that was asked for before.
    pub fn start(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::<Shared>::default();
        let (server, answer) = (shared.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, answer) = (server.clone(), answer.clone());
                let stream = stream.expect("a listener accepts");
                thread::spawn(move || {
                    // An error is the client's going away.
                    let _ = serve(&stream, &server, &*answer);
                    server.change(|state| state.closed += 1);
                });
            }
        });
        Self { address, shared }
    }

    /// What `ECS_CONTAINER_METADATA_URI_V4` is in this task.
    pub fn url(&self) -> String {
        format!("http://{}{BASE}", self.address)
    }

    /// Lets those go that were held, and all that come.
    pub fn release(&self) {
        self.shared.change(|state| state.released = true);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.state.lock().expect("no thread panics").requests.clone()
    }

    /// Waits until so many requests have come.
    pub fn wait_for_requests(&self, path: &str, count: usize) {
        let come = |state: &State| of(&state.requests, path) >= count;
        self.shared.wait_until(&format!("{count} requests for {path}"), come);
    }

    /// Waits until the client has given up so many connections.
    pub fn wait_for_closed(&self, count: usize) {
        self.shared.wait_until(&format!("{count} closed"), |state| state.closed >= count);
    }
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock().expect("no thread panics"));
        self.changed.notify_all();
        changed
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let state = self.state.lock().expect("no thread panics");
        let wait = self.changed.wait_timeout_while(state, HUNG_TEST, |state| !holds(state));
        let held = holds(&wait.expect("no thread panics").0);
        assert!(held, "waited in vain for {what}");
    }
}

fn of(requests: &[Request], path: &str) -> usize {
    requests.iter().filter(|request| request.path == path).count()
}

fn serve(
    mut stream: &TcpStream,
    shared: &Shared,
    answer: &dyn Fn(&str, usize) -> Answer,
) -> io::Result<()> {
    let at = Instant::now();
    let mut lines = BufReader::new(stream).lines();
    let line = lines.next().unwrap_or(Ok(String::new()))?;
    for header in lines {
        if header?.is_empty() {
            break;
        }
    }
    let target = line.trim_start_matches("GET ").trim_end_matches(" HTTP/1.1");
    let path = target.strip_prefix(BASE).unwrap_or(target).to_owned();
    let before = shared.change(|state| {
        let before = of(&state.requests, &path);
        state.requests.push(Request { path: path.clone(), at });
        before
    });
    let whole =
        |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    match answer(&path, before) {
        Answer::Ok(body) => stream.write_all(whole(&body).as_bytes()),
        Answer::Status(status) => {
            let text = format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\n\r\n{{}}");
            stream.write_all(text.as_bytes())
        }
        Answer::Silence => until_closed(stream),
        Answer::Stall => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"Cluster\":")?;
            until_closed(stream)
        }
        Answer::Held(body) => {
            shared.wait_until("the release", |state| state.released);
            stream.write_all(whole(&body).as_bytes())
        }
    }
}

/// Blocks until the client has closed the connection.
fn until_closed(mut stream: &TcpStream) -> io::Result<()> {
    stream.read(&mut [0]).map(drop)
}

/// The path of the container that asks.
const BASE: &str = "/v4/0c1e5a42-7d36-4a0e-9d0f-5f7b8d1a2c33";

/// A guard against a test that would hang; nothing is measured by it.
const HUNG_TEST: Duration = Duration::from_secs(60);
