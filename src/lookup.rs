//! Looks up the addresses of a host in a helper thread: the C library's lookup blocks.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

use crate::blocking::{self, Purpose, Refused};

/// The addresses of a host. An address itself and `localhost` (RFC 6761) take no lookup.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, LookupError> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let name = host.to_owned();
    let look_up = move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        found.map(|found| found.map(|address| address.ip()).collect())
    };
    let found = blocking::call(Purpose::NameLookup, look_up).await;
    let not_found = |error| LookupError::NotFound(host.to_owned(), error);
    found.map_err(LookupError::Refused)?.map_err(not_found)
}

/// Why there are no addresses.
#[derive(Debug)]
pub enum LookupError {
    /// The name server does not know this name, or does not answer.
    NotFound(String, io::Error),
    /// Not looked up, because there was no thread for it.
    Refused(Refused),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(host, error) => write!(f, "the name {host}: {error}"),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotFound(_, error) => Some(error),
            Self::Refused(refused) => Some(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_address_and_localhost_take_no_lookup() {
        let at_once = |host| addresses(host).now_or_never().and_then(Result::ok);
        assert_eq!(at_once("127.0.0.2"), Some(vec![Ipv4Addr::new(127, 0, 0, 2).into()]));
        assert_eq!(at_once("fd00:ec2::23").map(|found| found.len()), Some(1));
        let here = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        assert_eq!(at_once("LocalHost"), Some(here));
        assert_eq!(at_once("ip6-localhost"), None);
        let unknown = addresses("no such name").await.expect_err("it has blanks");
        assert!(matches!(unknown, LookupError::NotFound(..)), "{unknown}");
    }
}
