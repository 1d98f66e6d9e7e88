//! `ctl time`: how far the clock of the agent is ahead of the one here.

use super::{REFUSED, Told, refused};
use crate::client::{Client, Unanswered};
use crate::clock::now_ms;
use crate::config::Output;
use crate::store::utc;

/// Compares the clocks as NTP does (RFC 5905, 8), by the times at which the request and its answer came and went.
pub async fn run(client: &Client, output: Output) -> Result<Told, Unanswered> {
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
    if output == Output::Json {
        return Ok(Told::of(String::from_utf8_lossy(&answer.body).into_owned()));
    }
    Ok(Told::of(text([sent, received, answered, back])))
}

/// When the request left here and came there, and when the answer left there and came here.
fn text([sent, received, answered, back]: [i64; 4]) -> String {
    let offset = ((received - sent) + (answered - back)) as f64 / 2.0;
    let delay = (back - sent) - (answered - received);
    let side = match offset {
        0.0 => "the same as here".to_owned(),
        _ if offset > 0.0 => format!("{offset} ms ahead of here"),
        _ => format!("{} ms behind here", -offset),
    };
    format!("clock of the agent: {}, {side}; both ways took {} ms", utc(received), delay.max(0))
}

/// So far that sums of two stay exact.
const LATEST_MS: i64 = 1 << 52;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_counts_half_on_each_side() {
        let at = 1_795_939_200_000;
        let of =
            |times: [i64; 4]| text(times.map(|ms| at + ms)).split_off("clock of the agent: ".len());
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
    }
}
