//! What was changed through the API, by its ids.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Control;
use crate::schedule::{Request, Unanswered};

impl Control {
    /// The ids of what was changed through the API: of each kind those that were set, and those that were removed.
    pub async fn changes(&self) -> Result<Value, Unanswered> {
        let checks = self.requests.ask(Request::Changes).await?;
        let (alarms, thresholds) = (self.alarms.borrow(), self.thresholds.borrow());
        let told = self.notifications.set.borrow();
        Ok(json!({
            "checks": ids(&checks),
            "alarms": ids(alarms.overlay().changes()),
            "thresholds": ids(thresholds.overlay().changes()),
            "buffers": self.limits(),
            "blacklist": self.blacklist.borrow().all().keys().collect::<Vec<_>>(),
            "notifications": ids(told.notifications.overlay().changes()),
            "notification_plans": ids(told.plans.overlay().changes()),
            "suppressions": ids(told.suppressions.overlay().changes()),
        }))
    }
}

fn ids<T>(changes: &BTreeMap<String, Option<T>>) -> Value {
    let of = |is_set: bool| -> Vec<&String> {
        let changes = changes.iter().filter(|(_, change)| change.is_some() == is_set);
        changes.map(|(id, _)| id).collect()
    };
    json!({ "set": of(true), "removed": of(false) })
}
