//! Connections to a server: its address, a proxy where one is to be used, and TLS.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::Intercept;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::{CONNECT_TIMEOUT, Proxy};
use crate::dial::race;
use crate::exchange::{Connection, read_some, write_all};
use crate::lookup::{self, LookupError};

/// How servers are reached.
#[derive(Debug)]
pub struct Reach {
    pub tls: Arc<ClientConfig>,
    /// Which servers are behind a proxy; nothing where there is none.
    pub proxy: Option<Proxy>,
}

/// A server of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    has_tls: bool,
    /// A name or an address, without brackets.
    host: String,
    port: u16,
}

impl Server {
    /// The server that a URL names.
    pub fn of(url: &Uri) -> Option<Self> {
        let has_tls = url.scheme_str()? == "https";
        let host = url.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_u16().unwrap_or(if has_tls { 443 } else { 80 });
        Some(Self { has_tls, host, port })
    }

    /// As the header `Host` has it, of which signatures are made: without the port that the scheme has anyway.
    pub fn in_header(&self) -> String {
        let usual = if self.has_tls { ":443" } else { ":80" };
        let authority = self.authority();
        authority.strip_suffix(usual).map(str::to_owned).unwrap_or(authority)
    }

    /// Host and port, as they stand in a URL.
    fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Scheme, host and port; nothing that may be a secret.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.has_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.in_header())
    }
}

impl Reach {
    /// Connects to a server, or by `end` tells what has not answered.
    pub async fn connect(
        &self,
        server: &Server,
        end: Instant,
    ) -> Result<Box<dyn Connection>, Unreached> {
        let Some((proxy, through)) = self.proxy_of(server) else {
            return self.directly(server, end).await;
        };
        let of_proxy = |error| Unreached::Proxy(Box::new(error));
        let mut to_proxy = self.directly(&proxy, end).await.map_err(of_proxy)?;
        let authority = server.authority();
        let tunnel = tunnel(&mut *to_proxy, &authority, through.basic_auth());
        timeout_at(end, tunnel).await.map_err(|_| Unreached::Late(Step::Tunnel))??;
        self.secured(to_proxy, server, end).await
    }

    async fn directly(
        &self,
        server: &Server,
        end: Instant,
    ) -> Result<Box<dyn Connection>, Unreached> {
        let connection = Box::new(dial(server, end).await?);
        self.secured(connection, server, end).await
    }

    /// With TLS, where the server has that.
    async fn secured(
        &self,
        connection: Box<dyn Connection>,
        server: &Server,
        end: Instant,
    ) -> Result<Box<dyn Connection>, Unreached> {
        if !server.has_tls {
            return Ok(connection);
        }
        let name = ServerName::try_from(server.host.clone());
        let name = name.map_err(|error| Unreached::Tls(io::Error::other(error)))?;
        let secured = TlsConnector::from(self.tls.clone()).connect(name, connection);
        let secured = timeout_at(end, secured).await.map_err(|_| Unreached::Late(Step::Tls))?;
        Ok(Box::new(secured.map_err(Unreached::Tls)?))
    }

    /// The proxy that is before a server.
    fn proxy_of(&self, server: &Server) -> Option<(Server, Intercept)> {
        let url = server.to_string().parse().ok()?;
        let through = self.proxy.as_ref()?.before(&url, server.port)?;
        Some((Server::of(through.uri())?, through))
    }
}

async fn dial(server: &Server, end: Instant) -> Result<TcpStream, Unreached> {
    let found = timeout_at(end, lookup::addresses(&server.host)).await;
    let found = found.map_err(|_| Unreached::Late(Step::Lookup))?.map_err(Unreached::Lookup)?;
    if found.is_empty() {
        return Err(Unreached::Tcp(io::Error::other("the name has no address")));
    }
    let addresses = found.into_iter().map(|address| SocketAddr::new(address, server.port));
    let connected = race(addresses.collect(), Some(end)).await.map_err(|error| match error {
        Some((_, error)) => Unreached::Tcp(error),
        None => Unreached::Late(Step::Tcp),
    })?;
    // A request is written at once, and nothing is to wait for more.
    connected.set_nodelay(true).map_err(Unreached::Tcp)?;
    Ok(connected)
}

/// Has a proxy connect to a server (RFC 9110, 9.3.6).
async fn tunnel(
    proxy: &mut dyn Connection,
    authority: &str,
    authorization: Option<&HeaderValue>,
) -> Result<(), Unreached> {
    let request = ["CONNECT ", authority, " HTTP/1.1\r\nHost: ", authority, "\r\n"];
    let mut request = request.concat().into_bytes();
    if let Some(authorization) = authorization {
        request.extend(b"Proxy-Authorization: ");
        request.extend(authorization.as_bytes());
        request.extend(b"\r\n");
    }
    request.extend(b"\r\n");
    let broken = |error: io::Error| Unreached::Tunnel(error.to_string());
    write_all(proxy, &request).await.map_err(broken)?;
    let (mut answers, mut begin, mut length) = ([0; LONGEST_ANSWER], 0, 0);
    loop {
        while !answers[begin..length].ends_with(b"\r\n\r\n") {
            // A byte at a time from here on: what follows the answer is the server's.
            let room = answers.get_mut(length..=length);
            let room =
                room.ok_or_else(|| Unreached::Tunnel("the answer is too long".to_owned()))?;
            length += match read_some(proxy, room).await.map_err(broken)? {
                0 => return Err(Unreached::Tunnel("the proxy closed the connection".to_owned())),
                read => read,
            };
        }
        let answer = &answers[begin..length];
        let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..));
        match status.unwrap_or_default() {
            // It is still at work, and the answer follows (RFC 9110, 15.2). A change of the protocol was not asked for.
            [b' ', b'1', tens, ones, b' ' | b'\r', ..] if [*tens, *ones] != *b"01" => {
                begin = length;
            }
            status => return of_status(status),
        }
    }
}

/// What a proxy says by its answer, from behind the version on.
fn of_status(status: &[u8]) -> Result<(), Unreached> {
    match status {
        [b' ', b'2', _, _, b' ' | b'\r', ..] => Ok(()),
        [b' ', b'4', b'0', b'7', ..] => {
            Err(Unreached::Tunnel("proxy authorization required".to_owned()))
        }
        [b' ', status @ ..] if status.len() > 2 => {
            let status = String::from_utf8_lossy(&status[..3]);
            Err(Unreached::Tunnel(format!("the proxy answered {status}")))
        }
        _ => Err(Unreached::Tunnel("the answer is not of HTTP".to_owned())),
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum Unreached {
    Lookup(LookupError),
    Tcp(io::Error),
    Tls(io::Error),
    /// The proxy itself.
    Proxy(Box<Self>),
    /// What the proxy answered, or why it did not.
    Tunnel(String),
    /// This has not ended in time.
    Late(Step),
}

/// What a connection takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Lookup,
    Tcp,
    Tunnel,
    Tls,
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(_) => f.write_str("dns error"),
            Self::Tcp(_) => f.write_str("no connection"),
            Self::Tls(_) => f.write_str("no TLS"),
            Self::Proxy(_) => f.write_str("the proxy cannot be reached"),
            Self::Tunnel(why) => write!(f, "tunnel error: {why}"),
            Self::Late(step) => {
                let what = match step {
                    Step::Lookup => "no answer of the name server",
                    Step::Tcp => "no connection",
                    Step::Tunnel => "no answer of the proxy",
                    Step::Tls => "no end of the TLS handshake",
                };
                write!(f, "{what} within {CONNECT_TIMEOUT:?}")
            }
        }
    }
}

impl Error for Unreached {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Lookup(error) => Some(error),
            Self::Tcp(error) | Self::Tls(error) => Some(error),
            Self::Proxy(error) => Some(error),
            Self::Tunnel(_) | Self::Late(_) => None,
        }
    }
}

/// Of what a proxy answers to CONNECT.
const LONGEST_ANSWER: usize = 8192;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn a_server_has_the_port_of_its_scheme_and_shows_another() {
        for (url, shown, header, authority) in [
            ("https://x.example/a", "https://x.example", "x.example", "x.example:443"),
            ("https://x.example:443/a", "https://x.example", "x.example", "x.example:443"),
            ("http://x.example:443", "http://x.example:443", "x.example:443", "x.example:443"),
            ("http://x.example:80", "http://x.example", "x.example", "x.example:80"),
            (
                "http://user:word@127.0.0.1:8080/x?y=z",
                "http://127.0.0.1:8080",
                "127.0.0.1:8080",
                "127.0.0.1:8080",
            ),
            (
                "http://[fd00:ec2::254]/latest",
                "http://[fd00:ec2::254]",
                "[fd00:ec2::254]",
                "[fd00:ec2::254]:80",
            ),
            ("https://[::1]:4443", "https://[::1]:4443", "[::1]:4443", "[::1]:4443"),
        ] {
            let server = Server::of(&url.parse().expect("a URL")).expect("it has a host");
            let found = (server.to_string(), server.in_header(), server.authority());
            assert_eq!(found, (shown.to_owned(), header.to_owned(), authority.to_owned()), "{url}");
        }
        assert_eq!(Server::of(&"/path".parse().expect("a path")), None);
    }

    /// What comes of CONNECT with this answer, and what is left to read.
    async fn tunneled(answer: &[u8]) -> (Result<(), String>, Vec<u8>) {
        let (mut ours, mut proxy) = tokio::io::duplex(1 << 16);
        proxy.write_all(answer).await.expect("there is room");
        let made = tunnel(&mut ours, "x.example:443", None).await;
        let mut asked = [0; 256];
        let length = proxy.read(&mut asked).await.expect("it was asked");
        assert!(asked[..length].starts_with(b"CONNECT x.example:443 HTTP/1.1\r\n"));
        drop(proxy);
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).await.expect("it is closed");
        (made.map_err(|why| why.to_string()), rest)
    }

    #[tokio::test]
    async fn the_final_answer_of_a_proxy_counts_and_what_follows_is_the_servers() {
        let refused = |why: &str| Err(format!("tunnel error: {why}"));
        let ok = "HTTP/1.1 200 OK\r\n\r\n";
        for (answer, expected) in [
            (ok.to_owned(), Ok(())),
            (format!("HTTP/1.1 100 Continue\r\n\r\n{ok}"), Ok(())),
            (format!("HTTP/1.1 102 Processing\r\nA: b\r\n\r\nHTTP/1.1 103\r\n\r\n{ok}"), Ok(())),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 No\r\n\r\n".to_owned(),
                refused("proxy authorization required"),
            ),
            ("HTTP/1.0 502 Bad Gateway\r\n\r\n".to_owned(), refused("the proxy answered 502")),
            (format!("HTTP/1.1 101 Other\r\n\r\n{ok}"), refused("the proxy answered 101")),
            (format!("SSH-2.0\r\n\r\n{ok}"), refused("the answer is not of HTTP")),
            ("HTTP/1.1 100 Continue\r\n\r\n".repeat(400), refused("the answer is too long")),
        ] {
            let (made, rest) = tunneled(format!("{answer}hello").as_bytes()).await;
            assert_eq!(made, expected, "{answer}");
            if made.is_ok() {
                assert_eq!(rest, b"hello", "{answer}");
            }
        }
    }
}
