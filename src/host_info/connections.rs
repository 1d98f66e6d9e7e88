//! `connections`: the sockets of this network namespace.

use super::HostInfo;

pub const TYPE: HostInfo = HostInfo {
    name: "connections",
    about: "The sockets of the network that this process is in; those of unix are only counted",
    fields: &[
        "protocol",
        "local_address",
        "local_port",
        "remote_address",
        "remote_port",
        "state",
        "uid",
        "count",
    ],
    #[cfg(target_os = "linux")]
    gather: linux::gather,
    #[cfg(not(target_os = "linux"))]
    gather: |_| {
        let why = "macOS lists its sockets to programs of its own alone";
        Err(super::Unavailable::NotOnThisSystem(why.to_owned()))
    },
};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::io::{BufRead, BufReader, ErrorKind};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::path::Path;

    use serde_json::{Value, json};

    use super::super::Unavailable;
    use crate::model::Roots;

    pub fn gather(roots: &Roots) -> Result<Value, Unavailable> {
        let folder = roots.proc.join("self/net");
        let mut records = Vec::new();
        let mut is_found = false;
        for protocol in ["tcp", "tcp6", "udp", "udp6"] {
            let mut more = 0_u64;
            let path = folder.join(protocol);
            is_found |= each_line(&path, |line| match records.len() < MOST {
                true => records.extend(record(protocol, line)),
                false => more += 1,
            })?;
            if more > 0 {
                records.push(counted(protocol, "not listed", more));
            }
        }
        let mut counts = BTreeMap::new();
        is_found |= each_line(&folder.join("unix"), |line| {
            if let Some(state) = unix_state(line) {
                *counts.entry(state).or_default() += 1;
            }
        })?;
        if !is_found {
            let why = format!("{} has no lists of sockets", folder.display());
            return Err(Unavailable::NotOnThisSystem(why));
        }
        records.extend(counts.into_iter().map(|(state, count)| counted("unix", state, count)));
        Ok(Value::from(records))
    }

    /// More than that is a list for programs of another kind, and would take much memory.
    const MOST: usize = 10_000;

    /// Calls back with each line but the head. False where there is no such file, as without IPv6.
    fn each_line(path: &Path, mut found: impl FnMut(&str)) -> Result<bool, Unavailable> {
        let failed = |error: std::io::Error| {
            Unavailable::Failed(format!("{} cannot be read: {error}", path.display()))
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            file => file.map_err(failed)?,
        };
        let mut lines = BufReader::new(file).split(b'\n').skip(1);
        lines.try_for_each(|line| {
            found(&String::from_utf8_lossy(&line.map_err(failed)?));
            Ok(())
        })?;
        Ok(true)
    }

    /// Of a line such as `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 …`.
    fn record(protocol: &str, line: &str) -> Option<Value> {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (end(columns.next()?)?, end(columns.next()?)?);
        let state = u8::from_str_radix(columns.next()?, 16).ok()?;
        let uid: u32 = columns.nth(3)?.parse().ok()?;
        let state = match (protocol.starts_with("udp"), state) {
            // A socket of UDP is either connected or not.
            (true, 1) => "established",
            (true, _) => "unconnected",
            (false, state) => STATES.get(usize::from(state)).copied().unwrap_or("unknown"),
        };
        let is_connected = remote.1 != 0 || !remote.0.is_unspecified();
        let remote = is_connected.then_some(remote);
        Some(json!({
            "protocol": protocol,
            "local_address": local.0.to_string(),
            "local_port": local.1,
            "remote_address": remote.map(|(address, _)| address.to_string()),
            "remote_port": remote.map(|(_, port)| port),
            "state": state,
            "uid": uid,
            "count": 1,
        }))
    }

    /// Of the kernel's tcp_states.h, by number.
    const STATES: [&str; 13] = [
        "unknown",
        "established",
        "syn_sent",
        "syn_recv",
        "fin_wait1",
        "fin_wait2",
        "time_wait",
        "close",
        "close_wait",
        "last_ack",
        "listen",
        "closing",
        "new_syn_recv",
    ];

    /// The address is written as numbers of 32 bits in the order of the machine.
    fn end(text: &str) -> Option<(IpAddr, u16)> {
        let (address, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let word = |at: usize| {
            let digits = address.get(at * 8..at * 8 + 8)?;
            Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
        };
        let address = match address.len() {
            8 => Ipv4Addr::from(word(0)?).into(),
            32 => {
                let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
                Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()
            }
            _ => return None,
        };
        Some((address, port))
    }

    /// Of a line such as `000: 00000003 00000000 00000000 0001 03 12345 /run/x`. The paths are left out.
    fn unix_state(line: &str) -> Option<&'static str> {
        let mut columns = line.split_ascii_whitespace().skip(3);
        let flags = u32::from_str_radix(columns.next()?, 16).ok()?;
        let state = columns.nth(1)?;
        // A socket that listens is not connected, and accepts connections.
        Some(match (flags & ACCEPTS != 0, state) {
            (true, _) => "listen",
            (false, "03") => "connected",
            (false, _) => "unconnected",
        })
    }

    const ACCEPTS: u32 = 0x10000;

    fn counted(protocol: &str, state: &str, count: u64) -> Value {
        json!({
            "protocol": protocol,
            "local_address": null,
            "local_port": null,
            "remote_address": null,
            "remote_port": null,
            "state": state,
            "uid": null,
            "count": count,
        })
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::host_info::Unavailable;
    use crate::host_info::tests::{failed, gathered};

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

    fn line(local: &str, remote: &str, state: &str, uid: u32) -> String {
        format!(
            " 0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 {uid} 0 123 1 0\n"
        )
    }

    fn row(protocol: &str, local: (&str, u16), remote: Option<(&str, u16)>, state: &str) -> Value {
        let (address, port) = (remote.map(|remote| remote.0), remote.map(|remote| remote.1));
        json!({
            "protocol": protocol, "local_address": local.0, "local_port": local.1,
            "remote_address": address, "remote_port": port, "state": state, "uid": 1000, "count": 1,
        })
    }

    #[test]
    fn sockets_have_addresses_and_states_and_those_of_unix_are_counted() {
        let (any, any6) = ("00000000:0000", "00000000000000000000000000000000:0000");
        let local6 = "B80D0120000000000000000001000000:01BB";
        let texts = [
            "== proc/self/net/tcp\n".to_owned(),
            HEAD.to_owned(),
            line("0100007F:1F90", any, "0A", 1000),
            line("0100007F:1F90", "0900000A:D431", "01", 1000),
            "garbled\n== proc/self/net/tcp6\n".to_owned(),
            HEAD.to_owned(),
            line(local6, any6, "06", 1000),
            "== proc/self/net/udp\n".to_owned(),
            HEAD.to_owned(),
            line("00000000:0035", any, "07", 1000),
            "== proc/self/net/unix\nNum RefCount Protocol Flags Type St Inode Path\n\
             0: 00000002 00000000 00010000 0001 01 5 /run/secret-name\n\
             0: 00000003 00000000 00000000 0001 03 6\n0: 00000003 00000000 00000000 0001 03 7 @x\n"
                .to_owned(),
        ];
        let info = gathered(&TYPE, &texts.concat());
        let unix = |state: &str, count: u32| {
            json!({
                "protocol": "unix", "local_address": null, "local_port": null, "remote_address": null,
                "remote_port": null, "state": state, "uid": null, "count": count,
            })
        };
        let expected = json!([
            row("tcp", ("127.0.0.1", 8080), None, "listen"),
            row("tcp", ("127.0.0.1", 8080), Some(("10.0.0.9", 54321)), "established"),
            row("tcp6", ("2001:db8::1", 443), None, "time_wait"),
            row("udp", ("0.0.0.0", 53), None, "unconnected"),
            unix("connected", 2),
            unix("listen", 1),
        ]);
        assert_eq!(info, expected);
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let lines = line("0100007F:1F90", "0900000A:D431", "06", 0).repeat(10_007);
        let info = gathered(&TYPE, &format!("== proc/self/net/tcp\n{HEAD}{lines}"));
        let info = info.as_array().expect("an array");
        assert_eq!(info.len(), 10_001);
        assert_eq!(
            [&info[10_000]["state"], &info[10_000]["count"]],
            [&json!("not listed"), &json!(7)]
        );
    }

    #[test]
    fn without_any_list_there_is_none() {
        let error = failed(&TYPE, "== proc/self/net/\n");
        assert!(matches!(error, Unavailable::NotOnThisSystem(_)), "{error:?}");
    }
}
