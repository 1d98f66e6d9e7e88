//! docs/configuration.md: each option as the definition of the command line has it, then what no
//! definition tells.

use clap::{Arg, ArgAction};
use cloudwatch_metrics_agent::cli::{definition, variable};

/// One option, in words.
#[derive(Debug, PartialEq, Eq)]
pub struct Option {
    /// Without its dashes.
    pub name: String,
    /// The other spellings, with their dashes.
    pub others: Vec<String>,
    pub variable: String,
    pub value: String,
    pub default: String,
    pub repeats: bool,
    pub meaning: String,
}

/// All options, in the order of `--help`.
pub fn options() -> Vec<Option> {
    // Building it gives each option its number of values.
    let mut command = definition();
    command.build();
    let own =
        |arg: &&Arg| !arg.is_positional() && !["help", "version"].contains(&arg.get_id().as_str());
    command.get_arguments().filter(own).map(option).collect()
}

fn option(arg: &Arg) -> Option {
    let name = arg.get_id().to_string();
    let short = arg.get_short().map(|short| format!("-{short}"));
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    let aliases = aliases.into_iter().map(|alias| format!("--{alias}"));
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let (meaning, default) =
        match help.strip_suffix(']').and_then(|help| help.split_once(" [default: ")) {
            Some((meaning, default)) => (meaning, default),
            None => (help.as_str(), ""),
        };
    let least = arg.get_num_args().map_or(1, |count| count.min_values());
    let default = match meaning.strip_suffix("; required to publish") {
        Some(_) => "required to publish",
        // A flag: it may stand alone, and is off where the help says nothing else.
        None if least == 0 && default.is_empty() => "off",
        None if default.is_empty() => "none",
        None => default,
    };
    let values = arg.get_value_names().unwrap_or_default().iter().enumerate();
    let values: Vec<_> = values
        .map(|(place, name)| if place < least { name.to_string() } else { format!("[{name}]") })
        .collect();
    Option {
        variable: variable(&name),
        name,
        others: short.into_iter().chain(aliases).collect(),
        value: values.join(" "),
        default: default.to_owned(),
        repeats: matches!(arg.get_action(), ArgAction::Append),
        meaning: meaning
            .trim_end_matches("; required to publish")
            .trim_end_matches("; may be repeated")
            .to_owned(),
    }
}

/// The document.
pub fn document() -> String {
    let code = |text: &String| format!("`{text}`");
    let rows = options().into_iter().map(|option| {
        let Option { name, others, variable, value, default, repeats, meaning } = option;
        let spellings: Vec<_> = [format!("--{name}")].iter().chain(&others).map(code).collect();
        let repeats = if repeats { "yes" } else { "no" };
        let spellings = spellings.join(", ");
        format!("| {spellings} | `{value}` | {default} | {repeats} | {meaning} | `{variable}` |\n")
    });
    TEMPLATE.replace("{options}\n", &rows.collect::<String>())
}

/// What no definition tells: how options and variables go together, and which other variables
/// count.
const TEMPLATE: &str = include_str!("configuration.md");
