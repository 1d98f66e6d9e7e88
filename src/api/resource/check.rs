//! The checks: the built-in one, and those that are configured.

use std::time::Duration;

use hyper::header::ETAG;
use serde_json::{Value, json};

use super::suppressed::with_suppressions;
use super::{changing, number};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::config::{body_of_check, shown_check};
use crate::model::{Configured, UTILIZATION};
use crate::notification::Of;
use crate::overlay::Origin;
use crate::schedule::Listed;

/// A check.
pub enum Found {
    /// The one that the source feeds.
    Utilization,
    Configured(Listed),
}

/// The type of the built-in check.
pub const UTILIZATION_TYPE: &str = "agent.utilization";

/// All checks, with their ids.
pub async fn all(state: &State) -> Result<Vec<(String, Found)>, Failure> {
    let configured = state.checks().await?.into_iter();
    let configured = configured.map(|of| (of.configured.id.clone(), Found::Configured(of)));
    Ok(configured.chain([(UTILIZATION.to_owned(), Found::Utilization)]).collect())
}

/// The check of this id.
pub async fn find(state: &State, id: &str) -> Result<Found, Failure> {
    let found = all(state).await?.into_iter().find(|(of, _)| of == id);
    found
        .map(|(_, check)| check)
        .ok_or_else(|| Failure::not_found(format!("check {id:?} not found")))
}

pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let all = all(&asked.state).await?;
    Ok(Reply::json(&page(&asked, all, |id, check| check.object(&asked.state, id))?))
}

pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let check = find(&asked.state, asked.name(1)).await?;
    let reply = Reply::json(&check.object(&asked.state, asked.name(1)));
    Ok(match &check {
        Found::Configured(Listed { configured, .. }) => reply.with(ETAG, tag(configured)),
        Found::Utilization => reply,
    })
}

impl Found {
    /// Its object, without what is secret.
    pub fn object(&self, state: &State, id: &str) -> Value {
        let object = match self {
            Self::Configured(of) => object_of(&of.configured, of.origin),
            Self::Utilization => whole(json!({
                "id": UTILIZATION,
                "label": "CPU and memory",
                "type": UTILIZATION_TYPE,
                "period": number(state.sample_interval.as_secs_f64()),
                "timeout": number(state.sample_interval.as_secs_f64()),
                "details": {},
                "disabled": false,
                "metadata": {},
                "publish": null,
                "source": Origin::File.name(),
            })),
        };
        with_suppressions(state, object, Of { check: Some(id), alarm: None, plan: None })
    }

    /// The period with which its values come; those that the source gives once a window come less often.
    pub fn period(&self, state: &State) -> Duration {
        match self {
            Self::Utilization => state.sample_interval,
            Self::Configured(Listed { configured, .. }) => configured.period,
        }
    }
}

/// The object of a check, without what is secret.
pub fn object_of(of: &Configured, origin: Origin) -> Value {
    let mut object = shown_check(of);
    object["source"] = origin.name().into();
    whole(object)
}

/// Changes with each setting of a check, also a secret one.
pub fn tag(of: &Configured) -> String {
    changing::tag(&of.id, &body_of_check(of))
}

/// The same with what clients expect beside it.
fn whole(mut object: Value) -> Value {
    object["active_suppressions"] = json!([]);
    object["scheduled_suppressions"] = json!([]);
    for absent in ["monitoring_zones_poll", "target_alias", "target_resolver"] {
        object[absent] = Value::Null;
    }
    object
}
