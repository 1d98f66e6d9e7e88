//! A check of the command line: `check TYPE KEY=VALUE…`, or the id of one in a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::cli::Cli;
use super::file;
use super::near::did_you_mean;
use super::options::{PLUGINS, STATE};
use super::problems::{Blame, Problems};
use super::publishing::{Output, output};
use super::typed::Typed;
use crate::model::{CheckType, Configured, Detail, Details, Form, Roots, Setting};

/// How a result is to be printed.
pub fn output_of(cli: &Cli) -> Result<Output, Problems> {
    let mut problems = Problems::default();
    let output = problems.optional(cli, super::options::OUTPUT, output);
    if problems.is_empty() { Ok(output.unwrap_or_default()) } else { Err(problems) }
}

/// Where the plugins are.
pub fn plugins(cli: &Cli, problems: &mut Problems) -> PathBuf {
    problems.optional(cli, PLUGINS, folder).unwrap_or_else(|| Roots::default().plugins)
}

/// The folder of what is kept over a restart, if there is to be one.
pub fn state(cli: &Cli, problems: &mut Problems) -> Option<PathBuf> {
    problems.optional(cli, STATE, folder)
}

/// The kernel's files, and the folder of plugins that is asked for.
pub fn roots_of(cli: &Cli) -> Result<Roots, Problems> {
    let mut problems = Problems::default();
    let roots = Roots { plugins: plugins(cli, &mut problems), ..Roots::default() };
    if problems.is_empty() { Ok(roots) } else { Err(problems) }
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let is_absolute = text.starts_with('/');
    is_absolute.then(|| text.into()).ok_or_else(|| "a path that begins with /".to_owned())
}

/// The type of checks of this name.
pub fn kind_of(name: &str, table: &[&'static CheckType]) -> Result<&'static CheckType, Problems> {
    let kind = table.iter().find(|kind| kind.name == name).copied();
    kind.ok_or_else(|| {
        let typed = Typed::new(name, "check");
        let mut problems = Problems::default();
        problems.add(&typed, &file::expected_type(name, table));
        problems
    })
}

/// What is wrong with a type of host info that is none of these.
pub fn unknown_host_info(name: &str, names: &[&str]) -> Problems {
    let typed = Typed::new(name, "host-info");
    // The names of the API are in capitals, and some tools have blanks or hyphens for the underscore.
    let typed_name = name.to_lowercase().replace('-', "_");
    let near = names.iter().find(|known| **known == typed_name);
    let near = near.map(|known| format!("; did you mean {known}?"));
    let near = near.unwrap_or_else(|| did_you_mean(name, names));
    let mut problems = Problems::default();
    problems.add(&typed, &format!("one of {}{near}", names.join(", ")));
    problems
}

/// The check of this name: of one of the files that were read, or of a type with these details.
pub fn check_of(
    cli: &Cli,
    name: &str,
    details: &[String],
    table: &[&'static CheckType],
) -> Result<Configured, Problems> {
    let mut problems = Problems::default();
    problems.extend(&cli.files.problems);
    if let Some(check) = cli.files.checks.iter().find(|check| check.id == name) {
        if let Some(first) = details.first() {
            let text =
                format!("{first:?}: expected no details: check {name} has those of its file");
            problems.note(Blame::Typed, text);
        }
        return if problems.is_empty() { Ok(check.clone()) } else { Err(problems) };
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let ids: Vec<_> = cli.files.checks.iter().map(|check| check.id.as_str()).collect();
    let is_type = table.iter().any(|kind| kind.name == name);
    if !ids.is_empty() && !is_type {
        let text = format!(
            "check {name:?}: neither a check of the configuration files nor a type; the files have {}{}",
            ids.join(", "),
            did_you_mean(name, &ids)
        );
        problems.note(Blame::Typed, text);
        return Err(problems);
    }
    let kind = kind_of(name, table)?;
    let details = details_of(kind, details, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let configured = Configured::of(kind, details);
    if let Some(mistake) = configured.mistake() {
        problems.note(Blame::Typed, mistake);
        return Err(problems);
    }
    Ok(configured)
}

fn details_of(kind: &CheckType, texts: &[String], problems: &mut Problems) -> Details {
    let mut details = BTreeMap::new();
    let known: Vec<_> = kind.settings.iter().map(|setting| setting.name).collect();
    for text in texts {
        let typed = |text: &str, origin: &str| Typed::new(text, origin);
        let Some((key, value)) = text.split_once('=') else {
            problems.add(&typed(text, kind.name), "KEY=VALUE, such as target=/");
            continue;
        };
        let Some(setting) = kind.settings.iter().find(|setting| setting.name == key) else {
            let has = match known.is_empty() {
                true => "no details, because this type takes none".to_owned(),
                false => format!("one of {}{}", known.join(", "), did_you_mean(key, &known)),
            };
            problems.add(&typed(key, kind.name), &has);
            continue;
        };
        // As in a file: so a password stands neither in the history of a shell nor in the list of processes.
        // Arguments of a plugin may have `${` of their own.
        let is_literal = setting.name == "args";
        let replaced = if is_literal { Ok(value.to_owned()) } else { file::replaced(value) };
        let value = match replaced {
            Ok(value) => value,
            Err(expected) => {
                problems.add(&typed(key, kind.name), &expected);
                continue;
            }
        };
        match (file::value(setting, &value), details.get_mut(key)) {
            (Ok(Detail::List(mut more)), Some(Detail::List(list))) => list.append(&mut more),
            (Ok(detail), None) => {
                details.insert(key.to_owned(), detail);
            }
            (Ok(_), Some(_)) => problems.add(&typed(key, kind.name), &format!("{key} once")),
            (Err(expected), _) => problems.add(&typed(&value, key), &expected),
        }
    }
    let given: Vec<_> = texts.iter().filter_map(|text| Some(text.split_once('=')?.0)).collect();
    for missing in kind.missing(&given, as_argument) {
        problems.note(Blame::Missing, missing);
    }
    Details(details)
}

/// A setting with its example, as it is typed: one item of a list, which has brackets in YAML.
fn as_argument(setting: &Setting) -> String {
    let example = match setting.form {
        Form::List => {
            setting.example.trim_matches(['[', ']']).split(',').next().unwrap_or_default()
        }
        _ => setting.example,
    };
    format!("{}={}", setting.name, example.trim_matches(['"', '\'']))
}
