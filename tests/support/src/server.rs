//! What tests of real servers share.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::time::Instant;

/// A port of loopback, below those that the kernel gives to connections, at which nothing listens, with TCP
/// or UDP.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Other test programs run at the same time, and begin elsewhere.
    let begin = (std::process::id() % 120) as u16 * 100;
    let ports =
        std::iter::repeat_with(|| 20_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000);
    let is_free = |port: &u16| {
        let address = (Ipv4Addr::LOCALHOST, *port);
        TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
    };
    ports.take(1000).find(is_free).expect("one of a thousand ports is free")
}

/// Looks until it is so.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed().as_secs() < 60, "waited in vain for {what}");
        std::thread::yield_now();
    }
}
