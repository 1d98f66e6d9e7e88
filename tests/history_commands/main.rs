//! `query` and `store`: what is printed of a history, and what is said where that cannot be done.

mod damaged;
mod days;
mod forms;
mod wrong;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use support::folder::Folder;
use support::{Agent, Ended, command, run};

/// An agent that keeps a history in this folder.
fn agent(folder: &str) -> Command {
    let mut command = command();
    command.args(["--publish", "console", "--period", "1", "--sample-interval", "0.1"]).args([
        "--store",
        folder,
        "--store-sync",
        "1",
    ]);
    command
}

/// A history of two seconds, in a folder of the test.
fn history() -> Folder {
    static ALL: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = ALL.get_or_init(|| {
        let folder = Folder::of(&[]);
        let agent = Agent::start(&mut agent(&folder.path("history")));
        agent.wait_for_stdout_lines("CPUUtilization", 2);
        agent.terminate().expect_code(0);
        fs::read(folder.path("history/history.redb")).expect("the agent made it")
    });
    let folder = Folder::of(&[]);
    folder.write("history.redb", bytes);
    folder
}

/// Runs the binary with these arguments and the folder behind them.
fn on(folder: &Folder, arguments: &[&str]) -> Ended {
    run(command().args(arguments).arg(folder.whole()))
}

fn query(folder: &Folder, arguments: &[&str]) -> Ended {
    let variable = "CLOUDWATCH_METRICS_AGENT_STORE";
    run(command().arg("query").args(arguments).env(variable, folder.whole()))
}

/// The four commands, each on a folder.
fn each(folder: &str) -> [Ended; 4] {
    let run = |arguments: &[&str]| run(command().args(arguments).arg(folder));
    [
        run(&["store", "verify"]),
        run(&["store", "export", "--format", "csv"]),
        run(&["store", "prune"]),
        run(&["query", "cpu", "--store"]),
    ]
}

#[test]
fn where_there_is_no_history_none_is_made() {
    let folder = Folder::of(&[("file", "text"), ("history.redb", "")]);
    fs::create_dir(folder.path("empty")).expect("a folder");
    for (name, why) in [
        ("none", "there is no such folder"),
        ("empty", "the folder has no file history.redb"),
        ("file", "it is a file and no folder"),
        ("", "its file history.redb is empty"),
    ] {
        let path = folder.path(name);
        for ended in each(&path) {
            let ended = ended.expect_code(1);
            let expected = format!(
                "no history in {path}: {why}; name the folder that the agent has in --store\n"
            );
            assert_eq!([ended.stdout, ended.stderr], [String::new(), expected]);
        }
    }
    assert!(!Path::new(&folder.path("none")).exists());
    assert!(fs::read_dir(folder.path("empty")).expect("a folder").next().is_none());
}

#[test]
fn a_history_that_an_agent_has_open_is_left_to_it() {
    let folder = Folder::of(&[]);
    let path = folder.path("history");
    let agent = Agent::start(&mut agent(&path));
    agent.wait_for_stdout_lines("CPUUtilization", 2);
    let is_open = format!("the history in {path} is open in another process");
    let [verify, export, prune, query] = each(&path).map(|ended| {
        let ended = ended.expect_code(1);
        assert_eq!(ended.stdout, "");
        ended.stderr
    });
    for text in [verify, export, prune] {
        assert_eq!(text, format!("{is_open}: end that one first\n"));
    }
    let cure = "ask the agent that has it open, through its --api, or end it first";
    assert_eq!(query, format!("{is_open}: {cure}\n"));
    agent.terminate().expect_code(0);
    run(command().args(["store", "verify", &path])).expect_code(0);
}

#[test]
fn a_history_is_verified_and_pruned_and_goes_on() {
    let folder = history();
    let ended = on(&folder, &["store", "verify"]).expect_code(0);
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines[1].starts_with("utilization/cpu "), "{ended:#?}");
    assert_eq!(lines[lines.len() - 2..], ["bytes of all blocks: 0", "valid"], "{ended:#?}");
    let before = fs::metadata(folder.path("history.redb")).expect("a file").len();
    let ended = on(&folder, &["store", "prune", "--store-size", "1MB"]).expect_code(0);
    let lines: Vec<_> = ended.stdout.lines().collect();
    let after = fs::metadata(folder.path("history.redb")).expect("a file").len();
    assert!(after <= before, "{after} of {before}");
    assert_eq!(lines, [format!("before: {before} bytes"), format!("after: {after} bytes")]);
    let counted = |folder: &Folder| {
        let csv = query(folder, &["cpu", "--resolution", "full", "--output", "csv"]).expect_code(0);
        csv.stdout.lines().count() - 1
    };
    let counted_before = counted(&folder);
    assert!(counted_before > 5);
    let agent = Agent::start(&mut agent(&folder.whole()));
    agent.wait_for_stdout_lines("CPUUtilization", 2);
    agent.terminate().expect_code(0);
    assert!(counted(&folder) > counted_before);
    let json = on(&folder, &["store", "verify", "--output", "json"]).expect_code(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["valid"], true);
    assert_eq!(json["series"][1]["metric"], "memory");
    assert_eq!(json["series"][0]["levels"][0]["count"], counted(&folder));
}
