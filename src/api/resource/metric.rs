//! The metrics of a check, and the points of one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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
use crate::clock::now_ms;
use crate::model::{Kind, Quantity};

/// The metrics of which there is a value or history.
pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let (state, id) = (&asked.state, asked.name(1));
    check::find(state, id).await?;
    let kept = state.history.iter().flat_map(|history| history.metrics(id));
    let kept = kept.map(|(of, updated)| {
        let kind = Kind::of_total(of.is_counter).name();
        let letter = of.letter.to_string();
        let object = json!({ "unit": &*of.unit, "type": letter, "kind": kind, "updated": updated });
        (of.name.to_string(), object)
    });
    let mut metrics: BTreeMap<String, Value> = kept.collect();
    for (name, newest) in state.latest.borrow().values(id) {
        let (metric, updated) = (&newest.metric, milliseconds(newest.time));
        let (unit, letter) = (metric.unit_name(), letter(metric, &newest.quantity));
        let kind = metric.kind.name();
        let object = json!({ "unit": unit, "type": letter, "kind": kind, "updated": updated });
        // A text once in a while does not make a text of a number, as in the history.
        match metrics.entry(name) {
            Entry::Vacant(entry) => drop(entry.insert(object)),
            Entry::Occupied(_) if matches!(newest.quantity, Quantity::Text(_)) => {}
            Entry::Occupied(mut entry) => drop(entry.insert(object)),
        }
    }
    let named = |name: &str, object: &Value| {
        let mut object = object.clone();
        object["name"] = name.into();
        object
    };
    Ok(Reply::json(&page(&asked, metrics.into_iter().collect(), named)?))
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
