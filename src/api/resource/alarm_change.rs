//! Changes of alarms: each is validated as a whole, and then in force at once.

use hyper::header::{ETAG, LOCATION};
use serde_json::{Map, Value};

use super::alarm::{object, unparsed};
use super::changing::{by, is_expected, location, merged_map, new_id, note, tag, warn_of};
use super::notification::check_plan;
use crate::alarm::Alarm;
use crate::alarm::criteria::Criteria;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;
use crate::api::resource::check;
use crate::config::{OfBody, alarm_of_body, body_of_alarm};
use crate::lookout::{Alarms, Shared};
use crate::schedule::Refused;

/// Adds an alarm of a check. Its id is that of the body, or a new one.
pub async fn create(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let mut body = asked.object()?;
    let id = match body.remove("id") {
        None | Some(Value::Null) => new_id("al"),
        Some(Value::String(id)) => id,
        Some(other) => return Err(Failure::bad(format!("id: expected a text, not {other}"))),
    };
    let by = by(&asked)?;
    let alarm = valid(&asked, &id, body).await?;
    let alarms = &asked.state.control.alarms;
    // Also those that wait for their check.
    let all = alarms.borrow().overlay().effective();
    if let Some(known) = all.get(&id) {
        let check = &known.check;
        return Err(Failure::conflict(format!("there is an alarm {id} of check {check} already")));
    }
    let most = MOST_ALARMS;
    if all.len() >= most {
        return Err(Failure::conflict(format!("there are {most} alarms, and more are not taken")));
    }
    alarms.borrow_mut().set(alarm);
    note(&asked, ALARM, &id, "was added", &by).await?;
    found(alarms, &id, |object, tag| {
        Reply::created(location(&asked, "alarms", &id), &id, &object).with(ETAG, tag)
    })
}

/// Changes what the body has of an alarm; all else stays.
pub async fn update(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let (id, by) = (asked.name(1).to_owned(), by(&asked)?);
    let mut body = asked.object()?;
    body.remove("id");
    let before = expected(&asked, &id)?;
    let next = valid(&asked, &id, merged(&before, body)).await?;
    let alarms = &asked.state.control.alarms;
    // Its check was looked for meanwhile.
    if expected(&asked, &id)? != before {
        return Err(Failure::conflict(format!("alarm {id} was changed meanwhile: send it again")));
    }
    if next != before {
        alarms.borrow_mut().set(next);
        note(&asked, ALARM, &id, "was changed", &by).await?;
    }
    found(alarms, &id, |_, tag| {
        Reply::done().with(LOCATION, location(&asked, "alarms", &id)).with(ETAG, tag)
    })
}

pub async fn remove(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let (id, by) = (asked.name(1).to_owned(), by(&asked)?);
    expected(&asked, &id)?;
    asked.state.control.alarms.borrow_mut().remove(&id);
    note(&asked, ALARM, &id, "was removed", &by).await?;
    Ok(Reply::done())
}

/// The alarm of this id, as who asks has seen it.
fn expected(asked: &Asked, id: &str) -> Result<Alarm, Failure> {
    let alarms = asked.state.control.alarms.borrow();
    let missing = || Failure::not_found(format!("alarm {id:?} not found"));
    let alarm = alarms.all().get(id).map(|of| of.alarm.clone()).ok_or_else(missing)?;
    match is_expected(&tag(id, &body_of_alarm(&alarm)), asked.if_match.as_deref()) {
        true => Ok(alarm),
        false => {
            Err(Failure::precondition(format!("alarm {id} was changed meanwhile: get it anew")))
        }
    }
}

/// An answer of the alarm of this id, unless it was removed meanwhile.
fn found(
    alarms: &Shared,
    id: &str,
    reply: impl FnOnce(Value, String) -> Reply,
) -> Result<Reply, Failure> {
    let alarms = alarms.borrow();
    let of = alarms.all().get(id);
    let of = of.ok_or_else(|| Failure::not_found(format!("alarm {id:?} not found")))?;
    Ok(reply(object(of, alarms.overlay().origin(id)), tag(id, &body_of_alarm(&of.alarm))))
}

/// The alarm that a body describes, of a check that is there.
async fn valid(asked: &Asked, id: &str, mut body: Map<String, Value>) -> Result<Alarm, Failure> {
    let check = match body.remove("check_id") {
        Some(Value::String(check)) => check,
        _ => return Err(Failure::bad("check_id is missing: expected the id of a check")),
    };
    if let Some(Value::String(text)) = body.get("criteria")
        && let Err(mistake) = Criteria::parse(text)
    {
        return Err(unparsed(text, &mistake));
    }
    let parsed = alarm_of_body(&check, id, &Value::Object(body));
    let parsed = parsed.map_err(|problems| Failure::bad(problems.join("; ")))?;
    let OfBody { configured, warnings } = parsed;
    warn_of(ALARM, id, warnings);
    check_plan(&asked.state, configured.notification_plan.as_deref())?;
    check_room(&asked.state.control.alarms.borrow(), &configured)?;
    let checks = check::all(&asked.state).await?;
    if !checks.iter().any(|(of, _)| *of == check) {
        return Err(Failure::bad(format!("check_id {check:?}: there is no such check")));
    }
    Ok(configured)
}

/// Whether its state can be published, if it is to be and was not before.
fn check_room(alarms: &Alarms, alarm: &Alarm) -> Result<(), Failure> {
    let is_published = alarms.all().get(&alarm.id).is_some_and(|of| of.alarm.published().is_some());
    if alarm.published().is_none() || is_published || alarms.has_room() {
        return Ok(());
    }
    let refused = Refused::TooManyMetrics {
        metrics: alarms.most_published() + 1,
        most: alarms.most_published(),
    };
    Err(Failure::bad(refused.to_string()))
}

/// What an alarm has, with what a body changes of it (RFC 7396): null takes something out.
fn merged(before: &Alarm, body: Map<String, Value>) -> Map<String, Value> {
    let mut all = body_of_alarm(before).as_object().cloned().unwrap_or_default();
    for (name, value) in body {
        let known = all.remove(&name);
        let merged = match (known, value) {
            (_, Value::Null) => continue,
            // So answers have an alarm without criteria.
            (Some(Value::Null), value) if value == "" => continue,
            (Some(Value::Object(known)), Value::Object(of)) => {
                Value::Object(merged_map(known, of, &Value::Null))
            }
            (_, value) => value,
        };
        all.insert(name, merged);
    }
    all
}

const ALARM: &str = "alarm";

/// Each is looked at with each result of its check; more than this are of a client that runs wild.
const MOST_ALARMS: usize = 1000;
