//! How often the limits of the containers were enforced, which is read once a window, and for a sample where
//! that is wanted: throttling, and processes that were killed for memory.

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
    /// Since the last window.
    throttling: Throttled,
    /// Since the last sample, where that is wanted.
    prompt_throttling: Option<Throttled>,
    kills: BTreeMap<u32, Kills>,
    /// The kills of containers that have ended.
    ended_kills: u64,
}

/// How the containers were throttled since the last report.
#[derive(Debug, Default)]
struct Throttled {
    /// What the counters were then, by the numbers of the containers.
    before: BTreeMap<u32, Throttling>,
    /// The throttling of containers that have ended since.
    ended: Vec<Value>,
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
        self.throttling.end(ended);
        self.prompt_throttling.iter_mut().for_each(|of| of.end(ended));
        let counters = ended.opened.counters();
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
            readings = self.throttling.readings(all, by_name);
        }
        if self.numbers.contains(Number::OomKills) {
            readings.extend(self.kill_readings(all, by_name));
        }
        readings
    }

    /// The same for a sample, as far as it is wanted.
    pub fn prompt_readings(
        &mut self,
        wanted: Numbers,
        all: &Neighbours,
        by_name: bool,
    ) -> Vec<WindowReading> {
        let is_wanted = |number| wanted.contains(number) && self.numbers.contains(number);
        let [throttling, kills] = [Number::Throttling, Number::OomKills].map(is_wanted);
        let mut readings = Vec::new();
        match (&mut self.prompt_throttling, throttling) {
            (Some(known), true) => readings = known.readings(all, by_name),
            (before, is_wanted) => {
                // What was before the first one is none of the time since the sample before.
                let mut first = Throttled::default();
                *before = is_wanted.then(|| {
                    first.readings(all, by_name);
                    first
                });
            }
        }
        if kills {
            readings.extend(self.kill_readings(all, by_name));
        }
        readings
    }

    fn kill_readings(&mut self, all: &Neighbours, by_name: bool) -> Vec<WindowReading> {
        let mut each = Vec::new();
        for (container, opened) in all.readable() {
            each.push((container.named(), self.killed(container, opened)));
        }
        let whole = fold(all, &each, self.ended_kills as f64, |sum, kills| sum + kills);
        let whole = WindowReading::of(Number::OomKills, Some(whole));
        [whole].into_iter().chain(of_each(Number::OomKills, each, by_name)).collect()
    }

    fn killed(&mut self, container: &Neighbour, opened: &Opened) -> Result<f64, ReadError> {
        let now = opened.counters().read_kills()?;
        let first = || Kills { before: container.before().kills.unwrap_or(now), now };
        let kills = self.kills.entry(container.number).or_insert_with(first);
        kills.now = now.max(kills.now);
        Ok((kills.now - kills.before) as f64)
    }
}

impl Throttled {
    fn end(&mut self, ended: &Ended) {
        let last = ended.opened.counters().counted.throttling;
        let before = self.before.remove(&ended.number).or(ended.before.throttling);
        if let (Some(last), Some(before)) = (last, before)
            && let Some(percent) = last.percent_since(before)
        {
            self.ended.push((ended.name.clone(), Ok(percent)));
        }
    }

    fn readings(&mut self, all: &Neighbours, by_name: bool) -> Vec<WindowReading> {
        // First those that have ended: one that was started again has the value of what runs now.
        let mut each = std::mem::take(&mut self.ended);
        for (container, opened) in all.readable() {
            let value = self.of(container, opened);
            each.extend(value.map(|value| (container.named(), value)));
        }
        let most = |most: f64, percent: f64| most.max(percent);
        let whole = (!each.is_empty()).then(|| fold(all, &each, 0.0, most));
        let whole = WindowReading::of(Number::Throttling, whole);
        [whole].into_iter().chain(of_each(Number::Throttling, each, by_name)).collect()
    }

    /// Percent of the periods since the last report. `None` at first of one that was there before.
    fn of(&mut self, container: &Neighbour, opened: &Opened) -> Option<Result<f64, ReadError>> {
        match opened.counters().read_throttling() {
            Ok(now) => {
                let before = self.before.insert(container.number, now);
                now.percent_since(before.or(container.before().throttling)?).map(Ok)
            }
            Err(error) => Some(Err(error)),
        }
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
