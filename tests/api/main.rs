//! The API of the real binary, spoken to byte by byte.

mod access;
mod alarm_change;
mod alarm_published;
mod alarms;
mod at_once;
mod blacklist;
mod client;
mod collectd;
mod control;
mod ctl;
mod ctl_changes;
mod discard;
mod events;
mod fakes;
mod flush;
mod history;
mod keystone;
mod limits;
mod link_local;
mod notifications;
mod others_get_wrong;
mod overridden;
mod page;
mod push;
mod query;
mod reload;
mod resources;
mod run_now;
mod secrets;
mod secured;
mod security;
mod sockets;
mod state;
mod texts;
mod threshold_events;
mod thresholds;
mod time_sync;
mod tls;
mod tls_clients;
mod token_file;

use std::process::Command;

use serde_json::Value;
use support::folder::Folder;
use support::server::{free_port, wait_until};
use support::{Agent, command};

use self::client::{Answer, Client, Place};

/// An agent with the API, and where it answers.
struct Served {
    agent: Agent,
    place: Place,
    folder: Folder,
}

/// Measures ten times a second, and runs a check each second.
const CONFIG: &str = "\
checks:
  load:
    type: agent.load_average
    period: 1
    metadata: {team: web}
    alarms:
      high:
        criteria: if (metric['1m'] > 1e6) { return new AlarmStatus(CRITICAL, 'much'); }
  memory:
    type: agent.memory
    disabled: true
  tcp:
    type: remote.tcp
    period: 1
    details: {host: 127.0.0.1, port: 1}
";

/// The command line of such an agent.
fn previewing(folder: &Folder) -> Command {
    let mut command = command();
    command.args([
        "--publish=console",
        "--period",
        "1",
        "--sample-interval",
        "0.1",
        "--service",
        "web",
    ]);
    command.args(["--config", &folder.path("agent.yaml")]).env("RUST_LOG", "info");
    command
}

impl Served {
    /// At a unix socket.
    fn at_socket() -> Self {
        let folder = Folder::of(&[("agent.yaml", CONFIG)]);
        let path = folder.path("api.sock");
        let agent = Agent::start(previewing(&folder).args(["--api", &format!("unix:{path}")]));
        Self::of(agent, Place::Unix(path), folder)
    }

    /// At a port, with these further options and variables.
    fn at_port(options: &[&str], variables: &[(&str, &str)]) -> Self {
        let (folder, port) = (Folder::of(&[("agent.yaml", CONFIG)]), free_port());
        let mut command = previewing(&folder);
        command.args(["--api", &format!("127.0.0.1:{port}")]).args(options);
        command.envs(variables.iter().copied());
        Self::of(Agent::start(&mut command), Place::Tcp(port), folder)
    }

    fn of(agent: Agent, place: Place, folder: Folder) -> Self {
        agent.wait_for_log("the API answers at ");
        let served = Self { agent, place, folder };
        wait_until("a sample", || served.get("/readyz").status == 200);
        served
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    /// The answer to a request on a connection of its own.
    fn ask(&self, request: &str) -> Answer {
        let mut client = Client::at(&self.place);
        client.send(request);
        client.answer().expect("there is an answer")
    }

    /// The body of a resource that has to be there.
    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Waits for the first value of a metric.
    fn wait_for_value(&self, metric: &str) {
        wait_until("a value", || self.get(&format!("/values/{metric}")).status == 200);
    }
}
