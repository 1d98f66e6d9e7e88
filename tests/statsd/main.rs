//! Numbers that applications send by UDP, taken by the real binary.
#![cfg(target_os = "linux")]

mod client;
mod flood;
mod published;

use std::net::{Ipv4Addr, UdpSocket};

use fake_cloudwatch::{Datum, FakeCloudWatch};
use support::Agent;
use support::folder::Folder;
use support::server::{free_port, wait_until};

/// An agent that listens on a port of its own, and a socket that sends to it.
struct Listening {
    cloudwatch: FakeCloudWatch,
    agent: Agent,
    socket: UdpSocket,
    port: u16,
    _config: Folder,
}

/// Starts one with more keys of the check, such as `period: 1`.
fn listening(keys: &str, args: &[&str]) -> Listening {
    let port = free_port();
    let check = format!(
        "checks:\n  app:\n    type: agent.statsd\n    details: {{port: {port}, series: 50}}\n    {keys}\n"
    );
    let config = Folder::of(&[("agent.yaml", &check)]);
    let cloudwatch = FakeCloudWatch::start();
    let mut publishing = support::publishing_to(&cloudwatch.url());
    publishing.args(["--config", &config.path("agent.yaml")]).args(args);
    let agent = Agent::start(&mut publishing);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.connect((Ipv4Addr::LOCALHOST, port)).expect("an address");
    let listening = Listening { cloudwatch, agent, socket, port, _config: config };
    listening.wait_until_open();
    listening
}

impl Listening {
    /// The agent says nothing when it listens; the kernel does.
    fn wait_until_open(&self) {
        let wanted = format!(": 0100007F:{:04X} 00000000:0000", self.port);
        wait_until("the socket", || {
            std::fs::read_to_string("/proc/net/udp").expect("readable").contains(&wanted)
        });
    }

    fn send(&self, lines: &str) {
        self.socket.send(lines.as_bytes()).expect("it is sent");
    }

    /// What was published under a name by the time the agent has ended.
    fn end(self) -> Vec<Datum> {
        self.agent.terminate().expect_code(0);
        self.cloudwatch.data()
    }
}

/// Those of a name.
fn of<'d>(data: &'d [Datum], name: &str) -> Vec<&'d Datum> {
    data.iter().filter(|datum| datum.name == name).collect()
}
