//! The commands that hand something in: `PUTVAL` and `PUTNOTIF`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::info;
use serde_json::Map;

use super::Answer;
use super::identifier::Identifier;
use super::words::option;
use crate::api::push::push;
use crate::api::state::State;
use crate::clock::milliseconds;
use crate::event::{Event, Kind, MOST_TEXT, Severity, length};
use crate::logging::CHECKS;
use crate::model::Pushed;
use crate::shown::shown;

/// Takes values of one metric: all of them, or the answer says how many were not, and why.
pub async fn value(state: &State, words: &[String]) -> Answer {
    let Some((identifier, rest)) = words.split_first() else { return Err(MISSING.to_owned()) };
    let mut values = Vec::new();
    for word in rest {
        match option(word) {
            Some((name, value)) if name.eq_ignore_ascii_case("interval") => {
                // The pace is that of the check.
                if !value.parse().is_ok_and(|seconds: f64| seconds.is_finite() && seconds > 0.0) {
                    return Err(format!("Invalid value for option `interval': {value}"));
                }
            }
            Some((name, _)) if name.starts_with(META) => {
                return Err(format!("Metadata is not supported: leave {name} out."));
            }
            Some((name, _)) => return Err(format!("Cannot parse option `{name}'.")),
            None => values.push(time_and_value(word)?),
        }
    }
    if values.is_empty() {
        return Err(MISSING.to_owned());
    }
    let identifier = Identifier::parse(identifier)?;
    let dimensions = identifier.dimensions(&state.host);
    let pushed = values.iter().map(|(time, value)| Pushed {
        name: identifier.metric.clone(),
        dimensions: dimensions.clone(),
        unit: None,
        kind: Some(identifier.form.kind()),
        value: *value,
        time: *time,
    });
    let taken = push(state, &identifier.check, pushed.collect()).await;
    let count = taken.iter().filter(|taken| taken.is_ok()).count();
    let dispatched = match count {
        1 => "1 value has been dispatched".to_owned(),
        count => format!("{count} values have been dispatched"),
    };
    match taken.into_iter().find_map(Result::err) {
        None => Ok(format!("0 Success: {dispatched}.")),
        Some(why) if values.len() == 1 => Err(why),
        Some(why) => Err(format!("{dispatched}, {} not: {why}", values.len() - count)),
    }
}

/// `N:5`, or the seconds since 1970 in front.
fn time_and_value(word: &str) -> Result<(SystemTime, f64), String> {
    let failed = || "Parsing the values string failed.".to_owned();
    let (time, value) = word.split_once(':').ok_or_else(failed)?;
    if value.eq_ignore_ascii_case("u") {
        return Err(format!("{word} has no value: nothing is dispatched."));
    }
    let value: f64 = value.parse().map_err(|_| failed())?;
    if !value.is_finite() {
        return Err(format!("{word} is no finite number: nothing is dispatched."));
    }
    let time = match time {
        "N" | "n" => SystemTime::now(),
        _ => time_of(time).ok_or_else(failed)?,
    };
    Ok((time, value))
}

/// Seconds since 1970, with a fraction.
fn time_of(text: &str) -> Option<SystemTime> {
    let seconds: f64 = text.parse().ok()?;
    // As milliseconds, which a number of this size has exactly.
    let since = Duration::from_millis((seconds * 1000.0).round() as u64);
    (0.0..MOST_SINCE_1970).contains(&seconds).then(|| UNIX_EPOCH + since)
}

/// Takes a notification: it becomes an event.
pub async fn notification(state: &State, words: &[String]) -> Answer {
    let (mut message, mut severity, mut time) = (None, None, None);
    let mut details = Map::new();
    for word in words {
        let Some((name, value)) = option(word) else {
            return Err(format!("Cannot parse option `{word}'."));
        };
        let wrong = || format!("Error parsing option `{name}'");
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "message" => message = Some(value),
            "severity" => severity = Some(severity_of(value).ok_or_else(wrong)?),
            "time" => time = Some(time_of(value).ok_or_else(wrong)?),
            "host" | "plugin" | "plugin_instance" | "type" | "type_instance" => {
                details.insert(lower, value.into());
            }
            other if other.contains(':') => {
                return Err(format!("Metadata is not supported: leave {name} out."));
            }
            _ => return Err(format!("Cannot parse option `{name}'.")),
        }
    }
    let severity = severity.ok_or("Option `severity' missing.")?;
    let time = time.ok_or("Option `time' missing.")?;
    let message = message.filter(|message| !message.is_empty());
    let message = message.ok_or("No message or message of length 0 given.")?;
    if message.len() > MOST_TEXT || length(&details) > MOST_TEXT {
        return Err(format!("The notification is too long: expected at most {MOST_TEXT} bytes."));
    }
    // The event is of now, as all are in order.
    details.insert("time".to_owned(), milliseconds(time).into());
    state.begun().await.map_err(|failure| failure.message)?;
    state.posts.take().map_err(|failure| failure.message)?;
    let event = Event { details, ..Event::of(Kind::Posted, severity, message) };
    let event = state.events().borrow_mut().raise(event);
    let (id, message) = (event.id, shown(message));
    info!(target: CHECKS, "event {id} was raised by a client of collectd: {message}");
    Ok("0 Success".to_owned())
}

fn severity_of(word: &str) -> Option<Severity> {
    Some(match word.to_ascii_lowercase().as_str() {
        "failure" => Severity::Critical,
        "warning" => Severity::Warning,
        "okay" => Severity::Info,
        _ => return None,
    })
}

const MISSING: &str = "Missing identifier and/or value-list.";

/// How options of metadata begin.
const META: &str = "meta:";

/// Seconds: collectd's own times go no further.
const MOST_SINCE_1970: f64 = 17_179_869_184.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_a_time_with_a_fraction_or_is_of_now() {
        let (time, value) = time_and_value("1795835723.931:-5e3").expect("valid");
        let since = time.duration_since(UNIX_EPOCH).expect("later").as_millis();
        assert_eq!((since, value), (1_795_835_723_931, -5000.0));
        assert!(time_and_value("N:0.5").is_ok_and(|(_, value)| value == 0.5));
        for word in ["5", "N:", "N:abc", "N:1:2", ":1", "x:1", "-1:1", "nan:1", "inf:1", "1e300:1"]
        {
            let expected = Err("Parsing the values string failed.".to_owned());
            assert_eq!(time_and_value(word), expected, "{word}");
        }
        for word in ["N:U", "N:nan", "N:inf", "1:-inf"] {
            let why = time_and_value(word).expect_err("nothing to count");
            assert!(why.ends_with(": nothing is dispatched."), "{why}");
        }
    }
}
