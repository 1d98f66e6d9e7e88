//! How plugins end, and that nothing of them stays behind.

use super::*;

#[test]
fn an_exit_code_or_a_signal_is_the_status_where_there_is_none() {
    for (script, expected) in [
        ("exit 3", "the plugin ended with exit code 3"),
        ("kill -9 $$", "signal 9 ended the plugin"),
        ("echo status ponies; echo metric a int 1; exit 100", "ponies"),
        ("echo metric a int 1; kill -TERM $$", "signal 15 ended the plugin"),
    ] {
        assert_eq!(refused(script, &[]), expected, "{script}");
    }
}

#[test]
fn a_plugin_that_takes_too_long_ends_with_all_that_it_started() {
    let folder = plugins(&[(
        "plugin",
        "trap '' TERM; sleep 1000 & echo $$ $! > \"$1\"; while :; do sleep 1000; done",
    )]);
    let pids = folder.path("pids");
    let mut command = check(&folder, "plugin", &["timeout=300", &format!("args={pids}")]);
    let (object, _) = result_of(&mut command);
    assert_eq!(object["status"], "timed out after 0.3 s");
    let pids = std::fs::read_to_string(pids).expect("the plugin has begun");
    for pid in pids.split_whitespace() {
        wait_until_gone(pid.parse().expect("a process id"));
    }
}

#[test]
fn what_holds_the_pipe_does_not_hold_up_the_result() {
    // One that stays in the group of the plugin ends with it.
    let object = run("sleep 1000 & echo metric pid int $!", &[]);
    assert_eq!(object["available"], true, "{object}");
    wait_until_gone(value(&object, "pid").as_f64().expect("a process id") as i32);
    // One that left it is not of the plugin any more.
    let object = run("setsid sleep 1000 & echo metric pid int $!", &[]);
    assert_eq!(object["available"], true, "{object}");
    let left = value(&object, "pid");
    let pid = rustix::process::Pid::from_raw(left.as_f64().expect("a process id") as i32);
    rustix::process::kill_process(pid.expect("not 0"), rustix::process::Signal::KILL)
        .expect("it runs");
}

#[test]
fn the_end_of_the_agent_is_that_of_its_plugins() {
    let folder = plugins(&[(
        "plugin",
        "echo $$ > \"$1\"; echo begun >&2; trap '' TERM; while :; do sleep 1000; done",
    )]);
    let pid = folder.path("pid");
    let config = format!(
        "checks:\n  p:\n    type: agent.plugin\n    period: 600\n    timeout: 500\n    details: {{file: plugin, args: ['{pid}']}}\n"
    );
    let config = Folder::of(&[("agent.yaml", &config)]);
    let mut command = support::command();
    command.args([
        "--dry-run",
        "--period=1",
        "--plugins",
        &folder.whole(),
        "--config",
        &config.path("agent.yaml"),
    ]);
    let agent = support::Agent::start(&mut command);
    agent.wait_for_log("begun");
    agent.terminate().expect_code(0);
    let pid = std::fs::read_to_string(pid).expect("it has begun");
    wait_until_gone(pid.trim().parse().expect("a process id"));
}

/// Waits for the end of a process that was sent a signal.
fn wait_until_gone(pid: i32) {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { return };
    // It is no child of this process, so there is no other way to wait for it than by a descriptor.
    let Ok(process) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else {
        return;
    };
    let mut polled = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
    let limit = rustix::time::Timespec { tv_sec: 20, tv_nsec: 0 };
    let ended = rustix::event::poll(&mut polled, Some(&limit)).expect("a descriptor can be polled");
    assert_eq!(ended, 1, "process {pid:?} runs on");
}
