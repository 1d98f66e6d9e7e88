//! The numbers of a task beside CPU and memory.

use std::collections::BTreeMap;
use std::path::Path;

use super::containers::Containers;
use super::metadata::{Storage, TaskMetadata};
use super::stats::Usage;
use crate::model::{Bytes, Limit, Number, Numbers, Raw, ReadError, Reading, WindowReading};
use crate::source::network::{self, Network};
use crate::source::{Sampled, disks, pressure};

/// Those that were asked for, as far as the endpoint tells them, or something else that is the task's.
#[derive(Debug)]
pub struct TaskNumbers {
    numbers: Numbers,
    /// What was last told of the disk; at first nothing.
    storage: Option<Option<Storage>>,
    /// Of the containers, until a sample takes it.
    fullest: Option<Result<f64, ReadError>>,
    /// The network namespace of a task on an instance.
    network: Option<Network>,
}

impl TaskNumbers {
    pub fn of(numbers: Numbers) -> Self {
        Self { numbers, storage: None, fullest: None, network: None }
    }

    /// What the machine has of them where it is the task's alone, but for the platform's processes.
    pub fn of_machine(&self) -> Numbers {
        let of_machine = [pressure::NUMBERS, disks::NUMBERS, network::NUMBERS, &[Number::Swap]];
        self.numbers.among(&of_machine.concat())
    }

    /// What the control group has of them where the task has one container.
    pub fn of_container(&self) -> Numbers {
        self.numbers.without(OF_TASK)
    }

    /// Whether the use of the disk was asked for.
    pub fn wants_storage(&self) -> bool {
        self.numbers.contains(Number::EphemeralStorage)
    }

    /// Takes in what the endpoint tells of the disk.
    pub fn know_storage(&mut self, storage: Option<Storage>) {
        self.storage = Some(storage);
    }

    /// Takes in what the task on an instance is.
    pub fn know_network(&mut self, task: &TaskMetadata) {
        let network = || Network::of_process(Path::new("/proc/self"), self.numbers);
        self.network = self.network.take().or_else(network).filter(|_| task.has_one_network());
    }

    /// Takes in the statistics of all containers.
    pub fn know_usage(
        &mut self,
        usage: &BTreeMap<String, Usage>,
        containers: &Containers,
        memory: impl FnOnce() -> Result<Limit<Bytes>, ReadError>,
        address: &str,
    ) {
        if self.numbers.contains(Number::Fullest) {
            self.fullest = containers.fullest(usage, &memory(), address);
        }
    }

    /// Takes in a reading of the only container.
    pub fn know_only(&mut self, reading: &Reading) {
        if self.numbers.contains(Number::Fullest) {
            let memory = reading.memory.clone();
            self.fullest = memory.map(|memory| memory?.percent());
        }
    }

    /// Adds those that have a value at this sample.
    pub fn add(&mut self, sampled: &mut Sampled) {
        let fullest = self.fullest.take();
        sampled.extend(fullest.map(|of| (Number::Fullest, of.map(Raw::Level))));
        if let Some(network) = &mut self.network {
            network.read(sampled);
        }
    }

    /// Those that are read once a window, and those that there are none of, beside those of `given`.
    /// `failure` is that of the endpoint, while it lasts.
    pub fn window_readings(
        &self,
        given: Numbers,
        is_known: bool,
        failure: Option<&str>,
        address: &str,
    ) -> Vec<WindowReading> {
        let fails = || failure.map(|why| Err(failure_of_endpoint(why)));
        let value = |number| match number {
            Number::EphemeralStorage => match self.storage {
                _ if failure.is_some() => fails(),
                told => told.map(|told| storage(told, address)),
            },
            _ if !is_known => fails(),
            // It comes with the samples.
            Number::Fullest => None,
            Number::NetworkReceivedBytes | Number::NetworkSentBytes if self.network.is_some() => {
                None
            }
            Number::NetworkReceivedBytes | Number::NetworkSentBytes => {
                Some(Err(ReadError::absent(NO_NETWORK)))
            }
            _ => Some(Err(ReadError::absent(NOT_TOLD))),
        };
        let asked = self.numbers.without(BY_THEMSELVES).iter();
        let asked = asked.filter(|number| !given.contains(*number));
        asked.map(|number| WindowReading::of(number, value(number))).collect()
    }
}

/// The error of what the endpoint should have told.
pub fn failure_of_endpoint(why: &str) -> ReadError {
    ReadError::unusable(format!("the task metadata endpoint fails: {why}"))
}

/// The part of the disk that is in use, of what the endpoint told last.
pub fn storage(told: Option<Storage>, address: &str) -> Result<f64, ReadError> {
    let none = || ReadError::absent(format!("{address} {NO_STORAGE}"));
    let Storage { utilized, reserved } = told.ok_or_else(none)?;
    let zero = || ReadError::unusable("EphemeralStorageMetrics: Reserved is 0");
    Bytes(utilized).capped_percent_of(Bytes(reserved)).ok_or_else(zero)
}

/// What is known of a task and of no container.
const OF_TASK: &[Number] = &[Number::EphemeralStorage, Number::Fullest];

/// What is told elsewhere.
const BY_THEMSELVES: &[Number] = &[Number::Cpu, Number::Memory];

const NO_STORAGE: &str =
    "has no EphemeralStorageMetrics: Fargate tells them since platform version 1.4.0";
const NO_NETWORK: &str = "the network mode of the task is not awsvpc: each container has a network of \
    its own, or that of the machine";
pub const NOT_TOLD: &str = "the task metadata endpoint does not tell it of a task of several containers; \
    --scope container has it of this one, and with pidMode task --scope pod has it of each";
