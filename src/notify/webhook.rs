//! A webhook: the event as JSON, with a signature where there is a secret.

use std::time::Duration;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use ring::hmac;
use tokio::time::timeout;

use crate::check::connect::Awaited;
use crate::check::http::{Asked, Url, in_words, status};
use crate::notification::Notification;

/// Sends a body once. It follows no redirect, and connects to no link-local address.
pub async fn send(to: &Notification, body: String) -> Result<(), String> {
    let url = Url::parse(to.details.text("url").unwrap_or_default())?;
    let (server, path) = (url.authority(), url.path.clone());
    let mut asked = Asked::get(url, 0);
    asked.method = Method::POST;
    asked.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(secret) = to.details.secret("secret")
        && let Ok(value) = HeaderValue::try_from(signature(secret, &body))
    {
        asked.headers.insert(SIGNATURE, value);
    }
    asked.body = Some(body);
    let awaited = Awaited::default();
    // Its body may take a while, and has no meaning.
    let answer = timeout(LONGEST, status(&asked, &awaited)).await;
    let late = || format!("timed out after {} s", LONGEST.as_secs());
    let waiting = || awaited.get().map(|what| format!(" waiting for {what}")).unwrap_or_default();
    let answer = answer.map_err(|_| late() + &waiting())?;
    // Whoever knows the path may be able to send to it.
    let without_path = |text: String| match path.len() {
        0 | 1 => text,
        _ => text.replace(&path, "/***"),
    };
    let status = in_words(answer.map_err(without_path)?);
    match status.as_bytes().first() {
        Some(b'2') => Ok(()),
        Some(b'3') => Err(format!(
            "{server} answers {status}: no redirect is followed: set url to where it leads"
        )),
        _ => Err(format!("{server} answers {status}: correct url, or see its log")),
    }
}

/// The signature of a body with a secret, as `X-Signature-256` has it.
fn signature(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256={}", digits.collect::<String>())
}

const SIGNATURE: HeaderName = HeaderName::from_static("x-signature-256");

/// How long one try may take.
const LONGEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_rfc() {
        // RFC 4231, 4.3.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", "what do ya want for nothing?"), expected);
    }
}
