//! Prints what is made of the definition of the command line.
//!
//! `reference configuration`, `reference checks`, `reference schema`, `reference man`, `reference
//! completions bash`

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap_complete::{Shell, generate};
use cloudwatch_metrics_agent::cli::definition;
use reference::{checks, configuration, man, schema};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let text = match arguments[..] {
        ["configuration"] => configuration::document().into_bytes(),
        ["checks"] => checks::document().into_bytes(),
        ["schema"] => schema::document().into_bytes(),
        ["man"] => man::page().expect("a vector takes everything"),
        ["completions", shell @ ("bash" | "zsh" | "fish")] => completions(match shell {
            "bash" => Shell::Bash,
            "zsh" => Shell::Zsh,
            _ => Shell::Fish,
        }),
        _ => {
            eprintln!(
                "usage: reference configuration | checks | schema | man | completions bash|zsh|fish"
            );
            return ExitCode::from(2);
        }
    };
    match stdout().write_all(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

fn completions(shell: Shell) -> Vec<u8> {
    let (mut command, mut text) = (definition(), Vec::new());
    let name = command.get_name().to_owned();
    generate(shell, &mut command, name, &mut text);
    text
}
