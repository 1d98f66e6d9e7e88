//! Accepts connections, one thread each, and ends them all.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

use crate::certificate::Tls;
use crate::connection;
use crate::journal::Journal;

pub(crate) struct Listener {
    address: SocketAddr,
    journal: Arc<Journal>,
    thread: Option<JoinHandle<()>>,
}

/// A connected socket, shared with the listener so that it can end the connection.
#[derive(Clone)]
pub(crate) struct Socket(Arc<TcpStream>);

type Connection = (Weak<TcpStream>, JoinHandle<()>);

impl Listener {
    pub fn start(
        listener: TcpListener,
        tls: Option<Arc<Tls>>,
        journal: Arc<Journal>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let journal_of_thread = Arc::clone(&journal);
        let thread = thread::spawn(move || accept(&listener, tls.as_ref(), &journal_of_thread));
        Ok(Self { address, journal, thread: Some(thread) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.journal.stop();
        // Wakes `accept`. If it fails the queue of connections is full, and it is awake anyway.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            // A panic of that thread is on stderr already; another inside drop would abort.
            drop(thread.join());
        }
    }
}

fn accept(listener: &TcpListener, tls: Option<&Arc<Tls>>, journal: &Arc<Journal>) {
    let mut connections: Vec<Connection> = Vec::new();
    loop {
        let accepted = listener.accept();
        if journal.is_stopping() {
            break;
        }
        // A client that left before it was accepted is no concern of ours.
        let Ok((stream, peer)) = accepted else {
            continue;
        };
        let stream = Arc::new(stream);
        let (weak, journal) = (Arc::downgrade(&stream), Arc::clone(journal));
        let tls = tls.map(|tls| tls.config());
        let serve = move || connection::serve(Socket(stream), peer.port(), tls, &journal);
        connections.retain(|(_, thread)| !thread.is_finished());
        connections.push((weak, thread::spawn(serve)));
    }
    for (stream, thread) in connections {
        if let Some(stream) = stream.upgrade() {
            // Fails if the client closed it already, which is as good.
            drop(stream.shutdown(Shutdown::Both));
        }
        drop(thread.join());
    }
}

impl Socket {
    /// Makes the close of this socket send RST where it would send FIN.
    pub fn reset_on_close(&self) {
        SockRef::from(&*self.0)
            .set_linger(Some(Duration::ZERO))
            .expect("a TCP socket has SO_LINGER");
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}
