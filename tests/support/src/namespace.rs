//! Runs a test in namespaces of its own, where it can mount things and make interfaces.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// Whether this process is inside, set up by a script of the shell, and the test can go on. The first call
/// runs the test once more inside, and is done then.
///
/// Where there are no rights for that, it is said loudly; where everything is meant to be checked, it is a
/// failure. The script finds an empty folder in `$folder`.
pub fn is_inside(test: &str, namespaces: &[&str], script: &str) -> bool {
    if env::var(INSIDE).is_ok_and(|inside| inside == test) {
        return true;
    }
    if let Err(reason) = probe(namespaces) {
        skip(test, &reason);
        return false;
    }
    let folder = folder(test);
    let this = env::current_exe().expect("a running program has a path");
    let mut command = unshare(namespaces);
    command.arg(format!("{script}\nexec \"$@\"")).arg("sh").arg(this);
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, test).env("folder", &folder);
    let output = command.output().expect("unshare was there before");
    // What was mounted in it went with the namespace.
    let _ = std::fs::remove_dir_all(&folder);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{test} inside: {}\n{stdout}\n{stderr}", output.status);
    assert!(stdout.contains("1 passed"), "it ran inside: {stdout}");
    false
}

/// Says past the capture of the output that a test cannot run here.
pub fn skip(test: &str, reason: &str) {
    let strict = env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!strict, "CI is true, so {test} must run: {reason}");
    let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {test}: {reason} ***\n");
}

/// Something in the folder that the script had.
pub fn path_in_folder(name: &str) -> String {
    let folder = env::var("folder").expect("it is set inside");
    format!("{folder}/{name}")
}

fn folder(test: &str) -> PathBuf {
    let name = format!("checks-{}-{}", test.replace("::", "-"), std::process::id());
    let folder = env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("the target directory is writable");
    folder
}

fn probe(namespaces: &[&str]) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("it needs root".to_owned());
    }
    let output = unshare(namespaces).arg("true").output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("no namespaces: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

fn unshare(namespaces: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    let path = env::var("PATH").unwrap_or_default();
    // `ip` and `mkfs` are not on the path of every user.
    command.env("PATH", path + ":/usr/sbin:/sbin");
    command.args(["--mount", "--propagation", "private"]).args(namespaces);
    command.args(["sh", "-e", "-c"]);
    command
}

/// Names the test that runs inside.
const INSIDE: &str = "CHECKS_TESTS_INSIDE";

/// A program that is process 1 of a PID namespace. Nothing, loudly, where there is no such namespace;
/// where everything is meant to be checked, that is a failure.
pub fn in_a_pid_namespace(program: &Command) -> Option<Command> {
    let namespace = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    let probe = Command::new("unshare").args(namespace).arg("true").output();
    if !probe.as_ref().is_ok_and(|probe| probe.status.success()) {
        let strict = env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!strict, "CI is true, so this must run: {probe:?}");
        // Past the capture of the test's output.
        let _ = writeln!(
            std::io::stderr(),
            "\n*** SKIPPED: PROCESS 1 OF A PID NAMESPACE ***\nunshare {namespace:?}: {probe:?}\n",
        );
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(namespace).arg(program.get_program()).args(program.get_args()).env_clear();
    for (name, value) in program.get_envs() {
        command.env(name, value.expect("none is removed"));
    }
    Some(command)
}
