//! How the last run of each check has ended.

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
    Ok(Reply::json(&page(&asked, ran, |id, last| object(id, last))?))
}

fn object(id: &str, last: &Report) -> Value {
    json!({
        "check": id,
        "available": last.is_available,
        "status": last.status,
        "timestamp": milliseconds(last.time),
        "duration": number(last.took.as_secs_f64()),
    })
}
