//! Interfaces and sockets.

use std::net::{TcpListener, TcpStream, UdpSocket};

use serde_json::Value;

use crate::{find, info, output};
use support::namespace::is_inside;

#[test]
fn interfaces_have_the_addresses_and_counters_that_ip_shows() {
    let test = "network::interfaces_have_the_addresses_and_counters_that_ip_shows";
    // As in a container, sysfs has to be that of the network.
    let script = "mount -t sysfs none /sys; ip link set lo up
        ip link add one type veth peer name two; ip link set one up; ip link set two up
        ip addr add 10.9.8.7/20 brd + dev one; ip addr add 10.9.8.9/20 brd + dev one
        ip addr add fd00::7/64 dev one nodad
        ip link add idle type veth peer name far; ip link set idle mtu 1234";
    if !is_inside(test, &["--net"], script) {
        return;
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    for _ in 0..6 {
        socket.send_to(b"some bytes", address).expect("it is sent");
    }
    let found = info("network_interfaces");
    let links = output("ip", &["-j", "-s", "-s", "addr"]);
    let links: Value = serde_json::from_str(&links).expect("JSON");
    let links = links.as_array().expect("a list");
    assert_eq!(links.len(), found.len());
    for link in links {
        let own = find(&found, "name", link["ifname"].clone());
        assert_eq!(own["mtu"], link["mtu"], "{own:#}");
        let flags =
            own["flags"].as_str().expect("a text").split(' ').filter(|flag| !flag.is_empty());
        for flag in flags {
            let shown = link["flags"].as_array().expect("a list");
            assert!(shown.contains(&flag.into()), "{flag} of {own:#} in {shown:?}");
        }
        let hardware = link["address"].as_str().filter(|of| *of != "00:00:00:00:00:00");
        assert_eq!(own["hwaddr"].as_str(), hardware, "{own:#}");
    }
    let one = find(&found, "name", "one");
    let names = ["type", "address", "netmask", "broadcast", "address6"];
    let values = names.map(|name| one[name].as_str().unwrap_or("-"));
    assert_eq!(values, ["Ethernet", "10.9.8.7", "255.255.240.0", "10.9.15.255", "fd00::7"]);
    let lo = find(&found, "name", "lo");
    let stats = &find(links, "ifname", "lo")["stats64"];
    assert!(lo["rx_packets"].as_u64().is_some_and(|packets| packets >= 6), "{lo:#}");
    for (own, of, shown) in [
        ("rx_bytes", "rx", "bytes"),
        ("rx_packets", "rx", "packets"),
        ("rx_errors", "rx", "errors"),
        ("rx_dropped", "rx", "dropped"),
        ("rx_frame", "rx", "frame_errors"),
        ("tx_bytes", "tx", "bytes"),
        ("tx_packets", "tx", "packets"),
        ("tx_carrier", "tx", "carrier_errors"),
        ("tx_collisions", "tx", "collisions"),
    ] {
        assert_eq!(lo[own], stats[of][shown], "{own} in {stats:#}");
    }
    let values = names.map(|name| lo[name].as_str().unwrap_or("-"));
    assert_eq!(values, ["Local Loopback", "127.0.0.1", "255.0.0.0", "-", "::1"]);
    let idle = find(&found, "name", "idle");
    assert_eq!([&idle["mtu"], &idle["address"]], [&Value::from(1234), &Value::Null]);
    assert!(idle["flags"].as_str().is_some_and(|flags| !flags.contains("UP")), "{idle:#}");
}

#[test]
fn sockets_have_the_ends_and_states_that_they_have() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(address).expect("it listens");
    let (server, peer) = listener.accept().expect("it was connected to");
    let listener_6 = TcpListener::bind("[::1]:0").ok();
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let found = info("connections");
    let uid = u64::from(rustix::process::geteuid().as_raw());
    let of_port = |protocol: &str, port: u16| {
        let mut own: Vec<_> = found
            .iter()
            .filter(|one| one["protocol"] == protocol && one["local_port"] == port)
            .map(|one| {
                (
                    one["state"].as_str().unwrap_or("-"),
                    one["remote_port"].as_u64(),
                    one["uid"].as_u64(),
                )
            })
            .collect();
        own.sort_unstable();
        own
    };
    let ports = [address.port(), peer.port()].map(u64::from);
    let listens = ("listen", None, Some(uid));
    assert_eq!(
        of_port("tcp", address.port()),
        [("established", Some(ports[1]), Some(uid)), listens]
    );
    assert_eq!(of_port("tcp", peer.port()), [("established", Some(ports[0]), Some(uid))]);
    let own = find(&found, "local_port", peer.port());
    assert_eq!([&own["local_address"], &own["remote_address"]], ["127.0.0.1", "127.0.0.1"]);
    if let Some(port) = listener_6.and_then(|of| Some((of.local_addr().ok()?.port(), of))) {
        assert_eq!(of_port("tcp6", port.0), [listens]);
        assert_eq!(find(&found, "local_port", port.0)["local_address"], "::1");
    }
    let port = udp.local_addr().expect("it is bound").port();
    assert_eq!(of_port("udp", port), [("unconnected", None, Some(uid))]);
    drop((client, server));
}
