//! How often the limits of the containers were enforced, which is read once a window: throttling, and
//! processes that were killed for memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::neighbour::Neighbour;
use super::neighbours::{Ended, Neighbours};
use super::opened::Opened;
use crate::model::{Number, Numbers, ReadError, WindowReading};
use crate::source::container::cpu::Throttling;

/// The numbers of each container, and of the pod: the highest throttling, in percent, and the sum of the
/// kills since the agent began.
#[derive(Debug, Default)]
pub struct Enforcement {
    pub numbers: Numbers,
    /// What the counters were at the last report, by the numbers of the containers.
    throttling: BTreeMap<u32, Throttling>,
    kills: BTreeMap<u32, Kills>,
    /// The throttling, since the last report, of containers that have ended since.
    ended_throttling: Vec<Value>,
    /// The kills of containers that have ended.
    ended_kills: u64,
}

/// The processes of a container that were killed.
#[derive(Debug)]
struct Kills {
    /// What was there before the pod was looked at, and is none of its.
    before: u64,
    now: u64,
}

/// A value of a container, and its name where that is known for good.
type Value = (Option<Arc<str>>, Result<f64, ReadError>);

impl Enforcement {
    pub fn of(numbers: Numbers) -> Self {
        Self { numbers, ..Self::default() }
    }

    /// A container has ended: its kills stay in the sum, with those that ended it, and how it was
    /// throttled at the end is in the next report.
    pub fn end(&mut self, ended: &Ended) {
        let counters = ended.opened.counters();
        let before = self.throttling.remove(&ended.number).or(ended.before.throttling);
        if let (Some(last), Some(before)) = (counters.counted.throttling, before)
            && let Some(percent) = last.percent_since(before)
        {
            self.ended_throttling.push((ended.name.clone(), Ok(percent)));
        }
        let kills = self.kills.remove(&ended.number);
        if let Some(last) = counters.counted.kills {
            let before = kills.map(|kills| kills.before).or(ended.before.kills).unwrap_or(last);
            self.ended_kills += last.saturating_sub(before);
        }
    }

    /// The numbers of the whole, and of each container under its name where that is asked for. Where a
    /// container cannot be read, there are none of the whole.
    pub fn readings(&mut self, all: &Neighbours, by_name: bool) -> Vec<WindowReading> {
        let mut readings = Vec::new();
        if self.numbers.contains(Number::Throttling) {
            // First those that have ended: one that was started again has the value of what runs now.
            let mut each = std::mem::take(&mut self.ended_throttling);
            for (container, opened) in all.readable() {
                let value = self.throttled(container, opened);
                each.extend(value.map(|value| (container.named(), value)));
            }
            let most = |most: f64, percent: f64| most.max(percent);
            let whole = (!each.is_empty()).then(|| fold(all, &each, 0.0, most));
            readings.push(WindowReading::of(Number::Throttling, whole));
            readings.extend(of_each(Number::Throttling, each, by_name));
        }
        if self.numbers.contains(Number::OomKills) {
            let mut each = Vec::new();
            for (container, opened) in all.readable() {
                each.push((container.named(), self.killed(container, opened)));
            }
            let whole = fold(all, &each, self.ended_kills as f64, |sum, kills| sum + kills);
            readings.push(WindowReading::of(Number::OomKills, Some(whole)));
            readings.extend(of_each(Number::OomKills, each, by_name));
        }
        readings
    }

    /// Percent of the periods since the last report. `None` at first of one that was there before.
    fn throttled(
        &mut self,
        container: &Neighbour,
        opened: &Opened,
    ) -> Option<Result<f64, ReadError>> {
        match opened.counters().read_throttling() {
            Ok(now) => {
                let before = self.throttling.insert(container.number, now);
                now.percent_since(before.or(container.before().throttling)?).map(Ok)
            }
            Err(error) => Some(Err(error)),
        }
    }

    fn killed(&mut self, container: &Neighbour, opened: &Opened) -> Result<f64, ReadError> {
        let now = opened.counters().read_kills()?;
        let first = || Kills { before: container.before().kills.unwrap_or(now), now };
        let kills = self.kills.entry(container.number).or_insert_with(first);
        kills.now = now.max(kills.now);
        Ok((kills.now - kills.before) as f64)
    }
}

/// The value of the whole, of those of each container.
fn fold(
    all: &Neighbours,
    each: &[Value],
    first: f64,
    add: impl Fn(f64, f64) -> f64,
) -> Result<f64, ReadError> {
    if let Some(error) = all.unreadable() {
        return Err(error);
    }
    each.iter().try_fold(first, |sum, (_, value)| Ok(add(sum, value.clone()?)))
}

/// Those of containers under their names, where that was asked for.
fn of_each(number: Number, each: Vec<Value>, by_name: bool) -> impl Iterator<Item = WindowReading> {
    let each = each.into_iter().filter(move |_| by_name);
    each.filter_map(move |(container, value)| {
        Some(WindowReading { number, container: Some(container?), value: Some(value) })
    })
}
