//! TLS of the API: its certificate, which may be replaced while it runs, and the handshake with a client.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use log::{debug, info, warn};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::sync::Semaphore;
use tokio::task::{spawn_local, yield_now};
use tokio::time::{Instant, timeout};
use tokio_rustls::LazyConfigAcceptor;

use super::certificate::{Loaded, Stamps, load, stamps};
use super::limits::HANDSHAKE_TIME;
use crate::blocking::{self, Purpose};
use crate::config::TlsFiles;
use crate::exchange::Connection;
use crate::shown::shown;

/// What connections are secured with.
pub struct Tls {
    files: TlsFiles,
    current: RefCell<Arc<ServerConfig>>,
    /// Of the files that are used.
    stamps: RefCell<Stamps>,
    /// When the files were last looked at.
    looked: Cell<Instant>,
    /// Why they cannot be used as they are now.
    problem: RefCell<Option<String>>,
    gate: Gate,
}

impl Tls {
    /// With these files, which were read just now.
    pub fn new(files: TlsFiles, loaded: Loaded) -> Self {
        Self {
            files,
            current: RefCell::new(loaded.config),
            stamps: RefCell::new(loaded.stamps),
            looked: Cell::new(Instant::now()),
            problem: RefCell::default(),
            gate: Gate(Arc::new(Semaphore::new(1))),
        }
    }

    /// Secures a connection. Nothing where the client does not do its part in time: that it is told by the protocol.
    pub async fn accept(&self, socket: Box<dyn Connection>) -> Option<Box<dyn Connection>> {
        let shaken = timeout(HANDSHAKE_TIME, self.shake(socket)).await;
        shaken
            .inspect_err(|_| debug!("the TLS handshake with a client was not done in time"))
            .ok()?
    }

    async fn shake(&self, socket: Box<dyn Connection>) -> Option<Box<dyn Connection>> {
        let failed = |error: &_| debug!("the TLS handshake with a client failed: {error}");
        let hello = LazyConfigAcceptor::new(Acceptor::default(), socket).await;
        let hello = hello.inspect_err(failed).ok()?;
        let config = self.config().await;
        // Most clients are answered and signed for with this, the others in a later step.
        self.gate.pace(|_| Poll::Ready(())).await;
        let mut answering = pin!(hello.into_stream(config));
        let stream = self.gate.pace(|cx| answering.as_mut().poll(cx)).await;
        let stream = stream.inspect_err(failed).ok()?;
        Some(Box::new(stream))
    }

    /// With the certificate that is there now: whoever replaces it need not tell.
    async fn config(&self) -> Arc<ServerConfig> {
        let now = Instant::now();
        if now.duration_since(self.looked.get()) >= LOOK_INTERVAL {
            // Others take meanwhile what is there.
            self.looked.set(now);
            let (files, used) = (self.files.clone(), *self.stamps.borrow());
            let look = move || (stamps(&files) != used).then(|| load(&files));
            let found = timeout(LONGEST_LOOK, blocking::call(Purpose::Certificate, look)).await;
            let late = || format!("the disk has not answered within {LONGEST_LOOK:?}");
            match found {
                Ok(Ok(Some(Ok(loaded)))) => self.replace(loaded),
                Ok(Ok(Some(Err(problem)))) => self.note(Some(problem)),
                // As it was read.
                Ok(Ok(None)) => self.note(None),
                Ok(Err(refused)) => self.note(Some(refused.to_string())),
                Err(_) => self.note(Some(late())),
            }
        }
        self.current.borrow().clone()
    }

    fn replace(&self, loaded: Loaded) {
        let name = shown(&self.files.certificate.display().to_string());
        info!("the API has the new certificate of {name}");
        self.current.replace(loaded.config);
        self.stamps.replace(loaded.stamps);
        self.problem.replace(None);
    }

    /// Notes whether the files can be used. It is told once.
    fn note(&self, problem: Option<String>) {
        if let Some(problem) = &problem
            && self.problem.borrow().is_none()
        {
            warn!("{problem}; the API goes on with the certificate that it has");
        }
        self.problem.replace(problem);
    }
}

/// Lets one step of all handshakes through at a time, in the order in which they come, and all else has its turn before
/// the next one. A signature takes milliseconds with a large RSA key, and those for a crowd of clients would delay
/// samples.
struct Gate(Arc<Semaphore>);

impl Gate {
    async fn pace<T>(&self, mut step: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        let mut waiting = None;
        let step = poll_fn(|cx| {
            let turn = waiting.get_or_insert_with(|| Box::pin(self.0.clone().acquire_owned()));
            let turn = ready!(turn.as_mut().poll(cx));
            waiting = None;
            spawn_local(async move {
                // Until the runtime has looked at timers and sockets.
                yield_now().await;
                drop(turn);
            });
            step(cx)
        });
        step.await
    }
}

/// From one look at the files to the next, which takes a thread for some microseconds. Only new connections look.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// A client waits for it. Then it has the certificate from before.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
