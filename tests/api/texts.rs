//! The changes of a text, of an agent that runs, after a kill, and of its folder.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::folder::{Folder, mode};
use support::server::{free_port, wait_until};
use support::{Agent, command, run};

use crate::Served;
use crate::client::Place;

const CONFIG: &str = "\
checks:
  door:
    type: agent.plugin
    period: 1
    details: {file: door.sh}
";

/// An agent with a check whose text is that of the file `value`.
fn door(folder: Folder) -> Served {
    let port = free_port();
    let mut command = command();
    command.args(["--publish=console", "--period", "1", "--sample-interval", "0.1"]);
    command.args(["--config", &folder.path("agent.yaml"), "--plugins", &folder.whole()]);
    command.args(["--store", &folder.path("history"), "--store-sync", "1"]);
    command.args(["--api", &format!("127.0.0.1:{port}")]).env("RUST_LOG", "info");
    Served::of(Agent::start(&mut command), Place::Tcp(port), folder)
}

const PLOT: &str = "/entities/self/checks/door/metrics/state/plot?from=0&to=99999999999999";

fn texts(served: &Served) -> Vec<String> {
    // The history may not be open yet, and the first run may not be over.
    let answer = served.get(&format!("{PLOT}&resolution=FULL&select=text"));
    let page = if answer.status == 200 { answer.json() } else { json!({ "values": [] }) };
    let values = page["values"].as_array().expect("an array");
    values.iter().map(|of| of["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn a_text_is_kept_when_it_changes_also_over_a_kill() {
    let folder = Folder::of(&[("agent.yaml", CONFIG), ("value", "shut")]);
    let value = folder.path("value");
    let script = format!(
        "#!/bin/sh\necho status ok\necho \"metric state string $(cat {value})\"\necho metric open int32 1\n"
    );
    mode(folder.write("door.sh", script), 0o755);
    let set = |text: &str| fs::write(&value, text).expect("it is ours");
    let served = door(folder);
    wait_until("the first text", || texts(&served) == ["shut"]);
    set("ajar, \"a bit\"");
    wait_until("another", || texts(&served).len() == 2);
    set("shut");
    wait_until("a third", || texts(&served).len() == 3);
    assert_eq!(texts(&served), ["shut", "ajar, \"a bit\"", "shut"]);

    // Without select=text it is 400, as is a rollup.
    for (rest, message) in [
        (
            "&resolution=FULL",
            "metric \"state\" is a text, which has no points: resolution=FULL&select=text gives its changes",
        ),
        (
            "&points=100&select=text",
            "metric \"state\" is a text, which has no rollups: select=text expects resolution=FULL",
        ),
    ] {
        let answer = served.get(&format!("{PLOT}{rest}"));
        assert_eq!((answer.status, &answer.json()["message"]), (400, &json!(message)));
    }
    let number = PLOT.replace("/state/", "/open/");
    let answer = served.get(&format!("{number}&resolution=FULL&select=text"));
    assert_eq!(answer.json()["message"], "metric \"open\" is a number, which has no select=text");

    let Place::Tcp(port) = served.place else { unreachable!("it is at a port") };
    let query = |rest: &[&str]| {
        let place = format!("127.0.0.1:{port}");
        run(command().args(["query", "door/state", "--api", &place]).args(rest))
    };
    let csv = query(&["--output", "csv"]).expect_code(0).stdout;
    let values: Vec<_> = csv.lines().skip(1).filter_map(|line| line.split_once(',')).collect();
    let values: Vec<_> = values.into_iter().map(|(_, text)| text).collect();
    assert_eq!(values, ["shut", "\"ajar, \"\"a bit\"\"\"", "shut"]);
    let refused = query(&["--resolution", "MIN5"]).expect_code(1).stderr;
    assert!(refused.contains("is a text, which has no rollups"), "{refused}");

    // What was written is there after a kill.
    wait_until("a write", || is_written(&served));
    let Served { agent, folder, .. } = served;
    agent.signal(Signal::KILL);
    agent.wait();
    let served = door(folder);
    wait_until("the texts of before", || texts(&served).len() == 3);
    set("open");
    wait_until("one more", || texts(&served).len() == 4);
    let Served { agent, folder, .. } = served;
    agent.terminate().expect_code(0);

    let store = folder.path("history");
    let export = |format: &str| {
        run(command().args(["store", "export", "--format", format, &store, "door/state"]))
            .expect_code(0)
            .stdout
    };
    let lines: Vec<Value> =
        export("json").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of: Vec<_> = lines.iter().map(|of| of["text"].as_str().expect("a text")).collect();
    assert_eq!(of, ["shut", "ajar, \"a bit\"", "shut", "open"]);
    assert!(
        export("csv").lines().nth(2).is_some_and(|of| of.ends_with(",\"ajar, \"\"a bit\"\"\""))
    );
    assert_eq!(export("openmetrics"), "# TYPE history gauge\n# EOF\n");
    let verified = run(command().args(["store", "verify", &store])).expect_code(0).stdout;
    let row = verified.lines().find(|line| line.starts_with("door/state "));
    let row: Vec<_> = row.unwrap_or_default().split_whitespace().collect();
    assert_eq!(row.get(1..3), Some(&["FULL", "4"][..]), "{verified}");
    run(command().args(["store", "prune", &store])).expect_code(0);
    assert_eq!(export("json").lines().count(), 4);
    let list = run(command().args(["query", "--list", "--store", &store])).expect_code(0).stdout;
    assert!(
        list.lines().any(|line| line.starts_with("door/state") && line.contains(" text ")),
        "{list}"
    );
}

/// Whether the file has the last text, which nothing else does.
fn is_written(served: &Served) -> bool {
    let bytes = fs::read(served.folder.path("history/history.redb")).expect("the file");
    let text = b"ajar, \"a bit\"";
    // Behind it in its slot are a time, a length and the next text.
    bytes
        .windows(text.len() + 10)
        .any(|of| of.starts_with(text) && of[text.len()..].windows(5).any(|of| of == b"\x04shut"))
}
