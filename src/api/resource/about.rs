//! What the agent can do, and how it is.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::check::UTILIZATION_TYPE;
use super::pushed::MOST_VALUES;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::limits;
use crate::api::plot::{MOST_POINTS, OFF};
use crate::api::reply::Reply;
use crate::check::TABLE;
use crate::clock::now_ms;
use crate::config::option_names;
use crate::sorted::object_of;
use crate::store::Resolution;

/// What the agent can do.
pub async fn capabilities(asked: Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let now = now_ms();
    let reaches = match &state.history {
        // While the file cannot be read it is not known.
        Some(history) => history.reaches().await.unwrap_or_default(),
        None => Default::default(),
    };
    let resolutions = Resolution::ALL.iter().zip(reaches).map(|(of, oldest)| {
        let kept = (now - of.kept_since(now)) / 1000;
        let (name, length) = (of.name(), of.length_ms());
        json!({ "name": name, "length_ms": length, "kept_seconds": kept, "oldest": oldest })
    });
    let types = TABLE.iter().map(|kind| kind.name).chain([UTILIZATION_TYPE]);
    let limits = limits::ALL.iter().map(|(name, limit)| ((*name).to_owned(), (*limit).into()));
    let mut limits = object_of(limits);
    limits.insert("max_metrics".to_owned(), state.max_metrics.into());
    limits.insert("values_of_a_request".to_owned(), MOST_VALUES.into());
    limits.insert("points_of_a_page".to_owned(), MOST_POINTS.into());
    let is_on = state.history.is_some();
    Ok(Reply::json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "check_types": types.collect::<Vec<_>>(),
        "resolutions": resolutions.collect::<Vec<_>>(),
        "history": { "enabled": is_on, "message": (!is_on).then_some(OFF) },
        "live": LIVE,
        "restart": option_names(),
        "limits": limits,
    })))
}

/// Whether the agent lives: a sample was taken not long ago.
pub fn health(asked: &Asked) -> Result<Reply, Failure> {
    is_sampling(asked, LONGEST_PAUSE)
}

/// Whether values can be asked for.
pub fn readiness(asked: &Asked) -> Result<Reply, Failure> {
    if asked.state.latest.borrow().sampled_at.is_none() {
        return Err(Failure::unavailable("not ok"));
    }
    is_sampling(asked, LATE)
}

fn is_sampling(asked: &Asked, grace: Duration) -> Result<Reply, Failure> {
    let state = &asked.state;
    let since = state.latest.borrow().sampled_at.unwrap_or(state.started);
    let age = Instant::now().saturating_duration_since(since);
    match age <= grace + state.sample_interval * 2 {
        true => Ok(Reply::json(&json!({ "status": "ok" }))),
        false => Err(Failure::unavailable("not ok")),
    }
}

/// What changes while the agent runs: by requests, by a reload, and as soon as a file is replaced.
const LIVE: &[&str] = &[
    "alarms",
    "blacklist",
    "buffer",
    "certificates",
    "checks",
    "configuration files",
    "notifications",
    "thresholds",
    "tokens",
    "values",
];

/// Trouble that passes is none: only after this the agent is not healthy.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A sample that is this late may still come.
const LATE: Duration = Duration::from_secs(5);
