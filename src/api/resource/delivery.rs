//! What waits to be published, and having it published now.

use serde_json::{Value, json};

use super::changing::{by, tell};
use super::milliseconds;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::control::Part;
use crate::delivery::orders::{Handle, Standing};

/// Publishes what the windows hold now, and writes the history.
pub async fn flush(asked: Asked) -> Result<Reply, Failure> {
    let by = by(&asked)?;
    let ways = &asked.state.control.ways;
    let names = ways.names();
    let only = asked.query.one("part")?;
    if let Some(only) = only.filter(|only| !names.contains(only)) {
        return Err(Failure::value("part", only, format!("one of {}", names.join(", "))));
    }
    let parts = asked.state.control.flush(only.as_slice()).await.map_err(Failure::unavailable)?;
    let succeeded = parts.iter().filter(|part| part.result.is_ok()).count();
    tell(&asked, "flush", only.unwrap_or("of all"), "was asked for", &by);
    let object = |Part { name, result }: &Part| {
        let (is_ok, message) = match result {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        json!({ "name": name, "ok": is_ok, "message": message })
    };
    Ok(Reply::json(&json!({
        "succeeded": succeeded,
        "failed": parts.len() - succeeded,
        "parts": parts.iter().map(object).collect::<Value>(),
    })))
}

pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    // What was kept over a restart is there then.
    asked.state.begun().await?;
    let all = asked.state.control.ways.deliveries.iter();
    let all = all.map(|of| (of.publisher.to_owned(), of)).collect();
    Ok(Reply::json(&page(&asked, all, |_, of| object(of))?))
}

pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    Ok(Reply::json(&object(find(&asked)?)))
}

/// Sets how many windows are kept while they cannot be published.
pub async fn update(asked: Asked) -> Result<Reply, Failure> {
    let by = by(&asked)?;
    asked.state.begun().await?;
    let delivery = find(&asked)?;
    let body = asked.object()?;
    let limit = match body.get("limit") {
        Some(Value::Number(limit)) => limit.as_u64().filter(|limit| *limit <= MOST_WINDOWS),
        _ => None,
    };
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).ok_or_else(|| {
        Failure::bad(format!("limit: expected a whole number of windows from 0 to {MOST_WINDOWS}"))
    })?;
    delivery.set_limit(limit).map_err(Failure::unavailable)?;
    let name = delivery.publisher;
    tell(&asked, "buffer", name, &format!("has a limit of {limit} windows now"), &by);
    asked.state.changed().await?;
    Ok(Reply::done())
}

fn find(asked: &Asked) -> Result<&Handle, Failure> {
    let all = &asked.state.control.ways.deliveries;
    let found = all.iter().find(|of| of.publisher == asked.name(0));
    let names: Vec<_> = all.iter().map(|of| of.publisher).collect();
    found.ok_or_else(|| {
        let (name, names) = (asked.name(0), names.join(", "));
        Failure::not_found(format!("publisher {name:?} not found: there is {names}"))
    })
}

fn object(of: &Handle) -> Value {
    let Standing { limit, waiting, oldest, counts, retries, failing, primary, .. } = of.standing();
    json!({
        "id": of.publisher,
        "publisher": of.publisher,
        "limit": limit,
        "waiting": waiting,
        "oldest": oldest.map(milliseconds),
        "delivered": counts.delivered,
        "dropped": counts.overflowed + counts.expired + counts.rejected,
        "overflowed": counts.overflowed,
        "expired": counts.expired,
        "rejected": counts.rejected,
        "rejected_metrics": counts.rejected_data,
        "retries": retries,
        "failing_since": failing.as_ref().map(|(since, _)| milliseconds(*since)),
        "failure": failing.map(|(_, why)| why),
        "endpoint": primary.as_ref().map(|primary| &primary.endpoint),
        "endpoint_reason": primary.as_ref().map(|primary| &primary.why),
        "endpoint_since": primary.as_ref().map(|primary| milliseconds(primary.since)),
    })
}

/// As `--buffer` allows.
const MOST_WINDOWS: u64 = 1440;
