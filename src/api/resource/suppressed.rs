//! Which suppressions something is under.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::api::state::State;
use crate::clock::now_ms;
use crate::notification::{Of, Suppression};

/// The object with the suppressions that are active for all of it, and those that are still to begin.
pub fn with_suppressions(state: &State, mut object: Value, of: Of<'_>) -> Value {
    let set = state.control.notifications.set.borrow();
    let [active, scheduled] = set.suppressing(now_ms(), |id| state.is_entity(id), of);
    object["active_suppressions"] = ids(&active);
    object["scheduled_suppressions"] = ids(&scheduled);
    object
}

/// The same of an alarm, whose plan may be the default.
pub fn alarm_with_suppressions(state: &State, object: Value) -> Value {
    let text = |name: &str| object[name].as_str().map(str::to_owned);
    let (id, check, named) = (text("id"), text("check_id"), text("notification_plan_id"));
    let plan = state.control.notifications.set.borrow().plan(named.as_deref());
    let plan = plan.map(|plan| plan.id.clone());
    let of = Of { check: check.as_deref(), alarm: id.as_deref(), plan: plan.as_deref() };
    with_suppressions(state, object, of)
}

fn ids(all: &[Rc<Suppression>]) -> Value {
    json!(all.iter().map(|one| &one.id).collect::<Vec<_>>())
}
