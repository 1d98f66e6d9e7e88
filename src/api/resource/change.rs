//! Changes of checks: each is validated as a whole, and then in force at once.

use std::time::Duration;

use hyper::header::{ETAG, LOCATION};
use serde_json::{Map, Value, json};

use super::changing::{by, is_expected, location, merged_map, new_id, note, tell, warn_of};
use super::check::{self, Found, tag};
use super::milliseconds;
use super::value::letter;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;
use crate::check::TABLE;
use crate::config::{OfBody, body_of_check, of_body, shown_check};
use crate::model::{Configured, DEFAULT_CHECK_TIMEOUT, Quantity, Report, UTILIZATION};
use crate::overlay::Origin;
use crate::schedule::{Refused, Request, Trial};
use crate::sorted::object_of;

/// Adds a check. Its id is that of the body, or a new one.
pub async fn create(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let mut body = asked.object()?;
    let id = match body.remove("id") {
        None | Some(Value::Null) => new_id("ch"),
        Some(Value::String(id)) => id,
        Some(other) => return Err(Failure::bad(format!("id: expected a text, not {other}"))),
    };
    let by = by(&asked)?;
    let configured = valid(&id, &Value::Object(body))?;
    let (object, tag) = (check::object_of(&configured, Origin::Api), tag(&configured));
    asked.state.order(|reply| Request::Add(configured, reply)).await?;
    asked.state.control.alarms.borrow_mut().add_check(&id);
    note(&asked, CHECK, &id, "was added", &by).await?;
    Ok(Reply::created(location(&asked, "checks", &id), &id, &object).with(ETAG, tag))
}

/// Changes what the body has of a check; all else stays.
pub async fn update(asked: Asked) -> Result<Reply, Failure> {
    let id = changeable(&asked)?;
    let body = asked.object()?;
    let of = id.clone();
    let change_to = move |before: &Configured| {
        let sent = body.get("details").cloned().unwrap_or_default();
        let next = valid(&of, &merged(before, body))?;
        keep_secrets(before, &next, &sent)?;
        Ok(next)
    };
    change(&asked, id, "was changed", change_to).await
}

/// Refuses to send a secret that is not known to who asks to another server.
fn keep_secrets(before: &Configured, next: &Configured, sent: &Value) -> Result<(), Refused> {
    let [known, then] = [before, next].map(|of| body_of_check(of)["details"].take());
    let leads_elsewhere = |name: &&&str| known[**name] != then[**name];
    let Some(leading) = LEADING.iter().find(leads_elsewhere) else { return Ok(()) };
    let shown = shown_check(before)["details"].take();
    let is_kept = |(name, value): &(&String, &Value)| {
        let is_hidden = shown[name.as_str()] != **value;
        let is_sent = sent.get(name).is_some_and(|of| *of != shown[name.as_str()]);
        is_hidden && !is_sent && then[name.as_str()] == **value
    };
    match known.as_object().into_iter().flatten().find(is_kept) {
        None => Ok(()),
        Some((secret, _)) => Err(Refused::Invalid(vec![format!(
            "details: {leading} changes where {secret} is sent to: send {secret} anew as well"
        )])),
    }
}

/// The settings that say where a check sends its secret, and who may read it on the way.
const LEADING: [&str; 6] = ["host", "port", "socket", "tls", "url", "verify"];

pub async fn remove(asked: Asked) -> Result<Reply, Failure> {
    let id = changeable(&asked)?;
    let by = by(&asked)?;
    let if_match = asked.if_match.clone();
    let control = &asked.state.control;
    let (alarms, thresholds) = (control.alarms.clone(), control.thresholds.clone());
    let expecting = move |before: &Configured| {
        expect(before, if_match.as_deref())?;
        // They look at nothing any more. At the same instant, so that no reload finds them without their check.
        alarms.borrow_mut().remove_of_check(&before.id);
        thresholds.borrow_mut().forget_check(&before.id);
        Ok(())
    };
    let remove = |reply| Request::Remove(id.clone(), Box::new(expecting), reply);
    asked.state.order(remove).await?;
    note(&asked, CHECK, &id, "was removed", &by).await?;
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
    tell(&asked, CHECK, &id, "was restarted", &by);
    done(&asked, &id).await
}

/// Runs a check at once, also one that is disabled.
pub async fn test(asked: Asked) -> Result<Reply, Failure> {
    let id = changeable(&asked)?;
    let Found::Configured(listed) = check::find(&asked.state, &id).await? else {
        return Err(Failure::not_found(format!("check {id:?} not found")));
    };
    let run = |reply| Request::RunNow(id.clone(), reply);
    // A run may be under way, which ends first. It may have begun with a longer timeout.
    let longest = listed.configured.timeout * 2 + GRACE;
    let report = asked.state.control.requests.order_within(longest, run).await?;
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
    warn_of(CHECK, id, warnings);
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
    note(asked, CHECK, &id, what, &by).await?;
    done(asked, &id).await
}

/// What a check has, with what a body changes of it (RFC 7396): null takes something out, and `***`, which stands for a
/// secret in each answer, leaves it as it is.
fn merged(before: &Configured, body: Map<String, Value>) -> Value {
    let Value::Object(mut all) = body_of_check(before) else { return Value::Null };
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
    let shown = shown_check(before);
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

async fn done(asked: &Asked, id: &str) -> Result<Reply, Failure> {
    let checks = asked.state.checks().await?;
    let of = checks.iter().find(|of| of.configured.id == id);
    let reply = Reply::done().with(LOCATION, location(asked, "checks", id));
    Ok(match of {
        Some(of) => reply.with(ETAG, tag(&of.configured)),
        // Removed meanwhile.
        None => reply,
    })
}

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
        "metrics": Value::Object(object_of(metrics)),
    })
}

/// Refuses a check that is not as who asks has seen it.
fn expect(before: &Configured, if_match: Option<&str>) -> Result<(), Refused> {
    match is_expected(&tag(before), if_match) {
        true => Ok(()),
        false => Err(Refused::Changed(before.id.clone())),
    }
}

const CHECK: &str = "check";

/// The id of a check that is only tried.
const TRIAL: &str = "test-check";

/// For the registry, beside the run itself.
const GRACE: Duration = Duration::from_secs(2);
