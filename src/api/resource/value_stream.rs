//! The values as they come.

use std::rc::Rc;

use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::value::{letter, of_quantity};
use super::{check, milliseconds};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::news::Batch;
use crate::api::reply::Reply;
use crate::api::stream::{Message, Source, Streamed};

/// The values of all checks, or of one.
pub async fn follow(asked: Asked) -> Result<Reply, Failure> {
    let check = asked.query.one("check")?.map(str::to_owned);
    if let Some(id) = &check {
        check::find(&asked.state, id).await?;
    }
    let batches = asked.state.latest.borrow_mut().news.follow();
    Ok(Reply::stream(Streamed::of(&asked.state, Values { batches, check })?))
}

/// The values that one stream is of.
struct Values {
    batches: Receiver<Rc<Batch>>,
    /// Nothing for all checks.
    check: Option<String>,
}

impl Source for Values {
    async fn next(&mut self) -> Message {
        loop {
            match self.batches.recv().await {
                Ok(batch) if self.check.as_ref().is_none_or(|id| **id == *batch.check) => {
                    return Message { id: None, event: "values", data: object(&batch) };
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => return Message::gap(None, Some(missed)),
                // The agent ends, and the stream with it.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn object(batch: &Batch) -> Value {
    let values = batch.values.iter().map(|(metric, quantity)| {
        json!({
            "metric": metric.full_name(),
            "value": of_quantity(quantity),
            "unit": metric.unit_name(),
            "type": letter(metric, quantity),
            "kind": metric.kind.name(),
        })
    });
    json!({
        "check": *batch.check,
        "timestamp": milliseconds(batch.time),
        "available": batch.is_available,
        "values": values.collect::<Vec<_>>(),
    })
}
