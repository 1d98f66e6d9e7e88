//! What the task metadata endpoint tells of the task as a whole: its limits and its containers.
//!
//! Shapes: Amazon ECS task metadata endpoint version 4, `${ECS_CONTAINER_METADATA_URI_V4}/task`.
//! The CPU limit of a task is in vCPUs, that of a container in CPU units, 1024 to a vCPU; memory
//! limits are in MiB.

use serde::Deserialize;

use crate::model::{Bytes, Cores};

/// The task, as far as it is needed.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    #[serde(default)]
    launch_type: String,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
struct Limits {
    #[serde(rename = "CPU")]
    cpu: Option<f64>,
    #[serde(rename = "Memory")]
    memory: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    limits: Limits,
    /// `NORMAL`, or one of the platform's own, such as the one that holds the network.
    #[serde(rename = "Type", default)]
    kind: String,
}

impl Task {
    /// Reads the body of an answer.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// Whether the task has its machine to itself, as on Fargate: what /proc says of the machine is
    /// then the task and the platform's own processes.
    pub fn has_own_machine(&self) -> bool {
        self.launch_type == "FARGATE"
    }

    /// How many containers the user has put into the task.
    pub fn containers(&self) -> usize {
        self.normal().count()
    }

    /// The task's CPU limit; where a task on EC2 has none, that of its containers together, if each
    /// of them has one.
    pub fn cpu_limit(&self) -> Option<Cores> {
        let of_containers = || -> Option<f64> {
            let units = self.normal().map(|container| container.limits.cpu);
            Some(units.sum::<Option<f64>>()? / UNITS_PER_CORE)
        };
        self.limits.cpu.or_else(of_containers).filter(|cores| *cores > 0.0).map(Cores)
    }

    /// The task's memory limit; where a task on EC2 has none, that of its containers together, if
    /// each of them has one.
    pub fn memory_limit(&self) -> Option<Bytes> {
        let of_containers = || self.normal().map(|container| container.limits.memory).sum();
        let mebibytes =
            self.limits.memory.or_else(of_containers).filter(|mebibytes| *mebibytes > 0);
        mebibytes.map(|mebibytes| Bytes(mebibytes.saturating_mul(1 << 20)))
    }

    fn normal(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(|container| matches!(container.kind.as_str(), "NORMAL" | ""))
    }
}

/// CPU units to a vCPU.
const UNITS_PER_CORE: f64 = 1024.0;
