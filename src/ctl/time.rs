//! `ctl time`: how far the clock of the agent is ahead of the one here, and whose time its timestamps have.

use hyper::Method;
use serde_json::json;

use super::{REFUSED, Told, refused};
use crate::client::{Client, PATIENCE, Unanswered};
use crate::clock::{Exchange, LATEST_MS, now_ms};
use crate::config::Output;
use crate::store::utc;

/// Compares the clocks as NTP does (RFC 5905, 8), by the times at which the request and its answer came and went. With
/// `sync` the timestamps of what the agent publishes then have the time here, that of the endpoint, or its own.
pub async fn run(
    client: &Client,
    output: Output,
    arguments: &[String],
    by: &str,
) -> Result<Told, Unanswered> {
    let sent = now_ms();
    let answer = client.get(&format!("/time?sent={sent}")).await?;
    let back = now_ms();
    let body = answer.json();
    let [Some(received), Some(answered)] = ["received", "answered"]
        .map(|name| body[name].as_i64().filter(|ms| (0..LATEST_MS).contains(ms)))
    else {
        let complaint = match answer.status.is_success() {
            true => client.odd("received"),
            false => refused(client, &answer),
        };
        return Ok(Told::failed(complaint, REFUSED));
    };
    let exchange = Exchange { sent, received, answered, back };
    let (answer, shift) = match arguments {
        [] => (answer, body["shift_ms"].as_i64()),
        [_, rest @ ..] => {
            let apply = rest.first().map_or("caller", String::as_str);
            let body = json!({
                "exchange": { "sent": sent, "received": received, "answered": answered, "back": back },
                "apply": apply,
            });
            let path = format!("/time/sync{by}");
            let answer = client.send(&Method::POST, &path, Some(&body), PATIENCE).await?;
            if !answer.status.is_success() {
                return Ok(Told::failed(refused(client, &answer), REFUSED));
            }
            let shift = answer.json()["shift_ms"].as_i64();
            (answer, shift)
        }
    };
    if output == Output::Json {
        return Ok(Told::of(String::from_utf8_lossy(&answer.body).into_owned()));
    }
    let shift = shift.filter(|ms| *ms != 0 || !arguments.is_empty());
    let shift = shift.map(|ms| format!("\n{}", of_shift(ms))).unwrap_or_default();
    Ok(Told::of(text(exchange) + &shift))
}

fn text(exchange: Exchange) -> String {
    let (ahead, delay) = (exchange.ahead_ms(), exchange.delay_ms().max(0));
    let side = match ahead {
        0.0 => "the same as here".to_owned(),
        _ if ahead > 0.0 => format!("{ahead} ms ahead of here"),
        _ => format!("{} ms behind here", -ahead),
    };
    format!("clock of the agent: {}, {side}; both ways took {delay} ms", utc(exchange.received))
}

fn of_shift(ms: i64) -> String {
    let whose = match ms {
        0 => "as its clock has them".to_owned(),
        1.. => format!("{ms} ms later than its clock has them"),
        _ => format!("{} ms earlier than its clock has them", ms.unsigned_abs()),
    };
    format!("timestamps of what it publishes: {whose}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_are_compared_in_words() {
        let at = 1_795_939_200_000;
        let of = |times: [i64; 4]| {
            let [sent, received, answered, back] = times.map(|ms| at + ms);
            text(Exchange { sent, received, answered, back })
                .split_off("clock of the agent: ".len())
        };
        assert_eq!(
            of([0, 500, 501, 3]),
            "2026-11-29T08:00:00.500Z, 499 ms ahead of here; both ways took 2 ms"
        );
        assert_eq!(
            of([500, 1, 1, 501]),
            "2026-11-29T08:00:00.001Z, 499.5 ms behind here; both ways took 1 ms"
        );
        assert_eq!(of([0, 0, 0, 0]), "2026-11-29T08:00:00Z, the same as here; both ways took 0 ms");
        // The clock here was set back meanwhile.
        assert!(of([9, 0, 0, 0]).ends_with("both ways took 0 ms"));
        let ends = [(0, "as its clock"), (5, ": 5 ms later than"), (-5, ": 5 ms earlier than")];
        for (ms, end) in ends {
            assert!(of_shift(ms).contains(end), "{}", of_shift(ms));
        }
    }
}
