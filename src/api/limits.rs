//! How much the API takes at once. What it has in memory is bounded by these.

use std::time::Duration;

/// Connections that are open. One above it is answered 503 at once and closed.
pub const CONNECTIONS: usize = 64;

/// Connections that are being told so. One above it is closed without a word.
pub const REFUSALS: usize = 16;

/// Requests that are being answered. One above it is answered 503.
pub const REQUESTS: usize = 16;

/// Streams that are open. One above it is answered 503. Each has one of the connections, most of which are left for
/// requests.
pub const STREAMS: usize = 16;

/// Bytes of a request's line and headers. What is larger is answered 431 and closed.
pub const HEAD: usize = 16 << 10;

/// Bytes of a request's body. A larger one is answered 413 and closed.
pub const BODY: usize = 1 << 20;

/// From one answer, or from the beginning, to the end of the next request's headers. Then the connection is
/// closed, whether something of the request has come or not.
pub const HEAD_TIME: Duration = Duration::from_secs(10);

/// For the TLS handshake. Then the connection is closed.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// For the body of a request. Then it is answered 400 and closed.
pub const BODY_TIME: Duration = Duration::from_secs(10);

/// For an answer to be taken. Then the connection is closed.
pub const ANSWER_TIME: Duration = Duration::from_secs(30);

/// For a client to close after the last answer, so that it can read it first.
pub const CLOSE_TIME: Duration = Duration::from_secs(1);

/// The limits that clients can ask for.
pub const ALL: &[(&str, u64)] = &[
    ("connections", CONNECTIONS as u64),
    ("requests_at_once", REQUESTS as u64),
    ("streams", STREAMS as u64),
    ("head_bytes", HEAD as u64),
    ("body_bytes", BODY as u64),
    ("head_seconds", HEAD_TIME.as_secs()),
    ("handshake_seconds", HANDSHAKE_TIME.as_secs()),
    ("body_seconds", BODY_TIME.as_secs()),
    ("answer_seconds", ANSWER_TIME.as_secs()),
];
