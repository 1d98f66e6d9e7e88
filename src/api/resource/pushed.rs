//! Values that are handed in, and newest values that are dropped.

use std::collections::BTreeMap;
use std::time::SystemTime;

use log::info;
use serde_json::{Map, Value, json};

use super::changing::by;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::push::push;
use crate::api::reply::Reply;
use crate::check::push::DEFAULT;
use crate::clock::{LOOKS_LIKE_SECONDS, time_of};
use crate::logging::CHECKS;
use crate::model::{Dimensions, Kind, Pushed, TARGET};
use crate::shown::shown;
use crate::wildcard::fits;

/// Takes values, each by itself.
pub async fn put(asked: Asked) -> Result<Reply, Failure> {
    let mut body = asked.object()?;
    let values = match body.remove("values") {
        Some(Value::Array(values)) => values,
        Some(_) => return Err(Failure::bad("values: expected a list of values")),
        None => return Err(Failure::bad("values is missing: expected a list of values")),
    };
    if values.len() > MOST_VALUES {
        let count = values.len();
        return Err(Failure::bad(format!(
            "values: {count} of them, expected at most {MOST_VALUES}: send several requests"
        )));
    }
    let (now, mut rejected) = (SystemTime::now(), BTreeMap::new());
    let mut by_check = BTreeMap::<String, (Vec<usize>, Vec<Pushed>)>::new();
    let count = values.len();
    for (index, value) in values.into_iter().enumerate() {
        match of_object(value, now) {
            Ok((check, value)) => {
                let (indices, values) = by_check.entry(check).or_default();
                indices.push(index);
                values.push(value);
            }
            Err(why) => drop(rejected.insert(index, why)),
        }
    }
    for (check, (indices, values)) in by_check {
        let taken = push(&asked.state, &check, values).await;
        let refused = indices.into_iter().zip(taken);
        rejected.extend(refused.filter_map(|(index, taken)| Some((index, taken.err()?))));
    }
    let taken = count - rejected.len();
    let rejected = rejected.into_iter();
    let rejected = rejected.map(|(index, message)| json!({ "index": index, "message": message }));
    Ok(Reply::json(&json!({ "taken": taken, "rejected": rejected.collect::<Vec<_>>() })))
}

/// Drops newest values.
pub async fn remove(asked: Asked) -> Result<Reply, Failure> {
    let missing = || {
        Failure::bad(
            "match is missing: expected CHECK/METRIC, in which * is any number of characters, such as push/*",
        )
    };
    let pattern = asked.query.one("match")?.filter(|of| !of.is_empty()).ok_or_else(missing)?;
    let by = by(&asked)?;
    let dropped = asked.state.latest.borrow_mut().drop_values(|name| fits(pattern, name));
    let shown = shown(pattern);
    info!(target: CHECKS, "newest values of {shown} were dropped through the API, {dropped} of them{by}");
    Ok(Reply::json(&json!({ "dropped": dropped })))
}

/// The id of the check that a value is for, and the value; or what is wrong with it.
fn of_object(value: Value, now: SystemTime) -> Result<(String, Pushed), String> {
    let Value::Object(mut value) = value else {
        return Err(format!("expected an object with metric and value, not {}", brief(&value)));
    };
    let check = text(&mut value, "check")?.unwrap_or_else(|| DEFAULT.to_owned());
    let name = text(&mut value, "metric")?;
    let name = name.ok_or("metric is missing: expected the name of a metric")?;
    let number = match value.remove("value") {
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Some(other) => return Err(format!("value {}: expected a number", brief(&other))),
        None => return Err("value is missing: expected a number".to_owned()),
    };
    let unit = text(&mut value, "unit")?;
    let kind = match text(&mut value, "kind")?.as_deref() {
        None => None,
        Some("gauge") => Some(Kind::Gauge),
        Some("counter") => Some(Kind::Counter),
        Some(other) => return Err(format!("kind {other:?}: expected gauge or counter")),
    };
    let mut dimensions = Dimensions::new();
    if let Some(target) = text(&mut value, "target")? {
        dimensions.push((TARGET.into(), target.into()));
    }
    match value.remove("dimensions") {
        None | Some(Value::Null) => {}
        Some(Value::Object(all)) => {
            for (name, of) in all {
                let Value::String(of) = of else {
                    return Err(format!("dimension {name}: expected a text, not {}", brief(&of)));
                };
                if dimensions.iter().any(|(known, _)| *known == name) {
                    return Err(format!("dimension {name} is target: give one of them"));
                }
                dimensions.push((name.into(), of.into()));
            }
        }
        Some(other) => {
            return Err(format!("dimensions: expected an object of texts, not {}", brief(&other)));
        }
    }
    let time = match value.remove("timestamp") {
        None | Some(Value::Null) => now,
        Some(time) => time.as_i64().filter(is_time).map(time_of).ok_or_else(|| {
            let time = brief(&time);
            format!("timestamp {time}: expected milliseconds since 1970, such as 1795843899102")
        })?,
    };
    if let Some(unknown) = value.keys().next() {
        return Err(format!(
            "unknown key {unknown:?}: a value has check, metric, value, unit, kind, target, dimensions and timestamp"
        ));
    }
    Ok((check, Pushed { name, dimensions, unit, kind, value: number, time }))
}

/// A text that may be absent.
fn text(value: &mut Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match value.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("{key}: expected a text, not {}", brief(&other))),
    }
}

/// The beginning of a value, enough to know it by.
fn brief(value: &Value) -> String {
    value.to_string().chars().take(SHOWN).collect()
}

/// Whether it can be milliseconds of our time.
fn is_time(milliseconds: &i64) -> bool {
    *milliseconds >= 0 && !LOOKS_LIKE_SECONDS.contains(milliseconds)
}

/// Of one request. Taking so many takes a few milliseconds.
pub const MOST_VALUES: usize = 1000;

const SHOWN: usize = 60;
