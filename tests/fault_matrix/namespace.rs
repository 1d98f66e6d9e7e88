//! A network and mounts of this process's own, with a name server of its own.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::faults::Needs;

/// What there is of what faults need.
pub struct Has {
    /// Why there is no namespace.
    pub namespace: Option<String>,
    pub cgroups: bool,
}

impl Has {
    /// Why a fault that needs this cannot be tried here.
    pub fn lacks(&self, needs: Needs) -> Option<String> {
        match needs {
            Needs::Nothing => None,
            Needs::Namespace => self.namespace.clone(),
            Needs::Users if self.namespace.is_none() && !has_all_users() => {
                Some("there is no other user here than the one that runs this".to_owned())
            }
            Needs::Users => self.namespace.clone(),
            Needs::Cgroup if self.cgroups => None,
            Needs::Cgroup => Some("no control group can be made here".to_owned()),
        }
    }
}

/// Returns inside the namespace, set up. The first call replaces this process by one inside, and
/// only comes back if that is not possible, with the reason.
pub fn enter() -> Result<(), String> {
    if env::var_os(INSIDE).is_none() {
        return Err(start_inside());
    }
    run("ip", &["link", "set", "lo", "up"])?;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("resolv.conf");
    fs::write(&file, "nameserver 127.0.0.1\n").map_err(|error| error.to_string())?;
    run("mount", &["--bind", &file.display().to_string(), "/etc/resolv.conf"])
}

fn start_inside() -> String {
    if let Err(reason) =
        run("unshare", &[&options()[..], &["ip", "link", "set", "lo", "up"]].concat())
    {
        return format!(
            "{reason}\nIt needs util-linux, iproute2 and the right to make namespaces: that of \
             root, or unprivileged user namespaces."
        );
    }
    let this = env::current_exe().expect("a running program has a path");
    let mut inside = Command::new("unshare");
    inside.args(options()).arg(this).args(env::args_os().skip(1)).env(INSIDE, "yes");
    // Only returns if it failed.
    format!("cannot start in a namespace: {}", inside.env("PATH", path()).exec())
}

/// Whether this is no user namespace that root of which is an ordinary user outside.
fn has_all_users() -> bool {
    let users = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    users.split_whitespace().nth(2) == Some("4294967295")
}

/// Whoever is not root becomes it in a user namespace.
fn options() -> Vec<&'static str> {
    let mut options = vec!["--net", "--mount", "--propagation", "private"];
    if !rustix::process::geteuid().is_root() {
        options.push("--map-root-user");
    }
    options
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).env("PATH", path()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            Err(format!("{program} {} failed: {}", arguments.join(" "), stderr.trim()))
        }
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// Where programs are that not every user has on the path.
fn path() -> String {
    env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin"
}

/// Set in the process inside.
const INSIDE: &str = "FAULT_MATRIX_INSIDE";
