//! `agent.network`, of a pair of interfaces that are connected.

use std::net::UdpSocket;

use serde_json::Value;

use crate::{Found, output, read, run, targets};
use support::namespace::is_inside;

/// Where sysfs has what a metric is of, and where `ip` has it. What /proc/net/dev sums up of several is not
/// among them.
const SAME: [(&str, &str, &str, &str); 10] = [
    ("rx_bytes", "rx_bytes", "rx", "bytes"),
    ("rx_packets", "rx_packets", "rx", "packets"),
    ("rx_errors", "rx_errors", "rx", "errors"),
    ("rx_dropped", "rx_dropped", "rx", "dropped"),
    ("tx_bytes", "tx_bytes", "tx", "bytes"),
    ("tx_packets", "tx_packets", "tx", "packets"),
    ("tx_errors", "tx_errors", "tx", "errors"),
    ("tx_dropped", "tx_dropped", "tx", "dropped"),
    ("tx_collisions", "collisions", "tx", "collisions"),
    ("tx_carrier", "tx_carrier_errors", "tx", "carrier_errors"),
];

fn statistic(interface: &str, name: &str) -> f64 {
    let path = format!("/sys/class/net/{interface}/statistics/{name}");
    read(&path).trim().parse().expect("a number")
}

/// What is found of an interface while nothing is sent, which is what sysfs and `ip` say.
fn found(interface: &str) -> Found {
    let found = run("agent.network", &[("target", interface)]).expect("it is there");
    let json = output("ip", &["-j", "-s", "link", "show", interface]);
    let json: Value = serde_json::from_str(&json).expect("ip writes JSON");
    for (name, file, direction, key) in SAME {
        let number = found.number(name);
        assert_eq!(number, statistic(interface, file), "{interface} {name}");
        let told = &json[0]["stats64"][direction][key];
        assert_eq!(Some(number), told.as_f64(), "{interface} {name}: {json:#}");
    }
    found
}

#[test]
fn an_interface_has_passed_what_was_sent() {
    // Without version 6 nothing is sent by the kernel itself. The neighbour's address is made up: all
    // that is sent arrives at the other end of the pair.
    let script = "mount -t sysfs none /sys
        echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
        echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
        ip link set lo up
        ip link add near type veth peer name far
        ip link add idle type veth peer name idle-far
        ip address add 10.1.2.1/24 dev near
        ip link set near up; ip link set far up
        ip neighbour add 10.1.2.2 lladdr 02:00:00:00:00:02 dev near
        timeout 20 sh -c 'until grep -qx up /sys/class/net/near/operstate; do :; done'";
    if !is_inside("interfaces::an_interface_has_passed_what_was_sent", &["--net"], script) {
        return;
    }
    let before = [found("near"), found("far")];
    let socket = UdpSocket::bind("10.1.2.1:0").expect("the address is of this machine");
    for _ in 0..50 {
        let sent = socket.send_to(&[7; 1000], "10.1.2.2:9").expect("the neighbour is known");
        assert_eq!(sent, 1000);
    }
    let after = [found("near"), found("far")];
    let grown = |end: usize, name: &str| after[end].number(name) - before[end].number(name);
    // Headers of UDP, of IP and of Ethernet.
    let bytes = 50.0 * (1000.0 + 8.0 + 20.0 + 14.0);
    assert_eq!([grown(0, "tx_packets"), grown(0, "tx_bytes")], [50.0, bytes]);
    assert_eq!([grown(1, "rx_packets"), grown(1, "rx_bytes")], [50.0, bytes]);
    assert_eq!([grown(0, "rx_packets"), grown(1, "tx_packets")], [0.0, 0.0]);
    assert_eq!(after[0].texts["link_state"], "up");
    assert_eq!(found("idle").texts["link_state"], "down");
    assert_eq!(found("lo").texts["link_state"], "unknown");
    let mut names = targets("agent.network");
    names.sort_unstable();
    assert_eq!(names, ["far", "idle", "idle-far", "lo", "near"]);
    output("ip", &["link", "delete", "near"]);
    let error = run("agent.network", &[("target", "near")]).expect_err("it is gone");
    let start = "no interface near in /proc/self/net/dev; there are: ";
    let left = error.strip_prefix(start).unwrap_or_else(|| panic!("{error}"));
    let mut left: Vec<_> = left.split(", ").collect();
    left.sort_unstable();
    assert_eq!(left, ["idle", "idle-far", "lo"]);
}
