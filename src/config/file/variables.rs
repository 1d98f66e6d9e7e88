//! `${VAR}` and `${VAR:-default}` in the values of a file.

use std::env;

/// The text with each variable replaced by its value, and `$${` by `${`. What comes out is not read again,
/// so a value cannot add keys or further variables.
pub fn replaced(text: &str) -> Result<String, String> {
    with(text, |name| match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(format!("variable {name}: expected text in UTF-8"))
        }
    })
}

fn with(
    text: &str,
    value: impl Fn(&str) -> Result<Option<String>, String>,
) -> Result<String, String> {
    let (mut replaced, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            replaced.push_str(before);
            replaced.push_str("${");
            rest = &after[2..];
            continue;
        }
        replaced.push_str(before);
        let Some((inner, behind)) = after[2..].split_once('}') else {
            return Err(UNCLOSED.to_owned());
        };
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_name(name) {
            return Err(UNNAMED.to_owned());
        }
        // As in a shell, a default also stands for an empty value.
        match (value(name)?, default) {
            (Some(value), None) => replaced.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => replaced.push_str(&value),
            (_, Some(default)) => replaced.push_str(default),
            (None, None) => {
                return Err(format!(
                    "variable {name} is not set: set it, or give a default by ${{{name}:-default}}"
                ));
            }
        }
        rest = behind;
    }
    replaced.push_str(rest);
    Ok(replaced)
}

/// Without what stands there: it may be a password.
const UNCLOSED: &str = "expected } behind ${ and the name of a variable; for the text ${ write $${";
const UNNAMED: &str = "expected the name of a variable between ${ and }; for the text ${ write $${";

fn is_name(name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.chars().all(is_of_name)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> Result<String, String> {
        with(text, |name| {
            Ok(match name {
                "A" => Some("one".to_owned()),
                "EMPTY" => Some(String::new()),
                "NESTED" => Some("${A}".to_owned()),
                _ => None,
            })
        })
    }

    #[test]
    fn variables_are_replaced_once() {
        for (text, expected) in [
            ("", ""),
            ("x${A}y${A}", "xoney one".replace(' ', "").as_str()),
            ("${NONE:-two}", "two"),
            ("${A:-two}", "one"),
            ("${EMPTY}", ""),
            ("${EMPTY:-two}", "two"),
            ("${NONE:-}", ""),
            ("${NESTED}", "${A}"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("$A $ $(x) %{A}", "$A $ $(x) %{A}"),
            ("é${A}é", "éoneé"),
            ("${NONE:-a:-b}", "a:-b"),
        ] {
            assert_eq!(replaced(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_told_with_the_cure() {
        for (text, expected) in [
            ("${NONE}", "variable NONE is not set: set it, or give a default by ${NONE:-default}"),
            ("a${A", UNCLOSED),
            ("${}", UNNAMED),
            ("${1}", UNNAMED),
            ("${A-B}", UNNAMED),
        ] {
            assert_eq!(replaced(text), Err(expected.to_owned()), "{text}");
        }
    }
}
