//! The metrics of a check, and the points of one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::check;
use super::milliseconds;
use super::value::letter;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::history::History;
use crate::api::paging::page;
use crate::api::plot;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::clock::now_ms;
use crate::model::{Kind, Quantity};

/// The metrics of a check of which there is a value or history.
pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let (state, id) = (&asked.state, asked.name(1));
    let metrics = of_check(state, id);
    if metrics.is_empty() {
        check::find(state, id).await?;
    }
    let metrics = metrics.into_iter().collect();
    Ok(Reply::json(&page(&asked, metrics, |_, object: &Value| object.clone())?))
}

/// The metrics of all checks, also of those that are no more and have history.
pub async fn all(asked: Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let configured = check::all(state).await?.into_iter().map(|(id, _)| id);
    let kept = state.history.iter().flat_map(|history| history.checks());
    let ids: BTreeSet<String> = configured.chain(kept.map(|id| id.to_string())).collect();
    let of_all = ids.iter().flat_map(|id| {
        let of_check = of_check(state, id).into_iter();
        of_check.map(move |(name, mut object)| {
            object["check"] = id.as_str().into();
            (format!("{id}/{name}"), object)
        })
    });
    Ok(Reply::json(&page(&asked, of_all.collect(), |_, object: &Value| object.clone())?))
}

/// The metrics of a check by their names.
fn of_check(state: &State, id: &str) -> BTreeMap<String, Value> {
    let kept = state.history.iter().flat_map(|history| history.metrics(id));
    let kept = kept.map(|(of, updated)| {
        let kind = Kind::of_total(of.is_counter).name();
        let letter = of.letter.to_string();
        let object = json!({
            "name": &*of.name, "unit": &*of.unit, "type": letter, "kind": kind, "updated": updated,
            "history": !of.is_text(),
        });
        (of.name.to_string(), object)
    });
    let mut metrics: BTreeMap<String, Value> = kept.collect();
    for (name, newest) in state.latest.borrow().values(id) {
        let (metric, updated) = (&newest.metric, milliseconds(newest.time));
        let (unit, letter) = (metric.unit_name(), letter(metric, &newest.quantity));
        let kind = metric.kind.name();
        let has_history = metrics.get(&name).is_some_and(|kept| kept["history"] == true);
        // A text once in a while does not make a text of a number, as in the history.
        if has_history && matches!(newest.quantity, Quantity::Text(_)) {
            continue;
        }
        let object = json!({
            "name": &name, "unit": unit, "type": letter, "kind": kind, "updated": updated,
            "history": has_history,
        });
        metrics.insert(name, object);
    }
    metrics
}

/// The points of a metric.
pub async fn points(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let (state, id, name) = (&asked.state, asked.name(1), asked.name(2));
    let found = check::find(state, id).await;
    // A check that is no longer there has its history.
    let has_history = |history: &dyn History| !history.metrics(id).is_empty();
    if !state.history.as_deref().is_some_and(has_history) {
        found?;
    }
    let now = now_ms();
    let history = state.history.as_deref();
    Ok(Reply::json(&plot::answer(&asked, history, id, name, now).await?))
}
