//! The commands that ask for something: `GETVAL`, `LISTVAL`, `GETTHRESHOLD` and `FLUSH`.

use std::fmt::Write;

use log::info;

use super::Answer;
use super::identifier::{Form, Identifier};
use super::words::option;
use crate::api::latest::Newest;
use crate::api::resource::check;
use crate::api::state::State;
use crate::clock::milliseconds;
use crate::logging::CHECKS;
use crate::model::Quantity;
use crate::sorted::sort;
use crate::threshold::{Named, Threshold};

/// The newest value of a metric; of a counter how much it grows in a second.
pub async fn value(state: &State, words: &[String]) -> Answer {
    let identifier = only_identifier(words)?;
    let newest = newest(state, &identifier).await.ok_or("No such value.")?;
    let number = match identifier.form {
        Form::Gauge => newest.quantity.number().ok_or("No such value.")?,
        // Of the first value nothing is known.
        Form::Derive => newest.rate.unwrap_or(f64::NAN),
    };
    Ok(["1 Value found", &format!("value={}", scientific(number))].join("\n"))
}

/// All numbers, each with its time.
pub async fn list(state: &State, words: &[String]) -> Answer {
    if let Some(word) = words.first() {
        return Err(format!("Garbage after end of command: `{word}'."));
    }
    let checks = check::all(state).await.map_err(|failure| failure.message)?;
    let mut all = Vec::new();
    {
        let latest = state.latest.borrow();
        for (id, _) in &checks {
            let numbers = latest.values(id).into_values();
            let numbers = numbers.filter(|of| !matches!(of.quantity, Quantity::Text(_)));
            all.extend(numbers.map(|newest| {
                let identifier = Identifier::of(&newest.metric, id, &state.host);
                (identifier.to_string(), milliseconds(newest.time))
            }));
        }
    }
    sort(&mut all);
    let mut text = match all.len() {
        1 => "1 Value found".to_owned(),
        count => format!("{count} Values found"),
    };
    for (identifier, ms) in all {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{}.{:03} {identifier}", ms / 1000, ms % 1000);
    }
    Ok(text)
}

/// The threshold that wins for a metric.
pub async fn threshold(state: &State, words: &[String]) -> Answer {
    let identifier = only_identifier(words)?;
    // Of a metric that has no value so far the whole name is the name.
    let (name, target) = match newest(state, &identifier).await {
        Some(newest) => (newest.metric.name.to_string(), newest.metric.of_what()),
        None => (identifier.metric.clone(), None),
    };
    let named = Named { check: &identifier.check, metric: &name, target: target.as_deref() };
    let thresholds = state.control.thresholds.borrow();
    let wins = thresholds.of_metric(named).next();
    let wins = wins.ok_or_else(|| format!("No threshold found for identifier {identifier}"))?;
    let lines = lines_of_threshold(wins, &identifier);
    Ok(format!("{} Threshold found\n{}", lines.len(), lines.join("\n")))
}

/// What is set of a threshold, in the words of collectd.
fn lines_of_threshold(of: &Threshold, identifier: &Identifier) -> Vec<String> {
    let text = identifier.to_string();
    let mut parts = text.split('/').skip(1);
    let (plugin, of_type) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (of_type, instance) = of_type.split_once('-').unwrap_or((of_type, ""));
    let mut lines = vec![
        format!("Plugin: {plugin}"),
        format!("Type: {of_type}"),
        format!("Type Instance: {instance}"),
    ];
    for (name, bound) in [
        ("Warning Min", of.warning.min),
        ("Warning Max", of.warning.max),
        ("Failure Min", of.failure.min),
        ("Failure Max", of.failure.max),
        ("Hysteresis", Some(of.hysteresis).filter(|hysteresis| *hysteresis > 0.0)),
        ("Hits", Some(f64::from(of.hits)).filter(|hits| *hits > 1.0)),
    ] {
        lines.extend(bound.map(|bound| format!("{name}: {bound}")));
    }
    lines
}

/// Publishes what the windows hold now, and writes the history. `timeout` has no meaning here: all is published,
/// however new it is.
pub async fn flush(state: &State, words: &[String]) -> Answer {
    let names = state.control.ways.names();
    let (mut parts, mut identifiers) = (Vec::new(), Vec::new());
    for word in words {
        let Some((name, value)) = option(word) else {
            return Err(format!("Cannot parse option `{word}'."));
        };
        match name.to_ascii_lowercase().as_str() {
            "timeout" => match value.parse::<f64>() {
                Ok(seconds) if seconds.is_finite() => {}
                _ => return Err(format!("Invalid value for option `timeout': {value}")),
            },
            "plugin" => match names.iter().find(|name| **name == value) {
                Some(name) => parts.push(*name),
                None => {
                    let all = names.join(", ");
                    return Err(format!("Plugin `{value}' not found: expected one of {all}."));
                }
            },
            "identifier" => match Identifier::parse(value) {
                Ok(identifier) => identifiers.push(identifier),
                Err(_) => return Err(format!("Invalid identifier `{value}'.")),
            },
            _ => return Err(format!("Cannot parse option `{name}'.")),
        }
    }
    for identifier in identifiers {
        // A window is published as a whole, so that these are published as well.
        if newest(state, &identifier).await.is_none() {
            return Err(format!("No such value: `{identifier}'."));
        }
    }
    sort(&mut parts);
    parts.dedup();
    let flushed = state.control.flush(&parts).await?.into_iter();
    info!(target: CHECKS, "a flush was asked for by a client of collectd");
    let (done, failed): (Vec<_>, Vec<_>) = flushed.partition(|of| of.result.is_ok());
    let text = format!("Done: {} successful, {} errors", done.len(), failed.len());
    let why = failed.into_iter().find_map(|of| Some(format!("{}: {}", of.name, of.result.err()?)));
    match why {
        None => Ok(format!("0 {text}")),
        Some(why) => Err(format!("{text}: {why}")),
    }
}

/// The newest value of what is named so.
async fn newest(state: &State, of: &Identifier) -> Option<Newest> {
    // What is known of a check that is no more is not what is asked for.
    check::find(state, &of.check).await.ok()?;
    let newest = state.latest.borrow().value(&of.check, &of.full_name(&state.host))?;
    (Form::of(newest.metric.kind) == of.form).then_some(newest)
}

fn only_identifier(words: &[String]) -> Result<Identifier, String> {
    match words {
        [] => Err("Missing identifier.".to_owned()),
        [identifier] => Identifier::parse(identifier),
        [_, word, ..] => Err(format!("Garbage after identifier: `{word}'.")),
    }
}

/// A number as `%12e` of C prints it, which clients of collectd read.
fn scientific(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    let text = format!("{number:.6e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        for (number, expected) in [
            (3.0, "3.000000e+00"),
            (0.0, "0.000000e+00"),
            (2.032_715, "2.032715e+00"),
            (-1.5e-7, "-1.500000e-07"),
            (9.999_999_6, "1.000000e+01"),
            (1e308, "1.000000e+308"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(scientific(number), expected);
        }
    }
}
