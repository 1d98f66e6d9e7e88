//! Takes a resource away from a process that runs, and gives it back.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Resource, getrlimit};

use support::Agent;

/// A resource that is taken away from a process.
pub struct Limit {
    id: u32,
    resource: Resource,
    before: Option<u64>,
}

impl Limit {
    pub fn take_away(agent: &Agent, resource: Resource) -> Self {
        // The process itself is one, and its standard streams are three.
        let least = if resource == Resource::Nproc { 1 } else { 3 };
        let limit = Self { id: agent.id(), resource, before: getrlimit(resource).current };
        limit.set(Some(least));
        limit
    }

    /// What [`without_threads`] took away.
    pub fn of_threads(agent: &Agent) -> Self {
        let resource = Resource::Nproc;
        Self { id: agent.id(), resource, before: getrlimit(resource).current }
    }

    pub fn give_back(self) {
        self.set(self.before);
    }

    /// As the user whose process it is: root may need a capability for those of others.
    fn set(&self, limit: Option<u64>) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id));
        let status = status.expect("the agent runs");
        let user = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("it has one");
        let user = user.split_whitespace().next().expect("a number");
        let option = if self.resource == Resource::Nproc { "--nproc" } else { "--nofile" };
        let limit = limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
        let mut prlimit = Command::new("setpriv");
        prlimit.arg(format!("--reuid={user}")).args(["--clear-groups", "prlimit"]);
        prlimit.arg(format!("--pid={}", self.id)).arg(format!("{option}={limit}:"));
        let done = prlimit.status().expect("util-linux has setpriv and prlimit");
        assert!(done.success(), "{prlimit:?}: {done}");
    }
}

/// The same command, with no thread to be had from the start, where its user has no other process.
pub fn without_threads(agent: &Command) -> Command {
    let mut command = Command::new("prlimit");
    command.arg("--nproc=1:").arg(agent.get_program()).args(agent.get_args()).env_clear();
    command.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// The same command as a user of its own: a limit of threads is one of a user, and never one of
/// root. The names of hosts are those of a file, if there is one.
pub fn as_nobody(agent: &Command, hosts: Option<&Path>) -> Command {
    let mount = match hosts {
        Some(hosts) => format!("mount --bind '{}' /etc/hosts && ", hosts.display()),
        None => String::new(),
    };
    // Tests run beside each other, so each has a user of its own.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let user = (1 << 30) + std::process::id() * 64 + NUMBER.fetch_add(1, Ordering::Relaxed);
    let script = format!("{mount}exec setpriv --reuid={user} --clear-groups \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-e", "-c", &script, "sh"]);
    command.arg(agent.get_program()).args(agent.get_args()).env_clear();
    command.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// Whether limits can be set and users be changed. If not, that is said loudly; where everything is
/// meant to be checked, it is a failure.
pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!strict, "CI is true, so this must run, and as root");
        // Past the capture of the test's output.
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: LIMITS OF A PROCESS: NOT ROOT ***\n");
    }
    root
}
