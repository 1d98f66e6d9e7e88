//! The newest value of each metric.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::check::{self, Found};
use super::{milliseconds, number};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::latest::Newest;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::model::{Metric, Quantity};
use crate::schedule::Listed;

pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let checks: HashMap<_, _> = check::all(state).await?.into_iter().collect();
    let mut latest = state.latest.borrow_mut();
    latest.keep(|id| checks.contains_key(id));
    let mut values = Vec::new();
    for (id, of) in &checks {
        let names = latest.names(id).into_iter();
        values.extend(names.map(|name| (format!("{id}/{name}"), (of, id, name))));
    }
    let object = |_: &str, (of, id, name): &(&Found, &String, String)| {
        let value = latest.value(id, name);
        value.map_or(Value::Null, |value| object(state, of, id, name, &value))
    };
    Ok(Reply::json(&page(&asked, values, object)?))
}

pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    let (state, id, name) = (&asked.state, asked.name(0), asked.name(1));
    let check = check::find(state, id).await?;
    let value = state.latest.borrow().value(id, name);
    let missing = || Failure::not_found(format!("check {id:?} has no value of a metric {name:?}"));
    let value = value.ok_or_else(missing)?;
    Ok(Reply::json(&object(state, &check, id, name, &value)))
}

fn object(state: &State, check: &Found, id: &str, name: &str, newest: &Newest) -> Value {
    let Newest { metric, quantity, time, at, rate, .. } = newest;
    json!({
        "check": id,
        "metric": name,
        "value": of_quantity(quantity),
        "unit": metric.unit_name(),
        "type": letter(metric, quantity),
        "kind": metric.kind.name(),
        "timestamp": milliseconds(*time),
        "age": number(Instant::now().saturating_duration_since(*at).as_secs_f64()),
        "rate": rate.map(number),
        "stale": is_stale(state, check, newest),
    })
}

/// A value as answers have it.
pub fn of_quantity(quantity: &Quantity) -> Value {
    match quantity {
        Quantity::Number(value) => number(*value),
        Quantity::Text(text) => json!(text),
        Quantity::Many(of) => {
            let [min, max, mean] = [of.min(), of.max(), of.mean()].map(number);
            json!({ "count": of.count(), "min": min, "max": max, "mean": mean })
        }
    }
}

/// Whether a newer value should be there: two of its periods have passed, or the check does not run.
pub fn is_stale(state: &State, check: &Found, newest: &Newest) -> bool {
    let age = newest.at.elapsed();
    match check {
        Found::Utilization => {
            let is_sampled = newest.metric.number().is_none_or(|number| number.is_sampled());
            let period = if is_sampled { check.period(state) } else { state.period };
            age > period * 2 + GRACE
        }
        Found::Configured(Listed { configured, last, .. }) => {
            let is_available = last.as_ref().is_none_or(|report| report.is_available);
            let is_late = age > configured.period * 2 + configured.timeout;
            // Whether it is available is known of each run.
            let is_of_run = is_available || newest.metric.is_availability;
            configured.is_disabled || !is_of_run || is_late
        }
    }
}

/// The letter of the type of a value.
pub fn letter(metric: &Metric, quantity: &Quantity) -> String {
    metric.letter(matches!(quantity, Quantity::Text(_))).to_string()
}

/// How late a sample may be without a reason to doubt it.
const GRACE: Duration = Duration::from_secs(2);
