//! No type shows the environment or the arguments of a process, in any form.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{outcome, run};

#[test]
fn no_type_shows_an_environment_or_arguments() {
    let mut command = Command::new("sh");
    command.args(["-c", "read line", "argument-hunter2", "--password=hunter2"]);
    command.env("PLANTED_TOKEN", "environment-hunter2").stdin(Stdio::piped());
    let mut child = command.spawn().expect("sh is installed");
    let (_, text, _) = run(&["host-info", "--output", "json"]);
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let names = answer["info"]["types"].as_array().expect("a list");
    assert_eq!(names.len(), 15);
    for name in names.iter().filter_map(Value::as_str) {
        for output in ["text", "json"] {
            let mut agent = support::command();
            agent.args(["host-info", name, "--output", output]).env("OWN_TOKEN", "own-hunter2");
            let (_, text, error) = outcome(&mut agent);
            for secret in ["hunter2", "PLANTED_TOKEN", "OWN_TOKEN"] {
                assert!(
                    !text.contains(secret) && !error.contains(secret),
                    "{name}: {secret}: {text}"
                );
            }
            if name == "processes" {
                assert!(text.contains(&child.id().to_string()), "it is among them: {text}");
            }
        }
    }
    drop(child.stdin.take());
    child.wait().expect("it ends with its input");
}
