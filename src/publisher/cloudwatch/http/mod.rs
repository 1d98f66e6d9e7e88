//! HTTP for the SDK: requests one after the other over connections that stay open, each answer bounded.
//!
//! The SDK's own client would bring HTTP/2 and a second copy of the trusted roots, which is 0.3 MB of the
//! binary.

mod proxy;
mod reach;
mod too_long;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use tokio::time::{Instant, timeout};

pub use self::proxy::Proxy;
use self::reach::Server;
pub use self::reach::{Reach, Step, Unreached};
pub use self::too_long::TooLong;
use crate::exchange;

/// Sends the requests of all clients of the SDK.
#[derive(Clone, Debug)]
pub struct Connector {
    reach: Arc<Reach>,
    idle: Arc<Mutex<Vec<Idle>>>,
}

/// A connection over which nothing goes at the moment.
#[derive(Debug)]
struct Idle {
    server: Server,
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.answer(request).await })
    }
}

impl Connector {
    pub fn new(reach: Reach) -> Self {
        Self { reach: Arc::new(reach), idle: Arc::default() }
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (mut request, server) = prepared(request)?;
        while let Some(mut sender) = self.take_idle(&server) {
            if !is_ready(&mut sender).await {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return self.read(response, sender, server).await,
                // The server has closed the connection, and nothing was sent.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(of_hyper(error.into_error())),
                },
            }
        }
        let mut sender = self.connect(&server).await?;
        let response = sender.send_request(request).await.map_err(of_hyper)?;
        self.read(response, sender, server).await
    }

    async fn connect(&self, server: &Server) -> Result<SendRequest<Full<Bytes>>, ConnectorError> {
        let connected = self.reach.connect(server, Instant::now() + CONNECT_TIMEOUT).await;
        let connection = connected.map_err(|error| match error {
            Unreached::Late(_) => ConnectorError::timeout(error.into()),
            _ => ConnectorError::io(error.into()),
        })?;
        exchange::open(connection).await.map_err(of_hyper)
    }

    /// Reads an answer to its end, and keeps the connection for the next request.
    async fn read(
        &self,
        response: Response<Incoming>,
        sender: SendRequest<Full<Bytes>>,
        server: Server,
    ) -> Result<HttpResponse, ConnectorError> {
        let (parts, body) = response.into_parts();
        // An answer whose length is announced (content-length) and too long is not read at all.
        let too_long = || TooLong::of(&server, ANSWER_LIMIT).into();
        if body.size_hint().lower() > ANSWER_LIMIT as u64 {
            return Err(too_long());
        }
        let body = match Limited::new(body, ANSWER_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(too_long()),
            Err(error) => return Err(ConnectorError::io(error)),
        };
        // Behind a load balancer another connection may lead to a server that is well.
        let is_unwell =
            parts.status.is_server_error() || parts.status == StatusCode::TOO_MANY_REQUESTS;
        if !is_unwell {
            self.keep(Idle { server, sender, since: Instant::now() });
        }
        let response = Response::from_parts(parts, SdkBody::from(body));
        response.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))
    }

    /// The newest connection to a server that is still open.
    fn take_idle(&self, server: &Server) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < LONGEST_IDLE);
        let place = idle.iter().rposition(|idle| idle.server == *server)?;
        Some(idle.remove(place).sender)
    }

    fn keep(&self, newest: Idle) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() == MOST_IDLE {
            idle.remove(0);
        }
        idle.push(newest);
    }
}

/// Whether another request can be sent over a connection. A server may have answered before it had read the request before,
/// and read no further: then that never comes, and a new connection does not have to wait for it.
async fn is_ready(sender: &mut SendRequest<Full<Bytes>>) -> bool {
    matches!(timeout(CONNECT_TIMEOUT, sender.ready()).await, Ok(Ok(())))
}

/// The request as it goes over a connection, and to which server.
fn prepared(request: HttpRequest) -> Result<(Request<Full<Bytes>>, Server), ConnectorError> {
    let user = |error: &str| ConnectorError::user(error.to_owned().into());
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (mut parts, body) = request.into_parts();
    let body = body.bytes().ok_or_else(|| user("the body of a request is not in memory"))?;
    let body = Full::new(Bytes::copy_from_slice(body));
    let server = Server::of(&parts.uri).ok_or_else(|| user("the URL of a request has no host"))?;
    if !parts.headers.contains_key(HOST) {
        let host = HeaderValue::from_str(&server.in_header());
        let host = host.map_err(|error| ConnectorError::user(error.into()))?;
        parts.headers.insert(HOST, host);
    }
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    Ok((Request::from_parts(parts, body), server))
}

/// What the SDK is to make of a failure of HTTP: what is of the connection, it tries again.
fn of_hyper(error: hyper::Error) -> ConnectorError {
    if error.is_user() {
        ConnectorError::user(error.into())
    } else if error.is_incomplete_message() {
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else if error.is_parse() {
        ConnectorError::other(error.into(), None)
    } else {
        ConnectorError::io(error.into())
    }
}

/// TCP and TLS together: three round trips, which even around the world take under a second.
/// After this the attempt has failed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// An answer of CloudWatch is some hundred bytes, credentials are some kilobytes. More than a
/// megabyte is not from such a service, and would fill the memory of a small container.
const ANSWER_LIMIT: usize = 1 << 20;

/// A window comes every minute by default. Servers close connections before that, or tell when they do.
const LONGEST_IDLE: Duration = Duration::from_secs(90);

/// To CloudWatch, STS, and the endpoint of credentials.
const MOST_IDLE: usize = 4;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_last_request_is_not_read_is_not_waited_for_longer_than_for_a_new_one()
     {
        for reads_all in [true, false] {
            // There is room for less than the body.
            let (ours, mut server) = duplex(1024);
            let mut sender = exchange::open(Box::new(ours)).await.expect("it is open");
            let serving = tokio::spawn(async move {
                let mut room = vec![0; if reads_all { 1 << 20 } else { 16 }];
                let mut left = 16_384;
                while left > 0 && reads_all {
                    left -= left.min(server.read(&mut room).await.expect("there is more"));
                }
                let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
                server.write_all(answer).await.expect("it is read");
                server
            });
            let request = Request::new(Full::new(Bytes::from(vec![b'x'; 16_384])));
            let response = sender.send_request(request).await.expect("it is answered");
            assert_eq!(response.status(), StatusCode::FORBIDDEN);
            drop(response);
            let begun = Instant::now();
            assert_eq!(is_ready(&mut sender).await, reads_all);
            let waited = if reads_all { Duration::ZERO } else { CONNECT_TIMEOUT };
            assert_eq!(begun.elapsed(), waited);
            drop(serving.await);
        }
    }
}
