//! Where an agent runs: a /proc and a /sys of the test's own, and a task that an endpoint tells of.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use support::endpoint::{Answer, Endpoint};
use support::tree::Tree;
use support::{Agent, binary};

pub struct Place(Tree);

/// A container with a cgroup of version 2 and its own view of it.
const CONTAINER: &str = "== proc/self/cgroup\n0::/\n== proc/self/mountinfo\n\
812 740 0:52 / / rw,relatime - overlay overlay rw\n\
817 812 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n\
== proc/stat\ncpu  100000 0 0 9000000 100 0 50 0 0 0\n\
== proc/meminfo\nMemTotal: 8204292 kB\nMemFree: 2461287 kB\nBuffers: 128192 kB\nCached: 3076609 kB\n\
Shmem: 1000 kB\nSReclaimable: 10000 kB\n\
== sys/devices/system/cpu/online\n0-3\n\
== sys/fs/cgroup/cpu.stat\nusage_usec 61412008\nnr_periods 1000\nnr_throttled 10\n\
== sys/fs/cgroup/memory.events\noom 1\noom_kill 1\n\
== sys/fs/cgroup/cpu.pressure\nsome avg10=0.00 avg60=0.00 avg300=0.00 total=70\n\
== sys/fs/cgroup/memory.pressure\nsome avg10=0.00 avg60=0.00 avg300=0.00 total=70\n\
== sys/fs/cgroup/io.pressure\nsome avg10=0.00 avg60=0.00 avg300=0.00 total=70\n";

impl Place {
    /// A container in whose group nothing is limited.
    pub fn without_limits(memory: u64) -> Self {
        let place = Self(Tree::new(CONTAINER));
        place.limits("max", "max", memory);
        place
    }

    /// A container with a quota in microseconds of a tenth of a second, and a memory limit.
    pub fn limited(quota: u64, limit: u64, memory: u64) -> Self {
        let place = Self(Tree::new(CONTAINER));
        place.limits(&quota.to_string(), &limit.to_string(), memory);
        place
    }

    /// A machine of Fargate, as a container there sees it.
    pub fn of_machine() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/field/fargate.tree");
        Self(Tree::new(&std::fs::read_to_string(root).expect("the fixture is there")))
    }

    fn limits(&self, quota: &str, limit: &str, memory: u64) {
        self.change(&format!(
            "== sys/fs/cgroup/cpu.max\n{quota} 100000\n== sys/fs/cgroup/memory.max\n{limit}\n\
             == sys/fs/cgroup/memory.current\n{memory}\n== sys/fs/cgroup/memory.stat\nanon {memory}\n\
             file 0\nshmem 0\ninactive_file 0\nactive_file 0\nslab_reclaimable 0\n"
        ));
    }

    pub fn change(&self, text: &str) {
        self.0.change(text);
    }

    /// The endpoint of a task of one container on Fargate, whose image was pulled just now.
    pub fn fargate(&self, cores: f64, mebibytes: u64) -> Endpoint {
        let now = humantime::format_rfc3339_nanos(SystemTime::now()).to_string();
        let task = fixture("task-single.json")
            .replace(
                "\"CPU\": 0.125, \"Memory\": 96",
                &format!("\"CPU\": {cores}, \"Memory\": {mebibytes}"),
            )
            .replace("2026-11-02T01:00:00.771630158Z", &now)
            .replace("\"LaunchType\": \"EC2\"", "\"LaunchType\": \"FARGATE\"")
            // It is what was ordered for the container beside the task.
            .replace("\"CPU\": 128, \"Memory\": 96", "\"CPU\": 128");
        Endpoint::start(move |_, _| Answer::Ok(task.clone()))
    }

    /// An agent with `--report` that prints windows of a second with ten samples each, unless the options say
    /// another thing.
    pub fn start(&self, options: &[&str], endpoint: Option<&Endpoint>, command: &[&str]) -> Agent {
        let mut inside = Command::new("unshare");
        inside.args(["--mount", "--propagation", "private"]);
        if !rustix::process::geteuid().is_root() {
            inside.arg("--map-root-user");
        }
        let enter = "mount --bind $0/proc /proc; mount --bind $0/sys /sys; exec \"$@\"";
        inside.args(["sh", "-e", "-c", enter]).arg(self.0.root()).arg(binary());
        inside.args(["--namespace", "Test", "--service", "Foo"]).args(options);
        if !command.is_empty() {
            inside.arg("--").args(command);
        }
        inside
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin")
            .env("CLOUDWATCH_METRICS_AGENT_REPORT", "yes")
            .env("CLOUDWATCH_METRICS_AGENT_PUBLISH", "console")
            .env("CLOUDWATCH_METRICS_AGENT_PERIOD", "1")
            .env("CLOUDWATCH_METRICS_AGENT_SAMPLE_INTERVAL", "0.1")
            .env("AWS_REGION", "us-west-2")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", support::SECRET);
        if let Some(endpoint) = endpoint {
            inside.env("ECS_CONTAINER_METADATA_URI_V4", endpoint.url());
        }
        Agent::start(&mut inside)
    }
}

pub fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ecs");
    std::fs::read_to_string(root.join(name)).expect("the fixture is there")
}
