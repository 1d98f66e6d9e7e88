//! The numbers of a pod beside CPU and memory: of each container, and of all where a sum says something.

use std::collections::BTreeMap;

use super::neighbour::Neighbour;
use super::neighbours::Neighbours;
use super::view::View;
use crate::model::{Number, Numbers, Raw, ReadError, WindowReading};
use crate::source::disks::NUMBERS as IO;
use crate::source::network::Network;
use crate::source::{Sampled, pressure};

/// What was asked for, and what the totals of the containers were.
#[derive(Debug, Default)]
pub struct Together {
    metrics: Numbers,
    /// Those of each container, by its number.
    last: BTreeMap<u32, Totals>,
    /// Those of containers that have ended.
    ended: Totals,
    /// Why the sum of this sample lacks a number.
    lacking: [Option<ReadError>; IO.len()],
    network: Option<Network>,
}

/// What is added up of a container.
type Totals = [f64; IO.len()];

impl Together {
    pub fn of(metrics: Numbers, view: &View) -> Self {
        let network = Network::of_process(&view.root.join("proc/self"), metrics);
        Self { metrics, network, ..Self::default() }
    }

    /// What is to be read of each container: for the sum, or by its name.
    pub fn of_each(metrics: Numbers, by_name: bool) -> Numbers {
        let summed = metrics.among(IO).and(metrics.among(&[Number::Processes]));
        // The peak is read with the memory. The network is that of the pod.
        let alone = of_each_alone(metrics).without(&[Number::MemoryPeak]);
        if by_name { summed.and(alone) } else { summed }
    }

    /// Begins with the sums of another sample.
    pub fn begin(&mut self) {
        self.lacking = Default::default();
    }

    /// The sums of this sample lack a container.
    pub fn lack(&mut self, error: &ReadError) {
        for lacking in &mut self.lacking {
            lacking.get_or_insert_with(|| error.clone());
        }
    }

    /// Adds a container at this sample.
    pub fn add(&mut self, container: &Neighbour, sampled: &Sampled) {
        for (place, number) in IO.iter().enumerate() {
            let Some((_, raw)) = sampled.iter().find(|(of, _)| of == number) else { continue };
            let total = match raw {
                Ok(Raw::Total(total) | Raw::Level(total)) => *total,
                Err(error) => {
                    let named = format!("container {}: {error}", container.name);
                    self.lacking[place].get_or_insert(ReadError::unusable(named));
                    continue;
                }
            };
            self.last.entry(container.number).or_default()[place] = total;
        }
    }

    /// What a container had counted that has ended stays in the sum.
    pub fn end(&mut self, number: u32) {
        let Some(totals) = self.last.remove(&number) else { return };
        for (ended, total) in self.ended.iter_mut().zip(totals) {
            *ended += total;
        }
    }

    /// Those of the whole at this sample.
    pub fn sampled(&mut self, sampled: &mut Sampled) {
        for (place, number) in IO.iter().enumerate() {
            if !self.metrics.contains(*number) {
                continue;
            }
            let running: f64 = self.last.values().map(|totals| totals[place]).sum();
            let total = match &self.lacking[place] {
                Some(error) => Err(error.clone()),
                None => Ok(Raw::Total(self.ended[place] + running)),
            };
            sampled.push((*number, total));
        }
        if let Some(network) = &mut self.network {
            network.read(sampled);
        }
    }

    /// Those that are read once a window: of each container under its name, and of the whole.
    pub fn window_readings(&self, all: &Neighbours, by_name: bool) -> Vec<WindowReading> {
        let mut readings = Vec::new();
        let mut processes = all.unreadable().map(Err);
        for (container, opened) in all.readable() {
            let mut counters = opened.counters();
            let mut of_it = counters.others.window_readings();
            if by_name && self.metrics.contains(Number::MemoryPeak) {
                let memory = counters.memory.as_mut().map_err(|error| error.clone());
                of_it.push((Number::MemoryPeak, memory.and_then(|memory| memory.peak())));
            }
            for (number, value) in of_it {
                if number == Number::Processes {
                    let so_far = processes.unwrap_or(Ok(0.0));
                    processes = Some(so_far.and_then(|sum| Ok(sum + value.clone()?)));
                }
                if by_name && container.is_named {
                    let (container, value) = (Some(container.name.clone()), Some(value));
                    readings.push(WindowReading { number, container, value });
                }
            }
        }
        if self.metrics.contains(Number::Processes) {
            readings.push(WindowReading::of(Number::Processes, processes));
        }
        let of_each = if by_name { OF_EACH } else { NOT_OF_EACH };
        let each = of_each_alone(self.metrics).iter();
        readings.extend(
            each.map(|number| WindowReading::of(number, Some(Err(ReadError::absent(of_each))))),
        );
        readings
    }
}

/// Those that are read of each container alone: percents of different limits, and of time, have no sum.
fn of_each_alone(metrics: Numbers) -> Numbers {
    let percents = [Number::ProcessUtilization, Number::Swap, Number::MemoryPeak];
    metrics.among(pressure::NUMBERS).and(metrics.among(&percents))
}

/// Why a pod has no counters of a whole run.
pub const NO_TOTALS: &str = "each container of a pod has its own counter, and they come and go: --metrics \
    throttling,oom-kills has them of each window";

const OF_EACH: &str = "each container has its own, and the pod as a whole has none";
const NOT_OF_EACH: &str =
    "each container has its own, and the pod as a whole has none: --per-container";
