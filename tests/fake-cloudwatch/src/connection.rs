//! One connection: requests in, answers out, until either side is done with it.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::answer::{Answer, Skew};
use crate::decode::{self, PutMetricData};
use crate::fault::Fault;
use crate::http::{CBOR, Head, Http, MAX_BODY, Reply};
use crate::journal::{Journal, Ticket, Wait};
use crate::limits;
use crate::listener::Socket;
use crate::otlp;
use crate::record::{Datum, Request};

/// Serves a connection to its end.
pub(crate) fn serve(
    socket: Socket,
    peer_port: u16,
    tls: Option<Arc<ServerConfig>>,
    journal: &Journal,
) {
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(socket.clone()),
        Some(config) => {
            let session = ServerConnection::new(config).expect("the configuration is complete");
            Box::new(StreamOwned::new(session, socket.clone()))
        }
    };
    let mut connection = Connection { http: Http::new(stream), socket, peer_port, journal };
    // An error here is the client's: it left, refused the certificate or did not speak HTTP.
    // What it saw of the server is for the test to assert.
    while let Ok(Next::Request) = connection.request() {}
}

struct Connection<'a> {
    http: Http<Box<dyn Stream>>,
    socket: Socket,
    peer_port: u16,
    journal: &'a Journal,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Whether the connection goes on.
enum Next {
    Request,
    Close,
}

/// What a client speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// `PutMetricData` by Smithy RPC v2 CBOR.
    Rpc,
    Otlp,
}

/// A recorded request, with what its body was found to be.
struct Arrived {
    ticket: Ticket,
    protocol: Protocol,
    body: Result<Body, Fault>,
}

enum Body {
    Put(PutMetricData),
    Points { data: Vec<Datum>, bytes: usize, received: SystemTime },
}

impl Connection<'_> {
    fn request(&mut self) -> io::Result<Next> {
        let Some(head) = self.http.head()? else {
            return Ok(Next::Close);
        };
        let Some(length) = head.content_length().filter(|length| *length <= MAX_BODY) else {
            let fault = Fault::too_large("no content-length, or one far above 1 MB");
            self.send(&fault.reply())?;
            return Ok(Next::Close);
        };
        let Some(protocol) = Protocol::of(&head) else {
            self.http.body(length)?;
            return self.send(&unknown_operation());
        };
        // A request without points only asks whether it would be answered: it uses up no answer.
        let is_probe = protocol == Protocol::Otlp && length <= NOTHING_PACKED;
        let answer = if is_probe { self.journal.lasting_answer() } else { self.journal.answer() };
        if is_probe && answer.is_about_data() {
            self.http.body(length)?;
            return self.send(&otlp::success(0, ""));
        }
        let arrived = match answer {
            Answer::Reset => self.arrived_without_body(&head, protocol),
            _ => self.arrived(&head, length, protocol)?,
        };
        self.answer(answer, &arrived)
    }

    fn arrived(&mut self, head: &Head, length: usize, protocol: Protocol) -> io::Result<Arrived> {
        let body = self.http.body(length)?;
        let received = SystemTime::now();
        let encoding = head.header("content-encoding");
        let decoded = decode::content(body, encoding)
            .map(|content| (content.len(), protocol.body(&content, received)));
        let (decoded_bytes, body) = match decoded {
            Ok((length, body)) => (length, body),
            Err(fault) => (0, Err(fault)),
        };
        let request = Request {
            received,
            wire_bytes: length,
            decoded_bytes,
            namespace: body.as_ref().map(Body::namespace).unwrap_or_default(),
            data: body.as_ref().map(Body::data).unwrap_or_default(),
            ..self.empty_request(head)
        };
        let ticket = self.journal.arrived(request);
        Ok(Arrived { ticket, protocol, body })
    }

    fn arrived_without_body(&self, head: &Head, protocol: Protocol) -> Arrived {
        Arrived {
            ticket: self.journal.arrived(self.empty_request(head)),
            protocol,
            body: Err(Fault::malformed("the body was not read")),
        }
    }

    fn empty_request(&self, head: &Head) -> Request {
        Request {
            received: SystemTime::now(),
            status: None,
            taken: false,
            wire_bytes: 0,
            decoded_bytes: 0,
            gzip: head.header("content-encoding") == Some("gzip"),
            access_key_id: head.header("authorization").and_then(|of| scope(of, 0)),
            region: head.header("authorization").and_then(|of| scope(of, 2)),
            peer_port: self.peer_port,
            namespace: String::new(),
            data: Vec::new(),
        }
    }

    fn answer(&mut self, answer: Answer, arrived: &Arrived) -> io::Result<Next> {
        match answer {
            Answer::Take => self.take(arrived, &arrived.success()),
            Answer::TakeSaying { refused, message } => {
                let reply = match arrived.protocol {
                    Protocol::Rpc => arrived.success(),
                    Protocol::Otlp => otlp::success(refused, message),
                };
                self.take(arrived, &reply)
            }
            Answer::RetryAfter { status, wait } => {
                let reply = Reply::new(status, "text/plain", Vec::new());
                self.refuse(arrived, &reply.with("retry-after", wait))
            }
            Answer::CutShort => {
                let mut bytes = arrived.success().with("x-more", "...").bytes(SystemTime::now());
                bytes.truncate(bytes.len() / 2);
                self.http.write(&bytes)?;
                Ok(Next::Close)
            }
            Answer::Status { status, content_type, body } => {
                self.refuse(arrived, &Reply::new(status, &content_type, body))
            }
            Answer::Error(fault) => self.refuse(arrived, &arrived.protocol.failure(&fault)),
            Answer::Skewed(skew) => self.skewed(arrived, skew),
            Answer::RejectWhere(matches) => match &arrived.body {
                Ok(body) if body.data().iter().any(|datum| matches(datum)) => {
                    let fault = Fault::invalid_value("The value is rejected by the test.");
                    self.refuse(arrived, &arrived.protocol.failure(&fault))
                }
                _ => self.take(arrived, &arrived.success()),
            },
            Answer::Hold => match self.journal.wait_for_release(&arrived.ticket) {
                Wait::Released => self.take(arrived, &arrived.success()),
                Wait::Stopping => Ok(Next::Close),
            },
            Answer::HoldThen(next) => match self.journal.wait_for_release(&arrived.ticket) {
                Wait::Released => self.answer(*next, arrived),
                Wait::Stopping => Ok(Next::Close),
            },
            Answer::Hang => {
                self.journal.wait_for_release(&arrived.ticket);
                Ok(Next::Close)
            }
            Answer::StallAfterHeaders => {
                let promising = Reply::cbor(200, vec![0xa0]);
                self.http.write(&promising.head_bytes(SystemTime::now()))?;
                self.journal.wait_for_release(&arrived.ticket);
                Ok(Next::Close)
            }
            Answer::Reset => Ok(self.reset()),
            Answer::TakeThenReset => {
                if check(arrived).is_ok() {
                    self.journal.taken(&arrived.ticket, None);
                }
                Ok(self.reset())
            }
            Answer::Garbage(bytes) => {
                self.http.write(&bytes)?;
                Ok(Next::Close)
            }
            Answer::TakeWith(headers) => {
                let bare = Reply::new(200, "", Vec::new());
                let reply =
                    headers.iter().fold(bare, |reply, (name, value)| reply.with(name, *value));
                self.take(arrived, &reply)
            }
            Answer::Endless(endless) => {
                self.journal.answered(&arrived.ticket, 200);
                let going_on = |pause| self.journal.is_unreleased_after(&arrived.ticket, pause);
                endless.write_to(&mut self.http, going_on)?;
                Ok(self.reset())
            }
        }
    }

    /// The journal comes before the wire: who has the reply must find it recorded.
    fn take(&mut self, arrived: &Arrived, reply: &Reply) -> io::Result<Next> {
        match check(arrived) {
            Ok(()) => {
                self.journal.taken(&arrived.ticket, Some(reply.status));
                self.send(reply)
            }
            Err(fault) => self.refuse(arrived, &arrived.protocol.failure(&fault)),
        }
    }

    fn refuse(&mut self, arrived: &Arrived, reply: &Reply) -> io::Result<Next> {
        self.journal.answered(&arrived.ticket, reply.status);
        self.send(reply)
    }

    fn skewed(&mut self, arrived: &Arrived, skew: Skew) -> io::Result<Next> {
        let message = "The difference between the request time and the current time is too large.";
        let reply = Fault::new(403, "RequestTimeTooSkewed", message).reply();
        let now = SystemTime::now();
        let date = match skew {
            Skew::Ahead(by) => now + by,
            Skew::Behind(by) => now - by,
        };
        self.journal.answered(&arrived.ticket, reply.status);
        self.http.write(&reply.bytes(date))?;
        Ok(Next::Request)
    }

    fn send(&mut self, reply: &Reply) -> io::Result<Next> {
        self.http.write(&reply.bytes(SystemTime::now()))?;
        Ok(Next::Request)
    }

    fn reset(&self) -> Next {
        self.socket.reset_on_close();
        Next::Close
    }
}

fn check(arrived: &Arrived) -> Result<(), Fault> {
    match arrived.body.as_ref().map_err(Clone::clone)? {
        Body::Put(put) => limits::check(put),
        Body::Points { data, bytes, received } => otlp::check(data, *bytes, *received),
    }
}

impl Protocol {
    fn of(head: &Head) -> Option<Self> {
        let is_otlp = || otlp::is_otlp(head).then_some(Self::Otlp);
        is_put_metric_data(head).then_some(Self::Rpc).or_else(is_otlp)
    }

    fn body(self, content: &[u8], received: SystemTime) -> Result<Body, Fault> {
        match self {
            Self::Rpc => decode::put_metric_data(content, received).map(Body::Put),
            Self::Otlp => {
                let bytes = content.len();
                otlp::points(content).map(|data| Body::Points { data, bytes, received })
            }
        }
    }

    fn failure(self, fault: &Fault) -> Reply {
        match self {
            Self::Rpc => fault.reply(),
            Self::Otlp => otlp::failure(fault),
        }
    }
}

impl Arrived {
    fn success(&self) -> Reply {
        match self.protocol {
            Protocol::Rpc => success(&self.ticket),
            Protocol::Otlp => otlp::success(0, ""),
        }
    }
}

impl Body {
    fn namespace(&self) -> String {
        match self {
            Self::Put(put) => put.namespace(),
            Self::Points { .. } => String::new(),
        }
    }

    fn data(&self) -> Vec<Datum> {
        match self {
            Self::Put(put) => put.data(),
            Self::Points { data, .. } => data.clone(),
        }
    }
}

/// The service goes by protocol, method and path before it looks at anything else.
fn is_put_metric_data(head: &Head) -> bool {
    head.method == "POST"
        && head.path == "/service/GraniteServiceVersion20100801/operation/PutMetricData"
        && head.header("smithy-protocol") == Some("rpc-v2-cbor")
        && head.header("content-type") == Some(CBOR)
}

/// A part of `AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/monitoring/aws4_request, ...`
fn scope(authorization: &str, part: usize) -> Option<String> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.contains('/').then(|| credential.split('/').nth(part))?.map(str::to_owned)
}

/// The two forms of a successful reply: by the tests of the protocol an operation without output
/// has neither a body nor a content type; an empty map is allowed as well.
fn success(ticket: &Ticket) -> Reply {
    let reply = match ticket.number() % 2 {
        0 => Reply::new(200, "", Vec::new()).with("smithy-protocol", "rpc-v2-cbor"),
        _ => Reply::cbor(200, vec![0xa0]),
    };
    reply.with("x-amzn-requestid", "a1b2c3d4-0000-4000-8000-000000000000")
}

fn unknown_operation() -> Reply {
    let body = b"<UnknownOperationException/>\n".to_vec();
    Reply::new(404, "application/xml", body)
}

/// The length of nothing, packed by gzip.
const NOTHING_PACKED: usize = 20;
