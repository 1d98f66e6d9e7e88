//! The details of a check, by what its type says of them.

use std::collections::BTreeMap;

use super::document::{Document, is_nothing};
use crate::config::near::did_you_mean;
use crate::config::problems::{QUOTES, has_quotes};
use crate::config::quantity;
use crate::config::yaml::{Key, Node, Place, Value};
use crate::model::{CheckType, Detail, Details, Form, Secret, Setting};

/// The valid ones. The rest are problems, and so is one that is required and not there.
pub fn details(
    kind: &CheckType,
    node: Option<&Node>,
    place: Place,
    document: &mut Document<'_>,
) -> Details {
    let details = of_settings(kind.name, kind.settings, node, document);
    let entries = match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => &entries[..],
        _ => &[],
    };
    let given = entries.iter().filter(|(_, node)| !is_nothing(node));
    let given: Vec<_> = given.map(|(key, _)| key.text.as_str()).collect();
    let place = node.map_or(place, |node| node.place);
    for missing in kind.missing(&given, |of| format!("{}: {}", of.name, of.example)) {
        document.note(place, &format!("details: {missing}"));
    }
    details
}

/// The valid ones of what can be set of a type of this name. The rest are problems.
pub fn of_settings(
    name: &str,
    settings: &[Setting],
    node: Option<&Node>,
    document: &mut Document<'_>,
) -> Details {
    let entries = node.and_then(|node| document.map("details", node)).unwrap_or_default();
    let mut details = BTreeMap::new();
    let known: Vec<_> = settings.iter().map(|setting| setting.name).collect();
    for (key, node) in entries {
        match settings.iter().find(|setting| setting.name == key.text) {
            Some(setting) => {
                let detail = detail(setting, node, document);
                details.extend(detail.map(|detail| (setting.name.to_owned(), detail)));
            }
            None => {
                let near = did_you_mean(&key.text, &known);
                let has = match known.is_empty() {
                    true => "has no details".to_owned(),
                    false => format!("has {}", known.join(", ")),
                };
                let text = format!("unknown key {:?}: {name} {has}{near}", key.text);
                document.note(key.place, &text);
            }
        }
    }
    Details(details)
}

fn detail(setting: &Setting, node: &Node, document: &mut Document<'_>) -> Option<Detail> {
    if let Form::List = setting.form {
        return list(setting.name, node, document).map(Detail::List);
    }
    let typed = document.scalar(setting.name, node)?;
    if has_quotes(&typed.text) {
        let shown = match setting.form {
            Form::Secret => String::new(),
            _ => format!(" {:?}", typed.shown()),
        };
        document.warn(Some(node.place), &format!("{}{shown}{QUOTES}", setting.name));
    }
    if let Form::LastingMilliseconds(..) = setting.form
        && typed.text.trim().parse::<f64>().is_ok_and(|number| number < 1000.0)
    {
        let text = format!(
            "{} {}: these are milliseconds; write {}s for seconds",
            setting.name,
            typed.text,
            typed.text.trim()
        );
        document.warn(Some(node.place), &text);
    }
    value(setting, &typed.text).map_err(|expected| document.wrong(&typed, &expected)).ok()
}

/// The value of a text, or what was expected instead.
pub fn value(setting: &Setting, text: &str) -> Result<Detail, String> {
    match setting.form {
        Form::Text | Form::List | Form::Secret if text.trim().is_empty() => {
            Err(format!("{}, such as {}", setting.about_within(), setting.example))
        }
        Form::Text => Ok(Detail::Text(text.to_owned())),
        Form::Secret => Ok(Detail::Secret(Secret(text.to_owned()))),
        Form::List => Ok(Detail::List(vec![text.to_owned()])),
        Form::Word(words) if words.contains(&text) => Ok(Detail::Text(text.to_owned())),
        Form::Word(words) => {
            Err(format!("one of {}{}", words.join(", "), did_you_mean(text, words)))
        }
        Form::YesOrNo => quantity::boolean(text).map(Detail::Yes),
        Form::Whole(least, most) => {
            let number = quantity::within(text, least..=most, "a whole number");
            number.map(|number| Detail::Number(number as f64))
        }
        Form::Lasting(least, most) => {
            let expected = || format!("seconds from {least} to {most}, such as 5, 500ms or 1m");
            quantity::lasting(text, least..=most).map(Detail::Lasting).ok_or_else(expected)
        }
        Form::LastingMilliseconds(least, most) => {
            let text = text.trim();
            let expected = || {
                format!(
                    "{least} ms to {} s, such as 5000 (milliseconds), 500ms or 5s",
                    most / 1000.0
                )
            };
            let is_bare = text.parse::<f64>().is_ok();
            let typed = if is_bare { format!("{text}ms") } else { text.to_owned() };
            let limits = least / 1000.0..=most / 1000.0;
            quantity::lasting(&typed, limits).map(Detail::Lasting).ok_or_else(expected)
        }
    }
}

fn list(name: &str, node: &Node, document: &mut Document<'_>) -> Option<Vec<String>> {
    // What is handed to a program may have `${` of its own.
    let is_literal = name == "args";
    let text = |node: &Node, document: &mut Document<'_>| {
        let typed = match is_literal {
            true if !is_nothing(node) => document.literal(name, node)?,
            _ => document.item(name, node)?,
        };
        let is_plain = matches!(node.value, Value::Scalar { is_quoted: false, .. });
        if is_plain && typed.text.contains(' ') {
            // Headers and arguments may be secrets.
            let text = format!(
                "{name}: this is one item: put commas between items, or quotes around one with blanks"
            );
            document.warn(Some(node.place), &text);
        }
        Some(typed.text)
    };
    match &node.value {
        Value::List(nodes) => nodes.iter().map(|node| text(node, document)).collect(),
        // As older agents have it.
        Value::Map(entries) if name == "headers" => {
            let header = |(key, node): &(Key, Node)| {
                Some(format!("{}: {}", key.text, document.scalar(&key.text, node)?.text))
            };
            entries.iter().map(header).collect()
        }
        _ => Some(vec![text(node, document)?]),
    }
}
