//! Standard output that does not take what it is given: what is said, and that it is kept.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Command;

use fake_cloudwatch::FakeCloudWatch;
use rustix::process::Resource;

use crate::limits::{Limit, as_nobody, is_root};
use support::{Agent, TemporaryFile, command, full_pipe, publishing_to};

/// A preview with a window a second.
fn preview() -> Command {
    let mut agent = command();
    agent.args(["-n", "Test", "-s", "Foo", "-p", "1", "--sample-interval", "0.1", "--dry-run"]);
    agent.env("RUST_LOG", "info");
    agent
}

#[test]
fn a_pipe_that_is_full_is_waited_for_without_a_thread() {
    if !is_root() {
        return;
    }
    let (mut reader, writer) = full_pipe();
    let agent = Agent::start_with_stdout(&mut as_nobody(&preview(), None), writer);
    agent.wait_for_log(" measures the ");
    let limit = Limit::take_away(&agent, Resource::Nproc);
    agent.wait_for_log("standard output: its reader read nothing for 3s");
    let read = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    agent.wait_for_log("publishing works again");
    limit.give_back();
    let ended = agent.terminate().expect_code(0);
    let text = read.join().expect("reading does not panic").expect("the output is text");
    assert!(ended.stderr.contains(" dropped=0 undelivered=0 "), "{ended:#?}");
    let windows = text.lines().filter(|line| line.contains("CPUUtilization=")).count();
    assert!(ended.stderr.contains(&format!(" windows={windows} ")), "{windows}: {ended:#?}");
}

#[test]
fn a_disk_that_is_full_is_an_outage_that_ends() {
    if !is_root() {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("full_disk");
    fs::create_dir_all(&folder).expect("the target directory is writable");
    let script = "mount -t tmpfs -o size=16k none \"$0\"; cd \"$0\"
        dd if=/dev/zero of=filler bs=4k 2> /dev/null || true
        exec \"$@\" > output";
    let agent = preview();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-e", "-c", script]);
    command.arg(&folder).arg(agent.get_program()).args(agent.get_args()).env_clear();
    command.env("RUST_LOG", "info").env("PATH", "/usr/bin:/bin");
    let agent = Agent::start(&mut command);
    let line = agent.wait_for_log("publishing failed");
    assert!(
        line.ends_with(
            "free space on the disk of standard output (standard output: No space left on device (os error 28))"
        ),
        "{line}"
    );
    let inside = Path::new("/proc").join(agent.id().to_string()).join("root");
    let inside = inside.join(folder.strip_prefix("/").expect("an absolute path"));
    let mut output = File::open(inside.join("output")).expect("root sees the mounts of others");
    fs::remove_file(inside.join("filler")).expect("it is there");
    agent.wait_for_log("publishing works again");
    let ended = agent.terminate().expect_code(0);
    assert!(ended.stderr.contains(" dropped=0 undelivered=0 "), "{ended:#?}");
    let mut text = String::new();
    output.read_to_string(&mut text).expect("the output is text");
    let windows = text.lines().filter(|line| line.contains("CPUUtilization=")).count();
    assert!(ended.stderr.contains(&format!(" windows={windows} ")), "{text} {ended:#?}");
}

/// An agent that publishes to CloudWatch and prints, with a standard output that a shell makes.
fn printing_to(redirection: &str, expected: &str) {
    let cloudwatch = FakeCloudWatch::start();
    let mut agent = publishing_to(&cloudwatch.url());
    agent.args(["--publish", "cloudwatch,console"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", redirection, "sh"]).arg(agent.get_program()).args(agent.get_args());
    shell.env_clear().envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let agent = Agent::start(shell.env("RUST_LOG", "info"));
    let line = agent.wait_for_log("publishing failed");
    assert!(line.contains("ERROR") && line.ends_with(expected), "{redirection}: {line}");
    // CloudWatch gets its windows all the same.
    let taken = cloudwatch.data().len();
    cloudwatch.wait_until("two more windows", |seen| seen.data.len() >= taken + 8);
    let ended = agent.terminate().expect_code(1);
    let cloudwatch = ended.stderr.lines().find(|line| line.ends_with("publisher=cloudwatch"));
    assert!(cloudwatch.is_some_and(|line| line.contains(" undelivered=0 ")), "{ended:#?}");
}

#[test]
fn what_is_wrong_with_it_is_said_and_holds_up_no_other_publisher() {
    let file = TemporaryFile::new("output", "");
    let path = file.path().display();
    for (redirection, expected) in [
        (
            "exec \"$@\" > /dev/full".to_owned(),
            "free space on the disk of standard output (standard output: No space left on device (os error 28))",
        ),
        (
            format!("ulimit -f 0; exec \"$@\" > '{path}'"),
            "raise ulimit -f: standard output's file has reached its size limit (standard output: File too large (os error 27))",
        ),
        (
            format!("exec \"$@\" 1< '{path}'"),
            "open standard output for writing (standard output: Bad file descriptor (os error 9))",
        ),
    ] {
        printing_to(&redirection, expected);
    }
}
