//! How much is taken of a socket at once.

use std::net::UdpSocket;

use super::*;
use crate::model::{Details, Roots};

/// A check that listens on a free port, and a socket that sends to it. One datagram was taken, so that the
/// runtime knows of the socket.
async fn listening() -> (Statsd, UdpSocket) {
    let (details, roots) = (Details::default(), Roots::default());
    let mut check = Statsd::of(&Opening {
        id: "app",
        period: std::time::Duration::from_secs(60),
        details: &details,
        roots: &roots,
    });
    check.address = Ok((Ipv4Addr::LOCALHOST, 0).into());
    let address = check.listen().expect("a free port").address();
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    sender.connect(address).expect("an address");
    sender.send(b"a:1|c").expect("it is sent");
    check.listen().expect("it is open").readable().await;
    assert!(check.take(1));
    (check, sender)
}

#[tokio::test]
async fn long_datagrams_end_a_turn_as_soon_as_many_short_ones() {
    let (mut check, sender) = listening().await;
    // Sixty thousand bytes are ten thousand lines.
    for (text, count, expected) in [
        ("a:1|c\n".repeat(10_000), 3, 1),
        ("a:1|c\n".repeat(1_500), 9, 4),
        // Also what is empty is work.
        (String::new(), 100, 64),
    ] {
        for _ in 0..count {
            sender.send(text.as_bytes()).expect("it is sent");
        }
        check.listen().expect("it is open").readable().await;
        let before = check.all.counts.datagrams;
        assert!(check.take(AT_ONCE), "there is more");
        assert_eq!(check.all.counts.datagrams - before, expected);
        while check.take(AT_ONCE) {}
        assert_eq!(check.all.counts.datagrams - before, count);
    }
}

#[tokio::test]
async fn the_end_takes_as_much_as_the_buffer_holds_however_small() {
    let (mut check, sender) = listening().await;
    let sent = 30_000;
    for _ in 0..sent {
        sender.send(b"a:1|c").expect("it is sent");
    }
    let drops = check.listen().expect("it is open").drops("/proc".as_ref()).expect("readable");
    let found = check.last().expect("it listens");
    let of = |name: &str| {
        let is_it = |of: &&crate::model::Finding| of.name == name;
        found.values.iter().find(is_it).and_then(|of| of.quantity.number()).expect("a number")
    };
    assert_eq!(of("received_datagrams") + drops as f64, f64::from(sent + 1));
    assert!(drops > 0, "the buffer was full");
}
