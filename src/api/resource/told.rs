//! Who was told of the changes of alarms, and who was not.

use serde_json::json;

use super::event::{descending, key};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::notify::{Outcome, Told};
use crate::sorted::set_of;

/// The checks of an alarm of whose changes somebody was told, as existing clients ask for them.
pub async fn checks(asked: Asked) -> Result<Reply, Failure> {
    let told = told_of(&asked).await?;
    let checks = set_of(told.iter().filter_map(|told| told.event.check.as_ref()));
    Ok(Reply::json(&json!({ "check_ids": checks })))
}

/// Who was told of the changes of an alarm of a check, and how that went.
pub async fn changes(asked: Asked) -> Result<Reply, Failure> {
    let (told, check) = (told_of(&asked).await?, asked.name(2));
    let told = told.into_iter().filter(|told| told.event.check.as_deref() == Some(check));
    let is_reversed = asked.query.one("reverse")?.is_some_and(|of| of.eq_ignore_ascii_case("true"));
    // The page sorts by these.
    let key = if is_reversed { descending } else { key };
    let items = told.map(|told| (key(&told.event), told)).collect();
    let page = page(&asked, items, |_, Told { event, plan, results }| {
        let results = results.iter().map(|of| {
            let (message, success) = match &of.outcome {
                Outcome::Waits(cause) => (cause.as_deref(), false),
                Outcome::Sent => (None, true),
                Outcome::Lost(cause) => (Some(&**cause), false),
            };
            json!({
                "notification_id": of.notification,
                "notification_type_id": of.kind,
                "in_progress": matches!(of.outcome, Outcome::Waits(_)),
                "success": success,
                "attempts": of.attempts,
                "message": message,
            })
        });
        json!({
            "id": event.id.to_string(),
            "timestamp": event.time_ms,
            "notification_plan_id": plan,
            "transaction_id": event.id.to_string(),
            "status": event.message,
            "state": event.state,
            "previous_state": event.previous_state,
            "notification_results": results.collect::<Vec<_>>(),
        })
    });
    Ok(Reply::json(&page?))
}

/// The same of an alarm that has to be there.
async fn told_of(asked: &Asked) -> Result<Vec<Told>, Failure> {
    asked.own_entity()?;
    let id = asked.name(1);
    asked.state.checks().await?;
    if !asked.state.control.alarms.borrow().all().contains_key(id) {
        return Err(Failure::not_found(format!("alarm {id:?} not found")));
    }
    Ok(asked.state.control.notifications.history(id))
}

/// The suppressed changes of alarms and thresholds, as existing clients read them.
pub fn suppressed(asked: &Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let logged = state.control.notifications.suppressed_changes();
    let items = logged.into_iter().map(|one| (format!("{:016}", one.event.id), one)).collect();
    let page = page(asked, items, |_, one| {
        json!({
            "id": one.event.id.to_string(),
            "timestamp": one.event.time_ms,
            "entity_id": state.entity(),
            "check_id": one.event.check,
            "alarm_id": one.event.alarm,
            "threshold_id": one.event.threshold,
            "notification_plan_id": one.plan,
            "suppressions": one.suppressions,
            "state": one.event.state,
            "transaction_id": one.event.id.to_string(),
        })
    });
    Ok(Reply::json(&page?))
}
