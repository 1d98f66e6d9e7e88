//! What is read once a window: how often quotas were enforced, and how many processes were killed.

use std::collections::BTreeMap;

use super::neighbour::Neighbour;
use crate::model::{Number, Numbers, ReadError, WindowReading};
use crate::source::container::cpu::Throttling;

/// The numbers of each container, and of all of them: of throttling the most, of kills the sum.
#[derive(Debug, Default)]
pub struct Window {
    metrics: Option<Numbers>,
    /// What the counters were at the last report, by the numbers of the containers.
    throttling: BTreeMap<u32, Throttling>,
    kills: BTreeMap<u32, u64>,
    /// Of those that have ended.
    ended: u64,
}

impl Window {
    pub fn of(metrics: Numbers) -> Self {
        Self { metrics: Some(metrics), ..Self::default() }
    }

    /// What a container had counted that has ended stays in the sum.
    pub fn end(&mut self, number: u32) {
        self.throttling.remove(&number);
        self.ended += self.kills.remove(&number).unwrap_or_default();
    }

    pub fn readings(&mut self, all: &[Neighbour], by_name: bool) -> Vec<WindowReading> {
        let mut readings = Vec::new();
        let has = |metrics: Option<Numbers>, number| {
            metrics.is_some_and(|metrics| metrics.contains(number))
        };
        let counted = || all.iter().filter(|of| of.is_counted());
        if has(self.metrics, Number::Throttling) {
            let each = counted().filter_map(|of| Some((of, self.throttled(of)?)));
            let each: Vec<_> = each.collect();
            let whole = each.iter().try_fold(None, |most: Option<f64>, (_, percent)| {
                let percent = percent.clone()?;
                Ok(Some(most.map_or(percent, |most| most.max(percent))))
            });
            readings.push(WindowReading::of(Number::Throttling, whole.transpose()));
            readings.extend(named(Number::Throttling, each, by_name));
        }
        if has(self.metrics, Number::OomKills) {
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
        let kills = match &mut opened.counters().memory {
            Ok(memory) => memory.oom_kills(),
            Err(error) => Err(error.clone()),
        };
        if let Ok(kills) = kills {
            self.kills.insert(container.number, kills);
        }
        Some(kills.map(|kills| kills as f64))
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
