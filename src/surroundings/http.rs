//! A plain HTTP request to an endpoint on this machine or link-local: ECS and EC2 metadata.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderName};
use hyper::{Method, Request, StatusCode, Uri};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{exchange, lookup};

/// The body of the answer, if its status is 200 and it comes in time. An error names the address.
pub async fn request(
    method: Method,
    url: &str,
    headers: &[(&'static str, &str)],
    time: Duration,
) -> io::Result<Bytes> {
    match timeout(time, answer(method, url, headers)).await {
        Ok(answer) => answer.map_err(|error| error_of(url, error)),
        Err(_) => Err(error_of(url, format_args!("no answer within {time:?}"))),
    }
}

/// An error with the address that it is of.
pub fn error_of(url: &str, error: impl Display) -> io::Error {
    io::Error::other(format!("{url}: {error}"))
}

async fn answer(method: Method, url: &str, headers: &[(&'static str, &str)]) -> io::Result<Bytes> {
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
    let mut request = Request::builder().method(method).uri(uri.path()).header(HOST, authority);
    for (name, value) in headers {
        request = request.header(HeaderName::from_static(name), *value);
    }
    let request = request.body(Full::default()).map_err(io::Error::other)?;
    let (status, body) = exchange::exchange(Box::new(stream), request, BODY_LIMIT).await?;
    match status {
        StatusCode::OK => Ok(body),
        _ => Err(io::Error::other(format!("HTTP {status}"))),
    }
}

/// Statistics of a container are some five kilobytes; a task has at most a hundred. More than this
/// is not from such an endpoint.
const BODY_LIMIT: usize = 2 << 20;
