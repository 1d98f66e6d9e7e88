//! What the server does with a request: take it, or one of the ways to go wrong.

use std::sync::Arc;
use std::time::Duration;

use crate::fault::Fault;
use crate::record::Datum;

/// What becomes of one request.
#[derive(Clone)]
pub enum Answer {
    /// Takes the data and answers 200, if the request is within the limits of the real service;
    /// the error of the real service if not.
    Take,
    /// Takes nothing and answers with this, as a proxy or load balancer in between would. An empty
    /// content type is none.
    Status { status: u16, content_type: String, body: Vec<u8> },
    /// Takes nothing and answers with this error of the service.
    Error(Fault),
    /// Takes nothing and answers `RequestTimeTooSkewed` (403), with a `Date` that is off by this.
    Skewed(Skew),
    /// Fails the whole request with `InvalidParameterValue` (400) if any datum matches, as the
    /// service does; otherwise like [`Answer::Take`].
    RejectWhere(Arc<dyn Fn(&Datum) -> bool + Send + Sync>),
    /// Waits for [`release`](crate::FakeCloudWatch::release), then goes on like [`Answer::Take`].
    Hold,
    /// Waits for [`release`](crate::FakeCloudWatch::release), then goes on like this one.
    HoldThen(Box<Answer>),
    /// Reads the request and never answers. The connection stays open until
    /// [`release`](crate::FakeCloudWatch::release), then it is closed. Takes nothing.
    Hang,
    /// Sends a status line and headers that promise a body, which never comes. The connection
    /// stays open until [`release`](crate::FakeCloudWatch::release). Takes nothing.
    StallAfterHeaders,
    /// Resets the connection (TCP RST) before the body is read. Takes nothing.
    Reset,
    /// Takes the data, then resets the connection in place of a reply.
    TakeThenReset,
    /// Sends these bytes in place of HTTP and closes the connection. Takes nothing.
    Garbage(Vec<u8>),
    /// Takes the data and answers 200 with these headers alone, and no body.
    TakeWith(&'static [(&'static str, &'static str)]),
    /// Takes the data; by OTLP the answer says that so many points of them were refused, and why.
    TakeSaying { refused: u8, message: &'static str },
    /// Takes nothing and answers with this status and the header `Retry-After`.
    RetryAfter { status: u16, wait: &'static str },
    /// Takes nothing, and sends half of what it would answer if it had.
    CutShort,
    /// Answers 200 with something that has no end. Takes nothing. Ends when the client goes, or at
    /// [`release`](crate::FakeCloudWatch::release).
    Endless(Endless),
}

/// What has no end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Endless {
    /// A body in chunks, as fast as the client takes it.
    Chunks,
    /// The same, a byte at a time.
    Drip,
    /// A body that is said to be this long, as fast as the client takes it.
    Promised(u64),
    /// The headers.
    Head,
}

/// How far the server's clock is from the true time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Skew {
    Ahead(Duration),
    Behind(Duration),
}

impl Answer {
    /// 400 `Throttling`: more calls than the account's quota.
    pub fn throttling() -> Self {
        Self::error(400, "Throttling", "Rate exceeded")
    }

    /// 403 `AccessDenied`: the role lacks `cloudwatch:PutMetricData`.
    pub fn access_denied() -> Self {
        let message = "User: arn:aws:sts::123456789012:assumed-role/task/agent is not authorized \
                       to perform: cloudwatch:PutMetricData because no identity-based policy \
                       allows the cloudwatch:PutMetricData action";
        Self::error(403, "AccessDenied", message)
    }

    /// 403 `ExpiredToken`: temporary credentials past their time.
    pub fn expired_token() -> Self {
        let message = "The security token included in the request is expired";
        Self::error(403, "ExpiredToken", message)
    }

    /// 500 `InternalFailure`: a fault inside the service.
    pub fn internal_failure() -> Self {
        let message = "The request processing has failed because of an unknown error, exception \
                       or failure.";
        Self::error(500, "InternalFailure", message)
    }

    /// Any other error of the service.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error(Fault::new(status, code, message))
    }

    /// 503 with HTML, as a load balancer gives it.
    pub fn service_unavailable() -> Self {
        Self::Status {
            status: 503,
            content_type: "text/html".to_owned(),
            body: b"<html><body><h1>503 Service Unavailable</h1></body></html>".to_vec(),
        }
    }

    /// 200 with a page in place of the service's answer, as a portal or a proxy gives it.
    pub fn page() -> Self {
        Self::Status {
            status: 200,
            content_type: "text/html".to_owned(),
            body: b"<html><body><h1>Welcome</h1></body></html>".to_vec(),
        }
    }

    /// A status without a body, without a content type, and without a header of the service's.
    pub fn bare(status: u16) -> Self {
        Self::Status { status, content_type: String::new(), body: Vec::new() }
    }

    /// 429 without a body, as a gateway in between gives it.
    pub fn too_many_requests() -> Self {
        Self::Status { status: 429, content_type: "text/plain".to_owned(), body: Vec::new() }
    }

    /// Whether it is about the data of a request, so that one without any is answered all the same.
    pub(crate) fn is_about_data(&self) -> bool {
        !matches!(
            self,
            Self::Hang
                | Self::StallAfterHeaders
                | Self::Reset
                | Self::Garbage(_)
                | Self::CutShort
                | Self::Endless(_)
        )
    }

    /// [`Answer::HoldThen`] with this answer.
    pub fn hold_then(answer: Self) -> Self {
        Self::HoldThen(Box::new(answer))
    }

    /// [`Answer::RejectWhere`] with this predicate.
    pub fn reject_where(predicate: impl Fn(&Datum) -> bool + Send + Sync + 'static) -> Self {
        Self::RejectWhere(Arc::new(predicate))
    }
}
