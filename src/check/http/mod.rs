//! One HTTP/1.1 request of a check over a connection of its own, with its times. It takes no proxy: a check
//! is to see what it is pointed at.

mod exchange;
mod url;

pub use self::exchange::Exchange;
pub use self::url::Url;

use base64::prelude::{BASE64_STANDARD, Engine};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue,
    TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{HeaderMap, Method, StatusCode};
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;

use super::connect::{Awaited, milliseconds};
use super::tls::Trust;

/// What is asked for.
#[derive(Debug)]
pub struct Asked {
    pub url: Url,
    pub method: Method,
    /// Those of the user. They may be secrets, and go only to the server of `url`.
    pub headers: HeaderMap,
    pub body: Option<String>,
    /// How many redirects are followed.
    pub redirects: usize,
    /// Of certificates.
    pub trust: Trust,
    /// How many bytes of the answer's body are read.
    pub most: usize,
    /// What no text may show that quotes an answer: some servers repeat what they were asked.
    secrets: Vec<String>,
}

impl Asked {
    /// A plain question for what is at a URL.
    pub fn get(url: Url, most: usize) -> Self {
        let (method, headers, body) = (Method::GET, HeaderMap::new(), None);
        let secrets = url.path.split_once('?').map(|(_, query)| query.to_owned());
        let secrets = secrets.into_iter().collect();
        Self { url, method, headers, body, redirects: 0, trust: Trust::Verified, most, secrets }
    }

    /// A text from the server without what was sent to it in confidence.
    pub fn hide(&self, text: &str) -> String {
        let secrets = self.secrets.iter().filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// Adds a user and a password.
    pub fn log_in(&mut self, user: Option<&str>, password: Option<&str>) {
        if user.is_none() && password.is_none() {
            return;
        }
        let login = format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default());
        let login = BASE64_STANDARD.encode(login);
        self.secrets.extend([password.unwrap_or_default().to_owned(), login.clone()]);
        let login = format!("Basic {login}");
        if let Ok(mut value) = HeaderValue::from_str(&login) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
    }

    /// Adds a header of the form `Name: value`. The error does not show the value.
    pub fn add_header(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once(':').ok_or(
            "headers: expected each as a name, a colon and its value, such as Accept: text/html",
        )?;
        let name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| format!("headers: {:?} is not a valid header name", name.trim()))?;
        if name == HOST && self.headers.contains_key(HOST) {
            return Err("headers: expected Host once".to_owned());
        }
        if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            return Err(format!("headers: the agent sets {name}: remove it"));
        }
        let mut value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| {
            format!("headers: the value of {name} has a character that it may not have")
        })?;
        value.set_sensitive(true);
        self.secrets.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
        self.headers.append(name, value);
        Ok(())
    }
}

/// What came.
#[derive(Debug)]
pub struct Answer {
    /// Where it came from, after redirects.
    pub url: Url,
    pub status: StatusCode,
    pub content_type: String,
    /// How many bytes of the body were read, and whether there were more.
    pub length: usize,
    pub is_cut: bool,
    /// The certificate of the server, if it has one.
    pub certificate: Option<CertificateDer<'static>>,
    pub times: Times,
}

/// Milliseconds: of the last request until it was connected and until the first byte came, and of all
/// requests.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub connect: f64,
    pub first_byte: f64,
    pub all: f64,
}

impl Answer {
    /// Status and reason, such as `404 Not Found`.
    pub fn status_in_words(&self) -> String {
        in_words(self.status)
    }

    /// The error where a page was asked for and something else came.
    pub fn require_success(&self) -> Result<(), String> {
        let cure = match self.status.as_u16() {
            200..=299 => return Ok(()),
            300..=399 => "set url to where it leads",
            401 | 403 => "set a user and password with access, or allow this host",
            404 => "correct url",
            _ => "see its log",
        };
        Err(format!("{} answers {}: {cure}", self.url, self.status_in_words()))
    }

    /// What it was, for an explanation.
    pub fn in_words(&self) -> String {
        let Self { content_type, length, is_cut, .. } = self;
        let cut = if *is_cut { ", and there are more" } else { "" };
        format!("{}, {content_type:?}, {length} bytes read{cut}", self.status_in_words())
    }
}

/// Whether more of a body is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    More,
    NoMore,
}

/// Asks, follows redirects, and gives the body of the last answer piece by piece. The error is a sentence.
pub async fn fetch(
    asked: &Asked,
    awaited: &Awaited,
    take: &mut dyn FnMut(&[u8]) -> Wanted,
) -> Result<Answer, String> {
    let start = Instant::now();
    let (mut url, mut method) = (asked.url.clone(), asked.method.clone());
    let mut body = asked.body.clone();
    for followed in 0..=asked.redirects {
        let behind = |error| match followed {
            0 => error,
            _ => format!("redirected to {url}: {error}"),
        };
        let headers = headers(asked, &url);
        let sent = body.clone().unwrap_or_default();
        let exchange = Exchange { url: &url, method: &method, headers, body: sent, asked };
        let answered = Box::pin(exchange.begin(awaited)).await.map_err(behind)?;
        let next = match answered.redirect() {
            Some(location) if asked.redirects > 0 => url.join(&location).map_err(behind)?,
            _ => {
                let mut answer = Box::pin(answered.finish(awaited, take)).await.map_err(behind)?;
                answer.times.all = milliseconds(start, Instant::now());
                return Ok(answer);
            }
        };
        if answered.becomes_get(&method) {
            method = if method == Method::HEAD { Method::HEAD } else { Method::GET };
            body = None;
        } else if body.is_some() && !asked.url.shares_secrets_with(&next) {
            return Err(format!(
                "redirect to another server ({next}): the body is not sent there; set url to it"
            ));
        }
        url = next;
    }
    let most = asked.redirects;
    Err(format!("more than {most} redirects, the last to {url}: set url to the final page"))
}

/// Asks without following a redirect, and waits for the head of the answer only.
pub async fn status(asked: &Asked, awaited: &Awaited) -> Result<StatusCode, String> {
    let Asked { url, method, .. } = asked;
    let (headers, body) = (headers(asked, url), asked.body.clone().unwrap_or_default());
    let exchange = Exchange { url, method, headers, body, asked };
    let answered = Box::pin(exchange.begin(awaited)).await?;
    Ok(answered.status())
}

/// Status and reason, such as `404 Not Found`.
pub fn in_words(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_str()),
        None => status.as_str().to_owned(),
    }
}

/// The headers of a request to a server.
fn headers(asked: &Asked, url: &Url) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if asked.url.shares_secrets_with(url) {
        headers.clone_from(&asked.headers);
    }
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    if let Ok(host) = HeaderValue::from_str(&url.authority()) {
        headers.entry(HOST).or_insert(host);
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers
}

const AGENT: &str = concat!("cloudwatch_metrics_agent/", env!("CARGO_PKG_VERSION"));
