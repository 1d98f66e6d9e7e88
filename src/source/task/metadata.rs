//! The task as the task metadata endpoint describes it: its limits and its containers.
//!
//! Shapes: Amazon ECS task metadata endpoint version 4, `${ECS_CONTAINER_METADATA_URI_V4}/task`.
//! The CPU limit of a task is in vCPUs. A container has CPU units, 1024 to a vCPU. Memory limits are in
//! MiB.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::model::{Bytes, Cores, TaskSize};

/// The fields of the task that are needed.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct TaskMetadata {
    #[serde(default)]
    launch_type: String,
    #[serde(default)]
    known_status: String,
    #[serde(default)]
    limits: ToldLimits,
    #[serde(default)]
    containers: Vec<ContainerMetadata>,
    #[serde(rename = "TaskARN", default)]
    arn: String,
    #[serde(default)]
    pull_started_at: String,
    /// Taken out before tasks are compared: it changes all the time.
    #[serde(rename = "EphemeralStorageMetrics", default, deserialize_with = "storage")]
    storage: Option<Storage>,
}

/// The disk of a task on Fargate, in MiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Storage {
    pub utilized: u64,
    pub reserved: u64,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
struct ToldLimits {
    #[serde(rename = "CPU")]
    cpu: Option<f64>,
    #[serde(rename = "Memory")]
    memory: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct ContainerMetadata {
    #[serde(default)]
    docker_id: String,
    #[serde(default)]
    name: String,
    /// `STOPPED` after its end, as of an init container.
    #[serde(default)]
    known_status: String,
    #[serde(default)]
    limits: ToldLimits,
    /// `NORMAL`, or one of the platform's own, such as the one that holds the network.
    #[serde(rename = "Type", default)]
    kind: String,
    /// Whether it has the network of the task; nothing where it is not told.
    #[serde(rename = "Networks", default, deserialize_with = "is_of_task")]
    has_network_of_task: Option<bool>,
}

/// Of whatever shape: what is not understood must not take the limits away.
fn storage<'json, D: Deserializer<'json>>(json: D) -> Result<Option<Storage>, D::Error> {
    let json = Value::deserialize(json)?;
    let of = |name: &str| json.get(name)?.as_u64();
    let both = of("Utilized").zip(of("Reserved"));
    Ok(both.map(|(utilized, reserved)| Storage { utilized, reserved }))
}

/// The same.
fn is_of_task<'json, D: Deserializer<'json>>(json: D) -> Result<Option<bool>, D::Error> {
    let json = Value::deserialize(json)?;
    let modes =
        json.as_array().into_iter().flatten().filter_map(|network| network.get("NetworkMode"));
    Ok(modes.map(|mode| mode.as_str() == Some("awsvpc")).reduce(|all, one| all && one))
}

/// The id of the container that asks, from the body of the answer about itself, which stands at the base of
/// the endpoint.
pub fn own_id(body: &[u8]) -> Result<String, serde_json::Error> {
    Ok(serde_json::from_slice::<ContainerMetadata>(body)?.docker_id)
}

impl TaskMetadata {
    /// Reads the body of an answer.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// Whether the task has its machine to itself, as on Fargate: /proc then counts the task and the
    /// platform's own processes.
    pub fn has_own_machine(&self) -> bool {
        self.launch_type == "FARGATE"
    }

    /// What was ordered for it, and where it runs.
    pub fn size(&self) -> TaskSize {
        // arn:aws:ecs:REGION:ACCOUNT:task/…
        let region = self.arn.split(':').nth(3).filter(|region| !region.is_empty());
        TaskSize {
            is_fargate: self.has_own_machine(),
            cpu: self.cpu_limit(),
            memory: bytes(self.limits.memory).map(Bytes),
            region: region.map(str::to_owned),
            pulled: humantime::parse_rfc3339_weak(&self.pull_started_at).ok(),
        }
    }

    /// The disk's use, if the endpoint tells it. From then on it is not part of the task.
    pub fn take_storage(&mut self) -> Option<Storage> {
        self.storage.take()
    }

    /// Whether all of its containers have one network namespace.
    pub fn has_one_network(&self) -> bool {
        self.normal()
            .filter_map(|container| container.has_network_of_task)
            .reduce(|all, one| all && one)
            == Some(true)
    }

    /// Whether all of its containers run. Before that the endpoint lists only existing containers, and a
    /// sidecar that the others depend on asks before they exist.
    pub fn is_complete(&self) -> bool {
        // Empty where the endpoint gives no status: asking again would not change that.
        matches!(self.known_status.as_str(), "RUNNING" | "")
    }

    /// How many containers the user has put into the task.
    pub fn containers(&self) -> usize {
        self.normal().count()
    }

    /// Id, name and memory limit of each container that the user has put into the task.
    pub fn named_containers(&self) -> impl Iterator<Item = (&str, &str, Option<Bytes>)> {
        self.normal().map(|container| {
            let limit = bytes(container.limits.memory).map(Bytes);
            (container.docker_id.as_str(), container.name.as_str(), limit)
        })
    }

    /// Whether an id is that of one of the platform's own containers.
    pub fn is_platforms(&self, id: &str) -> bool {
        let of = self.containers.iter().find(|container| container.docker_id == id);
        of.is_some_and(|container| !container.is_normal())
    }

    /// The ids of the user's containers that run.
    pub fn running(&self) -> impl Iterator<Item = &str> {
        let running = self.normal().filter(|container| container.known_status == "RUNNING");
        running.map(|container| container.docker_id.as_str())
    }

    /// The task's CPU limit. The CPU units of a container are no limit: they are shares, which a
    /// container may exceed while others are idle, and where none are set the endpoint says 2 (since
    /// 2021, aws/amazon-ecs-agent#2783) or 0.
    pub fn cpu_limit(&self) -> Option<Cores> {
        self.limits.cpu.filter(|cores| *cores > 0.0).map(Cores)
    }

    /// The task's memory limit. Where a task on EC2 has none, it is the sum of its containers' limits, if
    /// each container that has not stopped has one.
    pub fn memory_limit(&self) -> Option<Bytes> {
        let of_containers = || {
            let mut running = self.normal().filter(|container| !container.has_stopped()).peekable();
            // The sum over no containers would be a limit of 0.
            running.peek()?;
            running.map(|container| bytes(container.limits.memory)).sum::<Option<u64>>()
        };
        bytes(self.limits.memory).or_else(of_containers).map(Bytes)
    }

    /// Whether only the containers have memory limits, whose sum changes when one of them stops.
    pub fn is_limited_by_containers(&self) -> bool {
        bytes(self.limits.memory).is_none()
    }

    fn normal(&self) -> impl Iterator<Item = &ContainerMetadata> {
        self.containers.iter().filter(|container| container.is_normal())
    }
}

impl ContainerMetadata {
    /// Whether the user has put it into the task.
    fn is_normal(&self) -> bool {
        matches!(self.kind.as_str(), "NORMAL" | "")
    }

    fn has_stopped(&self) -> bool {
        self.known_status == "STOPPED"
    }
}

/// A memory limit in bytes. 0 stands for no limit, and so does a number that no machine has: the kernel
/// writes a huge one for no limit.
fn bytes(mebibytes: Option<u64>) -> Option<u64> {
    let bytes = mebibytes?.checked_mul(1 << 20)?;
    (bytes > 0 && bytes < 1 << 62).then_some(bytes)
}

#[cfg(test)]
mod tests;
