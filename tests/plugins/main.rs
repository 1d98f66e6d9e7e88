//! Plugins as users have them, run by the real binary: what they print, how they end, and what they leave
//! behind.
#![cfg(target_os = "linux")]

mod command;
mod ends;
mod files;
mod monitoring_plugins;
mod pace;
mod prints;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use support::folder::{Folder, mode};
use support::server::wait_until;

/// A folder of plugins: names and scripts of a shell.
fn plugins(scripts: &[(&str, &str)]) -> Folder {
    let folder = Folder::of(&[]);
    for (name, script) in scripts {
        let path = folder.write(name, format!("#!/bin/sh\n{script}\n"));
        mode(path, 0o755);
    }
    folder
}

/// `check agent.plugin` of a file with more details.
fn check(folder: &Folder, file: &str, more: &[&str]) -> Command {
    let mut command = support::command();
    command.args(["check", "agent.plugin", "--output=json", "--plugins"]).arg(folder.whole());
    command.arg(format!("file={file}")).args(more);
    command
}

/// What came of one run: the object that is printed, and the log.
fn result_of(command: &mut Command) -> (Value, String) {
    let output = command.output().expect("the binary starts");
    let object: Value = serde_json::from_slice(&output.stdout).expect("an object");
    let is_available = object["available"] == true;
    assert_eq!(output.status.code(), Some(i32::from(!is_available)), "{object}");
    (object, String::from_utf8(output.stderr).expect("UTF-8"))
}

/// The same of a script.
fn run(script: &str, more: &[&str]) -> Value {
    result_of(&mut check(&plugins(&[("plugin", script)]), "plugin", more)).0
}

/// The status of a script that has no result, and no metrics.
fn refused(script: &str, more: &[&str]) -> String {
    let object = run(script, more);
    assert_eq!(object["available"], false, "{object}");
    assert_eq!(object["metrics"], Value::Array(vec![]), "{object}");
    object["status"].as_str().expect("a text").to_owned()
}

/// The value of a metric.
fn value<'o>(object: &'o Value, name: &str) -> &'o Value {
    let metrics = object["metrics"].as_array().expect("a list");
    let metric = metrics.iter().find(|metric| metric["name"] == name);
    &metric.unwrap_or_else(|| unreachable!("no {name} in {object}"))["value"]
}
