//! Configuration files and the commands around them, by the real binary.
#![cfg(target_os = "linux")]

mod checks;
mod files;
mod preview;

use std::fs;
use std::process::Command;

use support::command;
use support::folder::{Folder, mode};

/// The exit code, standard output and standard error of a command line.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    outcome(command().args(args))
}

fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}
