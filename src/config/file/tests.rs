//! Files as users write them, by the real table of types.

mod checks;
mod options;
mod properties;
mod thresholds;

use std::ffi::OsString;

use super::Files;
use crate::check::TABLE;
use crate::config::cli::Cli;
use crate::config::text::{Form, Source};
use crate::config::{Problems, Settings};

/// What stands in a main file named `agent.yaml`.
fn main_file(text: &str) -> Files {
    files(vec![("agent.yaml", Form::Main, text)])
}

/// What stands in one file of a folder.
fn check_file(name: &str, text: &str) -> Files {
    let id = name.trim_end_matches(".yaml").to_owned();
    files(vec![(name, Form::Check(id), text)])
}

fn files(sources: Vec<(&str, Form, &str)>) -> Files {
    let mut files = Files::default();
    for (name, form, text) in sources {
        let (name, text) = (name.to_owned(), text.to_owned());
        files.add(Ok(Source { name, form, text }), TABLE);
    }
    files
}

fn problems(files: &Files) -> Vec<&str> {
    files.problems.iter().map(|problem| &*problem.text).collect()
}

/// The settings of a command line with these files.
fn settings(args: &[&str], files: Files) -> Result<Settings, Problems> {
    let args = ["agent"].iter().chain(args).map(OsString::from);
    let mut cli = Cli::parse(args).map_err(|refusal| Problems::of_file(refusal.to_string()))?;
    cli.files = files;
    Settings::new(&cli)
}
