//! `ctl` beside an agent that runs.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use support::folder::Folder;
use support::server::free_port;
use support::{Agent, Ended, command, run};

use crate::client::Place;
use crate::{CONFIG, Served, previewing};

impl Served {
    pub fn address(&self) -> String {
        match &self.place {
            Place::Unix(path) => format!("unix:{path}"),
            Place::Tcp(port) => format!("127.0.0.1:{port}"),
        }
    }

    /// What `ctl` makes of these arguments.
    pub fn ctl(&self, arguments: &[&str]) -> Ended {
        ctl(&self.address(), arguments)
    }

    /// What it prints where it is done.
    pub fn told(&self, arguments: &[&str]) -> String {
        let ended = self.ctl(arguments).expect_code(0);
        assert!(["", FORGOTTEN].contains(&&*ended.stderr), "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }
}

pub fn ctl(address: &str, arguments: &[&str]) -> Ended {
    run(command().arg("ctl").args(arguments).args(["--api", address]).env("USER", "joe"))
}

/// What is said beside a change where the agent has no folder for it.
const FORGOTTEN: &str =
    "this lasts until the agent restarts: start it with --state FOLDER to keep such changes\n";

#[test]
fn a_change_that_a_restart_ends_says_so_and_one_that_is_kept_or_is_none_does_not() {
    for keeps in [false, true] {
        let folder = Folder::of(&[("agent.yaml", CONFIG)]);
        let path = folder.path("api.sock");
        let mut command = previewing(&folder);
        command.args(["--api", &format!("unix:{path}")]);
        if keeps {
            command.args(["--state", &folder.path("state")]);
        }
        let served = Served::of(Agent::start(&mut command), Place::Unix(path), folder);
        let silence = r#"{"id":"night","label":"night","checks":["utilization"]}"#;
        for (arguments, is_change) in [
            (&["suppressions", "add", silence][..], true),
            (&["suppressions", "change", "night", "label=day"], true),
            (&["suppressions", "show", "night"], false),
            (&["values", "put", "push/queue", "7"], false),
            (&["suppressions", "remove", "night"], true),
            (&["suppressions", "remove", "night", "--output", "json"], false),
        ] {
            let ended = served.ctl(arguments);
            let said = ended.stderr.lines().any(|line| line == FORGOTTEN.trim_end());
            assert_eq!(said, !keeps && is_change, "{arguments:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_check_lives_and_ends_by_verbs_alone() {
    let served = Served::at_socket();
    let body = r#"{"id": "disk", "type": "agent.memory", "period": 1}"#;
    served.folder.write("disk.json", body);
    let file = served.folder.path("disk.json");
    assert_eq!(served.told(&["add", &file, "--why", "to see\nit"]), "disk: added\n");
    served.wait_for_value("disk/total");
    let table = served.told(&["checks"]);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("id           type"), "{table}");
    let row = lines.iter().find(|line| line.starts_with("disk ")).expect("it is listed");
    assert!(row.contains("  agent.memory        1 s     no        yes        20"), "{table}");
    let disabled = lines.iter().find(|line| line.starts_with("memory ")).expect("it is listed");
    assert!(disabled.ends_with("  yes       -          -                         -"), "{table}");
    let changes = ["period=30", "label=my disk", "metadata.team=web"];
    let change = [&["change", "disk"], &changes[..]].concat();
    assert_eq!(served.told(&change), "disk: changed\n");
    let check = served.json("/entities/self/checks/disk");
    let changed = [&check["period"], &check["label"], &check["metadata"]["team"]];
    assert_eq!(changed, [&json!(30), &json!("my disk"), &json!("web")]);
    let fields = served.told(&["check", "disk"]);
    assert!(fields.contains("\nlabel                   my disk\n"), "{fields}");
    assert_eq!(served.told(&["disable", "disk", "load"]), "disk: disabled\nload: disabled\n");
    assert_eq!(served.json("/entities/self/checks/load")["disabled"], true);
    let refused = served.ctl(&["restart", "disk"]).expect_code(1).stderr;
    let expected = "answered 409: check disk is disabled: enable it first\n";
    assert!(refused.ends_with(expected), "{refused}");
    let result = served.told(&["run", "disk"]);
    assert!(result.starts_with("available: ") && result.contains("\ntotal "), "{result}");
    assert_eq!(served.told(&["enable", "disk"]), "disk: enabled\n");
    assert_eq!(served.told(&["restart", "disk"]), "disk: restarted\n");
    assert_eq!(served.told(&["remove", "disk"]), "disk: removed\n");
    assert_eq!(served.get("/entities/self/checks/disk").status, 404);
    let ended = served.agent.terminate().expect_code(0);
    for said in ["added through the API by joe: to see\\nit", "removed through the API by joe"] {
        assert!(ended.stderr.contains(&format!("check disk was {said}")), "{}", ended.stderr);
    }
}

#[test]
fn each_of_several_is_tried_and_each_failure_is_told() {
    let served = Served::at_socket();
    let ended = served.ctl(&["disable", "none", "load", "a\u{1b}b"]).expect_code(1);
    assert_eq!(ended.stdout, "load: disabled\n");
    let lines: Vec<_> = ended.stderr.lines().collect();
    let begin = format!("the agent at {} answered 404: check", served.address());
    let expected = [format!("{begin} none not found"), format!(r"{begin} a\u{{1b}}b not found")];
    assert_eq!(lines[..2], expected);
    assert_eq!(lines[2..], [FORGOTTEN.trim_end()]);
    // What is unavailable is so also for scripts.
    let ended = served.ctl(&["run", "tcp"]).expect_code(1);
    assert!(ended.stdout.starts_with("unavailable: 127.0.0.1:1 refused "), "{ended:?}");
    assert_eq!(ended.stderr, "");
}

#[test]
fn programs_read_what_the_agent_has_answered() {
    let served = Served::at_socket();
    served.wait_for_value("load/1m");
    let text = |path: &str| format!("{}\n", served.get(path).text());
    for (arguments, path) in [
        (&["check", "memory"][..], "/entities/self/checks/memory"),
        (&["alarm", "high"], "/entities/self/alarms/high"),
        (&["get", "/check_types/agent.memory"], "/check_types/agent.memory"),
        (&["alarms"], "/entities/self/alarms?limit=1000"),
    ] {
        assert_eq!(served.told(&[arguments, &["--output", "json"]].concat()), text(path));
    }
    let time = served.told(&["--output", "json", "time"]);
    let time: Value = serde_json::from_str(&time).expect("JSON");
    assert!(time["sent"].as_i64().is_some_and(|ms| ms > 1_700_000_000_000), "{time}");
    // Nothing was answered, so there is nothing to read.
    assert_eq!(served.told(&["disable", "load", "--output", "json"]), "");
    let values = served.told(&["values"]);
    assert!(values.starts_with("check        metric "), "{values}");
    let one = served.told(&["values", "load/1m"]);
    assert!(one.contains("\nmetric     1m\n"), "{one}");
    let whole = served.told(&["get", "/capabilities"]);
    assert!(whole.starts_with("{\n  \"check_types\": ["), "{whole}");
    let whole: Value = serde_json::from_str(&whole).expect("it is still JSON");
    assert_eq!(whole, served.json("/capabilities"));
    let page = served.told(&["get", "/metrics"]);
    assert!(page.starts_with("# HELP cloudwatch_metrics_agent_build_info "), "{page}");
    let clock = served.told(&["time"]);
    assert!(clock.starts_with("clock of the agent: 20"), "{clock}");
}

#[test]
fn timestamps_are_those_of_the_clock_here_if_that_is_asked_for() {
    let served = Served::at_socket();
    let ahead = json!({ "sent": 9_000, "received": 1_000, "answered": 1_000, "back": 9_000 });
    let body = json!({ "exchange": ahead, "apply": "caller" });
    assert_eq!(served.send("POST", "/time/sync", "", &body).status, 200);
    let later = "\ntimestamps of what it publishes: 8000 ms later than its clock has them\n";
    let clock = served.told(&["time"]);
    assert!(clock.ends_with(later), "{clock}");
    // Here it is the same clock, to a few milliseconds.
    let clock = served.told(&["time", "sync", "--why", "it was off"]);
    assert!(clock.starts_with("clock of the agent: 20") && !clock.ends_with(later), "{clock}");
    served.agent.wait_for_log(": it was off");
    let none = served.told(&["time", "sync", "none"]);
    assert!(none.ends_with("timestamps of what it publishes: as its clock has them\n"), "{none}");
    let answer: Value =
        serde_json::from_str(&served.told(&["time", "sync", "none", "--output", "json"]))
            .expect("JSON");
    assert_eq!(answer["shift_ms"], 0);
    let ended = ctl(&served.address(), &["time", "sync", "endpoint"]).expect_code(1);
    assert!(ended.stderr.contains("the clock of the endpoint is not known"), "{}", ended.stderr);
}

#[test]
fn who_may_not_write_is_told_so() {
    let files = Folder::of(&[
        ("tokens", "read abcd-1234\nwrite efgh-5678\n"),
        ("write", "write efgh-5678"),
    ]);
    let served = Served::at_port(&["--api-token-file", &files.path("tokens")], &[]);
    let address = served.address();
    let disable = |token: Option<&str>, options: &[&str]| {
        let mut command = command();
        command.args(["ctl", "disable", "load", "--api", &address]).args(options);
        run(command.envs(token.map(|token| ("CLOUDWATCH_METRICS_AGENT_API_TOKEN", token))))
    };
    let begin = format!("the agent at {address}");
    for (token, expected) in [
        (Some("abcd-1234"), format!("{begin} answered 403: ")),
        (
            Some("wrong-1234"),
            format!("{begin} does not know the token of CLOUDWATCH_METRICS_AGENT_API_TOKEN\n"),
        ),
        (None, format!("{begin} wants a token: set CLOUDWATCH_METRICS_AGENT_API_TOKEN or name a ")),
    ] {
        let ended = disable(token, &[]).expect_code(1);
        assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
    }
    assert_eq!(
        disable(None, &["--api-token-file", &files.path("write")]).expect_code(0).stderr,
        FORGOTTEN
    );
    assert!(disable(Some("efgh-5678"), &[]).status.success());
    let ended = disable(None, &["--api-token-file", "/nowhere"]).expect_code(2);
    assert!(ended.stderr.starts_with("--api-token-file /nowhere cannot be read: "), "{ended:?}");
    let open = Served::at_port(&[], &[]);
    let ended = open.ctl(&["disable", "load"]).expect_code(1);
    assert!(ended.stderr.contains(" answered 403: "), "{}", ended.stderr);
    assert!(open.told(&["checks"]).contains("\nload "));
}

#[test]
fn where_no_agent_answers_it_is_told_apart() {
    let folder = Folder::of(&[]);
    let port = free_port();
    for address in [format!("127.0.0.1:{port}"), format!("unix:{}", folder.path("api.sock"))] {
        let expected = format!(
            "no agent answers at {address}: start the agent, or name the address that it has in --api\n"
        );
        for arguments in [
            &["checks"][..],
            &["disable", "a", "b"],
            &["run", "a"],
            &["time"],
            &["events", "--follow"],
            &["get", "/values"],
        ] {
            let ended = ctl(&address, arguments).expect_code(3);
            assert_eq!([ended.stdout, ended.stderr], [String::new(), expected.clone()]);
        }
    }
}

#[test]
fn a_wrong_command_line_is_told_before_anything_is_asked() {
    let missing = "--api is missing: name the address that the agent has in --api, as in unix:/run/agent.sock, \
                   or set CLOUDWATCH_METRICS_AGENT_API\n";
    for name in ["ctl checks", "healthcheck"] {
        let ended = run(command().args(name.split(' '))).expect_code(2);
        assert_eq!([ended.stdout, ended.stderr], [String::new(), missing.to_owned()]);
    }
    let (address, folder) = ("unix:/nowhere/api.sock", Folder::of(&[("list.json", "[1]")]));
    let list = folder.path("list.json");
    for (arguments, expected) in [
        (&["chekcs"][..], "ctl \"chekcs\": expected one of checks, check, enable, "),
        (
            &["checks", "x"],
            "unexpected argument \"x\": cloudwatch_metrics_agent ctl checks --help ",
        ),
        (&["checks", "--outptu", "json"], "unknown option --outptu: did you mean --output?\n"),
        (&["checks", "--output", "xml"], "--output \"xml\": expected text or json\n"),
        (&["change", "a", "perod=5"], "change \"perod=5\": expected KEY=VALUE with one of type, "),
        (&["values", "cpu"], "values \"cpu\": expected CHECK/METRIC, such as utilization/cpu\n"),
        (&["time", "sink"], "time \"sink\": expected nothing, sync, sync endpoint or sync none\n"),
        (&["time", "sync", "me"], "time \"sync me\": expected nothing, sync, "),
        (&["get", "values"], "get \"values\": expected a path that begins with /, "),
        (&["events", "--from", "soon"], "--from \"soon\": expected a time: "),
        (&["add", "/nowhere.json"], "/nowhere.json cannot be read: "),
        (&["add", &list], &format!("{list}: expected a check as a JSON object, such as ")),
    ] {
        let ended = ctl(address, arguments).expect_code(2);
        assert!(ended.stderr.starts_with(expected), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    for arguments in [&["enable"][..], &["check", "a", "b"], &["change", "a"], &[]] {
        ctl(address, arguments).expect_code(2);
    }
    let half = pipe_to_add(address, "{\"type\":").expect_code(2).stderr;
    assert!(half.starts_with("standard input: expected a check as a JSON object: EOF "), "{half}");
}

/// What `ctl add -` makes of a text.
fn pipe_to_add(address: &str, text: &str) -> Ended {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(text.as_bytes()).expect("it has room");
    drop(writer);
    let mut add = command();
    add.args(["ctl", "add", "-", "--api", address]).stdin(Stdio::from(reader));
    Agent::start(&mut add).wait()
}

#[test]
fn a_reload_and_its_undoing_are_told() {
    let served = Served::at_socket();
    served.told(&["disable", "load"]);
    let more = format!("{CONFIG}  disk:\n    type: agent.memory\n");
    served.folder.write("agent.yaml", more);
    let told = served.told(&["reload", "--why", "a new disk"]);
    assert!(told.contains("\nchecks added: disk\nchecks unchanged: "), "{told}");
    assert_eq!(served.json("/entities/self/checks/load")["disabled"], true);
    served.folder.write("agent.yaml", "checks:\n  disk:\n    type: agent.dsk\n    period: often\n");
    let refused = served.ctl(&["reload"]).expect_code(1);
    assert_eq!(refused.stdout, "");
    let lines: Vec<_> = refused.stderr.lines().collect();
    let problems = lines.iter().filter(|line| line.contains("agent.yaml:")).count();
    assert!(lines[0].contains(" answered 422: ") && problems == 2, "{lines:?}");
    assert!(served.told(&["undo"]).contains("\nchecks removed: disk\n"));
    served.folder.write("agent.yaml", CONFIG);
    let told = served.told(&["reload", "--discard-changes"]);
    assert!(told.contains("\nchecks changed: load\n"), "{told}");
    let ended = served.agent.terminate().expect_code(0);
    assert!(ended.stderr.contains(" by joe: a new disk"), "{}", ended.stderr);
}

#[test]
fn a_probe_needs_no_token_and_says_when_the_agent_has_ended() {
    let tokens = Folder::of(&[("tokens", "read abcd-1234\n")]);
    let at_port = Served::at_port(&["--api-token-file", &tokens.path("tokens")], &[]);
    for served in [at_port, Served::at_socket()] {
        let address = served.address();
        let probe = |options: &[&str]| {
            let variable = ("CLOUDWATCH_METRICS_AGENT_API", &*address);
            run(command().arg("healthcheck").args(options).envs([variable]))
        };
        assert_eq!(probe(&[]).expect_code(0).stdout, "healthy\n");
        assert_eq!(probe(&["--ready", "--timeout", "30"]).expect_code(0).stdout, "ready\n");
        served.agent.terminate().expect_code(0);
        let ended = probe(&[]).expect_code(1);
        let begin = format!("no agent answers at {address}: ");
        assert!(ended.stderr.starts_with(&begin) && ended.stderr.lines().count() == 1, "{ended:?}");
    }
}

#[test]
fn a_check_can_come_from_a_pipe_and_gets_an_id() {
    let served = Served::at_socket();
    let ended = pipe_to_add(&served.address(), r#"{"type": "agent.load_average"}"#).expect_code(0);
    let id = ended.stdout.strip_suffix(": added\n").expect("its id");
    assert!(id.starts_with("ch") && id.len() == 10, "{id}");
    assert_eq!(served.json(&format!("/entities/self/checks/{id}"))["type"], "agent.load_average");
    let refused = served.ctl(&["add", r#" {"type": "agent.lod"}"#]).expect_code(1);
    assert!(refused.stderr.contains("answered 400: type \"agent.lod\": expected "), "{refused:?}");
    let half = served.ctl(&["add", r#"{"type": "#]).expect_code(2);
    assert!(half.stderr.starts_with("add: expected a check as a JSON object: EOF "), "{half:?}");
}
