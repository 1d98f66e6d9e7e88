//! A preview of a file that is written for another run leaves nothing behind.

use support::server::wait_until;
use support::{Agent, command};

use super::*;

/// A file of a machine whose folders are those of these names here.
fn folder(more: &str) -> Folder {
    let folder = Folder::of(&[]);
    let [store, state] = ["var/history", "var/state"].map(|name| folder.path(name));
    let text = format!("store: {store}\nstate: {state}\nstore-size: 1MB\n{more}");
    folder.write("agent.yaml", text);
    folder
}

/// Whether the folders are there after a short run, and what standard error has, without the paths.
fn ran(folder: &Folder, more: &[&str], variable: Option<(&str, &str)>) -> ([bool; 2], String) {
    let mut command = command();
    command.args(["--period", "1", "--sample-interval", "0.1", "--once"]);
    command.args(["--config", &folder.path("agent.yaml")]).args(more).envs(variable);
    let (code, stdout, stderr) = outcome(&mut command);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("MemoryUtilization"), "{stdout}");
    let is_there = ["var/history", "var/state"].map(|name| fs::exists(folder.path(name)));
    (is_there.map(|is_there| is_there.expect("it can be asked")), folder.relative(&stderr))
}

const STORE: &str = "agent.yaml:1:8: store has no effect in a preview, which leaves no files behind: \
                     the history is in memory; to use the folder, add --store var/history\n";
const STATE: &str = "agent.yaml:2:8: state has no effect in a preview, which leaves no files behind: \
                     no changes are kept; to use the folder, add --state var/state\n";

#[test]
fn a_preview_that_is_typed_makes_no_folder_of_a_file() {
    let typed: [(&[&str], _); 2] = [
        (&["--dry-run"], None),
        // Both say it, and who types it wants a preview.
        (&["-d"], Some(("CLOUDWATCH_METRICS_AGENT_PUBLISH", "console"))),
    ];
    for (more, variable) in typed {
        let folder = folder("");
        let (is_there, stderr) = ran(&folder, more, variable);
        assert_eq!(is_there, [false, false], "{more:?}: {stderr}");
        for line in [STORE, STATE] {
            assert!(stderr.contains(line), "{more:?}: {stderr}");
        }
        assert!(!stderr.contains("store-size"), "{stderr}");
        let left: Vec<_> = fs::read_dir(folder.whole()).expect("a folder").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

#[test]
fn a_preview_uses_the_folders_that_are_typed() {
    let folder = folder("");
    let [store, state] = ["var/history", "var/state"].map(|name| folder.path(name));
    let (is_there, stderr) = ran(&folder, &["--dry-run", "--store", &store], None);
    assert_eq!(is_there, [true, false], "{stderr}");
    assert!(stderr.contains(STATE) && !stderr.contains(STORE), "{stderr}");
    let variable = ("CLOUDWATCH_METRICS_AGENT_STATE", &*state);
    let (is_there, stderr) = ran(&folder, &["--dry-run", "--store", "memory"], Some(variable));
    assert_eq!(is_there, [true, true], "{stderr}");
    assert!(!stderr.contains("has no effect in a preview"), "{stderr}");
}

/// An agent runs with the file that is to be previewed.
#[test]
fn a_preview_runs_beside_an_agent_with_the_same_file() {
    let folder = folder("");
    let [api, collectd] = ["api.sock", "collectd.sock"].map(|name| folder.path(name));
    folder.write("agent.yaml", format!("api: unix:{api}\ncollectd-socket: {collectd}\n"));
    let config = folder.path("agent.yaml");
    let agent = Agent::start(command().args(["--publish", "console", "--config", &config]));
    for path in [&api, &collectd] {
        wait_until("the socket", || fs::exists(path).is_ok_and(|is_there| is_there));
    }
    let pid = |address: &str| {
        let ended = support::run(command().args(["ctl", "get", "/agent", "--api", address]));
        let agent: serde_json::Value =
            serde_json::from_str(&ended.expect_code(0).stdout).expect("JSON");
        agent["pid"].as_u64()
    };
    let (_, stderr) = ran(&folder, &["--dry-run"], None);
    for (place, option) in [("1:6", "api"), ("2:18", "collectd-socket")] {
        let line = format!(
            "agent.yaml:{place}: {option} has no effect in a preview, because an agent with this file may use it; \
             for the preview, add --{option} with another value\n"
        );
        assert!(stderr.contains(&line), "{stderr}");
    }
    // The agent still has both.
    assert_eq!(pid(&format!("unix:{api}")), Some(agent.id().into()));
    assert!(fs::exists(&collectd).is_ok_and(|is_there| is_there));
    let socket = folder.path("own.sock");
    let own = format!("unix:{socket}");
    let preview = Agent::start(command().args(["--dry-run", "--config", &config, "--api", &own]));
    wait_until("the socket", || fs::exists(&socket).is_ok_and(|is_there| is_there));
    assert_eq!(pid(&own), Some(preview.id().into()));
    let stderr = folder.relative(&preview.terminate().expect_code(0).stderr);
    assert!(!stderr.contains("agent.yaml:1:6") && stderr.contains("agent.yaml:2:18"), "{stderr}");
    agent.terminate().expect_code(0);
}

/// Each preview would tell anew of all that is not OK.
#[test]
fn a_preview_notifies_nobody() {
    let told = |more: &[&str]| {
        let folder = Folder::of(&[]);
        let (plugin, note) = (folder.path("plugins/tell"), folder.path("told"));
        fs::create_dir(folder.path("plugins")).expect("a folder");
        folder.write("plugins/tell", format!("#!/bin/sh\ncat >> {note}\n"));
        mode(&plugin, 0o755);
        let text = "publish: [console]\nchecks:\n  load:\n    type: agent.load_average\n    period: 1\n    timeout: 500ms\n    alarms:\n      \
                    high:\n        notification_plan_id: all\n        criteria: return new AlarmStatus(CRITICAL, 'always');\n\
                    notifications:\n  us:\n    type: exec\n    details: {file: tell}\n\
                    notification_plans:\n  all: {critical_state: [us]}\n";
        folder.write("agent.yaml", text);
        let config = folder.path("agent.yaml");
        let mut command = command();
        command.args(["--period", "1", "--sample-interval", "0.1", "--config", &config]);
        command.args(["--plugins", &folder.path("plugins")]).args(more);
        let agent = Agent::start(&mut command);
        agent.wait_for_log("alarm high of check load is CRITICAL");
        if more.is_empty() {
            wait_until("the notification", || fs::metadata(&note).is_ok_and(|of| of.len() > 0));
        }
        let ended = agent.terminate().expect_code(0);
        (fs::exists(&note).expect("it can be asked"), ended.stderr)
    };
    let (is_told, stderr) = told(&[]);
    assert!(is_told && !stderr.contains("a preview sends no notifications"), "{stderr}");
    let (is_told, stderr) = told(&["--dry-run"]);
    let line = "a preview sends no notifications; ignored from the configuration files: 1\n";
    assert!(!is_told && stderr.contains(line), "{stderr}");
}

#[test]
fn a_typed_preview_goes_before_what_files_and_variables_publish() {
    let file = "namespace: a\nservice: b\npublish: [cloudwatch, otlp]\napi: 0.0.0.0:1\n";
    let folder = Folder::of(&[("agent.yaml", file)]);
    let (_, stderr) = ran(&folder, &["--dry-run"], None);
    // Its token is a variable of the service, and nobody can reach an address that is not opened.
    assert!(stderr.contains("agent.yaml:4:6: api has no effect in a preview"), "{stderr}");
    folder.write("agent.yaml", "metrics: memory\n");
    let variable = ("CLOUDWATCH_METRICS_AGENT_PUBLISH", "emf");
    ran(&folder, &["-d"], Some(variable));
    let (code, _, stderr) = run(&["--dry-run", "--publish", "emf"]);
    let expected =
        "--dry-run \"true\": expected no other publisher: --dry-run means --publish console\n";
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with(expected), "{stderr}");
    let (code, _, stderr) =
        outcome(command().env("CLOUDWATCH_METRICS_AGENT_DRY_RUN", "yes").envs([variable]));
    assert_eq!(code, Some(2), "what is typed nowhere is no wish: {stderr}");
}

/// A machine without AWS, whose agent keeps a history: the file says all of it.
#[test]
fn where_the_file_itself_publishes_nothing_its_folders_are_meant() {
    for line in ["publish: [console]\n", "dry-run: yes\n"] {
        let folder = folder(line);
        let (is_there, stderr) = ran(&folder, &[], None);
        assert_eq!(is_there, [true, true], "{line}: {stderr}");
        assert!(!stderr.contains("has no effect in a preview"), "{stderr}");
    }
    // That no preview is typed changes nothing of it.
    let (is_there, stderr) = ran(&folder("publish: [console]\n"), &["--dry-run=no"], None);
    assert_eq!(is_there, [true, true], "{stderr}");
    // Who publishes to the console alone keeps a history as well.
    let (is_there, stderr) = ran(&folder(""), &["--publish", "console"], None);
    assert_eq!(is_there, [true, true], "{stderr}");
}

#[test]
fn an_explanation_says_what_a_preview_would_do() {
    let folder = folder("");
    let config = folder.path("agent.yaml");
    let (code, stdout, _) = run(&["explain", "--dry-run", "--config", &config]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("history: in memory, up to 4 MB\n"), "{stdout}");
    assert!(folder.relative(&stdout).contains(&format!("warning: {STORE}")), "{stdout}");
    let (_, stdout, _) = run(&["explain", "--config", &config]);
    assert!(folder.relative(&stdout).contains("history: in var/history, up to 1 MB,"), "{stdout}");
}
