//! docs/checks.md: each type of checks as the table of types has it, then what no table tells.

use cloudwatch_metrics_agent::check::{CheckType, Declared, Form, Kind, Setting, TABLE};

/// The document.
pub fn document() -> String {
    let contents = TABLE.iter().map(|kind| {
        let link = kind.name.replace('.', "");
        format!("| [`{}`](#{link}) | {} |\n", kind.name, kind.about)
    });
    let sections = TABLE.iter().map(|kind| section(kind));
    TEMPLATE
        .replace("{types}\n", &contents.collect::<String>())
        .replace("{sections}\n", &sections.collect::<String>())
}

fn section(kind: &CheckType) -> String {
    let mut text = format!("## {}\n\n{}.\n", kind.name, kind.about);
    if !kind.settings.is_empty() {
        text.push_str("\n| detail | value | meaning | example |\n| --- | --- | --- | --- |\n");
        text.extend(kind.settings.iter().map(|setting| {
            let Setting { name, form, about, is_required, example } = setting;
            let needed = if *is_required { "; required" } else { "" };
            let [about, example] = [about, example].map(|text| text.replace('|', "\\|"));
            format!("| `{name}` | {}{needed} | {about} | `{example}` |\n", value(form))
        }));
    }
    if !kind.one_of.is_empty() {
        text.push_str(&format!("\nAt least one of {} is needed.\n", kind.one_of.join(", ")));
    }
    if kind.targets.is_some() {
        let name = "cloudwatch_metrics_agent";
        text.push_str(&format!("\n`{name} check {} --targets` lists what there is.\n", kind.name));
    }
    if kind.metrics.is_empty() {
        return text + "\n";
    }
    text.push_str("\n| metric | unit | kind | in CloudWatch | source and formula | needs |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- |\n");
    text.extend(kind.metrics.iter().map(|metric| row(kind, metric)));
    text + "\n"
}

fn row(kind: &CheckType, metric: &Declared) -> String {
    let Declared { name, unit, kind: taken, is_text, is_headline, source, since } = metric;
    let published = match (is_text, is_headline) {
        (true, _) => "never".to_owned(),
        (false, true) => format!("**{}**", kind.published_name(name)),
        (false, false) => kind.published_name(name),
    };
    let taken = match (is_text, taken) {
        (true, _) => "text",
        (false, Kind::Gauge | Kind::Count) => "gauge",
        (false, Kind::Counter) => "counter",
        (false, Kind::Distribution) => "distribution",
    };
    let source = source.replace('|', "\\|");
    format!("| `{name}` | {} | {taken} | {published} | {source} | {since} |\n", unit.name())
}

fn value(form: &Form) -> String {
    match form {
        Form::Text => "text".to_owned(),
        Form::Word(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Form::YesOrNo => "yes or no".to_owned(),
        Form::Whole(least, most) => format!("whole number, {least} to {most}"),
        Form::Lasting(least, most) => format!("duration, {least} s to {most} s"),
        Form::LastingMilliseconds(least, most) => {
            format!("duration, {least} ms to {} s; a bare number is milliseconds", most / 1000.0)
        }
        Form::List => "list".to_owned(),
        Form::Secret => "text, which is never shown".to_owned(),
    }
}

/// What no table tells.
const TEMPLATE: &str = include_str!("checks.md");
