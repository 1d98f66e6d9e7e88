//! Where metrics stand, as it is kept over a restart.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::judged::{Feed, Judged};
use super::{Key, Thresholds};
use crate::clock::{milliseconds, time_of};
use crate::model::UTILIZATION;
use crate::sorted::object_of;
use crate::threshold::{Named, State};

impl Thresholds {
    /// The metrics that are not OK, by their names. All others come back with their next value, without a word.
    pub fn standings(&self) -> Value {
        let bad = self.states.iter().filter_map(|(key, of)| {
            let state = of.standing.state.filter(|state| *state != State::Ok)?;
            let kept = json!({
                "check_id": &*key.check,
                "metric": of.name,
                "target": of.target,
                "state": state.name(),
                "is_missing": of.standing.is_missing,
                "is_expected": of.is_expected,
                "status": of.status,
                "since": of.since.map(milliseconds),
            });
            Some((key.shown(), kept))
        });
        Value::Object(object_of(bad))
    }

    /// Has the metrics of these checks stand where they stood, as far as a threshold is of them. What cannot be read is
    /// as if it were not there.
    pub(super) fn restore(&mut self, checks: &BTreeSet<String>, standings: &Map<String, Value>) {
        for (whole, kept) in standings {
            let text = |name: &str| kept[name].as_str();
            let (Some(check), Some(metric), target) =
                (text("check_id"), text("metric"), text("target"))
            else {
                continue;
            };
            let name = whole.strip_prefix(check).and_then(|rest| rest.strip_prefix('/'));
            let state = text("state").and_then(State::of);
            let (Some(name), Some(state)) = (name, state) else { continue };
            let wins = self.of_metric(Named { check, metric, target }).next().cloned();
            let is_there = check == UTILIZATION || checks.contains(check);
            let Some(threshold) = wins.filter(|_| is_there) else { continue };
            if self.make_room().is_none() {
                return;
            }
            let target = target.map(str::to_owned);
            let mut judged = Judged::of(threshold, metric, target, Feed::Report);
            judged.standing.state = Some(state);
            judged.standing.is_missing = kept["is_missing"] == true;
            judged.is_expected = kept["is_expected"] == true;
            judged.status = text("status").unwrap_or_default().to_owned();
            judged.since = kept["since"].as_i64().map(time_of);
            self.states.insert(Key { check: check.into(), name: name.into() }, judged);
        }
    }
}
