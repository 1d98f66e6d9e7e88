//! Where alarms stand, as it is kept over a restart.

use serde_json::{Map, Value, json};

use super::Alarms;
use super::watched::Watched;
use crate::alarm::state::{Next, Standing, State};
use crate::clock::{milliseconds, time_of};
use crate::sorted::object_of;

impl Alarms {
    /// Where each alarm stands that has a state, by its id.
    pub fn standings(&self) -> Value {
        let all = self.all.iter().filter(|(_, of)| of.standing != Standing::default());
        let kept = |(id, of): (&String, &Watched)| {
            let next = of.standing.next.as_ref();
            let kept = json!({
                "check_id": of.alarm.check,
                "criteria": of.alarm.text,
                "state": of.standing.state.map(State::name),
                "status": of.status,
                "since": of.since.map(milliseconds),
                "next": next.map(|of| json!({ "state": of.state.name(), "times": of.times_ms })),
            });
            (id.clone(), kept)
        };
        Value::Object(object_of(all.map(kept)))
    }

    /// Has the alarms stand where they stood. Those with other criteria since begin anew, and what cannot be
    /// read is as if it were not there.
    pub(super) fn restore(&mut self, standings: &Map<String, Value>) {
        for (id, watched) in &mut self.all {
            let Some(kept) = standings.get(id) else { continue };
            let is_same = kept["criteria"] == watched.alarm.text.as_str()
                && kept["check_id"] == watched.alarm.check.as_str();
            if !is_same {
                continue;
            }
            let state = |of: &Value| of.as_str().and_then(State::of);
            let times = kept["next"]["times"].as_array().into_iter().flatten();
            let times_ms = times.filter_map(Value::as_i64).collect();
            let next = state(&kept["next"]["state"]).map(|state| Next { state, times_ms });
            watched.standing = Standing { state: state(&kept["state"]), next };
            watched.status = kept["status"].as_str().unwrap_or_default().to_owned();
            watched.since = kept["since"].as_i64().map(time_of);
        }
    }
}
