//! Connections of any kind, and one HTTP request over one that is there.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
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
    let (mut sender, moving) =
        http1::handshake(TokioIo::new(connection)).await.map_err(io::Error::other)?;
    // Both are large, and what awaits them would be as well.
    let mut exchange = Box::pin(async {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), most_bytes).collect().await;
        Ok((status, body.map_err(io::Error::other)?.to_bytes()))
    });
    let mut moving = Box::pin(moving);
    // `moving` moves the bytes, so it runs beside the exchange and not in a task of its own: it is gone as soon as this is
    // given up. When it ends first, the exchange has its error.
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = &mut moving => exchange.await,
    }
}

/// A connection for one request after the other. It is closed when this is dropped.
pub async fn open(connection: Box<dyn Connection>) -> hyper::Result<SendRequest<Full<Bytes>>> {
    let (sender, moving) = http1::handshake(TokioIo::new(connection)).await?;
    // It ends when the sender is dropped or the other end closes; the request has the error.
    tokio::spawn(async { drop(moving.await) });
    Ok(sender)
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
