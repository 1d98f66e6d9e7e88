//! What the agent else reads once a window is there for alarms and thresholds at each sample: a container whose
//! files the test writes, and windows of two hours.
#![cfg(target_os = "linux")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::folder::Folder;
use support::server::wait_until;
use support::tree::Tree;
use support::{Agent, command};

use crate::Served;
use crate::client::Place;

const CONFIG: &str = "\
checks:
  utilization:
    alarms:
      killed:
        criteria: |
          if (rate(metric['oom-kills']) > 0) { return new AlarmStatus(CRITICAL, '#{oom-kills} killed'); }
          return new AlarmStatus(OK, 'none more');
      ever:
        criteria: if (metric['oom-kills'] > 5) { return new AlarmStatus(WARNING, 'many'); }
thresholds:
  killed: {check: utilization, metric: oom-kills, of: rate, failure_max: 0}
";

/// A container of a quarter of a core, with an agent in it.
struct Contained {
    served: Served,
    tree: Tree,
}

impl Contained {
    fn new(config: &str, metrics: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/containers");
        let text = fs::read_to_string(fixtures.join("v2-private-docker.tree"));
        let tree = Tree::new(&text.expect("the fixture is there"));
        tree.change("== sys/fs/cgroup/memory.events\nlow 0\noom_kill 003\n");
        tree.change(
            "== sys/fs/cgroup/cpu.stat\nusage_usec 1\nnr_periods 1000\nnr_throttled 0000\n",
        );
        let folder = Folder::of(&[("agent.yaml", config)]);
        let socket = folder.path("api.sock");
        let mut agent = command();
        agent.args(["--dry-run", "--period", "7200", "--sample-interval", "0.1"]);
        agent.args(["--scope", "container", "--metrics", metrics]);
        agent.args(["--config", &folder.path("agent.yaml"), "--api", &format!("unix:{socket}")]);
        let mut inside = Command::new("unshare");
        inside.args(["--mount", "--propagation", "private"]);
        if !rustix::process::geteuid().is_root() {
            inside.arg("--map-root-user");
        }
        let script = "mount --bind $0/proc /proc; mount --bind $0/sys /sys; exec \"$@\"";
        inside.args(["sh", "-e", "-c", script]).arg(tree.root());
        inside.arg(agent.get_program()).args(agent.get_args()).env_clear();
        inside.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        inside.env("PATH", path).env("RUST_LOG", "info");
        let served = Served::of(Agent::start(&mut inside), Place::Unix(socket), folder);
        Self { served, tree }
    }

    /// Writes over a part of a file, as the kernel does it: nobody sees an empty one.
    fn set(&self, file: &str, before: &str, after: &str) {
        assert_eq!(before.len(), after.len());
        let path = self.tree.root().join("sys/fs/cgroup").join(file);
        let text = fs::read_to_string(&path).expect("the test made it");
        let place = text.find(before).expect("it is what the test wrote");
        let file = OpenOptions::new().write(true).open(path).expect("it is ours");
        file.write_all_at(after.as_bytes(), place as u64).expect("it is ours");
    }

    fn alarm(&self, id: &str) -> Value {
        self.served.json(&format!("/entities/self/alarms/{id}"))
    }

    fn wait_for_state(&self, id: &str, state: &str) {
        wait_until(state, || self.alarm(id)["state"] == *state);
    }
}

#[test]
fn a_kill_is_told_long_before_the_window_ends() {
    let inside = Contained::new(CONFIG, "cpu,memory,oom-kills");
    // Also the first sample of all has the total, which is that of the group.
    inside.wait_for_state("ever", "OK");
    inside.wait_for_state("killed", "OK");
    let log = inside.served.agent.log_so_far();
    assert!(!log.contains("CRITICAL") && !log.contains("FAILURE"), "{log}");
    inside.set("memory.events", "003", "004");
    let agent = &inside.served.agent;
    agent.wait_for_log("alarm killed of check utilization is CRITICAL: 4 killed");
    agent.wait_for_log("threshold killed: utilization/oom-kills is FAILURE: a rate of ");
    // It was one kill, and the next sample has none.
    agent.wait_for_log("alarm killed of check utilization is OK again: none more");
    agent.wait_for_log("threshold killed: utilization/oom-kills is OK again: a rate of 0");
    assert_eq!(inside.alarm("ever")["state"], "OK");
    inside.set("memory.events", "004", "006");
    inside.wait_for_state("ever", "WARNING");
    // No window has ended: what is published is what it was.
    let newest = inside.served.json("/values/utilization/oom-kills");
    assert_eq!(newest["value"], 3, "{newest}");
    let ended = inside.served.agent.terminate().expect_code(0);
    let log = ended.stderr;
    assert_eq!(log.matches("alarm killed of check utilization is CRITICAL").count(), 2, "{log}");
}

#[test]
fn an_alarm_that_comes_later_has_its_number_from_then_on() {
    let inside = Contained::new("checks: {}\n", "throttling");
    let body = json!({ "id": "slow", "check_id": "utilization",
        "criteria": "if (metric['throttling'] > 50) { return new AlarmStatus(CRITICAL, '#{throttling} %'); }" });
    assert_eq!(inside.served.send("POST", "/entities/self/alarms", "", &body).status, 201);
    inside.wait_for_state("slow", "OK");
    inside.set(
        "cpu.stat",
        "nr_periods 1000\nnr_throttled 0000",
        "nr_periods 1010\nnr_throttled 0009",
    );
    let agent = &inside.served.agent;
    agent.wait_for_log("alarm slow of check utilization is CRITICAL: 90 %");
    agent.wait_for_log("alarm slow of check utilization is OK again");
    // What was not asked for with --metrics is not there for alarms either.
    let body = json!({ "id": "none", "check_id": "utilization",
        "criteria": "if (metric['oom-kills'] > 0) { return new AlarmStatus(CRITICAL); }" });
    assert_eq!(inside.served.send("POST", "/entities/self/alarms", "", &body).status, 201);
    let unknown = json!("metric \"oom-kills\" is missing");
    wait_until("it was evaluated", || inside.alarm("none")["unknown"] == unknown);
}
