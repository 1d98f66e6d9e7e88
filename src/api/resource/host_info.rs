//! What this machine or container is and has.

use serde_json::json;

use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;
use crate::clock::now_ms;
use crate::host_info::{TABLE, Unavailable, gather, of_name};

/// The names of all types.
pub fn types(asked: &Asked) -> Result<Reply, Failure> {
    asked.own_agent()?;
    Ok(Reply::json(&json!({ "types": names() })))
}

pub async fn of_agent(asked: Asked) -> Result<Reply, Failure> {
    asked.own_agent()?;
    info(&asked).await
}

pub async fn of_entity(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    info(&asked).await
}

async fn info(asked: &Asked) -> Result<Reply, Failure> {
    // In the case that the caller chose.
    let name = asked.name(1).to_lowercase();
    let of = of_name(&name).ok_or_else(|| {
        let names = names().join(", ");
        Failure::not_found(format!("host info {name:?} not found: expected one of {names}"))
    })?;
    // All containers of a task or pod share loopback.
    if OF_OTHERS.contains(&of.name) && !asked.rights.is_known {
        return Err(Failure::unauthorized(format!(
            "host info {name:?} needs a token on TCP: {CURE}"
        )));
    }
    let info = gather(of).await.map_err(|error| match error {
        Unavailable::NotOnThisSystem(why) => Failure::not_implemented(why),
        Unavailable::Failed(why) => Failure::internal(why),
    })?;
    Ok(Reply::json(&json!({ "timestamp": now_ms(), "info": info })))
}

fn names() -> Vec<&'static str> {
    TABLE.iter().map(|of| of.name).collect()
}

/// They tell more of the other containers than these tell each other.
const OF_OTHERS: &[&str] = &["processes", "connections", "packages"];

const CURE: &str = "set --api-token-file, or use a unix socket";
