//! The bodies of requests: a file with a check, and keys that are to change.

use std::fs::File;
use std::io::{self, Read, stdin};

use serde_json::{Map, Value};

use crate::blocking::{self, Purpose};
use crate::config::{KEYS_OF_CHECK, did_you_mean};
use crate::shown::shown;

/// JSON that describes `one`: the argument itself, what a file of this name has in it, or standard input where it is
/// `-`. A signal ends the wait for those. `verb` is what the argument belongs to.
pub async fn read(argument: &str, verb: &str, one: &str) -> Result<Value, String> {
    let name = name_of(argument, verb);
    let bytes = match argument.trim_start().starts_with('{') {
        true => argument.as_bytes().to_vec(),
        false => {
            let path = argument.to_owned();
            let read = blocking::call(Purpose::Files, move || bytes_of(&path));
            let bytes = read.await.map_err(|refused| refused.to_string())?;
            bytes.map_err(|error| format!("{name} cannot be read: {error}"))?
        }
    };
    if bytes.len() > LARGEST {
        return Err(format!("{name} is too large: the API takes at most 1 MB"));
    }
    let body: Value = serde_json::from_slice(&bytes).map_err(|error| {
        format!("{name}: expected {one} as a JSON object: {}", shown(&error.to_string()))
    })?;
    match body {
        Value::Object(_) => Ok(body),
        _ if one == CHECK => {
            Err(format!("{name}: expected a check as a JSON object, such as {EXAMPLE}"))
        }
        _ => Err(format!("{name}: expected {one} as a JSON object")),
    }
}

fn bytes_of(path: &str) -> io::Result<Vec<u8>> {
    let source: Box<dyn Read> = match path {
        "-" => Box::new(stdin()),
        path => Box::new(File::open(path)?),
    };
    let mut bytes = Vec::new();
    source.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn name_of(argument: &str, verb: &str) -> String {
    match argument {
        "-" => "standard input".to_owned(),
        json if json.trim_start().starts_with('{') => verb.to_owned(),
        path => shown(path),
    }
}

/// The body that changes these keys. What is JSON is taken as that, and all else is a text. Where no keys are known,
/// the agent says which there are.
pub fn changes(pairs: &[&str], known: &[&str]) -> Result<Value, Vec<String>> {
    let (mut body, mut wrong) = (Map::new(), Vec::new());
    for pair in pairs {
        if let Err(why) = change(pair, known, &mut body) {
            wrong.push(why);
        }
    }
    if wrong.is_empty() { Ok(body.into()) } else { Err(wrong) }
}

fn change(pair: &str, known: &[&str], body: &mut Map<String, Value>) -> Result<(), String> {
    let expected = |near: String| match known {
        [] => format!("change {pair:?}: expected KEY=VALUE"),
        known => format!(
            "change {pair:?}: expected KEY=VALUE with one of {}, or details.NAME=VALUE{near}",
            known.join(", ")
        ),
    };
    let (key, text) = pair.split_once('=').ok_or_else(|| expected(String::new()))?;
    let (top, below) = match key.split_once('.') {
        Some((top @ ("details" | "metadata"), below)) => (top, Some(below)),
        _ => (key, None),
    };
    if !known.is_empty() && !known.contains(&top) {
        return Err(expected(did_you_mean(top, known)));
    }
    let value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let twice = || format!("change {pair:?}: expected {key} once");
    let (map, name) = match below {
        None => (body, top),
        Some(below) => {
            let map = body.entry(top).or_insert_with(|| Map::new().into());
            (map.as_object_mut().ok_or_else(twice)?, below)
        }
    };
    if map.insert(name.to_owned(), value).is_some() {
        return Err(twice());
    }
    Ok(())
}

/// What can be changed of a check: alarms are resources of their own.
pub fn known() -> Vec<&'static str> {
    KEYS_OF_CHECK.iter().copied().filter(|key| *key != "alarms").collect()
}

/// Whether a text is digits alone.
pub fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

const CHECK: &str = "a check";
const EXAMPLE: &str = r#"{"type":"agent.memory"}"#;

/// The API takes no larger body.
const LARGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_or_texts() {
        let body = |pairs: &[&str]| changes(pairs, &known()).map(|body| body.to_string());
        let all = [
            "period=30",
            "label=my disk",
            "disabled=true",
            "timeout=null",
            "details.target=/",
            "details.expect_status=[\"200\"]",
            "metadata.a.b=c=d",
            "publish=none",
        ];
        let expected = r#"{"details":{"expect_status":["200"],"target":"/"},"disabled":true,"label":"my disk","metadata":{"a.b":"c=d"},"period":30,"publish":"none","timeout":null}"#;
        assert_eq!(body(&all).as_deref(), Ok(expected));
    }

    #[test]
    fn keys_are_known_and_there_once() {
        let wrong = |pairs: &[&str]| changes(pairs, &known()).expect_err("it is wrong").join("\n");
        assert!(wrong(&["perod=5"]).ends_with("; did you mean period?"));
        assert!(
            wrong(&["period"]).starts_with("change \"period\": expected KEY=VALUE with one of ")
        );
        assert_eq!(wrong(&["period=5", "period=6"]), "change \"period=6\": expected period once");
        let below = ["details={}", "details.a=1", "details=5"];
        assert_eq!(wrong(&below), "change \"details=5\": expected details once");
        let text = ["details=5", "details.a=1"];
        assert_eq!(wrong(&text), "change \"details.a=1\": expected details.a once");
        assert_eq!(wrong(&["a=1", "b=2"]).lines().count(), 2);
    }
}
