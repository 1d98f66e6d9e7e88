//! Connections of checks to hosts and ports, with TCP.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::dial::race;
use crate::lookup::{self, LookupError};

/// What a run waits for, where all can see it.
#[derive(Debug, Default)]
pub struct Awaited(Cell<Option<&'static str>>);

impl Awaited {
    pub fn get(&self) -> Option<&'static str> {
        self.0.get()
    }

    pub fn set(&self, what: &'static str) {
        self.0.set(Some(what));
    }
}

/// Connects to a port of a host, which is a name or an address without brackets. The error is a sentence.
pub async fn connect(host: &str, port: u16, awaited: &Awaited) -> Result<TcpStream, String> {
    awaited.set("the address of the host");
    let found = lookup::addresses_in_turn(host).await;
    let found = found.map_err(|error| match error {
        LookupError::NotFound(..) => format!("{error}; correct the name if it is wrong"),
        LookupError::Refused(_) => error.to_string(),
    })?;
    let (refused, allowed): (Vec<_>, Vec<_>) = found.into_iter().partition(is_link_local);
    if let (Some(address), []) = (refused.first(), &allowed[..]) {
        return Err(format!(
            "{address} is a link-local address: checks do not connect to these, where clouds give out credentials"
        ));
    }
    awaited.set("the connection");
    let addresses = allowed.into_iter().map(|address| SocketAddr::new(address, port));
    race(addresses.collect(), None).await.map_err(|error| match error {
        Some((address, error)) => in_words(host, address, &error),
        None => format!("the name {host} has no address"),
    })
}

/// Addresses where the credentials of the machine or task are, which no check may ask for.
fn is_link_local(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            address.is_unicast_link_local()
                || (first == 0xfd00 && second == 0x0ec2)
                || embedded(&address).is_some_and(|address| address.is_link_local())
        }
    }
}

/// The IPv4 address at the end of one that networks may translate to it: NAT64 (RFC 6052), and what was compatible once
/// (RFC 4291, 2.5.5.1).
fn embedded(address: &Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

fn in_words(host: &str, address: SocketAddr, error: &io::Error) -> String {
    let of = match address.ip().to_string() {
        ip if ip == host => address.to_string(),
        _ => format!("{host} ({address})"),
    };
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!(
                "{of} refused the connection: nothing listens there; start the server, or correct host and port"
            )
        }
        io::ErrorKind::TimedOut => format!("{of} does not answer"),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            format!("{of} is unreachable: {error}")
        }
        _ => format!("no connection to {of}: {error}"),
    }
}

/// Milliseconds from one time to another.
pub fn milliseconds(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn link_local_addresses_are_refused_in_each_of_their_forms() {
        for host in [
            "169.254.169.254",
            "169.254.170.2",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "fd00:ec2:1::23",
            "febf::1",
            "64:ff9b::169.254.169.254",
            "::169.254.169.254",
        ] {
            let error = connect(host, 80, &Awaited::default()).await.expect_err("it is refused");
            assert!(error.contains("is a link-local address"), "{error}");
        }
        for host in
            ["127.0.0.1", "10.0.0.1", "fd00:ec3::1", "2001:db8::1", "::1", "64:ff9b::10.0.0.1"]
        {
            assert!(!is_link_local(&host.parse().expect("an address")), "{host}");
        }
    }
}
