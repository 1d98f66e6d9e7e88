//! Alarms and thresholds that are not OK, and whether somebody is told of them.

use serde_json::Value as Json;

use super::{Answers, text};
use crate::store::utc;

/// An alarm, or a threshold of a metric, that is not OK.
#[derive(Debug)]
pub struct Alarm {
    pub id: String,
    pub check: String,
    pub state: String,
    pub status: String,
    pub since_ms: Option<i64>,
    /// Whether nobody is notified of it, and until when; empty where somebody is.
    pub silenced: String,
}

impl Alarm {
    /// Whether it is silenced, before its status, which may be cut off.
    pub fn said(&self) -> String {
        let comma = if self.silenced.is_empty() || self.status.is_empty() { "" } else { ": " };
        format!("{}{comma}{}", self.silenced, self.status)
    }
}

/// The alarms and thresholds that are not OK, how many there are in all, and how many of the others are unknown: without a
/// state as yet, or with a metric that has none now.
pub fn alarms(answers: &Answers, now_ms: i64) -> (Vec<Alarm>, usize, usize) {
    let Answers { alarms, thresholds, checks, .. } = answers;
    let is_on = |of: &&Json| of["disabled"] != true;
    let is_bad =
        |of: &&Json| of["state"].as_str().is_some_and(|state| !state.eq_ignore_ascii_case("ok"));
    let alarm = |of: &Json, id: String, check: &Json, under: &Json| Alarm {
        id,
        check: text(check),
        state: text(&of["state"]).to_ascii_uppercase(),
        status: text(&of["status"]),
        since_ms: of["since"].as_i64(),
        silenced: silenced(under, &answers.suppressions, now_ms),
    };
    let on: Vec<_> = alarms.iter().filter(is_on).collect();
    let of_thresholds: Vec<_> = thresholds.iter().filter(is_on).collect();
    let of_alarms = on.iter().filter(|of| is_bad(of));
    let mut bad: Vec<_> =
        of_alarms.map(|of| alarm(of, text(&of["id"]), &of["check_id"], of)).collect();
    for of in &of_thresholds {
        let not_ok = of["not_ok"].as_array().into_iter().flatten().filter(is_bad);
        bad.extend(not_ok.map(|of| {
            // A threshold is silenced with its check.
            let check = checks.iter().find(|check| check["id"] == of["check"]);
            alarm(of, text(&of["metric"]), &of["check"], check.unwrap_or(&Json::Null))
        }));
    }
    let is_unknown = |of: &Json| of["state"].is_null() || !of["unknown"].is_null() && !is_bad(&of);
    let count = |of: &Json, name: &str| of["counts"][name].as_u64().unwrap_or_default();
    let has_bad = |of: &Json| count(of, "warning") + count(of, "failure") > 0;
    let is_unclear = |of: &Json| !has_bad(of) && (count(of, "unknown") > 0 || count(of, "ok") == 0);
    let unknown = on.iter().filter(|of| is_unknown(of)).count();
    let unknown = unknown + of_thresholds.iter().filter(|of| is_unclear(of)).count();
    (bad, on.len() + of_thresholds.len(), unknown)
}

/// Whether something is under suppressions, and until when where all of them have an end.
fn silenced(of: &Json, suppressions: &[Json], now_ms: i64) -> String {
    let active = of["active_suppressions"].as_array().map_or(&[][..], Vec::as_slice);
    if active.is_empty() {
        return String::new();
    }
    let under = suppressions.iter().filter(|one| active.contains(&one["id"]));
    let ends: Option<Vec<_>> =
        under.map(|one| one["end_time"].as_i64().filter(|ms| *ms > 0)).collect();
    match ends.unwrap_or_default().into_iter().max() {
        None => "silenced".to_owned(),
        Some(end_ms) => {
            let [end, now] = [end_ms, now_ms].map(|ms| utc(ms).replace('T', " "));
            // The day where it is another one.
            let from = if end.get(..DAY) == now.get(..DAY) { DAY + 1 } else { 0 };
            format!("silenced until {} UTC", end.get(from..MINUTES).unwrap_or(&end))
        }
    }
}

/// Of `2026-11-30 04:51:55`, the day and up to the minutes.
const DAY: usize = 10;
const MINUTES: usize = 16;
