//! The types of notifications, and trials of notifications.

use serde_json::{Value, json};

use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::config::{OfBody, notification_of_body};
use crate::notification::{Notification, NotificationType, TABLE};

pub fn list(asked: &Asked) -> Result<Reply, Failure> {
    let all = TABLE.iter().map(|kind| (kind.name.to_owned(), *kind)).collect();
    Ok(Reply::json(&page(asked, all, |_, kind| object(kind))?))
}

pub fn one(asked: &Asked) -> Result<Reply, Failure> {
    let name = asked.name(0);
    let missing = || Failure::not_found(format!("notification type {name:?} not found"));
    NotificationType::of(name).map(|kind| Reply::json(&object(kind))).ok_or_else(missing)
}

/// Sends a test to a notification, and answers what came of it.
pub async fn test(asked: Asked) -> Result<Reply, Failure> {
    let id = asked.name(0);
    let all = &asked.state.control.notifications;
    let found = all.set.borrow().notifications.all().get(id).cloned();
    let found =
        found.ok_or_else(|| Failure::not_found(format!("notification {id:?} not found")))?;
    tried(&asked, &found).await
}

/// The same of a notification that the body describes, of which nothing is kept.
pub async fn test_new(asked: Asked) -> Result<Reply, Failure> {
    let mut body = asked.object()?;
    // Clients send these without a value, and who and why in the body.
    for name in ["id", "who", "why"] {
        body.remove(name);
    }
    let parsed = notification_of_body(TRIAL, &Value::Object(body));
    let OfBody { configured, .. } = parsed.map_err(|problems| Failure::bad(problems.join("; ")))?;
    tried(&asked, &configured).await
}

async fn tried(asked: &Asked, notification: &Notification) -> Result<Reply, Failure> {
    let result = asked.state.control.notifications.test(notification).await;
    let object = match result {
        Ok(()) => json!({ "status": "success", "message": "the test was sent" }),
        Err(cause) => json!({ "status": "error", "message": cause }),
    };
    Ok(Reply::json(&object))
}

fn object(kind: &NotificationType) -> Value {
    let field = |of: &crate::model::Setting| json!({ "name": of.name, "description": of.about_within(), "optional": !of.is_required });
    json!({
        "id": kind.name,
        "description": kind.about,
        "fields": kind.settings.iter().map(field).collect::<Vec<_>>(),
    })
}

const TRIAL: &str = "test-notification";
