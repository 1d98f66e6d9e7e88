//! What is monitored: this machine, container or task.

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use sysinfo::Networks;

use super::suppressed::with_suppressions;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::notification::Of;

pub fn list(asked: &Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let page = page(asked, vec![(state.entity().to_owned(), ())], |_, ()| object(state))?;
    Ok(Reply::json(&page))
}

pub fn one(asked: &Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    Ok(Reply::json(&object(&asked.state)))
}

pub fn object(state: &State) -> Value {
    let id = state.entity();
    let object = json!({
        "id": id,
        "label": state.service.as_deref().unwrap_or(id),
        "ip_addresses": addresses(),
        "metadata": *state.dimensions.borrow(),
        "agent_id": id,
        "uri": null,
        "active_suppressions": [],
        "scheduled_suppressions": [],
    });
    with_suppressions(state, object, Of { check: None, alarm: None, plan: None })
}

/// The addresses by which others reach this entity: the first of each version of each interface, but loopback
/// and link-local ones. None where they are not known.
fn addresses() -> Value {
    let Ok(networks) = Networks::new_with_refreshed_list() else { return Value::Null };
    let mut addresses = Map::new();
    for (interface, of) in networks.iter() {
        for network in of.ip_networks() {
            let (version, is_own) = match network.addr {
                IpAddr::V4(address) => ("v4", address.is_loopback() || address.is_link_local()),
                IpAddr::V6(address) => {
                    ("v6", address.is_loopback() || address.is_unicast_link_local())
                }
            };
            if !is_own {
                let name = format!("{}_{version}", interface.to_string_lossy());
                addresses.entry(name).or_insert_with(|| network.addr.to_string().into());
            }
        }
    }
    addresses.into()
}
