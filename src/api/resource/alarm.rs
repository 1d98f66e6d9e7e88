//! The alarms of all checks, and a trial of criteria.

use std::collections::HashMap;
use std::time::Duration;

use hyper::header::ETAG;
use serde_json::{Value, json};

use super::changing::tag;
use super::milliseconds;
use super::suppressed::alarm_with_suppressions;
use crate::alarm::criteria::{Criteria, Evaluation, ParseError};
use crate::alarm::observation::Observation;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::config::body_of_alarm;
use crate::lookout::Watched;
use crate::model::Quantity;
use crate::overlay::Origin;

pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let shown = |_: &str, of: &Value| alarm_with_suppressions(&asked.state, of.clone());
    Ok(Reply::json(&page(&asked, all(&asked).await?, shown)?))
}

/// The objects of all, by their ids.
pub async fn objects(asked: &Asked) -> Result<Vec<Value>, Failure> {
    let all = all(asked).await?.into_iter();
    Ok(all.map(|(_, of)| alarm_with_suppressions(&asked.state, of)).collect())
}

pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let id = asked.name(1);
    asked.state.checks().await?;
    let alarms = asked.state.control.alarms.borrow();
    let of = alarms.all().get(id);
    let of = of.ok_or_else(|| Failure::not_found(format!("alarm {id:?} not found")))?;
    let alarm = alarm_with_suppressions(&asked.state, object(of, alarms.overlay().origin(id)));
    Ok(Reply::json(&alarm).with(ETAG, tag(id, &body_of_alarm(&of.alarm))))
}

/// What criteria say of results that the body has, in the order of time.
pub fn test(asked: &Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let body = asked.object()?;
    let criteria = match body.get("criteria") {
        None | Some(Value::Null) => Criteria::of_availability(),
        Some(Value::String(text)) => {
            Criteria::parse(text).map_err(|mistake| unparsed(text, &mistake))?
        }
        Some(other) => return Err(Failure::bad(format!("criteria: expected a text, not {other}"))),
    };
    let results = match body.get("check_data") {
        Some(Value::Array(results)) if results.len() <= MOST_RESULTS => results,
        _ => {
            return Err(Failure::bad(format!(
                "check_data: expected an array of at most {MOST_RESULTS} results, as test-check gives them"
            )));
        }
    };
    let mut before = None;
    let mut states = Vec::new();
    for result in results {
        let (now, time) = observation(result)?;
        let object = match criteria.evaluate(&now, before.as_ref()) {
            Evaluation::Known { state, status } => {
                json!({ "timestamp": time, "state": state.name(), "computed_state": state.name(), "status": status })
            }
            Evaluation::Unknown { reason } => {
                json!({ "timestamp": time, "state": null, "computed_state": null, "status": reason })
            }
        };
        states.push(object);
        before = Some(now).filter(|of| of.is_available).or(before);
    }
    Ok(Reply::json(&states.into()))
}

async fn all(asked: &Asked) -> Result<Vec<(String, Value)>, Failure> {
    // They begin with the checks.
    asked.state.checks().await?;
    let alarms = asked.state.control.alarms.borrow();
    let origin = |id: &str| alarms.overlay().origin(id);
    Ok(alarms.all().iter().map(|(id, of)| (id.clone(), object(of, origin(id)))).collect())
}

/// The object of an alarm, and where it stands.
pub fn object(of: &Watched, origin: Origin) -> Value {
    let Watched { alarm, standing, status, since, unknown, .. } = of;
    json!({
        "id": alarm.id,
        "label": alarm.label,
        "check_id": alarm.check,
        "criteria": alarm.text,
        "disabled": alarm.is_disabled,
        "publish": alarm.publishes,
        "notification_plan_id": alarm.notification_plan,
        "metadata": alarm.metadata,
        "source": origin.name(),
        "active_suppressions": [],
        "scheduled_suppressions": [],
        "state": standing.state.map(|state| state.name()),
        "status": status,
        "since": since.map(milliseconds),
        "unknown": unknown,
    })
}

/// A result as `test-check` gives it, and its time.
fn observation(result: &Value) -> Result<(Observation, Value), Failure> {
    let wrong = |what: &str| Failure::bad(format!("check_data: {what}, as test-check gives it"));
    let time = result["timestamp"].as_f64().filter(|ms| (0.0..1e15).contains(ms));
    let time = time.ok_or_else(|| wrong("expected timestamp, in milliseconds since 1970"))?;
    let is_available = result["available"].as_bool();
    let is_available = is_available.ok_or_else(|| wrong("expected available, true or false"))?;
    let status = result["status"].as_str().unwrap_or_default().to_owned();
    let metrics = result["metrics"].as_object();
    let metrics = metrics.ok_or_else(|| wrong("expected metrics, an object"))?;
    let mut values = HashMap::new();
    for (name, metric) in metrics {
        let data = match &metric["data"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                return Err(wrong(&format!(
                    "expected data of metric {name:?}, a text or a number"
                )));
            }
        };
        let number = data.parse().ok().filter(|_| metric["type"] != "s");
        values.insert(name.clone(), number.map_or(Quantity::Text(data), Quantity::Number));
    }
    let since_start = Duration::from_millis(time as u64);
    let observation = Observation { since_start, is_available, status, values };
    Ok((observation, result["timestamp"].clone()))
}

/// Criteria that cannot be understood.
pub fn unparsed(text: &str, mistake: &ParseError) -> Failure {
    let ParseError { position, line, column, token, message } = mistake;
    let details = json!({
        "input": text.chars().take(LONGEST_INPUT).collect::<String>(),
        "error_position": position,
        "error_line": line,
        "error_column": column,
        "error_token": token,
        "message": message,
    });
    Failure::bad(format!("criteria: {mistake}")).of_kind("alarmParseError").with_details(details)
}

/// More results than anybody tries.
const MOST_RESULTS: usize = 1000;

/// Characters of criteria that an error repeats.
const LONGEST_INPUT: usize = 1000;
