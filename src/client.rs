//! An agent that runs, asked through its API.

mod open;
mod pinned;
#[cfg(test)]
pub mod tests;
mod trust;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

use self::open::Open;
use self::trust::{Distrust, Trust};
use crate::api::{TOO_MANY_CONNECTIONS, TokenFile, X_AGENT};
use crate::blocking::{self, Purpose};
use crate::config::cli::variable;
use crate::config::{API_TLS_CERT, API_TOKEN, AgentApi, ApiAddress};
use crate::exchange::Connection;
use crate::model::Secret;
use crate::shown::shown;

/// An agent that answers requests.
#[derive(Clone)]
pub struct Client {
    pub address: ApiAddress,
    /// The file of its certificate, where it answers with TLS.
    certificate: Option<PathBuf>,
    token: Option<Secret>,
    /// Where the token comes from, for people.
    token_origin: String,
    trust: Trust,
    /// The connection of the last request. One that is not made with TLS was greeted, where there is a token.
    kept: Rc<RefCell<Option<(Open, Instant)>>>,
}

/// What an agent has answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
    /// Whether it shows that it is an agent's.
    pub is_marked: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Unanswered {
    /// A sentence.
    pub text: String,
    /// Whether nothing listens there.
    pub is_nobody: bool,
}

impl Answer {
    /// The body; null where it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Client {
    /// Reads the file of the tokens, where there is one. The first of them is sent.
    pub async fn new(api: AgentApi) -> Result<Self, String> {
        let AgentApi { address, certificate, token, token_file } = api;
        let token_origin = match &token_file {
            Some(path) => shown(&path.display().to_string()),
            None => variable(API_TOKEN),
        };
        let token = match token_file {
            Some(path) => first_token(path).await?,
            None => token,
        };
        Ok(Self { token_origin, ..Self::of(address, certificate, token) })
    }

    /// One that sends no token.
    pub fn without_token(AgentApi { address, certificate, .. }: AgentApi) -> Self {
        Self::of(address, certificate, None)
    }

    fn of(address: ApiAddress, certificate: Option<PathBuf>, token: Option<Secret>) -> Self {
        let token_origin = String::new();
        Self {
            address,
            certificate,
            token,
            token_origin,
            trust: Trust::default(),
            kept: Rc::default(),
        }
    }

    pub async fn get(&self, path: &str) -> Result<Answer, Unanswered> {
        self.send(&Method::GET, path, None, PATIENCE).await
    }

    /// The answer to a request, which is waited for so long.
    pub async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Answer, Unanswered> {
        let ask = async {
            let (open, response) = self.ask(self.request(method, path, body, &[])?).await?;
            let status = response.status();
            let is_marked = response.headers().contains_key(X_AGENT);
            if status.is_success() {
                self.trust.take(response.headers());
            }
            let body = Limited::new(response.into_body(), LARGEST).collect().await;
            let body = body.map_err(io::Error::other)?.to_bytes();
            // What has failed is not kept.
            self.kept.replace(Some((open, Instant::now())));
            Ok(Answer { status, body, is_marked })
        };
        match timeout(patience, ask).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.unanswered(&error)),
            // What has come as far as the agent may be done.
            Err(_) => {
                let doubt =
                    if *method == Method::GET { "" } else { "; it may be done all the same" };
                Err(self.too_late(patience, doubt))
            }
        }
    }

    /// Reads an answer that goes on and on, a piece after the other, until it ends or `take` wants no more. One that is
    /// no success is returned whole.
    pub async fn follow(
        &self,
        path: &str,
        headers: &[(HeaderName, String)],
        mut take: impl AsyncFnMut(&[u8]) -> bool,
    ) -> Result<Option<Answer>, Unanswered> {
        let has_begun = Cell::new(false);
        let asking = async {
            let request = self.request(&Method::GET, path, None, headers)?;
            // The connection is closed after it.
            let (_open, response) = self.ask(request).await?;
            has_begun.set(true);
            let status = response.status();
            let is_marked = response.headers().contains_key(X_AGENT);
            let mut body = response.into_body();
            let mut refusal = Vec::new();
            loop {
                let piece = timeout(SILENCE, body.frame()).await;
                let piece = piece.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
                // An agent that stops may not come to say that it was all.
                let Some(Ok(piece)) = piece else { break };
                let Ok(data) = piece.into_data() else { continue };
                if status == StatusCode::OK {
                    if !take(&data).await {
                        return Ok(None);
                    }
                } else if refusal.len() + data.len() <= LARGEST {
                    refusal.extend_from_slice(&data);
                }
            }
            Ok((status != StatusCode::OK).then(|| Answer {
                status,
                body: refusal.into(),
                is_marked,
            }))
        };
        tokio::pin!(asking);
        let answer = match timeout(PATIENCE, &mut asking).await {
            Ok(answer) => answer,
            Err(_) if has_begun.get() => asking.await,
            Err(_) => return Err(self.too_late(PATIENCE, "")),
        };
        answer.map_err(|error| self.unanswered(&error))
    }

    /// The answer to a request, over the connection of the one before, or a new one where there is none.
    async fn ask(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> io::Result<(Open, Response<Incoming>)> {
        let kept = self.kept.take().filter(|(_, since)| since.elapsed() < KEPT);
        if let Some((mut open, _)) = kept {
            match open.ask_again(request).await {
                Ok(response) => return Ok((open, response)),
                Err(unsent) => request = unsent?,
            }
        }
        let mut open = Open::over(self.connect().await?).await?;
        // Who answers may be another one than before. With TLS the certificate says it.
        if self.token.is_some() && self.certificate.is_none() {
            let mut greeting = Request::builder().method(Method::HEAD).uri("/");
            if let Some(host) = request.headers().get(HOST) {
                greeting = greeting.header(HOST, host);
            }
            let greeting = greeting.body(Full::default()).map_err(io::Error::other)?;
            self.trust.meet(&open.ask(greeting).await?)?;
        }
        let response = open.ask(request).await?;
        Ok((open, response))
    }

    async fn connect(&self) -> io::Result<Box<dyn Connection>> {
        Ok(match &self.address {
            ApiAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
            ApiAddress::Tcp(address) => {
                let address = reachable(*address);
                let socket = TcpStream::connect(address).await?;
                match &self.certificate {
                    Some(file) => pinned::secured(socket, address, file).await?,
                    None => Box::new(socket),
                }
            }
        })
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(HeaderName, String)],
    ) -> io::Result<Request<Full<Bytes>>> {
        let host = match &self.address {
            ApiAddress::Unix(_) => "localhost".to_owned(),
            ApiAddress::Tcp(address) => reachable(*address).to_string(),
        };
        let mut request = Request::builder().method(method.clone()).uri(path).header(HOST, host);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, ["Bearer ", &token.0].concat());
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                body.to_string().into()
            }
            None => Bytes::new(),
        };
        request.body(Full::new(bytes)).map_err(io::Error::other)
    }

    fn too_late(&self, patience: Duration, doubt: &str) -> Unanswered {
        let address = &self.address;
        let text = format!("the agent at {address} has not answered for {patience:?}{doubt}");
        Unanswered { text, is_nobody: false }
    }

    fn unanswered(&self, error: &io::Error) -> Unanswered {
        let address = &self.address;
        if let Some(why) = error.get_ref().and_then(|of| of.downcast_ref::<Distrust>()) {
            let text = match why {
                Distrust::Unmarked(status) => self.unmarked(*status, ", and has not got the token"),
                Distrust::Full => {
                    format!("the agent at {address} answered 503: {TOO_MANY_CONNECTIONS}")
                }
                Distrust::Other => format!(
                    "another agent answers at {address} than before, and has not got the token: start this command again where it is the right one"
                ),
            };
            return Unanswered { text, is_nobody: false };
        }
        let kind = error.kind();
        let is_nobody = matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
        let text = match kind {
            _ if is_nobody => {
                format!(
                    "no agent answers at {address}: start the agent, or name the address that it has in --api"
                )
            }
            io::ErrorKind::PermissionDenied => format!(
                "the API at {address} cannot be opened: {error}; run this as the user that the agent has"
            ),
            io::ErrorKind::TimedOut => {
                format!("the agent at {address} has sent nothing for {SILENCE:?}")
            }
            _ => {
                let cause = shown(&chain(error));
                let cure = match &self.certificate {
                    _ if matches!(self.address, ApiAddress::Unix(_)) => String::new(),
                    Some(_) => format!(
                        "; --{API_TLS_CERT} has to name the certificate that the agent has, and is not for one without TLS"
                    ),
                    None => format!(
                        "; where the agent answers with TLS, name its certificate with --{API_TLS_CERT}"
                    ),
                };
                format!("the agent at {address} cannot be asked: {cause}{cure}")
            }
        };
        Unanswered { text, is_nobody }
    }

    /// What an answer says that is not the one that was wanted.
    pub fn refusal(&self, answer: &Answer) -> String {
        let address = &self.address;
        match answer.status {
            StatusCode::UNAUTHORIZED if self.token.is_none() => format!(
                "the agent at {address} wants a token: set {} or name a file with --api-token-file",
                variable(API_TOKEN)
            ),
            StatusCode::UNAUTHORIZED => {
                format!("the agent at {address} does not know the token of {}", self.token_origin)
            }
            status => {
                let body = answer.json();
                let message = body["message"].as_str().unwrap_or("it is no agent of this kind");
                format!("the agent at {address} answered {}: {}", status.as_u16(), shown(message))
            }
        }
    }

    /// What is said of an answer that shows nothing of an agent, with what was kept from it.
    pub fn unmarked(&self, status: StatusCode, withheld: &str) -> String {
        format!(
            "what answers at {} does not say that it is an agent ({status}){withheld}: name the address that the agent has in --api",
            self.address
        )
    }

    /// What is said of an answer without something that each agent's has.
    pub fn odd(&self, field: &str) -> String {
        format!("the answer of the agent at {} has no valid field {field}", self.address)
    }
}

/// An address that means each of this machine is asked at the one that it always has.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// An error with its cause, which says more: hyper's own is only where it came to an end.
fn chain(error: &io::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.get_ref().and_then(|inner| inner.source());
    while let Some(of) = cause {
        text = format!("{text}: {of}");
        cause = of.source();
    }
    text
}

/// The first token of a file.
async fn first_token(path: PathBuf) -> Result<Option<Secret>, String> {
    let read = blocking::call(Purpose::Files, move || TokenFile::read(&path));
    let file = read.await.map_err(|refused| refused.to_string())??;
    Ok(file.tokens.into_iter().next().map(|(token, _)| token))
}

/// A name as a part of a path or a value behind it.
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

/// How long a connection without a request is used again. The agent closes it after ten seconds.
const KEPT: Duration = Duration::from_secs(8);

/// An agent answers in far less, also one that is busy.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A stream has a comment each 15 s where there is nothing else.
const SILENCE: Duration = Duration::from_secs(60);

/// A page of points has some 200 kB, and no answer more than 4 MB.
const LARGEST: usize = 8 << 20;
