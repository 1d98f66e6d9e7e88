//! The thresholds, the metrics that are not OK for them, and the one that wins for a metric.

use std::collections::{BTreeMap, HashMap};

use hyper::header::ETAG;
use serde_json::{Value, json};

use super::changing::tag;
use super::{milliseconds, number};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::config::body_of_threshold;
use crate::lookout::thresholds::{Judged, Key, Thresholds};
use crate::threshold::{Named, State, Threshold};

pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    // They begin with the checks.
    asked.state.checks().await?;
    let all = asked.state.control.thresholds.borrow();
    let mut standings = standings(&all);
    let objects = all.all().iter().map(|(id, of)| {
        let standing = standings.remove(&**id).unwrap_or_default();
        (id.clone(), object(&all, of, standing))
    });
    Ok(Reply::json(&page(&asked, objects.collect(), |_, of| of.clone())?))
}

pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    asked.state.checks().await?;
    let all = asked.state.control.thresholds.borrow();
    let id = asked.name(0);
    let of = all.all().get(id).ok_or_else(|| missing(id))?;
    Ok(Reply::json(&object_of(&all, of)).with(ETAG, tag(id, &body_of_threshold(of))))
}

/// The threshold that wins for a metric, and where that stands.
pub async fn effective(asked: Asked) -> Result<Reply, Failure> {
    asked.state.checks().await?;
    let metric = asked.query.one("metric")?;
    let (check, name) = metric.and_then(|metric| metric.split_once('/')).ok_or_else(|| {
        Failure::bad("metric: expected CHECK/METRIC, as /metrics_list has check and name")
    })?;
    let target = asked.query.one("target")?.map(str::to_owned);
    let all = asked.state.control.thresholds.borrow();
    let (name, target) = match target {
        Some(target) => (name.to_owned(), Some(target)),
        None => parts(&asked, check, name),
    };
    let named = Named { check, metric: &name, target: target.as_deref() };
    let ids: Vec<_> = all.of_metric(named).map(|of| of.id.as_str()).collect();
    let of_check = all.states().range(Key::from(check));
    let mut of_check = of_check.take_while(|(key, _)| &*key.check == check);
    let stands = of_check.find(|(_, of)| of.name == name && of.target == target);
    let mut object = match stands {
        Some((key, of)) => standing(key, of),
        None => json!({
            "check": check, "metric": name, "state": null, "value": null, "status": "",
            "since": null, "unknown": null,
        }),
    };
    object["target"] = target.as_deref().into();
    object["threshold"] = ids.first().copied().into();
    object["thresholds"] = ids.into();
    Ok(Reply::json(&object))
}

/// The name and the target of a metric of which the whole name may be known here.
fn parts(asked: &Asked, check: &str, whole: &str) -> (String, Option<String>) {
    let newest = asked.state.latest.borrow().values(check).remove(whole);
    newest.map_or((whole.to_owned(), None), |of| (of.metric.name.to_string(), of.metric.of_what()))
}

pub fn missing(id: &str) -> Failure {
    Failure::not_found(format!("threshold {id:?} not found"))
}

/// The object of one threshold, and where its metrics stand.
pub fn object_of(all: &Thresholds, of: &Threshold) -> Value {
    let standing = standings(all).remove(&*of.id).unwrap_or_default();
    object(all, of, standing)
}

/// Where the metrics of a threshold stand.
#[derive(Default)]
struct Standings {
    counts: BTreeMap<&'static str, usize>,
    /// The first ones by their names.
    not_ok: Vec<Value>,
}

/// Those of all thresholds that have any, by their ids: metrics may be many, so they are gone through once.
fn standings(all: &Thresholds) -> HashMap<&str, Standings> {
    let mut found = HashMap::<&str, Standings>::new();
    for (key, of) in all.states() {
        let known = found.entry(&of.threshold.id).or_default();
        let is_known = of.unknown.is_none();
        let state = of.standing.state;
        let name = match state {
            None => "unknown",
            Some(State::Ok) if !is_known => "unknown",
            Some(state) => state.name(),
        };
        *known.counts.entry(name).or_default() += 1;
        if name != State::Ok.name() && known.not_ok.len() < MOST_SHOWN {
            known.not_ok.push(standing(key, of));
        }
    }
    found
}

fn standing(key: &Key, of: &Judged) -> Value {
    json!({
        "check": &*key.check,
        "metric": &*key.name,
        "state": of.standing.state.map(State::name),
        "value": of.value.map(number),
        "status": of.status,
        "since": of.since.map(milliseconds),
        "unknown": of.unknown,
    })
}

fn object(all: &Thresholds, of: &Threshold, standings: Standings) -> Value {
    let count = |name: &str| standings.counts.get(name).copied().unwrap_or_default();
    let mut object = body_of_threshold(of);
    object["id"] = of.id.as_str().into();
    object["source"] = all.overlay().origin(&of.id).name().into();
    object["counts"] = json!({
        "ok": count(State::Ok.name()),
        "warning": count(State::Warning.name()),
        "failure": count(State::Failure.name()),
        "unknown": count("unknown"),
    });
    object["not_ok"] = standings.not_ok.into();
    object
}

/// What an object of a threshold has that is not set.
pub const READ_ONLY: &[&str] = &["id", "source", "counts", "not_ok"];

/// Metrics of one threshold that are shown because they are not OK.
const MOST_SHOWN: usize = 100;
