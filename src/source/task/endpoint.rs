//! The task metadata endpoint, version 4: plain HTTP to a link-local address.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Where the endpoint is.
#[derive(Clone, Debug)]
pub struct Endpoint {
    base: String,
}

impl Endpoint {
    /// The endpoint of this process's container, if it runs in an ECS task.
    pub fn from_environment() -> Option<Self> {
        let base = std::env::var(VARIABLE).ok().filter(|base| !base.is_empty())?;
        Some(Self { base: base.trim_end_matches('/').to_owned() })
    }

    /// No endpoint, for a task that is asked for where there is none: each answer is the error.
    pub fn unset() -> Self {
        Self { base: format!("${VARIABLE}") }
    }

    /// The address of a resource.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The body of the answer, if it is a good one and comes in time.
    pub async fn get(&self, path: &str) -> io::Result<Bytes> {
        if self.base.starts_with('$') {
            return Err(io::Error::other("the variable is not set, so this is not an ECS task"));
        }
        let answer = timeout(TIMEOUT, get(&self.url(path))).await;
        answer.unwrap_or_else(|_| Err(io::Error::other(format!("no answer within {TIMEOUT:?}"))))
    }
}

async fn get(url: &str) -> io::Result<Bytes> {
    let uri: Uri = url.parse().map_err(io::Error::other)?;
    let host =
        uri.host().ok_or_else(|| io::Error::other("expected a URL such as http://host/path"))?;
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let request = Request::get(uri.path())
        .header(HOST, host)
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        if response.status() != StatusCode::OK {
            return Err(io::Error::other(format!("HTTP {}", response.status())));
        }
        let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await;
        Ok(body.map_err(io::Error::other)?.to_bytes())
    };
    // The connection moves the bytes; when it ends first, the exchange says why.
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = connection => exchange.await,
    }
}

/// Set in each container of a task (Amazon ECS developer guide, task metadata endpoint version 4).
pub const VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";

/// The endpoint answers in milliseconds. After this the last figures stay in use, and it is asked
/// again at the next poll.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Statistics of a container are some five kilobytes; a task has at most a hundred. More than this
/// is not from the endpoint.
const BODY_LIMIT: usize = 2 << 20;
