//! Connections of any kind, and one HTTP request over one that is there.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection of any kind: to a port or a socket, with or without TLS.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

/// The status and the body of the answer, which has at most so many bytes.
pub async fn exchange(
    connection: Box<dyn Connection>,
    request: Request<Full<Bytes>>,
    most_bytes: usize,
) -> io::Result<(StatusCode, Bytes)> {
    read(connection, request, async |response| {
        let status = response.status();
        let body = Limited::new(response.into_body(), most_bytes).collect().await;
        Ok((status, body.map_err(io::Error::other)?.to_bytes()))
    })
    .await
}

/// What is made of the answer while it comes.
pub async fn read<T>(
    connection: Box<dyn Connection>,
    request: Request<Full<Bytes>>,
    read: impl AsyncFnOnce(Response<Incoming>) -> io::Result<T>,
) -> io::Result<T> {
    let (mut sender, moving) =
        http1::handshake(TokioIo::new(connection)).await.map_err(io::Error::other)?;
    // Both are large, and what awaits them would be as well.
    let mut exchange = Box::pin(async {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        read(response).await
    });
    let mut moving = Box::pin(moving);
    // `moving` moves the bytes, so it runs beside the exchange. When it ends first, the exchange has its error.
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = &mut moving => exchange.await,
    }
}

/// Writes all of it.
pub async fn write_all(stream: &mut dyn Connection, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, bytes));
        match written.await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

/// Reads what is there as soon as there is something; 0 bytes at the end.
pub async fn read_some(stream: &mut dyn Connection, bytes: &mut [u8]) -> io::Result<usize> {
    let mut room = ReadBuf::new(bytes);
    poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut room)).await?;
    Ok(room.filled().len())
}
