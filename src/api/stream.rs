//! Answers without an end: server-sent events, as HTML has them.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{LocalBoxStream, once, unfold};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::failure::Failure;
use super::limits::STREAMS;
use super::state::State;

/// The body of an answer.
pub enum Sent {
    Whole(Full<Bytes>),
    Stream(Streamed),
}

/// Server-sent events, which come as long as somebody reads them.
pub struct Streamed(LocalBoxStream<'static, Bytes>);

/// Where server-sent events come from.
pub trait Source: 'static {
    /// Waits for the next one. If this is dropped, nothing is lost.
    async fn next(&mut self) -> Message;
}

/// One server-sent event.
pub struct Message {
    /// Where who reads it may go on.
    pub id: Option<u64>,
    pub event: &'static str,
    pub data: Value,
}

impl Message {
    /// That some are missing: how many, where that is known.
    pub fn gap(id: Option<u64>, missed: Option<u64>) -> Self {
        Self { id, event: "gap", data: json!({ "missed": missed }) }
    }

    /// JSON has no line ends of its own, so the data are one line.
    fn text(&self) -> String {
        let id = self.id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        format!("{id}event: {}\ndata: {}\n\n", self.event, self.data)
    }
}

impl Streamed {
    /// The stream of a source, unless too many are open.
    pub fn of(state: &Rc<State>, source: impl Source) -> Result<Self, Failure> {
        let open = &state.counts.streams;
        if open.get() >= STREAMS {
            let text = format!("{STREAMS} streams are open, and more are not answered");
            return Err(Failure::unavailable(text));
        }
        open.set(open.get() + 1);
        let held = Held(state.clone());
        // Who connects is to see at once that it works.
        let begin = once(async { Bytes::from_static(BEGIN) });
        let messages = unfold((source, held), |(mut source, held)| async {
            let next = timeout(PAUSE, source.next()).await;
            let text = next.map_or_else(|_| STILL_THERE.to_owned(), |next| next.text());
            Some((Bytes::from(text), (source, held)))
        });
        Ok(Self(begin.chain(messages).boxed_local()))
    }
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streamed")
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx),
            Self::Stream(Streamed(stream)) => {
                stream.poll_next_unpin(cx).map(|next| next.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// One of the streams that are open, until it is dropped.
struct Held(Rc<State>);

impl Drop for Held {
    fn drop(&mut self) {
        let open = &self.0.counts.streams;
        open.set(open.get().saturating_sub(1));
    }
}

/// After so long without an event a comment is sent: so both ends find out that the other is gone.
const PAUSE: Duration = Duration::from_secs(15);

/// Comments, which clients ignore.
const BEGIN: &[u8] = b": events follow\n\n";
const STILL_THERE: &str = ": nothing new\n\n";

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends with nothing after so many messages.
    struct Few(u64);

    impl Source for Few {
        async fn next(&mut self) -> Message {
            if self.0 == 0 {
                std::future::pending::<()>().await;
            }
            self.0 -= 1;
            Message { id: Some(self.0), event: "x", data: json!({ "a": "b\nc" }) }
        }
    }

    async fn taken(stream: &mut Streamed) -> String {
        let bytes = stream.0.next().await.expect("it has no end");
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_has_its_messages_and_comments_between() {
        let state = Rc::new(State::for_tests());
        let mut stream = Streamed::of(&state, Few(1)).expect("there is room");
        assert_eq!(taken(&mut stream).await, ": events follow\n\n");
        let message = "id: 0\nevent: x\ndata: {\"a\":\"b\\nc\"}\n\n";
        assert_eq!(taken(&mut stream).await, message);
        for _ in 0..2 {
            let start = tokio::time::Instant::now();
            assert_eq!(taken(&mut stream).await, ": nothing new\n\n");
            assert_eq!(start.elapsed(), PAUSE);
        }
    }

    #[tokio::test]
    async fn one_stream_too_many_is_refused_until_another_ends() {
        let state = Rc::new(State::for_tests());
        let open = || Streamed::of(&state, Few(0));
        let mut all: Vec<_> = (0..STREAMS).map(|_| open().expect("there is room")).collect();
        let refused = open().expect_err("it is one too many");
        assert_eq!((refused.status.as_u16(), refused.header.is_some()), (503, true));
        all.pop();
        assert!(open().is_ok());
        drop(all);
        assert_eq!(state.counts.streams.get(), 0);
    }
}
