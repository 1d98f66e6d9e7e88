//! A network of this process's own: it can have the addresses of AWS, and no way out.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{env, fs};

/// Returns inside the namespace, with its addresses set up. The first call replaces this process
/// by one inside, and only comes back if that is not possible, with the reason.
pub fn enter() -> Result<(), String> {
    let Ok(outside) = env::var(OUTSIDE) else { return Err(start_inside()) };
    assert_ne!(outside, network(), "these tests must not be in the network of this machine");
    ip(&["link", "set", "lo", "up"]);
    for address in ADDRESSES {
        ip(&["address", "add", address, "dev", "lo"]);
    }
    Ok(())
}

fn start_inside() -> String {
    if !cfg!(target_os = "linux") {
        return "only Linux has network namespaces".to_owned();
    }
    let mut probe = unshare();
    match probe.args(["ip", "link", "set", "lo", "up"]).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return format!(
                "{probe:?} failed: {}\n\
                 It needs iproute2 and the right to make a network namespace: that of root, or\n\
                 unprivileged user namespaces, which the sysctl \
                 kernel.apparmor_restrict_unprivileged_userns\nmay forbid.",
                stderr.trim(),
            );
        }
        Err(error) => return format!("{probe:?} failed: {error}\nIt needs util-linux."),
    }
    let this = env::current_exe().expect("a running program has a path");
    // Only returns if it failed.
    let error = unshare().arg(this).args(env::args_os().skip(1)).env(OUTSIDE, network()).exec();
    format!("cannot start these tests in a network namespace: {error}")
}

/// `unshare` into a new network. Whoever is not root becomes it in a user namespace, which gives
/// rights over the new network only.
fn unshare() -> Command {
    let path = env::var("PATH").unwrap_or_default();
    let mut command = Command::new("unshare");
    // `ip` is not on the path of every user.
    command.env("PATH", path + ":/usr/sbin:/sbin").arg("--net");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command
}

/// The name of the network that this process is in.
fn network() -> String {
    let link = fs::read_link("/proc/self/ns/net").expect("Linux names the network of a process");
    link.to_str().expect("a name such as net:[4026531840]").to_owned()
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("ip was there before");
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
}

/// Tells the process inside where it must not be.
const OUTSIDE: &str = "CREDENTIALS_TESTS_OUTSIDE_NETWORK";

/// The metadata service of EC2, and the endpoint of ECS for credentials.
const ADDRESSES: [&str; 3] = ["169.254.169.254/32", "169.254.170.2/32", "fd00:ec2::254/128"];
