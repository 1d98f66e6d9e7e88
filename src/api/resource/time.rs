//! What time it is here, how far that is from the clocks of others, and whose time the timestamps of what is published
//! have.

use log::info;
use serde_json::{Map, Value, json};

use super::changing::by;
use super::{milliseconds, number};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;
use crate::clock::{Exchange, LATEST_MS, now_ms};
use crate::event::{Event, Kind, Severity};
use crate::logging::CHECKS;

/// What time it is here. With `sent`, the time of the client as it asked, it can tell its offset and the delay
/// as by NTP: `received` and `answered` are the two times between.
pub fn now(asked: &Asked) -> Result<Reply, Failure> {
    let received = now_ms();
    let sent = match asked.query.one("sent")? {
        None => None,
        Some(text) => {
            let expected = "milliseconds since 1970, such as 1795843899102";
            let sent = text.parse::<f64>().ok().filter(|sent| sent.is_finite());
            Some(sent.ok_or_else(|| Failure::value("sent", text, expected))?)
        }
    };
    let uptime = asked.state.started.elapsed();
    let ways = &asked.state.control.ways;
    Ok(Reply::json(&json!({
        "timestamp": received,
        "uptime": number(uptime.as_secs_f64()),
        "started": milliseconds(asked.state.started_time),
        "endpoint": ways.endpoint_clock().map(of_endpoint),
        "shift_ms": ways.shift.ms(),
        "sent": sent.map(number),
        "received": received,
        "answered": now_ms(),
    })))
}

/// Tells how far the clock here is from that of the client and that of the endpoint, and moves the timestamps of what
/// is published if that is asked for. The clock of the system stays as it is.
pub async fn sync(asked: Asked) -> Result<Reply, Failure> {
    let received = now_ms();
    let (mut body, by) = (asked.object()?, by(&asked)?);
    let sent = body.remove("sent").filter(|sent| !sent.is_null());
    let sent = sent.map(|sent| time_of("sent", &sent)).transpose()?;
    let caller = body.remove("exchange").filter(|exchange| !exchange.is_null());
    let caller = caller.map(exchange).transpose()?;
    let apply = body.remove("apply").filter(|apply| !apply.is_null());
    if let Some((name, _)) = body.iter().next() {
        return Err(Failure::bad(format!(
            "unknown key {name:?}: expected sent, exchange and apply"
        )));
    }
    let ways = &asked.state.control.ways;
    let endpoint = ways.endpoint_clock();
    if let Some(apply) = apply {
        let shift = shift_of(&apply, caller, endpoint)?;
        if shift != ways.shift.ms() {
            ways.shift.set_ms(shift);
            let text = format!(
                "timestamps of what is published are moved by {shift} ms through the API{by}"
            );
            info!(target: CHECKS, "{text}");
            let event = Event::of(Kind::Configuration, Severity::Info, text);
            asked.state.events().borrow_mut().raise(event);
        }
    }
    Ok(Reply::json(&json!({
        "sent": sent,
        "received": received,
        "caller": caller.map(|of| json!({ "offset_ms": number(of.ahead_ms()), "delay_ms": of.delay_ms() })),
        "endpoint": endpoint.map(of_endpoint),
        "shift_ms": ways.shift.ms(),
        "answered": now_ms(),
    })))
}

/// The four times of a request of the client and its answer.
fn exchange(value: Value) -> Result<Exchange, Failure> {
    const NAMES: [&str; 4] = ["sent", "received", "answered", "back"];
    let expected = || {
        Failure::bad(
            "exchange: expected an object with sent, received, answered and back, in milliseconds since 1970",
        )
    };
    let Value::Object(mut object) = value else { return Err(expected()) };
    let mut time = |name: &str| -> Result<i64, Failure> {
        time_of(&format!("exchange.{name}"), &object.remove(name).ok_or_else(expected)?)
    };
    let [sent, received, answered, back] =
        [time(NAMES[0])?, time(NAMES[1])?, time(NAMES[2])?, time(NAMES[3])?];
    require_nothing(&object).map_err(|()| expected())?;
    let exchange = Exchange { sent, received, answered, back };
    match exchange.delay_ms() {
        0.. => Ok(exchange),
        delay => Err(Failure::bad(format!(
            "exchange: both ways took {delay} ms: expected one in which no clock was set"
        ))),
    }
}

fn require_nothing(object: &Map<String, Value>) -> Result<(), ()> {
    if object.is_empty() { Ok(()) } else { Err(()) }
}

fn time_of(name: &str, value: &Value) -> Result<i64, Failure> {
    let ms = value.as_f64().filter(|ms| (0.0..LATEST_MS as f64).contains(ms));
    let ms = ms.ok_or_else(|| {
        Failure::bad(format!("{name}: expected milliseconds since 1970, such as 1795843899102"))
    })?;
    Ok(ms.round() as i64)
}

/// How far timestamps are to be moved.
fn shift_of(
    apply: &Value,
    caller: Option<Exchange>,
    endpoint: Option<Exchange>,
) -> Result<i64, Failure> {
    match apply.as_str() {
        Some("none") => Ok(0),
        // This agent has answered here, and has asked there.
        Some("caller") => caller.map(|of| -of.ahead_ms().round() as i64).ok_or_else(|| {
            Failure::bad(
                "apply \"caller\": expected an exchange, which tells the clock of the caller",
            )
        }),
        Some("endpoint") => endpoint.map(|of| of.ahead_ms().round() as i64).ok_or_else(|| {
            Failure::conflict(
                "the clock of the endpoint is not known: no answer of the endpoint has come so far",
            )
        }),
        _ => Err(Failure::bad(format!("apply: expected caller, endpoint or none, not {apply}"))),
    }
}

/// How far the clock here is ahead of that of the endpoint. Its header has whole seconds.
fn of_endpoint(of: Exchange) -> Value {
    json!({ "offset_ms": number(-of.ahead_ms()), "delay_ms": of.delay_ms(), "timestamp": of.back })
}
