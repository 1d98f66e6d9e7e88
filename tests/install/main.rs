//! `install`: the program's copy in a directory, complete or not there.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use support::tree::Tree;
use support::{Agent, Ended, binary, command, run};

const NAME: &str = "cloudwatch_metrics_agent";

fn install(directory: &Path) -> Command {
    let mut command = command();
    command.arg("install").arg(directory);
    command
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it is a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    names.map(|name| name.expect("a plain name")).collect()
}

#[test]
fn the_copy_is_the_program_and_all_users_can_run_it() {
    let tree = Tree::new("");
    // None of the options counts, wherever it comes from, and neither does the umask.
    let mut closed = Command::new("sh");
    closed.args(["-c", r#"umask 077 && exec "$@""#, "sh"]).arg(binary()).arg("install");
    closed.arg(tree.root()).env("CLOUDWATCH_METRICS_AGENT_PERIOD", "soon");
    let ended = run(&mut closed).expect_code(0);
    let copy = tree.root().join(NAME);
    assert_eq!(ended.stdout, format!("installed {}\n", copy.display()));
    assert_eq!(ended.stderr, "");
    assert_eq!(names(tree.root()), [NAME]);
    assert_eq!(fs::metadata(&copy).expect("it is there").mode() & 0o7777, 0o755);
    assert!(fs::read(&copy).ok() == fs::read(binary()).ok(), "the copy is another program");
    let ended = run(Command::new(&copy).arg("--version")).expect_code(0);
    assert!(ended.stdout.starts_with(NAME), "{ended:#?}");
}

#[test]
fn a_copy_that_runs_is_replaced_and_not_disturbed() {
    let tree = Tree::new("");
    let copy = tree.root().join(NAME);
    run(&mut install(tree.root())).expect_code(0);
    let first = fs::metadata(&copy).expect("it is there").ino();
    let mut preview = Command::new(&copy);
    let agent = Agent::start(preview.env_clear().args(["--dry-run", "--period", "1"]));
    agent.wait_for_stdout("MemoryUtilization");
    run(&mut install(tree.root())).expect_code(0);
    assert_ne!(fs::metadata(&copy).expect("it is there").ino(), first);
    assert_eq!(names(tree.root()), [NAME]);
    agent.wait_for_stdout_lines("MemoryUtilization", 3);
    agent.terminate().expect_code(0);
}

#[test]
fn two_at_a_time_leave_one_program() {
    let tree = Tree::new("");
    let agents = [(), ()].map(|()| Agent::start(&mut install(tree.root())));
    for agent in agents {
        agent.wait().expect_code(0);
    }
    assert_eq!(names(tree.root()), [NAME]);
    run(Command::new(tree.root().join(NAME)).arg("--version")).expect_code(0);
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let tree = Tree::new("== other/file\nkept\n== agent/\n");
    let (directory, file) = (tree.root().join("agent"), tree.root().join("other/file"));
    symlink(&file, directory.join(NAME)).expect("a link can be made");
    run(&mut install(&directory)).expect_code(0);
    assert_eq!(fs::read_to_string(file).ok().as_deref(), Some("kept\n"));
}

/// Asserts what a directory is refused with.
#[track_caller]
fn refused(ended: Ended, directory: &Path, reason: &str) {
    let ended = ended.expect_code(1);
    let expected = format!("cannot install into {}: {reason}\n", directory.display());
    assert_eq!((&*ended.stderr, &*ended.stdout), (&*expected, ""));
}

#[test]
fn a_directory_that_is_none_is_told() {
    let tree = Tree::new("== file\ntext\n");
    for (name, reason) in [
        ("missing", "there is no such directory"),
        ("missing/below", "there is no such directory"),
        ("file", "it is not a directory"),
    ] {
        let directory = tree.root().join(name);
        refused(run(&mut install(&directory)), &directory, reason);
    }
    assert_eq!(names(tree.root()), ["file"]);
    let ended = run(command().args(["install", "/none\n\u{202e}"])).expect_code(1);
    let expected = "cannot install into /none\\n\\u{202e}: there is no such directory\n";
    assert_eq!(ended.stderr, expected);
}

#[test]
fn where_the_name_is_taken_by_a_directory_nothing_is_left() {
    let tree = Tree::new("== cloudwatch_metrics_agent/file\ntext\n");
    refused(run(&mut install(tree.root())), tree.root(), "Is a directory (os error 21)");
    assert_eq!(names(tree.root()), [NAME]);
}

#[test]
fn wrong_use_is_told() {
    let told = |arguments: &[&str]| run(command().args(arguments)).expect_code(2).stderr;
    let usage = "\n\nUsage: cloudwatch_metrics_agent install <DIR>\n";
    for (arguments, expected) in [
        (&["install", "/a", "/b"][..], "error: unexpected argument '/b' found"),
        (&["install", "/a", "--period", "1"], "error: unexpected argument '--period' found"),
    ] {
        let said = told(arguments);
        assert!(said.starts_with(expected) && said.contains(usage), "{arguments:?}: {said}");
    }
    let expected = "install: expected an existing directory into which this program is copied, such as \
                    cloudwatch_metrics_agent install /agent\n";
    assert_eq!(told(&["install"]), expected);
    // A variable that is set to nothing does not mean the working directory.
    assert_eq!(told(&["install", ""]), expected);
    assert_eq!(
        told(&["--period", "60", "install", "/a"]),
        "install has to come first: cloudwatch_metrics_agent install …\n"
    );
    assert_eq!(told(&["instal", "/a"]), "unexpected argument \"instal\": did you mean install?\n");
}

/// Installs into a new tmpfs, by a user without rights; its files are then on standard output.
fn into_tmpfs(options: &str, program: &Path, directory: &Path) -> Option<Ended> {
    if !rustix::process::geteuid().is_root() {
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!strict, "CI is true, so this must run, as root");
        // Past the capture of the test's output.
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: INSTALL INTO A FULL TMPFS ***\n");
        return None;
    }
    let script = r#"mount -t tmpfs -o "$1" none "$2" || exit 9
        code=0
        setpriv --reuid 65532 --regid 65532 --clear-groups "$3" install "$2" || code=$?
        ls -A "$2"
        exit $code"#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh", options]);
    Some(run(command.arg(directory).arg(program)))
}

#[test]
fn a_directory_that_takes_no_program_stays_as_it_is() {
    let tree = Tree::new("== agent/\n");
    let directory = tree.root().join("agent");
    // Where every user can run it: the directory of the build may be closed to others.
    run(&mut install(tree.root())).expect_code(0);
    let program = tree.root().join(NAME);
    for (options, reason) in [
        ("size=1m,mode=777", "No space left on device (os error 28)"),
        ("ro,mode=777", "Read-only file system (os error 30)"),
        ("mode=755", "user 65532 may not write there"),
    ] {
        let Some(ended) = into_tmpfs(options, &program, &directory) else { return };
        refused(ended, &directory, reason);
    }
    // And it can, where nothing is in the way.
    let Some(ended) = into_tmpfs("mode=777", &program, &directory) else { return };
    let ended = ended.expect_code(0);
    let installed = directory.join(NAME);
    assert_eq!(ended.stdout, format!("installed {}\n{NAME}\n", installed.display()));
}
