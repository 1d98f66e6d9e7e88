//! Looks up the addresses of a host in a helper thread: the C library's lookup blocks.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use crate::blocking::{self, Purpose, Refused};

/// The addresses of a host. An address itself and `localhost` (RFC 6761) take no lookup.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, LookupError> {
    match known(host) {
        Some(known) => Ok(known),
        None => look_up(Purpose::NameLookup, host, ()).await,
    }
}

/// The same for checks, of which many may ask at once: they wait until it is their turn. A name whose lookup
/// has no answer takes one turn, however often it is asked for, and leaves the others to other names.
pub async fn addresses_in_turn(host: &str) -> Result<Vec<IpAddr>, LookupError> {
    if let Some(known) = known(host) {
        return Ok(known);
    }
    static TURNS: Semaphore = Semaphore::const_new(Purpose::CHECK_LOOKUPS);
    // The semaphores are never closed. A turn that is held until the thread returns goes on to count, also
    // where nobody waits for the answer any more.
    let of_name = turns_of(host).acquire_owned().await.ok();
    let turn = TURNS.acquire().await.ok();
    look_up(Purpose::CheckLookup, host, (of_name, turn)).await
}

fn known(host: &str) -> Option<Vec<IpAddr>> {
    if let Ok(address) = host.parse() {
        return Some(vec![address]);
    }
    let is_this = host.eq_ignore_ascii_case("localhost");
    is_this.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}

/// Looks up a name, keeping something for as long as that takes.
async fn look_up(
    purpose: Purpose,
    host: &str,
    held: impl Send + 'static,
) -> Result<Vec<IpAddr>, LookupError> {
    let name = host.to_owned();
    let look_up = move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        // What is held goes back with the result: by then the thread no longer counts.
        (found.map(|found| found.map(|address| address.ip()).collect()), held)
    };
    let found = blocking::call(purpose, look_up).await.map(|(found, _)| found);
    let not_found = |error| LookupError::NotFound(host.to_owned(), error);
    found.map_err(LookupError::Refused)?.map_err(not_found)
}

/// The one turn of a name.
fn turns_of(host: &str) -> Arc<Semaphore> {
    static NAMES: Mutex<BTreeMap<String, Weak<Semaphore>>> = Mutex::new(BTreeMap::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names.retain(|_, turns| turns.strong_count() > 0);
    let name = host.to_ascii_lowercase();
    if let Some(turns) = names.get(&name).and_then(Weak::upgrade) {
        return turns;
    }
    let turns = Arc::new(Semaphore::new(1));
    names.insert(name, Arc::downgrade(&turns));
    turns
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

    #[tokio::test]
    async fn a_check_of_an_address_waits_for_no_lookup_and_each_name_has_one_turn() {
        let at_once = |host| addresses_in_turn(host).now_or_never().and_then(Result::ok);
        assert!(at_once("127.0.0.1").is_some() && at_once("localhost").is_some());
        let held = turns_of("Dead.example").acquire_owned().await.expect("it is open");
        let waits = turns_of("dead.example").acquire_owned();
        assert!(Box::pin(waits).now_or_never().is_none(), "the turn is taken");
        assert!(turns_of("other.example").try_acquire().is_ok());
        drop(held);
        assert!(turns_of("dead.example").try_acquire().is_ok());
    }
}
