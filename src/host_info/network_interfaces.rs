//! `network_interfaces`: the interfaces, their addresses and what they have transferred.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};
use sysinfo::{InterfaceOperationalState, IpNetwork, NetworkData, Networks};

use super::{HostInfo, Unavailable};
use crate::model::Roots;
use crate::sorted::map_of;

pub const TYPE: HostInfo = HostInfo {
    name: "network_interfaces",
    about: "The interfaces that this process sees, their first addresses, and what they have transferred",
    fields: &[
        "name",
        "type",
        "flags",
        "mtu",
        "hwaddr",
        "address",
        "netmask",
        "broadcast",
        "address6",
        "rx_bytes",
        "rx_packets",
        "rx_errors",
        "rx_dropped",
        "rx_overruns",
        "rx_frame",
        "tx_bytes",
        "tx_packets",
        "tx_errors",
        "tx_dropped",
        "tx_overruns",
        "tx_carrier",
        "tx_collisions",
    ],
    gather,
};

fn gather(roots: &Roots) -> Result<Value, Unavailable> {
    let networks = Networks::new_with_refreshed_list();
    let failed = |error| Unavailable::Failed(format!("the network interfaces: {error}"));
    let networks = networks.map_err(failed)?;
    // In the order of their names.
    let named = networks.iter().map(|(name, of)| (name.to_string_lossy().into_owned(), of));
    let named = map_of(named);
    let more = More::read(roots)?;
    Ok(named.into_iter().map(|(name, of)| record(&name, of, &more)).collect())
}

fn record(name: &str, of: &NetworkData, more: &More) -> Value {
    let flags = more.flags(name).map(words);
    let is_up = of.operational_state() == InterfaceOperationalState::Up;
    let flags = flags.unwrap_or_else(|| if is_up { "UP".to_owned() } else { String::new() });
    let is_broadcast = flags.split(' ').any(|flag| flag == "BROADCAST");
    let address = first_of_version_4(of.ip_networks());
    let mask = address.map(|(_, prefix)| mask(prefix));
    let broadcast = address.zip(mask).filter(|_| is_broadcast);
    let broadcast = broadcast
        .map(|((address, _), mask)| Ipv4Addr::from_bits(address.to_bits() | !mask.to_bits()));
    let text = |address: Option<Ipv4Addr>| address.map(|address| address.to_string());
    let mac = Some(of.mac_address()).filter(|mac| !mac.is_unspecified());
    let mut record = json!({
        "name": name,
        "type": more.kind(name),
        "flags": flags,
        "mtu": Some(of.mtu()).filter(|mtu| *mtu > 0),
        "hwaddr": mac.map(|mac| mac.to_string()),
        "address": text(address.map(|(address, _)| address)),
        "netmask": text(mask),
        "broadcast": text(broadcast),
        "address6": first_of_version_6(of.ip_networks()).map(|address| address.to_string()),
        "rx_bytes": of.total_received(),
        "rx_packets": of.total_packets_received(),
        "rx_errors": of.total_errors_on_received(),
        "tx_bytes": of.total_transmitted(),
        "tx_packets": of.total_packets_transmitted(),
        "tx_errors": of.total_errors_on_transmitted(),
    });
    if let Some(record) = record.as_object_mut() {
        more.add_counters(name, record);
    }
    record
}

/// sysinfo has them in no order. The smallest is the same each time.
fn first_of_version_4(networks: &[IpNetwork]) -> Option<(Ipv4Addr, u8)> {
    let of_version_4 = networks.iter().filter_map(|network| match network.addr {
        IpAddr::V4(address) => Some((address, network.prefix)),
        IpAddr::V6(_) => None,
    });
    of_version_4.min()
}

/// One that other networks can reach, before one of this link alone.
fn first_of_version_6(networks: &[IpNetwork]) -> Option<Ipv6Addr> {
    let of_version_6 = networks.iter().filter_map(|network| match network.addr {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    });
    of_version_6.min_by_key(|address| (address.is_unicast_link_local(), *address))
}

fn mask(prefix: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0))
}

/// The names of the flags of an interface (netdevice(7)).
fn words(flags: u32) -> String {
    let is_set = |bit: &usize| flags & (1 << bit) != 0;
    let names = FLAGS.iter().enumerate().filter(|(bit, _)| is_set(bit)).map(|(_, name)| *name);
    names.collect::<Vec<_>>().join(" ")
}

const FLAGS: [&str; 16] = [
    "UP",
    "BROADCAST",
    "DEBUG",
    "LOOPBACK",
    "POINTOPOINT",
    "NOTRAILERS",
    "RUNNING",
    "NOARP",
    "PROMISC",
    "ALLMULTI",
    "MASTER",
    "SLAVE",
    "MULTICAST",
    "PORTSEL",
    "AUTOMEDIA",
    "DYNAMIC",
];

/// The counters that sysinfo lacks, and their columns in /proc/self/net/dev (proc_pid_net(5)).
const COUNTERS: [(&str, usize); 7] = [
    ("rx_dropped", 3),
    ("rx_overruns", 4),
    ("rx_frame", 5),
    ("tx_dropped", 11),
    ("tx_overruns", 12),
    ("tx_collisions", 13),
    ("tx_carrier", 14),
];

/// What sysinfo lacks.
struct More {
    #[cfg(target_os = "linux")]
    sys: std::path::PathBuf,
    /// The counters of each interface.
    counters: BTreeMap<String, Vec<u64>>,
}

impl More {
    #[cfg(target_os = "linux")]
    fn read(roots: &Roots) -> Result<Self, Unavailable> {
        let path = roots.proc.join("self/net/dev");
        let text = super::file::required(&path)?;
        let counters = crate::source::network::lines(&text).and_then(|lines| {
            let mut counters = BTreeMap::new();
            for line in lines {
                let (name, numbers) = line?;
                let numbers = numbers.split_ascii_whitespace().map(|number| number.parse().ok());
                counters.insert(name.to_owned(), numbers.collect::<Option<Vec<_>>>()?);
            }
            Some(counters)
        });
        let malformed = || Unavailable::Failed(format!("{} is no table", path.display()));
        Ok(Self { counters: counters.ok_or_else(malformed)?, sys: roots.sys.join("class/net") })
    }

    #[cfg(not(target_os = "linux"))]
    fn read(_: &Roots) -> Result<Self, Unavailable> {
        Ok(Self { counters: BTreeMap::new() })
    }

    #[cfg(target_os = "linux")]
    fn number(&self, name: &str, file: &str) -> Option<u32> {
        let text = std::fs::read_to_string(self.sys.join(name).join(file)).ok()?;
        match text.trim().strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => text.trim().parse().ok(),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn number(&self, _: &str, _: &str) -> Option<u32> {
        None
    }

    fn flags(&self, name: &str) -> Option<u32> {
        self.number(name, "flags")
    }

    /// What carries its packets: a number of ARP (`ARPHRD_` in the kernel), of which the usual have names.
    fn kind(&self, name: &str) -> Option<String> {
        Some(match self.number(name, "type")? {
            1 => "Ethernet".to_owned(),
            32 => "InfiniBand".to_owned(),
            512 => "Point-to-Point Protocol".to_owned(),
            768 => "IPIP Tunnel".to_owned(),
            769 => "IPv6 Tunnel".to_owned(),
            772 => "Local Loopback".to_owned(),
            776 => "IPv6-in-IPv4".to_owned(),
            778 => "GRE Tunnel".to_owned(),
            65534 => "None".to_owned(),
            other => other.to_string(),
        })
    }

    fn add_counters(&self, name: &str, record: &mut Map<String, Value>) {
        let counters = self.counters.get(name);
        for (field, column) in COUNTERS {
            let value = counters.and_then(|counters| counters.get(column));
            record.insert(field.to_owned(), value.map_or(Value::Null, |value| (*value).into()));
        }
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;
    use support::tree::Tree;

    #[test]
    fn what_sysinfo_lacks_is_in_the_files_of_the_kernel() {
        let tree = Tree::new(
            "== proc/self/net/dev\nInter-| Receive | Transmit\n face |bytes packets\n\
             eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
             == sys/class/net/eth0/flags\n0x1003\n== sys/class/net/eth0/type\n1\n\
             == sys/class/net/odd/type\n4711\n",
        );
        let roots = Roots {
            proc: tree.root().join("proc"),
            sys: tree.root().join("sys"),
            ..Roots::default()
        };
        let more = More::read(&roots).expect("it can be read");
        assert_eq!(more.flags("eth0").map(words).as_deref(), Some("UP BROADCAST MULTICAST"));
        let kinds = ["eth0", "odd", "none"].map(|name| more.kind(name));
        assert_eq!(kinds, [Some("Ethernet".to_owned()), Some("4711".to_owned()), None]);
        let mut record = Map::new();
        more.add_counters("eth0", &mut record);
        let expected = json!({
            "rx_dropped": 4, "rx_overruns": 5, "rx_frame": 6, "tx_dropped": 12, "tx_overruns": 13,
            "tx_collisions": 14, "tx_carrier": 15,
        });
        assert_eq!(Value::from(record.clone()), expected);
        more.add_counters("gone", &mut record);
        assert!(record.values().all(Value::is_null), "{record:?}");
        tree.change("== proc/self/net/dev\nno table\n");
        assert!(matches!(More::read(&roots), Err(Unavailable::Failed(_))));
    }

    #[test]
    fn of_several_addresses_the_first_is_the_same_each_time() {
        let network = |text: &str| text.parse::<IpNetwork>().expect("a network");
        let texts = ["fe80::1/64", "10.0.0.9/8", "fd00::2/64", "10.0.0.7/8", "fd00::3/64"];
        let mut networks = texts.map(network);
        for _ in 0..2 {
            assert_eq!(first_of_version_4(&networks), Some((Ipv4Addr::new(10, 0, 0, 7), 8)));
            assert_eq!(first_of_version_6(&networks), "fd00::2".parse().ok());
            networks.reverse();
        }
        assert_eq!(first_of_version_6(&networks[..0]), None);
        for (prefix, text) in
            [(0, "0.0.0.0"), (8, "255.0.0.0"), (31, "255.255.255.254"), (32, "255.255.255.255")]
        {
            assert_eq!(mask(prefix).to_string(), text);
        }
    }
}
