//! The configuration that is in force, and reloads of it.

use serde_json::{Value, json};

use super::changing::by;
use super::milliseconds;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;
use crate::control::{Attempt, Outcome, Unloaded};
use crate::overlay::Difference;

/// What is in force, since when, and what came of the last reload.
pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    let control = &asked.state.control;
    // At the start these wait for what was kept.
    let (hash, changes) = (control.hash().await?, control.changes().await?);
    let last = control.last().map(|Attempt { time, by, result }| {
        let (outcome, problems) = match result {
            Ok(outcome) => (of_outcome(&outcome), Vec::new()),
            Err(problems) => (Value::Null, problems),
        };
        json!({ "time": milliseconds(time), "by": by, "outcome": outcome, "problems": problems })
    });
    Ok(Reply::json(&json!({
        "generation": control.generation(),
        "hash": hash,
        "since": milliseconds(control.since()),
        "files": control.files(),
        "kept": control.keeps(),
        "changes": changes,
        "needs_restart": control.needs_restart(),
        "last_reload": last,
    })))
}

/// Reads the files again.
pub async fn reload(asked: Asked) -> Result<Reply, Failure> {
    let by = by(&asked)?;
    let discards = asked.query.one("discard_changes")?;
    let discards = match discards {
        None | Some("false") => false,
        Some("true" | "") => true,
        Some(other) => return Err(Failure::value("discard_changes", other, "true or false")),
    };
    let outcome = asked.state.control.reload(&format!("the API{by}"), discards).await;
    answer(outcome)
}

/// Goes back to what was in force before the last reload.
pub async fn undo(asked: Asked) -> Result<Reply, Failure> {
    let by = by(&asked)?;
    answer(asked.state.control.undo(&format!("the API{by}")).await)
}

fn answer(outcome: Result<Outcome, Unloaded>) -> Result<Reply, Failure> {
    match outcome {
        Ok(outcome) => Ok(Reply::json(&of_outcome(&outcome))),
        Err(Unloaded::Invalid(problems)) => {
            let message =
                "the configuration files are not valid, and what was in force stays in force";
            Err(Failure::unprocessable(message).with_details(json!({ "problems": problems })))
        }
        Err(Unloaded::Refused(why)) => {
            let text = why.to_string();
            match Failure::from(why) {
                failure if failure.status == hyper::StatusCode::CONFLICT => Err(failure),
                _ => {
                    let failure = Failure::unprocessable(text.as_str());
                    Err(failure.with_details(json!({ "problems": [text] })))
                }
            }
        }
        Err(why @ Unloaded::NoFiles) => Err(Failure::conflict(why.to_string())),
        Err(Unloaded::Unanswered(why)) => Err(why.into()),
    }
}

fn of_outcome(outcome: &Outcome) -> Value {
    let Difference { added, changed, removed, unchanged, overridden } = &outcome.checks;
    let undone = outcome.undone.as_ref();
    let undone = undone.map(|(time, by)| json!({ "time": milliseconds(*time), "by": by }));
    json!({
        "generation": outcome.generation,
        "added": added,
        "changed": changed,
        "removed": removed,
        "unchanged": unchanged,
        "overridden": overridden,
        "alarms": of_difference(&outcome.alarms),
        "thresholds": of_difference(&outcome.thresholds),
        "notifications": of_difference(&outcome.notifications),
        "blacklist": of_difference(&outcome.blacklist),
        "buffers": of_difference(&outcome.buffers),
        "tokens_changed": outcome.tokens,
        "needs_restart": outcome.needs_restart,
        "undone": undone,
        "not_kept": outcome.unkept,
    })
}

fn of_difference(difference: &Difference) -> Value {
    let Difference { added, changed, removed, unchanged, overridden } = difference;
    json!({
        "added": added,
        "changed": changed,
        "removed": removed,
        "unchanged": unchanged,
        "overridden": overridden,
    })
}
