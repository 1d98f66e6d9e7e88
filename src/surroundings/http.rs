//! A plain HTTP request to an endpoint on this machine or link-local: ECS and EC2 metadata.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderName};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::lookup;

/// The body of the answer, if its status is 200 and it comes in time. An error names the address.
pub async fn request(
    method: Method,
    url: &str,
    headers: &[(&'static str, &str)],
    time: Duration,
) -> io::Result<Bytes> {
    match timeout(time, exchange(method, url, headers)).await {
        Ok(answer) => answer.map_err(|error| error_of(url, error)),
        Err(_) => Err(error_of(url, format_args!("no answer within {time:?}"))),
    }
}

/// An error with the address that it is of.
pub fn error_of(url: &str, error: impl Display) -> io::Error {
    io::Error::other(format!("{url}: {error}"))
}

async fn exchange(
    method: Method,
    url: &str,
    headers: &[(&'static str, &str)],
) -> io::Result<Bytes> {
    let uri: Uri = url.parse().map_err(io::Error::other)?;
    let host =
        uri.host().ok_or_else(|| io::Error::other("expected a URL such as http://host/path"))?;
    // Only URLs have brackets around an IPv6 address.
    let (name, port) = (host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80));
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    // `TcpStream` could look the name up by itself, but in a thread of the runtime, which panics where
    // the system refuses a thread.
    let addresses = lookup::addresses(name).await.map_err(io::Error::other)?;
    let addresses: Vec<_> = addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
    let stream = TcpStream::connect(&addresses[..]).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let mut request = Request::builder().method(method).uri(uri.path()).header(HOST, authority);
    for (name, value) in headers {
        request = request.header(HeaderName::from_static(name), *value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        if response.status() != StatusCode::OK {
            return Err(io::Error::other(format!("HTTP {}", response.status())));
        }
        let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await;
        Ok(body.map_err(io::Error::other)?.to_bytes())
    };
    // `connection` moves the bytes, so it runs beside the exchange. When it ends first, the exchange
    // has its error.
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = connection => exchange.await,
    }
}

/// Statistics of a container are some five kilobytes; a task has at most a hundred. More than this
/// is not from such an endpoint.
const BODY_LIMIT: usize = 2 << 20;
