//! A fake Amazon CloudWatch: a server on 127.0.0.1 that takes `PutMetricData` as the AWS SDK for
//! Rust sends it (Smithy RPC v2 CBOR), and metrics by OTLP over HTTP, holds them to the limits of the
//! real service, records them, and goes wrong on demand. It needs no account, no network and no other
//! program.
//!
//! ```
//! use fake_cloudwatch::{Answer, FakeCloudWatch};
//!
//! let cloudwatch = FakeCloudWatch::start();
//! cloudwatch.answer_next(Answer::throttling());
//! // Run the program under test against `cloudwatch.url()`, then wait for what it has to send:
//! // cloudwatch.wait_until("the first data", |seen| !seen.data.is_empty());
//! ```
//!
//! What was taken is answered in turn with an empty body that has no type, as the real service does,
//! and with an empty map in CBOR; both have the service's headers.
//!
//! Signatures are not verified, and only `PutMetricData` and `POST /v1/metrics` exist: anything else is
//! answered 404. A request of OTLP without points only asks whether it would be answered: it uses up no
//! queued answer, and where the lasting answer is about data it is answered with 200 and not recorded.

mod answer;
mod certificate;
mod connection;
mod decode;
mod endless;
mod fault;
mod http;
mod journal;
mod limits;
mod listener;
mod otlp;
mod record;
mod refused;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

pub use answer::{Answer, Endless, Skew};
pub use certificate::Certificate;
pub use fault::Fault;
pub use record::{Datum, Request, Seen, StatisticSet};
pub use refused::Refused;

use certificate::Tls;
use journal::Journal;
use listener::Listener;

/// A running server. Dropping it closes every connection and ends every thread.
pub struct FakeCloudWatch {
    journal: Arc<Journal>,
    listener: Listener,
    tls: Option<Arc<Tls>>,
}

impl FakeCloudWatch {
    /// Starts a plain HTTP server on a free port.
    pub fn start() -> Self {
        Self::start_on(0, None).expect("127.0.0.1 has a free port")
    }

    /// Starts an HTTPS server on a free port, with a new certificate authority of its own.
    pub fn start_tls(certificate: Certificate) -> Self {
        Self::start_on(0, Some(certificate)).expect("127.0.0.1 has a free port")
    }

    /// Starts on a given port of 127.0.0.1 (0: any free one); TLS if there is a certificate.
    /// Fails if the port is taken.
    pub fn start_on(port: u16, certificate: Option<Certificate>) -> io::Result<Self> {
        Self::serve(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?, certificate)
    }

    fn serve(listener: TcpListener, certificate: Option<Certificate>) -> io::Result<Self> {
        let tls = certificate.map(|certificate| Arc::new(Tls::new(certificate)));
        let journal = Arc::new(Journal::new());
        let listener = Listener::start(listener, tls.clone(), Arc::clone(&journal))?;
        Ok(Self { journal, listener, tls })
    }

    /// Shows another certificate to new connections; its authority is still that of
    /// [`ca_pem`](Self::ca_pem), unless it is to be unknown.
    ///
    /// # Panics
    ///
    /// If the server has no TLS.
    pub fn show(&self, certificate: Certificate) {
        self.tls.as_ref().expect("only a server with TLS shows a certificate").show(certificate);
    }

    /// `http://127.0.0.1:PORT`, or `https://` of the same.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme(), self.address())
    }

    /// [`url`](Self::url) with the name `localhost` in place of the address.
    pub fn url_by_name(&self) -> String {
        format!("{}://localhost:{}", self.scheme(), self.address().port())
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The certificate authority to trust, in PEM. None without TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.tls.as_deref().map(|tls| tls.ca_pem.as_str())
    }

    /// Every `PutMetricData` that arrived, in order, whatever became of it.
    pub fn requests(&self) -> Vec<Request> {
        self.journal.seen().requests
    }

    /// What was taken, in order. This is what the account would hold.
    pub fn data(&self) -> Vec<Datum> {
        self.journal.seen().data
    }

    /// Blocks until the predicate holds of what was seen so far, and returns that. The predicate
    /// runs under the server's lock, so it must look at its argument only.
    ///
    /// # Panics
    ///
    /// With `what` and all that was seen, if it does not hold within 60 s.
    pub fn wait_until(&self, what: &str, predicate: impl Fn(&Seen) -> bool) -> Seen {
        self.journal.wait_until(HUNG_TEST, what, predicate)
    }

    /// Blocks, without a bound, until request number `n` (from 0) was taken, and returns it.
    pub fn nth_taken(&self, n: usize) -> Request {
        self.journal.nth_taken(n)
    }

    /// Queues an answer for one request; queued answers go first, in order. One is used up when the
    /// head of a request was read, even if its body never comes.
    pub fn answer_next(&self, answer: Answer) {
        self.journal.answer_next(answer);
    }

    /// The answer to every request that has no queued one. [`Answer::Take`] at first.
    pub fn answer_always(&self, answer: Answer) {
        self.journal.answer_always(answer);
    }

    /// Lets go of the requests which are held, hung or stalled now. Later ones wait anew.
    pub fn release(&self) {
        self.journal.release();
    }

    fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }
}

/// The URL of a port of 127.0.0.1 that was free a moment ago: connections to it are refused.
pub fn refused_url() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("127.0.0.1 has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    format!("http://{address}")
}

/// Far above what any test waits for: ends a hung test with an explanation, asserts nothing.
const HUNG_TEST: Duration = Duration::from_secs(60);
