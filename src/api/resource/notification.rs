//! Notifications, notification plans and suppressions: each has the same requests.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use hyper::header::{ETAG, LOCATION};
use serde_json::{Map, Value};

use super::changing::{by, is_expected, location_of, merged_map, new_id, note};
use crate::alarm::state::State as AlarmState;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::config::{
    OfBody, body_of_notification, body_of_plan, body_of_suppression, notification_of_body,
    plan_of_body, shown_notification, suppression_of_body,
};
use crate::notification::{ACCOUNT_PLAN, MOST, Notification, Plan, Suppression};
use crate::notify::{Kept, Set};

/// A sort of what has these requests.
pub trait Resource: PartialEq + Sized + 'static {
    /// One of it, for people.
    const WHAT: &'static str;
    /// The first part of its paths.
    const COLLECTION: &'static str;
    /// What new ids begin with.
    const PREFIX: &'static str;

    fn all(set: &Set) -> &Kept<Self>;
    fn all_mut(set: &mut Set) -> &mut Kept<Self>;
    /// What the body of a request describes, or all that is wrong with it.
    fn of_body(id: &str, body: &Value) -> Result<OfBody<Self>, Vec<String>>;
    /// What is set of it, with its secrets.
    fn body(&self) -> Value;

    /// The same without them.
    fn shown(&self) -> Value {
        self.body()
    }

    /// What is known of it beside that.
    fn known(&self, _state: &State) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Refuses one that names what is not there.
    fn check(&self, _state: &State) -> Result<(), Failure> {
        Ok(())
    }

    /// Refuses to remove one that others name.
    fn check_removal(_id: &str, _state: &State) -> Result<(), Failure> {
        Ok(())
    }

    /// One was removed.
    fn removed(_id: &str, _state: &State) {}
}

impl Resource for Notification {
    const WHAT: &'static str = "notification";
    const COLLECTION: &'static str = "notifications";
    const PREFIX: &'static str = "nt";

    fn all(set: &Set) -> &Kept<Self> {
        &set.notifications
    }

    fn all_mut(set: &mut Set) -> &mut Kept<Self> {
        &mut set.notifications
    }

    fn of_body(id: &str, body: &Value) -> Result<OfBody<Self>, Vec<String>> {
        notification_of_body(id, body)
    }

    fn body(&self) -> Value {
        body_of_notification(self)
    }

    fn shown(&self) -> Value {
        shown_notification(self)
    }

    fn known(&self, state: &State) -> Vec<(&'static str, Value)> {
        let counts = state.control.notifications.counts(&self.id);
        vec![
            ("sent", counts.sent.into()),
            ("failed", counts.failed.into()),
            ("dropped", counts.dropped.into()),
            ("waiting", counts.waiting.into()),
            ("error", counts.error.into()),
        ]
    }

    fn check_removal(id: &str, state: &State) -> Result<(), Failure> {
        let set = state.control.notifications.set.borrow();
        let plan = set.plans.all().values().find(|plan| plan.names(id));
        let used = |plan: &Plan| {
            format!("notification {id:?} is used: take it out of notification plan {:?}", plan.id)
        };
        plan.map_or(Ok(()), |plan| Err(Failure::bad(used(plan))))
    }

    fn removed(id: &str, state: &State) {
        state.control.notifications.forget(id);
    }
}

impl Resource for Plan {
    const WHAT: &'static str = "notification plan";
    const COLLECTION: &'static str = "notification_plans";
    const PREFIX: &'static str = "np";

    fn all(set: &Set) -> &Kept<Self> {
        &set.plans
    }

    fn all_mut(set: &mut Set) -> &mut Kept<Self> {
        &mut set.plans
    }

    fn of_body(id: &str, body: &Value) -> Result<OfBody<Self>, Vec<String>> {
        plan_of_body(id, body)
    }

    fn body(&self) -> Value {
        body_of_plan(self)
    }

    fn check(&self, state: &State) -> Result<(), Failure> {
        let set = state.control.notifications.set.borrow();
        let mut named = AlarmState::ALL.iter().flat_map(|state| self.of(*state));
        match named.find(|id| !set.notifications.all().contains_key(*id)) {
            Some(id) => Err(Failure::value("notification", id, "the id of one that is there")),
            None => Ok(()),
        }
    }

    fn check_removal(id: &str, state: &State) -> Result<(), Failure> {
        let alarms = state.control.alarms.borrow();
        let mut all = alarms.all().values();
        let alarm = all.find(|of| of.alarm.notification_plan.as_deref() == Some(id));
        let used = |alarm: &str| {
            format!("notification plan {id:?} is used: give alarm {alarm:?} another one")
        };
        alarm.map_or(Ok(()), |of| Err(Failure::bad(used(&of.alarm.id))))?;
        let thresholds = state.control.thresholds.borrow();
        let mut all = thresholds.all().values();
        let threshold = all.find(|of| of.notification_plan.as_deref() == Some(id));
        let used = |threshold: &str| {
            format!("notification plan {id:?} is used: give threshold {threshold:?} another one")
        };
        threshold.map_or(Ok(()), |of| Err(Failure::bad(used(&of.id))))
    }
}

impl Resource for Suppression {
    const WHAT: &'static str = "suppression";
    const COLLECTION: &'static str = "suppressions";
    const PREFIX: &'static str = "sp";

    fn all(set: &Set) -> &Kept<Self> {
        &set.suppressions
    }

    fn all_mut(set: &mut Set) -> &mut Kept<Self> {
        &mut set.suppressions
    }

    fn of_body(id: &str, body: &Value) -> Result<OfBody<Self>, Vec<String>> {
        suppression_of_body(id, body)
    }

    fn body(&self) -> Value {
        body_of_suppression(self)
    }
}

pub async fn list<T: Resource>(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let set = asked.state.control.notifications.set.borrow();
    let all = T::all(&set).all().iter().map(|(id, item)| (id.clone(), item.clone())).collect();
    Ok(Reply::json(&page(&asked, all, |id, item| object(&asked, &set, id, &**item))?))
}

pub async fn one<T: Resource>(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let (set, id) = (asked.state.control.notifications.set.borrow(), asked.name(0));
    let item = T::all(&set).all().get(id).ok_or_else(|| missing::<T>(id))?;
    Ok(Reply::json(&object(&asked, &set, id, &**item)).with(ETAG, tag(id, &**item)))
}

/// Adds one. Its id is that of the body, or a new one.
pub async fn create<T: Resource>(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let mut body = asked.object()?;
    let id = match body.remove("id") {
        None | Some(Value::Null) => new_id(T::PREFIX),
        Some(Value::String(id)) => id,
        Some(other) => return Err(Failure::bad(format!("id: expected a text, not {other}"))),
    };
    let by = by(&asked)?;
    let item = valid::<T>(&asked, &id, body)?;
    let (object, tag) = {
        let mut set = asked.state.control.notifications.set.borrow_mut();
        let all = T::all(&set).all();
        if all.contains_key(&id) {
            return Err(Failure::conflict(format!("there is a {} {id} already", T::WHAT)));
        }
        if all.len() >= MOST {
            let text = format!("there are {MOST} of these, and more are not taken: remove one");
            return Err(Failure::bad(text));
        }
        let tag = tag(&id, &item);
        T::all_mut(&mut set).set(&id, item);
        let item = T::all(&set).all()[&id].clone();
        (object(&asked, &set, &id, &*item), tag)
    };
    note(&asked, T::WHAT, &id, "was added", &by).await?;
    let location = location_of(&asked, T::COLLECTION, &id);
    Ok(Reply::created(location, &id, &object).with(ETAG, tag))
}

/// Changes what the body has of one; all else stays.
pub async fn update<T: Resource>(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let (id, by) = (asked.name(0).to_owned(), by(&asked)?);
    let mut body = asked.object()?;
    body.remove("id");
    let before = expected::<T>(&asked, &id)?;
    let next = valid::<T>(&asked, &id, merged(&*before, body))?;
    let tag = tag(&id, &next);
    if next != *before {
        T::all_mut(&mut asked.state.control.notifications.set.borrow_mut()).set(&id, next);
        note(&asked, T::WHAT, &id, "was changed", &by).await?;
    }
    let location = location_of(&asked, T::COLLECTION, &id);
    Ok(Reply::done().with(LOCATION, location).with(ETAG, tag))
}

pub async fn remove<T: Resource>(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let (id, by) = (asked.name(0).to_owned(), by(&asked)?);
    expected::<T>(&asked, &id)?;
    T::check_removal(&id, &asked.state)?;
    T::all_mut(&mut asked.state.control.notifications.set.borrow_mut()).remove(&id);
    T::removed(&id, &asked.state);
    note(&asked, T::WHAT, &id, "was removed", &by).await?;
    Ok(Reply::done())
}

/// Refuses the plan of an alarm or a threshold that is not there.
pub fn check_plan(state: &State, id: Option<&str>) -> Result<(), Failure> {
    let is_there = state.control.notifications.set.borrow().plan(id).is_some();
    match id {
        Some(id) if !is_there && id != ACCOUNT_PLAN => {
            let expected = "the id of a notification plan that is there";
            Err(Failure::value("notification_plan_id", id, expected))
        }
        _ => Ok(()),
    }
}

/// The one of this id, as who asks has seen it.
fn expected<T: Resource>(asked: &Asked, id: &str) -> Result<std::rc::Rc<T>, Failure> {
    let set = asked.state.control.notifications.set.borrow();
    let item = T::all(&set).all().get(id).cloned().ok_or_else(|| missing::<T>(id))?;
    match is_expected(&tag(id, &*item), asked.if_match.as_deref()) {
        true => Ok(item),
        false => {
            let text = format!("{} {id} was changed meanwhile: get it anew", T::WHAT);
            Err(Failure::precondition(text))
        }
    }
}

fn valid<T: Resource>(asked: &Asked, id: &str, body: Map<String, Value>) -> Result<T, Failure> {
    let parsed = T::of_body(id, &Value::Object(body));
    let OfBody { configured, warnings } =
        parsed.map_err(|problems| Failure::bad(problems.join("; ")))?;
    // A mistake in one of these would silence somebody, or tell nobody.
    if !warnings.is_empty() {
        return Err(Failure::bad(warnings.join("; ")));
    }
    configured.check(&asked.state)?;
    Ok(configured)
}

/// What one has, with what a body changes of it (RFC 7396): null takes something out, and what comes back as it was
/// shown stays as it is.
fn merged<T: Resource>(before: &T, body: Map<String, Value>) -> Map<String, Value> {
    let (known, shown) = (before.body(), before.shown());
    let mut all = known.as_object().cloned().unwrap_or_default();
    if body.get("type").is_some_and(|kind| *kind != all["type"]) {
        // Details of one type mean nothing to another.
        all.remove("details");
    }
    for (name, value) in body {
        let known = all.remove(&name);
        let merged = match (known, value) {
            (_, Value::Null) => continue,
            (Some(Value::Object(known)), Value::Object(of)) => {
                Value::Object(merged_map(known, of, &shown[&name]))
            }
            (_, value) => value,
        };
        all.insert(name, merged);
    }
    all
}

fn object<T: Resource>(asked: &Asked, set: &Set, id: &str, item: &T) -> Value {
    let mut object = item.shown();
    object["id"] = id.into();
    object["source"] = T::all(set).overlay().origin(id).name().into();
    for (name, value) in item.known(&asked.state) {
        object[name] = value;
    }
    object
}

/// Changes with each setting, also a secret one, and is the same as long as this process runs.
fn tag<T: Resource>(id: &str, item: &T) -> String {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    let keys = KEYS.get_or_init(RandomState::new);
    format!("\"{:016x}\"", keys.hash_one((T::WHAT, id, item.body().to_string())))
}

fn missing<T: Resource>(id: &str) -> Failure {
    Failure::not_found(format!("{} {id:?} not found", T::WHAT))
}
