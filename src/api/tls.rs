//! TLS of the API: its certificate, which may be replaced while it runs, and the handshake with a client.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use log::{debug, info, warn};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
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
    signing: Semaphore,
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
            signing: Semaphore::new(1),
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
        // The signature takes milliseconds with a large RSA key. One at a time, and all else has its turn between
        // two of them.
        let signing = self.signing.acquire().await.ok()?;
        let answering = hello.into_stream(config);
        yield_now().await;
        drop(signing);
        let stream = answering.await.inspect_err(failed).ok()?;
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

/// From one look at the files to the next, which takes a thread for some microseconds. Only new connections look.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// A client waits for it. Then it has the certificate from before.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
