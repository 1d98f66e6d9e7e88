//! The metrics of a check, and the points of one.

use serde_json::{Value, json};

use super::check;
use super::milliseconds;
use super::value::letter;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::history::History;
use crate::api::latest::Newest;
use crate::api::paging::page;
use crate::api::plot;
use crate::api::reply::{JSON, Reply};
use crate::api::state::State;
use crate::clock::now_ms;
use crate::model::{Kind, Quantity};
use crate::sorted::{map_of, set_of};
use crate::store::Described;

/// The metrics of a check of which there is a value or history.
pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let (state, id) = (&asked.state, asked.name(1));
    let metrics = of_check(state, id);
    if metrics.is_empty() {
        check::find(state, id).await?;
    }
    let object = |name: &str, kept: &Option<Kept>| object(state, id, name, kept.as_ref());
    Ok(Reply::json(&page(&asked, metrics, object)?))
}

/// The metrics of all checks, also of those that are no more and have history.
pub async fn all(asked: Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let configured = check::all(state).await?.into_iter().map(|(id, _)| id);
    let kept = state.history.iter().flat_map(|history| history.checks());
    let ids = set_of(configured.chain(kept.map(|id| id.to_string())));
    let of_all = ids.iter().flat_map(|id| {
        let of_check = of_check(state, id).into_iter();
        of_check.map(move |(name, kept)| (format!("{id}/{name}"), (id, name, kept)))
    });
    let object = |_: &str, (id, name, kept): &(&String, String, Option<Kept>)| {
        let mut object = object(state, id, name, kept.as_ref());
        object["check"] = id.as_str().into();
        object
    };
    Ok(Reply::json(&page(&asked, of_all.collect(), object)?))
}

/// What the history has of a metric, and when it had a value last.
type Kept = (Described, Option<i64>);

/// The metrics of a check, each once, in any order.
fn of_check(state: &State, id: &str) -> Vec<(String, Option<Kept>)> {
    let latest = state.latest.borrow().names(id).into_iter().map(|name| (name, None));
    let mut metrics = map_of(latest);
    let kept = state.history.iter().flat_map(|history| history.metrics(id));
    metrics.extend(kept.map(|kept| (kept.0.name.to_string(), Some(kept))));
    metrics.into_iter().collect()
}

fn object(state: &State, check: &str, name: &str, kept: Option<&Kept>) -> Value {
    let has_history = kept.is_some_and(|(of, _)| !of.is_text());
    // A text once in a while does not make a text of a number, as in the history.
    let is_meant = |newest: &Newest| !(has_history && matches!(newest.quantity, Quantity::Text(_)));
    let newest = state.latest.borrow().value(check, name).filter(is_meant);
    match (newest, kept) {
        (Some(Newest { metric, quantity, time, .. }), _) => json!({
            "name": name, "unit": metric.unit_name(), "type": letter(&metric, &quantity),
            "kind": metric.kind.name(), "updated": milliseconds(time), "history": has_history,
        }),
        (None, Some((of, updated))) => json!({
            "name": name, "unit": &*of.unit, "type": of.letter.to_string(),
            "kind": Kind::of_total(of.is_counter).name(), "updated": updated, "history": has_history,
        }),
        // It has gone in this instant.
        (None, None) => Value::Null,
    }
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
    Ok(Reply::text(plot::answer(&asked, history, id, name, now).await?, JSON))
}
