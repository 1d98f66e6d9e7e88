//! Finds the values of automatic dimensions: from the ECS task, the EC2 instance or the system. It runs
//! before the first summary is sent, beside the sampling.

pub mod resource;

use std::io;
use std::pin::pin;

use log::error;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::config::{AutoDimension, Publish, Settings, dimension_value};
use crate::surroundings::ec2;
use crate::surroundings::ecs::{TaskEndpoint, no_endpoint};

/// The settings with the values of all automatic dimensions. A dimension is left out, with an error
/// in the log, if its value is not found, if CloudWatch rejects such a value, or if it is not found
/// before `too_late`.
pub async fn complete(settings: &Settings, too_late: impl Future<Output = ()>) -> Settings {
    let finder = Finder::default();
    let mut complete = settings.clone();
    let (mut too_late, mut is_late) = (pin!(too_late), false);
    for asked in &settings.identity.auto_dimensions {
        let found = tokio::select! {
            biased;
            found = finder.find(*asked), if !is_late => Some(found),
            () = &mut too_late, if !is_late => None,
            // Too late: both branches are off, and no endpoint is asked any more.
            else => None,
        };
        is_late = found.is_none();
        match found.unwrap_or_else(|| Err(io::Error::other("stopped before it was found"))) {
            Ok(value) => complete.identity.dimensions.push(asked.with(value)),
            Err(error) => error!("dimension {} unavailable: {error}", asked.name()),
        }
    }
    if settings.publishing.publishers.contains(&Publish::Otlp) {
        let otlp = &settings.publishing.otlp;
        complete.publishing.otlp.found = resource::of_this_agent(otlp).into_iter().collect();
        tokio::select! {
            biased;
            found = finder.resource(otlp), if !is_late => complete.publishing.otlp.found = found,
            () = &mut too_late, if !is_late => {}
            else => {}
        }
    }
    complete
}

/// Answers that several dimensions share. Each endpoint is asked once, even if that fails: a
/// timeout for each dimension would add up to more than the shutdown timeout.
#[derive(Default)]
struct Finder {
    task: OnceCell<Result<TaskIdentity, String>>,
    instance: OnceCell<Result<(ec2::InstanceEndpoint, String), String>>,
}

/// The task, by the metadata endpoint version 4.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskIdentity {
    /// An ARN or, on EC2, a name.
    cluster: String,
    #[serde(rename = "TaskARN")]
    task_arn: String,
    family: String,
    #[serde(default)]
    availability_zone: String,
    #[serde(default)]
    revision: String,
    #[serde(default)]
    launch_type: String,
}

/// The container that this process runs in.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerIdentity {
    name: String,
    #[serde(default)]
    docker_id: String,
    #[serde(default)]
    image: String,
    #[serde(default, rename = "ContainerARN")]
    container_arn: String,
}

impl Finder {
    async fn find(&self, asked: AutoDimension) -> io::Result<String> {
        let value = match asked {
            AutoDimension::Cluster => last_part(&self.task().await?.cluster),
            AutoDimension::TaskFamily => self.task().await?.family,
            AutoDimension::TaskId => last_part(&self.task().await?.task_arn),
            // The address without a path is this container's own metadata.
            AutoDimension::Container => ecs::<ContainerIdentity>("").await?.name,
            // Fargate has no instance metadata, and the task's endpoint has the zone, too.
            AutoDimension::AvailabilityZone if TaskEndpoint::from_environment().is_some() => {
                self.task().await?.availability_zone
            }
            AutoDimension::AvailabilityZone => self.instance("placement/availability-zone").await?,
            AutoDimension::InstanceId => self.instance("instance-id").await?,
            AutoDimension::Hostname => {
                rustix::system::uname().nodename().to_string_lossy().into_owned()
            }
        };
        dimension_value(&value)
            .map_err(|expected| io::Error::other(format!("{value:?}: expected {expected}")))
    }

    async fn task(&self) -> io::Result<TaskIdentity> {
        let ask = async || ecs("/task").await.map_err(|error| error.to_string());
        self.task.get_or_init(ask).await.clone().map_err(io::Error::other)
    }

    /// Asks the EC2 metadata service, version 2.
    async fn instance(&self, path: &str) -> io::Result<String> {
        let ask = async || {
            let endpoint = ec2::InstanceEndpoint::from_environment().map_err(|e| e.to_string())?;
            let token = endpoint.token().await.map_err(|e| e.to_string())?;
            Ok((endpoint, token))
        };
        let asked = self.instance.get_or_init(ask).await.clone();
        let (endpoint, token) = asked.map_err(io::Error::other)?;
        endpoint.metadata(&token, path).await
    }
}

/// The name at the end of an ARN, or the name that it is already.
fn last_part(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}

async fn ecs<T: DeserializeOwned>(path: &str) -> io::Result<T> {
    let endpoint = TaskEndpoint::from_environment().ok_or_else(|| no_endpoint(path))?;
    endpoint.get(path, |body| serde_json::from_slice(body)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_and_tasks_are_named_by_the_end_of_their_arn() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task/main/158d1c8083dd49d6b527399fd6414f5c";
        assert_eq!(last_part(arn), "158d1c8083dd49d6b527399fd6414f5c");
        assert_eq!(last_part("arn:aws:ecs:eu-west-1:123456789012:cluster/main"), "main");
        assert_eq!(last_part("main"), "main");
    }
}
