//! Changes of checks: each is validated as a whole, and then in force at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use hyper::header::{ETAG, LOCATION};
use log::{info, warn};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::check::{self, Found, HIDDEN, settings, tag};
use super::milliseconds;
use super::value::letter;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;
use crate::check::TABLE;
use crate::config::{OfBody, of_body};
use crate::logging::CHECKS;
use crate::model::{Configured, DEFAULT_CHECK_TIMEOUT, Quantity, Report, UTILIZATION};
use crate::schedule::{Refused, Request, Trial};
use crate::shown::shown;

/// Adds a check. Its id is that of the body, or a new one.
pub async fn create(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let mut body = asked.object()?;
    let id = match body.remove("id") {
        None | Some(Value::Null) => new_id(),
        Some(Value::String(id)) => id,
        Some(other) => return Err(Failure::bad(format!("id: expected a text, not {other}"))),
    };
    let by = by(&asked)?;
    let configured = valid(&id, &Value::Object(body))?;
    let (object, tag) = (check::object_of(&configured), tag(&configured));
    asked.state.order(|reply| Request::Add(configured, reply)).await?;
    note(&id, "was added", &by);
    Ok(Reply::created(location(&asked, &id), &id, &object).with(ETAG, tag))
}

/// Changes what the body has of a check; all else stays.
pub async fn update(asked: Asked) -> Result<Reply, Failure> {
    let id = changeable(&asked)?;
    let body = asked.object()?;
    let of = id.clone();
    change(&asked, id, "was changed", move |before| valid(&of, &merged(before, body))).await
}

pub async fn remove(asked: Asked) -> Result<Reply, Failure> {
    let id = changeable(&asked)?;
    let by = by(&asked)?;
    let if_match = asked.if_match.clone();
    let expecting = move |before: &Configured| expect(before, if_match.as_deref());
    let remove = |reply| Request::Remove(id.clone(), Box::new(expecting), reply);
    asked.state.order(remove).await?;
    note(&id, "was removed", &by);
    Ok(Reply::done())
}

pub async fn enable(asked: Asked) -> Result<Reply, Failure> {
    set_disabled(asked, false).await
}

pub async fn disable(asked: Asked) -> Result<Reply, Failure> {
    set_disabled(asked, true).await
}

async fn set_disabled(asked: Asked, is_disabled: bool) -> Result<Reply, Failure> {
    let id = changeable(&asked)?;
    let what = if is_disabled { "was disabled" } else { "was enabled" };
    change(&asked, id, what, move |before| Ok(Configured { is_disabled, ..before.clone() })).await
}

pub async fn restart(asked: Asked) -> Result<Reply, Failure> {
    let id = changeable(&asked)?;
    let by = by(&asked)?;
    asked.state.order(|reply| Request::Restart(id.clone(), reply)).await?;
    note(&id, "was restarted", &by);
    done(&asked, &id).await
}

/// Runs a check at once, also one that is disabled.
pub async fn test(asked: Asked) -> Result<Reply, Failure> {
    let id = changeable(&asked)?;
    let Found::Configured(listed) = check::find(&asked.state, &id).await? else {
        return Err(Failure::not_found(format!("check {id:?} not found")));
    };
    let run = |reply| Request::RunNow(id.clone(), reply);
    // A run may be under way, which ends first.
    let longest = listed.configured.timeout * 2 + GRACE;
    let report = asked.state.order_within(longest, run).await?;
    Ok(Reply::json(&json!([of_report(&report)])))
}

/// Runs what the body describes once, and keeps nothing of it.
pub async fn test_new(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let mut body = asked.object()?;
    // Clients send these without a value.
    body.retain(|name, value| !["period", "timeout", "label"].contains(&&**name) || is_set(value));
    body.remove("id");
    let configured = valid(TRIAL, &Value::Object(body))?;
    let ran = Trial::of(configured.into(), &asked.state.roots).run().await;
    Ok(Reply::json(&json!([of_report(&ran.report)])))
}

fn is_set(value: &Value) -> bool {
    ![json!(0), json!(""), json!(false), Value::Null].contains(value)
}

/// The id of the check of a path, unless that is the built-in one.
fn changeable(asked: &Asked) -> Result<String, Failure> {
    asked.own_entity()?;
    match asked.name(1) {
        UTILIZATION => Err(Failure::bad(format!(
            "check {UTILIZATION:?} cannot be changed: CPU and memory are always measured, each --sample-interval"
        ))),
        id => Ok(id.to_owned()),
    }
}

/// The check that a body describes.
fn valid(id: &str, body: &Value) -> Result<Configured, Refused> {
    let OfBody { configured, warnings } = of_body(id, body, TABLE).map_err(Refused::Invalid)?;
    for warning in warnings.into_iter().take(MOST_WARNINGS) {
        warn!(target: CHECKS, "check {}, as a request has it: {}", shown(id), shown(&warning));
    }
    Ok(configured)
}

/// Changes a check that is as who asks has seen it.
async fn change(
    asked: &Asked,
    id: String,
    what: &str,
    to: impl FnOnce(&Configured) -> Result<Configured, Refused> + 'static,
) -> Result<Reply, Failure> {
    let by = by(asked)?;
    let if_match = asked.if_match.clone();
    let change = move |before: &Configured| {
        expect(before, if_match.as_deref())?;
        to(before)
    };
    let order = |reply| Request::Change(id.clone(), Box::new(change), reply);
    asked.state.order(order).await?;
    note(&id, what, &by);
    done(asked, &id).await
}

/// What a check has, with what a body changes of it (RFC 7396): null takes something out, and `***`, which stands for a
/// secret in each answer, leaves it as it is.
fn merged(before: &Configured, body: Map<String, Value>) -> Value {
    let Value::Object(mut all) = settings(before) else { return Value::Null };
    if before.timeout == DEFAULT_CHECK_TIMEOUT.min(before.period / 2) {
        // It goes with the period, which may become another one.
        all.remove("timeout");
    }
    let is_other_type = body.get("type").is_some_and(|kind| *kind != all["type"]);
    if is_other_type {
        // Details of one type mean nothing to another.
        all.remove("details");
        all.remove("publish");
    }
    let shown = check::object_of(before);
    for (name, value) in body {
        let known = all.remove(&name);
        let merged = match (name.as_str(), known, value) {
            (_, _, Value::Null) => continue,
            ("details" | "metadata", Some(Value::Object(known)), Value::Object(of)) => {
                Value::Object(merged_map(known, of, &shown[&name]))
            }
            (_, _, value) => value,
        };
        all.insert(name, merged);
    }
    Value::Object(all)
}

/// `shown` is how answers have what is known. What comes back like that stays as it is.
fn merged_map(
    mut known: Map<String, Value>,
    of: Map<String, Value>,
    shown: &Value,
) -> Map<String, Value> {
    for (name, value) in of {
        let stays = value == HIDDEN || shown.get(&name) == Some(&value);
        match value {
            _ if stays && known.contains_key(&name) => {}
            Value::Null => drop(known.remove(&name)),
            value => drop(known.insert(name, value)),
        }
    }
    known
}

/// Refuses a check that is not as who asks has seen it.
fn expect(before: &Configured, if_match: Option<&str>) -> Result<(), Refused> {
    let Some(wanted) = if_match else { return Ok(()) };
    let tag = tag(before);
    match wanted.split(',').map(str::trim).any(|wanted| wanted == "*" || wanted == tag) {
        true => Ok(()),
        false => Err(Refused::Changed(before.id.clone())),
    }
}

/// Who asks for a change and why, as far as that was sent: looked at before anything is changed.
fn by(asked: &Asked) -> Result<String, Failure> {
    let [who, why] = ["_who", "_why"].map(|name| asked.query.one(name));
    let is_there = |text: &&str| !text.trim().is_empty();
    let who = who?.filter(is_there).map(|who| format!(" by {}", shown(who))).unwrap_or_default();
    let why = why?.filter(is_there).map(|why| format!(": {}", shown(why))).unwrap_or_default();
    Ok(who + &why)
}

/// Says in the log what was changed.
fn note(id: &str, what: &str, by: &str) {
    info!(target: CHECKS, "check {} {what} through the API{by}", shown(id));
}

async fn done(asked: &Asked, id: &str) -> Result<Reply, Failure> {
    let checks = asked.state.checks().await?;
    let of = checks.iter().find(|of| of.configured.id == id);
    let reply = Reply::done().with(LOCATION, location(asked, id));
    Ok(match of {
        Some(of) => reply.with(ETAG, tag(&of.configured)),
        // Removed meanwhile.
        None => reply,
    })
}

fn location(asked: &Asked, id: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, UNSAFE).to_string();
    format!("{}/entities/{}/checks/{}", asked.base, encoded(asked.name(0)), encoded(id))
}

/// What must not stand in a path as it is. Clients read ids from there undecoded, so all else stays.
const UNSAFE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':').remove(b'@');

/// An id that no check has.
fn new_id() -> String {
    let random = RandomState::new().hash_one(0);
    let letters =
        (0..8).map(|nth| char::from(LETTERS[(random >> (nth * 8)) as usize % LETTERS.len()]));
    format!("ch{}", letters.collect::<String>())
}

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The result of a run as clients read it.
fn of_report(report: &Report) -> Value {
    let metrics = report.values.iter().map(|(metric, quantity)| {
        let data = match quantity {
            Quantity::Number(number) => number.to_string(),
            Quantity::Text(text) => text.to_string(),
            Quantity::Many(of) => of.mean().to_string(),
        };
        (metric.full_name(), json!({ "type": letter(metric, quantity), "data": data }))
    });
    json!({
        "timestamp": milliseconds(report.time),
        "monitoring_zone_id": null,
        "available": report.is_available,
        "status": report.status,
        "metrics": Value::Object(metrics.collect()),
    })
}

/// More are of a client that sends what is not for this.
const MOST_WARNINGS: usize = 5;

/// The id of a check that is only tried.
const TRIAL: &str = "test-check";

/// For the registry, beside the run itself.
const GRACE: Duration = Duration::from_secs(2);
