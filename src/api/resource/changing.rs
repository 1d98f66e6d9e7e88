//! What changes of all kinds of resources have in common.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use log::{info, warn};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::config::HIDDEN;
use crate::event::{Event, Kind, Severity};
use crate::logging::CHECKS;
use crate::shown::shown;

/// `shown` is how answers have what is known. What comes back like that stays as it is.
pub fn merged_map(
    mut known: Map<String, Value>,
    of: Map<String, Value>,
    shown: &Value,
) -> Map<String, Value> {
    for (name, value) in of {
        let stays = value == HIDDEN || shown.get(&name) == Some(&value);
        match value {
            _ if stays && known.contains_key(&name) => {}
            Value::Null => drop(known.remove(&name)),
            value => drop(known.insert(name, value)),
        }
    }
    known
}

/// Whether what has this `ETag` is as who asks has seen it.
pub fn is_expected(tag: &str, if_match: Option<&str>) -> bool {
    let Some(wanted) = if_match else { return true };
    wanted.split(',').map(str::trim).any(|wanted| wanted == "*" || wanted == tag)
}

/// Who asks for a change and why, as far as that was sent: looked at before anything is changed.
pub fn by(asked: &Asked) -> Result<String, Failure> {
    let [who, why] = ["_who", "_why"].map(|name| asked.query.one(name));
    let is_there = |text: &&str| !text.trim().is_empty();
    let who = who?.filter(is_there).map(|who| format!(" by {}", shown(who))).unwrap_or_default();
    let why = why?.filter(is_there).map(|why| format!(": {}", shown(why))).unwrap_or_default();
    Ok(who + &why)
}

/// Says in the log what was changed, raises an event of it, and keeps it.
pub async fn note(
    asked: &Asked,
    kind: &str,
    id: &str,
    what: &str,
    by: &str,
) -> Result<(), Failure> {
    tell(asked, kind, id, what, by);
    asked.state.changed().await
}

/// Says in the log what was done, and raises an event of it.
pub fn tell(asked: &Asked, kind: &str, id: &str, what: &str, by: &str) {
    info!(target: CHECKS, "{kind} {} {what} through the API{by}", shown(id));
    let message = format!("{kind} {id} {what} through the API{by}");
    let event = Event::of(Kind::Configuration, Severity::Info, message);
    let id = |of: &str| (kind == of).then(|| id.to_owned());
    let event = Event { check: id("check"), alarm: id("alarm"), ..event };
    asked.state.events().borrow_mut().raise(event);
}

/// Says in the log what is most likely a mistake in a request.
pub fn warn_of(kind: &str, id: &str, warnings: Vec<String>) {
    for warning in warnings.into_iter().take(MOST_WARNINGS) {
        warn!(target: CHECKS, "{kind} {}, as a request has it: {}", shown(id), shown(&warning));
    }
}

/// Where a thing of the own entity is.
pub fn location(asked: &Asked, collection: &str, id: &str) -> String {
    path_of(asked, &format!("entities/{}/{collection}", encoded(asked.name(0))), id)
}

/// Where a thing of a collection is.
pub fn path_of(asked: &Asked, collection: &str, id: &str) -> String {
    format!("{}/{collection}/{}", asked.base, encoded(id))
}

/// The `ETag` of a thing: it changes with each setting, and is the same as long as this process runs.
pub fn tag(id: &str, body: &Value) -> String {
    // Nobody outside can compute it, and so try passwords.
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    let keys = KEYS.get_or_init(RandomState::new);
    format!("\"{:016x}\"", keys.hash_one((id, body.to_string())))
}

/// A text as a part of a path.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNSAFE).to_string()
}

/// Where a thing is that belongs to no entity.
pub fn location_of(asked: &Asked, collection: &str, id: &str) -> String {
    format!("{}/{collection}/{}", asked.base, utf8_percent_encode(id, UNSAFE))
}

/// What must not stand in a path as it is. Clients read ids from there undecoded, so all else stays.
const UNSAFE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':').remove(b'@');

/// An id that nothing has.
pub fn new_id(prefix: &str) -> String {
    let random = RandomState::new().hash_one(0);
    let letters =
        (0..8).map(|nth| char::from(LETTERS[(random >> (nth * 8)) as usize % LETTERS.len()]));
    format!("{prefix}{}", letters.collect::<String>())
}

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// More are of a client that sends what is not for this.
const MOST_WARNINGS: usize = 5;
