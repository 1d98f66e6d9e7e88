//! Host info by the real binary, held against what the kernel and the tools of the system say of the same
//! things.
#![cfg(target_os = "linux")]

mod command_line;
mod machine;
mod mounts;
mod network;
mod processes;
mod secrets;
mod system;

use std::process::Command;

use serde_json::Value;

/// The exit code, standard output and standard error of a command line.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    outcome(support::command().args(args))
}

fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"));
    let output = output.expect("it is installed");
    let text = |bytes| String::from_utf8(bytes).expect("it writes text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The records of a type, which has to be there.
fn info(name: &str) -> Vec<Value> {
    let (code, text, error) = run(&["host-info", name, "--output", "json"]);
    assert_eq!((code, &*error), (Some(0), ""), "{name}: {text}");
    assert_eq!(text.lines().count(), 1, "{name}: one line: {text}");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert!(answer["timestamp"].as_u64().is_some_and(|ms| ms > 1_700_000_000_000), "{text}");
    answer["info"].as_array().expect("an array").clone()
}

/// The one record of a type.
fn single(name: &str) -> Value {
    let [record] = <[Value; 1]>::try_from(info(name)).expect("one record");
    record
}

/// The record in which a field has this value.
fn find<'a>(records: &'a [Value], field: &str, value: impl Into<Value>) -> &'a Value {
    let value = value.into();
    let found = records.iter().find(|record| record[field] == value);
    let missing = || format!("no {field} {value} in {records:#?}");
    found.ok_or_else(missing).expect("it is among them")
}

fn number(record: &Value, field: &str) -> u64 {
    let missing = || format!("no number {field} in {record:#}");
    record[field].as_u64().ok_or_else(missing).expect("it has a number")
}

/// The standard output of a tool that has to succeed.
fn output(program: &str, arguments: &[&str]) -> String {
    // `ip` is not on the path of every user.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let (code, text, error) = outcome(Command::new(program).args(arguments).env("PATH", path));
    assert_eq!(code, Some(0), "{program} {arguments:?}: {error}");
    text
}

/// What a script of Python prints as JSON.
fn python(script: &str, arguments: &[&str]) -> Value {
    let arguments = [&["-c", script], arguments].concat();
    serde_json::from_str(&output("python3", &arguments)).expect("the script writes JSON")
}
