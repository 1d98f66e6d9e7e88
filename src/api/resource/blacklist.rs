//! What is not collected.

use hyper::header::LOCATION;
use serde_json::{Map, Value, json};

use super::changing::{by, new_id, note};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::blacklist::{Entry, MOST_ENTRIES, Name};

pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    // What was kept over a restart is there then.
    asked.state.begun().await?;
    let list = asked.state.control.blacklist.borrow();
    let all = list.all().iter().map(|(id, entry)| (id.clone(), entry)).collect();
    Ok(Reply::json(&page(&asked, all, |id, entry| object(id, entry))?))
}

pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let list = asked.state.control.blacklist.borrow();
    let id = asked.name(0);
    let entry = list.all().get(id).ok_or_else(|| missing(id))?;
    Ok(Reply::json(&object(id, entry)))
}

pub async fn create(asked: Asked) -> Result<Reply, Failure> {
    let by = by(&asked)?;
    asked.state.begun().await?;
    let mut body = asked.object()?;
    let id = match body.remove("id") {
        None | Some(Value::Null) => new_id("bl"),
        Some(Value::String(id)) if (1..=LONGEST_ID).contains(&id.len()) && id != TAKEN => id,
        Some(other) => {
            let expected = format!(
                "id: expected a text of 1 to {LONGEST_ID} bytes other than {TAKEN}, not {other}"
            );
            return Err(Failure::bad(expected));
        }
    };
    let entry = valid(&body)?;
    let object = object(&id, &entry);
    let list = &asked.state.control.blacklist;
    if list.borrow().all().contains_key(&id) {
        return Err(Failure::conflict(format!("there is an entry {id} already")));
    }
    if list.borrow().all().len() >= MOST_ENTRIES {
        let text = format!("there are {MOST_ENTRIES} entries, and more are not taken");
        return Err(Failure::conflict(text));
    }
    list.borrow_mut().set(id.clone(), entry);
    note(&asked, KIND, &id, "was added", &by).await?;
    let location = format!("{}/blacklist/{}", asked.base, super::changing::encoded(&id));
    Ok(Reply::created(location, &id, &object))
}

/// Takes the place of an entry as a whole.
pub async fn update(asked: Asked) -> Result<Reply, Failure> {
    let (id, by) = (asked.name(0).to_owned(), by(&asked)?);
    asked.state.begun().await?;
    let mut body = asked.object()?;
    body.remove("id");
    let entry = valid(&body)?;
    let list = &asked.state.control.blacklist;
    if !list.borrow().all().contains_key(&id) {
        return Err(missing(&id));
    }
    list.borrow_mut().set(id.clone(), entry);
    note(&asked, KIND, &id, "was changed", &by).await?;
    let location = format!("{}/blacklist/{}", asked.base, super::changing::encoded(&id));
    Ok(Reply::done().with(LOCATION, location))
}

pub async fn remove(asked: Asked) -> Result<Reply, Failure> {
    let (id, by) = (asked.name(0).to_owned(), by(&asked)?);
    asked.state.begun().await?;
    if !asked.state.control.blacklist.borrow_mut().remove(&id) {
        return Err(missing(&id));
    }
    note(&asked, KIND, &id, "was removed", &by).await?;
    Ok(Reply::done())
}

/// Whether a metric is collected, and which entry keeps it from that.
pub async fn check(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let body = asked.object()?;
    let text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(other) => Err(Failure::bad(format!("{name}: expected a text, not {other}"))),
    };
    let needed = |name: &str| {
        text(name)?.ok_or_else(|| Failure::bad(format!("{name} is missing: expected a text")))
    };
    let name = Name { check: needed("check")?, metric: needed("metric")?, target: text("target")? };
    let list = asked.state.control.blacklist.borrow();
    let reason = list.reason(name);
    Ok(Reply::json(&json!({ "collected": reason.is_none(), "entry": reason })))
}

fn valid(body: &Map<String, Value>) -> Result<Entry, Failure> {
    Entry::of(body).map_err(|problems| Failure::bad(problems.join("; ")))
}

fn object(id: &str, entry: &Entry) -> Value {
    let mut object = entry.body();
    object["id"] = id.into();
    object
}

fn missing(id: &str) -> Failure {
    Failure::not_found(format!("blacklist entry {id:?} not found"))
}

const KIND: &str = "blacklist entry";

/// `/blacklist/check` is something else.
const TAKEN: &str = "check";

const LONGEST_ID: usize = 64;
