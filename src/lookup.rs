//! Looks up the addresses of a host in a helper thread: the C library's lookup blocks.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

use tokio::sync::Semaphore;

use crate::blocking::{self, Purpose, Refused};

/// The addresses of a host. An address itself and `localhost` (RFC 6761) take no lookup.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, LookupError> {
    addresses_holding(host, ()).await
}

/// The same, keeping something for as long as the lookup takes, also where nobody waits for it any more.
async fn addresses_holding(
    host: &str,
    held: impl Send + 'static,
) -> Result<Vec<IpAddr>, LookupError> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let name = host.to_owned();
    let look_up = move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        // What is held goes back with the result: by then the thread no longer counts.
        (found.map(|found| found.map(|address| address.ip()).collect()), held)
    };
    let found = blocking::call(Purpose::NameLookup, look_up).await.map(|(found, _)| found);
    let not_found = |error| LookupError::NotFound(host.to_owned(), error);
    found.map_err(LookupError::Refused)?.map_err(not_found)
}

/// The same for checks, of which many may ask at once: they wait until it is their turn, and leave threads
/// for the publishers.
pub async fn addresses_in_turn(host: &str) -> Result<Vec<IpAddr>, LookupError> {
    static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
    // The semaphore is never closed.
    let turn = TURNS.acquire().await.ok();
    addresses_holding(host, turn).await
}

/// How many lookups of checks are under way at once, of the threads that there are for lookups.
const AT_ONCE: usize = 2;

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
