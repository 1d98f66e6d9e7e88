//! Where it listens, and what becomes of that.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use support::Agent;
use support::folder::Folder;
use support::server::free_port;

use crate::client::{Client, Place};
use crate::{CONFIG, Served, previewing};

#[test]
fn a_socket_is_private_and_is_gone_at_the_end() {
    let served = Served::at_socket();
    let Place::Unix(path) = &served.place else { panic!("it is a socket") };
    let mode = fs::metadata(path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let path = path.clone();
    served.agent.terminate().expect_code(0);
    assert!(!Path::new(&path).exists());
}

#[test]
fn a_socket_that_was_left_behind_is_replaced() {
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    let path = folder.path("api.sock");
    drop(UnixListener::bind(&path).expect("the path is free"));
    let agent = Agent::start(previewing(&folder).args(["--api", &format!("unix:{path}")]));
    let served = Served::of(agent, Place::Unix(path), folder);
    assert_eq!(served.get("/entities").status, 200);
}

#[test]
fn an_address_that_is_in_use_leaves_the_agent_without_the_api() {
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    let (port, path) = (free_port(), folder.path("api.sock"));
    let _port = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    let _socket = UnixListener::bind(&path).expect("the path is free");
    for address in [format!("127.0.0.1:{port}"), format!("unix:{path}")] {
        let agent = Agent::start(previewing(&folder).args(["--api", &address]));
        let line = agent.wait_for_log("the agent runs without the API");
        let why = "another program listens there: expected an address that is free; ";
        assert!(line.contains(&format!("--api {address}: {why}")), "{line}");
        // It measures all the same.
        agent.wait_for_stdout("MemoryUtilization=");
        agent.terminate().expect_code(0);
    }
    assert!(Path::new(&path).exists());
}

#[test]
fn a_request_that_is_under_way_does_not_hold_up_the_end() {
    let served = Served::at_socket();
    let mut clients: Vec<_> = (0..3).map(|_| Client::at(&served.place)).collect();
    clients[0].send("GET /enti");
    clients[1].send("POST /entities HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    clients[2].send("GET /agents/self/host_info/packages HTTP/1.1\r\nHost: x\r\n\r\n");
    // It has come as far as to wait for them.
    assert_eq!(served.get("/healthz").status, 200);
    let ended = served.agent.terminate().expect_code(0);
    let line = ended.stderr.lines().find(|line| line.contains("stopped; ")).expect("it says so");
    let flush = line.split("flush=").nth(1).and_then(|rest| rest.split('s').next());
    let flush: f64 = flush.and_then(|text| text.parse().ok()).expect("a time");
    assert!(flush < 2.0, "{line}");
    for client in &mut clients[..2] {
        assert!(client.is_closed());
    }
}

#[test]
fn without_the_option_nothing_listens() {
    let folder = Folder::of(&[("agent.yaml", CONFIG)]);
    let agent = Agent::start(&mut previewing(&folder));
    agent.wait_for_stdout("MemoryUtilization=");
    let descriptors = fs::read_dir(format!("/proc/{}/fd", agent.id())).expect("it runs");
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let inodes: Vec<_> = targets
        .filter_map(|of| {
            Some(of.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())
        })
        .collect();
    for file in ["net/tcp", "net/tcp6", "net/unix"] {
        let text = fs::read_to_string(format!("/proc/{}/{file}", agent.id())).expect("a table");
        let is_listening = |line: &&str| match file {
            "net/unix" => line.split_whitespace().nth(3) == Some("00010000"),
            _ => line.split_whitespace().nth(3) == Some("0A"),
        };
        for line in text.lines().filter(is_listening) {
            let is_own = line.split_whitespace().any(|word| inodes.iter().any(|of| of == word));
            assert!(!is_own, "{line}");
        }
    }
}
