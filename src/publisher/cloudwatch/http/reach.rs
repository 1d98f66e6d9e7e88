//! Connections to a server: its address, a proxy where one is to be used, and TLS.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::dial::race;
use crate::exchange::{Connection, read_some, write_all};
use crate::lookup::{self, LookupError};

/// How servers are reached.
#[derive(Debug)]
pub struct Reach {
    pub tls: Arc<ClientConfig>,
    /// Which servers are behind a proxy; nothing where there is none.
    pub proxy: Option<Matcher>,
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
        let (scheme, usual) = if self.has_tls { ("https", ":443") } else { ("http", ":80") };
        let authority = self.authority();
        write!(f, "{scheme}://{}", authority.strip_suffix(usual).unwrap_or(&authority))
    }
}

impl Reach {
    pub async fn connect(&self, server: &Server) -> Result<Box<dyn Connection>, Unreached> {
        let proxy = self.proxy_of(server);
        let connection: Box<dyn Connection> = match &proxy {
            Some((proxy, through)) => {
                let of_proxy = |error| Unreached::Proxy(Box::new(error));
                let mut to_proxy = self.plain_or_tls(proxy).await.map_err(of_proxy)?;
                tunnel(&mut *to_proxy, &server.authority(), through.basic_auth()).await?;
                to_proxy
            }
            None => Box::new(dial(server).await?),
        };
        match server.has_tls {
            true => self.secured(connection, &server.host).await,
            false => Ok(connection),
        }
    }

    async fn plain_or_tls(&self, server: &Server) -> Result<Box<dyn Connection>, Unreached> {
        let connection = Box::new(dial(server).await?);
        match server.has_tls {
            true => self.secured(connection, &server.host).await,
            false => Ok(connection),
        }
    }

    async fn secured(
        &self,
        connection: Box<dyn Connection>,
        host: &str,
    ) -> Result<Box<dyn Connection>, Unreached> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| Unreached::Tls(io::Error::other(error)))?;
        let secured = TlsConnector::from(self.tls.clone()).connect(name, connection).await;
        Ok(Box::new(secured.map_err(Unreached::Tls)?))
    }

    /// The proxy that is before a server.
    fn proxy_of(&self, server: &Server) -> Option<(Server, Intercept)> {
        let through = self.proxy.as_ref()?.intercept(&server.to_string().parse().ok()?)?;
        Some((Server::of(through.uri())?, through))
    }
}

async fn dial(server: &Server) -> Result<TcpStream, Unreached> {
    let found = lookup::addresses(&server.host).await.map_err(Unreached::Lookup)?;
    let addresses = found.into_iter().map(|address| SocketAddr::new(address, server.port));
    let connected = race(addresses.collect()).await.map_err(|error| match error {
        Some((_, error)) => Unreached::Tcp(error),
        None => Unreached::Tcp(io::Error::other("the name has no address")),
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
    let (mut answer, mut length) = ([0; LONGEST_ANSWER], 0);
    while !answer[..length].ends_with(b"\r\n\r\n") {
        // A byte at a time from here on: what follows the answer is the server's.
        let room = answer.get_mut(length..=length);
        let room = room.ok_or_else(|| Unreached::Tunnel("the answer is too long".to_owned()))?;
        length += match read_some(proxy, room).await.map_err(broken)? {
            0 => return Err(Unreached::Tunnel("the proxy closed the connection".to_owned())),
            read => read,
        };
    }
    let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..)).unwrap_or_default();
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
    /// Nothing of that within this time.
    Late(Duration),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(_) => f.write_str("dns error"),
            Self::Tcp(_) => f.write_str("no connection"),
            Self::Tls(_) => f.write_str("no TLS"),
            Self::Proxy(_) => f.write_str("the proxy cannot be reached"),
            Self::Tunnel(why) => write!(f, "tunnel error: {why}"),
            Self::Late(within) => write!(f, "no connection within {within:?}"),
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

/// Of a proxy's answer to CONNECT.
const LONGEST_ANSWER: usize = 8192;
