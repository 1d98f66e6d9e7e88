//! The agent itself, in the form of a list of agents.

use serde_json::{Value, json};

use super::{milliseconds, number};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::api::tokens::Scope;
use crate::config::ApiAddress;
use crate::model::{Limits, Measured, Unavailable};

pub fn list(asked: &Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let page = page(asked, vec![(state.entity().to_owned(), ())], |_, ()| object(state))?;
    Ok(Reply::json(&page))
}

pub fn one(asked: &Asked) -> Result<Reply, Failure> {
    asked.own_agent()?;
    Ok(Reply::json(&object(&asked.state)))
}

/// The process that answers, and the configuration that is in force in it.
pub async fn process(asked: Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    // At the start it waits for what was kept.
    let hash = state.control.hash().await?;
    let measured = measured(&state.latest.borrow().measured);
    let unavailable = unavailable(&state.latest.borrow().unavailable);
    let reply = Reply::json(&json!({
        "id": state.entity(),
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "started": milliseconds(state.started_time),
        "uptime": number(state.started.elapsed().as_secs_f64()),
        "generation": state.control.generation(),
        "hash": hash,
        "kept": state.control.keeps(),
        "service": state.service,
        "dimensions": *state.dimensions.borrow(),
        "sample_interval": number(state.sample_interval.as_secs_f64()),
        "period": number(state.period.as_secs_f64()),
        "measured": measured,
        "unavailable": unavailable,
        "access": match asked.rights.scope {
            Scope::Read => "read",
            Scope::Write => "write",
        },
    }));
    Ok(reply)
}

/// What is measured, and what its percents are of.
fn measured(of: &Measured) -> Value {
    let Limits { cpu, memory } = &of.limits;
    let cpu = cpu.as_ref().map(
        |limit| json!({ "cores": number(limit.amount.0), "origin": limit.origin.to_string() }),
    );
    let memory = memory
        .as_ref()
        .map(|limit| json!({ "bytes": limit.amount.0, "origin": limit.origin.to_string() }));
    json!({ "scope": of.scope, "cpu": cpu, "memory": memory })
}

/// What was asked for of the samples and has no value.
fn unavailable(all: &[Unavailable]) -> Value {
    let all = all.iter().take(MOST_UNAVAILABLE).map(|Unavailable { metric, reason, since }| {
        json!({ "metric": metric, "reason": reason, "since": since.map(milliseconds) })
    });
    all.collect()
}

/// More than a pod of 20 containers has with all numbers.
const MOST_UNAVAILABLE: usize = 500;

/// The one connection of this agent: the address that is asked.
pub fn connections(asked: &Asked) -> Result<Reply, Failure> {
    asked.own_agent()?;
    let state = &asked.state;
    let (endpoint, ip) = match &state.address {
        ApiAddress::Unix(path) => (format!("unix:{}", path.display()), None),
        ApiAddress::Tcp(address) => (address.to_string(), Some(address.ip().to_string())),
    };
    let connection = |id: &str, (): &()| {
        json!({
            "id": id,
            "guid": id,
            "endpoint": endpoint,
            "agent_id": state.entity(),
            "bundle_version": env!("CARGO_PKG_VERSION"),
            "process_version": env!("CARGO_PKG_VERSION"),
            "agent_ip": ip,
        })
    };
    let id = format!("cn{}", milliseconds(state.started_time));
    Ok(Reply::json(&page(asked, vec![(id, ())], connection)?))
}

fn object(state: &State) -> Value {
    json!({ "id": state.entity(), "last_connected": milliseconds(state.started_time) })
}
