//! How often the limits of the containers were enforced, which is read once a window: throttling, and
//! processes that were killed for memory.

use std::collections::BTreeMap;

use super::neighbour::Neighbour;
use super::neighbours::Ended;
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
    /// The kills of containers that have ended.
    ended: u64,
}

/// The processes of a container that were killed.
#[derive(Debug)]
struct Kills {
    /// What was there before the pod was looked at, and is none of its.
    before: u64,
    now: u64,
}

impl Enforcement {
    pub fn of(numbers: Numbers) -> Self {
        Self { numbers, ..Self::default() }
    }

    /// A container has ended: its kills stay in the sum, with those that ended it.
    pub fn end(&mut self, ended: &Ended) {
        self.throttling.remove(&ended.number);
        let kills = self.kills.remove(&ended.number);
        let Some(last) = ended.opened.counters().kills else { return };
        let before = kills.map(|kills| kills.before);
        let before = before.unwrap_or(if ended.is_from_start { 0 } else { last });
        self.ended += last.saturating_sub(before);
    }

    pub fn readings(&mut self, all: &[Neighbour], by_name: bool) -> Vec<WindowReading> {
        let mut readings = Vec::new();
        let counted = || all.iter().filter(|of| of.is_counted());
        if self.numbers.contains(Number::Throttling) {
            let each = counted().filter_map(|of| Some((of, self.throttled(of)?)));
            let each: Vec<_> = each.collect();
            let whole = each.iter().try_fold(None, |most: Option<f64>, (_, percent)| {
                let percent = percent.clone()?;
                Ok(Some(most.map_or(percent, |most| most.max(percent))))
            });
            readings.push(WindowReading::of(Number::Throttling, whole.transpose()));
            readings.extend(named(Number::Throttling, each, by_name));
        }
        if self.numbers.contains(Number::OomKills) {
            let each: Vec<_> = counted().filter_map(|of| Some((of, self.killed(of)?))).collect();
            let whole = each.iter().try_fold(self.ended as f64, |sum, (_, kills)| {
                Ok::<_, ReadError>(sum + kills.clone()?)
            });
            readings.push(WindowReading::of(Number::OomKills, Some(whole)));
            readings.extend(named(Number::OomKills, each, by_name));
        }
        readings
    }

    /// Percent of the periods since the last report. `None` at first.
    fn throttled(&mut self, container: &Neighbour) -> Option<Result<f64, ReadError>> {
        let opened = container.opened.as_ref().ok()?;
        let now = match &mut opened.counters().cpu {
            Ok(cpu) => cpu.throttling(),
            Err(error) => Err(error.clone()),
        };
        match now {
            Ok(now) => {
                let before = self.throttling.insert(container.number, now)?;
                now.percent_since(before).map(Ok)
            }
            Err(error) => Some(Err(error)),
        }
    }

    fn killed(&mut self, container: &Neighbour) -> Option<Result<f64, ReadError>> {
        let opened = container.opened.as_ref().ok()?;
        let kills = opened.counters().read_kills();
        Some(kills.map(|now| {
            let before = if container.is_from_start { 0 } else { now };
            let first = || Kills { before, now };
            let kills = self.kills.entry(container.number).or_insert_with(first);
            kills.now = now.max(kills.now);
            (kills.now - kills.before) as f64
        }))
    }
}

/// Those of containers under their names, where that was asked for.
fn named(
    number: Number,
    each: Vec<(&Neighbour, Result<f64, ReadError>)>,
    by_name: bool,
) -> impl Iterator<Item = WindowReading> {
    each.into_iter().filter(move |(of, _)| by_name && of.is_named).map(move |(of, value)| {
        WindowReading { number, container: Some(of.name.clone()), value: Some(value) }
    })
}
