//! An answer, and how it goes over the wire.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderMap, HeaderName, HeaderValue, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::Value;

use super::failure::Failure;
use super::stream::{Sent, Streamed};

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    /// Nothing with a status that has no body.
    pub body: Option<String>,
    /// What is in its place, compressed already.
    pub packed: Option<&'static [u8]>,
    /// What comes in its place as long as somebody reads it.
    pub stream: Option<Streamed>,
    pub content_type: &'static str,
    /// Further ones.
    pub headers: Vec<(HeaderName, String)>,
}

impl Reply {
    pub fn json(value: &Value) -> Self {
        Self::of(StatusCode::OK, value.to_string(), JSON)
    }

    pub fn text(body: String, content_type: &'static str) -> Self {
        Self::of(StatusCode::OK, body, content_type)
    }

    /// Something was made, which is at this path. Clients read its id from there.
    pub fn created(location: String, id: &str, object: &Value) -> Self {
        let reply = Self::of(StatusCode::CREATED, object.to_string(), JSON);
        reply.with(LOCATION, location).with(X_OBJECT_ID, id.to_owned())
    }

    /// What was asked for is done, and there is nothing to say.
    pub fn done() -> Self {
        let status = StatusCode::NO_CONTENT;
        Self { status, body: None, ..Self::of(status, String::new(), JSON) }
    }

    /// Server-sent events, without an end.
    pub fn stream(stream: Streamed) -> Self {
        let stream = Some(stream);
        Self { body: None, stream, ..Self::text(String::new(), EVENT_STREAM) }
    }

    /// What is compressed already, once and for all.
    pub fn packed(packed: &'static [u8], content_type: &'static str) -> Self {
        Self { packed: Some(packed), ..Self::text(String::new(), content_type) }
    }

    pub fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn of(status: StatusCode, body: String, content_type: &'static str) -> Self {
        let (packed, stream, headers) = (None, None, Vec::new());
        Self { status, body: Some(body), packed, stream, content_type, headers }
    }
}

const X_OBJECT_ID: HeaderName = HeaderName::from_static("x-object-id");

/// Exactly this: an existing client reads nothing else as an object.
pub const JSON: &str = "application/json";

/// Server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream";

/// What is sent: an answer, or why there is none.
pub fn response(
    answer: Result<Reply, Failure>,
    accepts_gzip: bool,
    closes: bool,
) -> Response<Sent> {
    let length = |reply: &Reply| reply.body.as_ref().map_or(0, String::len);
    let answer = answer.and_then(|reply| match length(&reply) {
        0..=LARGEST => Ok(reply),
        length => Err(Failure::too_large(format!(
            "the answer has {length} bytes, and {LARGEST} are the most"
        ))),
    });
    let reply = answer.unwrap_or_else(|failure| {
        let reply = Reply::of(failure.status, failure.body(), JSON);
        Reply { headers: failure.header.into_iter().collect(), ..reply }
    });
    let mut headers = HeaderMap::new();
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    let has_body = reply.body.is_some();
    let mut body = reply.body.unwrap_or_default().into_bytes();
    let mut whole = None;
    if has_body || reply.stream.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let packed = reply.packed.filter(|_| accepts_gzip);
    if let Some(packed) = reply.packed.filter(|_| !accepts_gzip) {
        body = unpacked(packed);
    }
    if packed.is_some() || body.len() >= WORTH_COMPRESSING {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        let compressed = || accepts_gzip.then(|| gzip(&body)).flatten().map(Bytes::from);
        if let Some(compressed) = packed.map(Bytes::from_static).or_else(compressed) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            whole = Some(compressed);
        }
    }
    let whole = whole.unwrap_or_else(|| body.into());
    // Also for HEAD, which has no body; a stream has no length, and a status without a body has no length either (RFC 9110, 8.6).
    if has_body {
        headers.insert(CONTENT_LENGTH, whole.len().into());
    }
    if closes {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let whole = || Sent::Whole(Full::new(whole));
    let mut response = Response::new(reply.stream.map_or_else(whole, Sent::Stream));
    (*response.status_mut(), *response.headers_mut()) = (reply.status, headers);
    response
}

/// Whether a client takes an answer that is compressed (RFC 9110, 12.5.3).
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings = texts.flat_map(|text| text.split(',')).map(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=").map(str::trim);
        let is_wanted = weight.and_then(|weight| weight.parse().ok()) != Some(0.0);
        (name.trim().to_ascii_lowercase(), is_wanted)
    });
    let codings: Vec<_> = codings.collect();
    let of = |wanted: &[&str]| {
        let found = codings.iter().find(|(name, _)| wanted.contains(&&**name));
        found.map(|(_, is_wanted)| *is_wanted)
    };
    of(&["gzip", "x-gzip"]).or_else(|| of(&["*"])).unwrap_or(false)
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// For the few clients that take nothing compressed.
fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    // It was packed by the build, and can be unpacked.
    let _ = GzDecoder::new(packed).read_to_end(&mut body);
    body
}

/// Below this a packet is sent all the same.
const WORTH_COMPRESSING: usize = 1400;

/// The most memory that one answer takes; compressing it holds up the one thread for some 50 ms. A list that
/// is larger has pages, and all else is refused.
const LARGEST: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_that_accept_it() {
        let accepts = |texts: &[&str]| {
            let values = texts.iter().map(|text| text.parse().expect("a value"));
            accepts_gzip(&values.map(|value| (ACCEPT_ENCODING, value)).collect())
        };
        for texts in [&["gzip"][..], &["gzip,deflate"], &["br", "GZIP;q=0.5"], &["*"], &["x-gzip"]]
        {
            assert!(accepts(texts), "{texts:?}");
        }
        for texts in [&[][..], &["identity"], &["gzip;q=0"], &["*;q=1, gzip; q=0.0"], &["deflate"]]
        {
            assert!(!accepts(texts), "{texts:?}");
        }
    }

    #[test]
    fn only_what_is_large_is_compressed() {
        let of = |length, gzip| {
            let reply = Reply::text("x".repeat(length), JSON);
            let response = response(Ok(reply), gzip, false);
            let length = response.headers()[CONTENT_LENGTH].to_str().expect("a number").to_owned();
            (response.headers().contains_key(CONTENT_ENCODING), length)
        };
        assert_eq!(of(1399, true), (false, "1399".to_owned()));
        assert_eq!(of(1400, false), (false, "1400".to_owned()));
        let (is_compressed, length) = of(1400, true);
        assert!(is_compressed && length.len() == 2, "{length}");
    }

    #[test]
    fn an_answer_that_is_too_large_is_refused() {
        let reply = Reply::text("x".repeat(LARGEST + 1), JSON);
        assert_eq!(response(Ok(reply), false, false).status(), 413);
    }
}
