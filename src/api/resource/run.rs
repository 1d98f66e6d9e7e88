//! How the last run of each check has ended.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{milliseconds, number};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::model::Report;

/// Those of the checks that have run.
pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    let checks = asked.state.checks().await?.into_iter();
    let ran = checks.filter_map(|of| Some((of.configured.id.clone(), of.last?))).collect();
    let latest = asked.state.latest.borrow();
    let since = |id: &str, last: &Report| latest.outcome(id).map_or(last.time, |of| of.since);
    Ok(Reply::json(&page(&asked, ran, |id, last| object(id, last, since(id, last)))?))
}

fn object(id: &str, last: &Report, since: SystemTime) -> Value {
    let unavailable = last.absent.iter();
    let unavailable =
        unavailable.map(|(metric, reason)| json!({ "metric": metric, "reason": reason }));
    json!({
        "check": id,
        "available": last.is_available,
        "since": milliseconds(since),
        "status": last.status,
        "timestamp": milliseconds(last.time),
        "unavailable": unavailable.collect::<Value>(),
        "duration": number(last.took.as_secs_f64()),
    })
}
