//! One request and its answer.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{Answer, Asked, Times, Url, Wanted};
use crate::check::connect::{self, Awaited, milliseconds};
use crate::check::tls::{self, Switches};
use crate::exchange::Connection;

/// A request that is to be made.
pub struct Exchange<'a> {
    pub url: &'a Url,
    pub method: &'a Method,
    pub headers: HeaderMap,
    pub body: String,
    pub asked: &'a Asked,
}

/// One of which the head of the answer is there.
pub struct Answered<'a> {
    of: Exchange<'a>,
    response: Response<Incoming>,
    moving: Moving,
    seen: Rc<Seen>,
    certificate: Option<CertificateDer<'static>>,
    times: Times,
}

/// Moves the bytes of a connection as long as it is polled.
type Moving = Pin<Box<dyn Future<Output = hyper::Result<()>>>>;

impl<'a> Exchange<'a> {
    /// Connects, asks, and waits for the head of the answer.
    pub async fn begin(self, awaited: &Awaited) -> Result<Answered<'a>, String> {
        let Self { url, .. } = &self;
        let start = Instant::now();
        let stream = connect::connect(&url.host, url.port, awaited).await?;
        let connect = milliseconds(start, Instant::now());
        let (stream, certificate): (Box<dyn Connection>, _) = if url.is_https {
            awaited.set("the TLS handshake");
            let stream = tls::connect(stream, &url.host, self.asked.trust, SWITCHES).await?;
            let certificate = tls::certificate(&stream);
            (Box::new(stream), certificate)
        } else {
            (Box::new(stream), None)
        };
        awaited.set("the first byte of the answer");
        let seen = Rc::new(Seen::default());
        let watched = Watched { stream, seen: seen.clone() };
        let mut builder = http1::Builder::new();
        builder.max_buf_size(LONGEST_HEAD);
        let shaken = builder.handshake(TokioIo::new(watched)).await;
        let (mut sender, connection) = shaken.map_err(|error| self.in_words(&error, &seen))?;
        let mut moving: Moving = Box::pin(connection);
        let sending = sender.send_request(self.request()?);
        let response =
            beside(&mut moving, sending).await.map_err(|error| self.in_words(&error, &seen))?;
        let first_byte = seen.first.get().unwrap_or_else(Instant::now);
        let times = Times { connect, first_byte: milliseconds(start, first_byte), all: 0.0 };
        awaited.set("the end of the answer");
        Ok(Answered { of: self, response, moving, seen, certificate, times })
    }

    fn in_words(&self, error: &hyper::Error, seen: &Seen) -> String {
        self.asked.hide(&in_words(error, seen))
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, String> {
        let body = Full::new(Bytes::from(self.body.clone()));
        let request = Request::builder().method(self.method.clone()).uri(&self.url.path).body(body);
        let mut request = request.map_err(|error| format!("{}: {error}", self.url))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }
}

impl Answered<'_> {
    /// Where it leads instead, as the server has written it.
    pub fn redirect(&self) -> Option<String> {
        let location = self.response.headers().get(LOCATION)?;
        let is_redirect = matches!(self.response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        is_redirect.then(|| String::from_utf8_lossy(location.as_bytes()).into_owned())
    }

    /// Whether the next request has no body, as browsers do it.
    pub fn becomes_get(&self, method: &Method) -> bool {
        match self.response.status() {
            StatusCode::SEE_OTHER => true,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
            _ => false,
        }
    }

    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Reads the body.
    pub async fn finish(
        self,
        awaited: &Awaited,
        take: &mut dyn FnMut(&[u8]) -> Wanted,
    ) -> Result<Answer, String> {
        let Self { of, response, mut moving, seen, certificate, times } = self;
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = content_type.unwrap_or_default().into_owned();
        let (status, mut body) = (response.status(), response.into_body());
        let (mut length, mut is_cut) = (0, false);
        'body: while let Some(frame) = beside(&mut moving, body.frame()).await {
            let frame = frame.map_err(|error| {
                format!("{} after {length} bytes of the body", of.in_words(&error, &seen))
            })?;
            let Ok(bytes) = frame.into_data() else { continue };
            let room = (of.asked.most - length).min(bytes.len());
            is_cut = room < bytes.len();
            for piece in bytes[..room].chunks(PIECE) {
                length += piece.len();
                if take(piece) == Wanted::NoMore {
                    break 'body;
                }
                // What takes it may take a while, and there is one thread.
                yield_now().await;
            }
            if is_cut {
                break;
            }
            awaited.set("the end of the answer");
        }
        let url = of.url.clone();
        Ok(Answer { url, status, content_type, length, is_cut, certificate, times })
    }
}

/// Waits for something while the bytes of its connection are moved. When the connection ends first, what is
/// waited for has its error or its end.
async fn beside<T>(moving: &mut Moving, waiting: impl Future<Output = T>) -> T {
    let mut waiting = std::pin::pin!(waiting);
    let mut is_over = false;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = waiting.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        if !is_over && moving.as_mut().poll(cx).is_ready() {
            is_over = true;
            // It is not to be polled again.
            *moving = Box::pin(std::future::pending());
        }
        waiting.as_mut().poll(cx)
    })
    .await
}

/// A stream of which it is known when its first byte came, and what it began with.
struct Watched {
    stream: Box<dyn Connection>,
    seen: Rc<Seen>,
}

#[derive(Default)]
struct Seen {
    first: Cell<Option<Instant>>,
    length: Cell<usize>,
    beginning: RefCell<Vec<u8>>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let new = &buffer.filled()[before..];
        if !new.is_empty() && self.seen.first.get().is_none() {
            self.seen.first.set(Some(Instant::now()));
        }
        self.seen.length.set(self.seen.length.get().saturating_add(new.len()));
        let mut beginning = self.seen.beginning.borrow_mut();
        let room = SHOWN.saturating_sub(beginning.len()).min(new.len());
        beginning.extend(&new[..room]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How a user switches TLS.
const SWITCHES: Switches = Switches { any: "set verify: no", off: "set url to http://" };

fn in_words(error: &hyper::Error, seen: &Seen) -> String {
    let beginning = seen.beginning.borrow();
    let beginning = String::from_utf8_lossy(&beginning);
    if error.is_parse() && seen.length.get() >= LONGEST_HEAD {
        return format!("the header of the answer is longer than {} kB", LONGEST_HEAD >> 10);
    }
    // What comes before it is asked for may also end the connection.
    let is_http = beginning.starts_with("HTTP/") || "HTTP/".starts_with(&*beginning);
    if error.is_parse() || !is_http {
        return format!(
            "the answer is not HTTP/1, it begins with {beginning:?}: correct scheme and port of url"
        );
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    let is_end = cause.is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof);
    if is_end || error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        let what =
            if beginning.is_empty() { "without an answer" } else { "before the end of the answer" };
        return format!("the server closed the connection {what}");
    }
    let cause = error.source().map_or_else(|| error.to_string(), |cause| cause.to_string());
    format!("the connection failed: {cause}")
}

/// Of the head of an answer: more is no page. hyper takes at most 100 headers.
const LONGEST_HEAD: usize = 64 << 10;

/// How much is taken at once.
const PIECE: usize = 64 << 10;

/// How much of an answer that is none is shown.
const SHOWN: usize = 40;
