//! Looks up the addresses of a host, beside everything else.
//!
//! The C library's lookup blocks, so each runs in a thread of its own. The runtime's own threads are
//! no choice: it panics where the system refuses one, as it may at a limit of processes.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::thread;

use nix::sys::signal::SigSet;
use tokio::sync::{Semaphore, oneshot};

/// The addresses of a host. An address itself and `localhost` (RFC 6761) take no lookup.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, LookupError> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let place = UNDER_WAY.try_acquire().map_err(|_| LookupError::Busy)?;
    let (sender, answer) = oneshot::channel();
    let host = host.to_owned();
    let look_up = move || {
        // Signals are for the one thread that waits for them.
        let _ = SigSet::all().thread_block();
        let found = (host.as_str(), 0).to_socket_addrs();
        drop(place);
        // Nobody may wait for it any more.
        let _ = sender.send(found.map(|found| found.map(|address| address.ip()).collect()));
    };
    thread::Builder::new().stack_size(STACK).spawn(look_up).map_err(LookupError::NoThread)?;
    answer.await.map_err(|_| LookupError::Busy)?.map_err(LookupError::NotFound)
}

/// Why there are no addresses.
#[derive(Debug)]
pub enum LookupError {
    /// The name service says so, or does not answer.
    NotFound(io::Error),
    /// The system gives no thread.
    NoThread(io::Error),
    /// Too many lookups are without an answer.
    Busy,
}

impl LookupError {
    /// Whether nobody was asked, because there was no thread to do it.
    pub fn was_refused(&self) -> bool {
        !matches!(self, Self::NotFound(_))
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(error) => error.fmt(f),
            Self::NoThread(error) => write!(f, "no thread for the name lookup: {error}"),
            Self::Busy => write!(f, "{MOST} name lookups are still without an answer"),
        }
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotFound(error) | Self::NoThread(error) => Some(error),
            Self::Busy => None,
        }
    }
}

/// Those that run. A lookup that nobody waits for any more goes on in its thread until the C
/// library gives it up.
static UNDER_WAY: Semaphore = Semaphore::const_new(MOST);

/// Three attempts of a send may each leave one behind while the name server does not answer. Beyond
/// this a lookup fails at once, and is tried again as after any other failure.
const MOST: usize = 4;

/// musl's lookup needs some 10 kB, and glibc may load a module in it.
const STACK: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_and_localhost_take_no_lookup() {
        let places = UNDER_WAY.available_permits();
        let held = UNDER_WAY.acquire_many(places as u32).await.expect("it is never closed");
        let of = async |host| addresses(host).await.map_err(|error| error.to_string());
        assert_eq!(of("127.0.0.2").await, Ok(vec![Ipv4Addr::new(127, 0, 0, 2).into()]));
        assert_eq!(of("fd00:ec2::23").await.map(|found| found.len()), Ok(1));
        let here = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        assert_eq!(of("LocalHost").await, Ok(here));
        let text = "4 name lookups are still without an answer";
        assert_eq!(of("ip6-localhost").await, Err(text.to_owned()));
        drop(held);
        let unknown = addresses("no such name").await.expect_err("it has blanks");
        assert!(!unknown.was_refused(), "{unknown}");
    }
}
