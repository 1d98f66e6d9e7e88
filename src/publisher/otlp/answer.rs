//! What an answer means.

use std::time::Duration;

use serde_json::Value;

use super::wire::{Field, Reader};
use crate::clock::now_ms;
use crate::publisher::cloudwatch::access::Answer;
use crate::publisher::cloudwatch::dates::{self, HALF_A_SECOND_MS};
use crate::publisher::{Accepted, Failure, PublishError};

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub error: PublishError,
    /// Whether the next attempt may be better.
    pub is_retried: bool,
    /// How long the endpoint has asked to wait.
    pub wait: Option<Duration>,
}

impl Failed {
    /// The next attempt would fail as well.
    pub fn not_retried(error: PublishError) -> Box<Self> {
        Box::new(Self { error, is_retried: false, wait: None })
    }

    /// The next attempt may be better, unless somebody has to do something about it.
    pub fn retried(error: PublishError) -> Box<Self> {
        let is_retried = error.kind == Failure::TryAgain && error.advice.is_none();
        Box::new(Self { error, is_retried, wait: None })
    }
}

/// What a successful answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub accepted: Accepted,
    /// Why points were refused, or a word of warning.
    pub message: String,
}

/// Whether the data of a request were taken.
pub fn meaning(answer: &Answer, is_signed: bool) -> Result<Taken, Box<Failed>> {
    let Answer { status, content_type, body, .. } = answer;
    let message = message(content_type, body);
    // The name of the error stands first. Behind it there may be names of metrics, and anything else.
    let name = message.split([':', ' ']).next().and_then(|word| word.rsplit('#').next());
    let is_named = |begin| name.is_some_and(|name| name.starts_with(begin));
    let text = format!("HTTP {status}{}", behind(&message));
    let error = |kind| PublishError::new(kind, text.clone());
    let misconfigured =
        |advice| Err(Failed::not_retried(error(Failure::Misconfigured).advising(advice)));
    match status {
        200..300 if is_page(content_type, body) => {
            let what = format!("HTTP {status} with {content_type:?}, which is no answer of OTLP");
            let error = PublishError::new(Failure::TryAgain, what);
            Err(Failed::not_retried(error.advising("check for a proxy or login page on the way")))
        }
        200..300 => Ok(taken(content_type, body)),
        400..500 if is_named("Throttl") => Err(again(answer, error(Failure::TryAgain))),
        400..500 if is_named("ExpiredToken") => {
            let error = error(Failure::TryAgain).here();
            Err(Failed::not_retried(error.advising("renew the credentials if nothing else does")))
        }
        401 | 403 if is_signed => misconfigured(
            "add the permission cloudwatch:PutMetricData, and check the credentials and the clock",
        ),
        401 | 403 => misconfigured("check the key in --otlp-header or OTEL_EXPORTER_OTLP_HEADERS"),
        404 | 405 => misconfigured(
            "give the whole URL of the receiver with --otlp-endpoint, such as http://127.0.0.1:4318/v1/metrics",
        ),
        407 => misconfigured("check HTTPS_PROXY and NO_PROXY"),
        415 => misconfigured("use a receiver of OTLP over HTTP with Protocol Buffers"),
        // The specification retries these four. Of others the next period is early enough.
        429 | 502 | 503 | 504 => Err(again(answer, error(Failure::TryAgain))),
        408 | 500.. => Err(Failed::not_retried(error(Failure::TryAgain))),
        // One of the points at least is refused for good: the delivery finds it.
        400 | 413 | 422 => Err(Failed::not_retried(error(Failure::Rejected))),
        // All that is sent is refused, whatever it is.
        400..500 => misconfigured("look at the receiver, which refuses every request"),
        _ => misconfigured("give the URL that it redirects to, if any, with --otlp-endpoint"),
    }
}

fn again(answer: &Answer, error: PublishError) -> Box<Failed> {
    // The date is one of the endpoint's clock, which says its time in whole seconds.
    let now_ms = answer.clock.map_or_else(now_ms, |clock| clock.answered - HALF_A_SECOND_MS);
    let wait = answer.retry_after.as_deref().and_then(|text| wait_of(text.trim(), now_ms));
    Box::new(Failed { wait, ..*Failed::retried(error) })
}

/// What `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3). Nothing where it is neither.
fn wait_of(text: &str, now_ms: i64) -> Option<Duration> {
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(LONGEST_WAIT, Duration::from_secs)
    } else {
        let ms = dates::of_http(text)?.saturating_sub(now_ms);
        // One that is over does not ask to wait.
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    };
    Some(wait.min(LONGEST_WAIT))
}

/// A page of a login or a proxy.
fn is_page(content_type: &str, body: &[u8]) -> bool {
    content_type.contains("html") || body.trim_ascii_start().starts_with(b"<")
}

/// An `ExportMetricsServiceResponse`, whose field 1 has what was refused, and why.
fn taken(content_type: &str, body: &[u8]) -> Taken {
    if content_type.contains("json") {
        return taken_of_json(body).unwrap_or_default();
    }
    let Some(Field::Bytes(partial)) = Reader(body).last(1) else { return Taken::default() };
    let refused = match Reader(partial).last(1) {
        // It is signed.
        Some(Field::Number(refused)) if refused <= i64::MAX.cast_unsigned() => refused,
        _ => 0,
    };
    let message = match Reader(partial).last(2) {
        Some(Field::Bytes(message)) => String::from_utf8_lossy(message).into_owned(),
        _ => String::new(),
    };
    Taken { accepted: Accepted { refused }, message }
}

fn taken_of_json(body: &[u8]) -> Option<Taken> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let partial = json.get("partialSuccess")?;
    let refused = partial.get("rejectedDataPoints");
    // 64 bits are a text in JSON.
    let of_text = |text: &Value| text.as_str().and_then(|text| text.parse().ok());
    let refused = refused.and_then(|of| of.as_u64().or_else(|| of_text(of))).unwrap_or(0);
    let message = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    Some(Taken { accepted: Accepted { refused }, message: message.to_owned() })
}

/// What an answer that is a failure says: the message of a `google.rpc.Status`, of JSON, or its text.
fn message(content_type: &str, body: &[u8]) -> String {
    if content_type.contains("protobuf")
        && let Some(Field::Bytes(message)) = Reader(body).last(2)
    {
        return String::from_utf8_lossy(message).into_owned();
    }
    let json = serde_json::from_slice::<Value>(body).ok();
    if let Some(json) = json {
        let of = |names: &[&str]| names.iter().find_map(|name| json.get(name)?.as_str());
        let kind = of(&["__type", "code"]).unwrap_or_default();
        let text = of(&["message", "Message", "error"]).unwrap_or_default();
        if !kind.is_empty() || !text.is_empty() {
            return [kind, text]
                .into_iter()
                .filter(|of| !of.is_empty())
                .collect::<Vec<_>>()
                .join(": ");
        }
    }
    String::from_utf8_lossy(body).trim().to_owned()
}

fn behind(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// Nothing is waited for longer, whatever the endpoint says: a window may be accepted again.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Exchange;
    use crate::publisher::otlp::wire::Writer;

    fn answer(status: u16, content_type: &str, body: &[u8]) -> Answer {
        Answer {
            status,
            content_type: content_type.to_owned(),
            body: body.to_vec(),
            ..Answer::default()
        }
    }

    fn failed(status: u16, body: &str, is_signed: bool) -> Failed {
        let answer = answer(status, "text/plain", body.as_bytes());
        *meaning(&answer, is_signed).expect_err("a failure")
    }

    #[test]
    fn what_was_refused_in_part_is_read() {
        let mut body = Writer::default();
        body.message(1, |partial| {
            partial.varint(1, 3);
            partial.text(2, "too many labels");
        });
        let expected =
            Taken { accepted: Accepted { refused: 3 }, message: "too many labels".into() };
        let of_protobuf = answer(200, "application/x-protobuf", &body.into_bytes());
        assert_eq!(meaning(&of_protobuf, true), Ok(expected.clone()));
        let json =
            br#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too many labels"}}"#;
        assert_eq!(meaning(&answer(200, "application/json", json), true), Ok(expected));
        for (content_type, body) in [("", &b""[..]), ("application/json", b"{}"), ("", b"\xff")] {
            assert_eq!(meaning(&answer(204, content_type, body), true), Ok(Taken::default()));
        }
        let negative = [0x0a, 11, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(taken("", &negative).accepted.refused, 0);
    }

    #[test]
    fn each_status_has_its_meaning_and_its_cure() {
        for (status, signed, kind, retried, advice) in [
            (400, true, Failure::Rejected, false, None),
            (413, false, Failure::Rejected, false, None),
            (422, false, Failure::Rejected, false, None),
            (403, true, Failure::Misconfigured, false, Some("add the permission")),
            (401, false, Failure::Misconfigured, false, Some("check the key")),
            (410, false, Failure::Misconfigured, false, Some("look at the receiver")),
            (431, true, Failure::Misconfigured, false, Some("look at the receiver")),
            (404, false, Failure::Misconfigured, false, Some("give the whole URL")),
            (429, true, Failure::TryAgain, true, None),
            (502, true, Failure::TryAgain, true, None),
            (503, true, Failure::TryAgain, true, None),
            (504, true, Failure::TryAgain, true, None),
            (500, true, Failure::TryAgain, false, None),
            (301, false, Failure::Misconfigured, false, Some("give the URL")),
        ] {
            let Failed { error, is_retried, .. } = failed(status, "why", signed);
            assert_eq!((error.kind, is_retried), (kind, retried), "{status}");
            assert_eq!(error.causes, format!("HTTP {status}: why"));
            let is_cured = error.advice.zip(advice).is_some_and(|(of, is)| of.starts_with(is));
            assert!(is_cured || (error.advice, advice) == (None, None), "{error}");
        }
        assert!(failed(400, "ThrottlingException", true).is_retried);
        assert!(
            failed(400, "com.amazon.coral#ThrottlingException: Rate exceeded", true).is_retried
        );
        for body in ["RunThrottled has a wrong unit", "CPUThrottling: bad", "no ExpiredToken here"]
        {
            assert_eq!(failed(400, body, true).error.kind, Failure::Rejected, "{body}");
        }
        assert_eq!(failed(403, "ExpiredTokenException: x", true).error.kind, Failure::TryAgain);
    }

    #[test]
    fn the_message_is_found_in_each_form() {
        let mut status = Writer::default();
        status.varint(1, 3);
        status.text(2, "bad point");
        let status = status.into_bytes();
        for (content_type, body) in [
            ("application/x-protobuf", &status[..]),
            ("application/json", br#"{"code":3,"message":"bad point"}"#),
            ("text/plain", b" bad point\n"),
        ] {
            assert_eq!(message(content_type, body), "bad point");
        }
        let aws = br#"{"__type":"AccessDeniedException","Message":"no"}"#;
        assert_eq!(message("application/json", aws), "AccessDeniedException: no");
    }

    #[test]
    fn a_date_is_waited_for_by_the_clock_of_the_endpoint() {
        // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
        let now_ms = 784_111_777_000;
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:59:36 GMT", Some(599)),
            ("Sun, 06 Nov 1994 08:59:38 GMT", Some(600)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(600)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(600)),
            ("", None),
            ("-3", None),
            ("3.5", None),
            ("1994-11-06T08:49:40Z", None),
            ("Sun, 06 Nov 1994 08:49:40", None),
            ("Sun, 36 Nov 1994 08:49:40 GMT", None),
            ("Sun, 06 Nov 1994 08:49:40 GMT, or later", None),
        ] {
            assert_eq!(wait_of(text, now_ms), seconds.map(Duration::from_secs), "{text:?}");
        }
        // A machine whose clock is a day behind waits as long as one whose is right.
        let at = now_ms + HALF_A_SECOND_MS;
        let clock = Exchange { sent: 0, received: at, answered: at, back: 0 };
        let retry_after = Some("Sun, 06 Nov 1994 08:49:42 GMT".into());
        let answer = Answer { retry_after, clock: Some(clock), ..answer(503, "", b"") };
        let failed = meaning(&answer, false).expect_err("a limit");
        assert_eq!((failed.wait, failed.is_retried), (Some(Duration::from_secs(5)), true));
    }

    #[test]
    fn a_page_is_no_answer_and_a_wait_has_an_end() {
        let page = meaning(&answer(200, "text/html", b"<html>"), false).expect_err("a page");
        assert_eq!(page.error.kind, Failure::TryAgain);
        for (text, wait) in [("7", Some(7)), ("86400", Some(600)), ("soon", None)] {
            let answer = Answer { retry_after: Some(text.into()), ..answer(429, "", b"") };
            let failed = meaning(&answer, true).expect_err("a limit");
            assert_eq!(failed.wait, wait.map(Duration::from_secs));
        }
    }
}
