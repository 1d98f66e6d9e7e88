//! An answer that says why there is none.

use std::fmt::Display;

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::schedule::{Refused, Unanswered, Undone};

/// Why a request is not answered. Clients read all four fields of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: StatusCode,
    /// The `type` of the body.
    pub kind: &'static str,
    pub message: String,
    /// Further facts, for programs.
    pub details: Option<Box<Value>>,
    /// A header that says what to do.
    pub header: Option<(HeaderName, String)>,
}

impl Failure {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), details: None, header: None }
    }

    /// A value that is not what was expected.
    pub fn value(parameter: &str, value: &str, expected: impl Display) -> Self {
        let shown: String = value.chars().take(LONGEST_SHOWN).collect();
        let cut = if shown.len() < value.len() { "…" } else { "" };
        Self::bad(format!("{parameter} {shown:?}{cut}: expected {expected}"))
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "badRequest", message)
    }

    pub fn unauthorized(message: impl Into<String>) -> Self {
        let challenge = format!("Bearer realm={:?}", env!("CARGO_PKG_NAME"));
        let failure = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message);
        Self { header: Some((WWW_AUTHENTICATE, challenge)), ..failure }
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbiddenError", message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFoundError", message)
    }

    /// An entity that is not this one.
    pub fn no_entity(id: &str, own: &str) -> Self {
        let message = format!("entity {id:?} not found: this agent's is {own:?}, or self");
        Self::new(StatusCode::NOT_FOUND, "parentNotFoundError", message)
    }

    /// Another method than these.
    pub fn method(method: &str, allowed: String) -> Self {
        let message = format!("method {method} is not allowed here: use {allowed}");
        let failure = Self::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message);
        Self { header: Some((ALLOW, allowed)), ..failure }
    }

    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "requestTooLargeError", message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internalError", message)
    }

    /// What this system has no source for.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "notImplemented", message)
    }

    /// What may succeed a second later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable", message);
        Self { header: Some((RETRY_AFTER, "1".to_owned())), ..failure }
    }

    /// What was read is wrong, with all that is wrong with it.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalidConfiguration", message)
    }

    /// Too many requests of one sort within a while.
    pub fn rate(message: impl Into<String>, wait_seconds: u64) -> Self {
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "rateLimit", message);
        Self { header: Some((RETRY_AFTER, wait_seconds.to_string())), ..failure }
    }

    /// What is not possible as things are.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// What was changed since who asks has looked at it.
    pub fn precondition(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "preconditionFailed", message)
    }

    /// A request that the HTTP layer has refused with this status.
    pub fn of_http(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::URI_TOO_LONG => {
                "the path of the request is too long: expected less than 16 kB"
            }
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                "the headers of the request are too large: expected less than 16 kB and 100 headers"
            }
            _ => "the request is no valid HTTP/1.1",
        };
        Self::new(status, "badRequest", message)
    }

    /// The same with another type.
    pub fn of_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// The same with further facts.
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(Box::new(details)), ..self }
    }

    /// The body.
    pub fn body(&self) -> String {
        let code = self.status.as_str();
        // A text where there are none, because clients read one.
        let details = self.details.as_deref().cloned().unwrap_or_else(|| "".into());
        json!({ "type": self.kind, "code": code, "message": self.message, "details": details })
            .to_string()
    }
}

impl From<Refused> for Failure {
    fn from(why: Refused) -> Self {
        let text = why.to_string();
        match why {
            Refused::NotFound(_) => Self::not_found(text),
            Refused::Exists(_)
            | Refused::Disabled(_)
            | Refused::NothingBefore
            | Refused::TooManyChecks(_) => Self::conflict(text),
            Refused::Changed(_) => Self::precondition(text),
            Refused::Invalid(_) | Refused::TooManyMetrics { .. } | Refused::TakesNothing(..) => {
                Self::bad(text)
            }
            Refused::Busy(_) => Self::unavailable(text),
        }
    }
}

impl From<Unanswered> for Failure {
    fn from(why: Unanswered) -> Self {
        Self::unavailable(why.to_string())
    }
}

impl From<Undone> for Failure {
    fn from(why: Undone) -> Self {
        match why {
            Undone::Refused(why) => why.into(),
            Undone::Unanswered(why) => why.into(),
        }
    }
}

/// Characters of a value that are repeated; a metric's name may be long.
const LONGEST_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_four_fields_that_clients_read() {
        let body = Failure::value("limit", "0", "a whole number").body();
        let expected = r#"{"code":"400","details":"","message":"limit \"0\": expected a whole number","type":"badRequest"}"#;
        assert_eq!(body, expected);
        let long = Failure::value("points", &"9".repeat(9000), "less");
        assert!(long.message.len() < 300, "{}", long.message);
    }
}
