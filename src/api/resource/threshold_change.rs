//! Changes of thresholds: each is validated as a whole, and then in force at once.

use hyper::header::{ETAG, LOCATION};
use serde_json::{Map, Value};

use super::changing::{by, is_expected, merged_map, new_id, note, path_of, tag, warn_of};
use super::notification::check_plan;
use super::threshold::{READ_ONLY, missing, object_of};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;
use crate::config::{MOST_THRESHOLDS, OfBody, body_of_threshold, threshold_of_body};
use crate::threshold::Threshold;

/// Adds a threshold. Its id is that of the body, or a new one.
pub async fn create(asked: Asked) -> Result<Reply, Failure> {
    let mut body = asked.object()?;
    let id = match body.remove("id") {
        None | Some(Value::Null) => new_id("th"),
        Some(Value::String(id)) => id,
        Some(other) => return Err(Failure::bad(format!("id: expected a text, not {other}"))),
    };
    let by = by(&asked)?;
    let threshold = valid(&asked, &id, body)?;
    // They begin with the checks.
    asked.state.checks().await?;
    let thresholds = &asked.state.control.thresholds;
    if thresholds.borrow().all().contains_key(&id) {
        return Err(Failure::conflict(format!("there is a threshold {id} already")));
    }
    let most = MOST_THRESHOLDS;
    if thresholds.borrow().all().len() >= most {
        let text = format!("there are {most} thresholds, and more are not taken");
        return Err(Failure::conflict(text));
    }
    thresholds.borrow_mut().set(threshold);
    note(&asked, THRESHOLD, &id, "was added", &by).await?;
    let (object, tag) = found(&asked, &id)?;
    Ok(Reply::created(path_of(&asked, "thresholds", &id), &id, &object).with(ETAG, tag))
}

/// Changes what the body has of a threshold; all else stays.
pub async fn update(asked: Asked) -> Result<Reply, Failure> {
    let (id, by) = (asked.name(0).to_owned(), by(&asked)?);
    let body = asked.object()?;
    asked.state.checks().await?;
    let before = expected(&asked, &id)?;
    let known = body_of_threshold(&before).as_object().cloned().unwrap_or_default();
    let next = valid(&asked, &id, merged_map(known, body, &Value::Null))?;
    if next != before {
        asked.state.control.thresholds.borrow_mut().set(next);
        note(&asked, THRESHOLD, &id, "was changed", &by).await?;
    }
    let (_, tag) = found(&asked, &id)?;
    Ok(Reply::done().with(LOCATION, path_of(&asked, "thresholds", &id)).with(ETAG, tag))
}

pub async fn remove(asked: Asked) -> Result<Reply, Failure> {
    let (id, by) = (asked.name(0).to_owned(), by(&asked)?);
    asked.state.checks().await?;
    expected(&asked, &id)?;
    asked.state.control.thresholds.borrow_mut().remove(&id);
    note(&asked, THRESHOLD, &id, "was removed", &by).await?;
    Ok(Reply::done())
}

/// The threshold of this id, as who asks has seen it.
fn expected(asked: &Asked, id: &str) -> Result<Threshold, Failure> {
    let all = asked.state.control.thresholds.borrow();
    let of = all.all().get(id).ok_or_else(|| missing(id))?;
    match is_expected(&tag(id, &body_of_threshold(of)), asked.if_match.as_deref()) {
        true => Ok(Threshold::clone(of)),
        false => {
            Err(Failure::precondition(format!("threshold {id} was changed meanwhile: get it anew")))
        }
    }
}

/// The object of a threshold, unless it was removed meanwhile, and its tag.
fn found(asked: &Asked, id: &str) -> Result<(Value, String), Failure> {
    let all = asked.state.control.thresholds.borrow();
    let of = all.all().get(id).ok_or_else(|| missing(id))?;
    Ok((object_of(&all, of), tag(id, &body_of_threshold(of))))
}

/// The threshold that a body describes. What answers have beside it is of no matter.
fn valid(asked: &Asked, id: &str, mut body: Map<String, Value>) -> Result<Threshold, Failure> {
    READ_ONLY.iter().for_each(|name| drop(body.remove(*name)));
    let parsed = threshold_of_body(id, &Value::Object(body));
    let OfBody { configured, warnings } =
        parsed.map_err(|problems| Failure::bad(problems.join("; ")))?;
    warn_of(THRESHOLD, id, warnings);
    check_plan(&asked.state, configured.notification_plan.as_deref())?;
    Ok(configured)
}

const THRESHOLD: &str = "threshold";
