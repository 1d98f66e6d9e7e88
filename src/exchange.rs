//! One HTTP request over a connection that is there.

use std::io;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection of any kind: to a port or a socket, with or without TLS.
pub trait Connection: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection for S {}

/// The status and the body of the answer, which has at most so many bytes.
pub async fn exchange(
    connection: Box<dyn Connection>,
    request: Request<Empty<Bytes>>,
    most_bytes: usize,
) -> io::Result<(StatusCode, Bytes)> {
    let (mut sender, moving) =
        http1::handshake(TokioIo::new(connection)).await.map_err(io::Error::other)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), most_bytes).collect().await;
        Ok((status, body.map_err(io::Error::other)?.to_bytes()))
    };
    // It is large, and what awaits it would be as well.
    let mut moving = Box::pin(moving);
    // `moving` moves the bytes, so it runs beside the exchange. When it ends first, the exchange has its error.
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = &mut moving => exchange.await,
    }
}
