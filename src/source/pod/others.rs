//! The numbers of a pod beside CPU and memory: of each container, and of all where a sum says something.

use std::collections::BTreeMap;

use super::neighbour::Neighbour;
use super::view::View;
use crate::model::{Number, Numbers, Raw, ReadError, WindowReading};
use crate::source::Sampled;
use crate::source::network::Network;

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
        let each = if by_name { metrics.among(EACH) } else { Numbers::of(&[]) };
        each.and(metrics.among(IO)).and(metrics.among(&[Number::Processes]))
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
            let total = match self.lacking[place].take() {
                Some(error) => Err(error),
                None => Ok(Raw::Total(self.ended[place] + running)),
            };
            sampled.push((*number, total));
        }
        if let Some(network) = &mut self.network {
            network.read(sampled);
        }
    }

    /// Those that are read once a window: of each container under its name, and of the whole.
    pub fn window_readings(&self, all: &[Neighbour], by_name: bool) -> Vec<WindowReading> {
        let mut readings = Vec::new();
        let mut processes: Option<Result<f64, ReadError>> = None;
        for container in all.iter().filter(|of| of.is_counted()) {
            let Ok(opened) = &container.opened else { continue };
            let mut counters = opened.counters();
            let mut of_it = counters.others.window_readings();
            if by_name && self.metrics.contains(Number::MemoryPeak) {
                let memory = counters.memory.as_mut().map_err(|error| error.clone());
                of_it.push((Number::MemoryPeak, memory.and_then(|memory| memory.peak())));
            }
            for (number, value) in of_it {
                if number == Number::Processes {
                    let so_far = processes.take().unwrap_or(Ok(0.0));
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
        let of_whole = |number: Number, reason: &str| {
            WindowReading::of(number, Some(Err(ReadError::absent(reason))))
        };
        let each = self.metrics.among(EACH_ALONE).iter();
        readings.extend(each.map(|number| of_whole(number, OF_EACH)));
        if self.metrics.contains(Number::EphemeralStorage) {
            readings.push(of_whole(Number::EphemeralStorage, OF_TASK));
        }
        readings
    }
}

/// Those whose totals can be added up.
const IO: &[Number] = &[
    Number::DiskReadBytes,
    Number::DiskWriteBytes,
    Number::DiskReadOperations,
    Number::DiskWriteOperations,
];

/// Those that are read of each container alone: percents of different limits, and of time, have no sum.
const EACH_ALONE: &[Number] = &[
    Number::CpuPressure,
    Number::MemoryPressure,
    Number::IoPressure,
    Number::CpuFullPressure,
    Number::MemoryFullPressure,
    Number::IoFullPressure,
    Number::ProcessUtilization,
    Number::Swap,
    Number::MemoryPeak,
];

/// Those that a container has of its own. The network is that of the pod.
const EACH: &[Number] = &[
    Number::CpuPressure,
    Number::MemoryPressure,
    Number::IoPressure,
    Number::CpuFullPressure,
    Number::MemoryFullPressure,
    Number::IoFullPressure,
    Number::DiskReadBytes,
    Number::DiskWriteBytes,
    Number::DiskReadOperations,
    Number::DiskWriteOperations,
    Number::Processes,
    Number::ProcessUtilization,
    Number::Swap,
];

const OF_EACH: &str = "each container has it and the pod as a whole has not: --per-container";
const OF_TASK: &str = "only the endpoint of an ECS task tells it: --scope task";
