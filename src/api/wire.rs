//! A connection as hyper sees it, with what hyper leaves out: a time limit for what is written, an answer with
//! a body to what is no HTTP, and paths with `#` in them.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::StatusCode;
use hyper::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::failure::Failure;
use super::limits::{ANSWER_TIME, CLOSE_TIME};
use super::mark::X_AGENT;
use crate::exchange::Connection;

/// Where a connection is between request and answer.
#[derive(Debug)]
pub struct Stage {
    /// Whether the next byte is of the first line of a request.
    at_first_line: Cell<bool>,
    /// Whether a request is being answered.
    is_asked: Cell<bool>,
    /// Whether there is an answer that is not wholly written.
    is_answered: Cell<bool>,
    /// Whether nothing is read any more.
    is_closing: Cell<bool>,
}

impl Default for Stage {
    fn default() -> Self {
        let [is_asked, is_answered, is_closing] = [false; 3].map(Cell::new);
        Self { at_first_line: Cell::new(true), is_asked, is_answered, is_closing }
    }
}

impl Stage {
    /// A request is there, as far as its head.
    pub fn asked(&self) {
        self.is_asked.set(true);
    }

    /// Whether no request of it is being answered.
    pub fn is_idle(&self) -> bool {
        !self.is_asked.get() && !self.is_answered.get()
    }

    /// There is an answer, which is now written. Where it `closes`, what is left of the request is not read.
    pub fn answered(&self, closes: bool) {
        self.is_asked.set(false);
        self.is_answered.set(true);
        self.is_closing.set(closes);
    }
}

/// A connection.
pub struct Wire {
    socket: Box<dyn Connection>,
    stage: Rc<Stage>,
    /// What was read and had no room.
    left: Vec<u8>,
    /// Until when what waits must be written.
    deadline: Option<Pin<Box<Sleep>>>,
    /// After all is written: until when the client is waited for to close.
    closing: Option<Pin<Box<Sleep>>>,
    /// Whether the client is told that nothing more comes.
    is_shut: bool,
    /// An answer in the place of hyper's own, and how much of it is written.
    instead: Option<(Vec<u8>, usize)>,
}

impl Wire {
    pub fn new(socket: Box<dyn Connection>, stage: Rc<Stage>) -> Self {
        let (left, deadline, closing, instead) = (Vec::new(), None, None, None);
        Self { socket, stage, left, deadline, closing, is_shut: false, instead }
    }

    /// Writes, or fails where the client has taken nothing for too long.
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.socket).poll_write(cx, bytes) {
            return Poll::Ready(written);
        }
        self.wait(cx).map(Err)
    }

    /// Waits for the client to take something, and fails in the end.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(ANSWER_TIME)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.stage.is_closing.get() {
            // hyper would wait for the rest of a body that is not read, without a time limit.
            return Poll::Ready(Ok(()));
        }
        if !this.left.is_empty() {
            let count = this.left.len().min(buf.remaining());
            buf.put_slice(&this.left[..count]);
            this.left.drain(..count);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
        if !this.stage.at_first_line.get() {
            return Poll::Ready(Ok(()));
        }
        let read = &buf.filled()[before..];
        let end = read.iter().position(|byte| *byte == b'\n');
        let line = &read[..end.unwrap_or(read.len())];
        if line.contains(&b'#') {
            let mut escaped = escape(line);
            escaped.extend_from_slice(&read[line.len()..]);
            buf.set_filled(before);
            let count = escaped.len().min(buf.remaining());
            buf.put_slice(&escaped[..count]);
            this.left = escaped.split_off(count);
        }
        this.stage.at_first_line.set(end.is_none());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none() {
            this.instead = status_without_body(bytes).map(|status| (answer(status), 0));
        }
        let Some((instead, mut written)) = this.instead.take() else {
            return this.write(cx, bytes);
        };
        while written < instead.len() {
            match this.write(cx, &instead[written..]) {
                Poll::Ready(count) => written += count?,
                Poll::Pending => {
                    this.instead = Some((instead, written));
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // It is called when all is written, which TLS may still hold.
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Ready(flushed) => flushed?,
            Poll::Pending => return self.wait(cx).map(Err),
        }
        self.deadline = None;
        if self.stage.is_answered.replace(false) {
            self.stage.at_first_line.set(true);
            if self.stage.is_closing.get() {
                // hyper is to read, and to find the end.
                cx.waker().wake_by_ref();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the answer and waits a little for the client to close: what it still sends would else take the
    /// answer away (RFC 9112, 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let closing = this.closing.get_or_insert_with(|| Box::pin(sleep(CLOSE_TIME)));
        let mut bytes = [0; 1024];
        loop {
            if closing.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            if !this.is_shut {
                ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
                this.is_shut = true;
            }
            let mut buf = ReadBuf::new(&mut bytes);
            let is_open = match Pin::new(&mut this.socket).poll_read(cx, &mut buf) {
                Poll::Ready(read) => read.is_ok() && !buf.filled().is_empty(),
                Poll::Pending => return Poll::Pending,
            };
            if !is_open {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// The line with `%23` for each `#`. In a URL that would begin what is never sent, but existing clients send the
/// names of metrics as they are.
fn escape(line: &[u8]) -> Vec<u8> {
    let bytes = line
        .iter()
        .map(|byte| if *byte == b'#' { &b"%23"[..] } else { std::slice::from_ref(byte) });
    bytes.flatten().copied().collect()
}

/// The status of an answer that hyper gives by itself to what is no HTTP or too large. All other answers have
/// a body.
fn status_without_body(bytes: &[u8]) -> Option<StatusCode> {
    let rest = bytes.strip_prefix(b"HTTP/1.1 ")?;
    let status = StatusCode::from_bytes(rest.get(..3)?).ok().filter(StatusCode::is_client_error)?;
    let empty = b"\r\ncontent-length: 0\r\n";
    bytes.windows(empty.len()).any(|part| part.eq_ignore_ascii_case(empty)).then_some(status)
}

/// A whole answer that closes the connection.
pub fn answer_to_close(failure: &Failure, mark: Option<&HeaderValue>) -> Vec<u8> {
    let (status, body) = (failure.status, failure.body());
    let reason = status.canonical_reason().unwrap_or_default();
    let header = failure.header.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let mark = mark.and_then(|mark| mark.to_str().ok());
    let mark = mark.map(|mark| format!("{X_AGENT}: {mark}\r\n"));
    let (header, length) = (header.chain(mark).collect::<String>(), body.len());
    format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{header}\
         connection: close\r\n\r\n{body}",
        status.as_str(),
    )
    .into_bytes()
}

fn answer(status: StatusCode) -> Vec<u8> {
    answer_to_close(&Failure::of_http(status), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    async fn read_through(sent: &[&str], room: usize) -> String {
        let (mut client, server) = duplex(1024);
        let stage = Rc::new(Stage::default());
        let mut wire = Wire::new(Box::new(server), stage.clone());
        let mut all = Vec::new();
        for text in sent {
            client.write_all(text.as_bytes()).await.expect("there is room");
            if text.is_empty() {
                // All is answered.
                stage.answered(false);
                wire.flush().await.expect("nothing is left");
                continue;
            }
            let goal = all.len() + escape(text.as_bytes()).len();
            loop {
                let mut buf = vec![0; room];
                let read = tokio::time::timeout(ANSWER_TIME, wire.read(&mut buf)).await;
                let Ok(Ok(count)) = read else { break };
                all.extend_from_slice(&buf[..count]);
                if all.len() >= goal {
                    break;
                }
            }
        }
        String::from_utf8(all).expect("a text")
    }

    #[tokio::test(start_paused = true)]
    async fn a_hash_in_a_path_is_a_part_of_the_name() {
        for room in [1, 3, 64] {
            let sent = ["GET /a#b", "#c HTTP/1.1\r\nx: #\r\n\r\n", "", "GET /d# HTTP/1.1\r\n\r\n"];
            let expected = "GET /a%23b%23c HTTP/1.1\r\nx: #\r\n\r\nGET /d%23 HTTP/1.1\r\n\r\n";
            assert_eq!(read_through(&sent, room).await, expected, "{room}");
        }
        assert_eq!(read_through(&["POST / \r\n", "a#b"], 64).await, "POST / \r\na#b");
    }

    #[tokio::test]
    async fn what_is_no_http_is_answered_with_a_body() {
        let (mut client, server) = duplex(16);
        let mut wire = Wire::new(Box::new(server), Rc::default());
        let bare = b"HTTP/1.1 431 X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let reading = async {
            let mut text = String::new();
            client.read_to_string(&mut text).await.expect("a text");
            text
        };
        let writing = async {
            wire.write_all(bare).await.expect("it is taken");
            drop(wire);
        };
        let ((), text) = tokio::join!(writing, reading);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["code"], "431");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (_client, server) = duplex(16);
        let mut wire = Wire::new(Box::new(server), Rc::default());
        let start = Instant::now();
        let written = wire.write_all(&[b'x'; 100]).await;
        assert_eq!(written.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
        assert_eq!(start.elapsed(), ANSWER_TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_close_is_waited_for_a_second() {
        let (mut client, server) = duplex(16);
        let mut wire = Wire::new(Box::new(server), Rc::default());
        client.write_all(b"more").await.expect("there is room");
        let start = Instant::now();
        wire.shutdown().await.expect("it ends");
        assert_eq!(start.elapsed(), CLOSE_TIME);
    }

    /// A stream that takes all and sends nothing on, as TLS does over one that is full.
    struct Stalled;

    impl AsyncRead for Stalled {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Stalled {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_tls_holds_back_has_the_same_time() {
        let mut wire = Wire::new(Box::new(Stalled), Rc::default());
        wire.write_all(b"an answer").await.expect("it is taken");
        let start = Instant::now();
        let flushed = wire.flush().await;
        assert_eq!(flushed.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
        assert_eq!(start.elapsed(), ANSWER_TIME);
        wire.shutdown().await.expect("it ends");
        assert_eq!(start.elapsed(), ANSWER_TIME + CLOSE_TIME);
    }
}
