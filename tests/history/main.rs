//! The history that the real binary keeps in a folder, read back from outside.
#![cfg(target_os = "linux")]

mod disks;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use cloudwatch_metrics_agent::{Bucket, Part, Resolution, Store};
use serde_json::Value;
use support::Agent;
use support::folder::{Folder, mode};
use support::server::wait_until;

/// A preview each second that keeps its history in a folder.
fn keeping(store: &str) -> Command {
    let mut command = support::command();
    command.args(["--dry-run", "--output=json", "--period=1", "--sample-interval=0.1"]).args([
        "--store",
        store,
        "--store-sync=1",
    ]);
    command
}

/// What is in a folder of a metric of CPU and memory.
fn points(store: &str, metric: &str, resolution: Resolution) -> Vec<Bucket> {
    let mut opened = Store::in_folder(Path::new(store), u64::MAX);
    assert_eq!(opened.open(), Ok(0), "it can be opened, and nothing is damaged");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let now_ms = now.as_millis() as i64;
    let range_ms = [now_ms - 7_200_000, now_ms + 1];
    let part = Part { resolution, range_ms, most: usize::MAX, now_ms };
    let plot = opened.plot(["utilization", metric], part).expect("it is there");
    assert_eq!((plot.next_ms, plot.damaged), (None, 0));
    plot.points
}

#[test]
fn what_a_window_showed_is_in_the_history_point_by_point() {
    let folder = Folder::of(&[]);
    let store = folder.path("history");
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_stdout_lines("\"cpu\"", 3);
    let ended = agent.terminate().expect_code(0);
    for metric in ["cpu", "memory"] {
        let points = points(&store, metric, Resolution::Full);
        let mut left = &points[..];
        for line in ended.stdout.lines() {
            let window: Value = serde_json::from_str(line).expect("a line is JSON");
            let shown = &window[metric];
            let count = shown["count"].as_u64().expect("a count") as usize;
            let (of_window, rest) = left.split_at(count);
            left = rest;
            let values = || of_window.iter().map(|point| point.average);
            let near = |found: f64, name: &str| {
                let expected = shown[name].as_f64().expect("a number");
                assert!((found - expected).abs() < 0.0001, "{metric} {name}: {found} {expected}");
            };
            near(values().fold(f64::INFINITY, f64::min), "min");
            near(values().fold(0.0, f64::max), "max");
            near(values().sum::<f64>() / count as f64, "mean");
        }
        assert!(left.is_empty(), "{} points were in no window", left.len());
    }
}

#[test]
fn a_second_agent_says_that_the_folder_is_taken_and_takes_it_over_later() {
    let folder = Folder::of(&[]);
    let store = folder.path("history");
    let first = Agent::start(&mut keeping(&store));
    let file = folder.path("history/history.redb");
    wait_until("the file of the first", || Path::new(&file).exists());
    first.wait_for_stdout("\"cpu\"");
    let second = Agent::start(&mut keeping(&store));
    second.wait_for_log("is open in another process: end that, or name another folder");
    second.wait_for_stdout_lines("\"cpu\"", 2);
    first.terminate().expect_code(0);
    second.wait_for_log("is written again; points dropped meanwhile: 0");
    let ended = second.terminate().expect_code(0);
    let of_second: u64 = ended.stdout.lines().map(count_of_cpu).sum();
    let all = points(&store, "cpu", Resolution::Full).len() as u64;
    assert!(all > of_second, "{all} points of both, {of_second} of the second");
}

fn count_of_cpu(line: &str) -> u64 {
    let window: Value = serde_json::from_str(line).expect("a line is JSON");
    window["cpu"]["count"].as_u64().unwrap_or_default()
}

/// Damages the history in this folder, and returns what is in its file then.
fn damage(folder: &Folder) -> Vec<u8> {
    let file = folder.path("history/history.redb");
    let mut bytes = std::fs::read(&file).expect("the file");
    // Both places of the database's own head: nothing leads to its pages any more.
    bytes[64..320].fill(0xff);
    std::fs::write(&file, &bytes).expect("it is writable");
    bytes
}

#[test]
fn what_is_whole_in_a_damaged_file_is_taken_over() {
    let folder = Folder::of(&[]);
    let store = folder.path("history");
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_stdout("\"cpu\"");
    agent.terminate().expect_code(0);
    let before = points(&store, "cpu", Resolution::Full);
    assert!(!before.is_empty());
    let bytes = damage(&folder);
    let agent = Agent::start(&mut keeping(&store));
    let line = agent.wait_for_log("is damaged: a new one begins with what is whole in it, ");
    assert!(line.contains(" metrics, and the old file is history.redb.damaged"), "{line}");
    agent.wait_for_stdout("\"cpu\"");
    agent.terminate().expect_code(0);
    assert_eq!(std::fs::read(folder.path("history/history.redb.damaged")).ok(), Some(bytes));
    assert!(!Path::new(&folder.path("history/history.redb.new")).exists());
    let after = points(&store, "cpu", Resolution::Full);
    assert!(after.len() > before.len() && after.starts_with(&before), "{before:?} {after:?}");
}

#[test]
fn an_agent_and_a_command_that_want_to_replace_one_file_lose_nothing() {
    let folder = Folder::of(&[]);
    let store = folder.path("history");
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_stdout("\"cpu\"");
    agent.terminate().expect_code(0);
    let before = points(&store, "cpu", Resolution::Full);
    let bytes = damage(&folder);
    let mut salvage = support::command();
    salvage.args(["store", "salvage", &store]);
    let (agent, salvage) = (Agent::start(&mut keeping(&store)), Agent::start(&mut salvage));
    let text = salvage.wait();
    agent.wait_for_stdout_lines("\"cpu\"", 3);
    let ended = agent.terminate().expect_code(0);
    let of_agent = ended.stderr.matches("a new one begins with what is whole in it").count();
    let of_command = text.stdout.matches("taken over: ").count();
    assert_eq!(of_agent + of_command, 1, "{} {text:?}", ended.stderr);
    assert_eq!(std::fs::read(folder.path("history/history.redb.damaged")).ok(), Some(bytes));
    assert!(!Path::new(&folder.path("history/history.redb.damaged.2")).exists());
    let after = points(&store, "cpu", Resolution::Full);
    let shown: u64 = ended.stdout.lines().map(count_of_cpu).sum();
    assert_eq!(after.len() as u64, before.len() as u64 + shown);
    assert!(after.starts_with(&before), "{before:?} {after:?}");
}

#[test]
fn a_damaged_file_is_put_aside_and_a_new_history_begins() {
    let folder = Folder::of(&[]);
    let store = folder.path("history");
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_stdout("\"cpu\"");
    agent.terminate().expect_code(0);
    let file = folder.path("history/history.redb");
    let mut bytes = std::fs::read(&file).expect("the file");
    // The tree of the pages, and both places of the database's own head.
    bytes[64..].iter_mut().step_by(7).for_each(|byte| *byte ^= 1);
    std::fs::write(&file, &bytes).expect("it is writable");
    let agent = Agent::start(&mut keeping(&store));
    let line = agent.wait_for_log("is damaged: a new one begins, and the old file is");
    assert!(line.contains("history.redb.damaged"), "{line}");
    agent.wait_for_stdout("\"cpu\"");
    agent.terminate().expect_code(0);
    assert_eq!(std::fs::read(folder.path("history/history.redb.damaged")).ok(), Some(bytes));
    assert!(!points(&store, "cpu", Resolution::Full).is_empty());
}

#[test]
fn a_folder_that_any_user_can_write_to_is_refused_and_measuring_goes_on() {
    let folder = Folder::of(&[]);
    let store = folder.path("history");
    std::fs::create_dir(&store).expect("the folder is ours");
    mode(&store, 0o777);
    let agent = Agent::start(&mut keeping(&store));
    let line = agent.wait_for_log("cannot be opened, and is kept in memory meanwhile");
    assert!(line.contains("chmod o-w"), "{line}");
    agent.wait_for_stdout("\"cpu\"");
    agent.terminate().expect_code(0);
    assert!(!Path::new(&folder.path("history/history.redb")).exists());
}

#[test]
fn the_history_tells_nobody_else_what_the_machine_does() {
    let folder = Folder::of(&[]);
    let store = folder.path("a/b/history");
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_stdout("\"cpu\"");
    agent.terminate().expect_code(0);
    let mode = |path: &str| {
        let metadata = std::fs::metadata(folder.path(path)).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!((mode("a/b/history"), mode("a/b/history/history.redb")), (0o700, 0o600));
}

#[test]
fn a_link_in_the_place_of_the_file_is_not_followed() {
    let folder = Folder::of(&[("victim", "")]);
    mode(folder.path("victim"), 0o644);
    let store = folder.path("history");
    std::fs::create_dir(&store).expect("it is new");
    std::os::unix::fs::symlink(folder.path("victim"), format!("{store}/history.redb"))
        .expect("the name is free");
    let agent = Agent::start(&mut keeping(&store));
    agent.wait_for_log("history.redb is a symbolic link: expected a file of its own");
    agent.wait_for_stdout_lines("\"cpu\"", 2);
    agent.terminate().expect_code(0);
    let victim = std::fs::metadata(folder.path("victim")).expect("it is there");
    assert_eq!((victim.len(), victim.permissions().mode() & 0o777), (0, 0o644));
}

#[test]
fn without_a_store_there_is_no_file_and_no_thread() {
    let folder = Folder::of(&[]);
    let mut command = support::command();
    command.args(["--dry-run", "--period=1"]).current_dir(folder.path("."));
    let agent = Agent::start(&mut command);
    agent.wait_for_stdout("CPU");
    let threads = std::fs::read_dir(format!("/proc/{}/task", agent.id())).expect("it runs");
    assert_eq!(threads.count(), 1);
    agent.terminate().expect_code(0);
    assert_eq!(std::fs::read_dir(folder.path(".")).expect("a folder").count(), 0);
}
