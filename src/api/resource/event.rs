//! The events: a list, a stream, and those that a request raises.

use std::rc::Rc;

use log::info;
use serde_json::{Map, Value, json};

use super::changing::by;
use super::check;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::query::Query;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::api::stream::{Message, Source, Streamed};
use crate::event::{Event, Followed, Follower, Kind, MOST_TEXT, Severity, length};
use crate::logging::CHECKS;
use crate::shown::shown;

pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let (from, to) = (time(&asked.query, "from")?, time(&asked.query, "to")?);
    let least = severity(&asked.query)?;
    let after = asked.query.one("after")?.map(|text| id("after", text)).transpose()?.unwrap_or(0);
    let events = asked.state.events().borrow();
    let is_asked_for = |event: &&Rc<Event>| {
        event.id > after
            && event.severity >= least
            && from.is_none_or(|from| event.time_ms >= from)
            && to.is_none_or(|to| event.time_ms < to)
    };
    let items = events.kept().filter(is_asked_for).map(|event| (key(event), event.clone()));
    let items: Vec<_> = items.collect();
    drop(events);
    Ok(Reply::json(&page(&asked, items, |_, event| event.to_json(asked.state.entity()))?))
}

pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let name = asked.name(0);
    let found = name.parse().ok().and_then(|id| asked.state.events().borrow().find(id).cloned());
    let missing = || Failure::not_found(format!("event {name:?} not found"));
    found.map(|event| Reply::json(&event.to_json(asked.state.entity()))).ok_or_else(missing)
}

/// The changes of the states of alarms, as existing clients read them.
pub async fn changes(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let state = &asked.state;
    let is_reversed = asked.query.one("reverse")?.is_some_and(|of| of.eq_ignore_ascii_case("true"));
    let entity = asked.query.one("entityId")?;
    if let Some(entity) = entity.filter(|entity| !state.is_entity(entity)) {
        return Err(Failure::no_entity(entity, state.entity()));
    }
    let events = state.events().borrow();
    let changes = events.kept().filter(|event| event.kind == Kind::Alarm);
    // The page sorts by these.
    let key = |event: &Event| if is_reversed { descending(event) } else { key(event) };
    let items: Vec<_> = changes.map(|event| (key(event), event.clone())).collect();
    drop(events);
    let change = |event: &Event| {
        json!({
            "id": event.id.to_string(),
            "timestamp": event.time_ms,
            "entity_id": state.entity(),
            "check_id": event.check,
            "alarm_id": event.alarm,
            "previous_state": event.previous_state.as_deref().unwrap_or("UNKNOWN"),
            "state": event.state,
            "status": event.message,
        })
    };
    Ok(Reply::json(&page(&asked, items, |_, event| change(event))?))
}

/// Raises an event of the body.
pub async fn post(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let body = asked.object()?;
    let text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(Failure::bad(format!("{name}: expected a text, not {other}"))),
    };
    let severity = match text("severity")? {
        None => Severity::Info,
        Some(name) => {
            Severity::of(&name).ok_or_else(|| Failure::value("severity", &name, SEVERITIES))?
        }
    };
    let message = text("message")?.filter(|text| (1..=MOST_TEXT).contains(&text.len()));
    let message = message.ok_or_else(|| {
        Failure::bad(format!("message: expected a text of 1 to {MOST_TEXT} bytes"))
    })?;
    let details = match body.get("details") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(details)) if length(details) <= MOST_TEXT => details.clone(),
        _ => {
            let text = format!("details: expected an object of at most {MOST_TEXT} bytes");
            return Err(Failure::bad(text));
        }
    };
    let check = text("check_id")?;
    if let Some(id) = &check
        && check::find(&asked.state, id).await.is_err()
    {
        return Err(Failure::value("check_id", id, "the id of a check"));
    }
    asked.state.posts.take()?;
    let by = by(&asked)?;
    let event = Event { check, details, ..Event::of(Kind::Posted, severity, message) };
    let event = asked.state.events().borrow_mut().raise(event);
    info!(target: CHECKS, "event {} was raised through the API{by}: {}", event.id, shown(&event.message));
    let id = event.id.to_string();
    let location = format!("{}/events/{id}", asked.base);
    Ok(Reply::created(location, &id, &event.to_json(asked.state.entity())))
}

/// The events as they come.
pub async fn stream(asked: Asked) -> Result<Reply, Failure> {
    asked.state.begun().await?;
    let least = severity(&asked.query)?;
    let after = match (&asked.last_event, asked.query.one("after")?) {
        // A client that connects again sends the URL of before as well.
        (Some(last), _) => Some(id("Last-Event-ID", last)?),
        (None, after) => after.map(|after| id("after", after)).transpose()?,
    };
    let follower = Follower::of(asked.state.events(), after);
    let source = Followers { follower, least, state: asked.state.clone() };
    Ok(Reply::stream(Streamed::of(&asked.state, source)?))
}

/// The events that one stream is of.
struct Followers {
    follower: Follower,
    least: Severity,
    state: Rc<State>,
}

impl Source for Followers {
    async fn next(&mut self) -> Message {
        loop {
            match self.follower.next().await {
                Followed::Event(event) if event.severity >= self.least => {
                    let data = event.to_json(self.state.entity());
                    return Message { id: Some(event.id), event: event.kind.name(), data };
                }
                Followed::Event(_) => {}
                Followed::Gap(gap) => return Message::gap(Some(gap.after), gap.missed),
            }
        }
    }
}

/// Sorts as a text as the id does as a number.
pub fn key(event: &Event) -> String {
    format!("{:016}", event.id)
}

pub fn descending(event: &Event) -> String {
    format!("{:020}", u64::MAX - event.id)
}

fn severity(query: &Query) -> Result<Severity, Failure> {
    let Some(text) = query.one("severity")? else { return Ok(Severity::Info) };
    Severity::of(text).ok_or_else(|| Failure::value("severity", text, SEVERITIES))
}

fn id(name: &str, text: &str) -> Result<u64, Failure> {
    text.trim().parse().map_err(|_| Failure::value(name, text, "the id of an event, or 0"))
}

fn time(query: &Query, name: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = query.one(name)? else { return Ok(None) };
    let time = text.parse::<f64>().ok().filter(|ms| ms.is_finite());
    let expected = "milliseconds since 1970, such as 1795843899102";
    Ok(Some(time.ok_or_else(|| Failure::value(name, text, expected))? as i64))
}

const SEVERITIES: &str = "info, warning or critical";
